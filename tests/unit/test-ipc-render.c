/* proto/ipc/render: round trip; every required field is required; foreign names and characters are refused. */
#include "proto/ipc/render.h"
#include "tests/unit/test.h"
#include <string.h>

static struct render_card sample(void)
{
        struct render_card card = { .layout = "certificate", .qr = "MOHR1:ABC234", .preview = true };

        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++)
                card.fields[i] = "متن-1";
        return card;
}

static void test_round_trip(void)
{
        struct render_card card = sample(), back;
        struct error err;
        json_t *json;

        card.fields[RENDER_VALID_JALALI] = NULL;
        json = render_card_encode(&card);
        CHECK(render_card_decode(json, &back, &err) == 0 && back.preview && !back.fields[RENDER_VALID_JALALI]);
        CHECK(strcmp(back.fields[RENDER_NAME_FA], "متن-1") == 0 && strcmp(back.qr, card.qr) == 0);
        json_decref(json);
}

static void test_each_required_field(void)
{
        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++) {
                struct render_card card = sample(), back;
                enum render_field field;
                struct error err;
                json_t *json;

                CHECK(render_field_parse(render_field_name((enum render_field)i), &field) && field == i);
                card.fields[i] = NULL;
                json = render_card_encode(&card);
                CHECK((render_card_decode(json, &back, &err) < 0) == render_field_required(field));
                CHECK(!render_field_required(field) || err.reason == REASON_BAD_JSON);
                json_decref(json);
        }
}

static enum reason refusal(struct render_card card)
{
        struct render_card back;
        struct error err = { 0 };
        json_t *json = render_card_encode(&card);

        CHECK(render_card_decode(json, &back, &err) < 0 && err.kind == ERR_INPUT);
        json_decref(json);
        return err.reason;
}

static void test_characters(void)
{
        static const char *const bad[] = {
                "a\nb", "a\u202Eb", "a\u2067b", "a\u200Eb", "a\u00ADb", "a\uFEFFb", "a\x7F"
        };
        struct render_card card = sample(), back;
        struct error err;
        json_t *json;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                card.fields[RENDER_NAME_FA] = bad[i];
                CHECK(refusal(card) == REASON_BAD_TEXT);
        }
        card.fields[RENDER_NAME_FA] = "می‌شود";
        json = render_card_encode(&card);
        CHECK(render_card_decode(json, &back, &err) == 0);
        json_decref(json);
}

static void test_names(void)
{
        struct render_card card = sample();

        card.layout = "../certificate";
        CHECK(refusal(card) == REASON_BAD_JSON);
        card = sample();
        card.qr = "mohr1:abc";
        CHECK(refusal(card) == REASON_BAD_JSON);
        card = sample();
        card.fields[RENDER_NAME_EN] = "";
        CHECK(refusal(card) == REASON_BAD_JSON);
}

static void test_unknown_field(void)
{
        struct render_card card = sample(), back;
        struct error err;
        json_t *json = render_card_encode(&card);

        (void)json_object_set_new(json_object_get(json, "fields"), "serial", json_string("SC-1"));
        CHECK(render_card_decode(json, &back, &err) < 0 && err.reason == REASON_BAD_JSON);
        json_decref(json);
}

static void test_done(void)
{
        struct render_done done = { .n_fields = 20, .layout_sha256 = { 1, 2, 0xFE } }, back;
        struct error err;
        json_t *json = render_done_encode(&done);

        CHECK(render_done_decode(json, &back, &err) == 0 && memcmp(&done, &back, sizeof done) == 0);
        (void)json_object_set_new(json, "layout_sha256", json_string("0102"));
        CHECK(render_done_decode(json, &back, &err) < 0);
        json_decref(json);
}

int main(void)
{
        test_round_trip();
        test_each_required_field();
        test_characters();
        test_names();
        test_unknown_field();
        test_done();
        return 0;
}
