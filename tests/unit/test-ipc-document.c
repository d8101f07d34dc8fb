/* proto/ipc/document: round trip of task and answer; each kind of value and cell takes what it should and no more. */
#include "proto/ipc/document.h"
#include "tests/unit/test.h"
#include <string.h>

static struct render_document sample(void)
{
        struct render_document task = { .template = "annex-5", .number = "A5-1405/12", .date = "2026-12-21" };

        task.audit_seq = 4711;
        memset(task.digest, 0xAB, sizeof task.digest);
        task.audit_head[31] = 1;
        return task;
}

static void test_round_trip(void)
{
        struct render_document task = sample(), back;
        struct document_done done = { .n_pages = 42, .template_sha256 = { 7 } }, done_back;
        struct error err;
        json_t *json = render_document_encode(&task);

        CHECK(render_document_decode(json, &back, &err) == 0 && back.audit_seq == 4711);
        CHECK(strcmp(back.number, task.number) == 0 && memcmp(back.digest, task.digest, 32) == 0);
        CHECK(memcmp(back.audit_head, task.audit_head, 32) == 0);
        json_decref(json);
        json = document_done_encode(&done);
        CHECK(document_done_decode(json, &done_back, &err) == 0 && done_back.n_pages == 42);
        CHECK(memcmp(done_back.template_sha256, done.template_sha256, 32) == 0);
        json_decref(json);
}

static enum reason refusal(struct render_document task)
{
        struct render_document back;
        struct error err = { 0 };
        json_t *json = render_document_encode(&task);

        CHECK(render_document_decode(json, &back, &err) < 0 && err.kind == ERR_INPUT);
        json_decref(json);
        return err.reason;
}

static void test_task(void)
{
        struct render_document task = sample();

        task.template = "../annex-5";
        CHECK(refusal(task) == REASON_BAD_JSON);
        task = sample();
        task.number = "a-1";
        CHECK(refusal(task) == REASON_BAD_JSON);
        task = sample();
        task.date = "2026-02-30";
        CHECK(refusal(task) == REASON_BAD_DATE);
        task.date = "9999-12-31"; /* Gregorian, but no Jalali year that is known */
        CHECK(refusal(task) == REASON_BAD_DATE);
}

static enum reason content(const char *text)
{
        struct document_content ret;
        struct error err = { 0 };
        json_t *json = json_strict((struct bytes){ (const uint8_t *)text, strlen(text) }, DOCUMENT_CONTENT_MAX, &err);
        enum reason reason = document_content_decode(json, &ret, &err) < 0 ? err.reason : REASON_NONE;

        json_decref(json);
        return reason;
}

static void test_content(void)
{
        CHECK(content("{\"values\":{\"count\":\"250\",\"from\":\"SC-1\",\"notes\":\"\"},\"rows\":[]}") == REASON_NONE);
        CHECK(content("{\"values\":{}}") == REASON_NONE);
        CHECK(content("{\"rows\":[]}") == REASON_BAD_JSON);
        CHECK(content("{\"values\":{},\"more\":1}") == REASON_BAD_JSON);
        CHECK(content("{\"values\":{\"colour\":\"red\"}}") == REASON_BAD_JSON);
        CHECK(content("{\"values\":{\"count\":\"-1\"}}") == REASON_BAD_TEXT);
        CHECK(content("{\"values\":{\"count\":250}}") == REASON_BAD_JSON);
        CHECK(content("{\"values\":{\"from\":\"SC 1\"}}") == REASON_BAD_TEXT);
        CHECK(content("{\"values\":{\"notes\":\"a\\u202Eb\"}}") == REASON_BAD_TEXT);
        CHECK(content("{\"values\":{\"request_date\":\"1405/09/30\"}}") == REASON_BAD_DATE);
}

static void test_row(void)
{
        const char *cells[DOCUMENT_COLUMN_COUNT_ALL];
        struct error err = { 0 };
        json_t *row = json_pack("{s:s,s:s}", "serial", "SC-1405-000123", "recipient", "");

        CHECK(document_row_decode(row, 0, cells, &err) == 0);
        CHECK(strcmp(cells[DOCUMENT_COLUMN_SERIAL], "SC-1405-000123") == 0 && !cells[DOCUMENT_COLUMN_RECIPIENT]);
        (void)json_object_set_new(row, "row", json_string("1")); /* the renderer counts, nobody else */
        CHECK(document_row_decode(row, 7, cells, &err) < 0 && err.reason == REASON_BAD_JSON);
        CHECK(strstr(err.text, "rows[7].row") != NULL);
        json_decref(row);
        CHECK(document_row_decode(NULL, 0, cells, &err) < 0);
}

int main(void)
{
        test_round_trip();
        test_task();
        test_content();
        test_row();
        return 0;
}
