/* The room's blanks: entry, hopper, and putting right what a double feed shifted. Custody proper (vault, hand-overs
 * with minutes) is a part of its own; here each serial only moves between room, hopper and the cards in work. */
#pragma once
#include "daemon/core/core.h"

enum { STOCK_RANGE_MAX = 5000, SORT_CARDS_MAX = 50 };

/* Enters FROM..TO into the room's stock. Refuses a serial that the ledger knows already (serial_used). */
int stock_add(struct core *c, const struct who *who, const char *from, const char *to, int64_t *ret_count,
              struct error *err);
/* FROM..TO lie in the line's hopper, behind what is there; the line's feed says which end leaves first (I-3.7). */
int stock_load(struct line *line, const struct who *who, const char *from, const char *to, int64_t *ret_count,
               struct error *err);
/* What is left in the hopper goes back to the room's shelf. */
int stock_unload(struct line *line, const struct who *who, int64_t *ret_count, struct error *err);

/* One card that came out of the printer, as scanned. */
struct sorted {
        char serial[SERIAL_TEXT];
        char face[FACE_CODE_TEXT]; /* "" = the card is unprinted */
};
/* After a mismatch: every card that came out since, and the serial now next in the hopper ("" = it is empty). Faces are
 * bound to the serials they really stand on; an unprinted card goes back to the room, which takes a second person of
 * another office (then *ret_second_needed and nothing else happens at the first call). Every serial between the old and
 * the new next one must be named. On success the line is free again. */
int stock_sort(struct line *line, const struct who *who, const struct sorted *cards, size_t n_cards, const char *next,
               bool *ret_second_needed, struct error *err);
