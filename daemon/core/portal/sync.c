#include "daemon/core/core.h"
#include "daemon/core/loop/log.h"
#include "daemon/core/portal/approvals.h"
#include "daemon/core/portal/intake.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include "proto/ipc/net.h"
#include <stdio.h>
#include <string.h>

/* A page is one transaction and one turn of the loop: each approval costs three signatures to verify. */
enum { PAGE_LIMIT = 25, AGAIN_MS = 3000 };

static void next_step(struct sync *s);

static void rest(struct sync *s, int64_t ms)
{
        s->doing = SYNC_IDLE;
        loop_timer_set(&s->core->loop, &s->timer, now_boot_ms() + ms);
}

static void finish_round(struct sync *s)
{
        if (s->failed) /* the portal is back: what waits for it need not rest any longer */
                outbox_kick(&s->core->outbox);
        s->failed = false;
        if (s->again) { /* asked for while it ran: what it was asked for may have come too late for this round */
                s->again = false;
                rest(s, 1);
                return;
        }
        s->synced_at = clock_wall_ms();
        core_publish(s->core, "synced", json_pack("{s:I}", "at", (json_int_t)s->synced_at));
        rest(s, s->core->config.portal.poll_s * 1000);
}

static void fail_round(struct sync *s, const struct error *err)
{
        int64_t poll_ms = s->core->config.portal.poll_s * 1000;

        if (!s->failed)
                log_error(LEVEL_WARNING, (struct log_at){ .step = "sync" }, err);
        s->failed = true;
        s->last = *err;
        rest(s, poll_ms < AGAIN_MS ? poll_ms : AGAIN_MS);
}

/* What an answer to the step now running is for. 0, or -1 and *err. */
static int take(struct sync *s, const struct net_answer *answer, struct bytes body, struct error *err)
{
        bool more = false;

        if (answer->status / 100 != 2) {
                (void)portal_refusal(answer->status, body, err);
                if (s->doing == SYNC_PHOTO && answer->status == 404) /* one lost photo stops nobody else */
                        return intake_no_photo(s->core, s->photo, err);
                return -1;
        }
        if (s->doing == SYNC_HELLO)
                return intake_hello(s->core, s->hello_key, s->hello_sha256, body, &s->fenced, err) < 0
                               ? -1
                               : (s->greeted = true, 0);
        if (s->doing == SYNC_PHOTO)
                return intake_photo(s->core, s->photo, body, err);
        if (intake_page(s->core, s->list, body, &more, err) < 0)
                return -1;
        if (!more)
                s->list++;
        return 0;
}

static void message(struct task *t, struct ipc_message *m, int blob)
{
        struct sync *s = owner_of(t, struct sync, task);
        cleanup(blob_unmap) struct bytes body = { 0 };
        struct net_answer answer;
        struct error err;

        if (m->kind == IPC_FAILED) {
                fail_round(s, &m->error);
                return;
        }
        if (m->kind != IPC_DONE)
                return;
        if (net_decode_answer(m->args, &answer, &err) < 0 || (blob >= 0 && blob_map(blob, &body, &err) < 0) ||
            take(s, &answer, body, &err) < 0) {
                fail_round(s, &err);
                return;
        }
        next_step(s);
}

static void lost(struct task *t, const struct error *err)
{
        fail_round(owner_of(t, struct sync, task), err);
}

static void send(struct sync *s, const struct portal_request *request, const char *key)
{
        cleanup(close_p) int blob = -1;
        struct net_call call = { .method = request->method };
        struct error err;

        (void)snprintf(call.path, sizeof call.path, "%s", request->path);
        (void)snprintf(call.key, sizeof call.key, "%s", key);
        if (request->body)
                blob = blob_new((struct bytes){ (const uint8_t *)request->body, request->n_body }, &err);
        s->task = (struct task){ .message = message, .lost = lost, .wait_ms = 10000 };
        work_submit(s->core->net, &s->task, "call", net_encode_call(&call), blob,
                    s->core->config.portal.limit_s * 1000);
}

/* hello is never repeated from a queue: each is new, with the sequence of this moment. */
static int make_hello(struct sync *s, struct portal_request *ret, struct error *err)
{
        struct ledger *l = &s->core->ledger;
        uint8_t head[32];
        struct portal_hello in = {
                .station = s->core->config.station.id, .epoch = l->epoch, .seq = l->seq, .head = head
        };

        if (!hex_decode_exact(l->head, head, sizeof head))
                return err_own(err, ERR_BUG, REASON_INTERNAL, "the audit head is malformed");
        random_uuid(s->hello_key);
        if (portal_encode_hello(&in, ret, err) < 0)
                return -1;
        memcpy(s->hello_sha256, ret->sha256, sizeof s->hello_sha256);
        return 0;
}

static int make_page(struct sync *s, struct portal_request *ret, struct error *err)
{
        char cursor[PORTAL_CURSOR_MAX + 1] = "";

        intake_cursor(s->core, s->list, cursor);
        return portal_encode_list(intake_portal_list(s->list), cursor, PAGE_LIMIT, ret, err);
}

static int make_photo(struct sync *s, struct portal_request *ret, struct error *err)
{
        uint8_t sha256[32];

        if (!hex_decode_exact(s->photo, sha256, sizeof sha256))
                return err_own(err, ERR_BUG, REASON_INTERNAL, "a photo's digest is malformed");
        return portal_encode_photo(sha256, ret, err);
}

static void next_step(struct sync *s)
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        struct error err;
        int r;

        if (s->list == SYNC_LEDGER && !intake_wants_ledger(s->core))
                s->list++;
        if (!s->greeted) {
                s->doing = SYNC_HELLO;
                r = make_hello(s, &request, &err);
        } else if (s->list < SYNC_LISTS) {
                s->doing = SYNC_PAGE;
                r = make_page(s, &request, &err);
        } else if (intake_missing_photo(s->core, s->photo)) {
                s->doing = SYNC_PHOTO;
                r = make_photo(s, &request, &err);
        } else {
                finish_round(s);
                return;
        }
        if (r < 0)
                fail_round(s, &err);
        else
                send(s, &request, s->doing == SYNC_HELLO ? s->hello_key : "");
}

static void timer_fired(struct timer *t)
{
        struct sync *s = owner_of(t, struct sync, timer);

        s->list = SYNC_APPLICATIONS;
        next_step(s);
}

void sync_open(struct sync *s, struct core *core)
{
        *s = (struct sync){ .core = core, .timer = { .fired = timer_fired } };
        rest(s, 1);
}

void sync_close(struct sync *s)
{
        loop_timer_clear(&s->core->loop, &s->timer);
}

void sync_kick(struct sync *s)
{
        if (!s->core)
                return;
        if (s->doing == SYNC_IDLE)
                rest(s, 1);
        else
                s->again = true;
}
