#include "tests/unit/fsck-ledger.h"
#include "daemon/core/ledger/act.h"
#include "daemon/core/ledger/intent.h"
#include "proto/base/cleanup.h"
#include "proto/base64.h"
#include "tests/unit/test.h"
#include <string.h>

static const struct who expert = { "p-expert", "issuer", "assessment" };
static const struct who guard = { "p-guard", "security", "security" };

static void commit(struct ledger *l)
{
        struct error err;

        if (ledger_commit(l, &err) == LEDGER_DONE)
                return;
        fprintf(stderr, "healthy ledger: %s\n", err.text);
        exit(1);
}

/* HEADER.PAYLOAD.SIGNATURE with a payload that says what is wanted; nobody checks signatures here. */
static struct bytes jws(char *ret, size_t max, json_t *payload)
{
        cleanup(json_p) json_t *owned = payload;
        cleanup(free_p) char *text = json_dumps(owned, JSON_COMPACT);
        char middle[2048];

        base64url_encode((struct bytes){ (const uint8_t *)text, strlen(text) }, middle, sizeof middle);
        CHECK((size_t)snprintf(ret, max, "eyJ9.%s.AAAA", middle) < max);
        return (struct bytes){ (const uint8_t *)ret, strlen(ret) };
}

static void add_application(struct ledger *l, const char *id, const char *name, const char *national_id)
{
        char text[4096], hash[AUDIT_HASH_TEXT], data[AUDIT_HASH_TEXT], photo_hash[AUDIT_HASH_TEXT];
        cleanup(free_p) char *payload = NULL;
        cleanup(json_p) json_t *json = json_pack("{s:s}", "id", id);
        struct bytes photo = { (const uint8_t *)id, strlen(id) };
        struct bytes approval = jws(text, sizeof text, json_incref(json));

        payload = json_dumps(json, JSON_COMPACT);
        sha256_hex(approval, hash);
        sha256_hex((struct bytes){ (const uint8_t *)payload, strlen(payload) }, data);
        sha256_hex(photo, photo_hash);
        ledger_begin(l, &who_station);
        ledger_born(l, ENTITY_APPLICATION, id, "in_chain", NULL, NULL);
        ledger_run(l, "INSERT INTO application(id,state,arrived_at) VALUES(?1,'in_chain',1)", "s", id);
        ledger_run(
                l,
                "UPDATE application SET approval=?2, approval_sha256=?3, data_sha256=?4, photo_sha256=?5 WHERE id=?1",
                "sbsss", id, approval, hash, data, photo_hash);
        ledger_run(l, "INSERT INTO person VALUES(?1,?2,?2,?3)", "sss", id, name, national_id);
        ledger_run(l, "INSERT INTO photo VALUES(?1,?2)", "sb", photo_hash, photo);
        ledger_audit(l, "approval", "application", id, NULL, NULL);
        ledger_move(l, ENTITY_APPLICATION, id, "offer", NULL, NULL);
        commit(l);
}

static void add_blanks(struct ledger *l)
{
        char serial[16];

        ledger_begin(l, &expert);
        for (int i = 1; i <= 9; i++) {
                (void)snprintf(serial, sizeof serial, "SC-%06d", i);
                ledger_born(l, ENTITY_BLANK, serial, "room", NULL, NULL);
                ledger_run(l, "INSERT INTO blank(serial,state) VALUES(?1,'room')", "s", serial);
                ledger_move_set(l, ENTITY_BLANK, serial, "load", NULL, NULL,
                                "UPDATE blank SET state=?2, version=version+1, line='A', position=?3 WHERE serial=?1",
                                "i", (int64_t)i);
        }
        commit(l);
}

/* ---- portal calls -------------------------------------------------------------------------------------------------
 */

static void call(struct ledger *l, const char *kind, const char *application, const char *card, const char *serial,
                 json_t *payload, char ret_intent[UUID_TEXT])
{
        cleanup(json_p) json_t *owned = payload;
        cleanup(free_p) char *text = json_dumps(owned, JSON_COMPACT | JSON_SORT_KEYS);
        struct intent_spec spec = { .kind = kind,
                                    .application = application,
                                    .card = card,
                                    .serial = serial,
                                    .method = "POST",
                                    .path = "/v1/test",
                                    .payload = { (const uint8_t *)text, strlen(text) } };

        intent_new(l, &spec, ret_intent);
}

/* Inside the transaction that closes it. */
static void receipt(struct ledger *l, const char *intent)
{
        static int64_t portal_seq;
        cleanup(json_p) json_t *result = NULL;
        char hash[AUDIT_HASH_TEXT] = "", text[2048];
        struct bytes bytes;

        (void)ledger_get_text(l, hash, sizeof hash, "SELECT payload_sha256 FROM intent WHERE id=?1", "s", intent);
        bytes = jws(text, sizeof text, json_pack("{s:s,s:s}", "key", intent, "payload_sha256", hash));
        ledger_run(l, "UPDATE intent SET receipt=?2 WHERE id=?1", "sb", intent, bytes);
        result = json_pack("{s:I}", "portal_seq", (json_int_t)++portal_seq);
        intent_close(l, intent, "done", result);
}

static void claim(struct ledger *l, const char *application)
{
        char intent[UUID_TEXT];

        ledger_begin(l, &expert);
        call(l, "claim", application, NULL, NULL, json_pack("{s:i}", "epoch", 1), intent);
        commit(l);
        ledger_begin(l, &who_station);
        receipt(l, intent);
        ledger_move(l, ENTITY_APPLICATION, application, "claim", intent, NULL);
        commit(l);
}

static void begin(struct ledger *l, const char *application, int64_t attempt, const char *reissue,
                  char ret_card[UUID_TEXT])
{
        char intent[UUID_TEXT], face[FACE_CODE_TEXT];
        json_t *payload;

        random_uuid(ret_card);
        random_face_code(face);
        ledger_begin(l, &expert);
        ledger_run(l,
                   "INSERT INTO card SELECT ?1,id,?3,'A',?4,'2026-11-21',approval_sha256,'layout','profile','qr',?5,"
                   "'p-expert',1 FROM application WHERE id=?2",
                   "ssiss", ret_card, application, attempt, face, reissue);
        payload = json_pack("{s:s,s:s,s:s*}", "face_code", face, "issue_date", "2026-11-21", "authorisation", reissue);
        call(l, "begin", application, ret_card, NULL, payload, intent);
        commit(l);
        ledger_begin(l, &who_station);
        receipt(l, intent);
        ledger_move(l, ENTITY_APPLICATION, application, "bind", intent, NULL);
        commit(l);
}

static void worksheet(struct ledger *l, const char *application)
{
        ledger_begin(l, &expert);
        ledger_audit(l, "worksheet", "application", application, NULL, NULL);
        ledger_run(l, "UPDATE application SET worksheet_no='W-1', worksheet_by='p-expert', worksheet_at=1 WHERE id=?1",
                   "s", application);
        commit(l);
}

/* ---- one card ------------------------------------------------------------------------------------------------------
 */

static void start_print(struct ledger *l, const char *application, const char *card, const char *serial,
                        char ret_intent[UUID_TEXT])
{
        struct intent_spec spec = {
                .kind = "print", .application = application, .card = card, .serial = serial, .line = "A"
        };

        ledger_begin(l, &expert);
        ledger_move_set(l, ENTITY_BLANK, serial, "reserve", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, application=?3, card=?4 WHERE serial=?1", "ss",
                        application, card);
        intent_new(l, &spec, ret_intent);
        ledger_move(l, ENTITY_BLANK, serial, "start", ret_intent, NULL);
        commit(l);
}

static void print(struct ledger *l, const char *application, const char *card, const char *serial)
{
        char intent[UUID_TEXT];

        start_print(l, application, card, serial, intent);
        ledger_begin(l, &who_station);
        intent_step(l, intent, "submitted", NULL);
        ledger_move_set(l, ENTITY_BLANK, serial, "printed", intent, NULL,
                        "UPDATE blank SET state=?2, version=version+1, printed_at=1 WHERE serial=?1", "");
        intent_close(l, intent, "done", NULL);
        commit(l);
}

static void start_write(struct ledger *l, const char *application, const char *card, const char *serial,
                        char ret_intent[UUID_TEXT])
{
        struct intent_spec spec = {
                .kind = "write", .application = application, .card = card, .serial = serial, .line = "A"
        };
        char chip[21];

        (void)snprintf(chip, sizeof chip, "00000000000000%s", serial + 3);
        ledger_begin(l, &expert);
        ledger_move_set(l, ENTITY_BLANK, serial, "accept", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, accepted_by='p-expert', accepted_at=1 WHERE "
                        "serial=?1",
                        "");
        intent_new(l, &spec, ret_intent);
        ledger_move(l, ENTITY_BLANK, serial, "write", ret_intent, NULL);
        commit(l);
        ledger_begin(l, &who_station);
        ledger_run(l, "INSERT INTO chip(id,serial,attempts) VALUES(?1,?2,1)", "ss", chip, serial);
        ledger_run(l, "UPDATE blank SET chip_id=?2 WHERE serial=?1", "ss", serial, chip);
        intent_step(l, ret_intent, "identified", NULL);
        commit(l);
        ledger_begin(l, &who_station);
        ledger_run(l, "UPDATE chip SET attempts=0 WHERE id=?1", "s", chip);
        ledger_run(l, "UPDATE blank SET sod_sha256='50d' WHERE serial=?1", "s", serial);
        intent_step(l, ret_intent, "script", NULL);
        commit(l);
}

static void write_chip(struct ledger *l, const char *application, const char *card, const char *serial)
{
        char intent[UUID_TEXT];

        start_write(l, application, card, serial, intent);
        ledger_begin(l, &who_station);
        ledger_move_set(l, ENTITY_BLANK, serial, "written", intent, NULL,
                        "UPDATE blank SET state=?2, version=version+1, written_at=1 WHERE serial=?1", "");
        commit(l);
        ledger_begin(l, &who_station);
        intent_step(l, intent, "verified", NULL);
        ledger_move_set(l, ENTITY_BLANK, serial, "verify", intent, NULL,
                        "UPDATE blank SET state=?2, version=version+1, verified_at=1 WHERE serial=?1", "");
        intent_close(l, intent, "done", NULL);
        commit(l);
}

static json_t *report_body(struct ledger *l, const char *serial)
{
        char chip[32] = "", sod[65] = "", face[16] = "";

        (void)ledger_get_text(l, chip, sizeof chip, "SELECT chip_id FROM blank WHERE serial=?1", "s", serial);
        (void)ledger_get_text(l, sod, sizeof sod, "SELECT sod_sha256 FROM blank WHERE serial=?1", "s", serial);
        (void)ledger_get_text(l, face, sizeof face,
                              "SELECT face_code FROM card k JOIN blank b ON b.card=k.id WHERE b.serial=?1", "s",
                              serial);
        return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s}", "serial", serial, "chip_id", chip, "sod_sha256", sod,
                         "face_code", face, "issue_date", "2026-11-21", "expert", "p-expert", "audit_seq",
                         (json_int_t)l->seq, "audit_head", l->head);
}

static void issue(struct ledger *l, const char *application, const char *card, const char *serial,
                  char ret_intent[UUID_TEXT])
{
        ledger_begin(l, &expert);
        ledger_move_set(l, ENTITY_BLANK, serial, "issue", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, confirmed_by='p-expert', issued_at=1 WHERE "
                        "serial=?1",
                        "");
        ledger_move(l, ENTITY_APPLICATION, application, "issue", NULL, NULL);
        call(l, "report", application, card, serial, report_body(l, serial), ret_intent);
        commit(l);
}

static void report(struct ledger *l, const char *intent, const char *serial)
{
        ledger_begin(l, &who_station);
        receipt(l, intent);
        ledger_run(l, "UPDATE blank SET registered=1 WHERE serial=?1", "s", serial);
        commit(l);
}

static void whole_card(struct ledger *l, const char *application, int64_t attempt, const char *reissue,
                       const char *serial, char ret_report[UUID_TEXT])
{
        char card[UUID_TEXT];

        worksheet(l, application);
        if (!reissue)
                claim(l, application);
        begin(l, application, attempt, reissue, card);
        print(l, application, card, serial);
        write_chip(l, application, card, serial);
        issue(l, application, card, serial, ret_report);
}

static void spoil(struct ledger *l, const char *application, const char *serial, const char *from, const char *fate)
{
        struct intent_spec spec = { .kind = "lock", .application = application, .serial = serial, .line = "A" };
        char lock[UUID_TEXT], intent[UUID_TEXT];
        bool locked = strcmp(fate, "unverifiable") == 0;

        if (locked) {
                ledger_begin(l, &expert);
                intent_new(l, &spec, lock);
                commit(l);
        }
        ledger_begin(l, &expert);
        if (locked)
                intent_close(l, lock, "done", NULL);
        ledger_move_set(l, ENTITY_BLANK, serial, "spoil", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, cause='print_streaks', cause_text='', "
                        "spoiled_at=1, spoiled_from=?3, chip_fate=?4 WHERE serial=?1",
                        "ss", from, fate);
        ledger_move(l, ENTITY_APPLICATION, application, "spoil", NULL, NULL);
        call(l, "spoil", application, NULL, serial, json_pack("{s:s}", "serial", serial), intent);
        commit(l);
        ledger_begin(l, &who_station);
        receipt(l, intent);
        commit(l);
}

/* ---- the eight ----------------------------------------------------------------------------------------------------
 */

static void good_card(struct ledger *l)
{
        char intent[UUID_TEXT];

        whole_card(l, "QM-0001", 1, NULL, "SC-000001", intent);
        report(l, intent, "SC-000001");
}

static void reissued_card(struct ledger *l)
{
        char intent[UUID_TEXT], text[2048];

        whole_card(l, "QM-0002", 1, NULL, "SC-000002", intent);
        report(l, intent, "SC-000002");
        spoil(l, "QM-0002", "SC-000002", "issued", "unverifiable");
        ledger_begin(l, &who_station);
        ledger_run(
                l, "INSERT INTO reissue VALUES('R-1','QM-0002','SC-000002',?1,'2026-11-21',1)", "b",
                jws(text, sizeof text,
                    json_pack("{s:s,s:s,s:s}", "id", "R-1", "application", "QM-0002", "spoiled_serial", "SC-000002")));
        ledger_move(l, ENTITY_APPLICATION, "QM-0002", "authorise", NULL, NULL);
        commit(l);
        whole_card(l, "QM-0002", 2, "R-1", "SC-000003", intent);
        report(l, intent, "SC-000003");
}

static void unknown_print(struct ledger *l)
{
        char intent[UUID_TEXT], card[UUID_TEXT];

        worksheet(l, "QM-0003");
        claim(l, "QM-0003");
        begin(l, "QM-0003", 1, NULL, card);
        start_print(l, "QM-0003", card, "SC-000004", intent);
        ledger_begin(l, &who_station);
        intent_close(l, intent, "lose", NULL);
        commit(l);
}

static bool both_sign(struct ledger *l, const struct who *who, const char *kind, json_t *body)
{
        enum act_turn turn;

        ledger_begin(l, who);
        turn = act_turn(l, kind, body);
        return turn == ACT_SECOND;
}

static void lost_card(struct ledger *l, const char *application, const char *serial)
{
        struct intent_spec decide = { .kind = "decide", .application = application, .serial = serial };
        cleanup(json_p) json_t *body = NULL, *result = NULL;
        char intent[UUID_TEXT], card[UUID_TEXT], decision[UUID_TEXT];

        worksheet(l, application);
        claim(l, application);
        begin(l, application, 1, NULL, card);
        print(l, application, card, serial);
        start_write(l, application, card, serial, intent);
        ledger_begin(l, &who_station);
        intent_close(l, intent, "lose", NULL);
        commit(l);
        body = json_pack("{s:s,s:s,s:s}", "intent", intent, "answer", "lost", "serial", "");
        result = json_pack("{s:s,s:s}", "of", intent, "answer", "lost");
        CHECK(!both_sign(l, &expert, "unknown", body));
        commit(l);
        CHECK(both_sign(l, &guard, "unknown", body));
        intent_new(l, &decide, decision);
        intent_close(l, decision, "done", result);
        intent_close(l, intent, "fail", NULL);
        ledger_move(l, ENTITY_BLANK, serial, "miss", intent, NULL);
        ledger_run(
                l,
                "INSERT INTO dispute(kind,application,serial,intent,text,opened_at) VALUES('missing',?1,?2,?3,'gone',"
                "1)",
                "sss", application, serial, intent);
        commit(l);
}

/* The head of this moment goes to the portal. */
static void anchored(struct ledger *l)
{
        char intent[UUID_TEXT];

        ledger_begin(l, &who_station);
        call(l, "anchor", NULL, NULL, NULL,
             json_pack("{s:i,s:s,s:I}", "epoch", 1, "head", l->head, "seq", (json_int_t)l->seq), intent);
        commit(l);
        ledger_begin(l, &who_station);
        receipt(l, intent);
        commit(l);
}

static void refused_report(struct ledger *l)
{
        char intent[UUID_TEXT];

        whole_card(l, "QM-0005", 1, NULL, "SC-000006", intent);
        ledger_begin(l, &who_station);
        intent_close(l, intent, "refuse", NULL);
        ledger_move(l, ENTITY_APPLICATION, "QM-0005", "dispute", NULL, NULL);
        ledger_run(l,
                   "INSERT INTO dispute(kind,application,serial,intent,text,opened_at) VALUES('report','QM-0005',"
                   "'SC-000006',?1,'already issued',1)",
                   "s", intent);
        commit(l);
}

static void spoiled_print(struct ledger *l)
{
        char card[UUID_TEXT];

        worksheet(l, "QM-0006");
        claim(l, "QM-0006");
        begin(l, "QM-0006", 1, NULL, card);
        print(l, "QM-0006", card, "SC-000007");
        spoil(l, "QM-0006", "SC-000007", "printed", "unwritten");
}

static void back_on_the_shelf(struct ledger *l)
{
        cleanup(json_p) json_t *body = json_pack("{s:[[s,s]]}", "cards", "SC-000009", "");

        CHECK(!both_sign(l, &expert, "sort", body));
        commit(l);
        CHECK(both_sign(l, &guard, "sort", body));
        ledger_move_set(l, ENTITY_BLANK, "SC-000009", "come_out_unprinted", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, line=NULL, position=NULL WHERE serial=?1", "");
        commit(l);
}

/* ---- a card in every state ------------------------------------------------------------------------------------- */

/* Serials SC-000010 and on, of their own range; each is loaded but those that stay in the vault or on the way. */
static void add_more_blanks(struct ledger *l)
{
        char serial[16];

        ledger_begin(l, &expert);
        for (int i = 10; i <= 28; i++) {
                (void)snprintf(serial, sizeof serial, "SC-%06d", i);
                ledger_born(l, ENTITY_BLANK, serial, i < 12 ? "vault" : "room", NULL, NULL);
                ledger_run(l, "INSERT INTO blank(serial,state) VALUES(?1,?2)", "ss", serial, i < 12 ? "vault" : "room");
                if (i >= 12)
                        ledger_move_set(
                                l, ENTITY_BLANK, serial, "load", NULL, NULL,
                                "UPDATE blank SET state=?2, version=version+1, line='A', position=?3 WHERE serial=?1",
                                "i", (int64_t)i);
        }
        ledger_move(l, ENTITY_BLANK, "SC-000011", "take", NULL, NULL);
        commit(l);
}

static void move(struct ledger *l, const char *serial, const char *event)
{
        ledger_begin(l, &expert);
        ledger_move(l, ENTITY_BLANK, serial, event, NULL, NULL);
        commit(l);
}

/* Applications QM-0008 and on; the last step is the one before `state`'s own. */
static void begun_card(struct ledger *l, const char *application, const char *name, const char *national_id,
                       char ret_card[UUID_TEXT])
{
        add_application(l, application, name, national_id);
        worksheet(l, application);
        claim(l, application);
        begin(l, application, 1, NULL, ret_card);
}

static void issued_card(struct ledger *l, const char *application, const char *name, const char *national_id,
                        const char *serial)
{
        char intent[UUID_TEXT];

        add_application(l, application, name, national_id);
        whole_card(l, application, 1, NULL, serial, intent);
        report(l, intent, serial);
}

static void cards_in_work(struct ledger *l)
{
        char card[UUID_TEXT], intent[UUID_TEXT];

        begun_card(l, "QM-0008", "کاوه نادری", "0089012345", card);
        ledger_begin(l, &expert);
        ledger_move_set(l, ENTITY_BLANK, "SC-000012", "reserve", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, application='QM-0008', card=?3 WHERE serial=?1",
                        "s", card);
        commit(l);
        begun_card(l, "QM-0009", "لیلا شریفی", "0090123456", card);
        print(l, "QM-0009", card, "SC-000013");
        begun_card(l, "QM-0010", "امید رستمی", "0101234567", card);
        print(l, "QM-0010", card, "SC-000014");
        ledger_begin(l, &expert);
        ledger_move_set(l, ENTITY_BLANK, "SC-000014", "accept", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, accepted_by='p-expert', accepted_at=1 WHERE "
                        "serial=?1",
                        "");
        commit(l);
        begun_card(l, "QM-0011", "پروین جعفری", "0112345678", card);
        print(l, "QM-0011", card, "SC-000015");
        start_write(l, "QM-0011", card, "SC-000015", intent);
        ledger_begin(l, &who_station);
        intent_close(l, intent, "lose", NULL);
        commit(l);
        begun_card(l, "QM-0012", "بهرام صالحی", "0123456789", card);
        print(l, "QM-0012", card, "SC-000016");
        start_write(l, "QM-0012", card, "SC-000016", intent);
        ledger_begin(l, &who_station);
        intent_step(l, intent, "written", NULL);
        ledger_move_set(l, ENTITY_BLANK, "SC-000016", "written", intent, NULL,
                        "UPDATE blank SET state=?2, version=version+1, written_at=1 WHERE serial=?1", "");
        intent_close(l, intent, "lose", NULL);
        commit(l);
        begun_card(l, "QM-0013", "مینا اکبری", "0134567890", card);
        print(l, "QM-0013", card, "SC-000017");
        write_chip(l, "QM-0013", card, "SC-000017");
}

static void cards_handed_over(struct ledger *l)
{
        issued_card(l, "QM-0014", "آرش بهرامی", "0145678901", "SC-000018");
        move(l, "SC-000018", "post");
        issued_card(l, "QM-0015", "شیرین قاسمی", "0156789012", "SC-000019");
        ledger_begin(l, &expert);
        ledger_move(l, ENTITY_BLANK, "SC-000019", "deliver", NULL, NULL);
        ledger_move(l, ENTITY_APPLICATION, "QM-0015", "deliver", NULL, NULL);
        commit(l);
        issued_card(l, "QM-0016", "نیما فرهادی", "0167890123", "SC-000020");
        move(l, "SC-000020", "post");
        move(l, "SC-000020", "return");
}

/* Both sign; the act itself is to follow in the same transaction, which is the guard's. */
static void signed_act(struct ledger *l, const char *kind, json_t *taken)
{
        cleanup(json_p) json_t *body = taken;

        CHECK(!both_sign(l, &expert, kind, body));
        commit(l);
        CHECK(both_sign(l, &guard, kind, body));
}

#define MINUTES "0000000000000000000000000000000000000000000000000000000000000000"

static void void_card(struct ledger *l, const char *application, const char *serial)
{
        char intent[UUID_TEXT];

        signed_act(l, "void", json_pack("{s:s,s:s}", "serial", serial, "minutes", "M-7"));
        ledger_move_set(l, ENTITY_BLANK, serial, "void", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, chip_fate='withdrawn_list', minutes='M-7', "
                        "minutes_sha256=?3, voided_at=1 WHERE serial=?1",
                        "s", MINUTES);
        ledger_move(l, ENTITY_APPLICATION, application, "spoil", NULL, NULL);
        call(l, "void", application, NULL, serial,
             json_pack("{s:s,s:s,s:s,s:[s,s],s:{s:s,s:s}}", "application", application, "serial", serial, "chip",
                       "withdrawn_list", "operators", expert.person, guard.person, "minutes", "number", "M-7", "sha256",
                       MINUTES),
             intent);
        commit(l);
        ledger_begin(l, &who_station);
        receipt(l, intent);
        commit(l);
}

static void dispatch(struct ledger *l, const char *serial, bool acknowledged)
{
        signed_act(l, "dispatch",
                   json_pack("{s:[s],s:s,s:b}", "serials", serial, "letter", "L-3", "acknowledged", acknowledged));
        ledger_move_set(l, ENTITY_BLANK, serial, acknowledged ? "arrive" : "dispatch", NULL, NULL,
                        acknowledged ? "UPDATE blank SET state=?2, version=version+1, at_hq_at=1 WHERE serial=?1"
                                     : "UPDATE blank SET state=?2, version=version+1, letter='L-3', dispatched_at=1 "
                                       "WHERE serial=?1",
                        "");
        commit(l);
}

static void find(struct ledger *l, const char *serial)
{
        signed_act(l, "found", json_pack("{s:s}", "serial", serial));
        ledger_move(l, ENTITY_BLANK, serial, "find", NULL, NULL);
        commit(l);
}

static void stray(struct ledger *l)
{
        ledger_begin(l, &expert);
        ledger_audit(l, "case", "application", "QM-0001", NULL, NULL);
        ledger_run(l,
                   "INSERT INTO dispute(kind,application,serial,scanned,text,opened_at) "
                   "VALUES('stray','QM-0001','SC-000001','SC-000001','a card lies where it should not',1)",
                   "");
        commit(l);
}

static void cards_out_of_use(struct ledger *l)
{
        issued_card(l, "QM-0017", "گلناز یزدانی", "0178901234", "SC-000021");
        void_card(l, "QM-0017", "SC-000021");
        issued_card(l, "QM-0018", "سهراب ملکی", "0189012345", "SC-000022");
        spoil(l, "QM-0018", "SC-000022", "issued", "withdrawn_list");
        dispatch(l, "SC-000022", false);
        issued_card(l, "QM-0019", "فرزانه امینی", "0190123456", "SC-000023");
        spoil(l, "QM-0019", "SC-000023", "issued", "unverifiable");
        dispatch(l, "SC-000023", false);
        dispatch(l, "SC-000023", true);
        add_application(l, "QM-0020", "کیان توکلی", "0201234567");
        lost_card(l, "QM-0020", "SC-000024");
        find(l, "SC-000024");
        stray(l);
}

static void open_new(struct ledger *l, const char *path)
{
        struct error err;

        if (ledger_open(l, path, "qom-1", &err) == 0)
                return;
        fprintf(stderr, "%s\n", err.text);
        exit(1);
}

static void add_seven(struct ledger *l)
{
        add_application(l, "QM-0001", "سارا محمدی", "0012345679");
        add_application(l, "QM-0002", "رضا کاظمی", "0023456789");
        add_application(l, "QM-0003", "مریم احمدی", "0034567898");
        add_application(l, "QM-0004", "علی رضایی", "0045678908");
        add_application(l, "QM-0005", "زهرا کریمی", "0056789017");
        add_application(l, "QM-0006", "حسن موسوی", "0067890127");
        add_application(l, "QM-0007", "نرگس صادقی", "0078901236");
        add_blanks(l);
        good_card(l);
        reissued_card(l);
        unknown_print(l);
        lost_card(l, "QM-0004", "SC-000005");
        anchored(l);
        refused_report(l);
        spoiled_print(l);
        back_on_the_shelf(l);
}

void healthy_ledger(const char *path)
{
        struct ledger l;

        open_new(&l, path);
        add_seven(&l);
        ledger_close(&l);
}

void every_state_ledger(const char *path)
{
        struct ledger l;

        open_new(&l, path);
        add_seven(&l);
        add_more_blanks(&l);
        cards_in_work(&l);
        cards_handed_over(&l);
        cards_out_of_use(&l);
        ledger_close(&l);
}
