/* The longest message of mohr-chip: what a card says, field by field. */
#include "proto/base/cleanup.h"
#include "proto/ipc/chip.h"
#include <stddef.h>
#include <string.h>

/* One row per text: its key and where it stands. */
struct text_row {
        const char *key;
        size_t offset, size;
};
#define TEXT(type, member)                                                                 \
        {                                                                                  \
#member, offsetof(struct type, member), sizeof(((struct type *)0)->member) \
        }

static const struct text_row holder_rows[] = {
        TEXT(lds_holder, family_fa), TEXT(lds_holder, given_fa),    TEXT(lds_holder, family_en),
        TEXT(lds_holder, given_en),  TEXT(lds_holder, national_id), TEXT(lds_holder, birth_date),
};
static const struct text_row document_rows[] = {
        TEXT(lds_document, authority_fa),    TEXT(lds_document, authority_en), TEXT(lds_document, issue_date),
        TEXT(lds_document, personalised_at), TEXT(lds_document, station),
};
static const struct text_row entry_rows[] = {
        TEXT(lds_entry, code),       TEXT(lds_entry, title_fa),    TEXT(lds_entry, title_en),
        TEXT(lds_entry, grade_fa),   TEXT(lds_entry, grade_en),    TEXT(lds_entry, exam_date),
        TEXT(lds_entry, issue_date), TEXT(lds_entry, valid_until), TEXT(lds_entry, centre_code),
        TEXT(lds_entry, centre_fa),  TEXT(lds_entry, centre_en),   TEXT(lds_entry, number),
        TEXT(lds_entry, token),
};

static void put(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new(object, key, value);
}

static void put_hex(json_t *object, const char *key, const uint8_t *p, size_t n)
{
        char text[2 * 32 + 1];

        hex_encode((struct bytes){ p, n }, text, sizeof text);
        put(object, key, json_string(text));
}

static void put_texts(json_t *object, const struct text_row *rows, size_t n, const void *from)
{
        for (size_t i = 0; i < n; i++)
                put(object, rows[i].key, json_string((const char *)from + rows[i].offset));
}

static void take_texts(struct jread *r, const struct text_row *rows, size_t n, void *to)
{
        for (size_t i = 0; i < n; i++) {
                const char *text = "";

                jread_str(r, rows[i].key, 0, rows[i].size - 1, &text);
                memcpy((char *)to + rows[i].offset, text, strlen(text) + 1);
        }
}

static json_t *encode_group(const struct text_row *rows, size_t n, const void *from)
{
        json_t *object = json_object();

        put_texts(object, rows, n, from);
        return object;
}

static json_t *encode_entry(const struct lds_entry *e)
{
        json_t *object = encode_group(entry_rows, ARRAY_SIZE(entry_rows), e);

        put(object, "theory_score", json_integer(e->theory_score));
        put(object, "practical_score", json_integer(e->practical_score));
        put(object, "hours", json_integer(e->hours));
        return object;
}

static void encode_record(json_t *json, const struct chip_content *c)
{
        json_t *list = json_array();

        for (unsigned i = 0; i < c->record.n_entries; i++)
                (void)json_array_append_new(list, encode_entry(&c->record.entries[i]));
        put(json, "serial", json_string(c->record.serial));
        put(json, "signed_at", json_integer(c->signed_at));
        put_hex(json, "signer_sha256", c->signer_sha256, sizeof c->signer_sha256);
        if (c->has_token) {
                put(json, "face_code", json_string(c->face_code));
                put_hex(json, "data_sha256", c->data_sha256, sizeof c->data_sha256);
        }
        put(json, "holder", encode_group(holder_rows, ARRAY_SIZE(holder_rows), &c->record.holder));
        put(json, "document", encode_group(document_rows, ARRAY_SIZE(document_rows), &c->record.document));
        put(json, "certificates", list);
}

json_t *chip_content_encode(const struct chip_content *c)
{
        json_t *json = json_pack("{s:s,s:b,s:b,s:s,s:I,s:I,s:I}", "app", chip_app_word(c->app), "complete",
                                 (int)c->complete, "verified", (int)c->verified, "why", c->why, "n_apdus",
                                 (json_int_t)c->n_apdus, "ms_device", (json_int_t)c->ms_device, "ms_total",
                                 (json_int_t)c->ms_total);

        put_hex(json, "chip_id", c->chip_id, sizeof c->chip_id);
        if (c->fid)
                put(json, "file", json_integer(c->fid));
        if (c->has_sod)
                put_hex(json, "sod_sha256", c->sod_sha256, sizeof c->sod_sha256);
        if (c->verified)
                encode_record(json, c);
        return json;
}

static int decode_group(const json_t *json, const char *where, const struct text_row *rows, size_t n, void *to,
                        struct error *err)
{
        struct jread r = jread_begin(json, where, err);

        take_texts(&r, rows, n, to);
        return jread_end(&r);
}

static int decode_entry(const json_t *json, struct lds_entry *ret, struct error *err)
{
        struct jread r = jread_begin(json, "certificates", err);
        int64_t theory = 0, practical = 0, hours = 0;

        take_texts(&r, entry_rows, ARRAY_SIZE(entry_rows), ret);
        jread_int(&r, "theory_score", 0, 65535, &theory);
        jread_int(&r, "practical_score", 0, 65535, &practical);
        jread_int(&r, "hours", 0, 65535, &hours);
        ret->theory_score = (unsigned)theory;
        ret->practical_score = (unsigned)practical;
        ret->hours = (unsigned)hours;
        return jread_end(&r);
}

struct trees {
        const json_t *holder, *document, *certificates;
};

static void take_record(struct jread *r, struct chip_content *c, struct trees *trees)
{
        const char *serial = "", *face = "";

        jread_str(r, "serial", 0, sizeof c->record.serial - 1, &serial);
        jread_int(r, "signed_at", INT64_MIN, INT64_MAX, &c->signed_at);
        jread_hex(r, "signer_sha256", c->signer_sha256, sizeof c->signer_sha256);
        c->has_token = json_object_get(r->object, "face_code") != NULL;
        if (c->has_token) {
                jread_str(r, "face_code", LDS_FACE_CODE_MAX - 1, LDS_FACE_CODE_MAX - 1, &face);
                jread_hex(r, "data_sha256", c->data_sha256, sizeof c->data_sha256);
        }
        jread_object(r, "holder", &trees->holder);
        jread_object(r, "document", &trees->document);
        jread_array(r, "certificates", LDS_ENTRIES_MAX, &trees->certificates);
        memcpy(c->record.serial, serial, strlen(serial) + 1);
        memcpy(c->face_code, face, strlen(face) + 1);
}

static int decode_record(const struct trees *trees, struct chip_content *c, struct error *err)
{
        struct lds_record *record = &c->record;

        if (decode_group(trees->holder, "holder", holder_rows, ARRAY_SIZE(holder_rows), &record->holder, err) < 0 ||
            decode_group(trees->document, "document", document_rows, ARRAY_SIZE(document_rows), &record->document,
                         err) < 0)
                return -1;
        for (; record->n_entries < json_array_size(trees->certificates); record->n_entries++)
                if (decode_entry(json_array_get(trees->certificates, record->n_entries),
                                 &record->entries[record->n_entries], err) < 0)
                        return -1;
        return 0;
}

static void take_head(struct jread *r, struct chip_content *c)
{
        static const char *const apps[] = { "absent", "blank", "personalised", "locked", NULL };
        const char *why = "";
        int64_t fid = 0;
        unsigned app = 0;

        jread_hex(r, "chip_id", c->chip_id, sizeof c->chip_id);
        jread_word(r, "app", apps, &app);
        jread_bool(r, "complete", &c->complete);
        jread_bool(r, "verified", &c->verified);
        jread_str(r, "why", 1, CHIP_WHY_MAX, &why);
        jread_int_opt(r, "file", 1, 65535, &fid);
        c->has_sod = json_object_get(r->object, "sod_sha256") != NULL;
        if (c->has_sod)
                jread_hex(r, "sod_sha256", c->sod_sha256, sizeof c->sod_sha256);
        jread_int(r, "n_apdus", 0, INT32_MAX, &c->n_apdus);
        jread_int(r, "ms_device", 0, INT32_MAX, &c->ms_device);
        jread_int(r, "ms_total", 0, INT32_MAX, &c->ms_total);
        c->app = (enum chip_app)app;
        c->fid = (uint16_t)fid;
        memcpy(c->why, why, strlen(why) + 1);
}

int chip_content_decode(const json_t *json, struct chip_content *ret, struct error *err)
{
        struct jread r = jread_begin(json, "content", err);
        struct chip_content c = { 0 };
        struct trees trees = { 0 };

        take_head(&r, &c);
        if (!r.failed && c.verified)
                take_record(&r, &c, &trees);
        if (jread_end(&r) < 0 || (c.verified && decode_record(&trees, &c, err) < 0))
                return -1;
        *ret = c;
        return 0;
}
