#include "daemon/core/portal/approvals.h"
#include "daemon/core/portal/inherit.h"
#include "daemon/core/portal/rebound.h"
#include "proto/base/cleanup.h"
#include "proto/text/persian.h"
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)

void approval_file_done(struct approval_file *f)
{
        free(f->jws);
        f->jws = NULL;
}

static int64_t now_s(void)
{
        return clock_wall_ms() / 1000;
}

static int open_approval(struct core *c, struct bytes jws, struct approval *ret, uint8_t ret_sha256[32],
                         struct error *err)
{
        cleanup(X509_STORE_free_p) X509_STORE *ca = NULL;

        if (jws_ca_new(c->portal_ca, &ca, err) < 0)
                return -1;
        return approval_open(jws, ca, now_s(), ret, ret_sha256, err);
}

int approval_load(struct core *c, const char *application, struct approval_file *ret, struct error *err)
{
        struct db_rows rows;
        struct bytes jws = { 0 };

        *ret = (struct approval_file){ 0 };
        if (db_query(&c->ledger.db, &rows, err, "SELECT approval FROM application WHERE id=?1", "s", application) < 0)
                return -1;
        if (db_next(&rows) && !db_is_null(&rows, 0)) {
                jws = db_bytes(&rows, 0);
                ret->jws = strndup((const char *)jws.p, jws.n);
        }
        if (db_end(&rows) < 0)
                return -1;
        if (!ret->jws)
                return err_input(err, REASON_APPROVAL_MISSING, "application %s has no approval yet", application);
        jws.p = (const uint8_t *)ret->jws;
        if (open_approval(c, jws, &ret->approval, ret->sha256, err) < 0 || approval_check(&ret->approval, err) < 0) {
                approval_file_done(ret);
                return -1;
        }
        if (strcmp(ret->approval.id, application) == 0)
                return 0;
        approval_file_done(ret);
        return err_input(err, REASON_APPROVAL_BROKEN, "the approval of %s names another application", application);
}

static bool same_approval(struct core *c, const char *application, const char *sha256)
{
        char known[SHA256_TEXT] = "";

        (void)ledger_get_text(&c->ledger, known, sizeof known,
                              "SELECT approval_sha256 FROM application WHERE id=?1 AND "
                              "refusal IS NOT 'approval_broken'",
                              "s", application);
        return strcmp(known, sha256) == 0;
}

static void ensure_application(struct core *c, const char *application)
{
        struct ledger *l = &c->ledger;
        char state[32];

        if (ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state))
                return;
        ledger_born(l, ENTITY_APPLICATION, application, "in_chain", NULL, NULL);
        ledger_run(l, "INSERT INTO application(id,state,arrived_at) VALUES(?1,'in_chain',?2)", "si", application,
                   clock_wall_ms());
}

static void store_person(struct core *c, const char *application, const struct approval *a)
{
        const struct approval_certificate *d = &a->certificate;
        char name[2 * APPROVAL_NAME_MAX + 2], key[2 * APPROVAL_NAME_MAX + 2];

        (void)snprintf(name, sizeof name, "%s %s", d->given_fa, d->family_fa);
        if (persian_key(name, key, sizeof key) != PERSIAN_OK)
                key[0] = '\0';
        ledger_run(
                &c->ledger,
                "INSERT INTO person VALUES(?1,?2,?3,?4) ON CONFLICT(application) DO UPDATE SET name=?2, name_key=?3, "
                "national_id=?4",
                "ssss", application, name, key, d->national_id);
}

/* A card in work keeps what it was begun with; a changed record then waits for a person (words: record_changed). */
static bool is_in_work(const char *state)
{
        return strcmp(state, "in_chain") != 0 && strcmp(state, "offered") != 0 && strcmp(state, "released") != 0 &&
               strcmp(state, "claimed") != 0;
}

static bool is_begun(struct ledger *l, const char *application)
{
        return ledger_get_int(l,
                              "SELECT count(*) FROM intent WHERE application=?1 AND kind='begin' AND state IN "
                              "('running','unknown')",
                              "s", application) > 0;
}

/* The portal numbers its records of one application; an older one must not come back. */
static bool is_older(struct ledger *l, const char *application, int64_t seq)
{
        return seq <
               ledger_get_int(l, "SELECT coalesce(approval_seq,0) FROM application WHERE id=?1", "s", application);
}

static void store_approval(struct core *c, const char *application, const char *jws, const char *jws_sha256,
                           const struct approval *a, const uint8_t data_sha256[32], enum reason refusal)
{
        char data[SHA256_TEXT], photo[SHA256_TEXT];

        hex_encode_lower((struct bytes){ data_sha256, 32 }, data, sizeof data);
        hex_encode_lower(BYTES(a->photo.sha256), photo, sizeof photo);
        ledger_run(&c->ledger,
                   "UPDATE application SET approval=?2, approval_sha256=?3, data_sha256=?4, approval_seq=?5, "
                   "photo_sha256=?6, certificate_no=?7, kind=?8, refusal=?9, worksheet_no=NULL, worksheet_by=NULL, "
                   "worksheet_at=NULL WHERE id=?1",
                   "sbssissss", application, (struct bytes){ (const uint8_t *)jws, strlen(jws) }, jws_sha256, data,
                   a->seq, photo, a->certificate.number, approval_kind_word(a->kind),
                   refusal == REASON_NONE ? NULL : reason_word(refusal));
        if (refusal == REASON_NONE || refusal == REASON_NOT_PAID || refusal == REASON_PAID_TOO_EARLY)
                store_person(c, application, a);
}

static void take_stage(struct core *c, const char *application, const char *stage, const char *waiting_for,
                       const char *deadline)
{
        ledger_run(&c->ledger, "UPDATE application SET stage=?2, waiting_for=?3, deadline=?4 WHERE id=?1", "ssss",
                   application, stage, waiting_for, deadline);
}

static void move_by_refusal(struct core *c, const char *application, const char *state, enum reason refusal)
{
        if (strcmp(state, "in_chain") == 0 && refusal == REASON_NONE)
                ledger_move(&c->ledger, ENTITY_APPLICATION, application, "offer", NULL, NULL);
        else if (strcmp(state, "offered") == 0 && refusal != REASON_NONE)
                ledger_move(&c->ledger, ENTITY_APPLICATION, application, "refuse", NULL, NULL);
}

static void take_approval(struct core *c, const char *application, const char *jws)
{
        struct ledger *l = &c->ledger;
        struct bytes text = { (const uint8_t *)jws, strlen(jws) };
        char state[32] = "", sha256[SHA256_TEXT];
        struct approval approval;
        uint8_t data[32];
        struct error err;
        enum reason refusal = REASON_NONE;

        sha256_hex(text, sha256);
        if (same_approval(c, application, sha256) ||
            !ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state))
                return;
        if (is_in_work(state) || is_begun(l, application)) {
                ledger_audit(l, "record_changed", "application", application, NULL, NULL);
                return;
        }
        if (open_approval(c, text, &approval, data, &err) < 0 || strcmp(approval.id, application) != 0) {
                ledger_run(l, "UPDATE application SET refusal='approval_broken' WHERE id=?1", "s", application);
                refusal = REASON_APPROVAL_BROKEN;
        } else if (is_older(l, application, approval.seq)) {
                ledger_audit(l, "approval_older", "application", application, NULL, NULL);
                return;
        } else {
                refusal = approval_check(&approval, &err) < 0 ? err.reason : REASON_NONE;
                store_approval(c, application, jws, sha256, &approval, data, refusal);
        }
        ledger_audit(l, "approval", "application", application, NULL, NULL);
        move_by_refusal(c, application, state, refusal);
}

/* Held by another station: not ours to print for now; free again: back in the queue. */
static void take_holder(struct core *c, const char *application, const char *stage, const char *held)
{
        struct ledger *l = &c->ledger;
        char state[32] = "", refusal[64] = "";

        (void)ledger_state(l, ENTITY_APPLICATION, application, state, sizeof state);
        (void)ledger_get_text(l, refusal, sizeof refusal, "SELECT refusal FROM application WHERE id=?1", "s",
                              application);
        if (strcmp(held, "other") == 0 && strcmp(state, "offered") == 0) {
                ledger_move(l, ENTITY_APPLICATION, application, "refuse", NULL, NULL);
                ledger_run(l, "UPDATE application SET refusal='claimed_elsewhere' WHERE id=?1", "s", application);
        }
        if (strcmp(held, "other") != 0 && strcmp(refusal, "claimed_elsewhere") == 0 && strcmp(state, "in_chain") == 0) {
                ledger_run(l, "UPDATE application SET refusal=NULL WHERE id=?1", "s", application);
                ledger_move(l, ENTITY_APPLICATION, application, "offer", NULL, NULL);
        }
        /* A new installation learns that its predecessor made the card. */
        if (strcmp(held, "self") == 0 && strcmp(stage, "issued") == 0 && strcmp(state, "offered") == 0) {
                ledger_move(l, ENTITY_APPLICATION, application, "refuse", NULL, NULL);
                ledger_run(l, "UPDATE application SET refusal='already_issued' WHERE id=?1", "s", application);
        }
        if (strcmp(held, "self") == 0 && strcmp(stage, "bound") == 0 && strcmp(state, "offered") == 0) {
                ledger_move(l, ENTITY_APPLICATION, application, "bind", NULL, NULL);
                rebound_open(l, application);
        }
        if (strcmp(held, "self") == 0 && strcmp(stage, "awaiting_reissue") == 0 && !inherit_wait(l, application))
                c->sync.greeted = false; /* hello names the serial it waits for */
}

void approval_take(struct core *c, const char *application, const char *stage, const char *waiting_for,
                   const char *deadline, const char *held, const char *approval)
{
        ensure_application(c, application);
        take_stage(c, application, stage, waiting_for, deadline);
        if (strcmp(held, "self") != 0 && strcmp(stage, "withdrawn") != 0)
                rebound_unbound(&c->ledger, application);
        if (approval)
                take_approval(c, application, approval);
        take_holder(c, application, stage, held);
}

void approval_bound(struct core *c, const char *application, int64_t fence)
{
        ensure_application(c, application);
        ledger_run(&c->ledger, "UPDATE application SET fence=?2 WHERE id=?1 AND coalesce(fence,0)<?2", "si",
                   application, fence);
}

int photo_load(struct core *c, const char *sha256, uint8_t **ret, size_t *ret_n, struct error *err)
{
        struct db_rows rows;
        bool found;

        if (db_query(&c->ledger.db, &rows, err, "SELECT bytes FROM photo WHERE sha256=?1", "s", sha256) < 0)
                return -1;
        found = db_next(&rows);
        if (found) {
                struct bytes b = db_bytes(&rows, 0);

                *ret = malloc(b.n ? b.n : 1);
                if (*ret && b.n > 0)
                        memcpy(*ret, b.p, b.n);
                *ret_n = b.n;
        }
        if (db_end(&rows) < 0)
                return -1;
        if (found && !*ret)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        return found;
}
