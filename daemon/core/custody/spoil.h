/* A card is spoiled (I-8) or voided by the board's minutes (I-9 note 4, custody.h): its serial never comes back, a
 * written chip is made unverifiable first, the portal hears of it, and the applicant waits for headquarters. */
#pragma once
#include "daemon/core/core.h"

enum { SPOIL_TEXT_MAX = 500 };

struct spoil_ask {
        const char *serial, *cause;
        const char *text; /* "" unless the cause is `other` */
        bool no_chip;     /* the chip cannot be reached: the serial goes on the withdrawn list */
        struct who who;
        /* A void: the minutes' number and the digest of the signed document, and the two who signed; else NULL. */
        const char *minutes, *minutes_sha256, *first, *second;
};

/* Whether a print, write or lock of this card runs now. */
bool spoil_in_work(struct core *c, const char *serial);
/* Whether anything of the holder may stand on the chip, so that it must be locked first. */
bool spoil_needs_chip(struct core *c, const char *serial);
/* Checks the request: serial known and in a state that can be spoiled, cause of the list, text. 0, or -1 and *err. */
int spoil_check(struct core *c, const struct spoil_ask *ask, struct error *err);
/* Records it, spoiled or void, in one transaction. fate: "unwritten", "unverifiable" or "withdrawn_list"; lock_intent
 * may be NULL, else it is closed as done in the same transaction. */
int spoil_record(struct core *c, const struct spoil_ask *ask, const char *fate, const char *lock_intent,
                 struct error *err);
/* The causes, for the CLI and the console: NULL-terminated. */
extern const char *const spoil_causes[];
