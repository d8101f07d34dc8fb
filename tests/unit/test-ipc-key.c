/* proto/ipc/key: every message round trips; wrong types, missing and extra keys are refused. */
#include "proto/ipc/key.h"
#include "tests/unit/test.h"
#include <string.h>

static const struct key_subject subject = { "a.b.c", "d.e.f", "SC-1405-000001", "0123456789", "2026-11-21" };

static struct key_challenge challenge(void)
{
        return (struct key_challenge){ .purpose = KEY_PERSONALISE,
                                       .subject = subject,
                                       .serial = "SC-1405-000002",
                                       .chip_id = { 1, 2, 3 },
                                       .infos = { { 1, 255, 136, 16 } },
                                       .n_infos = 1,
                                       .max_command = 255,
                                       .scp = 3,
                                       .i = 0x70 };
}

static void test_challenge(void)
{
        struct key_challenge c = challenge(), back;
        struct error err;
        json_t *json = key_challenge_encode(&c);

        CHECK(key_challenge_decode(json, &back, &err) == 0 && back.n_infos == 1 && back.infos[0].kvn == 255);
        CHECK(strcmp(back.subject.authorisation, "d.e.f") == 0 && back.scp == 3 && back.chip_id[2] == 3);
        (void)json_object_set_new(json, "max_command", json_integer(5000));
        CHECK(key_challenge_decode(json, &back, &err) < 0 && err.kind == ERR_INPUT);
        json_decref(json);
        c.purpose = KEY_LOCK;
        c.scp = c.i = -1;
        json = key_challenge_encode(&c);
        CHECK(!json_object_get(json, "approval") && key_challenge_decode(json, &back, &err) == 0 && back.i == -1);
        (void)json_object_set_new(json, "approval", json_string("x"));
        CHECK(key_challenge_decode(json, &back, &err) < 0);
        json_decref(json);
}

static void test_subject(void)
{
        struct key_qr q = { { "a.b.c", NULL, NULL, "0123456789", "2026-11-21" } }, back;
        struct key_statement s = { "MOHR1:AB", { 9 } }, s_back;
        struct error err;
        json_t *json = key_qr_encode(&q);

        CHECK(key_qr_decode(json, &back, &err) == 0 && !back.subject.authorisation && json_object_size(json) == 3);
        (void)json_object_set_new(json, "face_code", json_string("short"));
        CHECK(key_qr_decode(json, &back, &err) < 0);
        json_decref(json);
        json = key_statement_encode(&s);
        CHECK(key_statement_decode(json, &s_back, &err) == 0 && s_back.data_sha256[0] == 9);
        json_decref(json);
}

static void test_session(void)
{
        struct key_challenged c = { "ab", { 0x80, 0x50 }, 2 }, c_back;
        struct key_open o = { "ab", { 0x90, 0 }, 2 }, o_back;
        struct key_opened p = { { 0x84, 0x82 }, 2 }, p_back;
        struct key_wrap w = { "ab", { 0x90, 0 }, 2, true }, w_back;
        struct error err;
        json_t *json = key_challenged_encode(&c);

        CHECK(key_challenged_decode(json, &c_back, &err) == 0 && c_back.n == 2 && c_back.apdu[1] == 0x50);
        json_decref(json);
        json = key_open_encode(&o);
        CHECK(key_open_decode(json, &o_back, &err) == 0 && strcmp(o_back.session, "ab") == 0);
        json_decref(json);
        json = key_opened_encode(&p);
        CHECK(key_opened_decode(json, &p_back, &err) == 0 && p_back.n == 2);
        json_decref(json);
        json = key_wrap_encode(&w);
        CHECK(key_wrap_decode(json, &w_back, &err) == 0 && w_back.fallback && key_open_decode(json, &o_back, &err) < 0);
        json_decref(json);
}

static void test_answers(void)
{
        struct key_described d = { "-----BEGIN", "gp-scp03-demo", { 8 }, true }, d_back;
        struct key_wrapped w = { 76, true, { 1 }, { 2 } }, w_back;
        struct error err;
        const char *session;
        json_t *json = key_described_encode(&d);

        CHECK(key_described_decode(json, &d_back, &err) == 0 && d_back.ok && d_back.qr_key_id[0] == 8);
        json_decref(json);
        json = key_wrapped_encode(&w);
        CHECK(key_wrapped_decode(json, &w_back, &err) == 0 && w_back.personalised && w_back.data_sha256[0] == 2);
        (void)json_object_del(json, "data_sha256");
        CHECK(key_wrapped_decode(json, &w_back, &err) < 0);
        json_decref(json);
        json = key_session_encode("s");
        CHECK(key_session_decode(json, &session, &err) == 0 && strcmp(session, "s") == 0);
        json_decref(json);
        json = key_checked_encode();
        CHECK(key_checked_decode(json, &err) == 0 && key_session_decode(json, &session, &err) < 0);
        json_decref(json);
}

int main(void)
{
        test_challenge();
        test_subject();
        test_session();
        test_answers();
        return 0;
}
