/* The portal-bound intents: how each is made, and what its answer does to the ledger (DESIGN 5).
 *
 * The making calls stand inside a transaction; the bytes are fixed there and never made again. */
#pragma once
#include "daemon/core/core.h"
#include "proto/ipc/net.h"

void call_claim(struct ledger *l, const char *application, char ret_intent[UUID_TEXT]);
/* authorisation may be NULL. */
void call_begin(struct ledger *l, const char *application, const char *card, const char *face_code,
                const char *issue_date, const char *authorisation, char ret_intent[UUID_TEXT]);
/* The serial of an issued card (I-6.9); its audit row is the last one written in this transaction. */
void call_report(struct ledger *l, const char *application, const char *serial);
/* A spoiled serial (I-8); application NULL for a blank that carried none. `from` is the state it was spoiled in. */
void call_spoil(struct ledger *l, const char *application, const char *serial, const char *from, bool registered);

/* The head of the audit chain as it stands before this transaction's rows. */
void call_anchor(struct ledger *l, char ret_intent[UUID_TEXT]);

enum call_verdict {
        CALL_CLOSED,  /* definite: the intent is done or refused in the ledger */
        CALL_LATER,   /* nothing was applied, or it is not known: the same bytes again */
        CALL_STOPPED, /* the ledger failed */
};
/* Judges an answer to the intent's call and records it. body may be empty. */
enum call_verdict call_answered(struct core *c, const char *intent, const struct net_answer *answer, struct bytes body,
                                struct error *err);
