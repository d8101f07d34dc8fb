/* An applicant's data before the exam: registered, and mended until the day before it (I-9.1). */
#include "calendar.h"
#include "chain_case.h"
#include "jalali.h"
#include "person.h"
#include "portrait.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_FIRST = 500000, PHOTO_SEED = 77000 }; /* certificate numbers apart from those of `seed` */

static json_t *centre_find(const json_t *samples, const char *code)
{
        size_t i;
        json_t *centre;

        json_array_foreach(json_object_get(samples, "centres"), i, centre)
        {
                if (strcmp(json_string_value(json_object_get(centre, "id")), code) == 0)
                        return json_pack("{s:s, s:O, s:O, s:O}", "code", code, "kind", json_object_get(centre, "kind"),
                                         "name_fa", json_object_get(centre, "name_fa"), "name_en",
                                         json_object_get(centre, "name_en"));
        }
        refuse("unknown_centre", "%s is none of the samples", code);
}

static json_t *worksheet_new(const struct person *person, const json_t *certificate, const char *id)
{
        OWNED char *number = text_format("W-%s", id + 2);

        return json_pack("{s:s, s:s, s:s, s:s, s:O}", "number", number, "national_id", person->national_id, "given_fa",
                         person->given_clean, "family_fa", person->family_clean, "skill_code",
                         json_object_get(json_object_get(certificate, "skill"), "code"));
}

/* S2.3: personal data and photo come from the civil registry, here from the samples. */
static void registry_read(struct portal *portal, const struct chain_options *o, int64_t number, struct chain_case *one)
{
        json_error_t error;
        JSON samples = json_load_file(o->samples, 0, &error);
        struct rng rng = { (uint64_t)number };
        char sha256[SHA256_HEX];
        struct person person;
        size_t n;

        if (!samples)
                die("%s: %s", o->samples, error.text);
        person_make(&person, samples, o->person < 0 ? number - 1 : o->person);
        json_t *certificate = person_certificate(&person, samples, NUMBER_FIRST + number,
                                                 one->exam_day * CALENDAR_DAY_S, &rng, o->province_fa, o->province_en);
        json_object_set_new(certificate, "centre", centre_find(samples, o->centre));
        one->data = json_pack("{s:o, s:o}", "certificate", certificate, "worksheet",
                              worksheet_new(&person, certificate, one->id));
        uint8_t *photo = portrait_jpeg(PHOTO_SEED + (uint64_t)number, person.sex, 1, &n);

        sha256_hex(photo, n, sha256);
        store_run(&portal->store, "INSERT OR IGNORE INTO photo VALUES(?1, 'image/jpeg', ?2)", "sb", sha256, photo, n);
        one->photo = must(strdup(sha256));
        free(photo);
}

static void mend(struct chain_case *one, const struct chain_options *o)
{
        static const struct field fields[] = {
                { .key = "given_fa", .kind = FIELD_TEXT, .min = 1, .max = 100 },
                { .key = "family_fa", .kind = FIELD_TEXT, .min = 1, .max = 100 },
                { .key = "father_fa", .kind = FIELD_TEXT, .min = 1, .max = 100 },
                { .key = "given_en", .kind = FIELD_TEXT, .min = 1, .max = 100 },
                { .key = "family_en", .kind = FIELD_TEXT, .min = 1, .max = 100 },
                { .key = "birth_date", .kind = FIELD_DATE },
                { .key = "national_id", .kind = FIELD_PATTERN, .pattern = "^[0-9]{10}$" },
        };
        const char *key = chain_needed(o->field, "--field");
        JSON value = json_pack("{s:s}", key, chain_needed(o->value, "--value"));
        json_t *worksheet = json_object_get(one->data, "worksheet");
        const struct field *field = NULL;
        const char *why;

        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
                if (strcmp(fields[i].key, key) == 0)
                        field = &fields[i];
        }
        if (!field)
                refuse("bad_field", "%s is not among the personal data", key);
        if (!value || !body_check(value, field, 1, &why))
                refuse("bad_value", "%s cannot be so", key);
        json_object_update(json_object_get(one->data, "certificate"), value);
        if (json_object_get(worksheet, key))
                json_object_update(worksheet, value);
}

/* Renewals and replacements enter as everybody does (A-B1); note 4 of I-9 wants the board's minutes. */
static void kind_check(const struct chain_options *o)
{
        bool renewal = strcmp(o->kind, "renewal") == 0, replacement = strcmp(o->kind, "replacement") == 0;

        if (!renewal && !replacement && strcmp(o->kind, "new") != 0)
                refuse("bad_kind", "--kind is new, renewal or replacement");
        if ((renewal || replacement) != (o->old != NULL))
                refuse("old_certificate", "--old names the former certificate of a renewal or replacement, only there");
        if (replacement != (o->minutes != NULL))
                refuse("board_minutes", "--minutes names the board's decision on a replacement, only there");
        if (o->field && !replacement)
                refuse("bad_field", "only the board's decision brings other data with it");
}

static void centre_staff_check(struct portal *portal, const struct chain_options *o, const struct chain_case *one)
{
        if (chain_actor(portal, o, one) != ROLE_EXAM_EXPERT)
                refuse("wrong_role", "the centre's exam expert enters data (A-B1)");
}

void chain_register(struct portal *portal, const struct chain_options *o)
{
        struct store *store = &portal->store;
        int64_t number = store_int(store, "SELECT count(*) + 1 FROM chain_case", ""), at = chain_at(portal, o);
        CASE one = { .province = must(strdup(o->province_fa)), .kind = must(strdup(o->kind)) };
        char year[JALALI_TEXT];

        one.centre = must(strdup(chain_needed(o->centre, "--centre")));
        kind_check(o);
        centre_staff_check(portal, o, &one);
        if (!jalali_parse(chain_needed(o->exam, "--exam"), &one.exam_day))
                refuse("bad_date", "%s is no day of the Jalali calendar", o->exam);
        if (strcmp(o->kind, "new") == 0 && calendar_day(at) > one.exam_day)
                refuse("exam_over", "the exam of %s is over", o->exam);
        jalali_text(calendar_day(at), year);
        snprintf(one.id, sizeof(one.id), "C-%.4s-%06lld", year, (long long)number);
        registry_read(portal, o, number, &one);
        if (o->field)
                mend(&one, o);
        store_run(store,
                  "INSERT INTO chain_case(id, province, centre, kind, old, minutes, exam_day, data, photo)"
                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, '', ?8)",
                  "ssssssis", one.id, one.province, one.centre, one.kind, o->old, o->minutes, one.exam_day, one.photo);
        chain_save_data(portal, &one);
        chain_note(portal, one.id, "register", o, at, false);
        chain_print(portal, &one, at, false);
}

void chain_edit(struct portal *portal, const struct chain_options *o)
{
        CASE one = { 0 };
        int64_t at;

        chain_load(portal, o->application, &one);
        at = chain_at(portal, o);
        centre_staff_check(portal, o, &one);
        if (one.stage != CHAIN_REGISTERED || calendar_day(at) >= one.exam_day)
                refuse("edit_too_late", "defects are mended until the day before the exam (I-9.1)");
        mend(&one, o);
        chain_save_data(portal, &one);
        chain_note(portal, one.id, "edit", o, at, false);
        chain_print(portal, &one, at, false);
}
