#include "proto/portal/messages.h"
#include "proto/base/cleanup.h"
#include "proto/portal/read.h"
#include "proto/text/date.h"
#include "proto/text/serial.h"
#include "proto/text/utf8.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

void portal_request_done(struct portal_request *r)
{
        free(r->body);
        *r = (struct portal_request){ 0 };
}

/* Members collected one by one; the first value of a wrong form makes the whole body fail. */
struct body {
        json_t *json;
        const char *fault;
};

static struct body body_begin(void)
{
        return (struct body){ json_object(), NULL };
}

static void add(struct body *b, const char *key, json_t *value)
{
        if (json_object_set_new(b->json, key, value) != 0 && !b->fault)
                b->fault = key;
}

static void add_text(struct body *b, const char *key, const char *text, bool ok)
{
        if (!ok && !b->fault)
                b->fault = key;
        else if (ok)
                add(b, key, json_string(text)); /* refuses bad UTF-8 */
}

static void add_form(struct body *b, const char *key, const char *text, struct read_form form)
{
        add_text(b, key, text, text && read_form_ok(form, text));
}

static void add_int(struct body *b, const char *key, int64_t value, int64_t min)
{
        if ((value < min || value > READ_INT_MAX) && !b->fault)
                b->fault = key;
        add(b, key, json_integer(value));
}

static void add_hex(struct body *b, const char *key, const uint8_t *bytes, size_t n)
{
        char text[65] = "";

        if (bytes)
                hex_encode_lower((struct bytes){ bytes, n }, text, sizeof text);
        add_text(b, key, text, bytes != NULL);
}

static void add_serial(struct body *b, const char *key, const char *serial)
{
        add_text(b, key, serial, serial && serial_ok(serial));
}

static void add_date(struct body *b, const char *key, int32_t day)
{
        char text[DATE_TEXT_MAX];

        date_format(day, text);
        add_text(b, key, text, true);
}

static void add_time(struct body *b, const char *key, int64_t time)
{
        char text[TIME_TEXT_MAX];

        time_format(time, text);
        add_text(b, key, text, true);
}

static void add_word(struct body *b, const char *key, const char *word, const char *const *words)
{
        unsigned ignored;

        add_text(b, key, word, word && portal_word_find(words, word, &ignored));
}

/* Schema Text: no control character but newline. */
static bool text_ok(const char *text)
{
        struct bytes in = { (const uint8_t *)text, strlen(text) };
        size_t n = 0;
        uint32_t c;

        for (; utf8_take(&in, &c); n++)
                if ((c < 0x20 && c != '\n') || (c >= 0x7F && c < 0xA0))
                        return false;
        return in.n == 0 && n <= PORTAL_TEXT_MAX;
}

/* Turns the members into the exact bytes; takes b->json. */
static int finish(struct body *b, struct portal_request *request, struct error *err)
{
        cleanup(json_p) json_t *json = b->json;

        if (b->fault)
                return err_input(err, REASON_BAD_REQUEST, "%s.%s: not of the form the portal takes",
                                 portal_what_words[request->what], b->fault);
        request->body = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
        if (!request->body)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no memory");
        request->n_body = strlen(request->body);
        if (EVP_Digest(request->body, request->n_body, request->sha256, NULL, EVP_sha256(), NULL) != 1)
                return err_own(err, ERR_BUG, REASON_INTERNAL, "SHA-256 failed");
        return 0;
}

/* The request for an operation on one application; the id is checked as part of the path. */
static struct portal_request on_application(enum portal_what what, enum net_method method, const char *application,
                                            struct body *b)
{
        struct portal_request r = { .what = what, .method = method };

        if (application && read_form_ok(read_application_id, application))
                (void)snprintf(r.path, sizeof r.path, "/v1/applications/%s/%s", application, portal_what_words[what]);
        else if (!b->fault)
                b->fault = "application";
        return r;
}

static struct portal_request on_path(enum portal_what what, const char *path)
{
        struct portal_request r = { .what = what, .method = NET_POST };

        (void)snprintf(r.path, sizeof r.path, "%s", path);
        return r;
}

/* Hands the finished request over, or releases it. */
static int hand_over(struct body *b, struct portal_request *request, struct portal_request *ret, struct error *err)
{
        if (finish(b, request, err) < 0) {
                portal_request_done(request);
                return -1;
        }
        *ret = *request;
        return 0;
}

int portal_encode_hello(const struct portal_hello *in, struct portal_request *ret, struct error *err)
{
        struct portal_request r = on_path(WHAT_HELLO, "/v1/hello");
        struct body b = body_begin();

        add_form(&b, "station", in->station, read_station_id);
        add_int(&b, "epoch", in->epoch, 1);
        add_int(&b, "seq", in->seq, 0);
        add_hex(&b, "head", in->head, 32);
        return hand_over(&b, &r, ret, err);
}

int portal_encode_claim(const char *application, int64_t epoch, struct portal_request *ret, struct error *err)
{
        struct body b = body_begin();
        struct portal_request r = on_application(WHAT_CLAIM, NET_POST, application, &b);

        add_int(&b, "epoch", epoch, 1);
        return hand_over(&b, &r, ret, err);
}

int portal_encode_begin(const struct portal_begin *in, struct portal_request *ret, struct error *err)
{
        struct body b = body_begin();
        struct portal_request r = on_application(WHAT_BEGIN, NET_POST, in->application, &b);

        add_int(&b, "epoch", in->epoch, 1);
        add_int(&b, "fence", in->fence, 1);
        add_form(&b, "face_code", in->face_code, read_face_code);
        add_date(&b, "issue_date", in->issue_date);
        if (in->authorisation)
                add_form(&b, "authorisation", in->authorisation, read_authorisation_id);
        return hand_over(&b, &r, ret, err);
}

int portal_encode_release(const char *application, int64_t fence, struct portal_request *ret, struct error *err)
{
        struct body b = body_begin();
        struct portal_request r = on_application(WHAT_RELEASE, NET_POST, application, &b);

        add_int(&b, "fence", fence, 1);
        return hand_over(&b, &r, ret, err);
}

static void add_issuance_times(struct body *b, const struct portal_issuance *in)
{
        if ((in->written_at < in->printed_at || in->verified_at < in->written_at) && !b->fault)
                b->fault = "verified_at"; /* I-6.6 to I-6.9: print, write, verify, report */
        add_time(b, "printed_at", in->printed_at);
        add_time(b, "written_at", in->written_at);
        add_time(b, "verified_at", in->verified_at);
}

int portal_encode_issuance(const struct portal_issuance *in, struct portal_request *ret, struct error *err)
{
        struct body b = body_begin();
        struct portal_request r = on_application(WHAT_ISSUANCE, NET_PUT, in->application, &b);

        add_int(&b, "fence", in->fence, 1);
        add_serial(&b, "serial", in->serial);
        add_hex(&b, "chip_id", in->chip_id, PORTAL_CHIP_ID_N);
        add_hex(&b, "data_sha256", in->data_sha256, 32);
        add_hex(&b, "sod_sha256", in->sod_sha256, 32);
        add_form(&b, "face_code", in->face_code, read_face_code);
        add_date(&b, "issue_date", in->issue_date);
        add_issuance_times(&b, in);
        add_form(&b, "operator", in->operator_, read_pseudonym);
        add_form(&b, "expert", in->expert, read_pseudonym);
        add_int(&b, "audit_seq", in->audit_seq, 0);
        add_hex(&b, "audit_head", in->audit_head, 32);
        return hand_over(&b, &r, ret, err);
}

static void add_minutes(struct body *b, const char *number, const uint8_t *sha256)
{
        struct body inner = body_begin();

        add_text(&inner, "number", number, number && number[0] && strlen(number) <= 40 && text_ok(number));
        add_hex(&inner, "sha256", sha256, 32);
        if (inner.fault && !b->fault)
                b->fault = "minutes";
        add(b, "minutes", inner.json);
}

static void add_application(struct body *b, const char *application, int64_t fence)
{
        if (application) {
                add_form(b, "application", application, read_application_id);
                add_int(b, "fence", fence, 1);
        } else {
                add(b, "application", json_null());
                add(b, "fence", json_null());
        }
}

int portal_encode_spoil(const struct portal_spoil *in, struct portal_request *ret, struct error *err)
{
        struct portal_request r = on_path(WHAT_SPOIL, "/v1/spoils");
        struct body b = body_begin();

        add_application(&b, in->application, in->fence);
        add_serial(&b, "serial", in->serial);
        add_word(&b, "cause", in->cause, portal_cause_words);
        add_text(&b, "text", in->text,
                 in->text && text_ok(in->text) && in->cause && (in->text[0] || strcmp(in->cause, "other") != 0));
        add_word(&b, "stage", in->stage, portal_blank_stage_words);
        add(&b, "registered", json_boolean(in->registered && in->application));
        add_text(&b, "chip", portal_chip_fate_words[in->chip], true);
        add_form(&b, "operator", in->operator_, read_pseudonym);
        add_time(&b, "at", in->at);
        if (in->minutes_number)
                add_minutes(&b, in->minutes_number, in->minutes_sha256);
        return hand_over(&b, &r, ret, err);
}

/* Schema TwoPersons: two, and not the same. */
static void add_operators(struct body *b, const char *const operators[2])
{
        json_t *list = json_array();

        for (int i = 0; i < 2; i++)
                if (!operators[i] || !read_form_ok(read_pseudonym, operators[i]) ||
                    json_array_append_new(list, json_string(operators[i])) != 0)
                        b->fault = "operators";
        if (!b->fault && strcmp(operators[0], operators[1]) == 0)
                b->fault = "operators";
        add(b, "operators", list);
}

int portal_encode_void(const struct portal_void *in, struct portal_request *ret, struct error *err)
{
        struct portal_request r = on_path(WHAT_VOID, "/v1/voids");
        struct body b = body_begin();

        add_form(&b, "application", in->application, read_application_id);
        add_serial(&b, "serial", in->serial);
        add_text(&b, "text", in->text, in->text && text_ok(in->text));
        add_text(&b, "chip", portal_chip_fate_words[in->chip], true);
        add_operators(&b, in->operators);
        add_time(&b, "at", in->at);
        add_minutes(&b, in->minutes_number, in->minutes_sha256);
        return hand_over(&b, &r, ret, err);
}

int portal_encode_anchor(int64_t epoch, int64_t seq, const uint8_t *head, struct portal_request *ret, struct error *err)
{
        struct portal_request r = on_path(WHAT_ANCHOR, "/v1/anchors");
        struct body b = body_begin();

        add_int(&b, "epoch", epoch, 1);
        add_int(&b, "seq", seq, 0);
        add_hex(&b, "head", head, 32);
        return hand_over(&b, &r, ret, err);
}

int portal_encode_list(enum portal_list list, const char *after, int limit, struct portal_request *ret,
                       struct error *err)
{
        static const char *const names[] = {
                [LIST_APPLICATIONS] = "applications",
                [LIST_REISSUES] = "reissues",
                [LIST_WITHDRAWN] = "withdrawn",
                [LIST_LEDGER] = "ledger",
        };
        struct portal_request r = { .method = NET_GET };

        if (!read_form_ok(read_cursor_or_none, after) || limit < 1 || limit > PORTAL_PAGE_MAX)
                return err_input(err, REASON_BAD_REQUEST, "no cursor, or a limit that is not 1 to %d", PORTAL_PAGE_MAX);
        (void)snprintf(r.path, sizeof r.path, "/v1/%s?%s%s%slimit=%d", names[list], after[0] ? "after=" : "", after,
                       after[0] ? "&" : "", limit);
        *ret = r;
        return 0;
}

int portal_encode_photo(const uint8_t sha256[32], struct portal_request *ret, struct error *err)
{
        struct portal_request r = { .method = NET_GET };
        char digits[65];

        (void)err; /* nothing can be wrong with 32 bytes */
        hex_encode_lower((struct bytes){ sha256, 32 }, digits, sizeof digits);
        (void)snprintf(r.path, sizeof r.path, "/v1/photos/%s", digits);
        *ret = r;
        return 0;
}
