/* Where each serial is, when it is not where it should be (DESIGN 1.2, 1.8): missing and found cards, strays, voids by
 * the board's minutes (I-9 note 4), and the way of a spoiled or void card to headquarters (I-8.1.1).
 *
 * Every act takes two people of two offices (act.h) unless it says otherwise. All calls: 0, or -1 and *err. */
#pragma once
#include "daemon/core/custody/spoil.h"

enum {
        CUSTODY_NUMBER_MAX = 40,  /* bytes of a letter's or minutes' number */
        CUSTODY_SCANNED_MAX = 40, /* bytes of what was scanned of a stray card */
        CUSTODY_SERIALS_MAX = 64,
};

/* A card or blank that cannot be found: missing, with a case. It counts as live until headquarters voids its serial.
 * Refused while it is in work (line_busy) or its outcome is unknown (unknown_open: answered at the desk), and for a
 * serial that is out of use or not in the room's hands (wrong_state). */
int custody_missing(struct core *c, const struct who *who, const char *serial, bool *ret_second_needed,
                    struct error *err);

struct found_ask {
        const char *scanned; /* as scanned: need not be a serial of ours */
        const char *face;    /* ten characters, "" when the card shows none */
        const char *chip_id; /* 20 hex digits, "" when its chip was not read */
};
enum found {
        FOUND_SECOND_NEEDED,
        FOUND_AGAIN, /* a missing card: found, and on its way to be spoiled */
        FOUND_STRAY, /* a case: the ledger knows the card elsewhere, out of use, or not at all; one person is enough */
};
/* A card that lies where it should not: in the printer at the start, on the table, in a drawer.
 *   missing                 two people: found; from there it can only be spoiled
 *   hopper, printed face    more than one was fed: the line holds for `sort` (serial_mismatch); one person is enough
 *   in work                 refused: wrong_state, unknown_print, unknown_write say where its way goes on
 *   anything else           a case of kind stray with what was scanned; the same finding makes no second case */
int custody_found(struct core *c, const struct who *who, const struct found_ask *ask, enum found *ret,
                  int64_t *ret_case, struct error *err);

enum voided { VOID_SECOND_NEEDED, VOID_DONE, VOID_LOCKING };
/* Voids an issued, returned, delivered or missing card by the minutes in ask. The first of the two people must be of
 * the assessment office (I-9 note 4). A written chip that is at hand is locked first, in the line's reader (LOCKING:
 * the outcome follows on the line); with no_chip, and for a missing card, its serial goes on the withdrawn list. Signed
 * once, an attempt whose lock failed is made again by either of the two. *ret_fate: the chip's, when DONE. */
int custody_void(struct core *c, struct line *line, struct spoil_ask *ask, enum voided *ret, const char **ret_fate,
                 struct error *err);

/* The spoiled and void cards go to headquarters with this letter of the director general, all in one transaction; with
 * acknowledged, headquarters has written that it has them. */
int custody_dispatch(struct core *c, const struct who *who, const char *const *serials, size_t n, const char *letter,
                     bool acknowledged, bool *ret_second_needed, struct error *err);
