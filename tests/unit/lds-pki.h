/* Test keys: a CA (P-384) and a document signer (P-256) made with libcrypto, and a signing callback. */
#pragma once
#include "proto/lds/sod.h"
#include <openssl/evp.h>
#include <openssl/x509.h>

struct pki {
        EVP_PKEY *ca_key, *key;
        X509 *ca, *signer;
        char ca_pem[4096];
        uint8_t der[2048];
        size_t n_der;
};
/* days: the signer's validity, from yesterday; usage: its keyUsage in openssl.cnf form, or NULL for none. */
void pki_make(struct pki *p, int days, const char *usage);
void pki_done(struct pki *p);
/* lds_sign; context is the EVP_PKEY. */
int pki_sign(void *context, const uint8_t digest[LDS_HASH_SIZE], uint8_t ret[LDS_RAW_SIGNATURE_SIZE],
             struct error *err);
