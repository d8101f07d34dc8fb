/* The station's side of the print gate's one-time token (proto/gate.h): issue, look, revoke, wait.
 *
 * The directory belongs to the station's user and the group of the CUPS backends (lp), mode 2770, on a local disk. All
 * calls are short disk operations; token_wait blocks as long as it is told. Errors are RETRY or OPERATOR: whatever
 * fails here has started nothing. */
#pragma once
#include "proto/base/error.h"
#include "proto/gate.h"

struct token_dir; /* owned by the caller: token_dir_free accepts NULL */

int token_dir_new(const char *path, struct token_dir **ret, struct error *err);
void token_dir_free(struct token_dir *dir);

/* Tries creating, syncing, renaming and removing a file, and that the group may write. 0, or -1 and what is wrong. */
int token_dir_check(struct token_dir *dir, struct error *err);

/* Makes the token, synced when it returns. -1 and *err: RETRY/OPERATOR of the disk; code EEXIST when any token of this
 * intent exists already (nothing was changed). */
int token_issue(struct token_dir *dir, const char *intent, struct error *err);

/* What the gate says now. *ret_running: the gate or the real backend lives and works at it. */
int token_look(struct token_dir *dir, const char *intent, struct gate_state *ret, bool *ret_running, struct error *err);

/* Makes sure that the print can never start: issued or none -> revoked, synced. Exactly one of this and the gate's
 * consumption wins; *ret tells the state afterwards (GATE_REVOKED: proven not started; GATE_CONSUMED, GATE_DONE: the
 * gate was first). */
int token_revoke(struct token_dir *dir, const char *intent, struct gate_state *ret, struct error *err);

/* Returns when a token in the directory changed, or after timeout_ms. */
void token_wait(struct token_dir *dir, int timeout_ms);
