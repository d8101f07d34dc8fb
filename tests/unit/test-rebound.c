/* A new installation and what the former one had begun: nothing of it is printed before two people of two offices say
 * what became of the card. Argument: tests/data. */
#include "daemon/core/pick.h"
#include "daemon/core/rebound.h"
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

/* What this ledger began itself is no question. */
static void test_own(void)
{
        struct attempt a = { .application = APP };

        rig_init(&rig, data);
        rig_bare(&rig);
        rig_offer(&rig, APP);
        CHECK(attempt_prepare(&rig.core, &a, &rig_expert, &err) == 0);
        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_run(&rig.core.ledger, "UPDATE application SET fence=5 WHERE id=?1", "s", APP);
        attempt_begin(&rig.core, &a, "a", "00", "MOHR1:X");
        CHECK(core_commit(&rig.core, &err));
        hello_says(a.face_code);
        list_says("bound", "self");
        CHECK(app_is("bound") && cases() == 0 && rig_count(&rig, "SELECT count(*) FROM card") == 1 && may_print());
        attempt_done(&a);
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
        return 0;
}
