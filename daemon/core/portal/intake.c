#include "daemon/core/portal/intake.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/loop/log.h"
#include "daemon/core/portal/approvals.h"
#include "daemon/core/portal/inherit.h"
#include "daemon/core/portal/rebound.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/portal/receipt.h"
#include "proto/portal/reissue.h"
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { PHOTO_TRIES = 3, MS_PER_S = 1000 };

DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)

static const char *const cursor_keys[SYNC_LISTS] = { "cursor.applications", "cursor.reissues", "cursor.withdrawn",
                                                     "cursor.ledger" };

enum portal_list intake_portal_list(enum sync_list list)
{
        static const enum portal_list lists[SYNC_LISTS] = { LIST_APPLICATIONS, LIST_REISSUES, LIST_WITHDRAWN,
                                                            LIST_LEDGER };

        return lists[list];
}

void intake_cursor(struct core *c, enum sync_list list, char ret[PORTAL_CURSOR_MAX + 1])
{
        ret[0] = '\0';
        (void)ledger_get_text(&c->ledger, ret, PORTAL_CURSOR_MAX + 1, "SELECT value FROM meta WHERE key=?1", "s",
                              cursor_keys[list]);
}

/* Before print the blank is free again by itself (none is reserved then); with a card the line stops and a case
 * decides. */
static void withdraw(struct core *c, const char *application)
{
        struct ledger *l = &c->ledger;
        char state[32] = "", serial[SERIAL_TEXT] = "";

        if (!ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state))
                return;
        if (ledger_get_text(l, serial, sizeof serial,
                            "SELECT serial FROM blank WHERE application=?1 AND state NOT IN "
                            "('spoiled','void','dispatched','at_hq')",
                            "s", application)) {
                if (machine_next(ENTITY_APPLICATION, state, "dispute"))
                        ledger_move(l, ENTITY_APPLICATION, application, "dispute", NULL, NULL);
                case_withdrawn(l, application, serial, NULL);
        } else if (machine_next(ENTITY_APPLICATION, state, "withdraw")) {
                ledger_move(l, ENTITY_APPLICATION, application, "withdraw", NULL, NULL);
        }
}

static void take_application(struct core *c, const struct portal_application *a)
{
        cleanup(free_p) char *approval = a->approval.n > 0 ? strndup((const char *)a->approval.p, a->approval.n) : NULL;
        char deadline[TIME_TEXT_MAX] = "";

        if (a->has_deadline)
                time_format(a->deadline, deadline);
        approval_take(c, a->id, portal_stage_words[a->stage],
                      a->has_waiting_for ? approval_role_word(a->waiting_for) : NULL, a->has_deadline ? deadline : NULL,
                      a->held == HELD_OTHER  ? "other"
                      : a->held == HELD_SELF ? "self"
                                             : "none",
                      approval);
        if (a->stage == STAGE_WITHDRAWN) /* its entry in the other list may have come before anybody knew of it */
                withdraw(c, a->id);
}

static void store_reissue(struct core *c, const struct reissue *r, struct bytes jws)
{
        struct ledger *l = &c->ledger;
        char state[32] = "", granted[TIME_TEXT_MAX], serial[SERIAL_TEXT] = "";

        if (ledger_get_int(l, "SELECT count(*) FROM reissue WHERE id=?1", "s", r->id) > 0)
                return;
        if (ledger_get_int(l, "SELECT count(*) FROM reissue WHERE spoiled_serial=?1", "s", r->spoiled_serial) > 0) {
                ledger_audit(l, "authorisation_ignored", "application", r->application, NULL, NULL);
                return; /* one spoiled serial buys one re-issue (DESIGN 1.6) */
        }
        if (!ledger_get_text(l, serial, sizeof serial,
                             "SELECT serial FROM blank WHERE serial=?1 AND application=?2 AND state IN "
                             "('spoiled','void','dispatched','at_hq')",
                             "ss", r->spoiled_serial, r->application)) {
                ledger_audit(l, "authorisation_ignored", "application", r->application, NULL, NULL);
                return;
        }
        time_format(r->granted_at, granted);
        ledger_audit(l, "authorisation", "application", r->application, NULL, NULL);
        ledger_run(l, "INSERT INTO reissue VALUES(?1,?2,?3,?4,?5,?6)", "sssbsi", r->id, r->application,
                   r->spoiled_serial, jws, granted, clock_wall_ms());
        (void)ledger_state(l, ENTITY_APPLICATION, r->application, state, sizeof state);
        if (strcmp(state, "awaiting_reissue") == 0)
                ledger_move(l, ENTITY_APPLICATION, r->application, "authorise", NULL, NULL);
}

static void take_reissue(struct core *c, X509_STORE *ca, struct bytes jws)
{
        struct reissue reissue;
        struct error err;

        if (reissue_open(jws, ca, clock_wall_ms() / 1000, &reissue, &err) == 0) {
                store_reissue(c, &reissue, jws);
                return;
        }
        log_error(LEVEL_ERROR, (struct log_at){ .step = "reissue" }, &err);
        ledger_audit(&c->ledger, "authorisation_broken", "station", c->config.station.id, NULL, NULL);
}

/* An entry of the signed list, kept with its bytes for whoever verifies a card. */
static void list_serial(struct core *c, X509_STORE *ca, const struct portal_withdrawal *w)
{
        struct ledger *l = &c->ledger;
        struct withdrawn entry;
        struct error err;

        if (withdrawn_open(w->statement, ca, clock_wall_ms() / 1000, &entry, &err) < 0 ||
            strcmp(entry.serial, w->serial) != 0) {
                log_say(LEVEL_ERROR, "an entry of the withdrawn list is not signed as it should be");
                ledger_audit(l, "withdrawn_broken", "station", c->config.station.id, NULL, NULL);
                return;
        }
        if (ledger_get_int(l, "SELECT count(*) FROM withdrawn WHERE serial=?1", "s", entry.serial) > 0)
                return;
        ledger_audit(l, "withdrawn_listed", "serial", entry.serial, NULL, NULL);
        ledger_run(l, "INSERT INTO withdrawn VALUES(?1,?2,?3,?4)", "sibi", entry.serial, entry.at * 1000, w->statement,
                   clock_wall_ms());
}

bool intake_wants_ledger(struct core *c)
{
        return ledger_get_int(&c->ledger,
                              "SELECT count(*) FROM dispute d JOIN intent i ON i.id=d.intent WHERE d.kind='report' AND "
                              "d.closed_at IS NULL AND json_extract(i.evidence,'$.portal') IS NULL",
                              "") > 0;
}

/* The portal did apply a report of ours whose answer was a refusal here: evidence for its case. */
static void take_effect(struct ledger *l, const struct portal_ledger_item *item)
{
        cleanup(json_p) json_t *evidence = NULL;
        char sha256[SHA256_TEXT];

        hex_encode_lower(BYTES(item->payload_sha256), sha256, sizeof sha256);
        if (item->what != WHAT_ISSUANCE ||
            ledger_get_int(l,
                           "SELECT count(*) FROM intent WHERE id=?1 AND kind='report' AND state='refused' AND "
                           "payload_sha256=?2 AND serial=?3 AND json_extract(evidence,'$.portal') IS NULL",
                           "sss", item->key, sha256, item->serial) == 0)
                return;
        evidence = json_pack("{s:{s:I,s:I}}", "portal", "portal_seq", (json_int_t)item->portal_seq, "at",
                             (json_int_t)item->at * MS_PER_S);
        intent_evidence(l, item->key, "portal_shows", evidence);
}

static void take_item(struct core *c, X509_STORE *ca, const struct portal_page *page, size_t i)
{
        switch (page->list) {
        case LIST_APPLICATIONS:
                take_application(c, &page->applications[i]);
                break;
        case LIST_REISSUES:
                take_reissue(c, ca, page->reissues[i].authorisation);
                break;
        case LIST_WITHDRAWN:
                if (page->withdrawals[i].of_serial)
                        list_serial(c, ca, &page->withdrawals[i]);
                else
                        withdraw(c, page->withdrawals[i].application);
                break;
        case LIST_LEDGER:
                take_effect(&c->ledger, &page->ledger[i]);
                break;
        }
}

int intake_page(struct core *c, enum sync_list list, struct bytes body, bool *ret_more, struct error *err)
{
        cleanup(X509_STORE_free_p) X509_STORE *ca = NULL;
        cleanup(portal_page_done) struct portal_page page = { 0 };

        if (jws_ca_new(c->portal_ca, &ca, err) < 0 ||
            portal_decode_page(intake_portal_list(list), body, &page, err) < 0)
                return -1;
        ledger_begin(&c->ledger, &who_station);
        for (size_t i = 0; i < page.n; i++)
                take_item(c, ca, &page, i);
        ledger_run(&c->ledger, "INSERT INTO meta VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET value=?2", "ss",
                   cursor_keys[list], page.next);
        FAULT_COMMIT("core.page");
        if (!core_commit(c, err))
                return -1;
        *ret_more = page.more;
        if (page.n > 0)
                core_publish(c, "queue", NULL);
        return 0;
}

static int check_hello(struct core *c, const char *key, const uint8_t sha256[32],
                       const struct portal_hello_answer *answer, struct error *err)
{
        cleanup(X509_STORE_free_p) X509_STORE *ca = NULL;
        struct receipt_wanted wanted = { .station = c->config.station.id, .key = key, .what = WHAT_HELLO };
        struct receipt receipt;

        memcpy(wanted.payload_sha256, sha256, 32);
        if (jws_ca_new(c->portal_ca, &ca, err) < 0)
                return -1;
        if (receipt_open(answer->receipt, ca, clock_wall_ms() / 1000, &wanted, &receipt, err) < 0)
                return -1;
        core_clock_heard(c, receipt.at);
        return 0;
}

static void take_bound(struct core *c, const struct portal_bound *b)
{
        char day[DATE_TEXT_MAX];

        date_format(b->issue_date, day);
        approval_bound(c, b->application, b->fence);
        rebound_note(&c->ledger, b->application, b->face_code, day);
        if (b->stage == STAGE_AWAITING_REISSUE && b->spoiled_serial[0]) {
                inherit_spoiled(&c->ledger, b->application, b->spoiled_serial, b->face_code);
                (void)inherit_wait(&c->ledger, b->application);
        }
}

int intake_hello(struct core *c, const char *key, const uint8_t sha256[32], struct bytes body, bool *ret_fenced,
                 struct error *err)
{
        cleanup(portal_hello_answer_done) struct portal_hello_answer answer = { 0 };
        struct ledger *l = &c->ledger;

        if (portal_decode_hello(body, &answer, err) < 0 || check_hello(c, key, sha256, &answer, err) < 0)
                return -1;
        ledger_begin(l, &who_station);
        ledger_audit(l, answer.fenced ? "fenced" : "hello", "station", c->config.station.id, NULL, NULL);
        for (size_t i = 0; i < answer.n_bound; i++)
                take_bound(c, &answer.bound[i]);
        FAULT_COMMIT("core.hello");
        if (!core_commit(c, err))
                return -1;
        *ret_fenced = answer.fenced;
        if (answer.fenced)
                log_say(LEVEL_ERROR, "the portal has fenced this station: it knows a newer ledger; call headquarters");
        return 0;
}

bool intake_missing_photo(struct core *c, char ret[SHA256_TEXT])
{
        return ledger_get_text(
                &c->ledger, ret, SHA256_TEXT,
                "SELECT a.photo_sha256 FROM application a WHERE a.photo_sha256 IS NOT NULL AND a.state IN "
                "('offered','claimed','bound','authorised','disputed') AND NOT EXISTS(SELECT 1 FROM photo p WHERE "
                "p.sha256=a.photo_sha256) AND a.refusal IS NULL ORDER BY a.arrived_at LIMIT 1",
                "");
}

int intake_no_photo(struct core *c, const char *sha256, struct error *err)
{
        ledger_begin(&c->ledger, &who_station);
        ledger_audit(&c->ledger, "photo_missing", "photo", sha256, NULL, NULL);
        ledger_run(&c->ledger, "UPDATE application SET refusal='photo_bad' WHERE photo_sha256=?1", "s", sha256);
        FAULT_COMMIT("core.no_photo");
        return core_commit(c, err) ? 0 : -1;
}

/* A network's sign-in page is no photo: only what comes wrong again and again is the portal's own fault. */
static bool is_refused(struct ledger *l, const char *sha256)
{
        bool often;

        ledger_audit(l, "photo_wrong", "photo", sha256, NULL, NULL);
        often = ledger_get_int(l, "SELECT count(*) FROM audit WHERE event='photo_wrong' AND subject=?1", "s", sha256) >=
                PHOTO_TRIES;
        if (often)
                ledger_run(l, "UPDATE application SET refusal='photo_bad' WHERE photo_sha256=?1", "s", sha256);
        return often;
}

int intake_photo(struct core *c, const char *sha256, struct bytes body, struct error *err)
{
        char got[SHA256_TEXT];
        bool again = false;

        sha256_hex(body, got);
        ledger_begin(&c->ledger, &who_station);
        if (strcmp(got, sha256) == 0) {
                ledger_run(&c->ledger, "INSERT INTO photo VALUES(?1,?2) ON CONFLICT DO NOTHING", "sb", sha256, body);
                ledger_audit(&c->ledger, "photo", "photo", sha256, NULL, NULL);
        } else {
                again = !is_refused(&c->ledger, sha256);
        }
        FAULT_COMMIT("core.photo");
        if (!core_commit(c, err))
                return -1;
        return again ? err_own(err, ERR_RETRY, REASON_PHOTO_BAD, "the portal's bytes are not the approved photo") : 0;
}
