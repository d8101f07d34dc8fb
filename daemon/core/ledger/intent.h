/* Intents: one durable row before each outside effect, its id carried to the last hop (DESIGN 1.3, 1.4).
 *
 * All calls belong inside a ledger transaction and do nothing once it has failed. */
#pragma once
#include "daemon/core/ledger/ledger.h"

struct intent_spec {
        const char *kind; /* claim, release, begin, print, write, lock, report, spoil, anchor, decide */
        const char *application, *card, *serial, *line; /* what it is about; NULL where it does not apply */
        const char *method, *path;                      /* portal-bound only */
        struct bytes payload;                           /* portal-bound: the exact bytes; p NULL otherwise */
};

/* Makes the row (state running) and its id. */
void intent_new(struct ledger *l, const struct intent_spec *spec, char ret_id[UUID_TEXT]);
/* The same with an id chosen before (the payload names it). */
void intent_new_as(struct ledger *l, const struct intent_spec *spec, const char *id);
/* A committed checkpoint: step and evidence (merged into what is there; NULL for none). */
void intent_step(struct ledger *l, const char *id, const char *step, const json_t *evidence);
/* Evidence that came later: as a checkpoint, but the step stays. what names it in the audit. */
void intent_evidence(struct ledger *l, const char *id, const char *what, const json_t *evidence);
/* event: done, fail, refuse, lose, repeat. result may be NULL. */
void intent_close(struct ledger *l, const char *id, const char *event, const json_t *result);
/* All unknown outcomes of a card that nobody can look at any more: spoiled, or nowhere. */
void intent_close_unknown(struct ledger *l, const char *serial, const json_t *result);
