/* Supervision of everything that works for the core: child processes and connections to services, one shape for both.
 *
 * A `work` runs one task at a time and keeps a queue. A child ends in one way only: SIGKILL or crash -> SIGCHLD ->
 * reaped -> socket drained -> judged -> a fresh one after a pause (0, 200, 400 ms ... 6.4 s; reset by a good answer).
 * A service connection ends likewise without the reaping: shut -> drained -> closed -> judged -> connected anew.
 * Nothing here blocks but work_stop. No callback ever runs inside work_submit, work_go, work_call_off, work_abort or
 * work_cancel; all come from the loop (or from work_stop). Messages: proto/ipc/envelope.h. */
#pragma once
#include "daemon/core/loop/loop.h"
#include "proto/ipc/envelope.h"

enum work_kind {
        WORK_CHILD,    /* a process of ours that serves task after task; socket is its descriptor 3 */
        WORK_ONE_SHOT, /* a fresh process per task; the next one is started beforehand and waits */
        WORK_SERVICE,  /* a SOCK_SEQPACKET unix socket somebody else listens on */
};

/* How to start it. Everything is copied. */
struct work_spec {
        const char *name; /* for status and log: "mohr-print" */
        const char *line; /* or NULL */
        enum work_kind kind;
        const char *const *argv; /* argv[0] = program's path; not for services */
        const char *const *env;  /* NAME=VALUE ..., NULL-terminated or NULL; beside it only PATH and LANG=C.UTF-8 */
        const char *socket;      /* services: path */
        int64_t start_ms;        /* limit from start or connect to "ready"; 0 = 5000 */
        int64_t pause_ms;        /* second pause before a new start (the first is 0), then doubled; 0 = 200 */
        enum reason down;        /* reason of a task that waited in vain: REASON_KEY_DOWN ...; NONE = worker_lost */
};

enum work_state {
        WORK_DOWN,     /* pausing before the next start */
        WORK_STARTING, /* not yet said ready */
        WORK_IDLE,
        WORK_BUSY,    /* runs a task; its deadline counts */
        WORK_HOLDING, /* at a checkpoint: the core has the word, no deadline */
        WORK_ENDING,  /* killed, not yet reaped */
        WORK_STOPPED,
};
const char *work_state_name(enum work_state state);

/* One task, inside its owner. Set message, lost and perhaps wait_ms; zero the rest. The last callback is exactly one
 * of: message(done), message(failed), lost. Before it the task leaves the work, so that the callback may free the task
 * or submit it again. */
struct task {
        /* m and blob (-1 = none) are borrowed for the call; steal(&m->args) and dup(blob) to keep. Kinds: CHECKPOINT
         * (answer with work_go or work_call_off, now or later), PROGRESS, PART (with blob), DONE, FAILED (m->error). */
        void (*message)(struct task *t, struct ipc_message *m, int blob);
        /* No answer will come. kind UNKNOWN: it had been handed over; the process is dead or the connection closed,
         * and everything it said has been delivered. kind RETRY: never handed over. BUG: it does not fit a packet. */
        void (*lost)(struct task *t, const struct error *err);
        int64_t wait_ms; /* longest stay in the queue while the work is not running tasks; 0 = no limit */

        /* supervise's own */
        struct work *work;
        struct task *next;
        struct timer timer;
        int64_t id, limit_ms;
        char verb[IPC_NAME_MAX + 1];
        json_t *args;
        int blob;
        bool called_off;
        bool no_blob; /* its blob could not be duplicated */
};

struct work;

/* A new work, started at once from the loop. NULL and *err without memory. The loop must outlive it. */
struct work *work_new(struct loop *loop, const struct work_spec *spec, struct error *err);
/* Ends it: SIGKILL, waits up to 2 s for the reaping, drains, judges (callbacks run), loses what is queued. Neither
 * may be called from a callback of the same work. work_free stops first if need be; NULL is fine. */
void work_stop(struct work *w);
void work_free(struct work *w);

/* Queues a task, first in first out. args is TAKEN (NULL = {}), blob (-1 = none) is duplicated, the caller keeps its
 * own; on a stopped work the task is dropped without a callback. limit_ms counts from the hand-over, anew from each
 * progress message and each work_go; it rests at checkpoints. At the limit a child is killed and a service's connection
 * closed. */
void work_submit(struct work *w, struct task *t, const char *verb, json_t *args, int blob, int64_t limit_ms);
/* Answers the checkpoint the task stands at: "committed". args is TAKEN, blob is sent, the caller keeps its own. Does
 * nothing when the worker has ended meanwhile (lost follows, or has come) or does not stand at a checkpoint. */
void work_go(struct task *t, json_t *args, int blob);
/* Ends the task at the checkpoint it stands at, else at the next one; its message(failed) follows. */
void work_call_off(struct task *t);
/* Ends the task at once by ending the process or connection; lost(UNKNOWN) or a late answer follows. */
void work_abort(struct task *t);
/* Takes a task that was not yet handed over off the queue: true, no callback follows. Else false. */
bool work_cancel(struct task *t);
bool work_task_open(const struct task *t); /* queued or running */

struct work_status {
        const char *name, *line; /* borrowed; line may be NULL */
        enum work_kind kind;
        enum work_state state;
        pid_t pid; /* 0 for services and when down */
        unsigned n_restarts, n_queued;
        int64_t since_ms; /* now_boot_ms() of the last change of state */
        const char *verb; /* being run, or NULL */
};
void work_status(const struct work *w, struct work_status *ret);
/* Called after each change of state, e.g. to publish it; may not stop or free the work. NULL = nobody. */
void work_watch(struct work *w, void (*changed)(void *context, const struct work *w), void *context);
