#include "proto/portal/answers.h"
#include "proto/base/cleanup.h"
#include "proto/portal/read.h"
#include <string.h>

/* A fault of form in the answer to a mutating call: it may have been applied. */
static int nonsense(struct error *err)
{
        if (err->reason == REASON_BAD_JSON) {
                err->kind = ERR_UNKNOWN;
                err->reason = REASON_PORTAL_NONSENSE;
        }
        return -1;
}

/* The stages an operation's answer may name (const and enum in the schema). */
static bool stage_fits(enum portal_what what, enum portal_stage stage)
{
        if (what == WHAT_CLAIM)
                return stage == STAGE_CLAIMED;
        if (what == WHAT_BEGIN)
                return stage == STAGE_BOUND;
        if (what == WHAT_RELEASE)
                return stage == STAGE_APPROVED || stage == STAGE_AWAITING_REISSUE;
        if (what == WHAT_VOID)
                return stage == STAGE_AWAITING_REISSUE;
        return what == WHAT_SPOIL || (what == WHAT_ISSUANCE && stage == STAGE_ISSUED);
}

static void read_stage(struct jread *r, enum portal_what what, struct portal_applied *a)
{
        unsigned stage = 0;

        if (what == WHAT_SPOIL && json_is_null(json_object_get(r->object, "stage"))) {
                jread_skip(r, "stage");
                return;
        }
        jread_word(r, "stage", portal_stage_words, &stage);
        a->has_stage = true;
        a->stage = (enum portal_stage)stage;
        if (!stage_fits(what, a->stage))
                read_fault(r, "stage", "not what this call leads to");
}

static int read_applied(enum portal_what what, struct portal_applied *a, struct error *err)
{
        struct jread r = jread_begin(a->json, portal_what_words[what], err);

        if (what == WHAT_ANCHOR) {
                jread_int(&r, "seq", 0, READ_INT_MAX, &a->seq);
        } else if (what == WHAT_SPOIL) {
                read_text_or_null(&r, "application", read_application_id, a->application);
                read_serial(&r, "serial", a->serial);
                read_stage(&r, what, a);
        } else if (what == WHAT_VOID) {
                read_text(&r, "application", read_application_id, a->application);
                read_serial(&r, "serial", a->serial);
                read_stage(&r, what, a);
        } else {
                read_text(&r, "id", read_application_id, a->application);
                read_stage(&r, what, a);
        }
        if (what == WHAT_CLAIM || what == WHAT_BEGIN)
                jread_int(&r, "fence", 1, READ_INT_MAX, &a->fence);
        if (what == WHAT_CLAIM)
                jread_int(&r, "lease_s", 1, 86400, &a->lease_s);
        read_jws(&r, "receipt", &a->receipt);
        return jread_end(&r);
}

int portal_decode_applied(enum portal_what what, struct bytes body, struct portal_applied *ret, struct error *err)
{
        struct portal_applied a = { .json = json_strict(body, PORTAL_BODY_MAX, err) };

        if (!a.json || read_applied(what, &a, err) < 0) {
                portal_applied_done(&a);
                return nonsense(err);
        }
        *ret = a;
        return 0;
}

void portal_applied_done(struct portal_applied *a)
{
        json_decref(a->json);
        *a = (struct portal_applied){ 0 };
}

static int read_bound(const json_t *item, struct portal_bound *ret, struct error *err)
{
        struct jread r = jread_begin(item, "hello.bound", err);
        unsigned stage = STAGE_BOUND;

        read_text(&r, "id", read_application_id, ret->application);
        jread_word(&r, "stage", portal_stage_words, &stage);
        jread_int(&r, "fence", 1, READ_INT_MAX, &ret->fence);
        read_text(&r, "face_code", read_face_code, ret->face_code);
        read_date(&r, "issue_date", &ret->issue_date);
        read_serial_or_null(&r, "spoiled_serial", ret->spoiled_serial);
        ret->stage = (enum portal_stage)stage;
        if (ret->stage != STAGE_BOUND && ret->stage != STAGE_AWAITING_REISSUE)
                read_fault(&r, "stage", "neither bound nor awaiting_reissue");
        return jread_end(&r);
}

static int read_issued(const json_t *item, struct portal_issued *ret, struct error *err)
{
        struct jread r = jread_begin(item, "hello.issued", err);

        read_text(&r, "id", read_application_id, ret->application);
        jread_int(&r, "fence", 1, READ_INT_MAX, &ret->fence);
        read_serial(&r, "serial", ret->serial);
        return jread_end(&r);
}

static int read_hello(struct portal_hello_answer *a, const json_t **ret_bound, const json_t **ret_issued,
                      struct error *err)
{
        static const char *const statuses[] = { "ok", "fenced", NULL };
        struct jread r = jread_begin(a->json, "hello", err);
        unsigned status = 0;

        read_text(&r, "station", read_station_id, a->station);
        jread_int(&r, "epoch", 1, 1000000, &a->epoch);
        jread_word(&r, "status", statuses, &status);
        jread_array(&r, "bound", PORTAL_HELLO_MAX, ret_bound);
        jread_array(&r, "issued", PORTAL_HELLO_MAX, ret_issued);
        jread_bool(&r, "truncated", &a->truncated);
        read_time(&r, "server_time", &a->server_time);
        jread_int(&r, "receipt_seq", 0, READ_INT_MAX, &a->receipt_seq);
        read_jws(&r, "receipt", &a->receipt);
        a->fenced = status == 1;
        return jread_end(&r);
}

static int read_hello_items(struct portal_hello_answer *a, const json_t *bound, const json_t *issued, struct error *err)
{
        a->n_bound = json_array_size(bound);
        a->n_issued = json_array_size(issued);
        a->bound = calloc(a->n_bound + 1, sizeof *a->bound);
        a->issued = calloc(a->n_issued + 1, sizeof *a->issued);
        if (!a->bound || !a->issued)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no memory");
        for (size_t i = 0; i < a->n_bound; i++)
                if (read_bound(json_array_get(bound, i), &a->bound[i], err) < 0)
                        return -1;
        for (size_t i = 0; i < a->n_issued; i++)
                if (read_issued(json_array_get(issued, i), &a->issued[i], err) < 0)
                        return -1;
        return 0;
}

int portal_decode_hello(struct bytes body, struct portal_hello_answer *ret, struct error *err)
{
        struct portal_hello_answer a = { .json = json_strict(body, PORTAL_BODY_MAX, err) };
        const json_t *bound = NULL, *issued = NULL;

        if (!a.json || read_hello(&a, &bound, &issued, err) < 0 || read_hello_items(&a, bound, issued, err) < 0) {
                portal_hello_answer_done(&a);
                return nonsense(err);
        }
        *ret = a;
        return 0;
}

void portal_hello_answer_done(struct portal_hello_answer *a)
{
        free(a->bound);
        free(a->issued);
        json_decref(a->json);
        *a = (struct portal_hello_answer){ 0 };
}
