/* What closing and listing of cases share: the findings, kind by kind. */
#pragma once
#include "daemon/core/desk/cases.h"

struct finding {
        const char *kind, *word;
        const char *says;  /* what two people state with it, for a person */
        const char *bears; /* SQL, static: how many facts allow it for case ?1; 0 = none does */
        const char *lacks; /* why not, when they do not */
        const char *event; /* of an application that is disputed; NULL: none */
        bool needs_text;
};
extern const struct finding case_findings[]; /* kind NULL ends */

/* Whether the ledger's facts bear the finding out for this case, now. */
bool case_bears(struct ledger *l, const struct finding *f, int64_t id);
