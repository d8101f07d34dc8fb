#include "proto/portal/approval.h"
#include "proto/base/cleanup.h"
#include "proto/portal/read.h"
#include "proto/text/persian.h"
#include <stdio.h>
#include <string.h>

/* A text of the schema's longest form in UTF-8: 4 bytes a character. */
enum { NAME_RAW_MAX = 400, TITLE_RAW_MAX = 800 };

static const char *const kinds[] = {
        [APPROVAL_NEW] = "new", [APPROVAL_RENEWAL] = "renewal", [APPROVAL_REPLACEMENT] = "replacement", NULL
};
static const char *const roles[] = { [APPROVED_BY_EXAM_EXPERT] = "exam_expert",
                                     [APPROVED_BY_CENTRE_HEAD] = "centre_head",
                                     [APPROVED_BY_ASSESSMENT_HEAD] = "assessment_head",
                                     [APPROVED_BY_SECURITY] = "security",
                                     [APPROVED_BY_DIRECTOR] = "director",
                                     NULL };
static const char *const photos[] = { [PHOTO_JPEG] = "image/jpeg", [PHOTO_PNG] = "image/png", NULL };

static const struct read_form number_form = { READ_UPPER READ_DIGITS "/-", 1, APPROVAL_NUMBER_MAX };
static const struct read_form worksheet_form = { READ_UPPER READ_DIGITS "-", 1, APPROVAL_NUMBER_MAX };
static const struct read_form reference_form = { READ_UPPER READ_LOWER READ_DIGITS "-", 1, APPROVAL_NUMBER_MAX };
static const struct read_form skill_form = { READ_DIGITS, 15, 15 };
static const struct read_form centre_form = { READ_UPPER READ_LOWER READ_DIGITS "-", 1, APPROVAL_CODE_MAX };

const char *approval_kind_word(enum approval_kind kind)
{
        return kinds[kind];
}

const char *approval_role_word(enum approval_role role)
{
        return roles[role];
}

const char *approval_photo_word(enum approval_photo_type type)
{
        return photos[type];
}

/* One object being read: its keys, and where the first unusable value goes. */
struct scope {
        struct jread r;
        struct approval *a;
};

static struct scope scope_begin(const json_t *object, const char *where, struct approval *a, struct error *err)
{
        return (struct scope){ jread_begin(object, where, err), a };
}

static void defect(struct scope *s, enum reason reason, const char *key, const char *what)
{
        if (s->a->defect != REASON_NONE)
                return;
        s->a->defect = reason;
        (void)snprintf(s->a->defect_where, sizeof s->a->defect_where, "%s.%s: %s", s->r.where, key, what);
}

static void take_persian(struct scope *s, const char *key, size_t raw_max,
                         enum persian_fault (*check)(const char *text), char *ret, size_t max)
{
        const char *text = NULL;
        enum persian_fault fault;

        jread_str(&s->r, key, 1, raw_max, &text);
        if (!text)
                return;
        fault = check(text);
        if (fault == PERSIAN_OK)
                fault = persian_clean(text, ret, max, NULL);
        if (fault == PERSIAN_OK)
                return;
        ret[0] = '\0';
        defect(s, REASON_BAD_TEXT, key, persian_fault_word(fault));
}

static void take_name(struct scope *s, const char *key, char ret[APPROVAL_NAME_MAX + 1])
{
        take_persian(s, key, NAME_RAW_MAX, persian_check_name, ret, APPROVAL_NAME_MAX + 1);
}

static void take_title(struct scope *s, const char *key, char ret[APPROVAL_TITLE_MAX + 1])
{
        take_persian(s, key, TITLE_RAW_MAX, persian_check_text, ret, APPROVAL_TITLE_MAX + 1);
}

/* A short text of any script: grades, places. */
static void take_word(struct scope *s, const char *key, char ret[APPROVAL_NAME_MAX + 1])
{
        take_persian(s, key, NAME_RAW_MAX, persian_check_text, ret, APPROVAL_NAME_MAX + 1);
}

static void take_national_id(struct scope *s, const char *key, char ret[NATIONAL_ID_MAX])
{
        const char *text = NULL;
        enum national_id_fault fault;

        jread_str(&s->r, key, 0, 64, &text);
        if (!text)
                return;
        fault = national_id_parse(text, ret);
        if (fault != NATIONAL_ID_OK)
                defect(s, REASON_BAD_NATIONAL_ID, key, national_id_fault_word(fault));
}

static void take_date(struct scope *s, const char *key, int32_t *ret)
{
        const char *text = NULL;

        jread_str(&s->r, key, 0, 64, &text);
        if (text && !date_parse(text, ret))
                defect(s, REASON_BAD_DATE, key, "not a date YYYY-MM-DD");
}

static void take_time(struct scope *s, const char *key, int64_t *ret)
{
        const char *text = NULL;

        jread_str(&s->r, key, 0, 64, &text);
        if (text && !time_parse(text, ret))
                defect(s, REASON_BAD_DATE, key, "not a time YYYY-MM-DDTHH:MM:SSZ");
}

static int read_confirmation(const json_t *item, struct approval *a, struct approval_confirmation *ret,
                             struct error *err)
{
        struct scope s = scope_begin(item, "confirmation", a, err);
        unsigned role = 0;

        jread_word(&s.r, "role", roles, &role);
        read_text(&s.r, "by", read_pseudonym, ret->by);
        take_time(&s, "at", &ret->at);
        ret->role = (enum approval_role)role;
        return jread_end(&s.r);
}

static int read_confirmations(const json_t *array, struct approval *a, struct error *err)
{
        a->n_confirmations = json_array_size(array);
        for (size_t i = 0; i < a->n_confirmations; i++)
                if (read_confirmation(json_array_get(array, i), a, &a->confirmations[i], err) < 0)
                        return -1;
        return 0;
}

static int read_payment(const json_t *object, struct approval *a, struct error *err)
{
        struct scope s = scope_begin(object, "payment", a, err);

        jread_int(&s.r, "amount_rial", 0, INT64_C(1000000000000), &a->payment.amount_rial);
        read_text(&s.r, "reference", reference_form, a->payment.reference);
        take_time(&s, "at", &a->payment.at);
        a->paid = true;
        return jread_end(&s.r);
}

static int read_skill(const json_t *object, struct approval *a, struct error *err)
{
        struct scope s = scope_begin(object, "skill", a, err);
        struct approval_skill *k = &a->certificate.skill;

        read_text(&s.r, "code", skill_form, k->code);
        take_title(&s, "title_fa", k->title_fa);
        take_title(&s, "title_en", k->title_en);
        take_word(&s, "grade_fa", k->grade_fa);
        take_word(&s, "grade_en", k->grade_en);
        jread_int(&s.r, "hours", 1, 10000, &k->hours);
        jread_int(&s.r, "theory_score", 0, 10000, &k->theory_score);
        jread_int(&s.r, "practical_score", 0, 10000, &k->practical_score);
        take_date(&s, "exam_date", &k->exam_date);
        return jread_end(&s.r);
}

static int read_centre(const json_t *object, struct approval *a, struct error *err)
{
        static const char *const words[] = { "centre", "school", NULL };
        struct scope s = scope_begin(object, "centre", a, err);
        struct approval_centre *c = &a->certificate.centre;
        unsigned kind = 0;

        read_text(&s.r, "code", centre_form, c->code);
        jread_word(&s.r, "kind", words, &kind);
        take_title(&s, "name_fa", c->name_fa);
        take_title(&s, "name_en", c->name_en);
        c->school = kind == 1;
        return jread_end(&s.r);
}

static void read_person(struct scope *s, struct approval_certificate *c)
{
        static const char *const sexes[] = { "m", "f", NULL };
        unsigned sex = 0;

        take_national_id(s, "national_id", c->national_id);
        take_name(s, "given_fa", c->given_fa);
        take_name(s, "family_fa", c->family_fa);
        take_name(s, "father_fa", c->father_fa);
        take_word(s, "given_en", c->given_en);
        take_word(s, "family_en", c->family_en);
        take_date(s, "birth_date", &c->birth_date);
        jread_word(&s->r, "sex", sexes, &sex);
        c->sex = sexes[sex][0];
}

static int read_certificate(const json_t *object, struct approval *a, struct error *err)
{
        struct scope s = scope_begin(object, "certificate", a, err);
        struct approval_certificate *c = &a->certificate;
        const json_t *skill = NULL, *centre = NULL;

        read_text(&s.r, "number", number_form, c->number);
        read_person(&s, c);
        jread_object(&s.r, "skill", &skill);
        jread_object(&s.r, "centre", &centre);
        take_word(&s, "province_fa", c->province_fa);
        take_word(&s, "province_en", c->province_en);
        take_title(&s, "director_title_fa", c->director_title_fa);
        take_title(&s, "director_title_en", c->director_title_en);
        c->has_valid_until = !json_is_null(json_object_get(object, "valid_until"));
        if (c->has_valid_until)
                take_date(&s, "valid_until", &c->valid_until);
        else
                jread_skip(&s.r, "valid_until");
        if (jread_end(&s.r) < 0)
                return -1;
        return read_skill(skill, a, err) < 0 ? -1 : read_centre(centre, a, err);
}

static int read_worksheet(const json_t *object, struct approval *a, struct error *err)
{
        struct scope s = scope_begin(object, "worksheet", a, err);
        struct approval_worksheet *w = &a->worksheet;

        read_text(&s.r, "number", worksheet_form, w->number);
        take_national_id(&s, "national_id", w->national_id);
        take_name(&s, "given_fa", w->given_fa);
        take_name(&s, "family_fa", w->family_fa);
        read_text(&s.r, "skill_code", skill_form, w->skill_code);
        jread_int(&s.r, "practical_score", 0, 10000, &w->practical_score);
        return jread_end(&s.r);
}

static int read_photo(const json_t *object, struct approval *a, struct error *err)
{
        struct jread r = jread_begin(object, "photo", err);
        unsigned type = 0;

        read_sha256(&r, "sha256", a->photo.sha256);
        jread_int(&r, "n_bytes", 1, 1 << 20, &a->photo.n_bytes);
        jread_word(&r, "type", photos, &type);
        a->photo.type = (enum approval_photo_type)type;
        return jread_end(&r);
}

/* The members that are objects and arrays; payment is NULL for null. */
struct members {
        const json_t *confirmations, *payment, *certificate, *worksheet, *photo;
};

static int read_top(const json_t *object, struct approval *a, struct members *ret, struct error *err)
{
        struct scope s = scope_begin(object, "approval", a, err);
        int64_t version = 0;
        unsigned kind = 0;

        jread_int(&s.r, "v", 1, 1, &version);
        read_text(&s.r, "id", read_application_id, a->id);
        jread_int(&s.r, "seq", 1, READ_INT_MAX, &a->seq);
        take_word(&s, "station_province", a->station_province);
        jread_word(&s.r, "kind", kinds, &kind);
        jread_array(&s.r, "confirmations", APPROVAL_ROLES, &ret->confirmations);
        if (json_is_null(json_object_get(object, "payment")))
                jread_skip(&s.r, "payment");
        else
                jread_object(&s.r, "payment", &ret->payment);
        jread_object(&s.r, "certificate", &ret->certificate);
        jread_object(&s.r, "worksheet", &ret->worksheet);
        jread_object(&s.r, "photo", &ret->photo);
        take_time(&s, "issued_at", &a->issued_at);
        a->kind = (enum approval_kind)kind;
        return jread_end(&s.r);
}

static int read_all(const json_t *object, struct approval *a, struct error *err)
{
        struct members m = { 0 };

        if (read_top(object, a, &m, err) < 0 || read_confirmations(m.confirmations, a, err) < 0 ||
            (m.payment && read_payment(m.payment, a, err) < 0) || read_certificate(m.certificate, a, err) < 0 ||
            read_worksheet(m.worksheet, a, err) < 0)
                return -1;
        return read_photo(m.photo, a, err);
}

int approval_decode(struct bytes payload, struct approval *ret, struct error *err)
{
        cleanup(json_p) json_t *json = json_strict(payload, JWS_PAYLOAD_MAX, err);
        struct approval a = { 0 };

        if (!json || read_all(json, &a, err) < 0)
                return -1;
        *ret = a;
        return 0;
}

int approval_open(struct bytes jws_text, X509_STORE *ca, int64_t at, struct approval *ret, uint8_t ret_sha256[32],
                  struct error *err)
{
        cleanup(jws_done) struct jws jws = { 0 };

        if (jws_verify(jws_text, JWS_APPROVAL, ca, at, &jws, err) < 0 || approval_decode(jws.payload, ret, err) < 0)
                return -1;
        memcpy(ret_sha256, jws.sha256, sizeof jws.sha256);
        return 0;
}
