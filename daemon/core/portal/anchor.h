/* Anchors (DESIGN 1.9, 5): the portal remembers the head of the audit chain, so that nobody can rewrite or roll back
 * the ledger unseen. After reports and every portal.anchor_s seconds, when something happened since the last one; never
 * more than one on its way. A ledger that the portal has fenced sends none. */
#pragma once
#include "daemon/core/ledger/ledger.h"
#include "daemon/core/loop/timer.h"

struct core;

struct anchor {
        struct core *core;
        struct timer timer;
        char intent[UUID_TEXT]; /* the last one made by this process; "" before */
        int64_t seq;            /* the row it tells */
};

void anchor_open(struct anchor *a, struct core *core);
void anchor_close(struct anchor *a);
/* Something worth anchoring was settled: within seconds. Harmless at any time. */
void anchor_soon(struct anchor *a);
