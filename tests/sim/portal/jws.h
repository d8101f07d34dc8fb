/* Signing as the portal does: JWS compact serialisation (RFC 7515), ES256 (RFC 7518 3.4), header alg, typ, x5c. */
#pragma once
#include <openssl/evp.h>

enum signer_use { SIGN_APPROVAL, SIGN_RECEIPT, SIGN_REISSUE, SIGN_WITHDRAWN, SIGN_COUNT };

struct signers {
        EVP_PKEY *key[SIGN_COUNT];
        char *header[SIGN_COUNT]; /* base64url of the protected header */
};

/* Reads PKI/{approvals,receipts,reissues,withdrawn}.pem and .key. Ends the process when one is missing. */
void signers_load(struct signers *signers, const char *pki);
void signers_done(struct signers *signers);
/* Signs the text's exact bytes. Heap. */
char *jws_sign(const struct signers *signers, enum signer_use use, const char *payload);
