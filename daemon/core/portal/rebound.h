/* Bound, but not by this ledger: a former installation of this station began a card that this one knows nothing of
 * (DESIGN 1.1, 1.8, 5). Whether plastic came out of its printer nobody can ask; so the application is disputed, with a
 * case of kind `rebound`, until two people of two offices say what they found. Where they cannot, it stays so: then
 * headquarters unbinds it. */
#pragma once
#include "daemon/core/core.h"

#define REBOUND_CASE "rebound"

/* Inside a transaction: the portal's hello tells of a card begun under this face code. One that this ledger did not
 * begin itself is remembered as a card without a begin of its own. */
void rebound_note(struct ledger *l, const char *application, const char *face_code, const char *issue_date);
/* Inside a transaction: the application has just become `bound` without a begin of this ledger. It becomes `disputed`,
 * with its case. */
void rebound_open(struct ledger *l, const char *application);
/* Inside a transaction: the portal has answered the question, by this word in the audit. The case is closed. True when
 * there was one, and no other case holds the application. */
bool rebound_end(struct ledger *l, const char *application, const char *found);
/* Inside a transaction: the portal no longer holds the application for this station. Headquarters unbound it, and so
 * answers for its former card: the case ends, and the application is offered again. */
void rebound_unbound(struct ledger *l, const char *application);

struct rebound_answer {
        const char *found;  /* "no_card" or "card_found" */
        const char *serial; /* with card_found: as scanned; NULL else */
        const char *face;   /* with card_found: the face code as scanned; NULL else */
};
/* Takes two people of two offices: after the first *ret_second_needed and nothing else. no_card: it may be printed
 * here. card_found: that serial carries that card and is spoiled, its serial withdrawn because the chip may hold
 * anything; a new card waits for headquarters as after any spoiled one (I-8.1.2). 0, or -1 and *err: not_found (no such
 * open case), face_mismatch (another card), serial_used, same_person. */
int rebound_decide(struct core *c, const struct who *who, const char *application, const struct rebound_answer *answer,
                   bool *ret_second_needed, struct error *err);
