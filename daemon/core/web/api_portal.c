/* The portal's ledger, page by page and on demand, for `mohr fsck --portal`: nothing of it is kept. */
#include "daemon/core/web/api.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include "proto/portal/answers.h"
#include <stdio.h>
#include <stdlib.h>

/* One page being asked for; freed with the answer. */
struct asked {
        struct task task;
        struct request *request;
};

static void fail(struct asked *a, const struct error *err)
{
        web_reply_error(a->request, err);
        free(a);
}

static json_t *text_or_null(const char *text)
{
        return text[0] ? json_string(text) : json_null();
}

static json_t *item_json(const struct portal_ledger_item *item)
{
        char sha256[65];

        hex_encode_lower((struct bytes){ item->payload_sha256, sizeof item->payload_sha256 }, sha256, sizeof sha256);
        return json_pack("{s:I,s:s,s:s,s:s,s:o,s:o}", "portal_seq", (json_int_t)item->portal_seq, "what",
                         portal_what_words[item->what], "key", item->key, "payload_sha256", sha256, "application",
                         text_or_null(item->application), "serial", text_or_null(item->serial));
}

static int page_json(struct bytes body, json_t **ret, struct error *err)
{
        cleanup(portal_page_done) struct portal_page page = { 0 };
        json_t *items;

        if (portal_decode_page(LIST_LEDGER, body, &page, err) < 0)
                return -1;
        items = json_array();
        for (size_t i = 0; i < page.n; i++)
                (void)json_array_append_new(items, item_json(&page.ledger[i]));
        *ret = json_pack("{s:o,s:s,s:b}", "items", items, "next", page.next, "more", page.more);
        return 0;
}

static void answered(struct asked *a, struct ipc_message *m, int blob)
{
        cleanup(blob_unmap) struct bytes body = { 0 };
        struct net_answer answer;
        json_t *json = NULL;
        struct error err;
        int r;

        r = net_decode_answer(m->args, &answer, &err);
        if (r == 0 && blob >= 0)
                r = blob_map(blob, &body, &err);
        if (r == 0)
                r = answer.status == 200 ? page_json(body, &json, &err) : portal_refusal(answer.status, body, &err);
        if (r < 0) {
                fail(a, &err);
                return;
        }
        web_reply(a->request, 200, json);
        free(a);
}

static void message(struct task *t, struct ipc_message *m, int blob)
{
        struct asked *a = owner_of(t, struct asked, task);

        if (m->kind == IPC_DONE)
                answered(a, m, blob);
        else if (m->kind == IPC_FAILED)
                fail(a, &m->error);
}

static void lost(struct task *t, const struct error *err)
{
        fail(owner_of(t, struct asked, task), err);
}

void api_get_portal_ledger(struct request *r)
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        struct net_call call = { .method = NET_GET };
        struct core *c = api_core(r);
        const char *after = web_query(r, "after");
        struct asked *a;
        struct error err;
        struct who who;

        if (!api_actor(r, MAY_AUDIT, &who))
                return;
        if (portal_encode_list(LIST_LEDGER, after ? after : "", PORTAL_PAGE_MAX, &request, &err) < 0) {
                web_reply_error(r, &err);
                return;
        }
        a = calloc(1, sizeof *a);
        if (!a) {
                (void)err_own(&err, ERR_RETRY, REASON_INTERNAL, "no memory");
                web_reply_error(r, &err);
                return;
        }
        *a = (struct asked){ .request = r };
        a->task = (struct task){ .message = message, .lost = lost, .wait_ms = 10000 };
        (void)snprintf(call.path, sizeof call.path, "%s", request.path);
        work_submit(c->net, &a->task, "call", net_encode_call(&call), -1, c->config.portal.limit_s * 1000);
}
