#include "tests/sim/card/crypto.h"

#include <assert.h>
#include <err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static void demand(bool good)
{
        if (!good)
                errx(1, "libcrypto refused an operation");
}

static const EVP_CIPHER *cipher_of(size_t n_key, bool cbc)
{
        assert(n_key == 16 || n_key == 24 || n_key == 32);
        if (n_key == 16)
                return cbc ? EVP_aes_128_cbc() : EVP_aes_128_ecb();
        if (n_key == 24)
                return cbc ? EVP_aes_192_cbc() : EVP_aes_192_ecb();
        return cbc ? EVP_aes_256_cbc() : EVP_aes_256_ecb();
}

static void run(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv, const uint8_t *in, size_t n,
                bool encrypt, uint8_t *ret_out)
{
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n_out = 0;

        demand(ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypt) == 1);
        demand(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
        demand(EVP_CipherUpdate(ctx, ret_out, &n_out, in, (int)n) == 1 && (size_t)n_out == n);
        EVP_CIPHER_CTX_free(ctx);
}

void aes_block(const uint8_t *key, size_t n_key, const uint8_t in[BLOCK], uint8_t ret_out[BLOCK])
{
        run(cipher_of(n_key, false), key, NULL, in, BLOCK, true, ret_out);
}

void aes_cbc(const uint8_t *key, size_t n_key, const uint8_t iv[BLOCK], const uint8_t *in, size_t n, bool encrypt,
             uint8_t *ret_out)
{
        assert(n % BLOCK == 0);
        run(cipher_of(n_key, true), key, iv, in, n, encrypt, ret_out);
}

void aes_cmac(const uint8_t *key, size_t n_key, const uint8_t *in, size_t n, uint8_t ret_mac[BLOCK])
{
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
        EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
        char name[16];
        OSSL_PARAM parameters[2] = { 0 };
        size_t n_out = 0;

        (void)snprintf(name, sizeof name, "AES-%zu-CBC", 8 * n_key);
        parameters[0] = OSSL_PARAM_construct_utf8_string("cipher", name, 0);
        parameters[1] = OSSL_PARAM_construct_end();
        demand(ctx && EVP_MAC_init(ctx, key, n_key, parameters) == 1);
        demand(EVP_MAC_update(ctx, in, n) == 1);
        demand(EVP_MAC_final(ctx, ret_mac, &n_out, BLOCK) == 1 && n_out == BLOCK);
        EVP_MAC_CTX_free(ctx);
        EVP_MAC_free(mac);
}

void scp03_derive(const uint8_t *key, size_t n_key, uint8_t constant, size_t n_bits, const uint8_t *context,
                  size_t n_context, uint8_t *ret_out)
{
        uint8_t input[16 + 32] = { 0 }, block[BLOCK];
        size_t n = n_bits / 8;

        assert(n_context <= 32 && n <= KEY_MAX);
        input[11] = constant;
        input[13] = (uint8_t)(n_bits >> 8);
        input[14] = (uint8_t)n_bits;
        memcpy(input + 16, context, n_context);
        for (size_t done = 0; done < n; done += BLOCK) {
                input[15] = (uint8_t)(done / BLOCK + 1);
                aes_cmac(key, n_key, input, 16 + n_context, block);
                memcpy(ret_out + done, block, n - done < BLOCK ? n - done : BLOCK);
        }
}

void sha256(const uint8_t *in, size_t n, uint8_t ret_hash[32])
{
        demand(EVP_Digest(in, n, ret_hash, NULL, EVP_sha256(), NULL) == 1);
}
