/* The worker main: reads one task from its socket, runs it top to bottom as plain blocking code, answers, loops.
 *
 * A worker keeps nothing of value in memory and may be killed at any instruction. Children of the core inherit the
 * socket as descriptor 3; services accept one connection of the core's uid at a time (daemon/work/service.h). */
#pragma once
#include "daemon/ipc/packet.h"

enum { WORKER_FD = 3 };

struct worker {
        int fd;
        int64_t id;    /* of the task being run */
        void *context; /* of the program, passed by worker_run */
};

/* One verb. Answers 0 after filling *ret_args (may stay NULL = {}) and perhaps *ret_blob, or -1 and *err, which is
 * sent as "failed". args is never NULL; blob is -1 or a descriptor that worker_run closes after the call. */
struct worker_task {
        const char *verb;
        int (*run)(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err);
};

/* Says ready, then serves tasks (table ends with verb NULL) until end of file: 0. -1 when the peer breaks the protocol.
 */
int worker_run(int fd, const char *name, const struct worker_task *tasks, void *context, struct error *err);

/* Posts a checkpoint and waits for the core's word that it is committed; blocks without limit (the core holds the
 * deadline). args may be NULL, blob -1. On 0 *ret_args (new reference, may be NULL to ignore) and *ret_blob (may be
 * NULL; the caller closes) hold what came with "go". -1 and *err (OPERATOR, reason of call-off) when called off. */
int worker_checkpoint(struct worker *w, const char *name, json_t *args, int blob, json_t **ret_args, int *ret_blob,
                      struct error *err);
/* Live progress for the console; a failure to send is found at the next message. */
void worker_progress(struct worker *w, const char *step, int64_t done, int64_t of);
/* Sends one named blob of the answer. 0 or -1. */
int worker_part(struct worker *w, const char *name, struct bytes data, struct error *err);
/* For children: PR_SET_PDEATHSIG, CLOEXEC on descriptor 3, no core dump, umask 0077. Call first in main. */
int worker_child_setup(struct error *err);
