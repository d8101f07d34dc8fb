/* The face: its statement is signed by mohr-key, then mohr-render draws it. Nothing outside is changed here. */
#define _GNU_SOURCE
#include "daemon/core/card/face.h"
#include "daemon/core/card/print_inside.h"
#include "proto/base/cleanup.h"
#include "proto/ipc/render.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void drawn(struct task *t, struct ipc_message *m, int blob)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        struct render_done done;

        if (m->kind == IPC_PART && strcmp(m->name, "pdf") == 0 && f->pdf < 0)
                f->pdf = fcntl(blob, F_DUPFD_CLOEXEC, 3);
        if (m->kind == IPC_FAILED)
                print_flow_end(f, &m->error);
        if (m->kind != IPC_DONE)
                return;
        if (f->pdf < 0 || render_done_decode(m->args, &done, &f->error) < 0) {
                (void)err_own(&f->error, ERR_BUG, REASON_INTERNAL, "the renderer's answer is incomplete");
                print_flow_end(f, &f->error);
                return;
        }
        hex_encode_lower(BYTES(done.layout_sha256), f->layout_sha256, sizeof f->layout_sha256);
        print_bind_begin(f);
}

static void begin_draw(struct print_flow *f)
{
        struct core *c = print_core(f);
        cleanup(close_p) int photo = -1;
        struct face face;
        struct render_card card = { .layout = c->config.render.layout, .qr = f->qr };

        print_flow_enter(f, STAGE_DRAW);
        photo = photo_blob(c, &f->file.approval, &f->error);
        if (photo < 0 ||
            face_fields(&f->file.approval, f->attempt.face_code, f->attempt.issue_date, &face, &f->error) < 0) {
                print_flow_end(f, &f->error);
                return;
        }
        memcpy(card.fields, face.fields, sizeof card.fields);
        f->task = (struct task){ .message = drawn, .lost = print_stage_lost, .wait_ms = PRINT_CHECK_MS * 3 };
        work_submit(c->render, &f->task, "card", render_card_encode(&card), photo, c->config.render.limit_s * 1000);
}

static void signed_face(struct task *t, struct ipc_message *m, int blob)
{
        struct print_flow *f = owner_of(t, struct print_flow, task);
        struct key_statement statement;

        (void)blob;
        if (m->kind == IPC_FAILED)
                print_flow_end(f, &m->error);
        if (m->kind != IPC_DONE)
                return;
        if (key_statement_decode(m->args, &statement, &f->error) < 0) {
                print_flow_end(f, &f->error);
                return;
        }
        (void)snprintf(f->qr, sizeof f->qr, "%s", statement.qr);
        begin_draw(f);
}

void print_face_begin(struct print_flow *f)
{
        struct core *c = print_core(f);
        struct key_qr ask = { .subject = attempt_subject(&f->attempt, f->file.jws) };

        print_flow_enter(f, STAGE_SIGN);
        f->task = (struct task){ .message = signed_face, .lost = print_stage_lost, .wait_ms = PRINT_CHECK_MS };
        work_submit(c->key, &f->task, "qr", key_qr_encode(&ask), -1, c->config.key.limit_s * 1000);
}
