/* The lists and the photo. Cursors are decimal numbers of the list's own order. */
#include "call.h"
#include "util.h"
#include <stdlib.h>
#include <string.h>

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 100, PAGE_BYTES_MAX = BODY_MAX - 4096 };

struct page {
        const struct call *call;
        int64_t after, limit;
        char next[64];
        json_t *items;
        size_t n_bytes;
        bool more;
};

static bool param_take(struct page *page, const char *name, const char *value)
{
        if (strcmp(name, "after") == 0 && pattern_match(PATTERN_CURSOR, value)) {
                page->after = atoll(value);
                snprintf(page->next, sizeof(page->next), "%s", value);
                return true;
        }
        if (strcmp(name, "limit") == 0 && pattern_match("^[0-9]{1,3}$", value)) {
                page->limit = atoll(value);
                return page->limit >= 1 && page->limit <= LIMIT_MAX;
        }
        return false;
}

static bool page_begin(struct page *page, const struct call *call)
{
        OWNED char *query = must(strdup(call->query));
        char *rest = query;
        bool seen[2] = { false, false };

        *page = (struct page){ .call = call, .limit = LIMIT_DEFAULT };
        while (rest && *rest) {
                char *pair = strsep(&rest, "&");
                char *value = strchr(pair, '=');

                if (!value)
                        return false;
                *value++ = '\0';
                bool *once = &seen[strcmp(pair, "limit") == 0];
                if (*once || !param_take(page, pair, value))
                        return false;
                *once = true;
        }
        page->items = json_array();
        return true;
}

/* False when the page is full; the item, whose cursor is n, is then not taken. */
static bool page_add(struct page *page, int64_t n, json_t *item)
{
        OWNED char *text = must(json_dumps(item, JSON_COMPACT));
        size_t n_bytes = strlen(text) + 1;

        if (json_array_size(page->items) == (size_t)page->limit ||
            (page->n_bytes > 0 && page->n_bytes + n_bytes > PAGE_BYTES_MAX)) {
                json_decref(item);
                page->more = true;
                return false;
        }
        page->n_bytes += n_bytes;
        snprintf(page->next, sizeof(page->next), "%lld", (long long)n);
        json_object_set_new(item, "cursor", json_string(page->next));
        json_array_append_new(page->items, item);
        return true;
}

static json_t *page_end(struct page *page)
{
        return json_pack("{s:o, s:s, s:b}", "items", page->items, "next", page->next, "more", page->more);
}

static json_t *application_item(sqlite3_stmt *row, const char *station)
{
        const char *stage = column_text(row, 2);
        const char *holder = column_text(row, 3);
        const char *held = "none";
        json_t *item;

        if (holder && strcmp(stage, "approved") != 0 && strcmp(stage, "in_chain") != 0)
                held = strcmp(holder, station) == 0 ? "self" : "other";
        item = json_pack("{s:s, s:s, s:s}", "id", column_text(row, 1), "stage", stage, "held", held);
        if (strcmp(stage, "in_chain") == 0) {
                json_object_set_new(item, "deadline", json_string(column_text(row, 4)));
                json_object_set_new(item, "waiting_for", json_string(column_text(row, 5)));
        } else if (strcmp(stage, "withdrawn") != 0 && strcmp(held, "other") != 0) {
                json_object_set_new(item, "approval", json_string(column_text(row, 6)));
        }
        return item;
}

json_t *list_applications(const struct call *call)
{
        struct page page;

        if (!page_begin(&page, call))
                return NULL;
        QUERY rows = store_query(&call->portal->store,
                                 "SELECT change, id, stage, holder, deadline, waiting_for, approval FROM application"
                                 " WHERE change > ?1 AND province = ?2 ORDER BY change",
                                 "is", page.after, call->province);
        while (store_row(rows)) {
                if (!page_add(&page, sqlite3_column_int64(rows, 0), application_item(rows, call->station)))
                        break;
        }
        return page_end(&page);
}

json_t *list_reissues(const struct call *call)
{
        struct page page;

        if (!page_begin(&page, call))
                return NULL;
        QUERY rows = store_query(&call->portal->store,
                                 "SELECT w.n, w.jws FROM authorisation w JOIN application a ON a.id = w.application"
                                 " WHERE w.n > ?1 AND a.province = ?2 AND (a.holder = ?3 OR a.holder IS NULL)"
                                 " ORDER BY w.n",
                                 "iss", page.after, call->province, call->station);
        while (store_row(rows)) {
                if (!page_add(&page, sqlite3_column_int64(rows, 0),
                              json_pack("{s:s}", "authorisation", column_text(rows, 1))))
                        break;
        }
        return page_end(&page);
}

json_t *list_withdrawn(const struct call *call)
{
        struct page page;

        if (!page_begin(&page, call))
                return NULL;
        QUERY rows = store_query(&call->portal->store,
                                 "SELECT n, kind, application, serial, at, statement FROM withdrawn"
                                 " WHERE n > ?1 AND province = ?2 ORDER BY n",
                                 "is", page.after, call->province);
        while (store_row(rows)) {
                json_t *item = json_pack("{s:s, s:s?, s:s?, s:s, s:s?}", "kind", column_text(rows, 1), "application",
                                         column_text(rows, 2), "serial", column_text(rows, 3), "at",
                                         column_text(rows, 4), "statement", column_text(rows, 5));

                if (!page_add(&page, sqlite3_column_int64(rows, 0), item))
                        break;
        }
        return page_end(&page);
}

static json_t *ledger_item(sqlite3_stmt *row)
{
        json_t *item = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?}", "portal_seq",
                                 sqlite3_column_int64(row, 0), "what", column_text(row, 1), "key", column_text(row, 2),
                                 "payload_sha256", column_text(row, 3), "at", column_text(row, 4), "application",
                                 column_text(row, 5), "serial", column_text(row, 6), "authorisation",
                                 column_text(row, 8));
        bool fence = sqlite3_column_type(row, 7) != SQLITE_NULL;

        json_object_set_new(item, "fence", fence ? json_integer(sqlite3_column_int64(row, 7)) : json_null());
        return item;
}

json_t *list_ledger(const struct call *call)
{
        struct page page;

        if (!page_begin(&page, call))
                return NULL;
        QUERY rows =
                store_query(&call->portal->store,
                            "SELECT portal_seq, what, key, payload_sha256, at, application, serial, fence,"
                            " authorisation FROM effect WHERE portal_seq > ?1 AND station = ?2 ORDER BY portal_seq",
                            "is", page.after, call->station);
        while (store_row(rows)) {
                if (!page_add(&page, sqlite3_column_int64(rows, 0), ledger_item(rows)))
                        break;
        }
        return page_end(&page);
}

json_t *list_shipments(const struct call *call)
{
        struct page page;

        if (!page_begin(&page, call))
                return NULL;
        QUERY rows = store_query(&call->portal->store,
                                 "SELECT n, id, first, last, count, sent_at FROM shipment"
                                 " WHERE n > ?1 AND province = ?2 ORDER BY n",
                                 "is", page.after, call->province);
        while (store_row(rows)) {
                json_t *item = json_pack("{s:s, s:s, s:s, s:I, s:s}", "id", column_text(rows, 1), "from",
                                         column_text(rows, 2), "to", column_text(rows, 3), "count",
                                         sqlite3_column_int64(rows, 4), "sent_at", column_text(rows, 5));

                if (!page_add(&page, sqlite3_column_int64(rows, 0), item))
                        break;
        }
        return page_end(&page);
}

void photo_answer(const struct call *call, struct answer *ret)
{
        QUERY row = store_query(&call->portal->store,
                                "SELECT p.type, p.data FROM photo p JOIN application a ON a.photo = p.sha256"
                                " WHERE p.sha256 = ?1 AND a.province = ?2 AND a.stage NOT IN ('in_chain', 'withdrawn')"
                                " AND (a.stage = 'approved' OR a.holder IS NULL OR a.holder = ?3)",
                                "sss", call->id, call->province, call->station);

        if (!store_row(row))
                return;
        ret->status = 200;
        ret->type = strcmp(column_text(row, 0), "image/png") == 0 ? "image/png" : "image/jpeg";
        ret->n_body = (size_t)sqlite3_column_bytes(row, 1);
        ret->body = must(malloc(ret->n_body + 1));
        memcpy(ret->body, sqlite3_column_blob(row, 1), ret->n_body);
}
