/* The plan: profile and files -> the ordered plain commands that personalise a card. A pure function.
 *
 * GPCS 11.5.2.3.6 (INSTALL [for personalization]), 11.11 (STORE DATA), 11.11.2.3 (DGIs). One personalisation session
 * of at most 256 STORE DATA blocks; block counter P2 from 00; the last has P1.b8. Values run on over blocks; several
 * DGIs share a block; the head of a DGI (number and length) is never cut by the end of a block. DGI length: 00..FE one
 * byte, FF hh ll for 255..65535 (GlobalPlatform scripting coding). */
#pragma once
#include "proto/gp/profile.h"

enum {
        PLAN_BLOCKS_MAX = 256,
        PLAN_COMMANDS_MAX = 1 + PLAN_BLOCKS_MAX,
        PLAN_LIST_MAX = PLAN_COMMANDS_MAX * (2 + APDU_MAX)
};

struct plan_file {
        uint16_t dgi; /* = file id */
        struct bytes bytes;
};

enum {
        PLAN_OK = 0,
        PLAN_E_FILE = -1, /* a file that the profile lacks, twice, empty, too large, or one of the profile missing */
        PLAN_E_SIZE = -2, /* over 256 blocks, or no room in a command or in the writer */
};

/* The commands of a write as a list (apdu_list), INSTALL first. files: in any order, exactly the profile's objects;
 * they are written in the profile's order. max_lc: most data bytes of a command on the wire that the card takes (FCI
 * 9F65, 255 when not told); level and n_mac (8 or 16) say what wrapping adds. *ret_n: number of commands. */
int plan_write(const struct profile *p, const struct plan_file *files, size_t n_files, unsigned max_lc,
               enum scp03_level level, size_t n_mac, struct writer *list, size_t *ret_n);
/* The one command that locks the application (SET STATUS), as a list. */
int plan_lock(const struct profile *p, struct writer *list, size_t *ret_n);
/* The bare blocks: STORE DATA of these DGIs in this order, chunk plain bytes each (1..255). */
int plan_store_data(const struct plan_file *files, size_t n, unsigned store_p1, size_t chunk, struct writer *list,
                    size_t *ret_n);
