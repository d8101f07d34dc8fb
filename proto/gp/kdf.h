/* Card keys from a master key by a template of the chip profile: what is fed to the master, block by block.
 *
 * The master stays in its token: the caller's function runs the one primitive with it. Template (GlobalPlatform has no
 * fixed scheme; vendors differ in the order of the same bytes, so the order is data):
 *   "cmac: i 000000 key 00 kdd[0..9]"              AES-CMAC, i = 01, 02 for keys over 16 bytes (GPPro's kdf3)
 *   "ecb3: kdd[4..9] F0 key kdd[4..9] 0F key"      one block pair under 3DES-ECB (EMV CPS 1.1)
 * Words: hexadecimal bytes; i = number of the block from 01; key = 01 ENC, 02 MAC, 03 DEK; kdd[a..b] and kdd[a] =
 * bytes of the card's key diversification data; L = the key's bits, two bytes. */
#pragma once
#include "proto/base/secret.h"

enum { KDF_KDD_SIZE = 10, KDF_INPUT_MAX = 64, KDF_PARTS_MAX = 24, KDF_OUTPUT = 16 };
enum kdf_primitive { KDF_AES_CMAC, KDF_DES3_ECB };
enum kdf_key { KDF_KEY_ENC = 1, KDF_KEY_MAC = 2, KDF_KEY_DEK = 3 };

struct kdf_part {
        enum { KDF_LITERAL, KDF_BLOCK, KDF_KEY, KDF_KDD, KDF_BITS } kind;
        uint8_t first, last; /* KDF_KDD: inclusive; KDF_LITERAL: the byte is first */
};
struct kdf {
        enum kdf_primitive primitive;
        struct kdf_part parts[KDF_PARTS_MAX];
        size_t n_parts;
};

/* 0, or -1 for a text that is no template, is longer than KDF_PARTS_MAX words, names neither the key nor all of what
 * makes keys differ (key and some kdd byte are required), or for ecb3 does not make 16 bytes. */
int kdf_parse(const char *text, struct kdf *ret);
/* The input of one block. 0, or -1 when w is full. */
int kdf_input(const struct kdf *t, unsigned block, enum kdf_key key, const uint8_t kdd[KDF_KDD_SIZE], size_t n_key,
              struct writer *w);
/* Runs the primitive with the master over input and gives 16 bytes. 0 or -1. */
typedef int (*kdf_run)(void *context, struct bytes input, uint8_t ret[KDF_OUTPUT]);
/* The card's key of n_key bytes: 16, 24 or 32 (ecb3: 16). 0, or -1 and *ret wiped. */
int kdf_derive(const struct kdf *t, enum kdf_key key, const uint8_t kdd[KDF_KDD_SIZE], size_t n_key, kdf_run run,
               void *context, struct secret *ret);
/* Key check value of an AES key: the first three bytes of AES over sixteen 01 (GPCS B.6, AmdD 4.1.4). 0 or -1. */
int kdf_aes_kcv(const struct secret *key, uint8_t ret[3]);
