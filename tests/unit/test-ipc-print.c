/* proto/ipc/print: the forms written in the header decode; round trips; everything else is refused. */
#include "proto/ipc/print.h"
#include "tests/unit/test.h"
#include <string.h>

#define INTENT "0b9d3c52-6f1e-4a57-9d0c-3f2a8b7c6d5e"

static json_t *parse(const char *text)
{
        struct error err;
        json_t *json = json_strict((struct bytes){ (const uint8_t *)text, strlen(text) }, 65536, &err);

        CHECK(json);
        return json;
}

#define DECODES(type, text, ret)                                \
        (__extension__({                                        \
                struct error e_;                                \
                json_t *j_ = parse(text);                       \
                int r_ = type##_decode(j_, (ret), &e_);         \
                json_decref(j_);                                \
                CHECK(r_ == 0 || e_.reason == REASON_BAD_JSON); \
                r_ == 0;                                        \
        }))

static void test_ask(void)
{
        struct print_ask ask;

        CHECK(DECODES(print_ask, "{\"intent\":\"" INTENT "\"}", &ask) && strcmp(ask.intent, INTENT) == 0);
        CHECK(DECODES(print_ask, "{\"intent\":\"" INTENT "\",\"copies\":1}", &ask));
        CHECK(!DECODES(print_ask, "{\"intent\":\"" INTENT "\",\"copies\":2}", &ask));
        CHECK(!DECODES(print_ask, "{\"intent\":\"" INTENT "\",\"name\":\"x\"}", &ask));
        CHECK(!DECODES(print_ask, "{\"intent\":\"../../../../../../../etc/passwd-----\"}", &ask));
        CHECK(!DECODES(print_ask, "{}", &ask) && !DECODES(print_ask, "{\"intent\":7}", &ask));
}

static void test_submitted(void)
{
        struct print_submitted s;

        CHECK(DECODES(print_submitted, "{\"job_id\":12,\"job_uuid\":\"urn:uuid:" INTENT "\"}", &s) && s.job_id == 12);
        CHECK(!DECODES(print_submitted, "{\"job_id\":0,\"job_uuid\":\"\"}", &s));
        CHECK(!DECODES(print_submitted, "{\"job_id\":12}", &s));
}

static void test_done(void)
{
        struct print_done d;
        json_t *json;

        CHECK(DECODES(print_done, "{\"job_id\":3,\"job_state\":\"completed\",\"gate\":\"result 0\"}", &d));
        CHECK(d.job_id == 3 && d.job_state == PRINT_JOB_COMPLETED && d.counter == -1);
        CHECK(DECODES(print_done, "{\"job_id\":3,\"job_state\":\"canceled\",\"gate\":\"result 0\",\"counter\":9}", &d));
        CHECK(d.counter == 9 && d.job_state == PRINT_JOB_CANCELED);
        CHECK(!DECODES(print_done, "{\"job_id\":3,\"job_state\":\"completed\",\"gate\":\"result 1\"}", &d));
        CHECK(!DECODES(print_done, "{\"job_id\":3,\"job_state\":\"finished\",\"gate\":\"result 0\"}", &d));
        json = print_done_encode(&(struct print_done){ 4, PRINT_JOB_COMPLETED, -1 });
        CHECK(json && !json_object_get(json, "counter"));
        json_decref(json);
}

static void test_probe(void)
{
        struct print_probe p;

        CHECK(DECODES(print_probe, "{\"intent\":\"" INTENT "\"}", &p) && p.wait_ms == PRINT_WAIT_DEFAULT_MS);
        CHECK(DECODES(print_probe, "{\"intent\":\"" INTENT "\",\"wait_ms\":0}", &p) && p.wait_ms == 0);
        CHECK(!DECODES(print_probe, "{\"intent\":\"" INTENT "\",\"wait_ms\":-1}", &p));
}

static void test_evidence(void)
{
        for (int i = 0; i < 8 * 3 * 5; i++) {
                struct print_evidence e = { .job = (enum print_job)(i % 8), .job_id = i, .running = i & 1 }, back;
                struct error err;
                json_t *json;

                e.verdict = (enum print_verdict)(i / 8 % 3);
                e.cups = i % 5 > 0;
                e.counter = i % 7 - 1;
                e.facts = (struct print_job_facts){ .impressions = i % 3 - 1, .created_at = i % 2 * 1700000000 };
                for (; e.facts.n_reasons < (size_t)i % (PRINT_JOB_REASONS_MAX + 1); e.facts.n_reasons++)
                        (void)strcpy(e.facts.reasons[e.facts.n_reasons], "job-printing");
                (void)strcpy(e.facts.uuid, i % 2 ? "urn:uuid:" INTENT : "");
                e.gate.phase = (enum gate_phase)(i / 24);
                e.gate.result = e.gate.phase == GATE_DONE ? i : 0;
                json = print_evidence_encode(&e);
                CHECK(json && print_evidence_decode(json, &back, &err) == 0);
                CHECK(back.cups == e.cups && back.counter == e.counter);
                CHECK(i == 0 || memcmp(&back.facts, &e.facts, sizeof e.facts) == 0);
                CHECK(back.job == e.job && back.job_id == e.job_id && back.verdict == e.verdict);
                CHECK(back.gate.phase == e.gate.phase && back.gate.result == e.gate.result &&
                      back.running == e.running);
                json_decref(json);
        }
}

static void test_check(void)
{
        static const char text[] =
                "{\"queue\":\"Card\",\"device_uri\":\"mohr-once:usb://x\",\"error_policy\":\"abort-job\","
                "\"state\":\"idle\",\"behind_gate\":true,\"accepting\":true,\"gate_writable\":false,"
                "\"reasons\":[\"ribbon_out\"],\"problems\":[\"one\",\"two\"]}";
        struct print_check c, back;
        struct error err;
        json_t *json;

        CHECK(DECODES(print_check, text, &c));
        CHECK(c.n_reasons == 1 && c.reasons[0] == REASON_RIBBON_OUT && c.n_problems == 2 && c.behind_gate);
        json = print_check_encode(&c);
        CHECK(json && print_check_decode(json, &back, &err) == 0);
        CHECK(strcmp(back.problems[1], "two") == 0 && strcmp(back.state, "idle") == 0 && !back.gate_writable);
        (void)json_object_set_new(json, "reasons", json_pack("[s]", "no_such_word"));
        CHECK(print_check_decode(json, &back, &err) < 0);
        json_decref(json);
}

int main(void)
{
        test_ask();
        test_submitted();
        test_done();
        test_probe();
        test_evidence();
        test_check();
        return 0;
}
