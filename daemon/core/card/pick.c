#include "daemon/core/card/pick.h"
#include "daemon/core/portal/portal_calls.h"
#include "proto/base/cleanup.h"
#include <stdio.h>
#include <string.h>

enum { LEASE_MARGIN_MS = 5000 };

void attempt_done(struct attempt *a)
{
        free(a->authorisation);
        a->authorisation = NULL;
}

bool application_is_withdrawn(struct ledger *l, const char *application)
{
        return ledger_get_int(l,
                              "SELECT count(*) FROM application WHERE id=?1 AND (state='withdrawn' OR id IN (SELECT "
                              "application FROM dispute WHERE kind='withdrawn' AND closed_at IS NULL))",
                              "s", application) > 0;
}

static int refuse_state(const char *application, const char *state, struct error *err)
{
        static const struct {
                const char *state;
                enum reason reason;
        } rows[] = {
                { "awaiting_reissue", REASON_AWAITING_REISSUE },
                { "withdrawn", REASON_WITHDRAWN },
                { "disputed", REASON_PORTAL_REFUSED },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strcmp(rows[i].state, state) == 0)
                        return err_input(err, rows[i].reason, "application %s is %s", application, state);
        return err_input(err, REASON_WRONG_STATE, "application %s is %s", application, state);
}

int card_check_application(struct core *c, const char *application, struct error *err)
{
        struct ledger *l = &c->ledger;
        char state[32] = "";

        (void)ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state);
        if (strcmp(state, "bound") == 0)
                return 0;
        if (application_is_withdrawn(l, application))
                return err_input(err, REASON_WITHDRAWN, "the portal has withdrawn application %s", application);
        return refuse_state(application, state, err);
}

/* Why an application in the chain, or refused, cannot be printed. */
static int refuse_chain(struct ledger *l, const char *application, const char *state, struct error *err)
{
        char refusal[64] = "", waiting[64] = "";
        enum reason reason = REASON_APPROVAL_MISSING;

        (void)ledger_get_text(l, refusal, sizeof refusal, "SELECT refusal FROM application WHERE id=?1", "s",
                              application);
        (void)ledger_get_text(l, waiting, sizeof waiting, "SELECT waiting_for FROM application WHERE id=?1", "s",
                              application);
        if (refusal[0] && reason_parse(refusal, &reason))
                return err_input(err, reason, "application %s cannot be printed: %s", application, refusal);
        if (strcmp(state, "in_chain") == 0)
                return err_input(err, REASON_APPROVAL_MISSING, "application %s still waits for %s", application,
                                 waiting[0] ? waiting : "its approval");
        return 0;
}

static bool is_printable_state(const char *state)
{
        return strcmp(state, "offered") == 0 || strcmp(state, "released") == 0 || strcmp(state, "claimed") == 0 ||
               strcmp(state, "bound") == 0 || strcmp(state, "authorised") == 0;
}

static int check_application(struct ledger *l, const char *application, struct error *err)
{
        char state[32];

        if (!ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state))
                return err_input(err, REASON_NOT_FOUND, "no application %s", application);
        if (refuse_chain(l, application, state, err) < 0)
                return -1;
        if (!is_printable_state(state))
                return refuse_state(application, state, err);
        if (ledger_get_int(
                    l,
                    "SELECT count(*) FROM intent WHERE application=?1 AND kind IN ('print','write') AND state IN "
                    "('running','unknown')",
                    "s", application) > 0)
                return err_own(err, ERR_UNKNOWN, REASON_UNKNOWN_OPEN, "application %s has an open outcome",
                               application);
        if (ledger_get_int(l,
                           "SELECT count(*) FROM blank WHERE application=?1 AND state IN "
                           "('reserved','printing','printed','accepted','writing','written','verified','issued','post',"
                           "'delivered','returned','missing','found')",
                           "s", application) > 0)
                return err_input(err, REASON_WRONG_STATE, "application %s has a card already", application);
        if (ledger_get_int(l, "SELECT count(*) FROM application WHERE id=?1 AND worksheet_at IS NOT NULL", "s",
                           application) == 0)
                return err_input(err, REASON_WORKSHEET_MISSING, "the worksheet of %s has not been confirmed",
                                 application);
        return 0;
}

/* In the order of arrival, those whose worksheet was confirmed and that have no card and no open outcome. */
static const char next_sql[] =
        "SELECT a.id FROM application a WHERE a.state IN ('offered','released','claimed','bound','authorised') AND "
        "a.refusal IS NULL AND (a.worksheet_at IS NOT NULL)=?1 AND NOT EXISTS(SELECT 1 FROM blank b WHERE "
        "b.application=a.id AND b.state IN ('reserved','printing','printed','accepted','writing','written','verified',"
        "'issued','post','delivered','returned','missing','found')) AND NOT EXISTS(SELECT 1 FROM intent i WHERE "
        "i.application=a.id AND i.kind IN ('print','write') AND i.state IN ('running','unknown')) "
        "ORDER BY a.state<>'authorised', a.arrived_at, a.id LIMIT 1";

int pick_application(struct core *c, const char *line, const char *application, char *ret, struct error *err)
{
        struct ledger *l = &c->ledger;

        (void)line;
        if (application) {
                if (strlen(application) >= APPLICATION_TEXT)
                        return err_input(err, REASON_NOT_FOUND, "no such application");
                memcpy(ret, application, strlen(application) + 1);
                return check_application(l, application, err);
        }
        if (ledger_get_text(l, ret, APPLICATION_TEXT, next_sql, "i", (int64_t)1))
                return check_application(l, ret, err);
        if (ledger_get_text(l, ret, APPLICATION_TEXT, next_sql, "i", (int64_t)0))
                return err_input(err, REASON_WORKSHEET_MISSING, "the worksheet of %s, the next, has not been confirmed",
                                 ret);
        return err_input(err, REASON_NOT_FOUND, "no application can be printed now");
}

static const char next_blank_sql[] =
        "SELECT serial FROM blank WHERE state='hopper' AND line=?1 ORDER BY position LIMIT 1";

int pick_blank_exists(struct core *c, const char *line, struct error *err)
{
        char serial[SERIAL_TEXT];

        if (!ledger_get_text(&c->ledger, serial, sizeof serial, next_blank_sql, "s", line))
                return err_own(err, ERR_OPERATOR, REASON_NO_BLANK, "the hopper of line %s is empty", line);
        return 0;
}

void pick_blank(struct ledger *l, const char *line, char ret[SERIAL_TEXT])
{
        if (!ledger_get_text(l, ret, SERIAL_TEXT, next_blank_sql, "s", line))
                ledger_refuse(l, ERR_OPERATOR, REASON_NO_BLANK, "the hopper of line %s is empty", line);
}

/* The last attempt, when its begin still stands or was granted and no blank ever carried it. */
static bool find_unused(struct core *c, struct attempt *a)
{
        struct db_rows rows;
        char state[32] = "";
        bool found;

        if (!ledger_query(
                    &c->ledger, &rows,
                    "SELECT k.id, k.face_code, k.issue_date, i.id, i.state, k.reissue FROM card k JOIN intent i ON "
                    "i.card=k.id AND i.application=k.application AND i.kind='begin' WHERE k.application=?1 AND "
                    "k.attempt=(SELECT max(attempt) FROM "
                    "card WHERE application=?1) AND i.state IN ('running','unknown','done') AND NOT EXISTS(SELECT 1 "
                    "FROM blank b WHERE b.card=k.id)",
                    "s", a->application))
                return false;
        found = db_next(&rows);
        if (found) {
                (void)snprintf(a->card, sizeof a->card, "%s", db_text(&rows, 0));
                (void)snprintf(a->face_code, sizeof a->face_code, "%s", db_text(&rows, 1));
                (void)snprintf(a->issue_date, sizeof a->issue_date, "%s", db_text(&rows, 2));
                (void)snprintf(a->begin, sizeof a->begin, "%s", db_text(&rows, 3));
                (void)snprintf(state, sizeof state, "%s", db_text(&rows, 4));
                (void)snprintf(a->reissue, sizeof a->reissue, "%s", db_is_null(&rows, 5) ? "" : db_text(&rows, 5));
        }
        db_rows_done(&rows);
        a->bound = found && strcmp(state, "done") == 0;
        return found;
}

static char *load_jws(struct core *c, const char *reissue)
{
        struct db_rows rows;
        char *ret = NULL;

        if (!ledger_query(&c->ledger, &rows, "SELECT jws FROM reissue WHERE id=?1", "s", reissue))
                return NULL;
        if (db_next(&rows)) {
                struct bytes b = db_bytes(&rows, 0);

                ret = strndup((const char *)b.p, b.n);
        }
        db_rows_done(&rows);
        return ret;
}

static void load_unregistered(struct core *c, struct attempt *a)
{
        (void)ledger_get_text(
                &c->ledger, a->unregistered, sizeof a->unregistered,
                "SELECT serial FROM blank WHERE application=?1 AND state='spoiled' AND registered=0 ORDER "
                "BY spoiled_at DESC LIMIT 1",
                "s", a->application);
}

int attempt_prepare(struct core *c, struct attempt *a, const struct who *who, struct error *err)
{
        struct ledger *l = &c->ledger;
        char today[11], state[32] = "";

        (void)who;
        core_today(c, today);
        if (!find_unused(c, a) || (a->bound && a->reissue[0] == '\0' && strcmp(a->issue_date, today) != 0)) {
                a->begin[0] = a->reissue[0] = '\0';
                a->bound = false;
                random_uuid(a->card);
                random_face_code(a->face_code);
                memcpy(a->issue_date, today, sizeof today);
                (void)ledger_state(l, ENTITY_APPLICATION, a->application, state, sizeof state);
                if (strcmp(state, "authorised") == 0)
                        (void)ledger_get_text(
                                l, a->reissue, sizeof a->reissue,
                                "SELECT r.id FROM reissue r WHERE r.application=?1 AND NOT EXISTS(SELECT 1 "
                                "FROM card k WHERE k.reissue=r.id) ORDER BY r.received_at LIMIT 1",
                                "s", a->application);
        }
        if (a->reissue[0] && !(a->authorisation = load_jws(c, a->reissue)))
                return err_own(err, ERR_BUG, REASON_LEDGER, "authorisation %s cannot be read", a->reissue);
        if (!a->reissue[0])
                load_unregistered(c, a);
        return 0;
}

int attempt_of_serial(struct core *c, const char *serial, struct attempt *ret, struct error *err)
{
        struct db_rows rows;

        *ret = (struct attempt){ 0 };
        if (db_query(&c->ledger.db, &rows, err,
                     "SELECT k.id, k.application, k.face_code, k.issue_date, coalesce(k.reissue,'') FROM blank b JOIN "
                     "card k ON "
                     "k.id=b.card WHERE b.serial=?1",
                     "s", serial) < 0)
                return -1;
        if (db_next(&rows)) {
                (void)snprintf(ret->card, sizeof ret->card, "%s", db_text(&rows, 0));
                (void)snprintf(ret->application, sizeof ret->application, "%s", db_text(&rows, 1));
                (void)snprintf(ret->face_code, sizeof ret->face_code, "%s", db_text(&rows, 2));
                (void)snprintf(ret->issue_date, sizeof ret->issue_date, "%s", db_text(&rows, 3));
                (void)snprintf(ret->reissue, sizeof ret->reissue, "%s", db_text(&rows, 4));
        }
        if (db_end(&rows) < 0)
                return -1;
        if (!ret->card[0])
                return err_input(err, REASON_WRONG_STATE, "serial %s carries no card", serial);
        if (ret->reissue[0] && !(ret->authorisation = load_jws(c, ret->reissue)))
                return err_own(err, ERR_BUG, REASON_LEDGER, "authorisation %s cannot be read", ret->reissue);
        if (!ret->reissue[0])
                load_unregistered(c, ret);
        return 0;
}

struct key_subject attempt_subject(const struct attempt *a, const char *approval)
{
        return (struct key_subject){
                .approval = approval,
                .authorisation = a->authorisation,
                .unregistered_serial = a->unregistered[0] ? a->unregistered : NULL,
                .face_code = a->face_code,
                .issue_date = a->issue_date,
        };
}

static bool lease_runs(struct core *c, const char *application)
{
        return ledger_get_int(&c->ledger,
                              "SELECT count(*) FROM application WHERE id=?1 AND state='claimed' AND lease_boot=?2 AND "
                              "lease_until_boot>?3",
                              "ssi", application, clock_boot_id(), clock_boot_ms() + LEASE_MARGIN_MS) > 0;
}

bool attempt_needs_claim(struct core *c, const struct attempt *a)
{
        char state[32] = "";

        (void)ledger_state(&c->ledger, ENTITY_APPLICATION, a->application, state, sizeof state);
        if (a->begin[0] || strcmp(state, "bound") == 0 || strcmp(state, "authorised") == 0)
                return false;
        return !lease_runs(c, a->application);
}

void attempt_claim(struct core *c, const struct attempt *a, char ret_intent[UUID_TEXT])
{
        struct ledger *l = &c->ledger;
        char state[32] = "";

        if (ledger_get_text(l, ret_intent, UUID_TEXT,
                            "SELECT id FROM intent WHERE kind='claim' AND application=?1 AND state IN "
                            "('running','unknown')",
                            "s", a->application))
                return;
        (void)ledger_state(l, ENTITY_APPLICATION, a->application, state, sizeof state);
        if (strcmp(state, "claimed") == 0)
                ledger_move(l, ENTITY_APPLICATION, a->application, "lapse", NULL, NULL);
        if (strcmp(state, "released") == 0)
                ledger_move(l, ENTITY_APPLICATION, a->application, "offer", NULL, NULL);
        call_claim(l, a->application, ret_intent);
}

static void insert_card(struct core *c, const struct attempt *a, const char *line, const char *layout_sha256,
                        const char *qr)
{
        struct ledger *l = &c->ledger;
        char approval[SHA256_TEXT] = "", qr_sha256[SHA256_TEXT];
        int64_t attempt = ledger_get_int(l, "SELECT coalesce(max(attempt),0)+1 FROM card WHERE application=?1", "s",
                                         a->application);

        (void)ledger_get_text(l, approval, sizeof approval, "SELECT approval_sha256 FROM application WHERE id=?1", "s",
                              a->application);
        sha256_hex((struct bytes){ (const uint8_t *)qr, strlen(qr) }, qr_sha256);
        ledger_run(l, "INSERT INTO card VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)",
                   "ssissssssss"
                   "si",
                   a->card, a->application, attempt, line, a->face_code, a->issue_date, approval, layout_sha256,
                   c->profile_sha256, qr_sha256, a->reissue[0] ? a->reissue : NULL, l->who.person, clock_wall_ms());
}

void attempt_begin(struct core *c, struct attempt *a, const char *line, const char *layout_sha256, const char *qr)
{
        insert_card(c, a, line, layout_sha256, qr);
        call_begin(&c->ledger, a->application, a->card, a->face_code, a->issue_date, a->reissue[0] ? a->reissue : NULL,
                   a->begin);
}

void attempt_recheck(struct ledger *l, const struct attempt *a, const uint8_t data_sha256[32], bool bound)
{
        char state[32] = "", data[SHA256_TEXT], now[SHA256_TEXT] = "";
        struct error err;

        (void)ledger_state(l, ENTITY_APPLICATION, a->application, state, sizeof state);
        if (strcmp(state, "bound") != 0 &&
            (bound || (strcmp(state, "claimed") != 0 && strcmp(state, "authorised") != 0))) {
                (void)refuse_state(a->application, state, &err);
                ledger_refuse(l, err.kind, err.reason, "%s", err.text);
        }
        hex_encode_lower((struct bytes){ data_sha256, 32 }, data, sizeof data);
        (void)ledger_get_text(l, now, sizeof now, "SELECT data_sha256 FROM application WHERE id=?1", "s",
                              a->application);
        if (strcmp(data, now) != 0)
                ledger_refuse(l, ERR_RETRY, REASON_STALE, "the record of %s changed meanwhile", a->application);
}

bool attempt_refused(struct core *c, const char *intent, struct error *err)
{
        cleanup(json_p) json_t *json = NULL;
        char state[32] = "", result[4096] = "{}";
        struct error bad;

        (void)ledger_state(&c->ledger, ENTITY_INTENT, intent, state, sizeof state);
        if (strcmp(state, "done") == 0)
                return false;
        (void)ledger_get_text(&c->ledger, result, sizeof result, "SELECT result FROM intent WHERE id=?1", "s", intent);
        json = json_loads(result, 0, NULL);
        if (ipc_decode_error(json, err, &bad) < 0)
                (void)err_own(err, ERR_OPERATOR, REASON_PORTAL_REFUSED, "the portal refused");
        return true;
}
