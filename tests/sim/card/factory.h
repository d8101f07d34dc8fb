/* A card as it leaves the factory, and what it says of itself without keys. */
#pragma once

#include "tests/sim/card/store.h"

enum { CPLC_SIZE = 42 };

/* Keys by kdf3 (AES-CMAC of 01 000000 k 00 KDD, k = 1 ENC, 2 MAC, 3 DEK) from the published test master
 * 404142434445464748494A4B4C4D4E4F, key version FF. Ends the program with status 2 when options carry no KDD. */
void factory_make(struct store *store, const struct options *options);

/* GPCS table H (CPLC as in GlobalPlatformPro CPLC.java); type, batch and serial are drawn from SHA-256 of KDD and
 * printed serial: the chip id (fabricator, type, batch, serial) is each card's own and is not the KDD. */
void factory_cplc(const struct store *store, uint8_t ret_cplc[CPLC_SIZE]);
