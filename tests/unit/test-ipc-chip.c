/* proto/ipc/chip: every message round trips; a missing, strange or out-of-range member is refused. */
#include "proto/base/cleanup.h"
#include "proto/ipc/chip.h"
#include "tests/unit/test.h"
#include <string.h>

static struct error err;

/* Each member in turn: taken away, then one too many. decode answers 0 for the whole object alone. */
static void check_strict(json_t *whole, int (*decode)(const json_t *json))
{
        const char *key;
        json_t *value;
        void *next;

        CHECK(decode(whole) == 0);
        json_object_foreach_safe(whole, next, key, value)
        {
                json_t *less = json_copy(whole), *other = json_copy(whole);

                CHECK(json_object_del(less, key) == 0);
                CHECK(json_object_set_new(other, key, json_null()) == 0);
                CHECK(decode(other) < 0);
                if (decode(less) == 0) /* only these may be left out */
                        CHECK(strstr(" isd_aid fresh cplc sod_sha256 file face_code ", key));
                json_decref(less);
                json_decref(other);
        }
        CHECK(json_object_set_new(whole, "strange", json_true()) == 0 && decode(whole) < 0);
        json_decref(whole);
}

static int decode_task(const json_t *json)
{
        struct chip_task t;

        return chip_task_decode(json, true, &t, &err);
}

static void test_task(void)
{
        struct chip_task t = { 5000, { 1, 2, 3, 4, 5 }, { 6, 7, 8, 9, 10, 11 }, 5, 6, "PEM", true }, back;
        json_t *json = chip_task_encode(&t);

        CHECK(chip_task_decode(json, true, &back, &err) == 0 && back.fresh && back.wait_ms == 5000 &&
              back.n_isd_aid == 6);
        CHECK(memcmp(back.aid, t.aid, 5) == 0 && strcmp(back.ca_pem, "PEM") == 0);
        CHECK(chip_task_decode(json, false, &back, &err) < 0);
        check_strict(json, decode_task);
        t.n_aid = 4;
        json = chip_task_encode(&t);
        CHECK(decode_task(json) < 0);
        json_decref(json);
        t = (struct chip_task){ 0, { 1, 2, 3, 4, 5 }, { 0 }, 5, 0, NULL, false };
        json = chip_task_encode(&t);
        CHECK(chip_task_decode(json, false, &back, &err) == 0 && !back.ca_pem && back.n_isd_aid == 0);
        json_decref(json);
}

static int decode_identity(const json_t *json)
{
        struct chip_identity c;

        return chip_identity_decode(json, &c, &err);
}

/* By members: what lies between them is nobody's. */
static bool same_keys(const struct chip_identity *a, const struct chip_identity *b)
{
        for (size_t i = 0; i < a->n_keys; i++)
                if (a->keys[i].kid != b->keys[i].kid || a->keys[i].kvn != b->keys[i].kvn ||
                    a->keys[i].type != b->keys[i].type || a->keys[i].n_bytes != b->keys[i].n_bytes)
                        return false;
        return a->n_keys == b->n_keys;
}

static bool same_identity(const struct chip_identity *a, const struct chip_identity *b)
{
        return memcmp(a->chip_id, b->chip_id, sizeof a->chip_id) == 0 && a->n_atr == b->n_atr &&
               memcmp(a->atr, b->atr, a->n_atr) == 0 && a->n_cplc == b->n_cplc &&
               memcmp(a->cplc, b->cplc, a->n_cplc) == 0 && a->n_isd_aid == b->n_isd_aid &&
               memcmp(a->isd_aid, b->isd_aid, a->n_isd_aid) == 0 && same_keys(a, b) && a->scp == b->scp &&
               a->i == b->i && a->max_command == b->max_command && a->app == b->app && a->has_sod == b->has_sod &&
               memcmp(a->sod_sha256, b->sod_sha256, sizeof a->sod_sha256) == 0;
}

static void test_identity(void)
{
        struct chip_identity c = { .chip_id = { 1, 2, 3 },
                                   .atr = { 0x3B, 0x80 },
                                   .n_atr = 2,
                                   .n_cplc = 42,
                                   .isd_aid = { 0xA0, 0, 0, 1, 0x51 },
                                   .n_isd_aid = 5,
                                   .keys = { { 1, 0xFF, 0x88, 16 }, { 2, 0xFF, 0x88, 32 } },
                                   .n_keys = 2,
                                   .scp = 3,
                                   .i = 0x70,
                                   .max_command = 128,
                                   .app = CHIP_APP_PERSONALISED,
                                   .has_sod = true,
                                   .sod_sha256 = { 9 } },
                             back;
        json_t *json = chip_identity_encode(&c);

        CHECK(chip_identity_decode(json, &back, &err) == 0 && same_identity(&c, &back));
        check_strict(json, decode_identity);
        c.max_command = 256;
        json = chip_identity_encode(&c);
        CHECK(decode_identity(json) < 0);
        json_decref(json);
        c = (struct chip_identity){ .scp = -1, .i = -1, .max_command = 255 };
        json = chip_identity_encode(&c);
        CHECK(chip_identity_decode(json, &back, &err) == 0 && back.scp == -1 && back.app == CHIP_APP_ABSENT);
        json_decref(json);
}

static int decode_command(const json_t *json)
{
        struct chip_command c;

        return chip_command_decode(json, "init_update", &c, &err);
}

static int decode_answer(const json_t *json)
{
        struct chip_answer a;

        return chip_answer_decode(json, &a, &err);
}

static int decode_written(const json_t *json)
{
        struct chip_written w;

        return chip_written_decode(json, &w, &err);
}

static int decode_locked(const json_t *json)
{
        struct chip_locked l;

        return chip_locked_decode(json, &l, &err);
}

static void test_small_ones(void)
{
        struct chip_command c = { { 0x80, 0x50, 0, 0, 1, 2 }, 6 };
        struct chip_answer a = { { 1, 0x90, 0 }, 3 };
        struct chip_written w = { 76, 1234 };
        struct chip_locked l = { { 1, 2 }, true };
        json_t *json = chip_command_encode("external_authenticate", &c);

        CHECK(decode_command(json) < 0 && chip_command_decode(json, "external_authenticate", &c, &err) == 0 &&
              c.n == 6);
        json_decref(json);
        check_strict(chip_command_encode("init_update", &c), decode_command);
        c.n = 3;
        json = chip_command_encode("init_update", &c);
        CHECK(decode_command(json) < 0);
        json_decref(json);
        check_strict(chip_answer_encode(&a), decode_answer);
        a.n = 1;
        json = chip_answer_encode(&a);
        CHECK(decode_answer(json) < 0);
        json_decref(json);
        check_strict(chip_written_encode(&w), decode_written);
        check_strict(chip_locked_encode(&l), decode_locked);
}

static int decode_content(const json_t *json)
{
        static struct chip_content c;

        return chip_content_decode(json, &c, &err);
}

static void test_content(void)
{
        static struct chip_content c, back;
        json_t *json;

        c = (struct chip_content){ .chip_id = { 7 },
                                   .app = CHIP_APP_PERSONALISED,
                                   .complete = true,
                                   .verified = true,
                                   .has_sod = true,
                                   .why = "verified",
                                   .fid = 0x10B,
                                   .n_apdus = 76,
                                   .ms_device = 12,
                                   .ms_total = 13,
                                   .signed_at = 1790000000,
                                   .has_token = true,
                                   .face_code = "0123456789",
                                   .record = { .serial = "SC-1405-000123" } };
        (void)strcpy(c.record.holder.family_fa, "کاظمی");
        (void)strcpy(c.record.document.station, "KARG-0007");
        c.record.n_entries = 2;
        (void)strcpy(c.record.entries[1].title_en, "Mechanic");
        c.record.entries[1].practical_score = 1850;
        json = chip_content_encode(&c);
        CHECK(chip_content_decode(json, &back, &err) == 0 && memcmp(&c, &back, sizeof c) == 0);
        CHECK(json_object_del(json_array_get(json_object_get(json, "certificates"), 0), "code") == 0);
        CHECK(decode_content(json) < 0);
        json_decref(json);
        check_strict(chip_content_encode(&c), decode_content);
        c = (struct chip_content){ .app = CHIP_APP_BLANK, .why = "blank" };
        json = chip_content_encode(&c);
        CHECK(chip_content_decode(json, &back, &err) == 0 && memcmp(&c, &back, sizeof c) == 0);
        CHECK(json_object_set_new(json, "holder", json_object()) == 0 && decode_content(json) < 0);
        json_decref(json);
}

/* The longest lawful content still fits one packet. */
static void test_content_fits(void)
{
        static struct chip_content c;
        json_t *json;
        char *text;

        c = (struct chip_content){ .verified = true, .why = "verified", .record = { .n_entries = LDS_ENTRIES_MAX } };
        for (unsigned i = 0; i < LDS_ENTRIES_MAX; i++) {
                struct lds_entry *e = &c.record.entries[i];

                memset(e->title_fa, 'x', sizeof e->title_fa - 1);
                memset(e->title_en, 'x', sizeof e->title_en - 1);
                memset(e->grade_fa, 'x', sizeof e->grade_fa - 1);
                memset(e->grade_en, 'x', sizeof e->grade_en - 1);
                memset(e->centre_fa, 'x', sizeof e->centre_fa - 1);
                memset(e->centre_en, 'x', sizeof e->centre_en - 1);
        }
        json = chip_content_encode(&c);
        text = json_dumps(json, JSON_COMPACT);
        CHECK(text && strlen(text) < 60000);
        free(text);
        json_decref(json);
}

static void test_lists(void)
{
        static uint8_t buffer[(CHIP_SCRIPT_MAX + 1) * 8];
        struct writer w = WRITER(buffer);
        size_t n = 0;

        CHECK(chip_script_check((struct bytes){ 0 }, &n, &err) < 0);
        apdu_list_add(&w, BYTES_STR("\x80\xE2\x88\x00\x01\x05"));
        CHECK(chip_script_check(writer_bytes(&w), &n, &err) == 0 && n == 1);
        for (size_t cut = 0; cut < w.n; cut++)
                CHECK(chip_script_check((struct bytes){ buffer, cut }, &n, &err) < 0);
        apdu_list_add(&w, BYTES_STR("\x90\x00"));
        CHECK(chip_script_check(writer_bytes(&w), &n, &err) < 0);
        CHECK(chip_answers_check(writer_bytes(&w), &n, &err) == 0 && n == 2);
        apdu_list_add(&w, BYTES_STR("\x90"));
        CHECK(chip_answers_check(writer_bytes(&w), &n, &err) < 0 && err.kind == ERR_INPUT);
        w.n = 0;
        for (unsigned i = 0; i < CHIP_SCRIPT_MAX; i++)
                apdu_list_add(&w, BYTES_STR("\x00\xA4\x04\x00"));
        CHECK(chip_script_check(writer_bytes(&w), &n, &err) == 0 && n == CHIP_SCRIPT_MAX);
        apdu_list_add(&w, BYTES_STR("\x00\xA4\x04\x00"));
        CHECK(chip_script_check(writer_bytes(&w), &n, &err) < 0);
}

int main(void)
{
        test_task();
        test_identity();
        test_small_ones();
        test_content();
        test_content_fits();
        test_lists();
        return 0;
}
