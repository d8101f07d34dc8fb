/* An application's approval as the ledger keeps it: exact bytes, verified again each time it is used. */
#pragma once
#include "daemon/core/core.h"
#include "proto/portal/approval.h"

struct approval_file {
        char *jws; /* owned, NUL-terminated */
        struct approval approval;
        uint8_t sha256[32]; /* of the payload: the data hash */
};

/* Reads and verifies it, against the portal CA and now. 0, or -1 and *err: not_found, approval_missing,
 * approval_broken, or what approval_check refuses. */
int approval_load(struct core *c, const char *application, struct approval_file *ret, struct error *err);
void approval_file_done(struct approval_file *f); /* accepts a zeroed one; fits cleanup() */

/* Inside a transaction: takes one item of the portal's list into the ledger. approval NULL for one in the chain; held:
 * none, self or other. An approval that cannot be used is kept with its refusal, so that the expert sees why. */
void approval_take(struct core *c, const char *application, const char *stage, const char *waiting_for,
                   const char *deadline, const char *held, const char *approval);
/* Inside a transaction: the portal says the application is bound to this station under this fence. */
void approval_bound(struct core *c, const char *application, int64_t fence);
/* The photo's bytes if the ledger has it: 1 and *ret (malloc), 0 none yet, -1 fault. */
int photo_load(struct core *c, const char *sha256, uint8_t **ret, size_t *ret_n, struct error *err);
