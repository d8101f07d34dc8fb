/* What is printed next: the application, the blank, and the attempt that binds the two. */
#pragma once
#include "daemon/core/core.h"
#include "proto/ipc/key.h"

/* One attempt to make one card: a new one, or the last one when it never reached a blank. */
struct attempt {
        char application[APPLICATION_TEXT], card[UUID_TEXT], face_code[FACE_CODE_TEXT], issue_date[11];
        char begin[UUID_TEXT];          /* its begin intent, open or done; "" when none yet */
        char reissue[41];               /* HQ's authorisation used by this attempt; "" when none */
        char unregistered[SERIAL_TEXT]; /* rule `registered`: the spoiled serial the portal never had */
        char *authorisation;            /* its JWS; owned */
        bool bound;                     /* the portal has receipted the begin */
};
void attempt_done(struct attempt *a); /* accepts a zeroed one */

/* The named application, or with NULL the longest waiting one that can be printed. 0 and ret (33 bytes), or -1 and
 * *err with the rule that forbids it: not_found, approval_missing ..., worksheet_missing (I-6.6), awaiting_reissue
 * (I-8), withdrawn, wrong_state, unknown_open. */
int pick_application(struct core *c, const char *line, const char *application, char *ret, struct error *err);
/* Refuses with no_blank when the line's hopper is empty. */
int pick_blank_exists(struct core *c, const char *line, struct error *err);
/* Inside a transaction: the next serial of the hopper. */
void pick_blank(struct ledger *l, const char *line, char ret[SERIAL_TEXT]);

/* Fills the attempt for its application: face code, issue date, authorisation. */
int attempt_prepare(struct core *c, struct attempt *a, const struct who *who, struct error *err);
/* The attempt whose face the serial carries. 0, or -1 and *err: wrong_state when it carries none. */
int attempt_of_serial(struct core *c, const char *serial, struct attempt *ret, struct error *err);
/* Withdrawn by the portal, be it that a card of it still waits to be put aside. */
bool application_is_withdrawn(struct ledger *l, const char *application);
/* A printed card goes on only while its application is in production: refuses (withdrawn, portal_refused, ...)
 * otherwise, and the card rests until it is spoiled or the case is closed (DESIGN 3, Withdrawal). */
int card_check_application(struct core *c, const char *application, struct error *err);
struct key_subject attempt_subject(const struct attempt *a, const char *approval);
/* False while bound, authorised, its begin on the way, or claimed with a lease that still runs in this boot. */
bool attempt_needs_claim(struct core *c, const struct attempt *a);
/* Inside a transaction: the claim intent, or the open one. */
void attempt_claim(struct core *c, const struct attempt *a, char ret_intent[UUID_TEXT]);
/* Inside a transaction: the card row and the begin intent. */
void attempt_begin(struct core *c, struct attempt *a, const char *line, const char *layout_sha256, const char *qr);
/* Inside a transaction: refuses when the application is no more what the attempt began with: its record was changed,
 * it was withdrawn, another state. bound: it must be bound now, else claimed, authorised or bound. */
void attempt_recheck(struct ledger *l, const struct attempt *a, const uint8_t data_sha256[32], bool bound);
/* True and *err when this closed intent was not granted. */
bool attempt_refused(struct core *c, const char *intent, struct error *err);
