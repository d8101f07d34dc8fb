#include "proto/scp03_aes.h"
#include "proto/base/cleanup.h"
#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

DEFINE_CLEANUP(EVP_MAC *, EVP_MAC_free)
DEFINE_CLEANUP(EVP_MAC_CTX *, EVP_MAC_CTX_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

/* 0, 1, 2 for 128, 192, 256 bits. */
static int size_index(struct bytes key)
{
        return key.n == 16 || key.n == 24 || key.n == 32 ? (int)(key.n / 8 - 2) : -1;
}

int aes_cmac(struct bytes key, struct bytes first, struct bytes second, uint8_t ret[AES_BLOCK])
{
        static const char *const names[] = { "AES-128-CBC", "AES-192-CBC", "AES-256-CBC" };
        cleanup(EVP_MAC_free_p) EVP_MAC *mac = NULL;
        cleanup(EVP_MAC_CTX_free_p) EVP_MAC_CTX *ctx = NULL;
        int index = size_index(key);
        OSSL_PARAM params[2] = { OSSL_PARAM_END, OSSL_PARAM_END };
        size_t n = 0;

        if (index < 0)
                return -1;
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char *)(uintptr_t)names[index], 0);
        mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
        ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
        if (!ctx || EVP_MAC_init(ctx, key.p, key.n, params) != 1)
                return -1;
        if (first.n > 0 && EVP_MAC_update(ctx, first.p, first.n) != 1)
                return -1;
        if (second.n > 0 && EVP_MAC_update(ctx, second.p, second.n) != 1)
                return -1;
        return EVP_MAC_final(ctx, ret, &n, AES_BLOCK) == 1 && n == AES_BLOCK ? 0 : -1;
}

static int run(const EVP_CIPHER *cipher, struct bytes key, bool encrypt, const uint8_t *iv, uint8_t *data, size_t n)
{
        cleanup(EVP_CIPHER_CTX_free_p) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int done = 0;

        assert(n % AES_BLOCK == 0 && n <= 65536);
        if (!ctx || EVP_CipherInit_ex(ctx, cipher, NULL, key.p, iv, encrypt) != 1)
                return -1;
        if (EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 || EVP_CipherUpdate(ctx, data, &done, data, (int)n) != 1)
                return -1;
        return (size_t)done == n ? 0 : -1;
}

int aes_ecb_encrypt(struct bytes key, const uint8_t in[AES_BLOCK], uint8_t ret[AES_BLOCK])
{
        const EVP_CIPHER *ciphers[] = { EVP_aes_128_ecb(), EVP_aes_192_ecb(), EVP_aes_256_ecb() };
        int index = size_index(key);

        if (index < 0)
                return -1;
        for (unsigned i = 0; i < AES_BLOCK; i++)
                ret[i] = in[i];
        return run(ciphers[index], key, true, NULL, ret, AES_BLOCK);
}

int aes_cbc(struct bytes key, bool encrypt, const uint8_t iv[AES_BLOCK], uint8_t *data, size_t n)
{
        const EVP_CIPHER *ciphers[] = { EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc() };
        int index = size_index(key);

        return index < 0 ? -1 : run(ciphers[index], key, encrypt, iv, data, n);
}
