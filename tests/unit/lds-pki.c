#include "tests/unit/lds-pki.h"
#include "tests/unit/test.h"
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;
        X509_EXTENSION *e;

        X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
        e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        CHECK(e && X509_add_ext(x, e, -1) == 1);
        X509_EXTENSION_free(e);
}

static X509 *certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, int days,
                         const char *usage)
{
        X509 *x = X509_new();
        X509_NAME *n = X509_get_subject_name(x);

        CHECK(X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), 4096) == 1);
        CHECK(X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1);
        CHECK(X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : n) == 1);
        CHECK(X509_gmtime_adj(X509_getm_notBefore(x), -86400) &&
              X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL));
        CHECK(X509_set_pubkey(x, key) == 1);
        add_extension(x, issuer ? issuer : x, NID_subject_key_identifier, "hash");
        add_extension(x, issuer ? issuer : x, NID_authority_key_identifier, "keyid");
        if (!issuer)
                add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
        if (usage)
                add_extension(x, issuer ? issuer : x, NID_key_usage, usage);
        CHECK(X509_sign(x, issuer_key, EVP_sha384()) > 0);
        return x;
}

void pki_make(struct pki *p, int days, const char *usage)
{
        BIO *out = BIO_new(BIO_s_mem());
        unsigned char *der = p->der;
        int n;

        memset(p, 0, sizeof *p);
        p->ca_key = EVP_EC_gen("P-384");
        p->key = EVP_EC_gen("P-256");
        p->ca = certificate("Test CSCA", p->ca_key, NULL, p->ca_key, 3650, "critical,keyCertSign,cRLSign");
        p->signer = certificate("Test DS", p->key, p->ca, p->ca_key, days, usage);
        CHECK(PEM_write_bio_X509(out, p->ca) == 1);
        n = BIO_read(out, p->ca_pem, sizeof p->ca_pem - 1);
        CHECK(n > 0);
        p->ca_pem[n] = '\0';
        n = i2d_X509(p->signer, &der);
        CHECK(n > 0 && (size_t)n <= sizeof p->der);
        p->n_der = (size_t)n;
        BIO_free(out);
}

void pki_done(struct pki *p)
{
        EVP_PKEY_free(p->ca_key);
        EVP_PKEY_free(p->key);
        X509_free(p->ca);
        X509_free(p->signer);
}

int pki_sign(void *context, const uint8_t digest[LDS_HASH_SIZE], uint8_t ret[LDS_RAW_SIGNATURE_SIZE], struct error *err)
{
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(context, NULL);
        uint8_t der[128];
        const unsigned char *p = der;
        size_t n = sizeof der;
        ECDSA_SIG *s;

        (void)err;
        CHECK(c && EVP_PKEY_sign_init(c) == 1 && EVP_PKEY_sign(c, der, &n, digest, LDS_HASH_SIZE) == 1);
        s = d2i_ECDSA_SIG(NULL, &p, (long)n);
        CHECK(s && BN_bn2binpad(ECDSA_SIG_get0_r(s), ret, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(s), ret + 32, 32) == 32);
        ECDSA_SIG_free(s);
        EVP_PKEY_CTX_free(c);
        return 0;
}
