#include "daemon/audit-verify/verify.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_hash(const char *text)
{
        return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool parse(const char *line, size_t n, struct anchor *ret)
{
        json_int_t epoch, seq;
        const char *head;
        json_t *json = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
        bool ok = json && json_unpack(json, "{s:I,s:I,s:s}", "epoch", &epoch, "seq", &seq, "head", &head) == 0 &&
                  epoch >= 1 && seq >= 0 && is_hash(head);

        if (ok) {
                *ret = (struct anchor){ .epoch = epoch, .seq = seq };
                (void)snprintf(ret->head, sizeof ret->head, "%s", head);
        }
        json_decref(json);
        return ok;
}

static int compare(const void *a, const void *b)
{
        const struct anchor *x = a, *y = b;

        if (x->epoch != y->epoch)
                return x->epoch < y->epoch ? -1 : 1;
        return (x->seq > y->seq) - (x->seq < y->seq);
}

static void append(struct anchors *a, const struct anchor *one)
{
        struct anchor *list = realloc(a->list, (a->n + 1) * sizeof *list);

        if (!list)
                give_up("out of memory");
        a->list = list;
        a->list[a->n++] = *one;
}

void anchors_read(struct verify *v, const char *path)
{
        FILE *f = fopen(path, "re");
        char *line = NULL;
        size_t size = 0;
        struct anchor one;
        ssize_t n;

        if (!f)
                give_up("%s: %s", path, strerror(errno));
        for (long number = 1; (n = getline(&line, &size, f)) >= 0; number++) {
                if (strspn(line, " \t\r\n") == (size_t)n)
                        continue;
                if (!parse(line, (size_t)n, &one))
                        give_up("%s:%ld: not {\"epoch\":N,\"seq\":N,\"head\":\"64 hex digits\"}", path, number);
                one.line = number;
                append(&v->anchors, &one);
        }
        free(line);
        (void)fclose(f);
        if (v->anchors.n > 1)
                qsort(v->anchors.list, v->anchors.n, sizeof *v->anchors.list, compare);
}

void anchors_free(struct anchors *a)
{
        free(a->list);
        *a = (struct anchors){ 0 };
}

/* The hash and epoch of row seq; false when there is none. */
static bool row_at(struct verify *v, int64_t seq, char ret_hash[HASH_TEXT], int64_t *ret_epoch)
{
        sqlite3_stmt *s = query(v, "SELECT hash, epoch FROM audit WHERE seq=?1");
        bool found;

        (void)sqlite3_bind_int64(s, 1, seq);
        found = next_row(v, s);
        if (found) {
                (void)snprintf(ret_hash, HASH_TEXT, "%s",
                               sqlite3_column_text(s, 0) ? (const char *)sqlite3_column_text(s, 0) : "");
                *ret_epoch = sqlite3_column_int64(s, 1);
        }
        (void)sqlite3_finalize(s);
        return found;
}

/* good: the last row that an anchor has proven; raised when this one holds. */
static void check_anchor(struct verify *v, const struct anchor *a, int64_t *good)
{
        char hash[HASH_TEXT] = "";
        int64_t epoch = 0;

        if (a->seq == 0)
                return; /* before the first row */
        if (a->seq > v->seq)
                fault_row(v, a->seq, "an anchor (line %ld) remembers it; the ledger ends at row %" PRId64, a->line,
                          v->seq);
        else if (!row_at(v, a->seq, hash, &epoch))
                fault_row(v, a->seq, "an anchor (line %ld) remembers it; it is missing", a->line);
        else if (strcmp(hash, a->head) != 0)
                fault_row(v, a->seq,
                          "its hash is not the one of the anchor (line %ld): rewritten between rows %" PRId64
                          " and %" PRId64 ", or the anchor was edited",
                          a->line, *good + 1, a->seq);
        else if (epoch != a->epoch)
                fault_row(v, a->seq, "has epoch %" PRId64 ", the anchor (line %ld) %" PRId64, epoch, a->line, a->epoch);
        else
                *good = a->seq;
}

void check_anchors(struct verify *v)
{
        int64_t good = 0;

        for (size_t i = 0; i < v->anchors.n; i++) {
                const struct anchor *a = &v->anchors.list[i];

                if (v->n_rows > 0 && a->epoch < v->first_epoch)
                        continue; /* of an installation before this ledger */
                check_anchor(v, a, &good);
        }
}

static void check_told(struct verify *v, const char *intent, int64_t seq, const char *head)
{
        char hash[HASH_TEXT] = "", where[64];
        int64_t epoch;

        if (seq == 0 || (row_at(v, seq, hash, &epoch) && strcmp(hash, head) == 0))
                return;
        (void)snprintf(where, sizeof where, "intent %.36s", intent);
        fault(v, where, "told the portal another head of row %" PRId64 " than it has now", seq);
}

void check_told_heads(struct verify *v)
{
        sqlite3_stmt *s = query(v, "SELECT id, payload FROM intent WHERE kind IN ('report','anchor') ORDER BY rowid");

        while (next_row(v, s)) {
                const char *id = (const char *)sqlite3_column_text(s, 0), *head = NULL;
                json_t *json = json_loadb(sqlite3_column_blob(s, 1) ? sqlite3_column_blob(s, 1) : "",
                                          (size_t)sqlite3_column_bytes(s, 1), 0, NULL);
                json_int_t seq = 0;

                if (!json || (json_unpack(json, "{s:I,s:s}", "audit_seq", &seq, "audit_head", &head) < 0 &&
                              json_unpack(json, "{s:I,s:s}", "seq", &seq, "head", &head) < 0))
                        fault(v, id ? id : "intent", "its payload names no audit head");
                else
                        check_told(v, id ? id : "", seq, head);
                json_decref(json);
        }
        (void)sqlite3_finalize(s);
}
