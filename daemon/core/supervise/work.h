/* Inside of supervise: one work, shared by its two halves (supervise.c: its life; work_task.c: tasks and messages). */
#pragma once
#include "daemon/core/supervise/supervise.h"

enum { WORK_START_MS = 5000, WORK_PAUSE_MS = 200, WORK_PAUSE_DOUBLINGS = 5, WORK_STEADY_MS = 10000 };

struct work {
        struct loop *loop;
        char *name, *line, *socket_path;
        char **argv, **env;
        enum work_kind kind;
        enum reason down;
        int64_t start_ms, pause_ms;

        enum work_state state;
        struct child child;
        struct source socket;
        struct timer clock;    /* limit of the start, or the pause before it */
        struct deferred pump;  /* hand over the next task */
        struct deferred judge; /* a service's end: drain, close, verdict */
        struct task *running, *queue;
        int64_t next_id, since_ms, ready_ms;
        unsigned n_failures, n_restarts;
        bool spent; /* a one-shot process that has answered */
        bool told;  /* that it cannot be started: once per outage */
        const char *why;
        int64_t window_ms; /* flood guard: start of the present second and its count */
        unsigned n_in_window;
        void (*changed)(void *context, const struct work *w);
        void *context;
};

void work_set_state(struct work *w, enum work_state state);
/* Ends the process or connection; the verdict follows. why: static text for the log and the lost task. */
void work_end(struct work *w, const char *why);
/* Reads at most max packets (0 = all). False at end of file or after garbage: nothing more will come. */
bool work_drain(struct work *w, unsigned max);
/* No answer will come for the running task. */
void work_lose_running(struct work *w);
/* All queued tasks are lost, RETRY. */
void work_lose_queue(struct work *w);
void work_pump(struct deferred *d);
