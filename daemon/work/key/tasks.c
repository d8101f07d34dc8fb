#define _GNU_SOURCE
#include "daemon/work/key/tasks.h"
#include "daemon/work/key/channel.h"
#include "proto/base/cleanup.h"
#include "proto/text/serial.h"
#include <string.h>
#include <time.h>

static int64_t unix_now(void)
{
        return time(NULL);
}

/* A refusal is remembered too; the answer stays the refusal. */
static int refused(struct key_service *k, const char *verb, const struct error *why)
{
        struct error ignored;

        (void)store_log(k->store, "refused", json_pack("{s:s,s:s}", "verb", verb, "reason", reason_word(why->reason)),
                        unix_now(), &ignored);
        return -1;
}

static int run_describe(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob,
                        struct error *err)
{
        struct key_service *k = w->context;
        struct key_described d = { .ds_cert_pem = k->custody.pem, .profile_id = k->custody.profile.id };
        struct jread r = jread_begin(args, "describe", err);

        (void)blob;
        (void)ret_blob;
        if (jread_end(&r) < 0)
                return -1;
        memcpy(d.qr_key_id, k->custody.key_id, sizeof d.qr_key_id);
        d.ok = token_self_test(k->custody.token, k->custody.master, err) == 0;
        *ret_args = key_described_encode(&d);
        return 0;
}

static int make_statement(struct key_service *k, const struct subject *s, char ret[QR_TEXT_MAX], struct error *err)
{
        struct qr_statement q = { 0 };
        uint8_t digest[QR_HASH_SIZE], signature[QR_SIGNATURE_SIZE];

        memcpy(q.key_id, k->custody.key_id, sizeof q.key_id);
        memcpy(q.face_code, s->face_code, sizeof q.face_code);
        memcpy(q.data_sha256, s->data_sha256, sizeof q.data_sha256);
        memcpy(q.issue_date, s->issue_date, sizeof q.issue_date);
        if (!qr_digest(&q, digest) || custody_sign(&k->custody, digest, signature, err) < 0)
                return -1;
        if (!qr_assemble(&q, signature, ret))
                return err_own(err, ERR_BUG, REASON_INTERNAL, "the statement cannot be put together");
        return store_log(k->store, "face_signed",
                         json_pack("{s:s,s:s}", "application", s->approval.id, "face_code", s->face_code), unix_now(),
                         err);
}

static int run_qr(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct key_service *k = w->context;
        cleanup(subject_wipe) struct subject s;
        struct store_claim claim;
        struct key_qr q;
        struct key_statement answer = { 0 };
        char text[QR_TEXT_MAX];

        (void)blob;
        (void)ret_blob;
        if (key_qr_decode(args, &q, err) < 0)
                return -1;
        if (subject_open(&q.subject, k->custody.portal_ca, k->registered, unix_now(), &s, err) < 0)
                return refused(k, "qr", err);
        claim = subject_claim(&s, NULL, NULL);
        if (store_check(k->store, &claim, err) < 0)
                return refused(k, "qr", err);
        if (make_statement(k, &s, text, err) < 0)
                return -1;
        answer.qr = text;
        memcpy(answer.data_sha256, s.data_sha256, sizeof answer.data_sha256);
        *ret_args = key_statement_encode(&answer);
        return 0;
}

static int take_photo(int blob, struct session *s, struct error *err)
{
        cleanup(blob_unmap) struct bytes photo = { NULL, 0 };

        if (blob_map(blob, &photo, err) < 0)
                return -1;
        if (photo.n > sizeof s->photo)
                return err_input(err, REASON_PHOTO_LARGE, "the photo is over %d bytes", SESSION_PHOTO_MAX);
        memcpy(s->photo, photo.p, photo.n); /* checked after the copy: the sender cannot change it any more */
        s->n_photo = photo.n;
        return subject_check_photo(&s->subject, (struct bytes){ s->photo, s->n_photo }, err);
}

static int take_subject(struct key_service *k, const struct key_challenge *c, int blob, struct session *s,
                        struct error *err)
{
        struct store_claim claim;

        if (!serial_ok(c->serial))
                return err_input(err, REASON_BAD_SERIAL, "the serial is malformed");
        memcpy(s->serial, c->serial, strlen(c->serial) + 1);
        if (subject_open(&c->subject, k->custody.portal_ca, k->registered, unix_now(), &s->subject, err) < 0 ||
            take_photo(blob, s, err) < 0)
                return -1;
        claim = subject_claim(&s->subject, s->chip_id, s->serial);
        return store_check(k->store, &claim, err);
}

static int begin(struct key_service *k, const struct key_challenge *c, int blob, struct session *s,
                 struct key_challenged *ret, struct error *err)
{
        s->purpose = c->purpose;
        memcpy(s->chip_id, c->chip_id, sizeof s->chip_id);
        if (c->purpose == KEY_PERSONALISE && take_subject(k, c, blob, s, err) < 0)
                return -1;
        if (channel_begin(&k->custody.profile, c, s, ret, err) < 0)
                return -1;
        return store_attempt(k->store, s->chip_id, c->purpose == KEY_LOCK, unix_now(), err);
}

static int run_challenge(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob,
                         struct error *err)
{
        struct key_service *k = w->context;
        struct key_challenge c;
        struct key_challenged answer = { 0 };
        struct session *s;

        (void)ret_blob;
        if (key_challenge_decode(args, &c, err) < 0)
                return -1;
        s = session_new(k->sessions, err);
        if (!s)
                return -1;
        if (begin(k, &c, blob, s, &answer, err) < 0) {
                session_wipe(s);
                return refused(k, "challenge", err);
        }
        s->state = SESSION_CHALLENGED;
        answer.session = s->id;
        *ret_args = key_challenged_encode(&answer);
        return 0;
}

/* The chip does not hold our keys, or refused them: it is parked before anything else is said. */
static int park(struct key_service *k, struct session *s, const struct error *why, struct error *err)
{
        struct error store_err;
        bool mismatch = why->reason == REASON_CHIP_KEY_REFUSED;
        int r = mismatch ? store_chip(k->store, s->chip_id, STORE_MISMATCH, unix_now(), &store_err) : 0;

        session_wipe(s);
        if (r < 0)
                *err = store_err;
        return -1;
}

static int run_open(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct key_service *k = w->context;
        struct key_opened answer = { 0 };
        struct key_open o;
        struct session *s;

        (void)blob;
        (void)ret_blob;
        if (key_open_decode(args, &o, err) < 0)
                return -1;
        s = session_find(k->sessions, o.session, SESSION_CHALLENGED, err);
        if (!s)
                return -1;
        if (channel_open(&k->custody, s, (struct bytes){ o.answer, o.n }, &answer, err) < 0)
                return park(k, s, err, err);
        s->state = SESSION_OPENED;
        *ret_args = key_opened_encode(&answer);
        return 0;
}

/* Builds, signs, spends; the script leaves only after the spending is durable. */
static int wrap_card(struct key_service *k, struct session *s, struct writer *script, struct key_wrapped *ret,
                     struct error *err)
{
        cleanup(free_p) struct content *content = calloc(1, sizeof *content);
        struct content_card card = { &s->subject, { s->photo, s->n_photo }, s->chip_id,      s->serial,
                                     k->station,  k->authority_fa,          k->authority_en, unix_now() };
        struct store_claim claim = subject_claim(&s->subject, s->chip_id, s->serial);
        int r;

        if (!content)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory for the card's files");
        r = store_check(k->store, &claim, err);
        if (r == 0)
                r = content_build(&card, &k->custody, content, err);
        if (r == 0)
                r = channel_wrap_card(&k->custody.profile, s, content->files, script, err);
        if (r == 0)
                r = store_spend(k->store, &claim, content->sod_sha256, card.now, err);
        ret->personalised = true;
        memcpy(ret->sod_sha256, content->sod_sha256, sizeof ret->sod_sha256);
        memcpy(ret->data_sha256, s->subject.data_sha256, sizeof ret->data_sha256);
        explicit_bzero(content, sizeof *content);
        return r;
}

static int wrap(struct key_service *k, struct session *s, const struct key_wrap *asked, struct writer *script,
                struct key_wrapped *ret, struct error *err)
{
        int r = channel_confirm(s, (struct bytes){ asked->answer, asked->n }, err);

        if (r < 0)
                return park(k, s, err, err);
        if (store_chip(k->store, s->chip_id, STORE_OPENED, unix_now(), err) < 0)
                return -1;
        if (s->purpose == KEY_PERSONALISE)
                return asked->fallback ? err_input(err, REASON_BAD_REQUEST, "fallback belongs to lock")
                                       : wrap_card(k, s, script, ret, err);
        if (store_chip(k->store, s->chip_id, STORE_RETIRED, unix_now(), err) < 0)
                return -1;
        return channel_wrap_lock(&k->custody.profile, s, asked->fallback, script, err);
}

static int run_wrap(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct key_service *k = w->context;
        cleanup(free_p) uint8_t *buffer = malloc(PLAN_LIST_MAX);
        struct writer script = { buffer, 0, PLAN_LIST_MAX, false };
        struct key_wrapped answer = { 0 };
        struct key_wrap asked;
        struct session *s;

        (void)blob;
        if (!buffer)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory for a script");
        if (key_wrap_decode(args, &asked, err) < 0)
                return -1;
        s = session_find(k->sessions, asked.session, SESSION_OPENED, err);
        if (!s)
                return -1;
        if (wrap(k, s, &asked, &script, &answer, err) < 0) {
                session_wipe(s); /* a channel that has moved on is never used again */
                return refused(k, "wrap", err);
        }
        s->state = SESSION_WRAPPED;
        answer.n_apdus = (int64_t)s->n_steps;
        *ret_blob = blob_new(writer_bytes(&script), err);
        if (*ret_blob < 0)
                return -1;
        *ret_args = key_wrapped_encode(&answer);
        return 0;
}

static int run_check(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob,
                     struct error *err)
{
        struct key_service *k = w->context;
        cleanup(blob_unmap) struct bytes answers = { NULL, 0 };
        const char *id;
        struct session *s;
        int r;

        (void)ret_blob;
        if (key_session_decode(args, &id, err) < 0 || blob_map(blob, &answers, err) < 0)
                return -1;
        s = session_find(k->sessions, id, SESSION_WRAPPED, err);
        if (!s)
                return -1;
        r = channel_check(s, answers, err);
        if (r == 0)
                r = store_chip(k->store, s->chip_id, s->purpose == KEY_LOCK ? STORE_LOCKED : STORE_WRITTEN, unix_now(),
                               err);
        else
                (void)refused(k, "check", err);
        session_wipe(s);
        if (r == 0)
                *ret_args = key_checked_encode();
        return r;
}

static int run_close(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob,
                     struct error *err)
{
        struct key_service *k = w->context;
        const char *id;

        (void)blob;
        (void)ret_args;
        (void)ret_blob;
        if (key_session_decode(args, &id, err) < 0)
                return -1;
        session_end(k->sessions, id);
        return 0;
}

const struct worker_task key_tasks[] = { { "describe", run_describe },   { "qr", run_qr },
                                         { "challenge", run_challenge }, { "open", run_open },
                                         { "wrap", run_wrap },           { "check", run_check },
                                         { "close", run_close },         { NULL, NULL } };
