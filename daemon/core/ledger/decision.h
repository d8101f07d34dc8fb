/* A person's decision is an intent of its own (kind decide): its row, with who said what on which evidence, stands
 * before the effect in the same transaction, and the audit chain holds it (DESIGN 1.4, 1.8). */
#pragma once
#include "daemon/core/ledger/intent.h"

struct decision {
        const char *application, *serial, *line; /* what it is about; NULL where it does not apply */
        const char *of;                          /* the intent or case decided about: its id */
        json_t *facts;                           /* taken: what was said, without personal data */
        const char *first;                       /* who asked before; NULL for a decision of one person */
        const char *seen;                        /* the evidence as it stands in the ledger; its digest is kept */
};

/* Makes the row; the effect is to follow. */
void decision_begin(struct ledger *l, const struct decision *d, char ret_id[UUID_TEXT]);
/* After the effect. */
void decision_end(struct ledger *l, const char *id);
