/* proto/portal/jws: what libcrypto signs verifies; everything altered, foreign, expired or of another form does not. */

#include "proto/portal/jws.h"
#include "tests/unit/pki.h"
#include <openssl/x509_vfy.h>

enum { TEXT_MAX = 200000 };
static const int64_t NOW = 1763700000, DAY = 86400;

static struct pki_party root, leaf;
static X509_STORE *ca;
static char header[20000], text[TEXT_MAX];

static int verify_n(const char *t, size_t n, enum jws_purpose purpose, int64_t at, struct error *err)
{
        struct jws jws = { 0 };
        int r;

        err->reason = REASON_NONE;
        r = jws_verify((struct bytes){ (const uint8_t *)t, n }, purpose, ca, at, &jws, err);
        CHECK(r == 0 || (err->kind == ERR_INPUT && err->reason == jws_broken_reason(purpose) && !jws.payload.p));
        jws_done(&jws);
        return r;
}

static struct error last;

static bool good(const char *t)
{
        return verify_n(t, strlen(t), JWS_APPROVAL, NOW, &last) == 0;
}

static struct pki_wish wish(const char *cn, const char *ou)
{
        return (struct pki_wish){ .cn = cn, .ou = ou, .from = NOW - DAY, .until = NOW + DAY };
}

static struct pki_wish wish_ca(const char *cn)
{
        struct pki_wish w = wish(cn, NULL);

        w.ca = true;
        return w;
}

static void set_up(void)
{
        char pem[4096];
        struct error err;
        size_t n;

        root = pki_make(wish_ca("Portal CA"), NULL);
        leaf = pki_make(wish("signer-1", "approvals"), &root);
        n = pki_pem(&root, pem, sizeof pem);
        CHECK(jws_ca_new((struct bytes){ (const uint8_t *)pem, n }, &ca, &err) == 0);
        CHECK(jws_ca_new((struct bytes){ (const uint8_t *)pem, 40 }, &(X509_STORE *){ NULL }, &err) < 0);
        CHECK(err.reason == REASON_BAD_CONFIG);
        n = pki_pem(&leaf, pem, sizeof pem);
        CHECK(jws_ca_new((struct bytes){ (const uint8_t *)pem, n }, &(X509_STORE *){ NULL }, &err) < 0);
        pki_header("mohr-approval", &leaf, NULL, header, sizeof header);
}

static void test_valid(void)
{
        static const char payload[] = "{ \"v\" : 1,\n \"x\":\"\xD8\xB9\" }";
        struct jws jws = { 0 };
        struct error err;
        uint8_t hash[32];

        pki_jws(leaf.key, header, payload, text);
        CHECK(jws_verify((struct bytes){ (const uint8_t *)text, strlen(text) }, JWS_APPROVAL, ca, NOW, &jws, &err) ==
              0);
        CHECK(bytes_equal(jws.payload, BYTES_STR(payload)) && strcmp(jws.signer, "signer-1") == 0);
        CHECK(EVP_Digest(payload, strlen(payload), hash, NULL, EVP_sha256(), NULL) == 1);
        CHECK(memcmp(hash, jws.sha256, sizeof hash) == 0);
        jws_done(&jws);
        CHECK(!jws.payload.p);
        jws_done(&jws);
}

static void test_other_purpose(void)
{
        struct error err;

        CHECK(verify_n(text, strlen(text), JWS_RECEIPT, NOW, &err) < 0 && err.reason == REASON_RECEIPT_BROKEN);
        CHECK(verify_n(text, strlen(text), JWS_REISSUE, NOW, &err) < 0 && err.reason == REASON_AUTHORISATION_BROKEN);
}

/* Each truncation, and each single character changed to another of the alphabet. */
static void test_altered(void)
{
        size_t n = strlen(text);
        struct error err;

        for (size_t i = 0; i < n; i++)
                CHECK(verify_n(text, i, JWS_APPROVAL, NOW, &err) < 0);
        for (size_t i = 0; i < n; i += i + 140 < n ? 7 : 1) {
                char was = text[i];

                text[i] = was == 'A' ? 'B' : 'A';
                CHECK(!good(text));
                text[i] = was;
        }
        CHECK(good(text));
}

static void test_form(void)
{
        size_t n = strlen(text);

        strcpy(text + n, ".");
        CHECK(!good(text));
        strcpy(text + n, "A");
        CHECK(!good(text));
        strcpy(text + n, "\n");
        CHECK(!good(text));
        strcpy(text + n, "=");
        CHECK(!good(text));
        text[n] = '\0';
        CHECK(good(text));
        CHECK(!good("") && !good(".") && !good("..") && !good("a.b.c"));
}

static bool good_header(const char *h)
{
        pki_jws(leaf.key, h, "{}", text);
        return good(text);
}

static void test_headers(void)
{
        char x5c[6000], h[20000];

        pki_x5c(&leaf, x5c);
        (void)snprintf(h, sizeof h, "{\"x5c\":[\"%s\"], \"typ\":\"mohr-approval\",\"alg\":\"ES256\"}", x5c);
        CHECK(good_header(h)); /* the order is free, the members are not */
        (void)snprintf(h, sizeof h, "{\"alg\":\"none\",\"typ\":\"mohr-approval\",\"x5c\":[\"%s\"]}", x5c);
        CHECK(!good_header(h));
        (void)snprintf(h, sizeof h, "{\"alg\":\"HS256\",\"typ\":\"mohr-approval\",\"x5c\":[\"%s\"]}", x5c);
        CHECK(!good_header(h));
        (void)snprintf(h, sizeof h, "{\"alg\":\"ES256\",\"typ\":\"mohr-receipt\",\"x5c\":[\"%s\"]}", x5c);
        CHECK(!good_header(h));
        (void)snprintf(h, sizeof h, "{\"alg\":\"ES256\",\"typ\":\"mohr-approval\",\"x5c\":[\"%s\"],\"kid\":\"1\"}",
                       x5c);
        CHECK(!good_header(h));
        (void)snprintf(h, sizeof h, "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"typ\":\"mohr-approval\",\"x5c\":[\"%s\"]}",
                       x5c);
        CHECK(!good_header(h));
        (void)snprintf(h, sizeof h, "{\"alg\":\"ES256\",\"typ\":\"mohr-approval\",\"x5c\":\"%s\"}", x5c);
        CHECK(!good_header(h));
        (void)snprintf(h, sizeof h, "{\"alg\":\"ES256\",\"typ\":\"mohr-approval\",\"x5c\":[\"%s\\n\"]}", x5c);
        CHECK(!good_header(h));
        (void)snprintf(h, sizeof h, "{\"alg\":\"ES256\",\"typ\":\"mohr-approval\",\"x5c\":[\"AAAA%s\"]}", x5c);
        CHECK(!good_header(h));
        CHECK(!good_header("{\"alg\":\"ES256\",\"typ\":\"mohr-approval\",\"x5c\":[]}"));
        CHECK(!good_header("{\"alg\":\"ES256\",\"typ\":\"mohr-approval\"}") && !good_header("[]") && !good_header("x"));
}

/* One leaf with a fault of its own, correctly signed by its key. */
static bool good_leaf(struct pki_wish w, const struct pki_party *issuer, const struct pki_party *next)
{
        struct pki_party p = pki_make(w, issuer);
        char h[20000];
        bool ret;

        pki_header("mohr-approval", &p, next, h, sizeof h);
        if (w.curve)
                pki_jws(leaf.key, h, "{}", text);
        else
                pki_jws(p.key, h, "{}", text);
        ret = good(text);
        pki_free(&p);
        return ret;
}

static void test_leaves(void)
{
        struct pki_party other = pki_make(wish_ca("Portal CA"), NULL); /* same name, other key */
        struct pki_party middle = pki_make(wish_ca("Signing CA"), &root);
        struct pki_party no_ca = pki_make(wish("no-ca", "approvals"), &root);
        struct pki_wish w = wish("x", "approvals");

        CHECK(good_leaf(w, &root, NULL) && good_leaf(w, &middle, &middle) && !good_leaf(w, &middle, NULL));
        CHECK(!good_leaf(w, &other, NULL) && !good_leaf(w, &other, &other) && !good_leaf(w, NULL, NULL));
        CHECK(!good_leaf(w, &no_ca, &no_ca) && !good_leaf(wish("x", "receipts"), &root, NULL));
        CHECK(strstr(last.text, "another purpose"));
        CHECK(!good_leaf(wish("x", NULL), &root, NULL) && !good_leaf(wish("x", "approvals2"), &root, NULL));
        w.ou2 = "approvals";
        CHECK(!good_leaf(w, &root, NULL));
        w.ou2 = NULL, w.until = NOW - 1;
        CHECK(!good_leaf(w, &root, NULL));
        w.until = NOW + DAY, w.from = NOW + 1;
        CHECK(!good_leaf(w, &root, NULL));
        w.from = NOW - DAY, w.ca = true;
        CHECK(!good_leaf(w, &root, NULL));
        w.ca = false, w.key_usage = "critical,keyAgreement";
        CHECK(!good_leaf(w, &root, NULL));
        w.key_usage = NULL, w.curve = "P-384";
        CHECK(!good_leaf(w, &root, NULL) && strstr(last.text, "not P-256"));
        pki_free(&other);
        pki_free(&middle);
        pki_free(&no_ca);
}

static void test_time(void)
{
        struct error err;

        pki_jws(leaf.key, header, "{}", text);
        CHECK(verify_n(text, strlen(text), JWS_APPROVAL, NOW + DAY - 1, &err) == 0);
        CHECK(verify_n(text, strlen(text), JWS_APPROVAL, NOW + DAY + 2, &err) < 0);
        CHECK(verify_n(text, strlen(text), JWS_APPROVAL, NOW - DAY - 2, &err) < 0);
}

static void test_sizes(void)
{
        static char payload[JWS_PAYLOAD_MAX + 2];

        memset(payload, ' ', sizeof payload - 1);
        payload[JWS_PAYLOAD_MAX] = '\0';
        pki_jws(leaf.key, header, payload, text);
        CHECK(good(text));
        payload[JWS_PAYLOAD_MAX] = ' ';
        pki_jws(leaf.key, header, payload, text);
        CHECK(!good(text));
        pki_jws(leaf.key, header, "", text);
        CHECK(!good(text));
}

int main(void)
{
        set_up();
        test_valid();
        test_other_purpose();
        test_altered();
        test_form();
        test_headers();
        test_leaves();
        test_time();
        test_sizes();
        X509_STORE_free(ca);
        pki_free(&root);
        pki_free(&leaf);
        return 0;
}
