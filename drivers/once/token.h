/* The gate's side of the one-time token (proto/gate.h): consume it before, and record the result after, the real
 * backend ran. Local disk only: RENAME_NOREPLACE (rename(2)) and flock(2) must work there, else everything is refused.
 * Messages are one English clause for CUPS's error_log. */
#pragma once
#include "proto/gate.h"

/* Opens the gate directory: descriptor, or -1 and *ret_why. */
int token_dir_open(const char *path, const char **ret_why);

/* ISSUED -> CONSUMED, synced (file and directory) when it returns. Answers the descriptor that holds the lock: keep it
 * open, and let the real backend inherit it, so that "is it still working" can be asked. -1 and *ret_why: no token, or
 * used, revoked, busy, or the disk refused; the real backend must not be started. intent: gate_intent_ok. */
int token_consume(int dir, const char *intent, const char **ret_why);

/* Records the real backend's status, synced. 0, or -1 and *ret_why: the print then stays without a result. */
int token_record(int dir, const char *intent, int result, const char **ret_why);
