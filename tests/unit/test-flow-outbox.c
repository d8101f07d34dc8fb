/* The outbox with a portal that misbehaves: every call ends once, with the same key and bytes; the order is kept per
 * application and nobody waits for another's trouble; the same after a restart. Arguments: tests/data, station-fake. */
#include "daemon/core/custody/spoil.h"
#include "daemon/core/portal/portal_calls.h"
#include "tests/unit/station-rig.h"
#include <signal.h>
#include <sys/wait.h>

static struct rig rig;
static const char *data, *fakes;
static struct error err;

static void open_station(void)
{
        rig_init(&rig, data);
        rig_open(&rig, fakes);
        rig_load(&rig, "SC-1405-000109");
}

static void close_station(void)
{
        rig_close(&rig);
        rig_done(&rig);
}

/* An issued card and its report. */
static void issue(unsigned n)
{
        char id[APPLICATION_TEXT], serial[SERIAL_TEXT];

        (void)snprintf(id, sizeof id, "APP-%04u", n);
        (void)snprintf(serial, sizeof serial, "SC-1405-%06u", 100 + n);
        rig_offer(&rig, id);
        rig_card(&rig, id, serial, "issued");
        ledger_begin(&rig.core.ledger, &rig_expert);
        call_report(&rig.core.ledger, id, serial);
        CHECK(core_commit(&rig.core, &err));
}

static bool drained(struct rig *r)
{
        return outbox_pending(&r->core) == 0;
}

static bool only_one_left(struct rig *r)
{
        return outbox_pending(&r->core) == 1;
}

/* Each call stands in the ledger as done and was applied under its own key. */
static void check_applied(unsigned n)
{
        struct db_rows rows;
        unsigned found = 0;
        char word[80];

        CHECK(ledger_query(&rig.core.ledger, &rows, "SELECT id FROM intent WHERE kind='report' AND state='done'", ""));
        for (; db_next(&rows); found++) {
                (void)snprintf(word, sizeof word, "issuance %s", db_text(&rows, 0));
                CHECK(rig_effects(&rig, word) >= 1);
        }
        CHECK(db_end(&rows) == 0 && found == n);
        CHECK(rig_count(&rig, "SELECT sum(registered) FROM blank") == n);
}

static void test_drain(void)
{
        open_station();
        for (unsigned n = 1; n <= 3; n++)
                issue(n);
        outbox_kick(&rig.core.outbox);
        rig_until(&rig, drained);
        check_applied(3);
        CHECK(rig_effects(&rig, "issuance") == 3 && rig.core.outbox.portal_up);
        close_station();
}

/* Applied, but the answer was lost: the same key again, and the application is not disturbed meanwhile. */
static void test_unheard(void)
{
        open_station();
        rig_script(&rig, "net issuance unheard\n");
        issue(1);
        outbox_kick(&rig.core.outbox);
        while (rig_effects(&rig, "issuance") == 0)
                rig_run(&rig, 10);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='report' AND state='running'") == 1);
        rig_script(&rig, "");
        outbox_kick(&rig.core.outbox);
        rig_until(&rig, drained);
        check_applied(1);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='report'") == 1);
        close_station();
}

/* One call gets nothing but nonsense or own faults; the others pass it by. */
static void test_one_in_trouble(const char *script)
{
        struct spoil_ask ask = {
                .serial = "SC-1405-000109", .cause = "card_dust", .text = "", .no_chip = false, .who = rig_expert
        };

        open_station();
        rig_script(&rig, script);
        CHECK(spoil_record(&rig.core, &ask, "unwritten", NULL, &err) == 0);
        issue(1);
        issue(2);
        outbox_kick(&rig.core.outbox);
        rig_until(&rig, only_one_left);
        check_applied(2);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='spoil' AND state='running'") == 1);
        rig_script(&rig, "");
        rig_until(&rig, drained); /* by itself, after its rest */
        close_station();
}

static bool report_refused(struct rig *r)
{
        return rig_count(r, "SELECT count(*) FROM intent WHERE kind='report' AND state='refused'") == 1;
}

/* A card spoiled while its report is on the way: the report first, then the spoil; a refusal of the one does not stop
 * the other. */
static void test_order(void)
{
        struct spoil_ask ask = {
                .serial = "SC-1405-000101", .cause = "card_surface", .text = "", .no_chip = true, .who = rig_expert
        };

        open_station();
        rig_script(&rig, "net issuance unsent\n");
        issue(1);
        CHECK(spoil_check(&rig.core, &ask, &err) == 0);
        CHECK(spoil_record(&rig.core, &ask, "withdrawn_list", NULL, &err) == 0);
        rig_run(&rig, 300);
        CHECK(rig_effects(&rig, "spoil") == 0 && outbox_pending(&rig.core) == 2);
        rig_script(&rig, "net issuance 409 withdrawn\n");
        outbox_kick(&rig.core.outbox);
        rig_until(&rig, report_refused);
        rig_until(&rig, drained);
        CHECK(rig_effects(&rig, "spoil") == 1 && rig_is(&rig, ENTITY_APPLICATION, "APP-0001", "awaiting_reissue"));
        CHECK(rig_count(&rig, "SELECT count(*) FROM dispute WHERE kind='withdrawn'") == 1);
        close_station();
}

/* Everything that was open at the end goes on under the same keys; mohr-net may die as well. */
static void test_restart(void)
{
        open_station();
        rig_script(&rig, "net issuance unheard\n");
        issue(1);
        issue(2);
        outbox_kick(&rig.core.outbox);
        while (rig_effects(&rig, "issuance") == 0)
                rig_run(&rig, 10);
        rig_close(&rig);
        rig_script(&rig, "");
        rig_open(&rig, fakes);
        CHECK(kill(rig.net, SIGSTOP) == 0);
        rig_run(&rig, 50);
        CHECK(kill(rig.net, SIGCONT) == 0);
        outbox_kick(&rig.core.outbox);
        rig_until(&rig, drained);
        check_applied(2);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='report'") == 2);
        close_station();
}

int main(int argc, char **argv)
{
        CHECK(argc == 3);
        data = argv[1];
        fakes = argv[2];
        test_drain();
        test_unheard();
        test_one_in_trouble("net spoil 500 internal\n");
        test_one_in_trouble("net spoil nonsense\n");
        test_order();
        test_restart();
        return 0;
}
