/* What each answer of the portal does to the ledger: grants, refusals, broken and swapped receipts, nonsense; and what
 * its lists bring in. No process: the answers are handed over as mohr-net would. Argument: tests/data. */
#include "daemon/core/card/pick.h"
#include "daemon/core/custody/spoil.h"
#include "daemon/core/portal/intake.h"
#include "daemon/core/portal/portal_calls.h"
#include "tests/unit/station-rig.h"

#define APP "APP-1405-000017"
#define SERIAL "SC-1405-000101"

static struct rig rig;
static const char *data;
static char last[UUID_TEXT]; /* the intent just made */

static void open_rig(void)
{
        rig_init(&rig, data);
        rig_bare(&rig);
        rig_load(&rig, "SC-1405-000103");
        rig_offer(&rig, APP);
}

static void close_rig(void)
{
        ledger_close(&rig.core.ledger);
        loop_done(&rig.core.loop);
        free((void *)(uintptr_t)rig.core.portal_ca.p);
        rig_done(&rig);
}

static void made(void)
{
        struct error err;

        CHECK(core_commit(&rig.core, &err));
        rig_text(&rig, "SELECT id FROM intent ORDER BY rowid DESC LIMIT 1", last, sizeof last);
}

static void ask_claim(void)
{
        struct attempt a = { .application = APP };

        ledger_begin(&rig.core.ledger, &rig_expert);
        attempt_claim(&rig.core, &a, last);
        made();
}

static void ask_begin(void)
{
        struct attempt a = { .application = APP };
        struct error err;

        CHECK(attempt_prepare(&rig.core, &a, &rig_expert, &err) == 0);
        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_run(&rig.core.ledger, "UPDATE application SET fence=5 WHERE id=?1", "s", APP);
        attempt_begin(&rig.core, &a, "a", "00", "MOHR1:X");
        made();
        attempt_done(&a);
}

static void ask_report(void)
{
        rig_card(&rig, APP, SERIAL, "issued");
        ledger_begin(&rig.core.ledger, &rig_expert);
        call_report(&rig.core.ledger, APP, SERIAL);
        made();
}

static void ask_anchor(void)
{
        ledger_begin(&rig.core.ledger, &who_station);
        call_anchor(&rig.core.ledger, last);
        made();
}

static enum call_verdict answer(int status, const char *body, struct error *err)
{
        struct net_answer a = { .status = status, .type = NET_JSON, .date = -1, .retry_after_s = -1 };

        return call_answered(&rig.core, last, &a, (struct bytes){ (const uint8_t *)body, strlen(body) }, err);
}

static enum call_verdict refuse(int status, const char *reason)
{
        char body[200];
        struct error err;

        (void)snprintf(body, sizeof body, "{\"error\":{\"reason\":\"%s\",\"text\":\"x\"}}", reason);
        return answer(status, body, &err);
}

/* A good answer but for its receipt, which is the portal's for `what` of this key. */
static enum call_verdict grant_with(const char *form, const char *key, const char *what, const char *station,
                                    struct error *err)
{
        cleanup(free_p) char *receipt = rig_receipt(&rig, key, what, station);
        char body[12000];

        (void)snprintf(body, sizeof body, "{%s,\"receipt\":\"%s\"}", form, receipt);
        return answer(200, body, err);
}

static const char claimed[] = "\"id\":\"" APP "\",\"stage\":\"claimed\",\"fence\":7,\"lease_s\":900";
static const char bound[] = "\"id\":\"" APP "\",\"stage\":\"bound\",\"fence\":7";
static const char issued[] = "\"id\":\"" APP "\",\"stage\":\"issued\"";

static bool app_is(const char *state)
{
        return rig_is(&rig, ENTITY_APPLICATION, APP, state);
}

static bool intent_is(const char *state)
{
        return rig_is(&rig, ENTITY_INTENT, last, state);
}

static int64_t cases(void)
{
        return rig_count(&rig, "SELECT count(*) FROM dispute WHERE closed_at IS NULL");
}

static bool floor_is_today(void)
{
        char today[11], floor[11] = "";

        core_today(&rig.core, today);
        rig_text(&rig, "SELECT value FROM meta WHERE key='clock_floor'", floor, sizeof floor);
        return strcmp(floor, today) == 0;
}

static void test_claim(void)
{
        struct attempt a = { .application = APP };
        struct error err;

        open_rig();
        ask_claim();
        CHECK(grant_with(claimed, last, "claim", "golestan-1", &err) == CALL_CLOSED);
        CHECK(app_is("claimed") && intent_is("done"));
        CHECK(!attempt_needs_claim(&rig.core, &a));
        CHECK(rig_count(&rig, "SELECT fence FROM application") == 7 &&
              rig_count(&rig, "SELECT count(*) FROM intent WHERE receipt IS NOT NULL") == 1);
        CHECK(floor_is_today());
        ledger_begin(&rig.core.ledger, &rig_expert); /* the lease of another boot is over */
        ledger_run(&rig.core.ledger, "UPDATE application SET lease_boot='other'", "");
        CHECK(core_commit(&rig.core, &err) && attempt_needs_claim(&rig.core, &a));
        ask_claim();
        CHECK(app_is("offered") && refuse(409, "claimed_elsewhere") == CALL_CLOSED && app_is("in_chain"));
        close_rig();
}

/* What is no call, or cannot be judged here, stays as it is. */
static void test_not_judged(void)
{
        struct intent_spec spec = { .kind = "decide" };
        struct ledger *l = &rig.core.ledger;
        struct bytes ca;
        struct error err;

        open_rig();
        ledger_begin(l, &rig_expert);
        intent_new(l, &spec, last);
        made();
        CHECK(answer(200, "{}", &err) == CALL_LATER && err.kind == ERR_BUG && intent_is("running"));
        spec = (struct intent_spec){ .kind = "decide", .payload = BYTES_STR("{}") };
        ledger_begin(l, &rig_expert);
        intent_new(l, &spec, last);
        made();
        CHECK(answer(200, "{}", &err) == CALL_LATER && err.kind == ERR_BUG && intent_is("running"));
        ledger_begin(l, &rig_expert);
        random_uuid(last);
        ledger_born(l, ENTITY_INTENT, last, "running", last, NULL);
        ledger_run(
                l,
                "INSERT INTO intent(id,kind,state,actor,role,payload,payload_sha256,boot_id,started_at,started_boot) "
                "VALUES(?1,'anchor','running','x','x',x'7b7d','none','x',1,1)",
                "s", last);
        made();
        CHECK(answer(200, "{}", &err) == CALL_LATER && err.kind == ERR_BUG && intent_is("running"));
        ask_claim();
        ca = rig.core.portal_ca;
        rig.core.portal_ca = BYTES_STR("no certificate");
        CHECK(grant_with(claimed, last, "claim", "golestan-1", &err) == CALL_LATER && err.reason == REASON_BAD_CONFIG);
        CHECK(intent_is("running") && app_is("offered") && cases() == 0);
        rig.core.portal_ca = ca;
        CHECK(grant_with(claimed, last, "claim", "golestan-1", &err) == CALL_CLOSED && app_is("claimed"));
        close_rig();
}

static int clock_check_after(int64_t hello_s)
{
        struct error err;

        rig.core.sync.greeted = true;
        core_clock_heard(&rig.core, clock_wall_ms() / 1000 + hello_s);
        return core_clock_check(&rig.core, &err) == 0 ? 0 : (int)err.reason;
}

/* Hello's receipt tells the portal's time; a day away on either side nothing prints, and the portal is asked again. A
 * receipt far ahead is a receipt, but does not raise the floor for ever; an old one may be of a repeated call. */
static void test_clock(void)
{
        struct error err;

        open_rig();
        CHECK(core_clock_check(&rig.core, &err) == 0);
        CHECK(clock_check_after(80000) == 0 && clock_check_after(-80000) == 0 && rig.core.sync.greeted);
        CHECK(clock_check_after(90000) == REASON_CLOCK_WRONG && !rig.core.sync.greeted);
        CHECK(clock_check_after(-90000) == REASON_CLOCK_WRONG && !rig.core.sync.greeted);
        CHECK(clock_check_after(0) == 0);
        rig.portal_ahead_s = 90000;
        ask_claim();
        CHECK(grant_with(claimed, last, "claim", "golestan-1", &err) == CALL_CLOSED && intent_is("done"));
        CHECK(rig_count(&rig, "SELECT count(*) FROM meta WHERE key='clock_floor'") == 0);
        rig.portal_ahead_s = -90000;
        ask_anchor();
        CHECK(grant_with("\"seq\":7", last, "anchor", "golestan-1", &err) == CALL_CLOSED && intent_is("done"));
        CHECK(core_clock_check(&rig.core, &err) == 0);
        rig.portal_ahead_s = 0;
        ask_anchor();
        CHECK(grant_with("\"seq\":7", last, "anchor", "golestan-1", &err) == CALL_CLOSED && floor_is_today());
        close_rig();
}

static void test_refusals_before_print(void)
{
        static const struct {
                bool begin;
                int status;
                const char *reason, *application;
                int64_t cases;
        } rows[] = {
                { false, 409, "claimed_elsewhere", "in_chain", 0 }, { false, 409, "wrong_state", "in_chain", 0 },
                { false, 409, "awaiting_reissue", "in_chain", 0 },  { false, 409, "already_issued", "in_chain", 0 },
                { false, 409, "withdrawn", "withdrawn", 0 },        { false, 409, "fenced", "offered", 0 },
                { false, 404, "not_found", "offered", 0 },          { false, 422, "key_reused", "offered", 0 },
                { true, 409, "claimed_elsewhere", "in_chain", 0 },  { true, 409, "lease_over", "offered", 0 },
                { true, 409, "withdrawn", "withdrawn", 0 },         { true, 409, "wrong_state", "claimed", 1 },
                { true, 409, "authorisation_used", "claimed", 1 },  { true, 422, "key_reused", "claimed", 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct error err;

                open_rig();
                ask_claim();
                if (rows[i].begin) {
                        CHECK(grant_with(claimed, last, "claim", "golestan-1", &err) == CALL_CLOSED);
                        ask_begin();
                }
                CHECK(refuse(rows[i].status, rows[i].reason) == CALL_CLOSED && intent_is("refused"));
                CHECK(app_is(rows[i].application) && cases() == rows[i].cases);
                close_rig();
        }
}

/* The payload tells the chain's head before the anchor's own row; a fork is no case, the station asks who it is. */
static void test_anchor(void)
{
        struct error err;
        char head[SHA256_TEXT];

        open_rig();
        memcpy(head, rig.core.ledger.head, sizeof head);
        ask_anchor();
        CHECK(strcmp(head, rig.core.ledger.head) != 0);
        CHECK(rig_count(&rig, "SELECT count(*) FROM intent i JOIN audit a ON a.hash=json_extract(CAST(i.payload AS "
                              "TEXT),'$.head') AND a.seq=json_extract(CAST(i.payload AS TEXT),'$.seq') WHERE "
                              "i.kind='anchor' AND i.path='/v1/anchors' AND i.method='POST' AND a.seq=(SELECT min(seq) "
                              "FROM audit WHERE subject=i.id)-1") == 1);
        CHECK(grant_with("\"seq\":7", last, "claim", "golestan-1", &err) == CALL_CLOSED && intent_is("refused"));
        CHECK(cases() == 1);
        ask_anchor();
        CHECK(grant_with("\"seq\":7", last, "anchor", "golestan-1", &err) == CALL_CLOSED && intent_is("done"));
        ask_anchor();
        rig.core.sync.greeted = true;
        CHECK(refuse(409, "fenced") == CALL_CLOSED && intent_is("refused"));
        CHECK(!rig.core.sync.greeted && cases() == 1);
        close_rig();
}

static void test_later(void)
{
        static const struct {
                int status;
                const char *body;
        } rows[] = { { 500, "" },   { 503, "busy" },
                     { 429, "" },   { 408, "" },
                     { 200, "" },   { 200, "{" },
                     { 200, "[]" }, { 200, "{\"id\":\"APP-1405-000099\",\"stage\":\"claimed\"}" },
                     { 204, "" } };
        struct error err;

        open_rig();
        ask_claim();
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                CHECK(answer(rows[i].status, rows[i].body, &err) == CALL_LATER);
                CHECK(intent_is("running") && app_is("offered"));
        }
        CHECK(err.kind == ERR_UNKNOWN); /* a 2xx that makes no sense may have been applied */
        close_rig();
}

/* Each receipt of another key, body, station, kind or signer makes the intent refused and opens a case. */
static void test_receipts(void)
{
        char first[UUID_TEXT];
        struct error err;

        for (int i = 0; i < 6; i++) {
                char body[12000], sum[SHA256_TEXT] = "";
                cleanup(free_p) char *receipt = NULL;

                open_rig();
                ask_claim();
                CHECK(grant_with(claimed, last, "claim", "golestan-1", &err) == CALL_CLOSED);
                memcpy(first, last, sizeof first);
                ask_report();
                (void)ledger_get_text(&rig.core.ledger, sum, sizeof sum,
                                      "SELECT payload_sha256 FROM intent WHERE id=?1", "s", last);
                receipt = i == 0   ? rig_receipt(&rig, last, "issuance", "golestan-2")
                          : i == 1 ? rig_receipt(&rig, last, "claim", "golestan-1")
                          : i == 2 ? rig_receipt(&rig, first, "claim", "golestan-1") /* replayed */
                          : i == 3 ? rig_receipt_of(&rig, first, sum, "issuance", "golestan-1")
                          : i == 4 ? rig_receipt_of(&rig, last, rig.core.ledger.head, "issuance", "golestan-1")
                                   : rig_receipt(&rig, last, "issuance", "golestan-1");
                if (i == 5)
                        receipt[strlen(receipt) - 5] = receipt[strlen(receipt) - 5] == 'A' ? 'B' : 'A';
                (void)snprintf(body, sizeof body, "{%s,\"receipt\":\"%s\"}", issued, receipt);
                CHECK(answer(200, body, &err) == CALL_CLOSED && err.reason == REASON_RECEIPT_BROKEN);
                CHECK(intent_is("refused") && app_is("disputed") && cases() == 1);
                CHECK(rig_count(&rig, "SELECT registered FROM blank WHERE serial='" SERIAL "'") == 0);
                close_rig();
        }
        open_rig();
        ask_claim();
        CHECK(grant_with(claimed, last, "claim", "golestan-2", &err) == CALL_CLOSED && intent_is("refused"));
        CHECK(cases() == 1 && app_is("offered"));
        close_rig();
}

static void test_report(void)
{
        static const char *const reasons[] = { "already_issued", "withdrawn", "serial_used", "chip_taken", "fenced" };
        struct error err;

        open_rig();
        ask_report();
        CHECK(grant_with(issued, last, "issuance", "golestan-1", &err) == CALL_CLOSED);
        CHECK(intent_is("done") && app_is("issued") && rig_count(&rig, "SELECT sum(registered) FROM blank") == 1);
        close_rig();
        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
                open_rig();
                ask_report();
                CHECK(refuse(409, reasons[i]) == CALL_CLOSED && intent_is("refused"));
                CHECK(app_is("disputed") && cases() == 1);
                close_rig();
        }
}

/* A grant that meets an application which moved on is kept, and stops nothing. */
static void test_moved_on(void)
{
        struct error err;

        open_rig();
        ask_claim();
        CHECK(grant_with(claimed, last, "claim", "golestan-1", &err) == CALL_CLOSED);
        ask_begin();
        ledger_begin(&rig.core.ledger, &who_station);
        ledger_move(&rig.core.ledger, ENTITY_APPLICATION, APP, "withdraw", NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
        CHECK(grant_with(bound, last, "begin", "golestan-1", &err) == CALL_CLOSED);
        CHECK(intent_is("done") && app_is("withdrawn"));
        close_rig();
        open_rig();
        ask_claim();
        ledger_begin(&rig.core.ledger, &who_station);
        ledger_move(&rig.core.ledger, ENTITY_APPLICATION, APP, "bind", NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
        CHECK(refuse(409, "wrong_state") == CALL_CLOSED && intent_is("refused") && app_is("bound"));
        close_rig();
        open_rig(); /* withdrawn by a list before the claim's own answer says so */
        ask_claim();
        ledger_begin(&rig.core.ledger, &who_station);
        ledger_move(&rig.core.ledger, ENTITY_APPLICATION, APP, "withdraw", NULL, NULL);
        CHECK(core_commit(&rig.core, &err));
        CHECK(refuse(409, "withdrawn") == CALL_CLOSED && intent_is("refused") && app_is("withdrawn") && cases() == 0);
        close_rig();
}

static void test_clock_set_back(void)
{
        char body[2000];
        struct error err;

        open_rig();
        rig_card(&rig, APP, SERIAL, "issued");
        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_run(&rig.core.ledger,
                   "UPDATE blank SET printed_at=1795258800000, written_at=1795258700000, verified_at=1795258600000 "
                   "WHERE serial=?1",
                   "s", SERIAL);
        call_report(&rig.core.ledger, APP, SERIAL);
        CHECK(core_commit(&rig.core, &err));
        rig_text(&rig, "SELECT CAST(payload AS TEXT) FROM intent WHERE kind='report'", body, sizeof body);
        CHECK(strstr(body, "\"verified_at\":\"2026-11-21T11:00:00Z\"")); /* date -u -d @1795258800 */
        close_rig();
}

/* ---- what the lists bring -------------------------------------------------------------------------------------------
 */

static int page(enum sync_list list, const char *item, struct error *err)
{
        static char body[320000];
        bool more;

        (void)snprintf(body, sizeof body, "{\"items\":[%s],\"next\":\"c9\",\"more\":false}", item);
        return intake_page(&rig.core, list, (struct bytes){ (const uint8_t *)body, strlen(body) }, &more, err);
}

static void list_approval(const char *id, char *approval)
{
        char item[16000];
        struct error err;

        (void)snprintf(item, sizeof item,
                       "{\"cursor\":\"c9\",\"id\":\"%s\",\"stage\":\"approved\",\"held\":\"none\",\"approval\":\"%s\"}",
                       id, approval);
        CHECK(page(SYNC_APPLICATIONS, item, &err) == 0);
        free(approval);
}

static bool refusal_is(const char *id, const char *state, const char *word)
{
        char now[64] = "";

        (void)ledger_get_text(&rig.core.ledger, now, sizeof now, "SELECT refusal FROM application WHERE id=?1", "s",
                              id);
        return rig_is(&rig, ENTITY_APPLICATION, id, state) && strcmp(now, word) == 0;
}

static json_t *certificate(json_t *a)
{
        return json_object_get(a, "certificate");
}

static void set_bidi(json_t *a)
{
        CHECK(json_object_set_new(certificate(a), "father_fa", json_string("مح\xE2\x80\xAEمود")) == 0);
}

static void set_unpaid(json_t *a)
{
        CHECK(json_object_set_new(a, "payment", json_null()) == 0);
}

static void set_paid_early(json_t *a)
{
        CHECK(json_object_set_new(json_object_get(a, "payment"), "at", json_string("2026-10-25T07:59:59Z")) == 0);
}

static void set_bad_id(json_t *a)
{
        CHECK(json_object_set_new(certificate(a), "national_id", json_string("9990079197")) == 0);
}

static void set_unconfirmed(json_t *a)
{
        CHECK(json_array_remove(json_object_get(a, "confirmations"), 4) == 0);
}

static void set_newer(json_t *a)
{
        CHECK(json_object_set_new(a, "seq", json_integer(99)) == 0);
}

/* Its entry in the list of withdrawals came while nobody knew the applicant, and is not sent again. */
static void test_withdrawn_before_known(void)
{
        struct error err;

        open_rig();
        CHECK(page(SYNC_WITHDRAWN,
                   "{\"cursor\":\"c9\",\"kind\":\"application\",\"application\":\"APP-77\","
                   "\"serial\":null,\"at\":\"2026-11-21T11:00:00Z\",\"statement\":null}",
                   &err) == 0);
        CHECK(page(SYNC_APPLICATIONS, "{\"cursor\":\"c9\",\"id\":\"APP-77\",\"stage\":\"withdrawn\",\"held\":\"none\"}",
                   &err) == 0);
        CHECK(rig_is(&rig, ENTITY_APPLICATION, "APP-77", "withdrawn"));
        close_rig();
}

static void test_approvals(void)
{
        static const struct {
                void (*change)(json_t *a);
                const char *state, *refusal;
        } rows[] = {
                { NULL, "offered", "" },
                { set_bidi, "in_chain", "bad_text" },
                { set_unpaid, "in_chain", "not_paid" },
                { set_paid_early, "in_chain", "paid_too_early" },
                { set_bad_id, "in_chain", "bad_national_id" },
                { set_unconfirmed, "in_chain", "approval_incomplete" },
        };
        char id[APPLICATION_TEXT], who[APPLICATION_TEXT], *altered;
        struct error err;

        open_rig();
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                (void)snprintf(id, sizeof id, "APP-%zu", 100 + i);
                list_approval(id, rig_approval(&rig, id, rows[i].change));
                CHECK(refusal_is(id, rows[i].state, rows[i].refusal));
                CHECK(!rows[i].change || (pick_application(&rig.core, "a", id, who, &err) < 0 &&
                                          strcmp(reason_word(err.reason), rows[i].refusal) == 0));
        }
        altered = rig_approval(&rig, "APP-200", NULL);
        altered[strlen(altered) / 2] ^= 1;
        list_approval("APP-200", altered);
        CHECK(refusal_is("APP-200", "in_chain", "approval_broken"));
        list_approval("APP-200", rig_approval(&rig, "APP-200", NULL)); /* mended */
        CHECK(refusal_is("APP-200", "offered", ""));
        list_approval("APP-201", rig_approval(&rig, APP, NULL)); /* another application's */
        CHECK(refusal_is("APP-201", "in_chain", "approval_broken"));
        list_approval("APP-202", rig_receipt_of(&rig, "k", "s", "claim", "golestan-1")); /* another purpose's */
        CHECK(refusal_is("APP-202", "in_chain", "approval_broken"));
        close_rig();
}

/* A changed record wants the worksheet's match anew; an older one, or one while production is begun, changes nothing.
 */
static void test_changed_record(void)
{
        struct error err;

        open_rig();
        CHECK(rig_count(&rig, "SELECT count(*) FROM application WHERE worksheet_at IS NOT NULL") == 1);
        list_approval(APP, rig_approval(&rig, APP, set_newer));
        CHECK(rig_count(&rig, "SELECT count(*) FROM application WHERE worksheet_at IS NULL AND approval_seq=99") == 1);
        list_approval(APP, rig_approval(&rig, APP, NULL));
        CHECK(rig_count(&rig, "SELECT approval_seq FROM application") == 99);
        close_rig();
        open_rig();
        ask_claim();
        CHECK(grant_with(claimed, last, "claim", "golestan-1", &err) == CALL_CLOSED);
        ask_begin();
        list_approval(APP, rig_approval(&rig, APP, set_newer));
        CHECK(rig_count(&rig, "SELECT approval_seq FROM application") == 17 &&
              rig_count(&rig, "SELECT count(*) FROM audit WHERE event='record_changed'") == 1);
        close_rig();
}

static void spoil(void)
{
        struct spoil_ask ask = {
                .serial = SERIAL, .cause = "print_streaks", .text = "", .no_chip = false, .who = rig_expert
        };
        struct error err;

        rig_card(&rig, APP, SERIAL, "printed");
        CHECK(spoil_record(&rig.core, &ask, "unwritten", NULL, &err) == 0 && app_is("awaiting_reissue"));
}

static void list_reissue(char *jws)
{
        char item[8000];
        struct error err;

        (void)snprintf(item, sizeof item, "{\"cursor\":\"c9\",\"authorisation\":\"%s\"}", jws);
        CHECK(page(SYNC_REISSUES, item, &err) == 0);
        free(jws);
}

static void test_reissues(void)
{
        struct attempt a = { .application = APP };
        struct error err;
        char *altered;

        open_rig();
        spoil();
        altered = rig_reissue(&rig, "AUTH-1", APP, SERIAL);
        altered[strlen(altered) / 2] ^= 1;
        list_reissue(altered);
        list_reissue(rig_reissue(&rig, "AUTH-2", APP, "SC-1405-000102")); /* a serial that was not spoiled */
        list_reissue(rig_reissue(&rig, "AUTH-3", "APP-99", SERIAL));      /* another applicant's */
        CHECK(app_is("awaiting_reissue") && rig_count(&rig, "SELECT count(*) FROM reissue") == 0);
        list_reissue(rig_reissue(&rig, "AUTH-4", APP, SERIAL));
        CHECK(app_is("authorised"));
        list_reissue(rig_reissue(&rig, "AUTH-4", APP, SERIAL)); /* again, and a second one for the same serial */
        list_reissue(rig_reissue(&rig, "AUTH-5", APP, SERIAL));
        CHECK(rig_count(&rig, "SELECT count(*) FROM reissue") == 1);
        CHECK(attempt_prepare(&rig.core, &a, &rig_expert, &err) == 0 && strcmp(a.reissue, "AUTH-4") == 0 &&
              a.authorisation && !attempt_needs_claim(&rig.core, &a));
        attempt_done(&a);
        close_rig();
}

/* A refused begin has not spent headquarters' word; one that says it is used has. */
static void test_reissue_survives(void)
{
        struct attempt a = { .application = APP };
        struct error err;

        open_rig();
        spoil();
        list_reissue(rig_reissue(&rig, "AUTH-4", APP, SERIAL));
        ask_begin();
        CHECK(refuse(409, "fenced") == CALL_CLOSED && app_is("authorised"));
        CHECK(attempt_prepare(&rig.core, &a, &rig_expert, &err) == 0 && strcmp(a.reissue, "AUTH-4") == 0);
        attempt_done(&a);
        ask_begin();
        CHECK(refuse(409, "authorisation_used") == CALL_CLOSED && cases() == 1);
        a = (struct attempt){ .application = APP };
        CHECK(attempt_prepare(&rig.core, &a, &rig_expert, &err) == 0 && a.reissue[0] == '\0');
        attempt_done(&a);
        close_rig();
}

static void withdraw(void)
{
        struct error err;

        CHECK(page(SYNC_WITHDRAWN,
                   "{\"cursor\":\"c9\",\"kind\":\"application\",\"application\":\"" APP
                   "\",\"serial\":null,\"at\":\"2026-11-21T11:00:00Z\",\"statement\":null}",
                   &err) == 0);
}

static void test_withdrawals(void)
{
        static const char *const states[] = { "printed", "accepted", "verified", "issued" };
        char who[APPLICATION_TEXT];
        struct error err;

        open_rig();
        withdraw();
        CHECK(app_is("withdrawn") && pick_application(&rig.core, "a", APP, who, &err) < 0 &&
              err.reason == REASON_WITHDRAWN);
        withdraw();
        close_rig();
        for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
                open_rig();
                rig_card(&rig, APP, SERIAL, states[i]);
                withdraw();
                withdraw();
                CHECK(app_is("disputed") && cases() == 1 && rig_is(&rig, ENTITY_BLANK, SERIAL, states[i]));
                close_rig();
        }
}

static int64_t joined(void)
{
        return rig_count(&rig,
                         "SELECT count(*) FROM dispute d JOIN intent i ON i.id=d.intent WHERE d.kind='withdrawn' AND "
                         "i.kind='report' AND i.state='refused'");
}

static void put_away(void)
{
        struct error err;

        ledger_begin(&rig.core.ledger, &rig_expert);
        ledger_move_set(&rig.core.ledger, ENTITY_BLANK, SERIAL, "spoil", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, cause='other', spoiled_from='issued', "
                        "chip_fate='withdrawn_list' WHERE serial=?1",
                        "");
        ledger_run(&rig.core.ledger, "UPDATE dispute SET closed_at=1, closed_by='p'", "");
        CHECK(core_commit(&rig.core, &err));
}

/* The portal says it twice, by its list and by refusing the card's report: one case, whichever comes first. */
static void test_withdrawn_unreported(void)
{
        for (int turn = 0; turn < 3; turn++) {
                open_rig();
                ask_report();
                if (turn > 0)
                        withdraw();
                if (turn == 2)
                        put_away();
                CHECK(refuse(409, "withdrawn") == CALL_CLOSED && intent_is("refused"));
                if (turn == 0)
                        withdraw();
                CHECK(app_is("disputed") && cases() == (turn == 2 ? 0 : 1) && joined() == 1);
                CHECK(rig_count(&rig, "SELECT count(*) FROM dispute") == 1);
                close_rig();
        }
}

/* The longest page the station asks for: all in one transaction, in one turn of the loop. */
static void test_full_page(void)
{
        enum { PAGE = 25 };
        static char items[PAGE * 12000];
        size_t n = 0;
        int64_t start;
        struct error err;

        open_rig();
        for (int i = 0; i < PAGE; i++) {
                char id[APPLICATION_TEXT];
                cleanup(free_p) char *approval = NULL;

                (void)snprintf(id, sizeof id, "APP-%d", 1000 + i);
                approval = rig_approval(&rig, id, NULL);
                n += (size_t)snprintf(items + n, sizeof items - n,
                                      "%s{\"cursor\":\"c9\",\"id\":\"%s\",\"stage\":\"approved\",\"held\":"
                                      "\"none\",\"approval\":\"%s\"}",
                                      i > 0 ? "," : "", id, approval);
        }
        start = now_boot_ms();
        CHECK(page(SYNC_APPLICATIONS, items, &err) == 0);
        (void)printf("a page of %d approvals: %lld ms\n", PAGE, (long long)(now_boot_ms() - start));
        CHECK(rig_count(&rig, "SELECT count(*) FROM application WHERE state='offered'") == PAGE + 1);
        close_rig();
}

int main(int argc, char **argv)
{
        CHECK(argc == 2);
        data = argv[1];
        test_claim();
        test_clock();
        test_not_judged();
        test_anchor();
        test_refusals_before_print();
        test_later();
        test_receipts();
        test_report();
        test_moved_on();
        test_clock_set_back();
        test_approvals();
        test_withdrawn_before_known();
        test_changed_record();
        test_reissues();
        test_reissue_survives();
        test_withdrawals();
        test_withdrawn_unreported();
        test_full_page();
        return 0;
}
