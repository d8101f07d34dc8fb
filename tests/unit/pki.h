/* A small certificate authority and JWS signer for tests, on libcrypto alone: no code of the product. */
#pragma once
#include "tests/unit/test.h"
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

struct pki_party {
        EVP_PKEY *key;
        X509 *certificate;
};

struct pki_wish {
        const char *cn, *ou, *ou2; /* NULL: none */
        const char *curve;         /* NULL: P-256 */
        const char *key_usage;     /* NULL: digitalSignature, or keyCertSign for a CA */
        int64_t from, until;       /* unix times */
        bool ca;
};

static inline void pki_extension(X509 *x, int nid, const char *value)
{
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        CHECK(e && X509_add_ext(x, e, -1) == 1);
        X509_EXTENSION_free(e);
}

static inline void pki_name(X509_NAME *name, const char *field, const char *value)
{
        if (value)
                CHECK(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0));
}

/* Signed by issuer; NULL: self-signed. */
static inline struct pki_party pki_make(struct pki_wish wish, const struct pki_party *issuer)
{
        static long serial = 1;
        struct pki_party p = { EVP_EC_gen(wish.curve ? wish.curve : "P-256"), X509_new() };
        X509 *x = p.certificate;

        CHECK(p.key && x && X509_set_version(x, X509_VERSION_3) && X509_set_pubkey(x, p.key));
        CHECK(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++));
        CHECK(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)wish.from));
        CHECK(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)wish.until));
        pki_name(X509_get_subject_name(x), "CN", wish.cn);
        pki_name(X509_get_subject_name(x), "OU", wish.ou);
        pki_name(X509_get_subject_name(x), "OU", wish.ou2);
        CHECK(X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer->certificate : x)));
        pki_extension(x, NID_basic_constraints, wish.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        pki_extension(x, NID_key_usage,
                      wish.key_usage ? wish.key_usage
                                     : (wish.ca ? "critical,keyCertSign" : "critical,digitalSignature"));
        CHECK(X509_sign(x, issuer ? issuer->key : p.key, EVP_sha256()) > 0);
        return p;
}

static inline void pki_free(struct pki_party *p)
{
        EVP_PKEY_free(p->key);
        X509_free(p->certificate);
}

/* PEM of the certificate; ret holds max bytes. */
static inline size_t pki_pem(const struct pki_party *p, char *ret, size_t max)
{
        BIO *bio = BIO_new(BIO_s_mem());
        int n;

        CHECK(PEM_write_bio_X509(bio, p->certificate));
        n = BIO_read(bio, ret, (int)max - 1);
        CHECK(n > 0);
        ret[n] = '\0';
        BIO_free(bio);
        return (size_t)n;
}

/* libcrypto's base64, turned into base64url without padding when url. */
static inline void pki_base64(const void *in, size_t n, bool url, char *ret)
{
        (void)EVP_EncodeBlock((unsigned char *)ret, in, (int)n);
        if (!url)
                return;
        ret[strcspn(ret, "=")] = '\0';
        for (; *ret; ret++)
                *ret = *ret == '+' ? '-' : *ret == '/' ? '_' : *ret;
}

static inline void pki_x5c(const struct pki_party *p, char *ret)
{
        uint8_t der[4096], *end = der;
        int n = i2d_X509(p->certificate, &end);

        CHECK(n > 0 && n <= (int)sizeof der);
        pki_base64(der, (size_t)n, false, ret);
}

/* {"alg":"ES256","typ":T,"x5c":[...]} for a chain of one or two. */
static inline void pki_header(const char *typ, const struct pki_party *leaf, const struct pki_party *next, char *ret,
                              size_t max)
{
        char a[6000], b[6000] = "";

        pki_x5c(leaf, a);
        if (next)
                pki_x5c(next, b);
        CHECK(snprintf(ret, max, "{\"alg\":\"ES256\",\"typ\":\"%s\",\"x5c\":[\"%s\"%s%s%s]}", typ, a, next ? ",\"" : "",
                       b, next ? "\"" : "") < (int)max);
}

/* Appends ".signature" over the text so far: r || s. */
static inline void pki_sign(EVP_PKEY *key, char *text)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        uint8_t der[256], raw[64];
        size_t n = sizeof der;
        const uint8_t *p = der;
        ECDSA_SIG *signature;

        CHECK(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1);
        CHECK(EVP_DigestSign(context, der, &n, (const uint8_t *)text, strlen(text)) == 1);
        EVP_MD_CTX_free(context);
        signature = d2i_ECDSA_SIG(NULL, &p, (long)n);
        CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32) == 32);
        CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32) == 32);
        ECDSA_SIG_free(signature);
        strcat(text, ".");
        pki_base64(raw, sizeof raw, true, text + strlen(text));
}

/* The whole compact text of header and payload, signed with key. ret must be large enough. */
static inline void pki_jws(EVP_PKEY *key, const char *header, const char *payload, char *ret)
{
        pki_base64(header, strlen(header), true, ret);
        strcat(ret, ".");
        pki_base64(payload, strlen(payload), true, ret + strlen(ret));
        pki_sign(key, ret);
}
