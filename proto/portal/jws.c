#include "proto/portal/jws.h"
#include "proto/base/cleanup.h"
#include "proto/base/json.h"
#include "proto/base64.h"
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { HEADER_TEXT_MAX = 49152, HEADER_MAX = 36864, CERTIFICATE_MAX = 6144, SIGNATURE_N = 64, HALF_N = 32 };

static const struct {
        const char *typ, *ou;
        enum reason broken;
} purposes[] = {
        [JWS_APPROVAL] = { "mohr-approval", "approvals", REASON_APPROVAL_BROKEN },
        [JWS_RECEIPT] = { "mohr-receipt", "receipts", REASON_RECEIPT_BROKEN },
        [JWS_REISSUE] = { "mohr-reissue", "reissues", REASON_AUTHORISATION_BROKEN },
        [JWS_WITHDRAWN] = { "mohr-withdrawn", "withdrawn", REASON_AUTHORISATION_BROKEN },
};

enum reason jws_broken_reason(enum jws_purpose purpose)
{
        return purposes[purpose].broken;
}

static void stack_free(STACK_OF(X509) * chain)
{
        sk_X509_pop_free(chain, X509_free);
}
typedef STACK_OF(X509) chain_t;
DEFINE_CLEANUP(chain_t *, stack_free)
DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)
DEFINE_CLEANUP(BIGNUM *, BN_free)

int jws_ca_new(struct bytes pem, X509_STORE **ret, struct error *err)
{
        cleanup(BIO_free_all_p) BIO *bio = pem.n <= 1 << 20 ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
        cleanup(X509_STORE_free_p) X509_STORE *store = X509_STORE_new();
        int n = 0;

        while (bio && store) {
                cleanup(X509_free_p) X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);

                if (!ca)
                        break;
                if (X509_check_ca(ca) != 1 || X509_STORE_add_cert(store, ca) != 1)
                        return err_input(err, REASON_BAD_CONFIG, "certificate %d of the portal CA is no CA", n + 1);
                n++;
        }
        ERR_clear_error(); /* the end of the PEM text is one */
        if (n == 0)
                return err_input(err, REASON_BAD_CONFIG, "no certificate in the portal CA");
        *ret = steal(&store);
        return 0;
}

/* The three parts, still text; the signing input is everything before the last dot. */
struct parts {
        struct bytes header, payload, signature, signed_text;
};

static bool take_part(struct bytes *in, struct bytes *ret)
{
        const uint8_t *dot = in->n > 0 ? memchr(in->p, '.', in->n) : NULL;
        struct bytes skip;

        return dot && bytes_take(in, (size_t)(dot - in->p), ret) && bytes_take(in, 1, &skip);
}

static bool split(struct bytes text, struct parts *ret)
{
        struct bytes rest = text;

        if (text.n > JWS_TEXT_MAX || !take_part(&rest, &ret->header) || !take_part(&rest, &ret->payload))
                return false;
        ret->signature = rest;
        ret->signed_text = (struct bytes){ text.p, text.n - rest.n - 1 };
        return true;
}

static X509 *certificate(const json_t *item)
{
        const char *text = json_string_value(item);
        uint8_t der[CERTIFICATE_MAX];
        const uint8_t *p = der;
        size_t n = 0;
        X509 *x;

        if (!text ||
            !base64_decode((struct bytes){ (const uint8_t *)text, json_string_length(item) }, der, sizeof der, &n))
                return NULL;
        x = d2i_X509(NULL, &p, (long)n);
        if (x && p != der + n) {
                X509_free(x);
                return NULL;
        }
        return x;
}

/* x5c to certificates, leaf first. NULL when one is unreadable. */
static chain_t *take_chain(const json_t *x5c)
{
        cleanup(stack_free_p) chain_t *chain = sk_X509_new_null();

        for (size_t i = 0; chain && i < json_array_size(x5c); i++) {
                cleanup(X509_free_p) X509 *x = certificate(json_array_get(x5c, i));

                if (!x || sk_X509_push(chain, x) <= 0)
                        return NULL;
                x = NULL; /* the stack's */
        }
        return chain ? steal(&chain) : NULL;
}

/* The header's exact three members; the chain, or NULL and *err. */
static chain_t *read_header(struct bytes text, enum jws_purpose purpose, struct error *err)
{
        static const char *const algorithms[] = { "ES256", NULL };
        const char *const types[] = { purposes[purpose].typ, NULL };
        cleanup(free_p) uint8_t *header = malloc(HEADER_MAX);
        cleanup(json_p) json_t *json = NULL;
        const json_t *x5c = NULL;
        struct jread r;
        unsigned ignored = 0;
        size_t n = 0;

        if (!header || text.n > HEADER_TEXT_MAX || !base64url_decode(text, header, HEADER_MAX, &n))
                return NULL;
        json = json_strict((struct bytes){ header, n }, HEADER_MAX, err);
        if (!json)
                return NULL;
        r = jread_begin(json, "header", err);
        jread_word(&r, "alg", algorithms, &ignored);
        jread_word(&r, "typ", types, &ignored);
        jread_array(&r, "x5c", JWS_CHAIN_MAX, &x5c);
        if (jread_end(&r) < 0 || json_array_size(x5c) == 0)
                return NULL;
        return take_chain(x5c);
}

/* Exactly one OU, and it is this one. */
static bool ou_is(X509 *leaf, const char *ou)
{
        X509_NAME *name = X509_get_subject_name(leaf);
        int at = X509_NAME_get_index_by_NID(name, NID_organizationalUnitName, -1);
        const ASN1_STRING *value;

        if (at < 0 || X509_NAME_get_index_by_NID(name, NID_organizationalUnitName, at) >= 0)
                return false;
        value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
        return bytes_equal((struct bytes){ ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value) },
                           (struct bytes){ (const uint8_t *)ou, strlen(ou) });
}

static bool key_is_p256(X509 *leaf)
{
        EVP_PKEY *key = X509_get0_pubkey(leaf);
        char group[32] = "";

        return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
               EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
               (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

/* NULL when the chain leads to the CA at that time and the leaf may sign this; else what is wrong. */
static const char *chain_fault(chain_t *chain, enum jws_purpose purpose, X509_STORE *ca, int64_t at)
{
        cleanup(X509_STORE_CTX_free_p) X509_STORE_CTX *context = X509_STORE_CTX_new();
        X509 *leaf = sk_X509_value(chain, 0);

        if (!context || X509_STORE_CTX_init(context, ca, leaf, chain) != 1)
                return "no memory";
        X509_STORE_CTX_set_time(context, 0, (time_t)at);
        X509_VERIFY_PARAM_set_depth(X509_STORE_CTX_get0_param(context), JWS_CHAIN_MAX);
        if (X509_verify_cert(context) != 1)
                return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
        if (X509_check_ca(leaf) != 0)
                return "the signing certificate is a CA";
        if (!(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE)) /* all bits when absent */
                return "the signing certificate's key usage forbids signing";
        if (!ou_is(leaf, purposes[purpose].ou))
                return "the signing certificate is for another purpose";
        return key_is_p256(leaf) ? NULL : "the signing key is not P-256";
}

/* r || s (RFC 7518 3.4) as the DER that libcrypto verifies; the caller frees. 0 for a failure. */
static int der_signature(const uint8_t raw[SIGNATURE_N], uint8_t **ret)
{
        cleanup(ECDSA_SIG_free_p) ECDSA_SIG *signature = ECDSA_SIG_new();
        cleanup(BN_free_p) BIGNUM *r = BN_bin2bn(raw, HALF_N, NULL);
        cleanup(BN_free_p) BIGNUM *s = BN_bin2bn(raw + HALF_N, HALF_N, NULL);

        if (!signature || !r || !s || ECDSA_SIG_set0(signature, r, s) != 1)
                return 0;
        r = s = NULL; /* the signature's */
        return i2d_ECDSA_SIG(signature, ret);
}

static bool signature_ok(X509 *leaf, const struct parts *parts)
{
        cleanup(EVP_MD_CTX_free_p) EVP_MD_CTX *context = EVP_MD_CTX_new();
        uint8_t raw[SIGNATURE_N], *der = NULL;
        size_t n = 0;
        int n_der;
        bool ok;

        if (!base64url_decode(parts->signature, raw, sizeof raw, &n) || n != SIGNATURE_N)
                return false;
        n_der = der_signature(raw, &der);
        ok = n_der > 0 && context &&
             EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, X509_get0_pubkey(leaf)) == 1 &&
             EVP_DigestVerify(context, der, (size_t)n_der, parts->signed_text.p, parts->signed_text.n) == 1;
        OPENSSL_free(der);
        return ok;
}

static void set_signer(X509 *leaf, struct jws *jws)
{
        if (X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, jws->signer, sizeof jws->signer) < 0)
                jws->signer[0] = '\0';
}

static int take_payload(struct bytes text, enum jws_purpose purpose, struct jws *ret, struct error *err)
{
        cleanup(free_p) uint8_t *payload = malloc(JWS_PAYLOAD_MAX);
        size_t n = 0;

        if (!payload || !base64url_decode(text, payload, JWS_PAYLOAD_MAX, &n) || n == 0)
                return err_input(err, jws_broken_reason(purpose), "%s: the payload is malformed or too long",
                                 purposes[purpose].typ);
        if (EVP_Digest(payload, n, ret->sha256, NULL, EVP_sha256(), NULL) != 1)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "SHA-256 failed");
        ret->payload = (struct bytes){ steal(&payload), n };
        return 0;
}

static int verify(struct bytes text, enum jws_purpose purpose, X509_STORE *ca, int64_t at, struct jws *ret,
                  struct error *err)
{
        cleanup(stack_free_p) chain_t *chain = NULL;
        const char *what = purposes[purpose].typ, *fault;
        enum reason broken = jws_broken_reason(purpose);
        struct parts parts;

        if (!split(text, &parts))
                return err_input(err, broken, "%s: not three parts of a JWS", what);
        chain = read_header(parts.header, purpose, err);
        if (!chain)
                return err_input(err, broken, "%s: the header is not the agreed one", what);
        fault = chain_fault(chain, purpose, ca, at);
        if (fault)
                return err_input(err, broken, "%s: %s", what, fault);
        if (!signature_ok(sk_X509_value(chain, 0), &parts))
                return err_input(err, broken, "%s: the signature is wrong", what);
        set_signer(sk_X509_value(chain, 0), ret);
        return take_payload(parts.payload, purpose, ret, err);
}

int jws_verify(struct bytes text, enum jws_purpose purpose, X509_STORE *ca, int64_t at, struct jws *ret,
               struct error *err)
{
        struct jws jws = { 0 };
        int r = verify(text, purpose, ca, at, &jws, err);

        ERR_clear_error();
        if (r == 0)
                *ret = jws;
        return r;
}

void jws_done(struct jws *jws)
{
        free((void *)(uintptr_t)jws->payload.p);
        *jws = (struct jws){ 0 };
}
