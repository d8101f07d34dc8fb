/* What mohr-key holds for its life: the token's two keys, the document signer's certificate, the chip profile, the
 * portal's CA. Everything is checked at the start; a part that is unfit keeps the service from starting. */
#pragma once
#include "drivers/key/token.h"
#include "proto/gp/profile.h"
#include "proto/lds/sod.h"
#include "proto/qr.h"
#include <openssl/types.h>

enum { CUSTODY_PEM_MAX = 8192, CUSTODY_DER_MAX = 2048 };

struct custody_options {
        const char *module, *token, *pin_file;
        const char *master; /* NULL: the profile's key_label */
        const char *signer;
        const char *profile, *portal_ca, *ds_cert; /* files */
        bool laboratory;                           /* well-known test keys are allowed */
};

struct custody {
        struct token *token;
        unsigned long master, signer;
        struct profile profile;
        X509_STORE *portal_ca;
        X509 *certificate; /* of the document signer */
        EVP_PKEY *public_key;
        uint8_t der[CUSTODY_DER_MAX];
        size_t n_der;
        char pem[CUSTODY_PEM_MAX];
        uint8_t key_id[QR_KEY_ID_SIZE];
};

/* Opens everything. Refused: a master that may more than sign, a well-known test key or a laboratory profile without
 * `laboratory`, a certificate that is not for digitalSignature or not for the token's key. 0, or -1 and *err. */
int custody_open(const struct custody_options *options, struct custody *ret, struct error *err);

/* The card's static keys ENC and MAC by the profile's template. The caller wipes. 0, or -1 and *err (key_token). */
int custody_card_keys(struct custody *custody, const uint8_t kdd[SCP03_KDD_SIZE], struct scp03_keys *ret,
                      struct error *err);
/* lds_sign, context = struct custody: refuses outside the certificate's validity; the signature is checked against
 * the certificate before it is handed out. */
int custody_sign(void *context, const uint8_t digest[LDS_HASH_SIZE], uint8_t ret[LDS_RAW_SIGNATURE_SIZE],
                 struct error *err);
