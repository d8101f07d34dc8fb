#define _GNU_SOURCE
#include "daemon/work/key/custody.h"
#include "daemon/work/key/file.h"
#include "proto/base/cleanup.h"
#include "proto/portal/jws.h"
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { CA_MAX = 65536, HALF = LDS_RAW_SIGNATURE_SIZE / 2, SIGNATURE_DER_MAX = 80 };

DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)

static int unfit(struct error *err, const char *what)
{
        return err_input(err, REASON_BAD_CONFIG, "%s", what);
}

static int load_certificate(const char *path, struct custody *c, struct error *err)
{
        struct bytes pem = { NULL, 0 };
        cleanup(BIO_free_all_p) BIO *bio = NULL;
        unsigned char *der = c->der;

        if (file_read(path, (uint8_t *)c->pem, sizeof c->pem - 1, &pem.n, err) < 0)
                return -1;
        bio = BIO_new_mem_buf(c->pem, (int)pem.n);
        c->certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        if (!c->certificate || i2d_X509(c->certificate, NULL) > CUSTODY_DER_MAX)
                return unfit(err, "the document signer's certificate cannot be read");
        c->n_der = (size_t)i2d_X509(c->certificate, &der);
        c->public_key = X509_get0_pubkey(c->certificate);
        if (!(X509_get_extension_flags(c->certificate) & EXFLAG_KUSAGE) ||
            X509_get_key_usage(c->certificate) != KU_DIGITAL_SIGNATURE)
                return unfit(err, "the document signer's certificate is not for digitalSignature alone");
        if (!c->public_key || !qr_key_id(c->public_key, c->key_id))
                return unfit(err, "the document signer's certificate holds no usable key");
        return 0;
}

static int load_files(const struct custody_options *o, struct custody *c, struct error *err)
{
        uint8_t text[CA_MAX];
        size_t n;

        _Static_assert((int)PROFILE_MAX <= (int)CA_MAX, "one buffer serves both");
        if (file_read(o->profile, text, PROFILE_MAX, &n, err) < 0 ||
            profile_parse((struct bytes){ text, n }, &c->profile, err) < 0)
                return -1;
        if (c->profile.laboratory && !o->laboratory)
                return unfit(err, "a laboratory chip profile needs --laboratory");
        if (c->profile.auth.diversification.primitive != KDF_AES_CMAC)
                return unfit(err, "the profile's diversification is not by CMAC");
        if (file_read(o->portal_ca, text, sizeof text, &n, err) < 0)
                return -1;
        return jws_ca_new((struct bytes){ text, n }, &c->portal_ca, err) < 0 ? -1
                                                                             : load_certificate(o->ds_cert, c, err);
}

static int load_pin(const char *path, struct secret *ret, struct error *err)
{
        uint8_t text[SECRET_MAX];
        size_t n = 0;
        int r = file_read(path, text, sizeof text, &n, err);

        while (r == 0 && n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
                n--;
        if (r == 0)
                secret_set(ret, (struct bytes){ text, n });
        explicit_bzero(text, sizeof text);
        return r;
}

/* Default keys of card makers and of laboratories: GlobalPlatform test keys 40..4F and on, all zero, ascending. */
static void known_key(unsigned which, uint8_t ret[32])
{
        for (unsigned i = 0; i < 32; i++)
                ret[i] = (uint8_t)(which == 0 ? 0x40 + i : which == 1 ? 0x40 + i % 16 : which == 2 ? 0 : i);
}

/* The master itself cannot be read: its CMAC over one block is compared with that of each known key. */
static int refuse_known(struct custody *c, struct error *err)
{
        static const uint8_t input[] = "mohr-known-key-test";
        uint8_t mac[TOKEN_CMAC_SIZE], known[32], expected[AES_BLOCK];

        if (token_cmac(c->token, c->master, BYTES(input), mac, err) < 0)
                return -1;
        for (unsigned which = 0; which < 4; which++) {
                for (size_t n = 16; n <= sizeof known; n += 8) {
                        known_key(which, known);
                        if (aes_cmac((struct bytes){ known, n }, BYTES(input), (struct bytes){ NULL, 0 }, expected) < 0)
                                return unfit(err, "no memory for the test of known keys");
                        if (memcmp(mac, expected, sizeof mac) == 0)
                                return unfit(err, "the master is a well-known test key; only with --laboratory");
                }
        }
        return 0;
}

static int load_keys(const struct custody_options *o, struct custody *c, struct error *err)
{
        cleanup(secret_done) struct secret pin = { 0 };
        struct token_module *module = NULL;
        const char *master = o->master ? o->master : c->profile.auth.key_label;

        (void)secret_lock(&pin, sizeof pin);
        if (load_pin(o->pin_file, &pin, err) < 0 || token_module_load(o->module, &module, err) < 0 ||
            token_open(module, o->token, &pin, &c->token, err) < 0 ||
            token_master(c->token, master, &c->master, err) < 0 ||
            token_signer(c->token, o->signer, &c->signer, err) < 0)
                return -1;
        return token_self_test(c->token, c->master, err);
}

/* The token's key and the certificate's are one pair: a signature by the one verifies by the other. */
static int check_pair(struct custody *c, struct error *err)
{
        static const uint8_t digest[LDS_HASH_SIZE] = { 'm', 'o', 'h', 'r' };
        uint8_t signature[LDS_RAW_SIGNATURE_SIZE];

        return custody_sign(c, digest, signature, err);
}

int custody_open(const struct custody_options *options, struct custody *ret, struct error *err)
{
        if (load_files(options, ret, err) < 0 || load_keys(options, ret, err) < 0)
                return -1;
        if (!options->laboratory && refuse_known(ret, err) < 0)
                return -1;
        return check_pair(ret, err);
}

struct deriver {
        struct custody *custody;
        struct error *err;
};

static int derive_block(void *context, struct bytes input, uint8_t ret[KDF_OUTPUT])
{
        struct deriver *d = context;

        return token_cmac(d->custody->token, d->custody->master, input, ret, d->err);
}

int custody_card_keys(struct custody *custody, const uint8_t kdd[SCP03_KDD_SIZE], struct scp03_keys *ret,
                      struct error *err)
{
        struct deriver d = { custody, err };
        const struct kdf *kdf = &custody->profile.auth.diversification;
        size_t n = custody->profile.auth.n_key;

        (void)err_own(err, ERR_OPERATOR, REASON_KEY_TOKEN, "the card's keys cannot be derived");
        return kdf_derive(kdf, KDF_KEY_ENC, kdd, n, derive_block, &d, &ret->enc) < 0 ||
                               kdf_derive(kdf, KDF_KEY_MAC, kdd, n, derive_block, &d, &ret->mac) < 0
                       ? -1
                       : 0;
}

static bool verifies(EVP_PKEY *key, const uint8_t *digest, const uint8_t *raw)
{
        cleanup(ECDSA_SIG_free_p) ECDSA_SIG *s = ECDSA_SIG_new();
        cleanup(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
        BIGNUM *r_part = BN_bin2bn(raw, HALF, NULL), *s_part = BN_bin2bn(raw + HALF, HALF, NULL);
        unsigned char der[SIGNATURE_DER_MAX], *p = der;
        int n;

        if (!s || ECDSA_SIG_set0(s, r_part, s_part) != 1) {
                BN_free(r_part);
                BN_free(s_part);
                return false;
        }
        n = i2d_ECDSA_SIG(s, &p);
        return n > 0 && context && EVP_PKEY_verify_init(context) == 1 &&
               EVP_PKEY_verify(context, der, (size_t)n, digest, LDS_HASH_SIZE) == 1;
}

int custody_sign(void *context, const uint8_t digest[LDS_HASH_SIZE], uint8_t ret[LDS_RAW_SIGNATURE_SIZE],
                 struct error *err)
{
        struct custody *c = context;

        if (X509_cmp_current_time(X509_get0_notBefore(c->certificate)) > 0 ||
            X509_cmp_current_time(X509_get0_notAfter(c->certificate)) < 0)
                return err_own(err, ERR_OPERATOR, REASON_KEY_TOKEN,
                               "the document signer's certificate is not valid now");
        if (token_sign(c->token, c->signer, digest, ret, err) < 0)
                return -1;
        if (!verifies(c->public_key, digest, ret))
                return err_own(err, ERR_OPERATOR, REASON_KEY_TOKEN, "the token's key and the certificate are no pair");
        return 0;
}
