/* The approval chain: what the officials of centre and province do in the portal before a station sees an approval.
 *
 * A-B1 to A-B3 (who confirms, in which order, within how many working days), A-A1 to A-A3 (who defines whose account),
 * I-9.1 (mending until the day before the exam), I-6.5 and S4 (the fee, after the director). Each act is one
 * transaction while `serve` runs, and prints one JSON line. A refused one ends the process with
 * "refused: REASON: text", nothing changed. */
#pragma once
#include "portal.h"

/* Texts are NULL, numbers negative when not given. */
struct chain_options {
        const char *act, *by, *application, *at;
        const char *name, *role, *centre;                        /* account */
        const char *kind, *old, *minutes, *exam;                 /* register */
        const char *field, *value;                               /* edit, register */
        const char *reason;                                      /* reject */
        const char *unit, *reference;                            /* pay */
        const char *weekend, *holidays, *from, *to;              /* calendar, days */
        const char *samples, *province_fa, *province_en;         /* as seed */
        int64_t person, theory, practical, on_worksheet, amount; /* register, enter, pay */
};

void chain_create(struct store *store); /* its tables, when missing; outside a transaction */
/* True when the act exists. */
bool chain_run(struct portal *portal, const struct chain_options *options);
extern const char chain_usage[];
