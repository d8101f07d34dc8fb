/* The print gate's one-time token: the rules that the CUPS backend `mohr-once` and the station share.
 *
 * A token is one or two small files in the gate directory, named by the intent; the name is the state, so that a
 * state changes by rename(2), which exactly one of two racing processes can win:
 *   INTENT.issued    made by the station (O_EXCL, synced) before the job is sent
 *   INTENT.consumed  renamed from issued, without replacing, by the gate before the real backend starts; stays for ever
 *   INTENT.done      beside consumed: "done N\n", N the real backend's exit status (128 + signal when killed or told
 *                    to stop). A backend that says 0 after SIGTERM is recorded as 143: it proves no card.
 *   INTENT.revoked   renamed from issued (or made anew) by the station: this print can never start
 * While the gate or the real backend lives it holds flock(2) LOCK_EX on the consumed file.
 *
 * The map from the real backend's status (backend(7)) to the gate's: 0 -> 0, 1 -> 1, all others -> 5 CANCEL, because
 * CUPS starts a job again by itself after 4 STOP, 6 RETRY and 7 RETRY_CURRENT whatever the error policy is, and keeps
 * one after 2 AUTH_REQUIRED and 3 HOLD that someone could release (measured on CUPS 2.4.2). */
#pragma once
#include "proto/base/bytes.h"

enum {
        GATE_INTENT_LEN = 36,                 /* UUID text */
        GATE_NAME_MAX = GATE_INTENT_LEN + 16, /* a file name with its NUL */
        GATE_TEXT_MAX = 16,                   /* "done 255" with its NUL, or the record "done 255\n" */
        GATE_SCHEME_MAX = 32,
        GATE_EXIT_OK = 0,     /* backend(7): CUPS_BACKEND_OK */
        GATE_EXIT_FAILED = 1, /* CUPS_BACKEND_FAILED */
        GATE_EXIT_CANCEL = 5, /* CUPS_BACKEND_CANCEL */
        GATE_RESULT_TERMINATED = 128 + 15,
};

enum gate_phase { GATE_NONE, GATE_ISSUED, GATE_CONSUMED, GATE_DONE, GATE_REVOKED };

struct gate_state {
        enum gate_phase phase;
        int result; /* 0..255, with GATE_DONE only */
};

/* Exactly 36 of [a-z0-9-]: nothing else may become part of a path. NULL is refused. */
bool gate_intent_ok(const char *intent);
/* The token file's name in a phase; intent must be gate_intent_ok, phase not GATE_NONE (both asserted). */
void gate_name(const char *intent, enum gate_phase phase, char ret[GATE_NAME_MAX]);

/* The record in the done file: its length, at most GATE_TEXT_MAX - 1; result 0..255 (asserted). */
size_t gate_record_encode(int result, char ret[GATE_TEXT_MAX]);
bool gate_record_decode(struct bytes record, int *ret);

/* "none", "issued", "consumed", "done N", "revoked", for messages and people. */
void gate_state_text(struct gate_state state, char ret[GATE_TEXT_MAX]);
bool gate_state_parse(const char *text, struct gate_state *ret);

int gate_exit(int result); /* what the gate answers CUPS for the real backend's status */

/* The real URI inside `mohr-once:REAL-URI`, a pointer into device_uri; NULL when it is none. The scheme (RFC 3986 3.1,
 * at most GATE_SCHEME_MAX - 1 bytes) names the real backend's program; a gate inside a gate is refused. */
const char *gate_real_uri(const char *device_uri, char ret_scheme[GATE_SCHEME_MAX]);
