/* A station in a temporary folder: the core's own parts on a fresh ledger, a portal of the test's own keys, and on wish
 * the whole core with workers that follow a script (station-fake.c). */
#pragma once
#include "daemon/core/card/inspect.h"
#include "daemon/core/core.h"
#include "daemon/core/portal/approvals.h"
#include "proto/base/cleanup.h"
#include "tests/unit/pki.h"

struct rig {
        char dir[64];
        struct core core;
        struct pki_party root, approvals, receipts, reissues;
        char approval_header[8000], receipt_header[8000], reissue_header[8000];
        int64_t portal_ahead_s; /* of its clock */
        pid_t net, key;         /* services of rig_open; 0: none */
};

extern const struct who rig_expert, rig_colleague, rig_security; /* two of one office, one of another */

/* data: the folder tests/data. */
void rig_init(struct rig *r, const char *data);
void rig_done(struct rig *r);
/* Ledger, loop and one line "a"; no process, no socket. */
void rig_bare(struct rig *r);
/* The whole core; fakes: the program station-fake. Ended with rig_close; may be opened again. */
void rig_open(struct rig *r, const char *fakes);
void rig_close(struct rig *r);
/* Writes the script that the fakes follow: lines "WHO STEP ACTION" (station-fake.c). */
void rig_script(const struct rig *r, const char *text);
/* What the fakes did so far, a word per line: how often this one stands there. */
unsigned rig_effects(const struct rig *r, const char *word);
/* Runs the loop until what() is true; 20 s at most. */
void rig_until(struct rig *r, bool (*what)(struct rig *r));
void rig_run(struct rig *r, int64_t ms);

/* The signed approval of tests/data/approval.json for this application, after `change` (may be NULL). */
char *rig_approval(struct rig *r, const char *application, void (*change)(json_t *approval));
char *rig_reissue(struct rig *r, const char *id, const char *application, const char *serial);
/* The receipt the portal gives for this intent as it stands in the ledger. */
char *rig_receipt(struct rig *r, const char *intent, const char *what, const char *station);
char *rig_receipt_of(struct rig *r, const char *key, const char *payload_sha256, const char *what, const char *station);
/* Approved, paid, photo there, worksheet confirmed. */
void rig_offer(struct rig *r, const char *application);
/* A loaded blank SC-1405-000101 ... of n. */
void rig_load(struct rig *r, const char *to);
/* Brings the hopper's serial to this state with a card of the application; the chip's id is made of the serial. */
void rig_card(struct rig *r, const char *application, const char *serial, const char *state);

bool rig_is(struct rig *r, enum entity entity, const char *id, const char *state);
int64_t rig_count(struct rig *r, const char *sql);
void rig_text(struct rig *r, const char *sql, char *ret, size_t max);
