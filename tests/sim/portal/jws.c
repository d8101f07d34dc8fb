#include "jws.h"
#include "util.h"
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ES256_HALF = 32 }; /* RFC 7518 3.4: R and S of 32 bytes each */

static const struct {
        const char *file, *typ;
} uses[SIGN_COUNT] = {
        [SIGN_APPROVAL] = { "approvals", "mohr-approval" },
        [SIGN_RECEIPT] = { "receipts", "mohr-receipt" },
        [SIGN_REISSUE] = { "reissues", "mohr-reissue" },
        [SIGN_WITHDRAWN] = { "withdrawn", "mohr-withdrawn" },
};

static FILE *pki_open(const char *pki, const char *name, const char *ending)
{
        OWNED char *path = text_format("%s/%s.%s", pki, name, ending);
        FILE *file = fopen(path, "re");

        if (!file)
                die("cannot open %s: make it with tests/rig/pki", path);
        return file;
}

static char *header_make(const char *pki, enum signer_use use)
{
        FILE *file = pki_open(pki, uses[use].file, "pem");
        X509 *leaf = PEM_read_X509(file, NULL, NULL, NULL);
        unsigned char *der = NULL;
        int n = i2d_X509(leaf, &der);

        fclose(file);
        if (n <= 0)
                die("%s.pem is no certificate", uses[use].file);
        OWNED char *x5c = base64_text(der, (size_t)n);
        OWNED char *json = text_format("{\"alg\":\"ES256\",\"typ\":\"%s\",\"x5c\":[\"%s\"]}", uses[use].typ, x5c);

        OPENSSL_free(der);
        X509_free(leaf);
        return base64url_text(json, strlen(json));
}

void signers_load(struct signers *signers, const char *pki)
{
        for (enum signer_use use = 0; use < SIGN_COUNT; use++) {
                FILE *file = pki_open(pki, uses[use].file, "key");

                signers->key[use] = PEM_read_PrivateKey(file, NULL, NULL, NULL);
                fclose(file);
                if (!signers->key[use])
                        die("%s.key is no private key", uses[use].file);
                signers->header[use] = header_make(pki, use);
        }
}

void signers_done(struct signers *signers)
{
        for (enum signer_use use = 0; use < SIGN_COUNT; use++) {
                EVP_PKEY_free(signers->key[use]);
                free(signers->header[use]);
        }
}

static void signature_raw(const uint8_t *der, size_t n, uint8_t ret[2 * ES256_HALF])
{
        ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)n);

        if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret, ES256_HALF) != ES256_HALF ||
            BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret + ES256_HALF, ES256_HALF) != ES256_HALF)
                die("signature is not of P-256");
        ECDSA_SIG_free(signature);
}

static void sign(EVP_PKEY *key, const char *input, uint8_t ret[2 * ES256_HALF])
{
        EVP_MD_CTX *ctx = must(EVP_MD_CTX_new());
        uint8_t der[128];
        size_t n = sizeof(der);

        if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
            EVP_DigestSign(ctx, der, &n, (const uint8_t *)input, strlen(input)) != 1)
                die("cannot sign");
        EVP_MD_CTX_free(ctx);
        signature_raw(der, n, ret);
}

char *jws_sign(const struct signers *signers, enum signer_use use, const char *payload)
{
        OWNED char *body = base64url_text(payload, strlen(payload));
        OWNED char *input = text_format("%s.%s", signers->header[use], body);
        uint8_t raw[2 * ES256_HALF];

        sign(signers->key[use], input, raw);
        OWNED char *signature = base64url_text(raw, sizeof(raw));
        return text_format("%s.%s", input, signature);
}
