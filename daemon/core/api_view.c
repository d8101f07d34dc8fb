#include "daemon/core/api.h"
#include "daemon/core/approvals.h"
#include "daemon/core/chip_flow.h"
#include "daemon/core/outcome.h"
#include "daemon/core/print_flow.h"
#include "daemon/core/unknown.h"
#include "proto/base/cleanup.h"
#include "proto/text/jalali.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* All rows of a query as an array of objects: the column names are the keys. Integers stay numbers, NULL is null. */
static json_t *rows_json(struct ledger *l, const char *const *keys, const char *sql, const char *types,
                         const char *text, int64_t number)
{
        json_t *list = json_array();
        struct db_rows rows;
        bool ok;

        ok = strcmp(types, "s") == 0    ? ledger_query(l, &rows, sql, "s", text)
             : strcmp(types, "si") == 0 ? ledger_query(l, &rows, sql, "si", text, number)
             : strcmp(types, "i") == 0  ? ledger_query(l, &rows, sql, "i", number)
                                        : ledger_query(l, &rows, sql, "");
        while (ok && db_next(&rows)) {
                json_t *row = json_object();

                for (int i = 0; keys[i]; i++) {
                        bool is_number = keys[i][0] == '#';

                        (void)json_object_set_new(row, keys[i] + is_number,
                                                  db_is_null(&rows, i) ? json_null()
                                                  : is_number          ? json_integer(db_int(&rows, i))
                                                                       : json_string(db_text(&rows, i)));
                }
                (void)json_array_append_new(list, row);
        }
        if (ok)
                db_rows_done(&rows);
        return list;
}

static json_t *first_json(json_t *list)
{
        json_t *first = json_incref(json_array_get(list, 0));

        json_decref(list);
        return first ? first : json_null();
}

/* ---- status: no personal data, for everybody on this machine -------------------------------------------------------
 */

static json_t *work_json(const struct work *w)
{
        struct work_status s;

        work_status(w, &s);
        return json_pack("{s:s,s:s*,s:s,s:i,s:i,s:i}", "name", s.name, "line", s.line, "state",
                         work_state_name(s.state), "pid", (int)s.pid, "restarts", (int)s.n_restarts, "queued",
                         (int)s.n_queued);
}

static json_t *works_json(struct core *c)
{
        json_t *list = json_pack("[o,o,o]", work_json(c->net), work_json(c->key), work_json(c->render));

        for (size_t i = 0; i < c->n_lines; i++) {
                (void)json_array_append_new(list, work_json(c->lines[i].print));
                (void)json_array_append_new(list, work_json(c->lines[i].chip));
        }
        return list;
}

static json_t *line_json(struct line *line)
{
        static const char *const held_keys[] = { "held", "serial", NULL };
        static const char *const card_keys[] = { "serial", "state", "application", NULL };
        struct ledger *l = &line->core->ledger;
        const char *name = line->config->name;
        char next[SERIAL_TEXT] = "";

        (void)ledger_get_text(l, next, sizeof next,
                              "SELECT serial FROM blank WHERE state='hopper' AND line=?1 ORDER BY position LIMIT 1",
                              "s", name);
        return json_pack(
                "{s:s,s:o,s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:s}", "line", name, "held",
                first_json(rows_json(l, held_keys,
                                     "SELECT held, held_serial FROM line WHERE name=?1 AND held IS NOT NULL", "s", name,
                                     0)),
                "hopper",
                (json_int_t)ledger_get_int(l, "SELECT count(*) FROM blank WHERE state='hopper' AND line=?1", "s", name),
                "next", next, "in_work",
                rows_json(l, card_keys,
                          "SELECT serial, state, application FROM blank WHERE line=?1 AND state IN "
                          "('reserved','printing','printed','accepted','writing','written','verified') "
                          "ORDER BY position",
                          "s", name, 0),
                "printing", print_flow_json(line), "chipping", chip_flow_json(line), "printed",
                outcome_json(&line->printed), "chipped", outcome_json(&line->chipped), "shown",
                line->shown.holder ? line->shown.serial : "");
}

static json_t *counts_json(struct core *c)
{
        static const char *const keys[] = { "state", "#count", NULL };
        struct ledger *l = &c->ledger;

        return json_pack(
                "{s:o,s:o,s:I,s:I}", "applications",
                rows_json(l, keys, "SELECT state, count(*) FROM application GROUP BY state", "", NULL, 0), "blanks",
                rows_json(l, keys, "SELECT state, count(*) FROM blank GROUP BY state", "", NULL, 0), "unknown",
                (json_int_t)ledger_get_int(l,
                                           "SELECT count(*) FROM intent WHERE state='unknown' AND kind IN "
                                           "('print','write','lock')",
                                           ""),
                "cases", (json_int_t)ledger_get_int(l, "SELECT count(*) FROM dispute WHERE closed_at IS NULL", ""));
}

static json_t *portal_json(struct core *c)
{
        return json_pack("{s:b,s:b,s:b,s:I,s:I,s:o}", "up",
                         c->outbox.portal_up || (c->sync.synced_at > 0 && !c->sync.failed), "greeted", c->sync.greeted,
                         "fenced", c->sync.fenced, "pending", (json_int_t)outbox_pending(c), "synced_at",
                         (json_int_t)c->sync.synced_at, "error",
                         c->sync.failed ? outcome_error_json(&c->sync.last) : json_null());
}

void api_get_status(struct request *r)
{
        struct core *c = api_core(r);
        json_t *lines = json_array();

        for (size_t i = 0; i < c->n_lines; i++)
                (void)json_array_append_new(lines, line_json(&c->lines[i]));
        web_reply(r, 200,
                  json_pack("{s:s,s:I,s:I,s:s,s:o,s:o,s:o,s:o}", "station", c->config.station.id, "epoch",
                            (json_int_t)c->ledger.epoch, "audit_seq", (json_int_t)c->ledger.seq, "audit_head",
                            c->ledger.head, "portal", portal_json(c), "lines", lines, "counts", counts_json(c),
                            "workers", works_json(c)));
}

/* ---- applicants and cards
 * --------------------------------------------------------------------------------------------- */

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
                        rows_json(&c->ledger, keys,
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

        return rows_json(
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
        json = first_json(
                rows_json(&c->ledger, keys,
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
        static const char *const keys[] = { "serial",      "state",        "line",  "application", "face_code",
                                            "chip_id",     "sod_sha256",   "cause", "chip_fate",   "#registered",
                                            "accepted_by", "confirmed_by", NULL };
        struct core *c = api_core(r);
        struct error err;
        struct who who;
        json_t *json;

        if (!api_actor(r, MAY_READ, &who))
                return;
        json = first_json(rows_json(
                &c->ledger, keys,
                "SELECT b.serial, b.state, b.line, b.application, k.face_code, b.chip_id, b.sod_sha256, "
                "b.cause, b.chip_fate, b.registered, b.accepted_by, b.confirmed_by FROM blank b LEFT JOIN card "
                "k ON k.id=b.card WHERE b.serial=?1",
                "s", r->vars[0], 0));
        if (json_is_null(json))
                (void)err_input(&err, REASON_NOT_FOUND, "no serial %s", r->vars[0]);
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

/* ---- the machine's own account
 * ------------------------------------------------------------------------------------------ */

void api_get_states(struct request *r)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n_transitions; i++)
                (void)json_array_append_new(
                        list, json_pack("{s:s,s:s,s:s,s:s}", "entity", entity_name(transitions[i].entity), "from",
                                        transitions[i].from, "event", transitions[i].event, "to", transitions[i].to));
        web_reply(r, 200, json_pack("{s:o}", "transitions", list));
}

void api_get_unknown(struct request *r)
{
        struct who who;

        if (api_actor(r, MAY_READ, &who))
                web_reply(r, 200, json_pack("{s:o}", "unknown", unknown_list(api_core(r))));
}

void api_get_audit(struct request *r)
{
        static const char *const keys[] = { "#seq",       "#epoch",   "prev",   "hash",  "boot_id", "#t_wall",
                                            "#t_boot",    "actor",    "role",   "event", "entity",  "subject",
                                            "from_state", "to_state", "intent", "body",  NULL };
        int64_t after = 0;
        struct error err;
        struct who who;

        if (!api_actor(r, MAY_AUDIT, &who))
                return;
        if (web_query_int(r, "after", 0, INT64_MAX, &after, &err) < 0)
                web_reply_error(r, &err);
        else
                web_reply(r, 200,
                          json_pack("{s:o}", "rows",
                                    rows_json(&api_core(r)->ledger, keys,
                                              "SELECT * FROM audit WHERE seq>?1 ORDER BY seq LIMIT 200", "i", NULL,
                                              after)));
}

/* A copy of the ledger for fsck, made by SQLite's backup API; the file is gone before the answer is. */
void api_get_snapshot(struct request *r)
{
        struct core *c = api_core(r);
        cleanup(free_p) uint8_t *bytes = NULL;
        char path[600];
        struct error err;
        struct stat st;
        struct who who;
        FILE *f = NULL;

        if (!api_actor(r, MAY_AUDIT, &who))
                return;
        (void)snprintf(path, sizeof path, "%s/snapshot.db", c->config.station.state_dir);
        (void)unlink(path);
        if (ledger_snapshot(&c->ledger, path, &err) < 0) {
                web_reply_error(r, &err);
                return;
        }
        f = fopen(path, "re");
        (void)unlink(path);
        if (f && fstat(fileno(f), &st) == 0 && (bytes = malloc((size_t)st.st_size)) &&
            fread(bytes, 1, (size_t)st.st_size, f) == (size_t)st.st_size) {
                web_reply_blob(r, 200, "application/vnd.sqlite3", bytes, (size_t)st.st_size);
        } else {
                (void)err_own(&err, ERR_RETRY, REASON_LEDGER, "the snapshot cannot be read");
                web_reply_error(r, &err);
        }
        if (f)
                (void)fclose(f);
}

void api_get_events(struct request *r)
{
        struct who who;

        if (api_actor(r, MAY_READ, &who))
                web_reply_events(r);
}
