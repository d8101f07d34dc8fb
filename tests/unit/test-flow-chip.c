/* The chip flow against fake workers: whatever fails at whatever step, a chip that may hold anything of the holder is
 * looked at or locked, one that was not touched is as before, and no approval's script goes to two chips. Arguments:
 * tests/data, station-fake. */
#include "daemon/core/card/chip_flow.h"
#include "daemon/core/card/recover.h"
#include "daemon/core/desk/unknown.h"
#include "tests/unit/station-rig.h"
#include <signal.h>

#define APP "APP-1405-000017"
#define SERIAL "SC-1405-000101"
#define UNTOUCHED "SELECT count(*) FROM blank WHERE serial='" SERIAL "' AND chip_id IS NULL AND sod_sha256 IS NULL"

static struct rig rig;
static const char *data, *fakes;

static bool at_rest(struct rig *r)
{
        return !r->core.lines[0].chip_flow;
}

static void open_station(const char *state)
{
        rig_init(&rig, data);
        rig_open(&rig, fakes);
        rig_load(&rig, "SC-1405-000103");
        rig_offer(&rig, APP);
        rig_card(&rig, APP, SERIAL, state);
}

static void close_station(void)
{
        rig_close(&rig);
        rig_done(&rig);
}

static int write_card(const char *script, struct error *err)
{
        rig_script(&rig, script);
        return chip_flow_write(&rig.core.lines[0], &rig_expert, SERIAL, err);
}

static void write_now(const char *script)
{
        struct error err;

        if (write_card(script, &err) < 0) {
                (void)fprintf(stderr, "%s: %s\n", script, err.text);
                exit(1);
        }
        rig_until(&rig, at_rest);
}

static bool intent_is(const char *kind, const char *state)
{
        char now[32] = "";

        (void)ledger_get_text(&rig.core.ledger, now, sizeof now,
                              "SELECT state FROM intent WHERE kind=?1 ORDER BY rowid DESC LIMIT 1", "s", kind);
        return strcmp(now, state) == 0;
}

/* A failure of a write, and where it leaves things. scripts: how many went to the chip. */
struct failure {
        const char *script;
        int outcome; /* error kind; 0: good */
        const char *blank, *intent;
        bool untouched; /* nothing of this chip is bound to the serial */
        unsigned scripts;
};

static const struct failure failures[] = {
        { "", 0, "verified", "done", false, 1 },
        { "chip identify operator no_card\n", ERR_OPERATOR, "accepted", "failed", true, 0 },
        { "chip identify retry reader_gone\n", ERR_RETRY, "accepted", "failed", true, 0 },
        { "chip identify die\n", ERR_RETRY, "accepted", "failed", true, 0 },
        { "chip app absent\n", ERR_CARD, "accepted", "failed", true, 0 },
        { "chip identified nonsense\n", ERR_INPUT, "accepted", "failed", true, 0 },
        { "chip identified stray\n", ERR_BUG, "accepted", "failed", true, 0 },
        { "chip identified die\n", ERR_RETRY, "accepted", "failed", true, 0 },
        { "chip identified card chip_status\n", ERR_CARD, "accepted", "failed", true, 0 },
        { "chip identified unknown\n", ERR_UNKNOWN, "accepted", "failed", true, 0 },
        { "chip challenged stray\n", ERR_BUG, "accepted", "failed", true, 0 },
        { "chip challenged nonsense\n", ERR_INPUT, "accepted", "failed", true, 0 },
        { "chip challenged die\n", ERR_RETRY, "accepted", "failed", true, 0 },
        { "chip opened stray\n", ERR_BUG, "accepted", "failed", true, 0 },
        { "chip opened nonsense\n", ERR_INPUT, "accepted", "failed", true, 0 },
        { "key challenge die\n", ERR_RETRY, "accepted", "failed", true, 0 },
        { "key challenge nonsense\n", ERR_INPUT, "accepted", "failed", true, 0 },
        { "key challenge input key_refused\n", ERR_INPUT, "accepted", "failed", true, 0 },
        { "key open die\n", ERR_RETRY, "accepted", "failed", true, 0 },
        { "key open nonsense\n", ERR_INPUT, "accepted", "failed", true, 0 },
        { "key open card chip_key_refused\n", ERR_CARD, "accepted", "failed", true, 0 },
        { "key wrap die\n", ERR_RETRY, "accepted", "failed", true, 0 },
        { "key wrap nonsense\n", ERR_BUG, "accepted", "failed", true, 0 },
        { "key wrap input key_spent\n", ERR_INPUT, "accepted", "failed", true, 0 },
        { "chip opened die\n", ERR_UNKNOWN, "writing", "unknown", false, 0 }, /* dead with the script in hand */
        { "chip script die\n", ERR_UNKNOWN, "writing", "unknown", false, 0 },
        { "chip script card chip_status\n", ERR_CARD, "accepted", "failed", false, 0 },
        { "chip sent die\n", ERR_UNKNOWN, "writing", "unknown", false, 1 },
        { "chip sent unknown card_removed\n", ERR_UNKNOWN, "writing", "unknown", false, 1 },
        { "chip sent retry\n", ERR_RETRY, "writing", "unknown", false, 1 },
        { "key check die\n", ERR_RETRY, "written", "unknown", false, 1 },
        { "key check card chip_mac\n", ERR_CARD, "accepted", "failed", false, 1 },
        { "chip written die\n", ERR_UNKNOWN, "written", "unknown", false, 1 },
        { "chip readback die\n", ERR_UNKNOWN, "written", "unknown", false, 1 },
        { "chip readback nonsense\n", ERR_INPUT, "written", "unknown", false, 1 },
        { "chip readback unknown card_removed\n", ERR_UNKNOWN, "written", "unknown", false, 1 },
        { "chip readback card verify_failed\n", ERR_CARD, "accepted", "failed", false, 1 },
};

static void check_failure(const struct failure *f)
{
        const struct outcome *o = &rig.core.lines[0].chipped;

        CHECK(o->ok == (f->outcome == 0) && (o->ok || (int)o->error.kind == f->outcome));
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, f->blank) && intent_is("write", f->intent));
        CHECK(rig_is(&rig, ENTITY_APPLICATION, APP, "bound"));
        CHECK((rig_count(&rig, UNTOUCHED) == 1) == f->untouched && rig_effects(&rig, "script") == f->scripts);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE state='running'") == 0);
        CHECK((rig.core.lines[0].shown.holder != NULL) == o->ok);
}

/* The same card once more: an unknown one is read first, then written if it is incomplete; a whole one is verified. */
static void check_goes_on(const struct failure *f)
{
        struct error err;
        char app[40];

        if (strcmp(f->blank, "verified") == 0 || strstr(f->script, "chip_key_refused"))
                return;
        write_now("");
        if (strcmp(f->intent, "unknown") == 0 && f->scripts == 0) {
                CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "accepted") && intent_is("write", "failed"));
                write_now("");
        }
        if (f->scripts == 1 && strcmp(f->blank, "accepted") == 0) {
                CHECK(rig.core.lines[0].chipped.error.reason == REASON_CHIP_PERSONALISED); /* it must be spoiled */
                CHECK(spoil_needs_chip(&rig.core, SERIAL));
                return;
        }
        CHECK(rig.core.lines[0].chipped.ok && rig_is(&rig, ENTITY_BLANK, SERIAL, "verified"));
        CHECK(rig_effects(&rig, "script") == 1);
        CHECK(inspect_confirm(&rig.core, &rig_expert, SERIAL, true, &err) == 0);
        rig_text(&rig, "SELECT state FROM application", app, sizeof app);
        CHECK(strcmp(app, "issued") == 0);
}

static void test_failures(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
                open_station("accepted");
                if (getenv("RIG_TELL"))
                        (void)fprintf(stderr, "-- %s", failures[i].script);
                write_now(failures[i].script);
                check_failure(&failures[i]);
                check_goes_on(&failures[i]);
                close_station();
        }
}

/* ---- attempts and keys ---------------------------------------------------------------------------------------------
 */

static void test_budget(void)
{
        open_station("accepted");
        write_now("chip challenged die\n");
        write_now("chip challenged die\n");
        write_now("");
        CHECK(rig.core.lines[0].chipped.error.reason == REASON_CHIP_BUDGET && rig_effects(&rig, "script") == 0);
        write_now("chip id 2\n"); /* another chip has its own budget */
        CHECK(rig.core.lines[0].chipped.ok);
        close_station();
}

/* Two cards whose key is refused in a row: the line stops; each was tried once. */
static void test_key_refused(void)
{
        struct error err;

        open_station("accepted");
        write_now("key open card chip_key_refused\n");
        write_now("");
        CHECK(rig.core.lines[0].chipped.error.reason == REASON_CHIP_KEY_REFUSED); /* parked: not tried again */
        CHECK(rig_count(&rig, "SELECT attempts FROM chip") == 1);
        write_now("chip id 2\nkey open card chip_key_refused\n");
        CHECK(write_card("chip id 3\n", &err) < 0 && err.reason == REASON_LINE_STOPPED);
        close_station();
}

/* The wrong card in the reader: another serial's chip, or for the read-back another than was written. */
static void test_wrong_card(void)
{
        open_station("accepted");
        write_now("chip sent die\n");
        write_now("chip id 2\n");
        CHECK(rig.core.lines[0].chipped.error.reason == REASON_CHIP_TAKEN);
        CHECK(intent_is("write", "unknown") && rig_is(&rig, ENTITY_BLANK, SERIAL, "writing"));
        write_now("chip read card card_mute\n"); /* a failed look changes nothing of what is known */
        CHECK(intent_is("write", "unknown") && spoil_needs_chip(&rig.core, SERIAL));
        write_now("chip read die\n");
        CHECK(intent_is("write", "unknown") && spoil_needs_chip(&rig.core, SERIAL));
        write_now("");
        CHECK(rig.core.lines[0].chipped.ok && rig_is(&rig, ENTITY_BLANK, SERIAL, "verified"));
        close_station();
}

/* ---- a reader is watched while a chip is in question ----------------------------------------------------------------
 */

static bool settled(struct rig *r)
{
        return rig_count(r, "SELECT count(*) FROM intent WHERE state='unknown'") == 0;
}

static bool is_read(struct rig *r)
{
        return rig_count(r, "SELECT count(*) FROM intent WHERE kind='write' AND json_extract(evidence,'$.read') IS NOT "
                            "NULL") == 1;
}

static bool is_watching(struct rig *r)
{
        struct work_status s;

        work_status(r->core.lines[0].chip, &s);
        return s.verb && strcmp(s.verb, "watch") == 0;
}

static void evidence_is(const char *key, const char *wanted)
{
        char text[200] = "";

        (void)ledger_get_text(&rig.core.ledger, text, sizeof text,
                              "SELECT json_extract(evidence,?1) FROM intent WHERE kind='write'", "s", key);
        CHECK(strcmp(text, wanted) == 0);
}

/* The whole certificate on the chip settles the write when the card is inserted, whoever inserts it. */
static void test_watch_settles(void)
{
        open_station("accepted");
        write_now("");
        CHECK(!rig.core.lines[0].watch); /* nothing is in question: nobody waits */
        close_station();

        open_station("accepted");
        write_now("chip sent die\n");
        CHECK(intent_is("write", "unknown"));
        rig_until(&rig, is_watching);
        CHECK(rig_effects(&rig, "watched") == 0);
        rig_script(&rig, "chip inserted card\n");
        rig_until(&rig, settled);
        CHECK(intent_is("write", "done") && rig_is(&rig, ENTITY_BLANK, SERIAL, "verified"));
        evidence_is("$.read.app", "personalised");
        evidence_is("$.read.as_written", "1");
        CHECK(rig_effects(&rig, "script") == 1 && !rig.core.lines[0].watch);
        write_now(""); /* the expert's own look, for the comparison with the plastic */
        CHECK(rig.core.lines[0].chipped.ok && rig.core.lines[0].shown.holder);
        close_station();
}

/* A half or foreign chip settles nothing by itself; each look is written down once. */
static void test_watch_records(void)
{
        open_station("accepted");
        write_now("chip script die\n");
        rig_until(&rig, is_watching);
        rig_script(&rig, "chip id 2\nchip inserted another\n");
        while (rig_effects(&rig, "watched") == 0)
                rig_run(&rig, 20);
        rig_until(&rig, is_watching);
        CHECK(!is_read(&rig) && intent_is("write", "unknown")); /* another card: nothing is known by it */
        rig_script(&rig, "chip inserted half\n");
        rig_until(&rig, is_read);
        evidence_is("$.read.app", "blank");
        CHECK(intent_is("write", "unknown") && rig_is(&rig, ENTITY_BLANK, SERIAL, "writing"));
        rig_until(&rig, is_watching);
        rig_script(&rig, "chip inserted again\n");
        while (rig_effects(&rig, "watched") < 3)
                rig_run(&rig, 20);
        rig_until(&rig, is_watching);
        CHECK(rig_count(&rig, "SELECT count(*) FROM audit WHERE event='read_back'") == 1);
        write_now(""); /* the watch gives way; the expert's look finds it incomplete */
        CHECK(intent_is("write", "failed") && rig_is(&rig, ENTITY_BLANK, SERIAL, "accepted"));
        write_now("");
        CHECK(rig.core.lines[0].chipped.ok && rig_effects(&rig, "script") == 1 && !rig.core.lines[0].watch);
        close_station();
}

static pid_t ended;

static bool another_watches(struct rig *r)
{
        struct work_status s;

        work_status(r->core.lines[0].chip, &s);
        return s.pid != ended && is_watching(r);
}

/* The watch begins with the core, survives its worker, and looks at the card that was there all along. */
static void test_watch_lives(void)
{
        struct work_status s;

        open_station("accepted");
        write_now("chip sent die\n");
        rig_close(&rig);
        rig_open(&rig, fakes);
        rig_until(&rig, is_watching);
        work_status(rig.core.lines[0].chip, &s);
        CHECK(kill(s.pid, SIGKILL) == 0);
        ended = s.pid;
        rig_until(&rig, another_watches);
        rig_script(&rig, "chip watch die\nchip inserted card\n"); /* dies over the card */
        while (rig_effects(&rig, "watched") == 0)
                rig_run(&rig, 20);
        rig_script(&rig, "chip inserted card\n");
        rig_until(&rig, settled);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "verified"));
        close_station();
}

static void test_disputed(void)
{
        struct error err;

        open_station("accepted");
        ledger_begin(&rig.core.ledger, &who_station);
        ledger_move(&rig.core.ledger, ENTITY_APPLICATION, APP, "dispute", NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
        CHECK(write_card("", &err) < 0 && err.reason == REASON_PORTAL_REFUSED);
        close_station();
}

/* ---- locking a spoiled card -----------------------------------------------------------------------------------------
 */

static void lock_now(const char *script)
{
        struct spoil_ask ask = {
                .serial = SERIAL, .cause = "card_surface", .text = "", .no_chip = false, .who = rig_expert
        };
        struct error err;

        rig_script(&rig, script);
        CHECK(spoil_check(&rig.core, &ask, &err) == 0 && chip_flow_lock(&rig.core.lines[0], &ask, &err) == 0);
        rig_until(&rig, at_rest);
}

static bool is_spoiled(const char *fate)
{
        char now[32];

        rig_text(&rig, "SELECT chip_fate FROM blank WHERE serial='" SERIAL "'", now, sizeof now);
        return rig_is(&rig, ENTITY_BLANK, SERIAL, "spoiled") && strcmp(now, fate) == 0 &&
               rig_is(&rig, ENTITY_APPLICATION, APP, "awaiting_reissue") &&
               rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='spoil'") == 1;
}

static void test_lock(void)
{
        static const char *const unsent[] = { "chip identify die\n", "chip identified die\n", "key challenge die\n",
                                              "key open retry\n",    "chip challenged die\n", "key wrap die\n" };

        for (size_t i = 0; i < ARRAY_SIZE(unsent); i++) {
                open_station("accepted");
                write_now("");
                lock_now(unsent[i]);
                CHECK(!rig.core.lines[0].chipped.ok && rig_is(&rig, ENTITY_BLANK, SERIAL, "verified"));
                CHECK(intent_is("lock", "failed"));
                lock_now("");
                CHECK(is_spoiled("unverifiable") && intent_is("lock", "done"));
                close_station();
        }
}

static void test_lock_unheard(void)
{
        open_station("accepted");
        write_now("");
        lock_now("chip sent die\n");
        CHECK(intent_is("lock", "unknown") && rig_is(&rig, ENTITY_BLANK, SERIAL, "verified"));
        lock_now("chip id 2\n"); /* a locked chip, but not this card's: no proof */
        CHECK(rig.core.lines[0].chipped.error.reason == REASON_CHIP_TAKEN);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "verified"));
        lock_now("chip app absent\nchip id 2\n"); /* a foreign one neither */
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, "verified"));
        lock_now("");
        CHECK(is_spoiled("unverifiable"));
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='lock' AND state IN ('running','unknown')") == 0);
        close_station();
}

/* ---- the ledger refuses; the core dies ------------------------------------------------------------------------------
 */

static void arm(const char *table, const char *when)
{
        char sql[300];
        struct error err;

        (void)snprintf(sql, sizeof sql,
                       "CREATE TEMP TRIGGER fault BEFORE UPDATE ON main.%s WHEN %s BEGIN SELECT RAISE(ABORT, "
                       "'as the test says'); END",
                       table, when);
        CHECK(db_script(&rig.core.ledger.db, sql, &err) == 0);
}

static bool none_running(struct rig *r)
{
        return at_rest(r) && rig_count(r, "SELECT count(*) FROM intent WHERE state='running'") == 0;
}

static void test_ledger_refuses(void)
{
        static const struct {
                const char *when, *blank;
                unsigned scripts;
        } cases[] = {
                { "NEW.step='identified'", "accepted", 0 },
                { "NEW.step='script'", "accepted", 0 },
                { "NEW.step='written'", "writing", 1 },
                { "NEW.step='verified'", "written", 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err;

                open_station("accepted");
                arm("intent", cases[i].when);
                write_now("");
                CHECK(!rig.core.lines[0].chipped.ok && rig_effects(&rig, "script") == cases[i].scripts);
                CHECK(db_script(&rig.core.ledger.db, "DROP TRIGGER fault", &err) == 0);
                rig_until(&rig, none_running);
                CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, cases[i].blank));
                write_now("");
                CHECK(rig.core.lines[0].chipped.ok && rig_effects(&rig, "script") == 1);
                close_station();
        }
}

static const char *wanted_step;

static bool at_step(struct rig *r)
{
        char step[33];

        rig_text(r, "SELECT step FROM intent WHERE kind='write'", step, sizeof step);
        return strcmp(step, wanted_step) == 0;
}

/* The ledger as it stood after that step, under a fresh core. */
static void test_crash(const char *step, const char *script, const char *blank, const char *intent)
{
        char from[100], to[100];
        struct error err;

        open_station("accepted");
        wanted_step = step;
        CHECK(write_card(script, &err) == 0);
        rig_until(&rig, at_step);
        (void)snprintf(from, sizeof from, "%s/then.db", rig.dir);
        (void)snprintf(to, sizeof to, "%s/state/ledger.db", rig.dir);
        CHECK(ledger_snapshot(&rig.core.ledger, from, &err) == 0);
        rig_close(&rig);
        CHECK(rename(from, to) == 0);
        rig_open(&rig, fakes);
        CHECK(rig_is(&rig, ENTITY_BLANK, SERIAL, blank) && intent_is("write", intent));
        CHECK((rig_count(&rig, UNTOUCHED) == 1) == (strcmp(intent, "failed") == 0));
        close_station();
}

int main(int argc, char **argv)
{
        CHECK(argc == 3);
        data = argv[1];
        fakes = argv[2];
        test_failures();
        test_budget();
        test_key_refused();
        test_wrong_card();
        test_watch_settles();
        test_watch_records();
        test_watch_lives();
        test_disputed();
        test_lock();
        test_lock_unheard();
        test_ledger_refuses();
        test_crash("identified", "chip identified hang\n", "accepted", "failed");
        test_crash("script", "chip script hang\n", "writing", "unknown");
        test_crash("written", "chip written hang\n", "written", "unknown");
        return 0;
}
