/* Applicants, cards and what the chip said. */
#include "daemon/core/card/outcome.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/portal/approvals.h"
#include "daemon/core/web/api.h"
#include "proto/base/cleanup.h"
#include "proto/text/jalali.h"
#include <string.h>

void api_get_queue(struct request *r)
{
        static const char *const keys[] = { "application", "state",         "stage",       "refusal",
                                            "waiting_for", "deadline",      "kind",        "certificate_no",
                                            "name",        "#worksheet_at", "#arrived_at", NULL };
        struct core *c = api_core(r);
        int64_t limit = 200;
        struct error err;
        struct who who;

        if (!api_actor(r, MAY_SEE_PEOPLE, &who))
                return;
        if (web_query_int(r, "limit", 1, 1000, &limit, &err) < 0) {
                web_reply_error(r, &err);
                return;
        }
        web_reply(
                r, 200,
                json_pack(
                        "{s:o}", "applications",
                        api_rows(&c->ledger, keys,
                                 "SELECT a.id, a.state, a.stage, a.refusal, a.waiting_for, a.deadline, a.kind, "
                                 "a.certificate_no, p.name, a.worksheet_at, a.arrived_at FROM application a LEFT JOIN "
                                 "person p ON p.application=a.id WHERE a.state IN ('in_chain','offered','claimed',"
                                 "'released','bound','awaiting_reissue','authorised','disputed') ORDER BY "
                                 "a.state<>'authorised', a.arrived_at, a.id LIMIT ?1",
                                 "i", NULL, limit)));
}

static json_t *date_json(int32_t day)
{
        char iso[DATE_TEXT_MAX], local[DATE_TEXT_MAX] = "";

        date_format(day, iso);
        (void)jalali_format(day, local);
        return json_pack("{s:s,s:s}", "gregorian", iso, "jalali", local);
}

static json_t *certificate_json(const struct approval_certificate *d)
{
        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:s,s:s,s:s}", "number",
                         d->number, "national_id", d->national_id, "given_fa", d->given_fa, "family_fa", d->family_fa,
                         "father_fa", d->father_fa, "given_en", d->given_en, "family_en", d->family_en, "birth_date",
                         date_json(d->birth_date), "skill_code", d->skill.code, "skill_fa", d->skill.title_fa,
                         "skill_en", d->skill.title_en, "grade_fa", d->skill.grade_fa, "grade_en", d->skill.grade_en,
                         "theory_score", (json_int_t)d->skill.theory_score, "practical_score",
                         (json_int_t)d->skill.practical_score, "centre_fa", d->centre.name_fa, "centre_en",
                         d->centre.name_en, "province_fa", d->province_fa, "province_en", d->province_en);
}

static json_t *worksheet_json(const struct approval *a)
{
        unsigned differences = approval_worksheet_differences(a);
        json_t *list = json_array();

        for (unsigned i = 0; i < WORKSHEET_FIELDS; i++)
                if (differences & 1u << i)
                        (void)json_array_append_new(list, json_string(worksheet_field_word((enum worksheet_field)i)));
        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:o}", "number", a->worksheet.number, "national_id",
                         a->worksheet.national_id, "given_fa", a->worksheet.given_fa, "family_fa",
                         a->worksheet.family_fa, "skill_code", a->worksheet.skill_code, "practical_score",
                         (json_int_t)a->worksheet.practical_score, "differences", list);
}

static json_t *chain_json(const struct approval *a)
{
        json_t *list = json_array();
        char at[TIME_TEXT_MAX];

        for (size_t i = 0; i < a->n_confirmations; i++) {
                time_format(a->confirmations[i].at, at);
                (void)json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "role",
                                                            approval_role_word(a->confirmations[i].role), "by",
                                                            a->confirmations[i].by, "at", at));
        }
        return list;
}

static json_t *cards_json(struct ledger *l, const char *application)
{
        static const char *const keys[] = { "#attempt", "face_code", "issue_date", "reissue",     "serial", "state",
                                            "chip_id",  "cause",     "chip_fate",  "#registered", NULL };

        return api_rows(
                l, keys,
                "SELECT k.attempt, k.face_code, k.issue_date, k.reissue, b.serial, b.state, b.chip_id, b.cause, "
                "b.chip_fate, b.registered FROM card k LEFT JOIN blank b ON b.card=k.id WHERE k.application=?1 ORDER "
                "BY "
                "k.attempt",
                "s", application, 0);
}

void api_get_application(struct request *r)
{
        static const char *const keys[] = { "application",  "state",         "stage",       "refusal",
                                            "waiting_for",  "deadline",      "kind",        "worksheet_no",
                                            "worksheet_by", "#worksheet_at", "data_sha256", NULL };
        struct core *c = api_core(r);
        cleanup(approval_file_done) struct approval_file f = { 0 };
        struct error err;
        struct who who;
        json_t *json;

        if (!api_actor(r, MAY_SEE_PEOPLE, &who))
                return;
        json = api_first(
                api_rows(&c->ledger, keys,
                         "SELECT id, state, stage, refusal, waiting_for, deadline, kind, worksheet_no, worksheet_by, "
                         "worksheet_at, data_sha256 FROM application WHERE id=?1",
                         "s", r->vars[0], 0));
        if (json_is_null(json)) {
                (void)err_input(&err, REASON_NOT_FOUND, "no application %s", r->vars[0]);
                api_done(r, -1, &err, json);
                return;
        }
        (void)json_object_set_new(json, "cards", cards_json(&c->ledger, r->vars[0]));
        if (approval_load(c, r->vars[0], &f, &err) == 0) {
                (void)json_object_set_new(json, "certificate", certificate_json(&f.approval.certificate));
                (void)json_object_set_new(json, "worksheet", worksheet_json(&f.approval));
                (void)json_object_set_new(json, "confirmations", chain_json(&f.approval));
        } else {
                (void)json_object_set_new(json, "problem", outcome_error_json(&err));
        }
        web_reply(r, 200, json);
}

static void reply_photo(struct request *r, const uint8_t *p, size_t n)
{
        static const uint8_t png[] = { 0x89, 'P', 'N', 'G' };

        web_reply_blob(r, 200, n > sizeof png && memcmp(p, png, sizeof png) == 0 ? "image/png" : "image/jpeg", p, n);
}

void api_get_photo(struct request *r)
{
        struct core *c = api_core(r);
        cleanup(free_p) uint8_t *bytes = NULL;
        char sha256[SHA256_TEXT] = "";
        struct error err;
        struct who who;
        size_t n = 0;
        int found;

        if (!api_actor(r, MAY_SEE_PEOPLE, &who))
                return;
        (void)ledger_get_text(&c->ledger, sha256, sizeof sha256, "SELECT photo_sha256 FROM application WHERE id=?1",
                              "s", r->vars[0]);
        found = photo_load(c, sha256, &bytes, &n, &err);
        if (found > 0) {
                reply_photo(r, bytes, n);
                return;
        }
        if (found == 0)
                (void)err_input(&err, REASON_NOT_FOUND, "no photo of %s yet", r->vars[0]);
        web_reply_error(r, &err);
}

void api_get_blank(struct request *r)
{
        static const char *const keys[] = { "serial",      "state",        "line",    "application", "face_code",
                                            "chip_id",     "sod_sha256",   "cause",   "chip_fate",   "#registered",
                                            "accepted_by", "confirmed_by", "minutes", "letter",      NULL };
        struct core *c = api_core(r);
        struct error err;
        struct who who;
        json_t *json;

        if (!api_actor(r, MAY_READ, &who))
                return;
        json = api_first(
                api_rows(&c->ledger, keys,
                         "SELECT b.serial, b.state, b.line, b.application, k.face_code, b.chip_id, b.sod_sha256, "
                         "b.cause, b.chip_fate, b.registered, b.accepted_by, b.confirmed_by, b.minutes, b.letter FROM "
                         "blank b LEFT JOIN card "
                         "k ON k.id=b.card WHERE b.serial=?1",
                         "s", r->vars[0], 0));
        if (json_is_null(json))
                (void)err_input(&err, REASON_NOT_FOUND, "no serial %s", r->vars[0]);
        else
                (void)json_object_set_new(json, "case_open", json_boolean(case_holds_card(&c->ledger, r->vars[0])));
        api_done(r, json_is_null(json) ? -1 : 0, &err, json);
}

/* What the chip said, for the comparison with the plastic. */
void api_get_shown(struct request *r)
{
        struct error err;
        struct line *line;
        struct who who;

        if (!api_actor(r, MAY_SEE_PEOPLE, &who) || !(line = api_line(r, r->vars[0])))
                return;
        if (line->shown.holder) {
                web_reply(r, 200, json_pack("{s:s,s:O}", "serial", line->shown.serial, "chip", line->shown.holder));
                return;
        }
        (void)err_input(&err, REASON_NOT_FOUND, "no chip has been read");
        web_reply_error(r, &err);
}

void api_get_shown_photo(struct request *r)
{
        struct error err;
        struct line *line;
        struct who who;

        if (!api_actor(r, MAY_SEE_PEOPLE, &who) || !(line = api_line(r, r->vars[0])))
                return;
        if (line->shown.photo) {
                reply_photo(r, line->shown.photo, line->shown.n_photo);
                return;
        }
        (void)err_input(&err, REASON_NOT_FOUND, "no chip has been read");
        web_reply_error(r, &err);
}
