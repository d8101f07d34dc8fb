/* The three AES uses of SCP03: CMAC, one ECB block, CBC over whole blocks. AES-128, -192 or -256 by the key's length.
 *
 * NIST SP 800-38B (CMAC), SP 800-38A (ECB, CBC). libcrypto does the work. Each answers 0, or -1 when the key is not
 * 16, 24 or 32 bytes or libcrypto refuses (no memory). */
#pragma once
#include "proto/base/bytes.h"

enum { AES_BLOCK = 16 };

/* CMAC over first | second. */
int aes_cmac(struct bytes key, struct bytes first, struct bytes second, uint8_t ret[AES_BLOCK]);
int aes_ecb_encrypt(struct bytes key, const uint8_t in[AES_BLOCK], uint8_t ret[AES_BLOCK]);
/* n is a multiple of 16 (asserted); in place. */
int aes_cbc(struct bytes key, bool encrypt, const uint8_t iv[AES_BLOCK], uint8_t *data, size_t n);
