/* Messages of mohr-print: args and answers of its verbs check, print, probe and cancel (jobs: RFC 8011; the gate:
 * proto/gate.h).
 *
 *   check  {}                  -> struct print_check
 *   print  struct print_ask    + blob: the PDF. Checkpoint "submitted" struct print_submitted, then "go" {} ->
 * releases. Progress steps: "printing", or the reason word of what the printer waits for.
 *                              -> struct print_done. failed RETRY or OPERATOR: proven not started, now or later.
 *                              failed UNKNOWN (unknown_print): in doubt, probe.
 *                              A token that exists already makes it UNKNOWN (print_refused): nothing was started by
 * this call; probe tells what became of the earlier one. A revoked one: OPERATOR. probe  struct print_probe  -> struct
 * print_evidence. Waits up to wait_ms while a backend still works at the card. not_started is final: the token is
 * revoked, a waiting job cancelled. cancel struct print_probe  -> struct print_evidence. Revokes the token when it is
 * not consumed, cancels the job.
 *
 * Pure. Encoders answer a new reference (NULL only without memory); decoders are strict: 0, or -1 and *err. */
#pragma once
#include "proto/base/json.h"
#include "proto/gate.h"

enum {
        PRINT_QUEUE_MAX = 127, /* CUPS queue name, bytes */
        PRINT_URI_MAX = 1023,
        PRINT_REASONS_MAX = 8,
        PRINT_TEXT_MAX = 159,
        PRINT_UUID_MAX = 63, /* urn:uuid: + 36 */
        PRINT_JOB_REASONS_MAX = 4,
        PRINT_KEYWORD_MAX = 63, /* a job-state-reasons keyword; a longer one is left out */
        PRINT_WAIT_DEFAULT_MS = 30000,
        PRINT_WAIT_MAX_MS = 3600000,
};

enum print_job {
        PRINT_JOB_NONE,
        PRINT_JOB_HELD,
        PRINT_JOB_PENDING,
        PRINT_JOB_PROCESSING,
        PRINT_JOB_STOPPED,
        PRINT_JOB_CANCELED,
        PRINT_JOB_ABORTED,
        PRINT_JOB_COMPLETED,
};

enum print_verdict { PRINT_NOT_STARTED, PRINT_PRINTED, PRINT_UNKNOWN };

const char *print_job_word(enum print_job job);             /* "none", "held", ... */
const char *print_verdict_word(enum print_verdict verdict); /* "not_started", "printed", "unknown" */

/* State of the queue and what is wrong with it. state: "idle", "processing" or "stopped". */
struct print_check {
        char queue[PRINT_QUEUE_MAX + 1], device_uri[PRINT_URI_MAX + 1], error_policy[64], state[16];
        bool behind_gate, accepting, gate_writable;
        size_t n_reasons, n_problems;
        enum reason reasons[PRINT_REASONS_MAX];               /* what the printer waits for, each once */
        char problems[PRINT_REASONS_MAX][PRINT_TEXT_MAX + 1]; /* one sentence each; none = ready to print */
};
json_t *print_check_encode(const struct print_check *check);
int print_check_decode(const json_t *json, struct print_check *ret, struct error *err);

/* {intent, copies:1}: copies may be left out; any other number is refused. */
struct print_ask {
        char intent[GATE_INTENT_LEN + 1];
};
json_t *print_ask_encode(const struct print_ask *ask);
int print_ask_decode(const json_t *json, struct print_ask *ret, struct error *err);

/* {job_id, job_uuid, counter_before?}. counter_before: as counter of print_done, before the job was released. */
struct print_submitted {
        int job_id;
        char job_uuid[PRINT_UUID_MAX + 1];
        int64_t counter_before;
};
json_t *print_submitted_encode(const struct print_submitted *submitted);
int print_submitted_decode(const json_t *json, struct print_submitted *ret, struct error *err);

/* {job_id, job_state, gate:"result 0", counter?}. job_state is completed, or canceled or none when CUPS was restarted
 * in between. counter is the printer's own count of cards where it tells one, else left out (-1). */
struct print_done {
        int job_id;
        enum print_job job_state;
        int64_t counter;
};
json_t *print_done_encode(const struct print_done *done);
int print_done_decode(const json_t *json, struct print_done *ret, struct error *err);

/* {intent, wait_ms?}: 0..PRINT_WAIT_MAX_MS, default PRINT_WAIT_DEFAULT_MS. */
struct print_probe {
        char intent[GATE_INTENT_LEN + 1];
        int64_t wait_ms;
};
json_t *print_probe_encode(const struct print_probe *probe);
int print_probe_decode(const json_t *json, struct print_probe *ret, struct error *err);

/* What cupsd tells of a job beside its state (RFC 8011 5.3.8, 5.3.14, 5.3.18.2); times in UTC seconds, 0 = not given;
 * impressions -1 = not given. */
struct print_job_facts {
        char uuid[PRINT_UUID_MAX + 1];
        size_t n_reasons;
        char reasons[PRINT_JOB_REASONS_MAX][PRINT_KEYWORD_MAX + 1];
        int64_t created_at, processing_at, completed_at, impressions;
};

/* {job, job_id, gate, running, verdict, cups, job_uuid?, job_reasons?, created_at?, processing_at?, completed_at?,
 * impressions?, counter?}. job_id 0 without a job. running: a backend works at the card right now, so the verdict (then
 * unknown) will change: probe again. cups: cupsd answered; else nothing of the job is known, and it may be asked again
 * when it is back. Times are UTC milliseconds on the wire. counter as in print_done. What nobody gave is left out. */
struct print_evidence {
        enum print_job job;
        int job_id;
        struct gate_state gate;
        bool running;
        enum print_verdict verdict;
        bool cups;
        struct print_job_facts facts;
        int64_t counter;
};
json_t *print_evidence_encode(const struct print_evidence *evidence);
int print_evidence_decode(const json_t *json, struct print_evidence *ret, struct error *err);
