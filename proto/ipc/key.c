#include "proto/ipc/key.h"
#include "proto/base/cleanup.h"
#include <string.h>

enum { DATE_LENGTH = 10, FACE_LENGTH = 10, SERIAL_MIN = 6, SERIAL_MAX = 20, COMMAND_MIN = 64, COMMAND_MAX = 255 };

static void put(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new(object, key, value);
}

static void put_text(json_t *object, const char *key, const char *text)
{
        if (text)
                put(object, key, json_string(text));
}

static void put_hex(json_t *object, const char *key, const uint8_t *p, size_t n)
{
        char text[2 * KEY_APDU_MAX + 1];

        hex_encode((struct bytes){ p, n }, text, sizeof text);
        put(object, key, json_string(text));
}

json_t *key_described_encode(const struct key_described *d)
{
        json_t *json = json_pack("{s:s,s:s,s:b}", "ds_cert_pem", d->ds_cert_pem, "profile_id", d->profile_id, "ok",
                                 (int)d->ok);

        put_hex(json, "qr_key_id", d->qr_key_id, sizeof d->qr_key_id);
        return json;
}

int key_described_decode(const json_t *json, struct key_described *ret, struct error *err)
{
        struct jread r = jread_begin(json, "described", err);
        struct key_described d = { 0 };

        jread_str(&r, "ds_cert_pem", 1, KEY_PEM_MAX, &d.ds_cert_pem);
        jread_str(&r, "profile_id", 1, 64, &d.profile_id);
        jread_hex(&r, "qr_key_id", d.qr_key_id, sizeof d.qr_key_id);
        jread_bool(&r, "ok", &d.ok);
        if (jread_end(&r) < 0)
                return -1;
        *ret = d;
        return 0;
}

static void put_subject(json_t *json, const struct key_subject *s)
{
        put_text(json, "approval", s->approval);
        put_text(json, "authorisation", s->authorisation);
        put_text(json, "unregistered_serial", s->unregistered_serial);
        put_text(json, "face_code", s->face_code);
        put_text(json, "issue_date", s->issue_date);
}

static void take_subject(struct jread *r, struct key_subject *s)
{
        jread_str(r, "approval", 1, KEY_APPROVAL_MAX, &s->approval);
        jread_str_opt(r, "authorisation", 1, KEY_AUTHORISATION_MAX, &s->authorisation);
        jread_str_opt(r, "unregistered_serial", SERIAL_MIN, SERIAL_MAX, &s->unregistered_serial);
        jread_str(r, "face_code", FACE_LENGTH, FACE_LENGTH, &s->face_code);
        jread_str(r, "issue_date", DATE_LENGTH, DATE_LENGTH, &s->issue_date);
}

json_t *key_qr_encode(const struct key_qr *q)
{
        json_t *json = json_object();

        put_subject(json, &q->subject);
        return json;
}

int key_qr_decode(const json_t *json, struct key_qr *ret, struct error *err)
{
        struct jread r = jread_begin(json, "qr", err);
        struct key_qr q = { 0 };

        take_subject(&r, &q.subject);
        if (jread_end(&r) < 0)
                return -1;
        *ret = q;
        return 0;
}

json_t *key_statement_encode(const struct key_statement *s)
{
        json_t *json = json_object();

        put_text(json, "qr", s->qr);
        put_hex(json, "data_sha256", s->data_sha256, sizeof s->data_sha256);
        return json;
}

int key_statement_decode(const json_t *json, struct key_statement *ret, struct error *err)
{
        struct jread r = jread_begin(json, "statement", err);
        struct key_statement s = { 0 };

        jread_str(&r, "qr", 1, KEY_QR_MAX, &s.qr);
        jread_hex(&r, "data_sha256", s.data_sha256, sizeof s.data_sha256);
        if (jread_end(&r) < 0)
                return -1;
        *ret = s;
        return 0;
}

static const char *const purposes[] = { [KEY_PERSONALISE] = "personalise", [KEY_LOCK] = "lock", NULL };

static json_t *infos_encode(const struct key_challenge *c)
{
        json_t *list = json_array();

        for (size_t i = 0; i < c->n_infos; i++)
                (void)json_array_append_new(list,
                                            json_pack("{s:I,s:I,s:I,s:I}", "kid", (json_int_t)c->infos[i].kid, "kvn",
                                                      (json_int_t)c->infos[i].kvn, "type", (json_int_t)c->infos[i].type,
                                                      "len", (json_int_t)c->infos[i].len));
        return list;
}

json_t *key_challenge_encode(const struct key_challenge *c)
{
        json_t *json = json_pack("{s:s,s:o,s:I}", "purpose", purposes[c->purpose], "key_info", infos_encode(c),
                                 "max_command", (json_int_t)c->max_command);

        put_hex(json, "chip_id", c->chip_id, sizeof c->chip_id);
        if (c->n_atr > 0)
                put_hex(json, "atr", c->atr, c->n_atr);
        if (c->scp >= 0)
                put(json, "scp", json_integer(c->scp));
        if (c->i >= 0)
                put(json, "i", json_integer(c->i));
        if (c->purpose == KEY_PERSONALISE) {
                put_text(json, "serial", c->serial);
                put_subject(json, &c->subject);
        }
        return json;
}

static int info_decode(const json_t *json, struct key_info *ret, struct error *err)
{
        struct jread r = jread_begin(json, "challenge.key_info", err);

        jread_int(&r, "kid", 0, 0xFF, &ret->kid);
        jread_int(&r, "kvn", 0, 0xFF, &ret->kvn);
        jread_int(&r, "type", 0, 0xFF, &ret->type);
        jread_int(&r, "len", 0, 0xFFFF, &ret->len);
        return jread_end(&r);
}

static int infos_decode(const json_t *list, struct key_challenge *c, struct error *err)
{
        for (; c->n_infos < json_array_size(list); c->n_infos++)
                if (info_decode(json_array_get(list, c->n_infos), &c->infos[c->n_infos], err) < 0)
                        return -1;
        return 0;
}

int key_challenge_decode(const json_t *json, struct key_challenge *ret, struct error *err)
{
        struct jread r = jread_begin(json, "challenge", err);
        struct key_challenge c = { .scp = -1, .i = -1 };
        const json_t *list = NULL;
        unsigned purpose = KEY_LOCK;

        jread_word(&r, "purpose", purposes, &purpose);
        c.purpose = (enum key_purpose)purpose;
        jread_array(&r, "key_info", KEY_INFOS_MAX, &list);
        jread_int(&r, "max_command", COMMAND_MIN, COMMAND_MAX, &c.max_command);
        jread_hex(&r, "chip_id", c.chip_id, sizeof c.chip_id);
        if (json_object_get(json, "atr"))
                jread_hex_var(&r, "atr", c.atr, sizeof c.atr, &c.n_atr);
        jread_int_opt(&r, "scp", 0, 0xFF, &c.scp);
        jread_int_opt(&r, "i", 0, 0xFF, &c.i);
        if (c.purpose == KEY_PERSONALISE) {
                jread_str(&r, "serial", SERIAL_MIN, SERIAL_MAX, &c.serial);
                take_subject(&r, &c.subject);
        }
        if (jread_end(&r) < 0 || infos_decode(list, &c, err) < 0)
                return -1;
        *ret = c;
        return 0;
}

json_t *key_challenged_encode(const struct key_challenged *c)
{
        json_t *json = key_session_encode(c->session);

        put_hex(json, "init_update", c->apdu, c->n);
        return json;
}

static void take_session(struct jread *r, const char **ret)
{
        jread_str(r, "session", 1, KEY_SESSION_MAX - 1, ret);
}

int key_challenged_decode(const json_t *json, struct key_challenged *ret, struct error *err)
{
        struct jread r = jread_begin(json, "challenged", err);
        struct key_challenged c = { 0 };

        take_session(&r, &c.session);
        jread_hex_var(&r, "init_update", c.apdu, sizeof c.apdu, &c.n);
        if (jread_end(&r) < 0)
                return -1;
        *ret = c;
        return 0;
}

json_t *key_open_encode(const struct key_open *o)
{
        json_t *json = key_session_encode(o->session);

        put_hex(json, "answer", o->answer, o->n);
        return json;
}

int key_open_decode(const json_t *json, struct key_open *ret, struct error *err)
{
        struct jread r = jread_begin(json, "open", err);
        struct key_open o = { 0 };

        take_session(&r, &o.session);
        jread_hex_var(&r, "answer", o.answer, sizeof o.answer, &o.n);
        if (jread_end(&r) < 0)
                return -1;
        *ret = o;
        return 0;
}

json_t *key_opened_encode(const struct key_opened *o)
{
        json_t *json = json_object();

        put_hex(json, "external_authenticate", o->apdu, o->n);
        return json;
}

int key_opened_decode(const json_t *json, struct key_opened *ret, struct error *err)
{
        struct jread r = jread_begin(json, "opened", err);
        struct key_opened o = { 0 };

        jread_hex_var(&r, "external_authenticate", o.apdu, sizeof o.apdu, &o.n);
        if (jread_end(&r) < 0)
                return -1;
        *ret = o;
        return 0;
}

json_t *key_wrap_encode(const struct key_wrap *w)
{
        json_t *json = key_session_encode(w->session);

        put_hex(json, "answer", w->answer, w->n);
        if (w->fallback)
                put(json, "fallback", json_true());
        return json;
}

int key_wrap_decode(const json_t *json, struct key_wrap *ret, struct error *err)
{
        struct jread r = jread_begin(json, "wrap", err);
        struct key_wrap w = { 0 };

        take_session(&r, &w.session);
        jread_hex_var(&r, "answer", w.answer, sizeof w.answer, &w.n);
        jread_bool_opt(&r, "fallback", &w.fallback);
        if (jread_end(&r) < 0)
                return -1;
        *ret = w;
        return 0;
}

json_t *key_wrapped_encode(const struct key_wrapped *w)
{
        json_t *json = json_pack("{s:I}", "n_apdus", (json_int_t)w->n_apdus);

        if (w->personalised) {
                put_hex(json, "sod_sha256", w->sod_sha256, sizeof w->sod_sha256);
                put_hex(json, "data_sha256", w->data_sha256, sizeof w->data_sha256);
        }
        return json;
}

int key_wrapped_decode(const json_t *json, struct key_wrapped *ret, struct error *err)
{
        struct jread r = jread_begin(json, "wrapped", err);
        struct key_wrapped w = { .personalised = json_object_get(json, "sod_sha256") != NULL };

        jread_int(&r, "n_apdus", 1, 1024, &w.n_apdus);
        if (w.personalised) {
                jread_hex(&r, "sod_sha256", w.sod_sha256, sizeof w.sod_sha256);
                jread_hex(&r, "data_sha256", w.data_sha256, sizeof w.data_sha256);
        }
        if (jread_end(&r) < 0)
                return -1;
        *ret = w;
        return 0;
}

json_t *key_session_encode(const char *session)
{
        return json_pack("{s:s}", "session", session);
}

int key_session_decode(const json_t *json, const char **ret, struct error *err)
{
        struct jread r = jread_begin(json, "session", err);
        const char *session = NULL;

        take_session(&r, &session);
        if (jread_end(&r) < 0)
                return -1;
        *ret = session;
        return 0;
}

json_t *key_checked_encode(void)
{
        return json_pack("{s:b}", "ok", 1);
}

int key_checked_decode(const json_t *json, struct error *err)
{
        struct jread r = jread_begin(json, "checked", err);
        bool ok = false;

        jread_bool(&r, "ok", &ok);
        if (jread_end(&r) < 0)
                return -1;
        return ok ? 0 : err_own(err, ERR_BUG, REASON_INTERNAL, "check answered without ok");
}
