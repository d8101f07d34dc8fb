/* mohr-audit-verify: an auditor's second opinion on a ledger, from the description of the audit chain alone
 * (daemon/core/ledger/audit.h, the comment; docs/man/mohr-audit-verify.8). It shares no code with the core.
 *
 * Row hash: SHA-256("mohr-audit-v1" 0x00 || prev, 64 hex digits || netstrings of seq, epoch, boot_id, t_wall, t_boot,
 * actor, role, event, entity, subject, from_state, to_state, intent, body; NULL is "-1:,"). Blocks on the file only. */
#pragma once
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HASH_TEXT = 65 }; /* 64 lower-case hex digits and NUL */

/* A head that somebody outside the ledger remembers. */
struct anchor {
        int64_t epoch, seq;
        char head[HASH_TEXT];
        long line; /* of its file */
};

struct anchors {
        struct anchor *list; /* by epoch, then seq */
        size_t n;
};

/* Last state of each entity as the rows tell it (replay.c). */
struct states;

struct verify {
        sqlite3 *db;
        struct anchors anchors;
        struct states *states;
        int64_t n_faults;
        int64_t n_rows, seq, epoch, first_epoch; /* of the last (first) row */
        char head[HASH_TEXT];
};

/* One column's value as the row has it: text NULL = SQL NULL. */
struct value {
        const char *text;
        size_t n;
};

/* Prints "WHERE: what" and counts. */
__attribute__((format(printf, 3, 4))) void fault(struct verify *v, const char *where, const char *format, ...);
/* The same, about an audit row. */
__attribute__((format(printf, 3, 4))) void fault_row(struct verify *v, int64_t seq, const char *format, ...);
/* Prints why nothing can be said, and ends the program with 2. */
__attribute__((format(printf, 1, 2), noreturn)) void give_up(const char *format, ...);
/* A statement on the ledger (sqlite3_finalize by the caller), or gives up. Step: true for a row. */
sqlite3_stmt *query(struct verify *v, const char *sql);
bool next_row(struct verify *v, sqlite3_stmt *s);

/* chain.c: sequence, types, hashes, epochs; fills n_rows, seq, epoch, head and v->states. */
void check_chain(struct verify *v);

/* replay.c */
struct states *states_new(void);
void states_free(struct states *s);
void replay_row(struct verify *v, int64_t seq, struct value entity, struct value subject, struct value event,
                struct value from, struct value to);
/* The tables application, blank and intent say what the rows lead to. */
void check_states(struct verify *v);

/* anchors.c: JSON lines {"epoch":N,"seq":N,"head":HEX}; gives up on a file that is none. */
void anchors_read(struct verify *v, const char *path);
void anchors_free(struct anchors *a);
/* Each remembered head stands in the chain: those of the file, and those the ledger's own portal calls carry. */
void check_anchors(struct verify *v);
void check_told_heads(struct verify *v);
