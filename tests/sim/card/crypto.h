/* The card's own AES on libcrypto: block, CBC, CMAC (NIST SP 800-38B) and the SCP03 key derivation.
 *
 * Keys are 16, 24 or 32 bytes. A failure of libcrypto ends the program: the simulator has no answer to it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOCK = 16, KEY_MAX = 32 };

void aes_block(const uint8_t *key, size_t n_key, const uint8_t in[BLOCK], uint8_t ret_out[BLOCK]);

/* n is a multiple of BLOCK; in and ret_out may be the same. */
void aes_cbc(const uint8_t *key, size_t n_key, const uint8_t iv[BLOCK], const uint8_t *in, size_t n, bool encrypt,
             uint8_t *ret_out);

void aes_cmac(const uint8_t *key, size_t n_key, const uint8_t *in, size_t n, uint8_t ret_mac[BLOCK]);

/* AmdD 4.1.5: SP 800-108 counter mode; n_bits/8 bytes come out, at most KEY_MAX; context at most 32 bytes. */
void scp03_derive(const uint8_t *key, size_t n_key, uint8_t constant, size_t n_bits, const uint8_t *context,
                  size_t n_context, uint8_t *ret_out);

void sha256(const uint8_t *in, size_t n, uint8_t ret_hash[32]);
