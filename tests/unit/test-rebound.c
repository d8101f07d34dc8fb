/* A new installation and what the former one had begun: nothing of it is printed before two people of two offices say
 * what became of the card. Argument: tests/data. */
#include "daemon/core/card/pick.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/fsck/fsck.h"
#include "daemon/core/portal/inherit.h"
#include "daemon/core/portal/intake.h"
#include "daemon/core/portal/rebound.h"
#include "tests/unit/station-rig.h"

#define APP "APP-1405-000017"
#define FACE "ABCDEFGH23"
#define SERIAL "SC-1405-000777"

static struct rig rig;
static const char *data;
static struct error err;

static void list_says(const char *stage, const char *held)
{
        cleanup(free_p) char *approval = rig_approval(&rig, APP, NULL);

        ledger_begin(&rig.core.ledger, &who_station);
        approval_take(&rig.core, APP, stage, NULL, NULL, held, approval);
        CHECK(core_commit(&rig.core, &err));
}

static void hello_says(const char *face)
{
        ledger_begin(&rig.core.ledger, &who_station);
        approval_bound(&rig.core, APP, 5);
        rebound_note(&rig.core.ledger, APP, face, "2026-11-20");
        CHECK(core_commit(&rig.core, &err));
}

static void open_rig(void)
{
        rig_init(&rig, data);
        rig_bare(&rig);
        rig_load(&rig, "SC-1405-000103");
        hello_says(FACE);
        list_says("bound", "self");
}

static void close_rig(void)
{
        ledger_close(&rig.core.ledger);
        loop_done(&rig.core.loop);
        free((void *)(uintptr_t)rig.core.portal_ca.p);
        rig_done(&rig);
}

static int decide(const struct who *who, const char *found, const char *serial, const char *face, bool *second)
{
        struct rebound_answer answer = { found, serial, face };

        return rebound_decide(&rig.core, who, APP, &answer, second, &err);
}

static bool app_is(const char *state)
{
        return rig_is(&rig, ENTITY_APPLICATION, APP, state);
}

static bool may_print(void)
{
        char id[APPLICATION_TEXT];

        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_run(&rig.core.ledger, "UPDATE application SET worksheet_at=1, worksheet_by='x' WHERE id=?1", "s", APP);
        CHECK(core_commit(&rig.core, &err));
        return pick_application(&rig.core, "a", APP, id, &err) == 0 ||
               pick_application(&rig.core, "a", NULL, id, &err) == 0;
}

static int64_t cases(void)
{
        return rig_count(&rig, "SELECT count(*) FROM dispute WHERE kind='rebound' AND closed_at IS NULL");
}

static void test_asked(void)
{
        bool second;

        open_rig();
        CHECK(app_is("disputed") && cases() == 1 && !may_print());
        hello_says(FACE); /* at each start again */
        list_says("bound", "self");
        CHECK(app_is("disputed") && cases() == 1 && rig_count(&rig, "SELECT count(*) FROM card") == 1);
        CHECK(decide(&rig_expert, "gone", NULL, NULL, &second) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(decide(&rig_expert, "no_card", SERIAL, NULL, &second) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(decide(&rig_expert, "card_found", SERIAL, NULL, &second) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(decide(&rig_expert, "card_found", SERIAL, "ABCDEFGH24", &second) < 0 &&
              err.reason == REASON_FACE_MISMATCH);
        CHECK(decide(&rig_expert, "card_found", "x", FACE, &second) < 0 && err.reason == REASON_BAD_SERIAL);
        CHECK(cases() == 1 && app_is("disputed"));
        close_rig();
}

static void test_no_card(void)
{
        bool second = false;

        open_rig();
        CHECK(decide(&rig_expert, "no_card", NULL, NULL, &second) == 0 && second && app_is("disputed"));
        CHECK(decide(&rig_expert, "no_card", NULL, NULL, &second) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(decide(&rig_colleague, "no_card", NULL, NULL, &second) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(!may_print());
        CHECK(decide(&rig_security, "no_card", NULL, NULL, &second) == 0 && !second);
        CHECK(app_is("bound") && cases() == 0 && may_print());
        CHECK(decide(&rig_expert, "no_card", NULL, NULL, &second) < 0 && err.reason == REASON_NOT_FOUND);
        close_rig();
}

static void test_found(const char *serial)
{
        bool second = false;

        open_rig();
        CHECK(decide(&rig_expert, "card_found", serial, FACE, &second) == 0 && second);
        CHECK(decide(&rig_security, "card_found", "SC-1405-000778", FACE, &second) == 0 && second); /* not the same */
        CHECK(decide(&rig_security, "card_found", serial, FACE, &second) == 0 && !second);
        CHECK(rig_is(&rig, ENTITY_BLANK, serial, "spoiled") && app_is("awaiting_reissue") && cases() == 0 &&
              !may_print());
        CHECK(rig_count(&rig,
                        "SELECT count(*) FROM blank b JOIN card k ON k.id=b.card WHERE b.state='spoiled' AND "
                        "b.application='" APP "' AND k.face_code='" FACE "' AND chip_fate='withdrawn_list'") == 1);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='spoil' AND state='running' AND "
                              "json_extract(CAST(payload AS TEXT),'$.stage')='printed' AND "
                              "json_extract(CAST(payload AS TEXT),'$.fence')=5") == 1);
        close_rig();
}

static void begin_here(struct attempt *a)
{
        rig_offer(&rig, APP);
        CHECK(attempt_prepare(&rig.core, a, &rig_expert, &err) == 0);
        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_run(&rig.core.ledger, "UPDATE application SET fence=5 WHERE id=?1", "s", APP);
        attempt_begin(&rig.core, a, "a", "00", "MOHR1:X");
        CHECK(core_commit(&rig.core, &err));
}

/* What this ledger began itself is no question. */
static void test_own(void)
{
        struct attempt a = { .application = APP };

        rig_init(&rig, data);
        rig_bare(&rig);
        begin_here(&a);
        hello_says(a.face_code);
        list_says("bound", "self");
        CHECK(app_is("bound") && cases() == 0 && rig_count(&rig, "SELECT count(*) FROM card") == 1 && may_print());
        attempt_done(&a);
        close_rig();
}

/* ---- spoiled by the former installation ----------------------------------------------------------------------------
 */

static void open_new(void)
{
        rig_init(&rig, data);
        rig_bare(&rig);
        rig.core.sync.greeted = true;
}

/* The portal's hello: it waits for headquarters since this serial was spoiled or void. */
static void hello_says_spoiled(const char *serial)
{
        ledger_begin(&rig.core.ledger, &who_station);
        approval_bound(&rig.core, APP, 5);
        rebound_note(&rig.core.ledger, APP, FACE, "2026-11-20");
        inherit_spoiled(&rig.core.ledger, APP, serial, FACE);
        (void)inherit_wait(&rig.core.ledger, APP);
        CHECK(core_commit(&rig.core, &err));
}

static void headquarters_grants(const char *serial)
{
        cleanup(free_p) char *jws = rig_reissue(&rig, "AUTH-1", APP, serial);
        char body[8000];
        bool more;

        (void)snprintf(body, sizeof body,
                       "{\"items\":[{\"cursor\":\"c1\",\"authorisation\":\"%s\"}],\"next\":\"c1\",\"more\":false}",
                       jws);
        CHECK(intake_page(&rig.core, SYNC_REISSUES, (struct bytes){ (const uint8_t *)body, strlen(body) }, &more,
                          &err) == 0);
}

static void broken(void *context, const struct fsck_fault *fault)
{
        (void)context;
        (void)fprintf(stderr, "%s: %s: %s\n", fault->rule->name, fault->subject, fault->detail);
}

/* The authorisation is there, names the serial, and the next card begins with it; the ledger is in order. */
static void check_granted(const char *serial)
{
        struct attempt a = { .application = APP };
        char path[256];
        int64_t n = 0;

        CHECK(app_is("authorised") && rig_is(&rig, ENTITY_BLANK, serial, "spoiled") && may_print());
        CHECK(rig_count(&rig, "SELECT count(*) FROM blank b JOIN card k ON k.id=b.card JOIN reissue r ON "
                              "r.spoiled_serial=b.serial WHERE k.face_code='" FACE "' AND k.application='" APP
                              "' AND b.application='" APP "' AND r.id='AUTH-1'") == 1);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent") == 0); /* the portal is told nothing */
        CHECK(attempt_prepare(&rig.core, &a, &rig_expert, &err) == 0 && strcmp(a.reissue, "AUTH-1") == 0 &&
              a.authorisation && !attempt_needs_claim(&rig.core, &a) && strcmp(a.face_code, FACE) != 0);
        attempt_done(&a);
        (void)snprintf(path, sizeof path, "%s/snapshot.db", rig.dir);
        CHECK(ledger_snapshot(&rig.core.ledger, path, &err) == 0);
        CHECK(fsck_file(path, false, broken, NULL, &n, &err) == 0 && n == 0 && unlink(path) == 0);
}

/* stock: what this ledger takes the serial for; NULL: nothing. */
static void test_spoiled_before(const char *serial, bool stock)
{
        open_new();
        if (stock)
                rig_load(&rig, "SC-1405-000103");
        hello_says_spoiled(serial);
        list_says("awaiting_reissue", "self");
        CHECK(app_is("awaiting_reissue") && rig.core.sync.greeted && !may_print() && cases() == 0);
        hello_says_spoiled(serial); /* at each start again */
        list_says("awaiting_reissue", "self");
        CHECK(app_is("awaiting_reissue") && rig_count(&rig, "SELECT count(*) FROM card") == 1);
        headquarters_grants(serial);
        hello_says_spoiled(serial);
        list_says("awaiting_reissue", "self");
        check_granted(serial);
        close_rig();
}

/* The old copy tells it late, when the question was asked already: hello is said again, and what was granted before is
 * read again. */
static void test_spoiled_late(bool settled)
{
        bool second;

        open_rig();
        rig.core.sync.greeted = true;
        if (settled) {
                CHECK(decide(&rig_expert, "no_card", NULL, NULL, &second) == 0);
                CHECK(decide(&rig_security, "no_card", NULL, NULL, &second) == 0 && app_is("bound"));
        }
        headquarters_grants(SERIAL);
        list_says("awaiting_reissue", "self");
        CHECK(!rig.core.sync.greeted && app_is(settled ? "bound" : "disputed"));
        hello_says_spoiled(SERIAL);
        CHECK(app_is("awaiting_reissue") && cases() == 0);
        CHECK(rig_count(&rig, "SELECT count(*) FROM meta WHERE key='cursor.reissues'") == 0);
        headquarters_grants(SERIAL);
        CHECK(app_is("authorised") && rig_is(&rig, ENTITY_BLANK, SERIAL, "spoiled"));
        close_rig();
}

/* What this ledger knows better, and what nobody can make sense of, changes nothing. */
static void test_spoiled_not(void)
{
        struct attempt a = { .application = APP };

        open_new();
        begin_here(&a);
        ledger_begin(&rig.core.ledger, &who_station);
        inherit_spoiled(&rig.core.ledger, APP, SERIAL, a.face_code); /* begun here */
        inherit_spoiled(&rig.core.ledger, APP, "x", FACE);
        inherit_spoiled(&rig.core.ledger, APP, SERIAL, FACE); /* no such card */
        CHECK(inherit_wait(&rig.core.ledger, APP) && core_commit(&rig.core, &err));
        CHECK(app_is("offered") && rig_count(&rig, "SELECT count(*) FROM blank") == 0);
        attempt_done(&a);
        close_rig();
}

/* ---- taken back by headquarters ------------------------------------------------------------------------------------
 */

static int64_t ended(const char *found)
{
        char sql[200];

        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM audit WHERE event='case_closed' AND actor='station' AND "
                       "json_extract(body,'$.found')='%s'",
                       found);
        return rig_count(&rig, sql);
}

static void test_unbound(const char *stage, const char *held, const char *state)
{
        bool second;

        open_rig();
        CHECK(decide(&rig_expert, "no_card", NULL, NULL, &second) == 0 && second && app_is("disputed"));
        list_says(stage, held);
        CHECK(app_is(state) && cases() == 0 && ended("unbound") == 1);
        CHECK(decide(&rig_security, "no_card", NULL, NULL, &second) < 0 && err.reason == REASON_NOT_FOUND);
        list_says(stage, held);
        CHECK(app_is(state) && ended("unbound") == 1);
        close_rig();
}

/* Another case goes on; the withdrawn one is nobody's to print, and its former card still a question. */
static void test_unbound_not(void)
{
        open_rig();
        ledger_begin(&rig.core.ledger, &who_station);
        case_open(&rig.core.ledger, "claim", APP, NULL, NULL, "x");
        CHECK(core_commit(&rig.core, &err));
        list_says("approved", "none");
        CHECK(app_is("disputed") && cases() == 0);
        close_rig();
        open_rig();
        list_says("withdrawn", "none");
        CHECK(app_is("disputed") && cases() == 1);
        close_rig();
}

int main(int argc, char **argv)
{
        CHECK(argc == 2);
        data = argv[1];
        test_asked();
        test_no_card();
        test_found(SERIAL);
        test_found("SC-1405-000102"); /* this ledger took it for a blank in the hopper */
        test_own();
        test_spoiled_before(SERIAL, false);
        test_spoiled_before("SC-1405-000102", true); /* this ledger took it for a blank in the hopper */
        test_spoiled_late(false);
        test_spoiled_late(true);
        test_spoiled_not();
        test_unbound("approved", "none", "offered");
        test_unbound("awaiting_reissue", "none", "offered");
        test_unbound("claimed", "other", "in_chain");
        test_unbound_not();
        return 0;
}
