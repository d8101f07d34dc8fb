/* What people do at the desk: stock, hopper, inspection, putting a double feed right, spoiling at every stage, acts of
 * two people; and what a ledger full of blanks costs one turn of the loop. Argument: tests/data. */
#include "daemon/core/card/pick.h"
#include "daemon/core/custody/spoil.h"
#include "daemon/core/custody/stock.h"
#include "daemon/core/ledger/act.h"
#include "tests/unit/station-rig.h"

static struct rig rig;
static const char *data;
static struct error err;

static void open_rig(const char *last_serial, unsigned n_applications)
{
        rig_init(&rig, data);
        rig_bare(&rig);
        rig_load(&rig, last_serial);
        for (unsigned i = 1; i <= n_applications; i++) {
                char id[APPLICATION_TEXT];

                (void)snprintf(id, sizeof id, "APP-%04u", i);
                rig_offer(&rig, id);
        }
}

static void close_rig(void)
{
        ledger_close(&rig.core.ledger);
        loop_done(&rig.core.loop);
        free((void *)(uintptr_t)rig.core.portal_ca.p);
        rig_done(&rig);
}

static bool blank_is(unsigned n, const char *state)
{
        char serial[SERIAL_TEXT];

        (void)snprintf(serial, sizeof serial, "SC-1405-%06u", n);
        return rig_is(&rig, ENTITY_BLANK, serial, state);
}

/* ---- stock ----------------------------------------------------------------------------------------------------------
 */

static int add(const char *from, const char *to)
{
        int64_t n;

        return stock_add(&rig.core, &rig_expert, from, to, &n, &err);
}

static void next_is(const char *wanted)
{
        char serial[SERIAL_TEXT] = "";

        ledger_begin(&rig.core.ledger, &rig_expert);
        pick_blank(&rig.core.ledger, "a", serial);
        CHECK(core_commit(&rig.core, &err) && strcmp(serial, wanted) == 0);
}

static void test_stock(void)
{
        int64_t n = 0;

        open_rig("SC-1405-000105", 0);
        CHECK(add("SC-1405-000105", "SC-1405-000106") < 0 && err.reason == REASON_SERIAL_USED);
        CHECK(rig_count(&rig, "SELECT count(*) FROM blank") == 5); /* all of them or none */
        CHECK(add("SC-1405-000107", "SC-1405-000106") < 0 && err.reason == REASON_BAD_SERIAL);
        CHECK(add("SC-1405-000107", "SD-1405-000108") < 0 && err.reason == REASON_BAD_SERIAL);
        CHECK(add("SC-1405-100000", "SC-1405-999999") < 0 && err.reason == REASON_BAD_SERIAL);
        CHECK(add("sc-1405-000107", "sc-1405-000108") < 0 && err.reason == REASON_BAD_SERIAL);
        CHECK(stock_load(&rig.core.lines[0], &rig_expert, "SC-1405-000105", "SC-1405-000106", &n, &err) < 0 &&
              err.reason == REASON_SERIAL_USED);
        CHECK(add("SC-1405-000106", "SC-1405-000110") == 0);
        CHECK(stock_load(&rig.core.lines[0], &rig_expert, "SC-1405-000110", "SC-1405-000111", &n, &err) < 0 &&
              err.reason == REASON_SERIAL_NOT_HERE && blank_is(110, "room"));
        next_is("SC-1405-000101");
        CHECK(stock_unload(&rig.core.lines[0], &rig_expert, &n, &err) == 0 && n == 5 && blank_is(105, "room"));
        rig.core.config.lines[0].feed = FEED_DESCENDING;
        CHECK(stock_load(&rig.core.lines[0], &rig_expert, "SC-1405-000101", "SC-1405-000103", &n, &err) == 0);
        next_is("SC-1405-000103");
        CHECK(stock_load(&rig.core.lines[0], &rig_expert, "SC-1405-000104", "SC-1405-000105", &n, &err) == 0);
        next_is("SC-1405-000103"); /* the later ones lie behind */
        close_rig();
}

/* ---- inspection and a double feed
 * ------------------------------------------------------------------------------------ */

static void face_of(const char *application, char ret[FACE_CODE_TEXT])
{
        CHECK(ledger_get_text(&rig.core.ledger, ret, FACE_CODE_TEXT,
                              "SELECT face_code FROM card WHERE application=?1 ORDER BY attempt DESC", "s",
                              application));
}

static struct sorted sorted(const char *serial, const char *application)
{
        struct sorted s = { 0 };

        (void)snprintf(s.serial, sizeof s.serial, "%s", serial);
        if (application)
                face_of(application, s.face);
        return s;
}

static int sort_as(const struct who *who, const struct sorted *cards, size_t n, const char *next, bool *second)
{
        return stock_sort(&rig.core.lines[0], who, cards, n, next, second, &err);
}

/* Faces of 1, 2, 3 were sent to 101, 102, 103. The first is accepted; then two blanks went through together: face 2
 * lies on 103, face 3 on 104, and 102 came out empty. */
static void make_double_feed(void)
{
        open_rig("SC-1405-000106", 4);
        rig_card(&rig, "APP-0001", "SC-1405-000101", "accepted");
        rig_card(&rig, "APP-0002", "SC-1405-000102", "printed");
        rig_card(&rig, "APP-0003", "SC-1405-000103", "printed");
}

static bool bears(const char *serial, const char *application)
{
        return ledger_get_int(&rig.core.ledger,
                              "SELECT count(*) FROM blank b JOIN card k ON k.id=b.card WHERE b.serial=?1 AND "
                              "b.application=?2 AND k.application=?2 AND b.state='printed'",
                              "ss", serial, application) == 1;
}

static void test_double_feed(void)
{
        struct sorted cards[3];
        char face[FACE_CODE_TEXT];
        bool second = false;

        make_double_feed();
        face_of("APP-0002", face);
        CHECK(inspect_accept(&rig.core, &rig_expert, face, "SC-1405-000103", &err) < 0 &&
              err.reason == REASON_FACE_MISMATCH);
        CHECK(line_check(&rig.core.lines[0], &err) < 0 && err.reason == REASON_FACE_MISMATCH);
        cards[0] = sorted("SC-1405-000102", NULL);
        cards[1] = sorted("SC-1405-000103", "APP-0002");
        cards[2] = sorted("SC-1405-000104", "APP-0003");
        CHECK(sort_as(&rig_expert, cards, 2, "SC-1405-000105", &second) < 0 && err.reason == REASON_SERIAL_MISMATCH);
        CHECK(sort_as(&rig_expert, cards, 3, "SC-1405-000105", &second) == 0 && second && blank_is(102, "printed"));
        CHECK(sort_as(&rig_colleague, cards, 3, "SC-1405-000105", &second) < 0 && err.reason == REASON_SAME_PERSON);
        CHECK(sort_as(&rig_security, cards, 3, "SC-1405-000105", &second) == 0 && !second);
        CHECK(blank_is(102, "room") && bears("SC-1405-000103", "APP-0002") && bears("SC-1405-000104", "APP-0003"));
        CHECK(blank_is(101, "accepted") && line_check(&rig.core.lines[0], &err) == 0);
        CHECK(inspect_accept(&rig.core, &rig_expert, face, "SC-1405-000103", &err) == 0);
        next_is("SC-1405-000105");
        close_rig();
}

static void test_false_sorts(void)
{
        struct sorted cards[4];
        bool second;

        make_double_feed();
        rig_card(&rig, "APP-0004", "SC-1405-000104", "printed");
        cards[0] = sorted("SC-1405-000102", "APP-0002");
        cards[1] = sorted("SC-1405-000103", "APP-0002"); /* one face twice */
        cards[2] = sorted("SC-1405-000104", "APP-0004");
        CHECK(sort_as(&rig_expert, cards, 3, "SC-1405-000105", &second) < 0 && err.reason == REASON_BAD_REQUEST);
        cards[1] = sorted("SC-1405-000103", "APP-0003");
        cards[3] = sorted("SC-1405-000102", NULL); /* one serial twice */
        CHECK(sort_as(&rig_expert, cards, 4, "SC-1405-000105", &second) < 0 && err.reason == REASON_BAD_REQUEST);
        cards[1] = sorted("SC-1405-000103", "APP-0001"); /* the face of an accepted card */
        CHECK(sort_as(&rig_expert, cards, 3, "SC-1405-000105", &second) < 0 && err.reason == REASON_FACE_MISMATCH);
        cards[1] = sorted("SC-1405-000103", "APP-0003");
        (void)strcpy(cards[1].face, "0000000000"); /* nobody's face */
        CHECK(sort_as(&rig_expert, cards, 3, "SC-1405-000105", &second) < 0 && err.reason == REASON_FACE_MISMATCH);
        cards[1] = sorted("SC-1405-000103", "APP-0003");
        cards[3] = sorted("SC-1405-000101", "APP-0001"); /* an accepted card */
        CHECK(sort_as(&rig_expert, cards, 4, "SC-1405-000105", &second) < 0 && err.reason == REASON_SERIAL_USED);
        cards[1] = sorted("SC-1405-000103", "APP-0003");
        CHECK(sort_as(&rig_expert, cards, 3, "SC-1405-000777", &second) < 0 && err.reason == REASON_SERIAL_NOT_HERE);
        CHECK(sort_as(&rig_expert, cards, 3, "SC-1405-000105", &second) == 0 && !second); /* all as expected */
        CHECK(bears("SC-1405-000102", "APP-0002") && bears("SC-1405-000104", "APP-0004"));
        close_rig();
}

/* A face that was thought to be on no card turns up: the line holds. */
static void test_face_from_nowhere(void)
{
        char face[FACE_CODE_TEXT];

        open_rig("SC-1405-000106", 1);
        rig_card(&rig, "APP-0001", "SC-1405-000101", "printing");
        face_of("APP-0001", face);
        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_move(&rig.core.ledger, ENTITY_BLANK, "SC-1405-000101", "not_started", NULL, NULL);
        ledger_move_set(&rig.core.ledger, ENTITY_BLANK, "SC-1405-000101", "free", NULL, NULL,
                        "UPDATE blank SET state=?2, card=NULL, application=NULL WHERE serial=?1", "");
        CHECK(core_commit(&rig.core, &err));
        CHECK(inspect_accept(&rig.core, &rig_expert, face, "SC-1405-000101", &err) < 0);
        CHECK(line_check(&rig.core.lines[0], &err) < 0 && err.reason == REASON_SERIAL_MISMATCH);
        close_rig();
}

/* ---- spoiling
 * -------------------------------------------------------------------------------------------------------- */

static int spoil(const char *cause, const char *text)
{
        struct spoil_ask ask = {
                .serial = "SC-1405-000101", .cause = cause, .text = text, .no_chip = false, .who = rig_expert
        };

        if (spoil_check(&rig.core, &ask, &err) < 0)
                return -1;
        return spoil_record(&rig.core, &ask, spoil_needs_chip(&rig.core, ask.serial) ? "withdrawn_list" : "unwritten",
                            NULL, &err);
}

/* always: headquarters' word is needed at every stage; registered: only once the serial was reported (note 3). */
static void test_spoil_stages(bool registered_rule)
{
        static const struct {
                const char *state;
                bool on_chip;
        } rows[] = { { "printing", false }, { "printed", false }, { "accepted", false }, { "writing", false },
                     { "written", true },   { "verified", true }, { "issued", true } };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bool issued = strcmp(rows[i].state, "issued") == 0;

                open_rig("SC-1405-000103", 1);
                rig.core.config.station.reissue_authorisation = registered_rule ? REISSUE_REGISTERED : REISSUE_ALWAYS;
                rig_card(&rig, "APP-0001", "SC-1405-000101", rows[i].state);
                if (issued) { /* its report is still on the way: the spoil goes behind it */
                        ledger_begin(&rig.core.ledger, &rig_expert);
                        ledger_run(&rig.core.ledger,
                                   "INSERT INTO audit SELECT max(seq)+1,1,?1,?2,'b',1,1,'a','r','born','intent',"
                                   "'6f1c1f6e-8f7a-4b7e-9d0a-2f3b5c6d7e8f',NULL,'running',NULL,'{}' FROM audit",
                                   "ss", rig.core.ledger.head, audit_first_prev);
                        ledger_run(&rig.core.ledger,
                                   "INSERT INTO intent(id,kind,state,application,serial,actor,role,payload,"
                                   "payload_sha256,boot_id,started_at,started_boot) VALUES('6f1c1f6e-8f7a-4b7e-9d0a-"
                                   "2f3b5c6d7e8f','report','running','APP-0001','SC-1405-000101','a','r',x'00','0','b',"
                                   "1,1)",
                                   "");
                        CHECK(core_commit(&rig.core, &err));
                        (void)ledger_get_text(&rig.core.ledger, rig.core.ledger.head, AUDIT_HASH_TEXT,
                                              "SELECT hash FROM audit ORDER BY seq DESC LIMIT 1", "");
                        rig.core.ledger.seq++;
                }
                CHECK(spoil_needs_chip(&rig.core, "SC-1405-000101") == rows[i].on_chip);
                CHECK(spoil("card_surface", "") == 0 && blank_is(101, "spoiled"));
                CHECK(rig_is(&rig, ENTITY_APPLICATION, "APP-0001",
                             !registered_rule || issued ? "awaiting_reissue" : "bound"));
                CHECK(rig_count(&rig, "SELECT count(*) FROM intent WHERE kind='spoil' AND instr(CAST(payload AS TEXT),"
                                      "'\"registered\":true')>0") == issued);
                CHECK(spoil("card_surface", "") < 0 && err.reason == REASON_WRONG_STATE); /* absorbing */
                close_rig();
        }
}

static void test_spoil_asks(void)
{
        char who[APPLICATION_TEXT];

        open_rig("SC-1405-000103", 1);
        CHECK(spoil("bad_luck", "") < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(spoil("other", "") < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(spoil("other", "a\x07") < 0 && err.reason == REASON_BAD_TEXT);
        CHECK(spoil("other", "x\xE2\x80\xAEy") < 0 && err.reason == REASON_BAD_TEXT);
        CHECK(spoil("card_dust", "") == 0 && blank_is(101, "spoiled")); /* a blank of the hopper, of nobody */
        CHECK(rig_is(&rig, ENTITY_APPLICATION, "APP-0001", "offered"));
        close_rig();
        open_rig("SC-1405-000103", 1);
        rig_card(&rig, "APP-0001", "SC-1405-000101", "accepted");
        CHECK(pick_application(&rig.core, "a", "APP-0001", who, &err) < 0 && err.reason == REASON_WRONG_STATE);
        CHECK(spoil("other", "شکست") == 0);
        CHECK(pick_application(&rig.core, "a", "APP-0001", who, &err) < 0 && err.reason == REASON_AWAITING_REISSUE);
        CHECK(rig_count(&rig, "SELECT count(*) FROM audit WHERE body LIKE '%شکست%'") == 0); /* free text is no audit */
        close_rig();
}

static void test_spoil_found(void)
{
        open_rig("SC-1405-000103", 1);
        rig_card(&rig, "APP-0001", "SC-1405-000101", "accepted");
        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_move(&rig.core.ledger, ENTITY_BLANK, "SC-1405-000101", "miss", NULL, NULL);
        ledger_move(&rig.core.ledger, ENTITY_BLANK, "SC-1405-000101", "find", NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
        CHECK(spoil("card_surface", "") == 0 && blank_is(101, "spoiled"));
        CHECK(rig_count(&rig, "SELECT count(*) FROM blank WHERE spoiled_from='accepted'") == 1);
        close_rig();
}

/* ---- acts of two people
 * ----------------------------------------------------------------------------------------------- */

static enum act_turn act(const struct who *who, const char *what)
{
        cleanup(json_p) json_t *body = json_pack("{s:s}", "what", what);
        enum act_turn turn;

        ledger_begin(&rig.core.ledger, who);
        turn = act_turn(&rig.core.ledger, "test", body);
        CHECK(core_commit(&rig.core, &err) == (turn != ACT_REFUSED));
        return turn;
}

static void test_acts(void)
{
        open_rig("SC-1405-000101", 0);
        CHECK(act(&rig_expert, "x") == ACT_FIRST);
        CHECK(act(&rig_expert, "x") == ACT_REFUSED && err.reason == REASON_SAME_PERSON);
        CHECK(act(&rig_colleague, "x") == ACT_REFUSED && err.reason == REASON_SAME_PERSON); /* the same office */
        CHECK(act(&rig_security, "y") == ACT_FIRST);                                        /* another body */
        CHECK(act(&rig_security, "x") == ACT_SECOND);
        CHECK(act(&rig_security, "x") == ACT_FIRST); /* signed and done: a new one begins */
        CHECK(rig_count(&rig, "SELECT count(*) FROM act WHERE confirmed_by IS NOT NULL") == 1);
        close_rig();
}

/* ---- once in doubt, shut
 * ----------------------------------------------------------------------------------------------- */

static void test_lost_ledger(void)
{
        int64_t n;

        open_rig("SC-1405-000103", 1);
        ledger_close(&rig.core.ledger);
        rig.core.ledger.lost = true;
        CHECK(add("SC-1405-000201", "SC-1405-000202") < 0 && err.reason == REASON_LEDGER && rig.core.ledger_lost);
        CHECK(stock_unload(&rig.core.lines[0], &rig_expert, &n, &err) < 0 && rig.core.loop.quit);
        CHECK(rig_count(&rig, "SELECT count(*) FROM blank") == 0 && outbox_pending(&rig.core) == 0);
        close_rig();
}

/* ---- one turn of the loop
 * ------------------------------------------------------------------------------------------------ */

static void test_big_range(void)
{
        int64_t start, add_ms, load_ms, n;

        open_rig("SC-1405-000101", 0);
        start = now_boot_ms();
        CHECK(add("SC-1406-000001", "SC-1406-001000") == 0);
        add_ms = now_boot_ms() - start;
        start = now_boot_ms();
        CHECK(stock_load(&rig.core.lines[0], &rig_expert, "SC-1406-000001", "SC-1406-001000", &n, &err) == 0);
        load_ms = now_boot_ms() - start;
        (void)printf("1000 serials: entered in %lld ms, loaded in %lld ms\n", (long long)add_ms, (long long)load_ms);
        CHECK(rig_count(&rig, "SELECT count(*) FROM blank WHERE state='hopper'") == 1001);
        close_rig();
}

int main(int argc, char **argv)
{
        CHECK(argc == 2);
        data = argv[1];
        test_stock();
        test_double_feed();
        test_false_sorts();
        test_face_from_nowhere();
        test_spoil_stages(false);
        test_spoil_stages(true);
        test_spoil_asks();
        test_spoil_found();
        test_acts();
        test_lost_ledger();
        test_big_range();
        return 0;
}
