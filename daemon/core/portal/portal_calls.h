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
/* A card that is out of use for good. */
struct call_gone {
        const char *application, *serial;       /* application NULL for a blank that carried none */
        const char *from, *cause, *text, *fate; /* from: the state it went out of use in */
        bool registered;                        /* its serial was reported (I-8 note 3) */
        const char *minutes, *minutes_sha256, *first,
                *second; /* of a void: the board's, and the two who signed; else NULL */
};
/* A spoiled serial (I-8). */
void call_spoil(struct ledger *l, const struct call_gone *gone);
/* A voided serial that had been reported (I-9 note 4); minutes and signers are needed. */
void call_void(struct ledger *l, const struct call_gone *gone);

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
