#include "proto/ipc/print.h"
#include <limits.h>
#include <string.h>

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
        return json_pack("{s:i,s:s}", "job_id", submitted->job_id, "job_uuid", submitted->job_uuid);
}

int print_submitted_decode(const json_t *json, struct print_submitted *ret, struct error *err)
{
        struct jread r = jread_begin(json, "submitted", err);
        struct print_submitted submitted = { 0 };

        read_job_id(&r, 1, &submitted.job_id);
        read_text(&r, "job_uuid", 0, submitted.job_uuid, PRINT_UUID_MAX);
        if (jread_end(&r) < 0)
                return -1;
        *ret = submitted;
        return 0;
}

json_t *print_done_encode(const struct print_done *done)
{
        json_t *json = json_pack("{s:i,s:s,s:s}", "job_id", done->job_id, "job_state", print_job_word(done->job_state),
                                 "gate", "result 0");

        if (json && done->counter >= 0)
                (void)json_object_set_new(json, "counter", json_integer((json_int_t)done->counter));
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

json_t *print_evidence_encode(const struct print_evidence *e)
{
        char gate[GATE_TEXT_MAX];

        gate_state_text(e->gate, gate);
        return json_pack("{s:s,s:i,s:s,s:b,s:s}", "job", print_job_word(e->job), "job_id", e->job_id, "gate", gate,
                         "running", e->running, "verdict", print_verdict_word(e->verdict));
}

int print_evidence_decode(const json_t *json, struct print_evidence *ret, struct error *err)
{
        struct jread r = jread_begin(json, "evidence", err);
        struct print_evidence e = { 0 };
        const char *gate = "none";
        unsigned verdict = 0;

        read_job(&r, "job", &e.job);
        read_job_id(&r, 0, &e.job_id);
        jread_str(&r, "gate", 1, GATE_TEXT_MAX - 1, &gate);
        jread_bool(&r, "running", &e.running);
        jread_word(&r, "verdict", verdict_words, &verdict);
        if (jread_end(&r) < 0)
                return -1;
        if (!gate_state_parse(gate, &e.gate))
                return err_input(err, REASON_BAD_JSON, "evidence.gate: not one of the allowed words");
        e.verdict = (enum print_verdict)verdict;
        *ret = e;
        return 0;
}
