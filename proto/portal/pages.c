/* The four lists of the portal. */
#include "proto/base/cleanup.h"
#include "proto/portal/answers.h"
#include "proto/portal/read.h"
#include <string.h>

static const char *const held_words[] = { [HELD_NONE] = "none", [HELD_SELF] = "self", [HELD_OTHER] = "other", NULL };

static bool has(const struct jread *r, const char *key)
{
        return !r->failed && json_object_get(r->object, key);
}

/* What only an application still in the chain of officials has. */
static void read_chain(struct jread *r, struct portal_application *a)
{
        static const char *const roles[] = { "exam_expert", "centre_head", "assessment_head",
                                             "security",    "director",    NULL };
        unsigned role = 0;

        a->has_deadline = has(r, "deadline");
        if (a->has_deadline)
                read_time(r, "deadline", &a->deadline);
        a->has_waiting_for = has(r, "waiting_for");
        if (a->has_waiting_for)
                jread_word(r, "waiting_for", roles, &role);
        a->waiting_for = (enum approval_role)role;
        if ((a->has_deadline || a->has_waiting_for) && a->stage != STAGE_IN_CHAIN)
                read_fault(r, "deadline", "only in_chain has a deadline");
}

static int read_application(const json_t *item, void *ret, struct error *err)
{
        struct portal_application *a = ret;
        struct jread r = jread_begin(item, "applications", err);
        unsigned stage = 0, held = 0;

        read_text(&r, "cursor", read_cursor, a->cursor);
        read_text(&r, "id", read_application_id, a->id);
        jread_word(&r, "stage", portal_stage_words, &stage);
        jread_word(&r, "held", held_words, &held);
        a->stage = (enum portal_stage)stage;
        a->held = (enum portal_held)held;
        read_chain(&r, a);
        read_jws_opt(&r, "approval", &a->approval);
        return jread_end(&r);
}

static int read_reissue(const json_t *item, void *ret, struct error *err)
{
        struct portal_reissue *a = ret;
        struct jread r = jread_begin(item, "reissues", err);

        read_text(&r, "cursor", read_cursor, a->cursor);
        read_jws(&r, "authorisation", &a->authorisation);
        return jread_end(&r);
}

static int read_withdrawal(const json_t *item, void *ret, struct error *err)
{
        static const char *const kinds[] = { "application", "serial", NULL };
        struct portal_withdrawal *w = ret;
        struct jread r = jread_begin(item, "withdrawn", err);
        unsigned kind = 0;

        read_text(&r, "cursor", read_cursor, w->cursor);
        jread_word(&r, "kind", kinds, &kind);
        read_text_or_null(&r, "application", read_application_id, w->application);
        read_serial_or_null(&r, "serial", w->serial);
        read_time(&r, "at", &w->at);
        if (json_is_null(json_object_get(item, "statement")))
                jread_skip(&r, "statement");
        else
                read_jws(&r, "statement", &w->statement);
        w->of_serial = kind == 1;
        if (w->of_serial ? !w->serial[0] || w->statement.n == 0 : !w->application[0])
                read_fault(&r, "kind", "without what it names");
        return jread_end(&r);
}

static int read_ledger_item(const json_t *item, void *ret, struct error *err)
{
        struct portal_ledger_item *l = ret;
        struct jread r = jread_begin(item, "ledger", err);
        unsigned what = 0;

        read_text(&r, "cursor", read_cursor, l->cursor);
        jread_int(&r, "portal_seq", 0, READ_INT_MAX, &l->portal_seq);
        jread_word(&r, "what", portal_what_words, &what);
        read_key(&r, "key", l->key);
        read_sha256(&r, "payload_sha256", l->payload_sha256);
        read_time(&r, "at", &l->at);
        read_text_or_null(&r, "application", read_application_id, l->application);
        read_serial_or_null(&r, "serial", l->serial);
        read_int_or_null(&r, "fence", 1, READ_INT_MAX, &l->fence);
        read_text_or_null(&r, "authorisation", read_authorisation_id, l->authorisation);
        l->what = (enum portal_what)what;
        return jread_end(&r);
}

static const struct {
        size_t size;
        int (*read)(const json_t *item, void *ret, struct error *err);
} lists[] = {
        [LIST_APPLICATIONS] = { sizeof(struct portal_application), read_application },
        [LIST_REISSUES] = { sizeof(struct portal_reissue), read_reissue },
        [LIST_WITHDRAWN] = { sizeof(struct portal_withdrawal), read_withdrawal },
        [LIST_LEDGER] = { sizeof(struct portal_ledger_item), read_ledger_item },
};

static int read_items(const json_t *items, struct portal_page *p, struct error *err)
{
        p->n = json_array_size(items);
        p->items = calloc(p->n + 1, lists[p->list].size);
        if (!p->items)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no memory");
        for (size_t i = 0; i < p->n; i++)
                if (lists[p->list].read(json_array_get(items, i), (char *)p->items + i * lists[p->list].size, err) < 0)
                        return -1;
        return 0;
}

static int read_page(struct portal_page *p, struct error *err)
{
        struct jread r = jread_begin(p->json, "page", err);
        const json_t *items = NULL;

        jread_array(&r, "items", PORTAL_PAGE_MAX, &items);
        read_text(&r, "next", read_cursor_or_none, p->next);
        jread_bool(&r, "more", &p->more);
        return jread_end(&r) < 0 ? -1 : read_items(items, p, err);
}

int portal_decode_page(enum portal_list list, struct bytes body, struct portal_page *ret, struct error *err)
{
        struct portal_page p = { .json = json_strict(body, PORTAL_BODY_MAX, err), .list = list };

        if (!p.json || read_page(&p, err) < 0) {
                portal_page_done(&p);
                if (err->reason == REASON_BAD_JSON) {
                        err->kind = ERR_RETRY; /* a GET: nothing was stored, on neither side */
                        err->reason = REASON_PORTAL_NONSENSE;
                }
                return -1;
        }
        *ret = p;
        return 0;
}

void portal_page_done(struct portal_page *p)
{
        free(p->items);
        json_decref(p->json);
        *p = (struct portal_page){ 0 };
}
