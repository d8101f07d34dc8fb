#include "daemon/core/portal/portal_calls.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/portal/approvals.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/portal/answers.h"
#include "proto/portal/receipt.h"
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)

/* ---- making ---------------------------------------------------------------------------------------------------- */

static void make(struct ledger *l, const char *kind, const char *application, const char *card, const char *serial,
                 struct portal_request *request, char ret_intent[UUID_TEXT])
{
        struct intent_spec spec = { .kind = kind,
                                    .application = application,
                                    .card = card,
                                    .serial = serial,
                                    .method = net_method_word(request->method),
                                    .path = request->path,
                                    .payload = { (const uint8_t *)request->body, request->n_body } };

        intent_new(l, &spec, ret_intent);
        portal_request_done(request);
}

/* A value that has not the contract's form is an own fault: the transaction must not stand. */
static void refuse(struct ledger *l, const struct error *err)
{
        ledger_refuse(l, ERR_BUG, err->reason, "%s", err->text);
}

static int64_t fence_of(struct ledger *l, const char *application)
{
        return ledger_get_int(l, "SELECT coalesce(fence,0) FROM application WHERE id=?1", "s", application);
}

void call_claim(struct ledger *l, const char *application, char ret_intent[UUID_TEXT])
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        struct error err;

        if (portal_encode_claim(application, l->epoch, &request, &err) < 0)
                refuse(l, &err);
        else
                make(l, "claim", application, NULL, NULL, &request, ret_intent);
}

void call_begin(struct ledger *l, const char *application, const char *card, const char *face_code,
                const char *issue_date, const char *authorisation, char ret_intent[UUID_TEXT])
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        struct portal_begin in = { .application = application,
                                   .epoch = l->epoch,
                                   .fence = fence_of(l, application),
                                   .face_code = face_code,
                                   .authorisation = authorisation };
        struct error err;

        if (!date_parse(issue_date, &in.issue_date) || portal_encode_begin(&in, &request, &err) < 0)
                ledger_refuse(l, ERR_BUG, REASON_INTERNAL, "cannot make the begin call for %s", application);
        else
                make(l, "begin", application, card, NULL, &request, ret_intent);
}

struct report_row {
        char chip_id[21], data_sha256[SHA256_TEXT], sod_sha256[SHA256_TEXT], face_code[FACE_CODE_TEXT], issue_date[11],
                expert[65], card[UUID_TEXT];
        int64_t printed_at, written_at, verified_at;
};

static bool read_report(struct ledger *l, const char *serial, struct report_row *ret)
{
        struct db_rows rows;
        bool found;

        if (!ledger_query(l, &rows,
                          "SELECT b.chip_id, a.data_sha256, b.sod_sha256, k.face_code, k.issue_date, k.expert, k.id, "
                          "b.printed_at, b.written_at, b.verified_at FROM blank b JOIN card k ON k.id=b.card JOIN "
                          "application a ON a.id=b.application WHERE b.serial=?1",
                          "s", serial))
                return false;
        found = db_next(&rows);
        if (found) {
                char *texts[] = { ret->chip_id,    ret->data_sha256, ret->sod_sha256, ret->face_code,
                                  ret->issue_date, ret->expert,      ret->card };
                size_t sizes[] = { sizeof ret->chip_id, SHA256_TEXT, SHA256_TEXT, FACE_CODE_TEXT, 11,
                                   sizeof ret->expert,  UUID_TEXT };

                for (int i = 0; i < 7; i++)
                        (void)snprintf(texts[i], sizes[i], "%s", db_text(&rows, i) ? db_text(&rows, i) : "");
                ret->printed_at = db_int(&rows, 7);
                ret->written_at = db_int(&rows, 8);
                ret->verified_at = db_int(&rows, 9);
        }
        db_rows_done(&rows);
        return found;
}

static bool hex_exact(const char *text, uint8_t *ret, size_t n)
{
        size_t got;

        return hex_decode(text, ret, n, &got) && got == n;
}

static int64_t seconds(int64_t ms)
{
        return ms / 1000;
}

static int64_t later_of(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

void call_report(struct ledger *l, const char *application, const char *serial)
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        uint8_t chip[PORTAL_CHIP_ID_N], data[32], sod[32], head[32];
        struct report_row row = { 0 };
        char intent[UUID_TEXT];
        struct error err = { 0 };
        struct portal_issuance in = { .application = application,
                                      .fence = fence_of(l, application),
                                      .serial = serial,
                                      .chip_id = chip,
                                      .data_sha256 = data,
                                      .sod_sha256 = sod,
                                      .face_code = row.face_code,
                                      .operator_ = l->who.person,
                                      .expert = row.expert,
                                      .audit_seq = l->seq,
                                      .audit_head = head };

        if (!ledger_ok(l))
                return;
        if (!read_report(l, serial, &row) || !hex_exact(row.chip_id, chip, sizeof chip) ||
            !hex_exact(row.data_sha256, data, sizeof data) || !hex_exact(row.sod_sha256, sod, sizeof sod) ||
            !hex_exact(l->head, head, sizeof head) || !date_parse(row.issue_date, &in.issue_date)) {
                ledger_refuse(l, ERR_BUG, REASON_INTERNAL, "the record of %s is incomplete", serial);
                return;
        }
        in.printed_at = seconds(row.printed_at); /* a clock set back in between must not stop the report */
        in.written_at = later_of(in.printed_at, seconds(row.written_at));
        in.verified_at = later_of(in.written_at, seconds(row.verified_at));
        if (portal_encode_issuance(&in, &request, &err) < 0)
                refuse(l, &err);
        else
                make(l, "report", application, row.card, serial, &request, intent);
}

static enum portal_chip_fate fate_of(const struct call_gone *gone)
{
        unsigned fate = CHIP_UNWRITTEN;

        (void)portal_word_find(portal_chip_fate_words, gone->fate, &fate);
        return (enum portal_chip_fate)fate;
}

void call_spoil(struct ledger *l, const struct call_gone *gone)
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        uint8_t minutes[32];
        char intent[UUID_TEXT];
        struct error err = { 0 };
        struct portal_spoil in = { .application = gone->application,
                                   .serial = gone->serial,
                                   .cause = gone->cause,
                                   .text = gone->text,
                                   .stage = gone->from,
                                   .registered = gone->registered,
                                   .chip = fate_of(gone),
                                   .operator_ = l->who.person,
                                   .at = seconds(clock_wall_ms()),
                                   .minutes_number = gone->minutes };

        if (!ledger_ok(l))
                return;
        if (gone->minutes && hex_exact(gone->minutes_sha256, minutes, sizeof minutes))
                in.minutes_sha256 = minutes;
        in.fence = gone->application ? fence_of(l, gone->application) : 0;
        if (portal_encode_spoil(&in, &request, &err) < 0)
                refuse(l, &err);
        else
                make(l, "spoil", gone->application, NULL, gone->serial, &request, intent);
}

void call_void(struct ledger *l, const struct call_gone *gone)
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        uint8_t minutes[32];
        char intent[UUID_TEXT];
        struct error err = { 0 };
        struct portal_void in = { .application = gone->application,
                                  .serial = gone->serial,
                                  .text = gone->text,
                                  .chip = fate_of(gone),
                                  .operators = { gone->first, gone->second },
                                  .at = seconds(clock_wall_ms()),
                                  .minutes_number = gone->minutes };

        if (!ledger_ok(l))
                return;
        if (hex_exact(gone->minutes_sha256, minutes, sizeof minutes))
                in.minutes_sha256 = minutes;
        if (portal_encode_void(&in, &request, &err) < 0)
                refuse(l, &err);
        else
                make(l, "void", gone->application, NULL, gone->serial, &request, intent);
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

void call_anchor(struct ledger *l, char ret_intent[UUID_TEXT])
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        struct error err = { 0 };
        uint8_t head[32];

        if (!ledger_ok(l))
                return;
        if (!hex_exact(l->head, head, sizeof head))
                ledger_refuse(l, ERR_BUG, REASON_INTERNAL, "the audit head is malformed");
        else if (portal_encode_anchor(l->epoch, l->seq, head, &request, &err) < 0)
                refuse(l, &err);
        else
                make(l, "anchor", NULL, NULL, NULL, &request, ret_intent);
}

struct call {
        char kind[16], application[APPLICATION_TEXT], serial[SERIAL_TEXT];
        uint8_t payload_sha256[32];
        enum portal_what what;
};

/* False for what is no call. */
static bool find_what(const char *kind, enum portal_what *ret)
{
        static const struct {
                const char *kind;
                enum portal_what what;
        } whats[] = { { "claim", WHAT_CLAIM },     { "begin", WHAT_BEGIN }, { "release", WHAT_RELEASE },
                      { "report", WHAT_ISSUANCE }, { "spoil", WHAT_SPOIL }, { "void", WHAT_VOID },
                      { "anchor", WHAT_ANCHOR } };

        for (size_t i = 0; i < ARRAY_SIZE(whats); i++) {
                if (strcmp(whats[i].kind, kind) == 0) {
                        *ret = whats[i].what;
                        return true;
                }
        }
        return false;
}

/* All of it in one read: a call of which a part is missing would be judged as another. */
static bool load(struct ledger *l, const char *intent, struct call *ret)
{
        char sha256[SHA256_TEXT] = "";
        struct db_rows rows;
        bool found;

        *ret = (struct call){ 0 };
        if (!ledger_query(l, &rows,
                          "SELECT kind, coalesce(application,''), coalesce(serial,''), coalesce(payload_sha256,'') "
                          "FROM intent WHERE id=?1",
                          "s", intent))
                return false;
        found = db_next(&rows);
        if (found) {
                (void)snprintf(ret->kind, sizeof ret->kind, "%s", db_text(&rows, 0));
                (void)snprintf(ret->application, sizeof ret->application, "%s", db_text(&rows, 1));
                (void)snprintf(ret->serial, sizeof ret->serial, "%s", db_text(&rows, 2));
                (void)snprintf(sha256, sizeof sha256, "%s", db_text(&rows, 3));
        }
        db_rows_done(&rows);
        return found && find_what(ret->kind, &ret->what) &&
               hex_exact(sha256, ret->payload_sha256, sizeof ret->payload_sha256);
}

static int check_receipt(struct core *c, const char *intent, const struct call *call, struct bytes jws,
                         struct receipt *ret, struct error *err)
{
        cleanup(X509_STORE_free_p) X509_STORE *ca = NULL;
        struct receipt_wanted wanted = { .station = c->config.station.id, .key = intent, .what = call->what };

        memcpy(wanted.payload_sha256, call->payload_sha256, sizeof wanted.payload_sha256);
        if (jws_ca_new(c->portal_ca, &ca, err) < 0)
                return -1;
        return receipt_open(jws, ca, seconds(clock_wall_ms()), &wanted, ret, err);
}

static void raise_clock_floor(struct ledger *l, int64_t at)
{
        char day[DATE_TEXT_MAX];

        date_format(date_local(at), day);
        ledger_run(l, "INSERT INTO meta VALUES('clock_floor',?1) ON CONFLICT(key) DO UPDATE SET value=max(value,?1)",
                   "s", day);
}

/* What a grant does to the application; NULL: nothing. */
static const char *const granted_events[WHAT_SHIPMENT_RECEIPT + 1] = {
        [WHAT_CLAIM] = "claim",
        [WHAT_BEGIN] = "bind",
        [WHAT_RELEASE] = "release",
};

/* What a granted call changes beside its own intent. */
static void apply(struct core *c, const char *intent, const struct call *call, const struct portal_applied *a)
{
        const char *event = granted_events[call->what];
        struct ledger *l = &c->ledger;
        char state[32] = "";

        (void)ledger_state(l, ENTITY_APPLICATION, call->application, state, sizeof state);
        if (call->what == WHAT_ISSUANCE) {
                ledger_run(l, "UPDATE blank SET registered=1 WHERE serial=?1", "s", call->serial);
                return;
        }
        /* It may have been withdrawn, or bound by hello, while the call was on its way: the grant is kept as the
         * intent's receipt, the application stays where it is. */
        if (!event || !machine_next(ENTITY_APPLICATION, state, event))
                return;
        if (call->what == WHAT_CLAIM)
                ledger_move_set(l, ENTITY_APPLICATION, call->application, "claim", intent, NULL,
                                "UPDATE application SET state=?2, version=version+1, fence=?3, lease_boot=?4, "
                                "lease_until_boot=?5 WHERE id=?1",
                                "isi", a->fence, clock_boot_id(), clock_boot_ms() + a->lease_s * 1000);
        else
                ledger_move(l, ENTITY_APPLICATION, call->application, event, intent, NULL);
}

/* Moves the application when this event is possible now. */
static bool move_if(struct ledger *l, const char *application, const char *event, const char *intent)
{
        char state[32] = "";

        (void)ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state); /* none: no event is possible */
        if (!machine_next(ENTITY_APPLICATION, state, event))
                return false;
        ledger_move(l, ENTITY_APPLICATION, application, event, intent, NULL);
        return true;
}

/* Another station's, or not to be printed at all: it leaves the queue and says why. */
static bool is_taken(enum reason reason)
{
        return reason == REASON_CLAIMED_ELSEWHERE || reason == REASON_WRONG_STATE ||
               reason == REASON_AWAITING_REISSUE || reason == REASON_ALREADY_ISSUED;
}

/* True when the refusal of a claim or begin is an ordinary answer, no contradiction. The lease is gone in any case. */
static bool refused_before_print(struct ledger *l, const char *intent, const struct call *call, enum reason reason)
{
        bool begin = call->what == WHAT_BEGIN;

        if (reason == REASON_RECEIPT_BROKEN)
                return false;
        if (!begin || reason == REASON_CLAIMED_ELSEWHERE || reason == REASON_LEASE_OVER)
                (void)move_if(l, call->application, "lapse", intent);
        if (begin && reason != REASON_AUTHORISATION_USED) /* headquarters' word was not spent by this */
                ledger_run(l,
                           "UPDATE card SET reissue=NULL WHERE id=(SELECT card FROM intent WHERE id=?1) AND NOT "
                           "EXISTS(SELECT 1 FROM blank WHERE blank.card=card.id)",
                           "s", intent);
        if (is_taken(reason) && (!begin || reason == REASON_CLAIMED_ELSEWHERE) &&
            move_if(l, call->application, "refuse", intent))
                ledger_run(l, "UPDATE application SET refusal=?2 WHERE id=?1", "ss", call->application,
                           reason_word(reason));
        return !begin || reason == REASON_CLAIMED_ELSEWHERE || reason == REASON_LEASE_OVER || reason == REASON_FENCED;
}

/* A definite refusal. A card whose report was refused may not be delivered until the case is closed (DESIGN 1.5); an
 * application refused at claim or begin cannot be printed, and says why. */
static void refused(struct core *c, const char *intent, const struct call *call, const struct error *why)
{
        struct ledger *l = &c->ledger;
        cleanup(json_p) json_t *result = ipc_encode_error(why);

        intent_close(l, intent, "refuse", result);
        if (why->reason == REASON_FENCED)
                c->sync.greeted = false; /* ask who we are before anything else */
        if (why->reason == REASON_FENCED && call->what == WHAT_ANCHOR)
                return; /* hello tells whether this ledger is still in force; there is nothing to decide about a head */
        if (why->reason == REASON_WITHDRAWN && call->what != WHAT_ISSUANCE &&
            move_if(l, call->application, "withdraw", intent))
                return;
        if ((call->what == WHAT_CLAIM || call->what == WHAT_BEGIN) &&
            refused_before_print(l, intent, call, why->reason))
                return;
        if (call->what == WHAT_ISSUANCE) {
                (void)move_if(l, call->application, "dispute", intent);
                ledger_run(l, "DELETE FROM meta WHERE key='cursor.ledger'", ""); /* read anew: did it apply it? */
        }
        if (call->what == WHAT_ISSUANCE && why->reason == REASON_WITHDRAWN) {
                case_withdrawn(l, call->application, call->serial, intent);
                return;
        }
        case_open(l, call->kind, call->application[0] ? call->application : NULL, call->serial[0] ? call->serial : NULL,
                  intent, why->text);
}

static enum call_verdict record_refusal(struct core *c, const char *intent, const struct call *call, struct error *err)
{
        struct error why = *err;

        ledger_begin(&c->ledger, &who_station);
        refused(c, intent, call, &why);
        FAULT_COMMIT("core.call_refused");
        if (!core_commit(c, err))
                return c->ledger_lost ? CALL_STOPPED : CALL_LATER;
        if (why.reason == REASON_FENCED)
                sync_kick(&c->sync);
        *err = why;
        return CALL_CLOSED;
}

static enum call_verdict record_done(struct core *c, const char *intent, const struct call *call,
                                     const struct portal_applied *applied, const struct receipt *receipt,
                                     struct error *err)
{
        cleanup(json_p) json_t *result = json_pack("{s:I}", "portal_seq", (json_int_t)receipt->portal_seq);
        struct ledger *l = &c->ledger;

        ledger_begin(l, &who_station);
        ledger_run(l, "UPDATE intent SET receipt=?2 WHERE id=?1", "sb", intent, applied->receipt);
        intent_close(l, intent, "done", result);
        apply(c, intent, call, applied);
        if (core_clock_believes(receipt->at))
                raise_clock_floor(l, receipt->at);
        FAULT_COMMIT("core.call_done");
        if (!core_commit(c, err))
                return c->ledger_lost ? CALL_STOPPED : CALL_LATER;
        if (call->what == WHAT_ISSUANCE && c->anchor.core)
                anchor_soon(&c->anchor);
        return CALL_CLOSED;
}

enum call_verdict call_answered(struct core *c, const char *intent, const struct net_answer *answer, struct bytes body,
                                struct error *err)
{
        cleanup(portal_applied_done) struct portal_applied applied = { 0 };
        struct receipt receipt;
        struct call call;

        if (!load(&c->ledger, intent, &call)) {
                (void)err_own(err, ERR_BUG, REASON_INTERNAL, "no such call");
                return CALL_LATER;
        }
        if (answer->status / 100 != 2) {
                (void)portal_refusal(answer->status, body, err);
                return err->kind == ERR_INPUT ? record_refusal(c, intent, &call, err) : CALL_LATER;
        }
        if (portal_decode_applied(call.what, body, &applied, err) < 0)
                return CALL_LATER; /* nonsense: perhaps applied; the same bytes again will tell */
        if (check_receipt(c, intent, &call, applied.receipt, &receipt, err) < 0)
                return err->reason == REASON_RECEIPT_BROKEN ? record_refusal(c, intent, &call, err)
                                                            : CALL_LATER; /* our own fault says nothing about it */
        return record_done(c, intent, &call, &applied, &receipt, err);
}
