/* The print flow against fake workers and portal: whatever fails at whatever step, application, blank and intent end in
 * a state that can go on, no intent is printed twice, and a restart finds its way. Arguments: tests/data, station-fake.
 */
#include "daemon/core/card/print_flow.h"
#include "daemon/core/card/recover.h"
#include "daemon/core/desk/unknown.h"
#include "tests/unit/station-rig.h"

#define APP "APP-1405-000017"
#define SERIAL "SC-1405-000101"

static struct rig rig;
static const char *data, *fakes;

static bool at_rest(struct rig *r)
{
        return !r->core.lines[0].print_flow && !r->core.lines[0].probe;
}

static bool settled(struct rig *r)
{
        return at_rest(r) && rig_count(r, "SELECT count(*) FROM intent WHERE kind='print' AND state IN "
                                          "('running','unknown')") == 0;
}

static bool probed(struct rig *r)
{
        return at_rest(r) && rig_count(r, "SELECT count(*) FROM intent WHERE step='probed' AND state='unknown'") > 0;
}

static int start(const char *application, struct error *err)
{
        struct print_ask_card ask = { application, rig_expert };

        return print_flow_start(&rig.core.lines[0], &ask, err);
}

static void print(const char *script)
{
        struct error err;

        rig_script(&rig, script);
        if (start(APP, &err) < 0) {
                (void)fprintf(stderr, "%s: %s\n", script, err.text);
                exit(1);
        }
        rig_until(&rig, at_rest);
}

static void open_station(void)
{
        rig_init(&rig, data);
        rig_open(&rig, fakes);
        rig_load(&rig, "SC-1405-000103");
        rig_offer(&rig, APP);
}

static void close_station(void)
{
        rig_close(&rig);
        rig_done(&rig);
}

/* A failure and where it leaves things. outcome: the kind told to the expert, 0 for a good print. */
struct failure {
        const char *script;
        int outcome;
        const char *application, *blank, *intent; /* intent NULL: none was made */
        unsigned printed;
};

static const struct failure failures[] = {
        { "", 0, "bound", "printed", "done", 1 },
        { "print check retry queue_gone\n", ERR_RETRY, "offered", "hopper", NULL, 0 },
        { "print check operator queue_wrong\n", ERR_OPERATOR, "offered", "hopper", NULL, 0 },
        { "print check die\n", ERR_RETRY, "offered", "hopper", NULL, 0 },
        { "print check nonsense\n", ERR_INPUT, "offered", "hopper", NULL, 0 },
        { "key qr input key_refused\n", ERR_INPUT, "offered", "hopper", NULL, 0 },
        { "key qr retry key_token\n", ERR_RETRY, "offered", "hopper", NULL, 0 },
        { "key qr die\n", ERR_RETRY, "offered", "hopper", NULL, 0 },
        { "render card input name_no_fit\n", ERR_INPUT, "offered", "hopper", NULL, 0 },
        { "render card die\n", ERR_RETRY, "offered", "hopper", NULL, 0 },
        { "render card nonsense\n", ERR_BUG, "offered", "hopper", NULL, 0 },
        { "net claim 409 claimed_elsewhere\n", ERR_INPUT, "in_chain", "hopper", NULL, 0 },
        { "net claim 409 withdrawn\n", ERR_INPUT, "withdrawn", "hopper", NULL, 0 },
        { "net claim 409 fenced\n", ERR_INPUT, "offered", "hopper", NULL, 0 },
        { "net claim 422 key_reused\n", ERR_INPUT, "offered", "hopper", NULL, 0 },
        { "net begin 409 withdrawn\n", ERR_INPUT, "withdrawn", "hopper", NULL, 0 },
        { "net begin 409 lease_over\n", ERR_INPUT, "offered", "hopper", NULL, 0 },
        { "net begin 409 claimed_elsewhere\n", ERR_INPUT, "in_chain", "hopper", NULL, 0 },
        { "net begin 409 already_issued\n", ERR_INPUT, "claimed", "hopper", NULL, 0 },
        { "print start retry queue_gone\n", ERR_RETRY, "bound", "hopper", "failed", 0 },
        { "print start operator queue_wrong\n", ERR_OPERATOR, "bound", "hopper", "failed", 0 },
        { "print start card\n", ERR_UNKNOWN, "bound", "hopper", "failed", 0 }, /* no word of proof: probed */
        { "print start unknown\n", ERR_UNKNOWN, "bound", "hopper", "failed", 0 },
        { "print start die\n", ERR_UNKNOWN, "bound", "hopper", "failed", 0 },
        { "print released die\n", ERR_UNKNOWN, "bound", "hopper", "failed", 0 },
        { "print released retry\n", ERR_RETRY, "bound", "hopper", "failed", 0 },
        { "print printed die\n", ERR_UNKNOWN, "bound", "printed", "done", 1 },
        { "print printed unknown unknown_print\n", ERR_UNKNOWN, "bound", "printed", "done", 1 },
        { "print printed bug\n", ERR_UNKNOWN, "bound", "printed", "done", 1 },
        { "print printed nonsense\n", ERR_UNKNOWN, "bound", "printed", "done", 1 },
};

static void check_failure(const struct failure *f)
{
        const struct outcome *o = &rig.core.lines[0].printed;
        char state[32], intent[UUID_TEXT], word[60];

        if (f->intent)
                rig_until(&rig, settled); /* the probe may still be at it */
        rig_text(&rig, "SELECT id FROM intent WHERE kind='print'", intent, sizeof intent);
        rig_text(&rig, "SELECT state FROM intent WHERE kind='print'", state, sizeof state);
        CHECK(o->ok == (f->outcome == 0) && (o->ok || (int)o->error.kind == f->outcome));
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, f->application) && rig_is(&rig, ENTITY_BLANK, SERIAL, f->blank));
        CHECK(f->intent ? strcmp(state, f->intent) == 0 : !intent[0]);
        (void)snprintf(word, sizeof word, "print %s", intent);
        CHECK(rig_effects(&rig, "print") == f->printed && rig_effects(&rig, word) == f->printed);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE state IN ('running','unknown')") == 0);
}

/* Afterwards the same applicant gets the card, unless the portal forbade it: the first try has blocked nothing. */
static void check_goes_on(const struct failure *f)
{
        if (strcmp(f->blank, "printed") == 0 || strcmp(f->application, "withdrawn") == 0 ||
            strcmp(f->application, "in_chain") == 0)
                return;
        print("");
        rig_until(&rig, settled);
        CHECK(rig.core.lines[0].printed.ok && rig_is(&rig, ENTITY_BLANK, SERIAL, "printed"));
        CHECK(rig_count(&rig, "SELECT count(*) FROM blank WHERE application='" APP "'") == 1);
}

static void test_failures(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
                open_station();
                if (getenv("RIG_TELL"))
                        (void)fprintf(stderr, "-- %s", failures[i].script);
                print(failures[i].script);
                check_failure(&failures[i]);
                check_goes_on(&failures[i]);
                close_station();
        }
}

/* ---- the ledger refuses -------------------------------------------------------------------------------------------
 */

static void arm(const char *when)
{
        char sql[300];
        struct error err;

        (void)snprintf(sql, sizeof sql,
                       "CREATE TEMP TRIGGER fault BEFORE UPDATE ON main.intent WHEN %s BEGIN SELECT RAISE(ABORT, "
                       "'as the test says'); END",
                       when);
        CHECK(db_script(&rig.core.ledger.db, sql, &err) == 0);
}

static void disarm(void)
{
        struct error err;

        CHECK(db_script(&rig.core.ledger.db, "DROP TRIGGER fault", &err) == 0);
}

/* The checkpoint cannot be committed: the print is called off before it starts. */
static void test_no_checkpoint(void)
{
        open_station();
        arm("NEW.step='submitted'");
        print("");
        disarm();
        CHECK(rig.core.lines[0].printed.error.reason == REASON_LEDGER && rig_effects(&rig, "print") == 0);
        CHECK(settled(&rig) && rig_is(&rig, ENTITY_BLANK, SERIAL, "hopper"));
        close_station();
}

/* Printed, but the ledger does not take it: as soon as it does again, the outcome is looked into and found. */
static void test_no_outcome(void)
{
        open_station();
        arm("NEW.state='done' AND NEW.kind='print'");
        print("");
        CHECK(!rig.core.lines[0].printed.ok &&
              rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='print' AND state='running'") == 1);
        disarm();
        rig_until(&rig, settled);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "printed") && rig_effects(&rig, "print") == 1);
        close_station();
}

/* ---- a crash of the core: the ledger of that moment under a fresh core ---------------------------------------------
 */

static void crash(const char *script)
{
        char from[100], to[100];
        struct error err;

        (void)snprintf(from, sizeof from, "%s/then.db", rig.dir);
        (void)snprintf(to, sizeof to, "%s/state/ledger.db", rig.dir);
        (void)unlink(from);
        CHECK(ledger_snapshot(&rig.core.ledger, from, &err) == 0);
        rig_close(&rig);
        CHECK(rename(from, to) == 0);
        rig_script(&rig, script);
        rig_open(&rig, fakes);
}

static bool is_submitted(struct rig *r)
{
        return rig_count(r, "SELECT count(*) FROM intent WHERE kind='print' AND step='submitted'") > 0;
}

static void test_crash(bool printed)
{
        struct error err;

        open_station();
        rig_script(&rig, printed ? "print printed hang\n" : "print released hang\n");
        CHECK(start(APP, &err) == 0);
        rig_until(&rig, is_submitted);
        while (rig_effects(&rig, "print") < printed) /* the worker went on, the core has not heard it */
                (void)usleep(5000);
        crash(printed ? "" : "print verdict unknown\n");
        if (printed) {
                rig_until(&rig, settled);
                CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "printed") && rig_effects(&rig, "print") == 1);
        } else {
                rig_until(&rig, probed);
                CHECK(start(APP, &err) < 0 && err.reason == REASON_UNKNOWN_OPEN);
        }
        close_station();
}

/* ---- nobody can tell: people decide --------------------------------------------------------------------------------
 */

static void lose_print(char intent[UUID_TEXT])
{
        open_station();
        print("print released die\nprint verdict unknown\n");
        rig_until(&rig, probed);
        rig_text(&rig, "SELECT id FROM intent WHERE kind='print'", intent, UUID_TEXT);
}

static int decide(const char *intent, const struct who *who, const char *answer, const char *serial, bool *second,
                  struct error *err)
{
        *second = false;
        return unknown_decide(&rig.core, who, intent, answer, serial, second, err);
}

static void test_decisions(void)
{
        char intent[UUID_TEXT];
        struct error err;
        bool second;

        lose_print(intent);
        CHECK(decide(intent, &rig_expert, "came_out", NULL, &second, &err) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(decide(intent, &rig_expert, "came_out", "SC-1405-000999", &second, &err) < 0 &&
              err.reason == REASON_SERIAL_MISMATCH);
        CHECK(decide(intent, &rig_expert, "insert", NULL, &second, &err) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(decide(intent, &rig_expert, "came_out", SERIAL, &second, &err) == 0 && !second);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "printed") && rig_is(&rig, ENTITY_INTENT, intent, "done"));
        CHECK(decide(intent, &rig_expert, "came_out", SERIAL, &second, &err) < 0 && err.reason == REASON_NOT_FOUND);
        close_station();

        lose_print(intent);
        CHECK(decide(intent, &rig_expert, "none_came_out", SERIAL, &second, &err) == 0 && second);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "printing"));
        CHECK(decide(intent, &rig_expert, "none_came_out", SERIAL, &second, &err) < 0 &&
              err.reason == REASON_SAME_PERSON);
        CHECK(decide(intent, &rig_colleague, "none_came_out", SERIAL, &second, &err) < 0 &&
              err.reason == REASON_SAME_PERSON);
        CHECK(decide(intent, &rig_security, "lost", NULL, &second, &err) == 0 && second); /* not the same */
        CHECK(decide(intent, &rig_security, "none_came_out", SERIAL, &second, &err) == 0 && !second);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "hopper") && rig_is(&rig, ENTITY_INTENT, intent, "failed"));
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='decide' AND state='done'") == 1);
        close_station();
}

static void test_missing(void)
{
        char intent[UUID_TEXT];
        struct error err;
        bool second;

        lose_print(intent);
        CHECK(decide(intent, &rig_expert, "lost", NULL, &second, &err) == 0 && second);
        CHECK(decide(intent, &rig_security, "lost", NULL, &second, &err) == 0 && !second);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "missing"));
        CHECK(rig_count(&rig, "SELECT count(*) FROM dispute WHERE kind='missing' AND closed_at IS NULL") == 1);
        CHECK(start(APP, &err) < 0 && err.reason == REASON_WRONG_STATE); /* a missing card counts as live */
        close_station();

        /* Another card than expected: two were fed. The line holds until all are scanned. */
        lose_print(intent);
        CHECK(decide(intent, &rig_expert, "came_out", "SC-1405-000102", &second, &err) == 0 && !second);
        CHECK(start(NULL, &err) < 0 && err.reason == REASON_SERIAL_MISMATCH);
        close_station();
}

/* Before the printer was asked a job may still wait in CUPS: "no card came out" cannot be known yet. */
static void test_not_yet_probed(void)
{
        char intent[UUID_TEXT];
        struct error err;
        bool second;

        open_station();
        rig_script(&rig, "print released die\nprint probe retry queue_gone\n");
        CHECK(start(APP, &err) == 0);
        while (rig.core.lines[0].print_flow)
                rig_run(&rig, 20);
        rig_text(&rig, "SELECT id FROM intent WHERE kind='print'", intent, sizeof intent);
        CHECK(decide(intent, &rig_expert, "none_came_out", SERIAL, &second, &err) < 0 && err.kind == ERR_RETRY);
        close_station();
}

static bool asked_again(struct rig *r)
{
        return rig_count(r, "SELECT count(*) FROM intent WHERE kind='print' AND step='probed' AND "
                            "json_extract(evidence,'$.cups')=1") == 1;
}

/* cupsd was away when it was asked: what it knows is added when it is back, and written down once. */
static void test_silent_cups(void)
{
        char intent[UUID_TEXT];
        struct error err;

        open_station();
        rig_script(&rig, "print released die\nprint verdict unknown\nprint cups silent\n");
        CHECK(start(APP, &err) == 0);
        while (rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='print' AND step='probed'") == 0)
                rig_run(&rig, 20);
        CHECK(rig_count(&rig, "SELECT json_extract(evidence,'$.probed_at')>0 FROM intent WHERE kind='print'") == 1);
        CHECK(!asked_again(&rig) && rig.core.lines[0].probe);
        print_probe_drop(&rig.core.lines[0]); /* the pause, cut short */
        print_flow_probe(&rig.core.lines[0]);
        rig_run(&rig, 200);
        CHECK(rig_count(&rig, "SELECT count(*) FROM audit WHERE event='checkpoint' AND body LIKE '%probed%'") == 1);
        rig_script(&rig, "print verdict unknown\n");
        print_probe_drop(&rig.core.lines[0]);
        print_flow_probe(&rig.core.lines[0]);
        rig_until(&rig, asked_again);
        rig_text(&rig, "SELECT id FROM intent WHERE kind='print'", intent, sizeof intent);
        CHECK(strcmp(rig.core.lines[0].probed, intent) == 0 && !rig.core.lines[0].probe);
        close_station();
}

/* ---- the world moves on meanwhile ----------------------------------------------------------------------------------
 */

static bool begins(struct rig *r)
{
        return rig_count(r, "SELECT count(*) FROM intent WHERE kind='begin'") > 0;
}

static void test_withdrawn_meanwhile(void)
{
        struct error err;

        open_station();
        rig_script(&rig, "");
        CHECK(start(APP, &err) == 0);
        rig_until(&rig, begins);
        ledger_begin(&rig.core.ledger, &who_station);
        ledger_move(&rig.core.ledger, ENTITY_APPLICATION, APP, "withdraw", NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
        rig_until(&rig, at_rest);
        CHECK(rig.core.lines[0].printed.error.reason == REASON_WITHDRAWN && rig_effects(&rig, "print") == 0);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "hopper") && settled(&rig));
        close_station();
}

static void test_held_meanwhile(void)
{
        struct error err;

        open_station();
        rig_script(&rig, "");
        CHECK(start(APP, &err) == 0);
        rig_until(&rig, begins);
        ledger_begin(&rig.core.ledger, &who_station);
        line_hold(&rig.core.lines[0], REASON_FACE_MISMATCH, "SC-1405-000103");
        CHECK(core_commit(&rig.core, &err));
        rig_until(&rig, at_rest);
        CHECK(rig.core.lines[0].printed.error.reason == REASON_FACE_MISMATCH && rig_effects(&rig, "print") == 0);
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "bound") && rig_is(&rig, ENTITY_BLANK, SERIAL, "hopper"));
        close_station();
}

int main(int argc, char **argv)
{
        CHECK(argc == 3);
        data = argv[1];
        fakes = argv[2];
        test_failures();
        test_no_checkpoint();
        test_no_outcome();
        test_crash(true);
        test_crash(false);
        test_decisions();
        test_missing();
        test_not_yet_probed();
        test_silent_cups();
        test_withdrawn_meanwhile();
        test_held_meanwhile();
        return 0;
}
