/* Anchors and outbox while the ledger, the portal or the values fail: nothing is made half, nothing open is forgotten,
 * a value that breaks the contract is never sent. Arguments: tests/data, station-fake; --whole: every N, not every 7th.
 */
#include "daemon/core/portal/portal_calls.h"
#include "tests/unit/fail-sqlite.h"
#include "tests/unit/station-rig.h"
#include <sqlite3.h>
#include <sys/resource.h>

static struct rig rig;
static const char *data, *fakes;
static int stride = 7;
static struct error err;

static void open_station(void)
{
        rig_init(&rig, data);
        rig_open(&rig, fakes);
        rig_load(&rig, "SC-1405-000103");
}

static void close_station(void)
{
        rig_close(&rig);
        rig_done(&rig);
}

static bool drained(struct rig *r)
{
        return outbox_pending(&r->core) == 0;
}

static bool portal_down(struct rig *r)
{
        return !r->core.outbox.portal_up;
}

static void begin_tx(void)
{
        ledger_begin(&rig.core.ledger, &rig_expert);
}

/* Something that an anchor is about. */
static void news(void)
{
        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_audit(&rig.core.ledger, "look", "blank", "SC-1405-000101", NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
}

static void fire_anchor(void)
{
        rig.core.anchor.timer.fired(&rig.core.anchor.timer);
}

static int64_t anchors(void)
{
        return rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='anchor'");
}

/* No rest: the test has no hour to wait. */
static void hurry(void)
{
        struct outbox *o = &rig.core.outbox;

        memset(o->resting, 0, sizeof o->resting);
        if (o->intent[0] == '\0')
                loop_timer_set(&rig.core.loop, &o->timer, now_boot_ms() + 1);
        rig_run(&rig, 5);
}

static void test_anchors(void)
{
        int64_t before;

        open_station();
        fire_anchor();
        rig_until(&rig, drained);
        CHECK(anchors() == 1 && rig_effects(&rig, "anchor") == 1);
        before = rig.core.ledger.seq;
        fire_anchor(); /* nothing new but the anchor itself */
        CHECK(anchors() == 1 && rig.core.ledger.seq == before);
        news();
        rig.core.sync.fenced = true;
        fire_anchor();
        CHECK(anchors() == 1);
        rig.core.sync.fenced = false;
        rig_script(&rig, "net anchor unsent\n");
        fire_anchor();
        fire_anchor(); /* one is on its way */
        CHECK(anchors() == 2);
        rig_until(&rig, portal_down);
        rig_script(&rig, "");
        while (!drained(&rig))
                hurry();
        loop_timer_set(&rig.core.loop, &rig.core.anchor.timer, now_boot_ms() + 3600000);
        anchor_soon(&rig.core.anchor);
        before = rig.core.anchor.timer.due_ms;
        CHECK(before <= now_boot_ms() + 5000);
        anchor_soon(&rig.core.anchor);
        CHECK(rig.core.anchor.timer.due_ms == before);
        close_station();
}

/* The N-th call to SQLite fails while an anchor is made, sent and recorded, for every N. */
static void test_ledger_fails(void)
{
        bool done = false;

        open_station();
        for (long n = 1; !done; n += stride) {
                news();
                fail_sqlite(n, FAIL_ONCE, SQLITE_IOERR);
                fire_anchor();
                for (int i = 0; i < 200 && !drained(&rig); i++)
                        hurry();
                done = fail_sqlite_calls() < n || n > 200;
                fail_sqlite(0, FAIL_ONCE, 0);
                while (!drained(&rig))
                        hurry();
                CHECK(!rig.core.ledger_lost);
        }
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='anchor' AND state<>'done'") == 0);
        CHECK(anchors() > 20 / stride);
        close_station();
}

/* The ledger is gone for good: the station ends, and nothing was recorded as done. */
static void test_ledger_lost(long nth)
{
        open_station();
        news();
        fail_sqlite(nth, FAIL_FOREVER, SQLITE_IOERR);
        fire_anchor();
        for (int i = 0; i < 20 && !rig.core.ledger_lost; i++)
                hurry();
        fail_sqlite(0, FAIL_ONCE, 0);
        CHECK(rig.core.ledger_lost || nth == 1);
        close_station();
}

/* Answers that say: not now. Everything rests; the next answer brings all back. */
static void test_portal_asks_for_peace(const char *script)
{
        open_station();
        rig_script(&rig, script);
        news();
        fire_anchor();
        while (rig.core.outbox.failures == 0)
                rig_run(&rig, 5);
        CHECK(!drained(&rig) && rig.core.outbox.intent[0] == '\0');
        hurry();
        rig_script(&rig, "");
        while (!drained(&rig))
                hurry();
        CHECK(rig.core.outbox.portal_up);
        close_station();
}

static bool resting(struct rig *r)
{
        return r->core.outbox.intent[0] == '\0' && r->core.outbox.resting[0].failures > 0;
}

/* What no healthy mohr-net answers: the call rests alone, and may be applied or not. */
static void test_broken_answers(void)
{
        static const char *const scripts[] = { "net anchor garbled\n", "net anchor unsealed\n", "net anchor silent\n" };

        open_station();
        for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
                rig_script(&rig, scripts[i]);
                memset(rig.core.outbox.resting, 0, sizeof rig.core.outbox.resting);
                news();
                fire_anchor();
                rig_until(&rig, resting);
                CHECK(!drained(&rig));
                rig_script(&rig, "net anchor chatty\n");
                while (!drained(&rig))
                        hurry();
        }
        CHECK(anchors() == 3 && rig_effects(&rig, "anchor") == 3);
        close_station();
}

static bool everything_rests(struct rig *r)
{
        return r->core.outbox.failures > 0 && r->core.outbox.intent[0] == '\0';
}

/* Retry-After beats the back-off; mohr-net that dies with the call in its hands leaves it open. */
static void test_told_to_wait(void)
{
        char first[UUID_TEXT], word[80];

        open_station();
        rig_script(&rig, "net anchor 503 busy 3000\n");
        news();
        fire_anchor();
        rig_until(&rig, everything_rests);
        CHECK(rig.core.outbox.timer.due_ms > now_boot_ms() + 2900000);
        rig_script(&rig, "net anchor die\n");
        rig.core.outbox.failures = 0;
        hurry();
        rig_until(&rig, everything_rests);
        CHECK(!rig.core.outbox.portal_up && outbox_pending(&rig.core) == 1);
        rig_text(&rig, "SELECT id FROM intent WHERE kind='anchor'", first, sizeof first);
        rig_script(&rig, "");
        rig_close(&rig);
        rig_open(&rig, fakes); /* with a mohr-net that lives */
        while (!drained(&rig))
                hurry();
        (void)snprintf(word, sizeof word, "anchor %s", first);
        CHECK(rig_effects(&rig, word) == 1);
        close_station();
}

static bool line_free(struct rig *r)
{
        return r->core.outbox.intent[0] == '\0';
}

static void send_now(void)
{
        loop_timer_clear(&rig.core.loop, &rig.core.outbox.timer);
        rig.core.outbox.timer.fired(&rig.core.outbox.timer);
}

/* The N-th call to SQLite fails while a call is picked, marked and read; or there is no file left for its body. */
static void test_sending_fails(void)
{
        struct rlimit files, none;
        bool sent = false;

        open_station();
        rig_script(&rig, "net anchor unsent\n");
        news();
        fire_anchor();
        rig_until(&rig, everything_rests);
        for (long n = 1; !sent; n++) {
                send_now(); /* all statements are prepared */
                rig_until(&rig, line_free);
                fail_sqlite(n, FAIL_ONCE, SQLITE_IOERR);
                send_now();
                sent = !line_free(&rig);
                CHECK(sent == (fail_sqlite_calls() < n));
                fail_sqlite(0, FAIL_ONCE, 0);
                CHECK(outbox_pending(&rig.core) == 1);
                rig_until(&rig, line_free);
        }
        CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
        none = (struct rlimit){ 0, files.rlim_max };
        CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
        send_now();
        CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
        CHECK(line_free(&rig) && outbox_pending(&rig.core) == 1);
        rig_script(&rig, "");
        while (!drained(&rig))
                hurry();
        CHECK(anchors() == 1 && rig_effects(&rig, "anchor") == 1);
        close_station();
}

static void make_anchor(void)
{
        char intent[UUID_TEXT];

        begin_tx();
        call_anchor(&rig.core.ledger, intent);
        CHECK(core_commit(&rig.core, &err));
}

/* The ledger is lost in the commit that records the answer: the call stays open, and its answer is the same next time.
 */
static void test_lost_at_the_answer(void)
{
        long at = 0;

        open_station();
        for (int i = 1; i <= 3; i++) {
                make_anchor();
                send_now(); /* from here on only the answer needs the ledger */
                fail_sqlite(i == 3 ? at : 0, FAIL_FOREVER, SQLITE_IOERR);
                rig_until(&rig, line_free);
                at = fail_sqlite_commit();
                CHECK(at > 0 && rig.core.ledger_lost == (i == 3));
                fail_sqlite(0, FAIL_ONCE, 0);
        }
        rig_close(&rig);
        rig_open(&rig, fakes);
        while (!drained(&rig))
                hurry();
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='anchor' AND state='done'") == 3);
        close_station();
}

/* More calls rest alone than there are places: then the connection as a whole rests. */
static void test_no_place_left(void)
{
        struct outbox *o = &rig.core.outbox;

        open_station();
        rig_script(&rig, "net anchor nonsense\n");
        news();
        for (size_t i = 0; i < OUTBOX_RESTING_MAX; i++) {
                (void)snprintf(o->resting[i].intent, sizeof o->resting[i].intent, "somebody-%zu", i);
                o->resting[i].until = now_boot_ms() + 3600000;
        }
        fire_anchor();
        while (o->failures == 0)
                rig_run(&rig, 5);
        CHECK(!o->portal_up && !drained(&rig));
        rig_script(&rig, "");
        while (!drained(&rig))
                hurry();
        close_station();
}

/* ---- values that break the contract --------------------------------------------------------------------------------
 */

static void refused(const char *what)
{
        CHECK(ledger_commit(&rig.core.ledger, &err) == LEDGER_NOT_DONE);
        if (err.kind != ERR_BUG)
                fprintf(stderr, "%s: %s\n", what, err.text);
        CHECK(err.kind == ERR_BUG);
}

/* A transaction that has failed before makes no call either. */
static void fail_before(void)
{
        begin_tx();
        ledger_refuse(&rig.core.ledger, ERR_BUG, REASON_INTERNAL, "failed before");
}

static void test_bad_values(void)
{
        struct ledger *l = &rig.core.ledger;
        struct call_gone gone = { .application = "APP-0001",
                                  .serial = "SC-1405-000101",
                                  .from = "nowhere",
                                  .cause = "card_dust",
                                  .text = "",
                                  .fate = "unwritten" };
        char intent[UUID_TEXT], head[AUDIT_HASH_TEXT];
        int64_t before;

        open_station();
        rig_offer(&rig, "APP-0001");
        before = rig_count(&rig, "SELECT count(*) FROM intent");
        begin_tx();
        call_claim(l, "?", intent);
        refused("claim");
        begin_tx();
        call_begin(l, "APP-0001", NULL, "0123456789", "no day", NULL, intent);
        refused("begin, day");
        begin_tx();
        call_begin(l, "APP-0001", NULL, "short", "2026-11-21", NULL, intent);
        refused("begin, face");
        begin_tx();
        call_report(l, "APP-0001", "SC-1405-000101"); /* it has no card */
        refused("report");
        begin_tx();
        call_spoil(l, &gone);
        refused("spoil");
        gone.minutes = "";
        gone.minutes_sha256 = "no digest";
        begin_tx();
        call_spoil(l, &gone);
        refused("spoil, minutes");
        begin_tx();
        call_void(l, &gone);
        refused("void");
        memcpy(head, l->head, sizeof head);
        begin_tx();
        l->head[3] = '?';
        call_anchor(l, intent);
        refused("anchor, head");
        CHECK(strcmp(l->head, head) == 0);
        begin_tx();
        l->epoch = -1;
        call_anchor(l, intent);
        refused("anchor, epoch");
        fail_before();
        call_anchor(l, intent);
        call_spoil(l, &gone);
        call_void(l, &gone);
        call_report(l, "APP-0001", "SC-1405-000101");
        refused("failed before");
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent") == before);
        close_station();
}

/* A record from which something is missing or malformed is not reported. */
static void test_incomplete_record(void)
{
        static const char *const damages[] = {
                "UPDATE blank SET chip_id='00', version=version+1 WHERE serial='SC-1405-000102'",
                "UPDATE blank SET chip_id='xyz' WHERE serial='SC-1405-000102'",
                "UPDATE blank SET sod_sha256='50d' WHERE serial='SC-1405-000102'",
                "UPDATE application SET data_sha256=NULL WHERE id='APP-0002'",
                "UPDATE application SET data_sha256='da7a' WHERE id='APP-0002'",
                "UPDATE card SET issue_date='no day' WHERE application='APP-0002'",
                "UPDATE card SET face_code='short' WHERE application='APP-0002'",
        };
        struct ledger *l = &rig.core.ledger;

        open_station();
        rig_offer(&rig, "APP-0002");
        rig_card(&rig, "APP-0002", "SC-1405-000102", "verified");
        for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
                begin_tx();
                ledger_run(l, damages[i], "");
                CHECK(ledger_ok(l));
                call_report(l, "APP-0002", "SC-1405-000102");
                refused(damages[i]);
        }
        begin_tx(); /* whole, but for the chain's head */
        l->head[3] = '?';
        call_report(l, "APP-0002", "SC-1405-000102");
        refused("the head");
        for (long n = 1; n < 12; n++) { /* the record cannot be read */
                begin_tx();
                fail_sqlite(n, FAIL_ONCE, SQLITE_IOERR);
                call_report(l, "APP-0002", "SC-1405-000102");
                fail_sqlite(0, FAIL_ONCE, 0);
                refused("unreadable");
        }
        close_station();
}

/* The ledger fails while a refusal is recorded: for once, and it is asked again; for good, and nothing goes on. */
static void test_refusal_not_recorded(void)
{
        static const char body[] = "{\"error\":{\"reason\":\"fenced\",\"text\":\"x\"}}";
        struct net_answer a = { .status = 409, .type = NET_JSON, .date = -1, .retry_after_s = -1 };
        enum call_verdict verdict = CALL_LATER;
        char intent[UUID_TEXT];
        long n;

        open_station();
        begin_tx();
        call_anchor(&rig.core.ledger, intent);
        CHECK(core_commit(&rig.core, &err));
        for (n = 1; verdict == CALL_LATER; n++) {
                fail_sqlite(n, FAIL_ONCE, SQLITE_IOERR);
                verdict = call_answered(&rig.core, intent, &a, BYTES_STR(body), &err);
                fail_sqlite(0, FAIL_ONCE, 0);
                CHECK(rig_is(&rig, ENTITY_INTENT, intent, verdict == CALL_LATER ? "running" : "refused"));
        }
        CHECK(n > 10 && verdict == CALL_CLOSED);
        make_anchor();
        rig_text(&rig, "SELECT id FROM intent ORDER BY rowid DESC LIMIT 1", intent, sizeof intent);
        for (verdict = CALL_LATER, n = 1; verdict == CALL_LATER; n++) {
                fail_sqlite(n, FAIL_FOREVER, SQLITE_IOERR);
                verdict = call_answered(&rig.core, intent, &a, BYTES_STR(body), &err);
                fail_sqlite(0, FAIL_ONCE, 0);
        }
        CHECK(verdict == CALL_STOPPED && rig.core.ledger_lost);
        close_station();
}

/* Several calls rest, each for its own time; the first to wake is waited for. */
static void test_each_rests_alone(void)
{
        struct outbox *o = &rig.core.outbox;
        char intent[UUID_TEXT];

        open_station();
        rig_script(&rig, "net anchor nonsense\n");
        for (int i = 0; i < 3; i++) {
                begin_tx();
                call_anchor(&rig.core.ledger, intent);
                CHECK(core_commit(&rig.core, &err));
        }
        for (int i = 0; i < 12; i++) { /* none of them is picked while all three rest */
                outbox_kick(o);
                rig_run(&rig, 5);
        }
        CHECK(outbox_pending(&rig.core) == 3 && o->resting[0].intent[0] && o->resting[1].intent[0] &&
              o->resting[2].intent[0]);
        for (size_t i = 0; i < 3; i++)
                o->resting[i].until = now_boot_ms(); /* awake again: the second failure rests longer */
        loop_timer_set(&rig.core.loop, &o->timer, now_boot_ms() + 1);
        rig_run(&rig, 100);
        CHECK(o->resting[0].failures + o->resting[1].failures + o->resting[2].failures == 6);
        rig_script(&rig, "");
        while (!drained(&rig))
                hurry();
        close_station();
}

int main(int argc, char **argv)
{
        CHECK(argc == 3 || argc == 4);
        data = argv[1];
        fakes = argv[2];
        if (argc == 4)
                stride = 1;
        test_anchors();
        test_ledger_fails();
        for (long n = 1; n < 40; n += 19)
                test_ledger_lost(n);
        test_portal_asks_for_peace("net anchor 503 busy\n");
        test_portal_asks_for_peace("net anchor 429 busy\n");
        test_broken_answers();
        test_told_to_wait();
        test_sending_fails();
        test_lost_at_the_answer();
        test_no_place_left();
        test_bad_values();
        test_incomplete_record();
        test_refusal_not_recorded();
        test_each_rests_alone();
        return 0;
}
