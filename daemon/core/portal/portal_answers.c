/* What an answer of the portal does to the ledger: granted, refused, or not yet known. */
#include "daemon/core/desk/cases.h"
#include "daemon/core/portal/approvals.h"
#include "daemon/core/portal/portal_calls.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/portal/answers.h"
#include "proto/portal/receipt.h"
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)

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
               hex_decode_exact(sha256, ret->payload_sha256, sizeof ret->payload_sha256);
}

static int check_receipt(struct core *c, const char *intent, const struct call *call, struct bytes jws,
                         struct receipt *ret, struct error *err)
{
        cleanup(X509_STORE_free_p) X509_STORE *ca = NULL;
        struct receipt_wanted wanted = { .station = c->config.station.id, .key = intent, .what = call->what };

        memcpy(wanted.payload_sha256, call->payload_sha256, sizeof wanted.payload_sha256);
        if (jws_ca_new(c->portal_ca, &ca, err) < 0)
                return -1;
        return receipt_open(jws, ca, clock_wall_ms() / 1000, &wanted, ret, err);
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
