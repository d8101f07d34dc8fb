#include "proto/lds/group.h"
#include "proto/lds/der.h"
#include "proto/lds/field.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { /* ICAO 9303-10 tables of EF.COM, DG11, DG12, DG13 */
       TAG_COM = 0x60,
       TAG_DG11 = 0x6B,
       TAG_DG12 = 0x6C,
       TAG_DG13 = 0x6D,
       TAG_LDS_VERSION = 0x5F01,
       TAG_UNICODE_VERSION = 0x5F36,
       TAG_LIST = 0x5C,
       TAG_INTEGER = 0x02,
       TAG_BINDING = 0xA0,
       TAG_ENTRY = 0xA1,
       TAG_CHIP_ID = 0x80,
       TAG_SERIAL = 0x81,
       NAME_MAX = 2 * LDS_TEXT_MAX + 2,
       AUTHORITY_MAX = 2 * LDS_TEXT_MAX + 3,
};

/* DG11 and DG12 as they stand on the card: two texts in one element each. */
struct holder_wire {
        char name_fa[NAME_MAX], name_en[NAME_MAX];
        char national_id[11], birth_date[LDS_DATE_MAX];
};

struct document_wire {
        char authority[AUTHORITY_MAX];
        char issue_date[LDS_DATE_MAX], personalised_at[LDS_TIME_MAX], station[33];
};

static const struct lds_field holder_fields[] = {
        LDS_FIELD(0x5F0E, LDS_TEXT, true, struct holder_wire, name_fa),
        LDS_FIELD(0x5F0F, LDS_TEXT, true, struct holder_wire, name_en),
        LDS_FIELD(0x5F10, LDS_CODE, true, struct holder_wire, national_id),
        LDS_FIELD(0x5F2B, LDS_DATE, true, struct holder_wire, birth_date),
};

static const struct lds_field document_fields[] = {
        LDS_FIELD(0x5F19, LDS_TEXT, true, struct document_wire, authority),
        LDS_FIELD(0x5F26, LDS_DATE, true, struct document_wire, issue_date),
        LDS_FIELD(0x5F55, LDS_TIME, true, struct document_wire, personalised_at),
        LDS_FIELD(0x5F56, LDS_CODE, true, struct document_wire, station),
};

static const struct lds_field entry_fields[] = {
        LDS_FIELD(0x80, LDS_CODE, true, struct lds_entry, code),
        LDS_FIELD(0x81, LDS_TEXT, true, struct lds_entry, title_fa),
        LDS_FIELD(0x82, LDS_TEXT, true, struct lds_entry, title_en),
        LDS_FIELD(0x83, LDS_TEXT, false, struct lds_entry, grade_fa),
        LDS_FIELD(0x84, LDS_U16, true, struct lds_entry, theory_score),
        LDS_FIELD(0x85, LDS_U16, true, struct lds_entry, practical_score),
        LDS_FIELD(0x86, LDS_DATE, true, struct lds_entry, exam_date),
        LDS_FIELD(0x87, LDS_DATE, true, struct lds_entry, issue_date),
        LDS_FIELD(0x88, LDS_DATE, false, struct lds_entry, valid_until),
        LDS_FIELD(0x89, LDS_CODE, true, struct lds_entry, centre_code),
        LDS_FIELD(0x8A, LDS_TEXT, true, struct lds_entry, centre_fa),
        LDS_FIELD(0x8B, LDS_TEXT, true, struct lds_entry, centre_en),
        LDS_FIELD(0x8C, LDS_CODE, true, struct lds_entry, number),
        LDS_FIELD(0x8D, LDS_CODE, true, struct lds_entry, token),
        LDS_FIELD(0x8E, LDS_U16, false, struct lds_entry, hours),
        LDS_FIELD(0x8F, LDS_TEXT, false, struct lds_entry, grade_en),
};

#define TABLE(fields) fields, sizeof(fields) / sizeof *(fields)

/* a, separator, b; fails when a part holds the separator, because it could not be taken apart again. */
static bool join(const char *a, const char *separator, const char *b, char *ret, size_t max)
{
        int n;

        if (a[0] == '\0' || b[0] == '\0' || strstr(a, separator) || strstr(b, separator))
                return false;
        n = snprintf(ret, max, "%s%s%s", a, separator, b);
        return n > 0 && (size_t)n < max;
}

/* Without a separator all of it is a. */
static bool split(const char *text, const char *separator, char ret_a[LDS_TEXT_MAX], char ret_b[LDS_TEXT_MAX])
{
        const char *at = strstr(text, separator);
        size_t n = at ? (size_t)(at - text) : strlen(text);
        const char *b = at ? at + strlen(separator) : "";

        if (n == 0 || n >= LDS_TEXT_MAX || strlen(b) >= LDS_TEXT_MAX)
                return false;
        memcpy(ret_a, text, n);
        ret_a[n] = '\0';
        memcpy(ret_b, b, strlen(b) + 1);
        return true;
}

void lds_dg11_put(struct writer *w, const struct lds_record *record)
{
        const struct lds_holder *h = &record->holder;
        struct holder_wire wire = { 0 };
        size_t mark = der_open(w, TAG_DG11);

        if (!join(h->family_fa, "<<", h->given_fa, wire.name_fa, sizeof wire.name_fa) ||
            !join(h->family_en, "<<", h->given_en, wire.name_en, sizeof wire.name_en))
                w->failed = true;
        memcpy(wire.national_id, h->national_id, sizeof wire.national_id);
        memcpy(wire.birth_date, h->birth_date, sizeof wire.birth_date);
        lds_fields_put_list(w, TABLE(holder_fields), &wire);
        lds_fields_put(w, TABLE(holder_fields), &wire);
        der_close(w, mark);
}

bool lds_dg11_parse(struct bytes file, struct lds_record *ret)
{
        struct holder_wire wire = { 0 };
        struct lds_holder h = { 0 };
        struct bytes in;

        if (!der_only(file, TAG_DG11, &in) || !lds_fields_take(in, TABLE(holder_fields), &wire))
                return false;
        if (!split(wire.name_fa, "<<", h.family_fa, h.given_fa) || !split(wire.name_en, "<<", h.family_en, h.given_en))
                return false;
        memcpy(h.national_id, wire.national_id, sizeof h.national_id);
        memcpy(h.birth_date, wire.birth_date, sizeof h.birth_date);
        ret->holder = h;
        return true;
}

void lds_dg12_put(struct writer *w, const struct lds_record *record)
{
        const struct lds_document *d = &record->document;
        struct document_wire wire = { 0 };
        size_t mark = der_open(w, TAG_DG12);

        if (!join(d->authority_fa, " / ", d->authority_en, wire.authority, sizeof wire.authority))
                w->failed = true;
        memcpy(wire.issue_date, d->issue_date, sizeof wire.issue_date);
        memcpy(wire.personalised_at, d->personalised_at, sizeof wire.personalised_at);
        memcpy(wire.station, d->station, sizeof wire.station);
        lds_fields_put_list(w, TABLE(document_fields), &wire);
        lds_fields_put(w, TABLE(document_fields), &wire);
        der_close(w, mark);
}

bool lds_dg12_parse(struct bytes file, struct lds_record *ret)
{
        struct document_wire wire = { 0 };
        struct lds_document d = { 0 };
        struct bytes in;

        if (!der_only(file, TAG_DG12, &in) || !lds_fields_take(in, TABLE(document_fields), &wire))
                return false;
        if (!split(wire.authority, " / ", d.authority_fa, d.authority_en))
                return false;
        memcpy(d.issue_date, wire.issue_date, sizeof d.issue_date);
        memcpy(d.personalised_at, wire.personalised_at, sizeof d.personalised_at);
        memcpy(d.station, wire.station, sizeof d.station);
        ret->document = d;
        return true;
}

static void put_binding(struct writer *w, const struct lds_record *record)
{
        size_t mark = der_open(w, TAG_BINDING);

        der_put(w, TAG_CHIP_ID, BYTES(record->chip_id));
        if (record->serial[0])
                der_put(w, TAG_SERIAL, (struct bytes){ (const uint8_t *)record->serial, strlen(record->serial) });
        der_close(w, mark);
}

void lds_dg13_put(struct writer *w, const struct lds_record *record)
{
        uint8_t n = (uint8_t)record->n_entries;
        size_t mark = der_open(w, TAG_DG13), entry;

        assert(record->n_entries <= LDS_ENTRIES_MAX);
        der_put(w, TAG_INTEGER, (struct bytes){ &n, 1 });
        if (record->bound)
                put_binding(w, record);
        for (unsigned i = 0; i < record->n_entries; i++) {
                entry = der_open(w, TAG_ENTRY);
                lds_fields_put(w, TABLE(entry_fields), &record->entries[i]);
                der_close(w, entry);
        }
        der_close(w, mark);
}

static const struct lds_field serial_field[] = { LDS_FIELD(TAG_SERIAL, LDS_CODE, false, struct lds_record, serial) };

static bool take_binding(struct bytes in, struct lds_record *ret)
{
        struct bytes id, rest = in;

        ret->bound = true;
        return der_take(&rest, TAG_CHIP_ID, &id) && id.n == sizeof ret->chip_id &&
               bytes_copy(&id, ret->chip_id, sizeof ret->chip_id) && lds_fields_take(rest, TABLE(serial_field), ret);
}

static bool take_entries(struct bytes in, struct lds_record *ret)
{
        struct bytes value;
        uint32_t tag;

        while (in.n > 0) {
                if (!der_next(&in, &tag, &value))
                        return false;
                if (tag != TAG_ENTRY)
                        continue;
                if (ret->n_entries == LDS_ENTRIES_MAX ||
                    !lds_fields_take(value, TABLE(entry_fields), &ret->entries[ret->n_entries]))
                        return false;
                ret->n_entries++;
        }
        return ret->n_entries > 0;
}

bool lds_dg13_parse(struct bytes file, struct lds_record *ret)
{
        struct bytes in, count, binding;

        ret->bound = false;
        ret->n_entries = 0;
        ret->serial[0] = '\0';
        memset(ret->entries, 0, sizeof ret->entries);
        if (!der_only(file, TAG_DG13, &in) || !der_take(&in, TAG_INTEGER, &count) || count.n != 1)
                return false;
        if (der_take(&in, TAG_BINDING, &binding) && !take_binding(binding, ret))
                return false;
        return take_entries(in, ret) && ret->n_entries == count.p[0];
}

/* Data group number -> tag, ICAO 9303-10 table of tags; [0] unused. */
static const uint8_t group_tags[] = { 0,    0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68,
                                      0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70 };

void lds_com_put(struct writer *w, const uint8_t *groups, size_t n)
{
        size_t mark = der_open(w, TAG_COM), list;

        der_put(w, TAG_LDS_VERSION, BYTES_STR("0108"));
        der_put(w, TAG_UNICODE_VERSION, BYTES_STR("150000"));
        list = der_open(w, TAG_LIST);
        for (size_t i = 0; i < n; i++) {
                assert(groups[i] > 0 && groups[i] < sizeof group_tags);
                write_u8(w, group_tags[groups[i]]);
        }
        der_close(w, list);
        der_close(w, mark);
}

void lds_token_format(const char *face_code, const uint8_t data_sha256[LDS_HASH_SIZE], char ret[LDS_TOKEN_MAX])
{
        char hash[2 * LDS_HASH_SIZE + 1];

        assert(strlen(face_code) == LDS_FACE_CODE_MAX - 1);
        hex_encode((struct bytes){ data_sha256, LDS_HASH_SIZE }, hash, sizeof hash);
        (void)snprintf(ret, LDS_TOKEN_MAX, "MOHR1:%s:%s", face_code, hash);
}

bool lds_token_parse(const char *token, char ret_face_code[LDS_FACE_CODE_MAX], uint8_t ret_sha256[LDS_HASH_SIZE])
{
        static const char start[] = "MOHR1:";
        const size_t at = sizeof start - 1, face = LDS_FACE_CODE_MAX - 1;
        size_t n;

        if (strlen(token) != LDS_TOKEN_MAX - 1 || memcmp(token, start, at) != 0 || token[at + face] != ':')
                return false;
        if (!hex_decode(token + at + face + 1, ret_sha256, LDS_HASH_SIZE, &n))
                return false;
        memcpy(ret_face_code, token + at, face);
        ret_face_code[face] = '\0';
        return true;
}
