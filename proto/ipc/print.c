#include "proto/ipc/print.h"
#include <limits.h>
#include <string.h>

enum { MS_PER_S = 1000 };

static const char *const job_words[] = { "none",     "held",    "pending",   "processing", "stopped",
                                         "canceled", "aborted", "completed", NULL };
static const char *const verdict_words[] = { "not_started", "printed", "unknown", NULL };
static const char *const state_words[] = { "idle", "processing", "stopped", NULL };

const char *print_job_word(enum print_job job)
{
        return job_words[job];
}

const char *print_verdict_word(enum print_verdict verdict)
{
        return verdict_words[verdict];
}

static void read_text(struct jread *r, const char *key, size_t min, char *ret, size_t max)
{
        const char *text = "";

        jread_str(r, key, min, max, &text);
        memcpy(ret, text, strlen(text) + 1);
}

static void read_intent(struct jread *r, char ret[GATE_INTENT_LEN + 1])
{
        const char *text = "";

        jread_str(r, "intent", GATE_INTENT_LEN, GATE_INTENT_LEN, &text);
        if (!r->failed && !gate_intent_ok(text)) {
                (void)err_input(r->err, REASON_BAD_JSON, "%s.intent: not an intent id", r->where);
                r->failed = true;
        }
        memcpy(ret, text, strlen(text) + 1);
}

static void read_job(struct jread *r, const char *key, enum print_job *ret)
{
        unsigned word = 0;

        jread_word(r, key, job_words, &word);
        *ret = (enum print_job)word;
}

static void read_job_id(struct jread *r, int min, int *ret)
{
        int64_t id = 0;

        jread_int(r, "job_id", min, INT_MAX, &id);
        *ret = (int)id;
}

/* Only what was given: at least `least`. */
static void put_given(json_t *json, const char *key, int64_t value, int64_t least, int64_t times)
{
        if (json && value >= least)
                (void)json_object_set_new(json, key, json_integer((json_int_t)(value * times)));
}

static json_t *encode_reasons(const struct print_check *check)
{
        json_t *list = json_array();

        for (size_t i = 0; i < check->n_reasons; i++)
                (void)json_array_append_new(list, json_string(reason_word(check->reasons[i])));
        return list;
}

static json_t *encode_problems(const struct print_check *check)
{
        json_t *list = json_array();

        for (size_t i = 0; i < check->n_problems; i++)
                (void)json_array_append_new(list, json_string(check->problems[i]));
        return list;
}

json_t *print_check_encode(const struct print_check *c)
{
        return json_pack("{s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:o,s:o}", "queue", c->queue, "device_uri", c->device_uri,
                         "error_policy", c->error_policy, "state", c->state, "behind_gate", c->behind_gate, "accepting",
                         c->accepting, "gate_writable", c->gate_writable, "reasons", encode_reasons(c), "problems",
                         encode_problems(c));
}

static int decode_reasons(const json_t *list, struct print_check *ret)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *word = json_string_value(json_array_get(list, i));

                if (!word || !reason_parse(word, &ret->reasons[i]))
                        return -1;
                ret->n_reasons = i + 1;
        }
        return 0;
}

static int decode_problems(const json_t *list, struct print_check *ret)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *item = json_array_get(list, i);
                const char *text = json_string_value(item);

                if (!text || json_string_length(item) > PRINT_TEXT_MAX || strlen(text) != json_string_length(item))
                        return -1;
                memcpy(ret->problems[i], text, strlen(text) + 1);
                ret->n_problems = i + 1;
        }
        return 0;
}

int print_check_decode(const json_t *json, struct print_check *ret, struct error *err)
{
        struct jread r = jread_begin(json, "check", err);
        struct print_check c = { 0 };
        const json_t *reasons = NULL, *problems = NULL;
        unsigned state = 0;

        read_text(&r, "queue", 1, c.queue, PRINT_QUEUE_MAX);
        read_text(&r, "device_uri", 0, c.device_uri, PRINT_URI_MAX);
        read_text(&r, "error_policy", 0, c.error_policy, sizeof c.error_policy - 1);
        jread_word(&r, "state", state_words, &state);
        jread_bool(&r, "behind_gate", &c.behind_gate);
        jread_bool(&r, "accepting", &c.accepting);
        jread_bool(&r, "gate_writable", &c.gate_writable);
        jread_array(&r, "reasons", PRINT_REASONS_MAX, &reasons);
        jread_array(&r, "problems", PRINT_REASONS_MAX, &problems);
        if (jread_end(&r) < 0)
                return -1;
        if (decode_reasons(reasons, &c) < 0 || decode_problems(problems, &c) < 0)
                return err_input(err, REASON_BAD_JSON, "check: malformed list");
        memcpy(c.state, state_words[state], strlen(state_words[state]) + 1);
        *ret = c;
        return 0;
}

json_t *print_ask_encode(const struct print_ask *ask)
{
        return json_pack("{s:s,s:i}", "intent", ask->intent, "copies", 1);
}

int print_ask_decode(const json_t *json, struct print_ask *ret, struct error *err)
{
        struct jread r = jread_begin(json, "print", err);
        struct print_ask ask = { 0 };
        int64_t copies = 1;

        read_intent(&r, ask.intent);
        jread_int_opt(&r, "copies", 1, 1, &copies);
        if (jread_end(&r) < 0)
                return -1;
        *ret = ask;
        return 0;
}

json_t *print_submitted_encode(const struct print_submitted *submitted)
{
        json_t *json = json_pack("{s:i,s:s}", "job_id", submitted->job_id, "job_uuid", submitted->job_uuid);

        put_given(json, "counter_before", submitted->counter_before, 0, 1);
        return json;
}

int print_submitted_decode(const json_t *json, struct print_submitted *ret, struct error *err)
{
        struct jread r = jread_begin(json, "submitted", err);
        struct print_submitted submitted = { .counter_before = -1 };

        read_job_id(&r, 1, &submitted.job_id);
        read_text(&r, "job_uuid", 0, submitted.job_uuid, PRINT_UUID_MAX);
        jread_int_opt(&r, "counter_before", 0, INT64_MAX, &submitted.counter_before);
        if (jread_end(&r) < 0)
                return -1;
        *ret = submitted;
        return 0;
}

json_t *print_done_encode(const struct print_done *done)
{
        json_t *json = json_pack("{s:i,s:s,s:s}", "job_id", done->job_id, "job_state", print_job_word(done->job_state),
                                 "gate", "result 0");

        put_given(json, "counter", done->counter, 0, 1);
        return json;
}

int print_done_decode(const json_t *json, struct print_done *ret, struct error *err)
{
        static const char *const gate_words[] = { "result 0", NULL };
        struct jread r = jread_begin(json, "printed", err);
        struct print_done done = { .counter = -1 };
        unsigned gate = 0;

        read_job_id(&r, 0, &done.job_id);
        read_job(&r, "job_state", &done.job_state);
        jread_word(&r, "gate", gate_words, &gate);
        jread_int_opt(&r, "counter", 0, INT64_MAX, &done.counter);
        if (jread_end(&r) < 0)
                return -1;
        *ret = done;
        return 0;
}

json_t *print_probe_encode(const struct print_probe *probe)
{
        return json_pack("{s:s,s:I}", "intent", probe->intent, "wait_ms", (json_int_t)probe->wait_ms);
}

int print_probe_decode(const json_t *json, struct print_probe *ret, struct error *err)
{
        struct jread r = jread_begin(json, "probe", err);
        struct print_probe probe = { .wait_ms = PRINT_WAIT_DEFAULT_MS };

        read_intent(&r, probe.intent);
        jread_int_opt(&r, "wait_ms", 0, PRINT_WAIT_MAX_MS, &probe.wait_ms);
        if (jread_end(&r) < 0)
                return -1;
        *ret = probe;
        return 0;
}

static void encode_facts(json_t *json, const struct print_job_facts *f)
{
        json_t *reasons = json_array();

        for (size_t i = 0; i < f->n_reasons; i++)
                (void)json_array_append_new(reasons, json_string(f->reasons[i]));
        if (json && f->uuid[0])
                (void)json_object_set_new(json, "job_uuid", json_string(f->uuid));
        if (json && f->n_reasons > 0)
                (void)json_object_set(json, "job_reasons", reasons);
        json_decref(reasons);
        put_given(json, "created_at", f->created_at, 1, MS_PER_S);
        put_given(json, "processing_at", f->processing_at, 1, MS_PER_S);
        put_given(json, "completed_at", f->completed_at, 1, MS_PER_S);
        put_given(json, "impressions", f->impressions, 0, 1);
}

json_t *print_evidence_encode(const struct print_evidence *e)
{
        char gate[GATE_TEXT_MAX];
        json_t *json;

        gate_state_text(e->gate, gate);
        json = json_pack("{s:s,s:i,s:s,s:b,s:s,s:b}", "job", print_job_word(e->job), "job_id", e->job_id, "gate", gate,
                         "running", e->running, "verdict", print_verdict_word(e->verdict), "cups", e->cups);
        if (e->job_id > 0)
                encode_facts(json, &e->facts);
        put_given(json, "counter", e->counter, 0, 1);
        return json;
}

static void read_time(struct jread *r, const char *key, int64_t *ret)
{
        int64_t ms = 0;

        jread_int_opt(r, key, 0, INT64_MAX, &ms);
        *ret = ms / MS_PER_S;
}

static int decode_job_reasons(const json_t *list, struct print_job_facts *ret)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *word = json_string_value(json_array_get(list, i));

                if (!word || word[0] == '\0' || strlen(word) > PRINT_KEYWORD_MAX)
                        return -1;
                memcpy(ret->reasons[i], word, strlen(word) + 1);
                ret->n_reasons = i + 1;
        }
        return 0;
}

static void read_facts(struct jread *r, struct print_job_facts *ret, const json_t **ret_reasons)
{
        const char *uuid = "";

        ret->impressions = -1;
        jread_str_opt(r, "job_uuid", 0, PRINT_UUID_MAX, &uuid);
        jread_array_opt(r, "job_reasons", PRINT_JOB_REASONS_MAX, ret_reasons);
        read_time(r, "created_at", &ret->created_at);
        read_time(r, "processing_at", &ret->processing_at);
        read_time(r, "completed_at", &ret->completed_at);
        jread_int_opt(r, "impressions", 0, INT64_MAX, &ret->impressions);
        memcpy(ret->uuid, uuid, strlen(uuid) + 1);
}

int print_evidence_decode(const json_t *json, struct print_evidence *ret, struct error *err)
{
        struct jread r = jread_begin(json, "evidence", err);
        struct print_evidence e = { .counter = -1 };
        const json_t *reasons = NULL;
        const char *gate = "none";
        unsigned verdict = 0;

        read_job(&r, "job", &e.job);
        read_job_id(&r, 0, &e.job_id);
        jread_str(&r, "gate", 1, GATE_TEXT_MAX - 1, &gate);
        jread_bool(&r, "running", &e.running);
        jread_word(&r, "verdict", verdict_words, &verdict);
        jread_bool(&r, "cups", &e.cups);
        read_facts(&r, &e.facts, &reasons);
        jread_int_opt(&r, "counter", 0, INT64_MAX, &e.counter);
        if (jread_end(&r) < 0)
                return -1;
        if (!gate_state_parse(gate, &e.gate) || decode_job_reasons(reasons, &e.facts) < 0)
                return err_input(err, REASON_BAD_JSON, "evidence: not one of the allowed words");
        e.verdict = (enum print_verdict)verdict;
        *ret = e;
        return 0;
}
