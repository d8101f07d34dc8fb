#include "seed.h"
#include "check.h"
#include "person.h"
#include "portrait.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400 };

/* What is odd about an application; the rows of odd_words keep this order. */
enum odd {
        ODD_NONE,
        ODD_IN_CHAIN,
        ODD_UNPAID,
        ODD_PAID_TOO_EARLY,
        ODD_WITHDRAWN,
        ODD_BAD_NATIONAL_ID,
        ODD_BIDI_NAME,
        ODD_ORDER,
        ODD_UNCONFIRMED,
        ODD_WORKSHEET,
        ODD_UNKNOWN_KEY,
        ODD_DUPLICATE_KEY,
        ODD_ALTERED,
        ODD_WRONG_SIGNER,
        ODD_PHOTO_TEXT,
        ODD_PHOTO_OTHER,
        ODD_PHOTO_SMALL,
        ODD_PHOTO_LARGE,
        ODD_COUNT,
};
static const char *const odd_words[ODD_COUNT] = {
        "plain",     "in_chain",      "unpaid",      "paid_too_early",    "withdrawn",   "bad_national_id",
        "bidi_name", "confirm_order", "unconfirmed", "worksheet_differs", "unknown_key", "duplicate_key",
        "altered",   "wrong_signer",  "photo_text",  "photo_other",       "photo_small", "photo_large",
};
static const char *const roles[] = { "exam_expert", "centre_head", "assessment_head", "security", "director" };
enum { N_ROLES = 5 };

struct seeding {
        struct portal *portal;
        const struct seed_options *options;
        json_t *samples;
        int64_t number;
        enum odd odd;
        struct rng rng;
        struct person person;
        char id[40];
        int64_t at[N_ROLES], paid, issued, exam;
        uint8_t *photo;
        size_t n_photo;
        char photo_sha256[SHA256_HEX];
};

/* A working moment of an earlier day: 08:00 to 14:00 of Iran (UTC+03:30), not on a Friday. */
static int64_t work_time(struct rng *rng, int64_t before, int64_t days)
{
        int64_t day = before / DAY_S - days;

        if ((day + 4) % 7 == 5) /* 1970-01-01 was a Thursday; 5 = Friday */
                day--;
        return day * DAY_S + 4 * 3600 + 1800 + rng_int(rng, 0, 6 * 3600);
}

static void times_make(struct seeding *s)
{
        static const int64_t most_days[N_ROLES] = { 2, 3, 4, 4, 3 }; /* within A-B1 to A-B3 */
        int64_t later;

        s->issued = time(NULL) - rng_int(&s->rng, 3600, 36 * 3600);
        s->paid = later = s->issued - rng_int(&s->rng, 600, DAY_S);
        for (int i = N_ROLES - 1; i >= 0; i--)
                s->at[i] = later = work_time(&s->rng, later, rng_int(&s->rng, 1, most_days[i]));
        s->exam = later - rng_int(&s->rng, 3, 12) * DAY_S;
        if (s->odd == ODD_PAID_TOO_EARLY)
                s->paid = s->at[N_ROLES - 1] - 2 * DAY_S;
        if (s->odd == ODD_ORDER)
                s->at[2] = s->at[1] - 3600;
}

static json_t *confirmations(struct seeding *s)
{
        static const char *const marks[N_ROLES] = { "exam", "head", "assess", "sec", "dir" };
        json_t *list = json_array();
        char at[TIME_TEXT];

        for (int i = 0; i < N_ROLES - (s->odd == ODD_UNCONFIRMED); i++) {
                OWNED char *by = text_format("%s-%02d", marks[i], i < 2 ? (int)rng_int(&s->rng, 1, 40) : 1);

                time_text(s->at[i], at);
                json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "role", roles[i], "by", by, "at", at));
        }
        return list;
}

static json_t *payment(struct seeding *s)
{
        OWNED char *reference = text_format("%012lld", (long long)rng_int(&s->rng, 1, 999999999999));
        char at[TIME_TEXT];

        if (s->odd == ODD_UNPAID)
                return json_null();
        time_text(s->paid, at);
        /* S4.1: the issuing fee is 100,000 toman, 1,000,000 rials */
        return json_pack("{s:i, s:s, s:s}", "amount_rial", 1000000, "reference", reference, "at", at);
}

static json_t *worksheet(struct seeding *s, const json_t *certificate)
{
        const struct person *p = &s->person;
        json_t *skill = json_object_get(certificate, "skill");
        OWNED char *number = text_format("W-%s", s->id + 2);
        json_int_t score = json_integer_value(json_object_get(skill, "practical_score"));

        if (s->odd == ODD_WORKSHEET)
                score -= 300;
        return json_pack("{s:s, s:s, s:s, s:s, s:O, s:I}", "number", number, "national_id", p->national_id, "given_fa",
                         p->given_clean, "family_fa", p->family_clean, "skill_code", json_object_get(skill, "code"),
                         "practical_score", score);
}

static void photo_make(struct seeding *s)
{
        uint64_t seed = (uint64_t)(s->options->seed * 100003 + s->number);
        double scale = s->odd == ODD_PHOTO_SMALL ? .2 : s->odd == ODD_PHOTO_LARGE ? 9 : 1;

        if (s->odd == ODD_PHOTO_TEXT) {
                s->photo = must(malloc(4096));
                s->n_photo = 4096;
                memset(s->photo, 'x', s->n_photo);
        } else {
                s->photo = portrait_jpeg(seed, s->person.sex, scale, &s->n_photo);
        }
        sha256_hex(s->photo, s->n_photo, s->photo_sha256);
        if (s->odd == ODD_PHOTO_OTHER)
                s->photo[s->n_photo / 2] ^= 0x55; /* no longer what its name says */
}

static char *payload_make(struct seeding *s)
{
        static const char *const kinds[] = { "new", "new", "new", "renewal", "new", "new", "replacement", "new" };
        char issued[TIME_TEXT];
        json_t *certificate = person_certificate(&s->person, s->samples, s->number, s->exam, &s->rng,
                                                 s->options->province_fa, s->options->province_en);
        JSON json = NULL;

        time_text(s->issued, issued);
        json = json_pack("{s:i, s:s, s:I, s:s, s:s, s:o, s:o, s:O, s:o, s:{s:s, s:I, s:s}, s:s}", "v", 1, "id", s->id,
                         "seq", (json_int_t)s->number, "station_province", s->options->province_fa, "kind",
                         kinds[s->number % 8], "confirmations", confirmations(s), "payment", payment(s), "certificate",
                         certificate, "worksheet", worksheet(s, certificate), "photo", "sha256", s->photo_sha256,
                         "n_bytes", (json_int_t)s->n_photo, "type", "image/jpeg", "issued_at", issued);
        json_decref(certificate);
        if (s->odd == ODD_UNKNOWN_KEY)
                json_object_set_new(json, "remark", json_string("not documented"));
        return must(json_dumps(json, JSON_COMPACT));
}

static char *approval_make(struct seeding *s, char **payload)
{
        enum signer_use use = s->odd == ODD_WRONG_SIGNER ? SIGN_RECEIPT : SIGN_APPROVAL;

        if (s->odd == ODD_DUPLICATE_KEY) {
                char *twice = text_format("{\"v\":1,%s", *payload + 1);

                free(*payload);
                *payload = twice;
        }
        char *jws = jws_sign(&s->portal->signers, use, *payload);
        if (s->odd == ODD_ALTERED) { /* one character inside the payload, after the first dot */
                char *c = strchr(jws, '.') + 41;

                *c = *c == 'A' ? 'B' : 'A';
        }
        return jws;
}

static void application_waiting(struct seeding *s)
{
        char deadline[TIME_TEXT];
        const char *role = roles[s->number % N_ROLES];

        time_text(time(NULL) + rng_int(&s->rng, 1, 9) * DAY_S, deadline);
        store_run(&s->portal->store,
                  "INSERT INTO application(id, province, stage, change, deadline, waiting_for)"
                  " VALUES(?1, ?2, 'in_chain', ?3, ?4, ?5)",
                  "ssiss", s->id, s->options->province_fa, store_next_change(&s->portal->store), deadline, role);
}

static void application_approved(struct seeding *s)
{
        OWNED char *payload = NULL;
        OWNED char *approval = NULL;
        char sha256[SHA256_HEX];

        times_make(s);
        photo_make(s);
        payload = payload_make(s);
        approval = approval_make(s, &payload);
        sha256_hex(payload, strlen(payload), sha256);
        store_run(&s->portal->store, "INSERT OR IGNORE INTO photo VALUES(?1, 'image/jpeg', ?2)", "sb", s->photo_sha256,
                  s->photo, s->n_photo);
        store_run(&s->portal->store,
                  "INSERT INTO application(id, province, stage, change, approval, data_sha256, photo)"
                  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                  "sssisss", s->id, s->options->province_fa, s->odd == ODD_WITHDRAWN ? "withdrawn" : "approved",
                  store_next_change(&s->portal->store), approval, sha256, s->photo_sha256);
        if (s->odd == ODD_WITHDRAWN)
                store_run(&s->portal->store,
                          "INSERT INTO withdrawn(province, kind, application, at) VALUES(?1, 'application', ?2,"
                          " strftime('%Y-%m-%dT%H:%M:%SZ'))",
                          "ss", s->options->province_fa, s->id);
        free(s->photo);
        s->photo = NULL;
}

static void application_seed(struct seeding *s, int64_t number, enum odd odd)
{
        static const int year_start = 621; /* Jalali year from the Gregorian one, after the spring */
        time_t now = time(NULL);
        struct tm tm;

        gmtime_r(&now, &tm);
        s->number = number;
        s->odd = odd;
        s->rng = (struct rng){ (uint64_t)(s->options->seed * 7919 + number) };
        snprintf(s->id, sizeof(s->id), "A-%04d-%06lld", tm.tm_year + 1900 - year_start - (tm.tm_yday < 80),
                 (long long)number);
        person_make(&s->person, s->samples, number - 1 + s->options->seed * 7);
        if (odd == ODD_BAD_NATIONAL_ID)
                s->person.national_id[9] = s->person.national_id[9] == '0' ? '1' : '0';
        if (odd == ODD_BIDI_NAME)
                s->person.given_fa = "\u202e\u0639\u0644\u06cc\u202c"; /* right-to-left override */
        if (odd == ODD_IN_CHAIN)
                application_waiting(s);
        else
                application_approved(s);
        printf("{\"id\":\"%s\",\"kind\":\"%s\"}\n", s->id, odd_words[odd]);
}

static enum odd odd_of(const struct seed_options *options, int64_t n)
{
        if (!options->odd_kind)
                return (enum odd)(ODD_IN_CHAIN + n % 4);
        for (int i = ODD_IN_CHAIN; i < ODD_COUNT; i++) {
                if (strcmp(odd_words[i], options->odd_kind) == 0)
                        return (enum odd)i;
        }
        die("no such --odd-kind");
}

void seed_run(struct portal *portal, const struct seed_options *options)
{
        struct seeding s = { .portal = portal, .options = options };
        json_error_t error;
        int64_t first;

        s.samples = json_load_file(options->samples, 0, &error);
        if (!s.samples)
                die("%s: %s", options->samples, error.text);
        store_run(&portal->store, "BEGIN IMMEDIATE", "");
        first = store_int(&portal->store, "SELECT count(*) FROM application", "") + 1;
        for (int64_t n = 0; n < options->n + options->n_odd; n++)
                application_seed(&s, first + n, n < options->n ? ODD_NONE : odd_of(options, n - options->n));
        store_run(&portal->store, "COMMIT", "");
        json_decref(s.samples);
}
