/* What comes from the portal: hello, applications, photos, authorisations to print again, withdrawals. Read-only calls:
 * the portal's own ledger is read while a refused report waits for it (cases.h);
 * a page is stored in one transaction with its cursor or not at all. */
#pragma once
#include "daemon/core/supervise/supervise.h"

struct core;

enum sync_list { SYNC_APPLICATIONS, SYNC_REISSUES, SYNC_WITHDRAWN, SYNC_LEDGER, SYNC_LISTS };

struct sync {
        struct core *core;
        struct task task;
        struct timer timer;
        enum { SYNC_IDLE, SYNC_HELLO, SYNC_PAGE, SYNC_PHOTO } doing;
        enum sync_list list;
        char photo[65], hello_key[37];
        uint8_t hello_sha256[32];
        bool greeted, fenced, again;
        int64_t synced_at; /* wall ms of the last complete round; none that began before the last kick */
        struct error last;
        bool failed; /* the last round; `last` says why */
};

void sync_open(struct sync *s, struct core *core);
void sync_close(struct sync *s);
/* A round now (after the running one, if any). Harmless before sync_open. */
void sync_kick(struct sync *s);
