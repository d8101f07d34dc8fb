#define _GNU_SOURCE
#include "daemon/core/loop/log.h"
#include "daemon/core/supervise/work.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { FLOOD_MESSAGES = 2000, FLOOD_WINDOW_MS = 1000 };

static void release_payload(struct task *t)
{
        json_decref(t->args);
        t->args = NULL;
        close_p(&t->blob);
        t->blob = -1;
}

/* Takes the task out of the work for good; its last callback may follow. */
static void detach(struct task *t)
{
        struct work *w = t->work;

        if (w->running == t)
                w->running = NULL;
        for (struct task **at = &w->queue; *at; at = &(*at)->next) {
                if (*at == t) {
                        *at = t->next;
                        break;
                }
        }
        loop_timer_clear(w->loop, &t->timer);
        release_payload(t);
        t->work = NULL;
        t->next = NULL;
}

static void lose(struct task *t, const struct error *err)
{
        detach(t);
        t->lost(t, err);
}

static enum reason down_reason(const struct work *w)
{
        return w->down == REASON_NONE ? REASON_WORKER_LOST : w->down;
}

static void lose_unsent(struct task *t)
{
        struct work *w = t->work;
        struct error err;

        (void)err_own(&err, ERR_RETRY, down_reason(w), "%s: no %s to do it", t->verb, w->name);
        lose(t, &err);
}

void work_lose_running(struct work *w)
{
        struct error err;

        if (!w->running)
                return;
        (void)err_own(&err, ERR_UNKNOWN, REASON_WORKER_LOST, "%s: %s ended without an answer (%s)", w->running->verb,
                      w->name, w->why ? w->why : "by itself");
        lose(w->running, &err);
}

void work_lose_queue(struct work *w)
{
        while (w->queue)
                lose_unsent(w->queue);
}

static bool serves(const struct work *w)
{
        return w->state == WORK_IDLE || w->state == WORK_BUSY || w->state == WORK_HOLDING;
}

static void task_due(struct timer *timer)
{
        struct task *t = owner_of(timer, struct task, timer);
        struct work *w = t->work;

        if (t == w->running)
                work_end(w, "deadline");
        else if (serves(w))
                loop_timer_set(w->loop, &t->timer, now_boot_ms() + t->wait_ms);
        else
                lose_unsent(t);
}

static void renew_deadline(struct task *t)
{
        loop_timer_set(t->work->loop, &t->timer, now_boot_ms() + t->limit_ms);
}

void work_submit(struct work *w, struct task *t, const char *verb, json_t *args, int blob, int64_t limit_ms)
{
        struct task **at = &w->queue;

        assert(!t->work && t->message && t->lost && limit_ms > 0 && strlen(verb) <= IPC_NAME_MAX);
        if (w->state == WORK_STOPPED) {
                json_decref(args);
                return;
        }
        t->work = w;
        t->next = NULL;
        t->args = args;
        t->blob = blob >= 0 ? fcntl(blob, F_DUPFD_CLOEXEC, 0) : -1;
        t->no_blob = blob >= 0 && t->blob < 0;
        t->limit_ms = limit_ms;
        t->called_off = false;
        t->timer = (struct timer){ .fired = task_due };
        memcpy(t->verb, verb, strlen(verb) + 1);
        while (*at)
                at = &(*at)->next;
        *at = t;
        if (t->wait_ms > 0)
                loop_timer_set(w->loop, &t->timer, now_boot_ms() + t->wait_ms);
        loop_defer(w->loop, &w->pump);
}

/* Each kind of hand-over has points of its own. */
static void pass_before_hand_over(const char *verb)
{
        (void)verb;
        FAULT_CASE(verb, "check", "core.do_check.before");
        FAULT_CASE(verb, "print", "core.do_print.before");
        FAULT_CASE(verb, "probe", "core.do_probe.before");
        FAULT_CASE(verb, "write", "core.do_write.before");
        FAULT_CASE(verb, "read", "core.do_read.before");
        FAULT_CASE(verb, "lock", "core.do_lock.before");
        FAULT_CASE(verb, "card", "core.do_card.before");
        FAULT_CASE(verb, "qr", "core.do_qr.before");
        FAULT_CASE(verb, "challenge", "core.do_challenge.before");
        FAULT_CASE(verb, "open", "core.do_open.before");
        FAULT_CASE(verb, "wrap", "core.do_wrap.before");
        FAULT_CASE(verb, "close", "core.do_close.before");
        FAULT_CASE(verb, "call", "core.do_call.before");
}

static void pass_after_hand_over(const char *verb)
{
        (void)verb;
        FAULT_CASE(verb, "check", "core.do_check.after");
        FAULT_CASE(verb, "print", "core.do_print.after");
        FAULT_CASE(verb, "probe", "core.do_probe.after");
        FAULT_CASE(verb, "write", "core.do_write.after");
        FAULT_CASE(verb, "read", "core.do_read.after");
        FAULT_CASE(verb, "lock", "core.do_lock.after");
        FAULT_CASE(verb, "card", "core.do_card.after");
        FAULT_CASE(verb, "qr", "core.do_qr.after");
        FAULT_CASE(verb, "challenge", "core.do_challenge.after");
        FAULT_CASE(verb, "open", "core.do_open.after");
        FAULT_CASE(verb, "wrap", "core.do_wrap.after");
        FAULT_CASE(verb, "close", "core.do_close.after");
        FAULT_CASE(verb, "call", "core.do_call.after");
}

/* A packet is sent whole or not at all (SOCK_SEQPACKET), so a failed send has handed nothing over. */
void work_pump(struct deferred *d)
{
        struct work *w = owner_of(d, struct work, pump);
        struct task *t = w->queue;
        struct ipc_message m = { .kind = IPC_DO };
        struct error err = { 0 };

        if (w->state != WORK_IDLE || !t)
                return;
        if (t->no_blob) {
                lose_unsent(t);
                loop_defer(w->loop, &w->pump);
                return;
        }
        t->id = m.id = ++w->next_id;
        m.args = t->args;
        memcpy(m.name, t->verb, sizeof m.name);
        pass_before_hand_over(t->verb);
        if (packet_send(w->socket.fd, &m, t->blob, &err) < 0) {
                if (err.kind == ERR_BUG) {
                        lose(t, &err);
                        loop_defer(w->loop, &w->pump);
                } else {
                        work_end(w, "takes no task");
                }
                return;
        }
        pass_after_hand_over(t->verb);
        w->queue = t->next;
        t->next = NULL;
        w->running = t;
        release_payload(t);
        renew_deadline(t);
        work_set_state(w, WORK_BUSY);
}

static void answer_checkpoint(struct task *t, enum ipc_kind kind, json_t *args, int blob)
{
        struct work *w = t->work;
        struct ipc_message m = { .kind = kind, .id = t->id, .args = args };
        struct error err;

        if (packet_send(w->socket.fd, &m, blob, &err) < 0) {
                log_error(LEVEL_ERROR, (struct log_at){ .line = w->line, .step = t->verb }, &err);
                work_end(w, "takes no word");
                return;
        }
        renew_deadline(t);
        work_set_state(w, WORK_BUSY);
}

void work_go(struct task *t, json_t *args, int blob)
{
        cleanup(json_p) json_t *owned = args;

        if (t->work && t->work->running == t && t->work->state == WORK_HOLDING)
                answer_checkpoint(t, IPC_GO, owned, blob);
}

void work_call_off(struct task *t)
{
        if (!t->work)
                return;
        t->called_off = true;
        if (t->work->running == t && t->work->state == WORK_HOLDING)
                answer_checkpoint(t, IPC_CALL_OFF, NULL, -1);
}

void work_abort(struct task *t)
{
        if (t->work && t->work->running == t)
                work_end(t->work, "called off");
}

bool work_cancel(struct task *t)
{
        if (!t->work || t->work->running == t)
                return false;
        detach(t);
        return true;
}

bool work_task_open(const struct task *t)
{
        return t->work != NULL;
}

static void on_ready(struct work *w)
{
        if (w->state != WORK_STARTING) {
                work_end(w, "said ready out of turn");
                return;
        }
        loop_timer_clear(w->loop, &w->clock);
        w->told = false;
        w->ready_ms = now_boot_ms();
        work_set_state(w, WORK_IDLE);
        loop_defer(w->loop, &w->pump);
}

static void on_answer(struct task *t, struct ipc_message *m, int blob)
{
        struct work *w = t->work;

        detach(t);
        w->n_failures = 0;
        if (w->kind == WORK_ONE_SHOT) {
                w->spent = true;
                work_end(w, "done");
        } else if (w->state != WORK_ENDING) {
                work_set_state(w, WORK_IDLE);
                loop_defer(w->loop, &w->pump);
        }
        t->message(t, m, blob);
}

static void on_checkpoint(struct task *t, struct ipc_message *m, int blob)
{
        struct work *w = t->work;

        if (w->state == WORK_BUSY) {
                loop_timer_clear(w->loop, &t->timer);
                work_set_state(w, WORK_HOLDING);
                if (t->called_off) {
                        answer_checkpoint(t, IPC_CALL_OFF, NULL, -1);
                        return;
                }
        }
        t->message(t, m, blob);
}

static bool of_task(const struct work *w, const struct ipc_message *m)
{
        return w->running && m->id == w->running->id && w->state != WORK_HOLDING;
}

static void on_task_message(struct work *w, struct ipc_message *m, int blob)
{
        struct task *t = w->running;

        switch (m->kind) {
        case IPC_CHECKPOINT:
                on_checkpoint(t, m, blob);
                return;
        case IPC_PROGRESS:
                if (w->state == WORK_BUSY)
                        renew_deadline(t);
                t->message(t, m, blob);
                return;
        case IPC_PART:
                t->message(t, m, blob);
                return;
        case IPC_DONE:
        case IPC_FAILED:
                on_answer(t, m, blob);
                return;
        case IPC_DO:
        case IPC_GO:
        case IPC_CALL_OFF:
        case IPC_READY:
                work_end(w, "broke the protocol");
                return;
        }
}

static void on_message(struct work *w, struct ipc_message *m, int blob)
{
        if (m->kind == IPC_READY)
                on_ready(w);
        else if (of_task(w, m))
                on_task_message(w, m, blob);
        else
                work_end(w, "spoke out of turn");
}

static bool floods(struct work *w)
{
        int64_t now = now_boot_ms();

        if (now - w->window_ms >= FLOOD_WINDOW_MS) {
                w->window_ms = now;
                w->n_in_window = 0;
        }
        return ++w->n_in_window > FLOOD_MESSAGES;
}

/* ECONNRESET stands BEFORE packets that are queued when the peer died with unread input: read on. */
static bool again(const struct error *err)
{
        return err->origin == ORIGIN_OS && (err->code == EINTR || err->code == ECONNRESET);
}

bool work_drain(struct work *w, unsigned max)
{
        for (unsigned i = 0; max == 0 || i < max; i++) {
                cleanup(ipc_message_done) struct ipc_message m = { 0 };
                cleanup(close_p) int blob = -1;
                struct error err = { 0 };
                int r = packet_recv(w->socket.fd, &m, &blob, &err);

                if (r < 0 && again(&err))
                        continue;
                if (r < 0 && err.origin == ORIGIN_OS && err.code == EAGAIN)
                        return true;
                if (r < 0)
                        log_error(LEVEL_ERROR, (struct log_at){ .line = w->line, .step = w->name }, &err);
                if (r <= 0)
                        return false;
                if (floods(w) && w->state != WORK_ENDING)
                        work_end(w, "floods the core");
                on_message(w, &m, blob);
        }
        return true;
}
