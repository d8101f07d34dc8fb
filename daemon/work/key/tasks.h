/* The verbs of mohr-key (proto/ipc/key.h) for worker_run; context is a struct key_service. */
#pragma once
#include "daemon/work/key/custody.h"
#include "daemon/work/key/session.h"
#include "daemon/work/key/store.h"
#include "daemon/work/worker.h"

struct key_service {
        struct custody custody;
        struct store *store;
        struct session_table *sessions;
        bool registered; /* reissue_authorisation = registered */
        const char *station, *authority_fa, *authority_en;
};

extern const struct worker_task key_tasks[];
