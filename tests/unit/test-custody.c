/* Custody: each act in each state of a blank, by each of the people, with all that is refused; what the portal is told;
 * and every ledger healthy afterwards. Argument: tests/data. */
#include "daemon/core/card/inspect.h"
#include "daemon/core/custody/custody.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/fsck/fsck.h"
#include "tests/unit/fsck-ledger.h"
#include "tests/unit/station-rig.h"
#include <string.h>
#include <unistd.h>

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct rig rig;
static const char *data;
static struct error err;
static const struct who director = { "director-1", "director", "directorate" };

/* A core on the ledger with a card in every state; its line is A. */
static void open_core(void)
{
        char path[96];

        rig_init(&rig, data);
        rig_bare(&rig);
        ledger_close(&rig.core.ledger);
        (void)snprintf(path, sizeof path, "%s/every.db", rig.dir);
        every_state_ledger(path);
        CHECK(ledger_open(&rig.core.ledger, path, "qom-1", &err) == 0);
        (void)snprintf(rig.core.config.lines[0].name, sizeof rig.core.config.lines[0].name, "A");
        ledger_begin(&rig.core.ledger, &who_station);
        ledger_run(&rig.core.ledger, "UPDATE application SET fence=7", "");
        CHECK(core_commit(&rig.core, &err));
}

static void tell(void *context, const struct fsck_fault *fault)
{
        (void)context;
        fprintf(stderr, "  %s: %s: %s\n", fault->rule->name, fault->subject, fault->detail);
}

static void close_core(void)
{
        char path[96], journal[112];
        int64_t faults = -1;

        (void)snprintf(path, sizeof path, "%s/every.db", rig.dir);
        (void)snprintf(journal, sizeof journal, "%s-journal", path);
        ledger_close(&rig.core.ledger);
        CHECK(fsck_file(path, false, tell, NULL, &faults, &err) == 0 && faults == 0);
        CHECK(unlink(path) == 0 && unlink(journal) == 0);
        loop_done(&rig.core.loop);
        free((void *)(uintptr_t)rig.core.portal_ca.p);
        rig_done(&rig);
}

/* The first serial in this state. */
static void serial_in(const char *state, char ret[SERIAL_TEXT])
{
        CHECK(ledger_get_text(&rig.core.ledger, ret, SERIAL_TEXT, "SELECT serial FROM blank WHERE state=?1 ORDER BY 1",
                              "s", state));
}

static bool is(const char *serial, const char *state)
{
        return rig_is(&rig, ENTITY_BLANK, serial, state);
}

static int64_t cases_of(const char *kind, const char *serial)
{
        return ledger_get_int(&rig.core.ledger,
                              "SELECT count(*) FROM dispute WHERE kind=?1 AND serial IS ?2 AND closed_at IS NULL", "ss",
                              kind, serial);
}

struct row {
        const char *state;
        enum reason reason; /* NONE: it is done, and the state is `to` */
        const char *to;
};

static void told(const char *what, const struct row *row)
{
        if (err.reason != row->reason)
                fprintf(stderr, "%s when %s: %s: %s\n", what, row->state, reason_word(err.reason), err.text);
        CHECK(err.reason == row->reason);
}

/* ---- missing --------------------------------------------------------------------------------------------------------
 */

static const struct row missing_rows[] = {
        { "vault", REASON_WRONG_STATE, NULL },    { "transit", REASON_WRONG_STATE, NULL },
        { "room", REASON_NONE, "missing" },       { "hopper", REASON_NONE, "missing" },
        { "reserved", REASON_WRONG_STATE, NULL }, { "printing", REASON_UNKNOWN_OPEN, NULL },
        { "printed", REASON_NONE, "missing" },    { "accepted", REASON_NONE, "missing" },
        { "writing", REASON_UNKNOWN_OPEN, NULL }, { "written", REASON_UNKNOWN_OPEN, NULL },
        { "verified", REASON_NONE, "missing" },   { "issued", REASON_NONE, "missing" },
        { "post", REASON_NONE, "missing" },       { "delivered", REASON_WRONG_STATE, NULL },
        { "returned", REASON_NONE, "missing" },   { "spoiled", REASON_WRONG_STATE, NULL },
        { "void", REASON_WRONG_STATE, NULL },     { "dispatched", REASON_WRONG_STATE, NULL },
        { "at_hq", REASON_WRONG_STATE, NULL },    { "missing", REASON_WRONG_STATE, NULL },
        { "found", REASON_WRONG_STATE, NULL },
};

static int missing(const struct who *who, const char *serial, bool *second)
{
        return custody_missing(&rig.core, who, serial, second, &err);
}

static void test_missing(void)
{
        bool second = false;

        open_core();
        for (size_t i = 0; i < ARRAY_SIZE(missing_rows); i++) {
                const struct row *row = &missing_rows[i];
                char serial[SERIAL_TEXT];

                serial_in(row->state, serial);
                err.reason = REASON_NONE;
                if (missing(&rig_expert, serial, &second) < 0) {
                        told("missing", row);
                        CHECK(is(serial, row->state));
                        continue;
                }
                CHECK(row->to && second && is(serial, row->state));
                CHECK(missing(&rig_expert, serial, &second) < 0 && err.reason == REASON_SAME_PERSON);
                CHECK(missing(&rig_colleague, serial, &second) < 0 && err.reason == REASON_SAME_PERSON);
                CHECK(is(serial, row->state) && cases_of("missing", serial) == 0);
                CHECK(missing(&rig_security, serial, &second) == 0 && !second && is(serial, row->to));
                CHECK(cases_of("missing", serial) == 1);
        }
        CHECK(missing(&rig_expert, "SC-999999", &second) < 0 && err.reason == REASON_SERIAL_NOT_HERE);
        close_core();
}

/* A print or write that runs is waited for. */
static void test_missing_in_work(void)
{
        char serial[SERIAL_TEXT], intent[UUID_TEXT];
        struct intent_spec spec = { .kind = "lock", .serial = serial, .line = "A" };
        bool second;

        open_core();
        serial_in("issued", serial);
        ledger_begin(&rig.core.ledger, &rig_expert);
        intent_new(&rig.core.ledger, &spec, intent);
        CHECK(core_commit(&rig.core, &err));
        CHECK(missing(&rig_expert, serial, &second) < 0 && err.reason == REASON_LINE_BUSY);
        ledger_begin(&rig.core.ledger, &rig_expert);
        intent_close(&rig.core.ledger, intent, "fail", NULL);
        CHECK(core_commit(&rig.core, &err) && missing(&rig_expert, serial, &second) == 0);
        close_core();
}

/* ---- found ----------------------------------------------------------------------------------------------------------
 */

static const struct row found_rows[] = {
        { "vault", REASON_NONE, "stray" },          { "transit", REASON_NONE, "stray" },
        { "room", REASON_WRONG_STATE, NULL },       { "reserved", REASON_WRONG_STATE, NULL },
        { "printing", REASON_UNKNOWN_PRINT, NULL }, { "printed", REASON_WRONG_STATE, NULL },
        { "accepted", REASON_WRONG_STATE, NULL },   { "writing", REASON_UNKNOWN_WRITE, NULL },
        { "written", REASON_UNKNOWN_WRITE, NULL },  { "verified", REASON_WRONG_STATE, NULL },
        { "issued", REASON_NONE, "stray" },         { "post", REASON_NONE, "stray" },
        { "delivered", REASON_NONE, "stray" },      { "returned", REASON_NONE, "stray" },
        { "spoiled", REASON_NONE, "stray" },        { "void", REASON_NONE, "stray" },
        { "dispatched", REASON_NONE, "stray" },     { "at_hq", REASON_NONE, "stray" },
        { "found", REASON_WRONG_STATE, NULL },      { "hopper", REASON_SERIAL_MISMATCH, NULL },
};

static int found(const struct who *who, const char *scanned, const char *face, enum found *ret, int64_t *ret_case)
{
        struct found_ask ask = { scanned, face, "" };

        return custody_found(&rig.core, who, &ask, ret, ret_case, &err);
}

static bool line_holds(const char *serial)
{
        return ledger_get_int(&rig.core.ledger,
                              "SELECT count(*) FROM line WHERE name='A' AND held='serial_mismatch' AND held_serial=?1",
                              "s", serial) == 1;
}

static void test_found_anywhere(void)
{
        enum found f;
        int64_t id = 0, again = 0;

        open_core();
        for (size_t i = 0; i < ARRAY_SIZE(found_rows); i++) {
                const struct row *row = &found_rows[i];
                char serial[SERIAL_TEXT];
                int64_t before;

                serial_in(row->state, serial);
                before = cases_of("stray", serial);
                err.reason = REASON_NONE;
                if (found(&rig_expert, serial, "", &f, &id) < 0) {
                        told("found", row);
                        CHECK(cases_of("stray", serial) == before && is(serial, row->state));
                        CHECK(line_holds(serial) == (strcmp(row->state, "hopper") == 0));
                        continue;
                }
                CHECK(row->to && f == FOUND_STRAY && id > 0 && is(serial, row->state));
                CHECK(found(&rig_security, serial, "", &f, &again) == 0 && again == id); /* no second case */
                CHECK(cases_of("stray", serial) == (before > 0 ? before : 1));
        }
        close_core();
}

static void test_found_missing(void)
{
        enum found f = FOUND_STRAY;
        char serial[SERIAL_TEXT];
        int64_t id;

        open_core();
        serial_in("missing", serial);
        CHECK(found(&rig_expert, serial, "", &f, &id) == 0 && f == FOUND_SECOND_NEEDED && is(serial, "missing"));
        CHECK(found(&rig_colleague, serial, "", &f, &id) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(found(&rig_security, serial, "", &f, &id) == 0 && f == FOUND_AGAIN && is(serial, "found"));
        CHECK(rig_count(&rig, "SELECT count(*) FROM transition WHERE entity='blank' AND from_state='found' AND "
                              "to_state<>'spoiled'") == 0); /* from there only to be spoiled */
        close_core();
}

/* What is no serial of ours: kept as it was scanned, with the face and the chip. */
static void test_found_strangers(void)
{
        static const char *const scans[] = { "SC-000777", "SC-00000", "x", "SC-۰۰۰۰۰۱", "A CARD OF ANOTHER PROVINCE" };
        char serial[SERIAL_TEXT];
        struct found_ask ask;
        enum found f;
        int64_t id = 0, other = 0;

        open_core();
        for (size_t i = 0; i < ARRAY_SIZE(scans); i++)
                CHECK(found(&rig_expert, scans[i], "", &f, &id) == 0 && f == FOUND_STRAY && id > 0);
        CHECK(cases_of("stray", NULL) == (int64_t)ARRAY_SIZE(scans));
        ask = (struct found_ask){ "SC-000777", "ABCDEFGHJK", "0102030405060708090a" };
        CHECK(custody_found(&rig.core, &rig_expert, &ask, &f, &other, &err) == 0 && other > id); /* another finding */
        CHECK(rig_count(&rig, "SELECT count(*) FROM dispute WHERE scanned='SC-000777' AND face_code='ABCDEFGHJK' AND "
                              "chip_id='0102030405060708090a' AND serial IS NULL AND application IS NULL") == 1);
        ask.chip_id = "0102030405060708090A";
        CHECK(custody_found(&rig.core, &rig_expert, &ask, &f, &id, &err) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(found(&rig_expert, "a\x07", "", &f, &id) < 0 && err.reason == REASON_BAD_TEXT);
        CHECK(found(&rig_expert, "", "", &f, &id) < 0 && err.reason == REASON_BAD_TEXT);
        serial_in("missing", serial); /* its serial, another's face: no silent find */
        CHECK(found(&rig_expert, serial, "ABCDEFGHJK", &f, &id) == 0 && f == FOUND_STRAY && is(serial, "missing"));
        close_core();
}

static void face_of(const char *serial, char ret[FACE_CODE_TEXT])
{
        CHECK(ledger_get_text(&rig.core.ledger, ret, FACE_CODE_TEXT,
                              "SELECT face_code FROM card k JOIN blank b ON b.card=k.id WHERE b.serial=?1", "s",
                              serial));
}

/* A blank of the stock with a face on it: fed along with another, or loaded unseen. */
static void test_found_printed_on(void)
{
        static const char *const states[] = { "room", "hopper", "printed" };
        char face[FACE_CODE_TEXT], serial[SERIAL_TEXT];
        enum found f;
        int64_t id;

        for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
                open_core();
                face_of("SC-000014", face); /* of another card of the line */
                serial_in(states[i], serial);
                CHECK(found(&rig_expert, serial, face, &f, &id) < 0 && err.reason == REASON_SERIAL_MISMATCH);
                CHECK(line_holds(serial) && is(serial, states[i]));
                CHECK(found(&rig_expert, serial, "0123456789", &f, &id) == 0 && f == FOUND_STRAY); /* nobody's face */
                close_core();
        }
        open_core();
        face_of("SC-000013", face); /* its own: nothing is amiss */
        CHECK(found(&rig_expert, "SC-000013", face, &f, &id) < 0 && err.reason == REASON_WRONG_STATE);
        CHECK(found(&rig_expert, "SC-000014", face, &f, &id) == 0 && f == FOUND_STRAY); /* accepted: sorted no more */
        close_core();
}

/* ---- void -----------------------------------------------------------------------------------------------------------
 */

static struct spoil_ask void_ask(const struct who *who, const char *serial)
{
        return (struct spoil_ask){ .serial = serial,
                                   .text = "",
                                   .minutes = "M-1405/7",
                                   .minutes_sha256 = DIGEST,
                                   .no_chip = true,
                                   .who = *who };
}

static int void_as(const struct who *who, const char *serial, enum voided *ret)
{
        struct spoil_ask ask = void_ask(who, serial);
        const char *fate = "";

        return custody_void(&rig.core, NULL, &ask, ret, &fate, &err);
}

static void test_void(void)
{
        static const struct row rows[] = {
                { "vault", REASON_WRONG_STATE, NULL },      { "transit", REASON_WRONG_STATE, NULL },
                { "room", REASON_WRONG_STATE, NULL },       { "hopper", REASON_WRONG_STATE, NULL },
                { "reserved", REASON_WRONG_STATE, NULL },   { "printing", REASON_WRONG_STATE, NULL },
                { "printed", REASON_WRONG_STATE, NULL },    { "accepted", REASON_WRONG_STATE, NULL },
                { "writing", REASON_WRONG_STATE, NULL },    { "written", REASON_WRONG_STATE, NULL },
                { "verified", REASON_WRONG_STATE, NULL },   { "issued", REASON_NONE, "void" },
                { "post", REASON_WRONG_STATE, NULL },       { "delivered", REASON_NONE, "void" },
                { "returned", REASON_NONE, "void" },        { "spoiled", REASON_WRONG_STATE, NULL },
                { "dispatched", REASON_WRONG_STATE, NULL }, { "at_hq", REASON_WRONG_STATE, NULL },
                { "missing", REASON_NONE, "void" },         { "found", REASON_WRONG_STATE, NULL },
        };
        enum voided v = VOID_DONE;

        open_core();
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char serial[SERIAL_TEXT], application[APPLICATION_TEXT] = "";

                serial_in(rows[i].state, serial);
                err.reason = REASON_NONE;
                if (void_as(&rig_colleague, serial, &v) < 0) {
                        told("void", &rows[i]);
                        continue;
                }
                CHECK(rows[i].to && v == VOID_SECOND_NEEDED && is(serial, rows[i].state));
                CHECK(void_as(&rig_expert, serial, &v) < 0 && err.reason == REASON_SAME_PERSON); /* same office */
                CHECK(void_as(&director, serial, &v) == 0 && v == VOID_DONE && is(serial, "void"));
                (void)ledger_get_text(&rig.core.ledger, application, sizeof application,
                                      "SELECT application FROM blank WHERE serial=?1", "s", serial);
                CHECK(rig_is(&rig, ENTITY_APPLICATION, application, "awaiting_reissue"));
                CHECK(void_as(&rig_colleague, serial, &v) < 0 && err.reason == REASON_WRONG_STATE); /* absorbing */
        }
        close_core();
}

static void test_void_asks(void)
{
        char serial[SERIAL_TEXT];
        struct spoil_ask ask;
        const char *fate = "";
        enum voided v;

        open_core();
        serial_in("issued", serial);
        CHECK(void_as(&rig_security, serial, &v) < 0 && err.reason == REASON_NOT_PERMITTED); /* not the first */
        CHECK(void_as(&director, serial, &v) < 0 && err.reason == REASON_NOT_PERMITTED);
        CHECK(void_as(&rig_expert, serial, &v) < 0 && err.reason == REASON_NOT_PERMITTED); /* no assessor */
        ask = void_ask(&rig_colleague, serial);
        ask.minutes = "";
        CHECK(custody_void(&rig.core, NULL, &ask, &v, &fate, &err) < 0 && err.reason == REASON_BAD_REQUEST);
        ask = void_ask(&rig_colleague, serial);
        ask.minutes_sha256 = "00";
        CHECK(custody_void(&rig.core, NULL, &ask, &v, &fate, &err) < 0 && err.reason == REASON_BAD_REQUEST);
        ask = void_ask(&rig_colleague, serial);
        ask.text = "a\x07";
        CHECK(custody_void(&rig.core, NULL, &ask, &v, &fate, &err) < 0 && err.reason == REASON_BAD_TEXT);
        ask = void_ask(&rig_colleague, serial);
        ask.no_chip = false; /* written, at hand, and no reader named */
        CHECK(custody_void(&rig.core, NULL, &ask, &v, &fate, &err) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(rig_count(&rig, "SELECT count(*) FROM act WHERE kind='void' AND confirmed_at IS NULL") == 0);
        CHECK(void_as(&rig_colleague, "SC-999999", &v) < 0 && err.reason == REASON_SERIAL_NOT_HERE);
        CHECK(void_as(&rig_colleague, serial, &v) == 0 && v == VOID_SECOND_NEEDED);
        ask = void_ask(&rig_security, serial);
        ask.minutes = "M-1405/8"; /* other minutes: not what the first asked for */
        CHECK(custody_void(&rig.core, NULL, &ask, &v, &fate, &err) < 0 && err.reason == REASON_NOT_PERMITTED);
        CHECK(is(serial, "issued"));
        close_core();
}

static int64_t payloads(const char *kind, const char *serial, const char *part)
{
        return ledger_get_int(&rig.core.ledger,
                              "SELECT count(*) FROM intent WHERE kind=?1 AND serial=?2 AND state='running' AND "
                              "instr(CAST(payload AS TEXT),?3)>0",
                              "sss", kind, serial, part);
}

/* A registered card is voided at the portal; one that the portal never had is spoiled there, with the minutes. */
static void test_void_is_told(void)
{
        char serial[SERIAL_TEXT];
        enum voided v;

        open_core();
        serial_in("delivered", serial);
        CHECK(void_as(&rig_colleague, serial, &v) == 0 && void_as(&rig_security, serial, &v) == 0);
        CHECK(payloads("void", serial, "\"operators\":[\"expert-2\",\"guard-1\"]") == 1);
        CHECK(payloads("void", serial, "\"minutes\":{\"number\":\"M-1405/7\",\"sha256\":\"" DIGEST "\"}") == 1);
        CHECK(payloads("void", serial, "\"chip\":\"withdrawn_list\"") == 1);
        CHECK(rig_count(&rig,
                        "SELECT count(*) FROM intent WHERE kind='void' AND path='/v1/voids' AND method='POST' AND "
                        "state='running'") == 1);
        CHECK(void_as(&rig_colleague, "SC-000005", &v) == 0 && void_as(&rig_security, "SC-000005", &v) == 0);
        CHECK(payloads("spoil", "SC-000005", "\"minutes\":{\"number\":\"M-1405/7\"") == 1);
        CHECK(payloads("spoil", "SC-000005", "\"registered\":false") == 1);
        CHECK(payloads("spoil", "SC-000005", "\"stage\":\"writing\"") == 1);
        CHECK(payloads("spoil", "SC-000005", "\"text\":\"void by minutes M-1405/7\"") == 1);
        CHECK(rig_count(&rig, "SELECT count(*) FROM blank WHERE serial='SC-000005' AND minutes='M-1405/7' AND "
                              "chip_fate='withdrawn_list' AND cause IS NULL") == 1);
        close_core();
}

/* A blank without an applicant is lost and voided: nobody waits for anything. */
static void test_void_of_a_lost_blank(void)
{
        char serial[SERIAL_TEXT];
        enum voided v;
        bool second;

        open_core();
        serial_in("room", serial);
        CHECK(missing(&rig_expert, serial, &second) == 0 && missing(&rig_security, serial, &second) == 0);
        CHECK(void_as(&rig_colleague, serial, &v) == 0 && void_as(&rig_security, serial, &v) == 0 &&
              is(serial, "void"));
        CHECK(payloads("spoil", serial, "\"application\":null") == 1);
        CHECK(payloads("spoil", serial, "\"stage\":\"room\"") == 1);
        CHECK(payloads("spoil", serial, "\"chip\":\"unwritten\"") == 1);
        close_core();
}

/* ---- to headquarters ------------------------------------------------------------------------------------------------
 */

static int dispatch(const struct who *who, const char *letter, bool acknowledged, bool *second,
                    const char *const *serials, size_t n)
{
        return custody_dispatch(&rig.core, who, serials, n, letter, acknowledged, second, &err);
}

static void test_dispatch(void)
{
        static const char *const both[] = { "SC-000002", "SC-000021" }, *const turned[] = { "SC-000021", "SC-000002" };
        bool second = false;

        open_core();
        CHECK(dispatch(&rig_expert, "5712/3", false, &second, both, 2) == 0 && second && is("SC-000002", "spoiled"));
        CHECK(dispatch(&rig_colleague, "5712/3", false, &second, both, 2) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(dispatch(&director, "5712/3", false, &second, turned, 2) == 0 && !second); /* in any order */
        CHECK(is("SC-000002", "dispatched") && is("SC-000021", "dispatched"));
        CHECK(dispatch(&rig_expert, "9999", true, &second, both, 2) < 0 && err.reason == REASON_WRONG_STATE);
        CHECK(dispatch(&rig_expert, "5712/3", true, &second, both, 1) == 0 && second);
        CHECK(dispatch(&rig_security, "5712/3", true, &second, both, 1) == 0 && is("SC-000002", "at_hq"));
        CHECK(is("SC-000021", "dispatched") &&
              rig_count(&rig, "SELECT count(*) FROM blank WHERE letter='5712/3'") == 2);
        close_core();
}

static void test_dispatch_refused(void)
{
        static const struct {
                const char *serials[2];
                size_t n;
                const char *letter;
                enum reason reason;
        } cases[] = {
                { { "SC-000002" }, 0, "L-1", REASON_BAD_REQUEST },
                { { "SC-000002" }, 1, "", REASON_BAD_REQUEST },
                { { "SC-000002" }, 1, "a\x07", REASON_BAD_REQUEST },
                { { "SC-000002" }, 1, "12345678901234567890123456789012345678901", REASON_BAD_REQUEST },
                { { "SC-000002", "SC-000002" }, 2, "L-1", REASON_BAD_REQUEST },
                { { "SC-000002", "SC-999999" }, 2, "L-1", REASON_SERIAL_NOT_HERE },
                { { "SC-000002", "SC-000001" }, 2, "L-1", REASON_WRONG_STATE },
        };
        char serial[SERIAL_TEXT];
        bool second;

        open_core();
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                CHECK(dispatch(&rig_expert, cases[i].letter, false, &second, cases[i].serials, cases[i].n) < 0 &&
                      err.reason == cases[i].reason);
        for (size_t i = 0; i < ARRAY_SIZE(missing_rows); i++) {
                const char *one[] = { serial };
                const char *state = missing_rows[i].state;
                bool leaves = strcmp(state, "spoiled") == 0 || strcmp(state, "void") == 0;

                serial_in(state, serial);
                CHECK((dispatch(&rig_expert, "L-1", false, &second, one, 1) == 0) == leaves);
                CHECK((dispatch(&rig_expert, "L-3", true, &second, one, 1) == 0) == (strcmp(state, "dispatched") == 0));
                CHECK(is(serial, state)); /* one person moves nothing */
        }
        close_core();
}

/* The case of a stray card is closed by two people who say where it came from. */
static void test_stray_case_ends(void)
{
        enum found f;
        int64_t id;
        bool second;

        open_core();
        CHECK(found(&rig_expert, "SC-000777", "", &f, &id) == 0);
        CHECK(case_close(&rig.core, &rig_expert, id, "put_right", "", &second, &err) < 0);
        CHECK(case_close(&rig.core, &rig_expert, id, "put_right", "of another room", &second, &err) == 0 && second);
        CHECK(case_close(&rig.core, &rig_security, id, "put_right", "of another room", &second, &err) == 0 && !second);
        CHECK(cases_of("stray", NULL) == 0);
        close_core();
}

int main(int argc, char **argv)
{
        CHECK(argc == 2);
        data = argv[1];
        test_missing();
        test_missing_in_work();
        test_found_anywhere();
        test_found_missing();
        test_found_strangers();
        test_found_printed_on();
        test_void();
        test_void_asks();
        test_void_is_told();
        test_void_of_a_lost_blank();
        test_dispatch();
        test_dispatch_refused();
        test_stray_case_ends();
        return 0;
}
