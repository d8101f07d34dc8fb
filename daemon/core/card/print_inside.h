/* What the stages of one print share: print_flow.c begins and ends it, print_face.c signs and draws, print_bind.c asks
 * the portal, print_job.c prints. Each stage ends by beginning the next, or with print_flow_end(). */
#pragma once
#include "daemon/core/card/outcome.h"
#include "daemon/core/card/pick.h"
#include "daemon/core/card/print_flow.h"
#include "daemon/core/portal/approvals.h"
#include "proto/ipc/key.h"

enum { PRINT_CHECK_MS = 10000 };

enum print_stage { STAGE_QUEUE, STAGE_SIGN, STAGE_DRAW, STAGE_CLAIM, STAGE_BEGIN, STAGE_PRINT };

struct print_flow {
        struct line *line;
        struct task task;
        struct timer patience; /* for the portal's answer */
        struct deferred again;
        enum print_stage stage;
        struct who who;
        struct approval_file file;
        struct attempt attempt;
        struct error error; /* why it ended, or ends */
        char qr[KEY_QR_MAX + 1], layout_sha256[SHA256_TEXT];
        char waits_for[UUID_TEXT]; /* claim or begin intent */
        char serial[SERIAL_TEXT], intent[UUID_TEXT];
        char step[IPC_NAME_MAX + 1];
        int64_t done, of;
        bool called_off; /* at its checkpoint, because of `error` */
        int pdf;
};

static inline struct core *print_core(const struct print_flow *f)
{
        return f->line->core;
}

void print_flow_enter(struct print_flow *f, enum print_stage stage);
/* The flow is gone afterwards. err NULL: the card is printed; else what the outcome says. */
void print_flow_end(struct print_flow *f, const struct error *err);
/* For the tasks of stages without an outside effect: the worker was lost, the same step again is safe. */
void print_stage_lost(struct task *t, const struct error *err);
const char *print_stage_name(const struct print_flow *f);

void print_face_begin(struct print_flow *f); /* then print_bind_begin() */
void print_bind_begin(struct print_flow *f); /* then print_job_begin() */
void print_job_begin(struct print_flow *f);
