/* What the evidence about one print says: a pure decision table over gate, job and printer.
 *
 * The gate is the stronger witness: CUPS starts a job again after each restart of its own and calls sent bytes
 * "completed"; the gate lets one start through and keeps the real backend's own word. */
#pragma once
#include "proto/ipc/print.h"

struct evidence {
        struct gate_state gate;
        bool running;    /* the gate or the real backend is at work */
        bool cups_known; /* cupsd answered; else job and history_missing mean nothing */
        enum print_job job;
        bool history_missing; /* the printer forgot the job: "completed" without proof */
        bool behind_gate;     /* the queue's device is mohr-once: now */
};

enum verdict_next {
        VERDICT_WAIT,   /* work goes on; no limit of ours */
        VERDICT_SETTLE, /* silent or contradictory: wait a bounded time, then it stays unknown */
        VERDICT_REVOKE, /* nothing started: revoking the token, if it succeeds, proves it */
        VERDICT_PRINTED,
        VERDICT_UNKNOWN, /* and will stay so */
};

enum verdict_next verdict_next(const struct evidence *e);
