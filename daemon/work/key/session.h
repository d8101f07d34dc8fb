/* One opened chip: from INITIALIZE UPDATE to the check of its answers. Session keys live here and nowhere else: the
 * table is locked in memory, left out of dumps, and each entry wiped when it ends, is too old, or is needed anew. */
#pragma once
#include "daemon/work/key/subject.h"
#include "proto/gp/plan.h"

enum { SESSIONS_MAX = 4, SESSION_AGE_MAX_S = 900, SESSION_PHOTO_MAX = 65536 };

enum session_state { SESSION_FREE, SESSION_CHALLENGED, SESSION_OPENED, SESSION_WRAPPED };

struct session {
        enum session_state state;
        char id[KEY_SESSION_MAX];
        int64_t since_s; /* CLOCK_BOOTTIME */
        enum key_purpose purpose;
        uint8_t chip_id[KEY_CHIP_ID_SIZE];
        char serial[21];
        struct subject subject;
        uint8_t photo[SESSION_PHOTO_MAX];
        size_t n_photo;
        unsigned max_lc;
        uint8_t challenge[SCP03_CHALLENGE_MAX];
        size_t n_challenge;
        struct scp03 channel;
        struct scp03_step steps[PLAN_COMMANDS_MAX];
        size_t n_steps;
};

struct session_table {
        struct session sessions[SESSIONS_MAX];
};

/* Locks the table; false when the system refuses. */
bool session_table_init(struct session_table *table);
/* A wiped entry with a fresh random id: a free one, else the oldest. NULL and *err when there is no randomness. */
struct session *session_new(struct session_table *table, struct error *err);
/* The entry of this id in this state. NULL and *err (INPUT, key_refused). */
struct session *session_find(struct session_table *table, const char *id, enum session_state state, struct error *err);
void session_end(struct session_table *table, const char *id); /* no such id: nothing */
void session_wipe(struct session *session);
