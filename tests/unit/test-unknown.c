/* The UNKNOWN desk and the cases: every answer to every kind of outcome, what each finding needs of the ledger, and
 * that nobody decides alone. Argument: tests/data. */
#include "daemon/core/custody/spoil.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/desk/unknown.h"
#include "daemon/core/ledger/act.h"
#include "daemon/core/portal/portal_calls.h"
#include "tests/unit/station-rig.h"

#define APP "APP-0001"
#define SERIAL "SC-1405-000101"
#define OTHER "SC-1405-000102"

static struct rig rig;
static const char *data;
static struct error err;
static char intent[UUID_TEXT];

static struct ledger *ledger(void)
{
        return &rig.core.ledger;
}

static void open_rig(const char *state)
{
        rig_init(&rig, data);
        rig_bare(&rig);
        rig_load(&rig, "SC-1405-000105");
        rig_offer(&rig, APP);
        rig_card(&rig, APP, SERIAL, state);
}

static void close_rig(void)
{
        ledger_close(ledger());
        loop_done(&rig.core.loop);
        free((void *)(uintptr_t)rig.core.portal_ca.p);
        rig_done(&rig);
}

/* A print, write or lock of this card whose outcome is unknown. */
static void open_unknown(const char *kind, const char *state, bool probed)
{
        cleanup(json_p) json_t *evidence = json_pack("{s:s,s:s,s:i,s:b,s:I}", "gate", "consumed", "job", "processing",
                                                     "job_id", 7, "cups", true, "probed_at", (json_int_t)1700000000000);
        struct intent_spec spec = { .kind = kind, .application = APP, .serial = SERIAL, .line = "a" };

        open_rig(state);
        ledger_begin(ledger(), &rig_expert);
        intent_new(ledger(), &spec, intent);
        if (probed)
                intent_step(ledger(), intent, "probed", evidence);
        intent_close(ledger(), intent, "lose", NULL);
        CHECK(core_commit(&rig.core, &err));
}

/* A print whose outcome could not be written down holds the line before anybody calls it unknown. */
static void test_unrecorded_print(void)
{
        struct intent_spec spec = { .kind = "print", .application = APP, .serial = SERIAL, .line = "a" };

        open_rig("printing");
        CHECK(line_check(&rig.core.lines[0], &err) == 0);
        ledger_begin(ledger(), &rig_expert);
        intent_new(ledger(), &spec, intent);
        CHECK(core_commit(&rig.core, &err));
        CHECK(line_check(&rig.core.lines[0], &err) < 0 && err.reason == REASON_UNKNOWN_OPEN);
        close_rig();
}

static int decide(const struct who *who, const char *answer, const char *serial, bool *second)
{
        *second = false;
        return unknown_decide(&rig.core, who, intent, answer, serial, second, &err);
}

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

/* reason NONE: taken; two: by two people, and a case of this kind is open then. */
struct row {
        const char *kind, *state;
        bool probed;
        const char *answer, *serial;
        enum reason reason;
        bool two;
        const char *blank, *intent_state, *opens;
};

static const struct row rows[] = {
        { "print", "printing", true, "came_out", SERIAL, REASON_NONE, false, "printed", "done", NULL },
        { "print", "printing", false, "came_out", SERIAL, REASON_NONE, false, "printed", "done", NULL },
        { "print", "printing", true, "came_out", OTHER, REASON_NONE, false, "printed", "done", NULL }, /* double feed */
        { "print", "printing", true, "came_out", NULL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "print", "printing", true, "came_out", "SC-1405-000999", REASON_SERIAL_MISMATCH, false, NULL, NULL, NULL },
        { "print", "printing", true, "none_came_out", SERIAL, REASON_NONE, true, "hopper", "failed", "none_came_out" },
        { "print", "printing", true, "none_came_out", NULL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "print", "printing", true, "none_came_out", OTHER, REASON_SERIAL_MISMATCH, false, NULL, NULL, NULL },
        { "print", "printing", false, "none_came_out", SERIAL, REASON_UNKNOWN_OPEN, false, NULL, NULL, NULL },
        { "print", "printing", true, "lost", NULL, REASON_NONE, true, "missing", "failed", "missing" },
        { "print", "printing", true, "lost", SERIAL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "print", "printing", false, "lost", NULL, REASON_UNKNOWN_OPEN, false, NULL, NULL, NULL },
        { "print", "printing", true, "insert", NULL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "print", "printing", true, "no_card", NULL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "write", "writing", false, "lost", NULL, REASON_NONE, true, "missing", "failed", "missing" },
        { "write", "written", false, "lost", NULL, REASON_NONE, true, "missing", "failed", "missing" },
        { "write", "writing", false, "lost", SERIAL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "write", "writing", false, "insert", NULL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "write", "writing", false, "came_out", SERIAL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "write", "writing", false, "none_came_out", SERIAL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "lock", "verified", false, "lost", NULL, REASON_NONE, true, "missing", "failed", "missing" },
        { "lock", "issued", false, "lost", NULL, REASON_NONE, true, "missing", "failed", "missing" },
        { "lock", "verified", false, "came_out", SERIAL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
        { "lock", "verified", false, "insert", NULL, REASON_BAD_REQUEST, false, NULL, NULL, NULL },
};

static int64_t open_cases(const char *kind)
{
        return ledger_get_int(ledger(), "SELECT count(*) FROM dispute WHERE kind=?1 AND closed_at IS NULL", "s", kind);
}

/* The decision's row: who, what, on which evidence; its birth stands before what it did. */
static void check_decision(const struct row *r)
{
        char text[2048] = "", seen[4096] = "", digest[AUDIT_HASH_TEXT];
        cleanup(json_p) json_t *result = NULL;

        rig_text(&rig, "SELECT result FROM intent WHERE kind='decide' AND state='done'", text, sizeof text);
        result = json_loads(text, 0, NULL);
        CHECK(result && strcmp(json_string_value(json_object_get(result, "of")), intent) == 0);
        CHECK(strcmp(json_string_value(json_object_get(result, "answer")), r->answer) == 0);
        CHECK(strcmp(json_string_value(json_object_get(result, "first")), "expert-1") == 0);
        CHECK(!r->two == !json_object_get(result, "second"));
        CHECK(!r->serial == !json_object_get(result, "scanned"));
        (void)ledger_get_text(ledger(), seen, sizeof seen, "SELECT evidence FROM intent WHERE id=?1", "s", intent);
        sha256_hex((struct bytes){ (const uint8_t *)seen, strlen(seen) }, digest);
        CHECK(strcmp(json_string_value(json_object_get(result, "evidence_sha256")), digest) == 0);
        CHECK(rig_count(&rig, "SELECT (SELECT seq FROM audit WHERE event='decide')<(SELECT max(seq) FROM audit WHERE "
                              "entity='blank' AND subject='" SERIAL "')") == 1);
        CHECK(rig_count(&rig, "SELECT count(*) FROM audit WHERE event='decide' AND instr(body,'evidence_sha256')>0") ==
              1);
}

static void two_people(const struct row *r)
{
        bool second;

        CHECK(decide(&rig_expert, r->answer, r->serial, &second) == 0 && second);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, r->state) && rig_is(&rig, ENTITY_INTENT, intent, "unknown"));
        CHECK(decide(&rig_expert, r->answer, r->serial, &second) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(decide(&rig_colleague, r->answer, r->serial, &second) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, r->state) && open_cases(r->opens) == 0);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='decide'") == 0);
        CHECK(decide(&rig_security, r->answer, r->serial, &second) == 0 && !second);
        CHECK(open_cases(r->opens) == 1 && case_holds_card(ledger(), SERIAL));
}

static void test_answers(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct row *r = &rows[i];
                bool second;

                open_unknown(r->kind, r->state, r->probed);
                if (r->two) {
                        two_people(r);
                } else if (r->reason != REASON_NONE) {
                        CHECK(decide(&rig_expert, r->answer, r->serial, &second) < 0 && err.reason == r->reason);
                        CHECK(rig_is(&rig, ENTITY_INTENT, intent, "unknown"));
                        CHECK(rig_count(&rig, "SELECT count(*) FROM act") == 0);
                } else {
                        CHECK(decide(&rig_expert, r->answer, r->serial, &second) == 0 && !second);
                }
                if (r->reason == REASON_NONE) {
                        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, r->blank));
                        CHECK(rig_is(&rig, ENTITY_INTENT, intent, r->intent_state));
                        check_decision(r);
                        CHECK(decide(&rig_expert, r->answer, r->serial, &second) < 0 && err.reason == REASON_NOT_FOUND);
                }
                CHECK((line_check(&rig.core.lines[0], &err) < 0 && err.reason == REASON_SERIAL_MISMATCH) ==
                      (r->reason == REASON_NONE && r->serial && strcmp(r->serial, OTHER) == 0));
                close_rig();
        }
}

/* A card that is nowhere can be inserted for nothing any more: all that is open about it ends. */
static void test_lost_with_two_open(void)
{
        struct intent_spec spec = { .kind = "lock", .application = APP, .serial = SERIAL, .line = "a" };
        char lock[UUID_TEXT];
        bool second;

        open_unknown("write", "written", false);
        ledger_begin(ledger(), &rig_expert);
        intent_new(ledger(), &spec, lock);
        intent_close(ledger(), lock, "lose", NULL);
        CHECK(core_commit(&rig.core, &err));
        CHECK(decide(&rig_expert, "lost", NULL, &second) == 0 && decide(&rig_security, "lost", NULL, &second) == 0);
        CHECK(rig_is(&rig, ENTITY_INTENT, intent, "failed") && rig_is(&rig, ENTITY_INTENT, lock, "failed"));
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "missing") && open_cases("missing") == 1);
        close_rig();
}

/* ---- what the desk shows ------------------------------------------------------------------------------------------
 */

static const char *text_at(const json_t *json, const char *key)
{
        const char *text = json_string_value(json_object_get(json, key));

        return text ? text : "";
}

/* A lock that was to complete a signed void is finished by the void, not by a spoil. */
static void test_lock_of_a_void(void)
{
        json_t *body = json_pack("{s:s,s:s}", "serial", SERIAL, "minutes", "1405/12"), *list, *questions;
        const struct who *signers[] = { &rig_expert, &rig_security };

        open_unknown("lock", "issued", false);
        list = unknown_list(&rig.core);
        questions = json_object_get(json_array_get(list, 0), "questions");
        CHECK(strncmp(text_at(json_array_get(questions, 0), "command"), "mohr spoil ", 11) == 0);
        json_decref(list);
        for (size_t i = 0; i < ARRAY_SIZE(signers); i++) {
                ledger_begin(ledger(), signers[i]);
                CHECK(act_turn(ledger(), "void", body) == (i ? ACT_SECOND : ACT_FIRST));
                CHECK(core_commit(&rig.core, &err));
        }
        list = unknown_list(&rig.core);
        questions = json_object_get(json_array_get(list, 0), "questions");
        for (size_t i = 0; i < 2; i++)
                CHECK(strstr(text_at(json_array_get(questions, i), "command"),
                             "mohr void " SERIAL " --minutes 1405/12"));
        json_decref(list);
        json_decref(body);
        close_rig();
}

static void check_questions(const json_t *item, const char *const *answers)
{
        const json_t *list = json_object_get(item, "questions"), *q;
        size_t i;

        json_array_foreach(list, i, q)
        {
                CHECK(answers[i] && strcmp(text_at(q, "answer"), answers[i]) == 0);
                CHECK(strstr(text_at(q, "text"), SERIAL) && strstr(text_at(q, "command"), "mohr "));
                if (strcmp(answers[i], "lost") == 0)
                        CHECK(!strstr(text_at(q, "command"), "--serial") && strstr(text_at(q, "people"), "two"));
        }
        CHECK(!answers[json_array_size(list)]);
}

static void test_view(void)
{
        static const char *const print[] = { "came_out", "none_came_out", "lost", NULL };
        static const char *const chip[] = { "insert", "no_chip", "lost", NULL };
        cleanup(json_p) json_t *list = NULL, *chips = NULL;
        const json_t *item, *e;
        bool second;

        open_unknown("print", "printing", true);
        CHECK(decide(&rig_expert, "lost", NULL, &second) == 0 && second);
        list = unknown_list(&rig.core);
        item = json_array_get(list, 0);
        e = json_object_get(item, "evidence");
        CHECK(json_array_size(list) == 1 && strcmp(text_at(item, "intent"), intent) == 0);
        CHECK(strcmp(text_at(e, "gate"), "consumed") == 0 &&
              json_integer_value(json_object_get(e, "probed_at")) == 1700000000000);
        CHECK(json_integer_value(json_object_get(json_object_get(e, "job"), "id")) == 7);
        CHECK(json_is_null(json_object_get(json_object_get(e, "job"), "impressions"))); /* nobody gave it */
        CHECK(json_is_null(json_object_get(json_object_get(e, "printer"), "counter_before")));
        CHECK(json_is_array(json_object_get(e, "portal")));
        check_questions(item, print);
        item = json_array_get(json_object_get(item, "asked"), 0);
        CHECK(strcmp(text_at(item, "answer"), "lost") == 0 && strcmp(text_at(item, "by"), "expert-1") == 0);
        close_rig();

        open_unknown("write", "written", false);
        chips = unknown_list(&rig.core);
        item = json_array_get(chips, 0);
        e = json_object_get(item, "evidence");
        CHECK(strlen(text_at(json_object_get(e, "bound"), "chip_id")) == 20 &&
              json_is_null(json_object_get(e, "read")) && json_is_null(json_object_get(e, "probed_at")));
        check_questions(item, chip);
        close_rig();
}

/* ---- cases --------------------------------------------------------------------------------------------------------
 */

static int64_t open_one(const char *kind, const char *serial, const char *of)
{
        ledger_begin(ledger(), &who_station);
        case_open(ledger(), kind, APP, serial, of, "a case of the test");
        CHECK(core_commit(&rig.core, &err));
        return rig_count(&rig, "SELECT max(id) FROM dispute");
}

static int close_case(const struct who *who, int64_t id, const char *finding, const char *text, bool *second)
{
        *second = false;
        return case_close(&rig.core, who, id, finding, text, second, &err);
}

static void not_borne_out(int64_t id, const char *finding)
{
        bool second;

        CHECK(close_case(&rig_expert, id, finding, "", &second) < 0 && err.reason == REASON_WRONG_STATE);
}

static void closes(int64_t id, const char *finding, const char *text)
{
        int64_t acts = rig_count(&rig, "SELECT count(*) FROM act");
        bool second;

        CHECK(close_case(&rig_expert, id, finding, text, &second) == 0 && second);
        CHECK(close_case(&rig_expert, id, finding, text, &second) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(close_case(&rig_colleague, id, finding, text, &second) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(ledger_get_int(ledger(), "SELECT count(*) FROM dispute WHERE id=?1 AND closed_at IS NULL", "i", id) == 1);
        CHECK(close_case(&rig_security, id, finding, text, &second) == 0 && !second);
        CHECK(ledger_get_int(ledger(), "SELECT count(*) FROM dispute WHERE id=?1 AND closed_by='guard-1'", "i", id) ==
              1);
        CHECK(close_case(&rig_security, id, finding, text, &second) < 0 && err.reason == REASON_NOT_FOUND);
        CHECK(rig_count(&rig, "SELECT count(*) FROM act") == acts + 1);
        CHECK(ledger_get_int(ledger(),
                             "SELECT count(*) FROM intent WHERE kind='decide' AND state='done' AND "
                             "json_extract(result,'$.case')=?1 AND json_extract(result,'$.second')='guard-1'",
                             "i", id) == 1);
}

static void move(const char *event)
{
        ledger_begin(ledger(), &rig_expert);
        ledger_move(ledger(), ENTITY_BLANK, SERIAL, event, NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
}

static void spoil(void)
{
        struct spoil_ask ask = { .serial = SERIAL, .cause = "card_surface", .text = "", .who = rig_expert };

        CHECK(spoil_record(&rig.core, &ask, "unwritten", NULL, &err) == 0);
}

static void test_missing(void)
{
        bool second;
        int64_t id;

        open_rig("accepted");
        move("miss");
        id = open_one("missing", SERIAL, NULL);
        CHECK(close_case(&rig_expert, id + 1, "voided", "", &second) < 0 && err.reason == REASON_NOT_FOUND);
        CHECK(close_case(&rig_expert, id, "blank_counted", "", &second) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(close_case(&rig_expert, id, "voided", "a\x07", &second) < 0 && err.reason == REASON_BAD_TEXT);
        not_borne_out(id, "found_spoiled");
        not_borne_out(id, "voided");
        move("find");
        not_borne_out(id, "found_spoiled"); /* found is not yet put away */
        CHECK(case_holds_card(ledger(), SERIAL));
        spoil();
        not_borne_out(id, "voided");
        closes(id, "found_spoiled", "");
        CHECK(!case_holds_card(ledger(), SERIAL));
        close_rig();
}

static void free_blank(void)
{
        ledger_begin(ledger(), &rig_expert);
        ledger_move(ledger(), ENTITY_BLANK, SERIAL, "not_started", NULL, NULL);
        ledger_move_set(ledger(), ENTITY_BLANK, SERIAL, "free", NULL, NULL,
                        "UPDATE blank SET state=?2, card=NULL, application=NULL WHERE serial=?1", "");
        CHECK(core_commit(&rig.core, &err));
}

static void test_none_came_out(void)
{
        int64_t id;

        open_rig("printing");
        id = open_one("none_came_out", SERIAL, NULL);
        not_borne_out(id, "blank_counted");
        not_borne_out(id, "blank_used");
        not_borne_out(id, "blank_missing");
        free_blank();
        not_borne_out(id, "blank_used");
        closes(id, "blank_counted", "");
        close_rig();

        open_rig("printed"); /* printed later: an expectation only, until it is scanned */
        id = open_one("none_came_out", SERIAL, NULL);
        not_borne_out(id, "blank_used");
        move("accept");
        closes(id, "blank_used", "");
        close_rig();

        open_rig("printed");
        id = open_one("none_came_out", SERIAL, NULL);
        move("miss");
        not_borne_out(id, "blank_missing"); /* its own case must go on */
        (void)open_one("missing", SERIAL, NULL);
        closes(id, "blank_missing", "");
        close_rig();
}

static void dispute(void)
{
        ledger_begin(ledger(), &who_station);
        ledger_move(ledger(), ENTITY_APPLICATION, APP, "dispute", NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
}

static void test_withdrawn(void)
{
        int64_t id;

        open_rig("accepted");
        dispute();
        id = open_one("withdrawn", SERIAL, NULL);
        not_borne_out(id, "card_spoiled");
        not_borne_out(id, "no_card");
        spoil();
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "withdrawn")); /* the spoil moves it; the case waits for two */
        CHECK(case_holds_card(ledger(), SERIAL));
        closes(id, "card_spoiled", "");
        close_rig();

        open_rig("printing");
        dispute();
        id = open_one("withdrawn", SERIAL, NULL);
        free_blank();
        not_borne_out(id, "card_spoiled");
        closes(id, "no_card", "");
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "withdrawn"));
        close_rig();
}

/* A report that the portal refused; shown: the portal's own ledger has it. */
static int64_t open_report(bool shown)
{
        cleanup(json_p) json_t *evidence = json_pack("{s:{s:i,s:i}}", "portal", "portal_seq", 12, "at", 1);
        struct intent_spec spec = { .kind = "report",
                                    .application = APP,
                                    .serial = SERIAL,
                                    .method = "PUT",
                                    .path = "/x",
                                    .payload = BYTES_STR("{}") };

        open_rig("issued");
        ledger_begin(ledger(), &rig_expert);
        intent_new(ledger(), &spec, intent);
        if (shown)
                intent_evidence(ledger(), intent, "portal_shows", evidence);
        intent_close(ledger(), intent, "refuse", NULL);
        CHECK(core_commit(&rig.core, &err));
        dispute();
        return open_one("report", SERIAL, intent);
}

static void test_report(void)
{
        int64_t id = open_report(false), other;

        not_borne_out(id, "settle_issued"); /* nobody's word but the portal's own ledger */
        not_borne_out(id, "settle_bound");
        not_borne_out(id, "card_spoiled");
        spoil();
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "awaiting_reissue"));
        not_borne_out(id, "settle_bound"); /* headquarters' word is needed here */
        closes(id, "card_spoiled", "");
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "awaiting_reissue"));
        close_rig();

        id = open_report(true);
        other = open_one("withdrawn", SERIAL, NULL);
        not_borne_out(id, "settle_issued"); /* another case of the same applicant is open */
        spoil();
        closes(other, "card_spoiled", "");
        closes(id, "card_spoiled", "");
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "withdrawn"));
        close_rig();

        id = open_report(true);
        closes(id, "settle_issued", "");
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "issued"));
        CHECK(rig_count(&rig, "SELECT registered FROM blank WHERE serial='" SERIAL "'") == 1);
        close_rig();
}

/* Note 3 to the letter: an unregistered card needs no word of headquarters. */
static void test_report_unregistered(void)
{
        int64_t id = open_report(false);

        rig.core.config.station.reissue_authorisation = REISSUE_REGISTERED;
        spoil();
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "disputed"));
        closes(id, "settle_bound", "");
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "bound"));
        close_rig();

        id = open_report(true); /* registered at the portal after all */
        rig.core.config.station.reissue_authorisation = REISSUE_REGISTERED;
        spoil();
        not_borne_out(id, "settle_bound");
        closes(id, "card_spoiled", "");
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "awaiting_reissue"));
        close_rig();
}

static void test_other_kinds(void)
{
        bool second;
        int64_t id;

        open_rig("accepted");
        id = open_one("begin", NULL, NULL);
        CHECK(case_holds_card(ledger(), SERIAL)); /* any card of the applicant */
        CHECK(close_case(&rig_expert, id, "agreed", "", &second) < 0 && err.reason == REASON_BAD_REQUEST);
        closes(id, "agreed", "told headquarters by telephone");
        id = open_one("spoil", SERIAL, NULL);
        CHECK(close_case(&rig_expert, id, "headquarters_told", "x", &second) < 0 && err.reason == REASON_WRONG_STATE);
        spoil();
        closes(id, "headquarters_told", "by letter");
        id = open_one("anchor", NULL, NULL);
        not_borne_out(id, "head_agreed");
        close_rig();
}

static void test_list(void)
{
        cleanup(json_p) json_t *open = NULL, *all = NULL;
        const json_t *row, *finding;
        bool second;
        int64_t id;

        open_rig("accepted");
        id = open_one("begin", NULL, NULL);
        CHECK(close_case(&rig_expert, id, "agreed", "ok", &second) == 0);
        open = cases_list(&rig.core, false);
        row = json_array_get(open, 0);
        finding = json_array_get(json_object_get(row, "findings"), 0);
        CHECK(json_array_size(open) == 1 && json_is_true(json_object_get(finding, "possible")));
        CHECK(strstr(text_at(finding, "command"), "mohr case close 1 agreed --text"));
        CHECK(strcmp(text_at(json_array_get(json_object_get(row, "asked"), 0), "by"), "expert-1") == 0);
        CHECK(close_case(&rig_security, id, "agreed", "ok", &second) == 0);
        json_decref(open);
        open = cases_list(&rig.core, false);
        CHECK(json_array_size(open) == 0);
        all = cases_list(&rig.core, true);
        row = json_array_get(all, 0);
        CHECK(strcmp(text_at(row, "finding"), "agreed") == 0 && strcmp(text_at(row, "finding_text"), "ok") == 0);
        CHECK(strcmp(text_at(row, "first"), "expert-1") == 0 && strcmp(text_at(row, "second"), "guard-1") == 0);
        close_rig();
}

int main(int argc, char **argv)
{
        CHECK(argc == 2);
        data = argv[1];
        test_answers();
        test_lost_with_two_open();
        test_lock_of_a_void();
        test_unrecorded_print();
        test_view();
        test_missing();
        test_none_came_out();
        test_withdrawn();
        test_report();
        test_report_unregistered();
        test_other_kinds();
        test_list();
        return 0;
}
