/* What a card tells about itself before any key is used: key information, CPLC, card data, FCI.
 *
 * GPCS 2.3.1 11.3.3.1 (GET DATA), H.2 (card recognition data), 11.9.3 (FCI of SELECT). Input: the answer's body
 * without status word. Each answers 0, or -1 for malformed bytes, then nothing is set. */
#pragma once
#include "proto/base/bytes.h"

enum { GP_KEYS_MAX = 32, GP_SCP_MAX = 8, GP_CPLC_SIZE = 42, GP_CHIP_ID_SIZE = 10, GP_LC_DEFAULT = 255, GP_LC_MIN = 64 };
enum { GP_KEY_DES = 0x80, GP_KEY_AES = 0x88 }; /* GPCS table 11-16 */

struct gp_key_info {
        uint8_t kid, kvn, type;
        uint16_t n_bytes; /* of the key */
};
/* Key information template E0 { C0 kid kvn (type n)... }, GPCS table 11-20; the extended form (FF type, two-byte
 * length, usage, access) too. Only the first component of a key is kept. *ret_n <= GP_KEYS_MAX. */
int gp_parse_key_info(struct bytes in, struct gp_key_info ret[GP_KEYS_MAX], size_t *ret_n);

/* CPLC with or without its tag 9F7F. ret: the 42 bytes. */
int gp_parse_cplc(struct bytes in, uint8_t ret[GP_CPLC_SIZE]);
/* The chip's id: IC fabricator(2) IC type(2) IC batch(2) IC serial(4) of CPLC. */
void gp_chip_id_from_cplc(const uint8_t cplc[GP_CPLC_SIZE], uint8_t ret[GP_CHIP_ID_SIZE]);
/* For cards without CPLC: the card image number (tag 45, with or without its tag). At most 10 bytes: left-filled
 * with 00; longer: the first 10 bytes of its SHA-256. */
int gp_chip_id_from_cin(struct bytes in, uint8_t ret[GP_CHIP_ID_SIZE]);

struct gp_scp {
        uint8_t scp, i;
};
/* Card data 66 { 73 { 06 OID, 60, 63, 64 { 06 OID scp i } ... } }: every secure channel protocol it names. */
int gp_parse_card_data(struct bytes in, struct gp_scp ret[GP_SCP_MAX], size_t *ret_n);

struct gp_fci {
        uint8_t aid[16];
        size_t n_aid;    /* 0: not told */
        unsigned max_lc; /* 9F65: most bytes in a command's data field; GP_LC_DEFAULT when not told */
};
/* FCI 6F { 84 AID, A5 { 9F65 } }. An announced length under GP_LC_MIN is malformed, one over 255 means 255. */
int gp_parse_fci(struct bytes in, struct gp_fci *ret);
