/* How each call is made: inside the transaction of what it tells, its bytes fixed for ever. */
#include "daemon/core/portal/portal_calls.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/portal/approvals.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/portal/messages.h"
#include <stdio.h>
#include <string.h>

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
        if (!read_report(l, serial, &row) || !hex_decode_exact(row.chip_id, chip, sizeof chip) ||
            !hex_decode_exact(row.data_sha256, data, sizeof data) ||
            !hex_decode_exact(row.sod_sha256, sod, sizeof sod) || !hex_decode_exact(l->head, head, sizeof head) ||
            !date_parse(row.issue_date, &in.issue_date)) {
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
        if (gone->minutes && hex_decode_exact(gone->minutes_sha256, minutes, sizeof minutes))
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
        if (hex_decode_exact(gone->minutes_sha256, minutes, sizeof minutes))
                in.minutes_sha256 = minutes;
        if (portal_encode_void(&in, &request, &err) < 0)
                refuse(l, &err);
        else
                make(l, "void", gone->application, NULL, gone->serial, &request, intent);
}

void call_anchor(struct ledger *l, char ret_intent[UUID_TEXT])
{
        cleanup(portal_request_done) struct portal_request request = { 0 };
        struct error err = { 0 };
        uint8_t head[32];

        if (!ledger_ok(l))
                return;
        if (!hex_decode_exact(l->head, head, sizeof head))
                ledger_refuse(l, ERR_BUG, REASON_INTERNAL, "the audit head is malformed");
        else if (portal_encode_anchor(l->epoch, l->seq, head, &request, &err) < 0)
                refuse(l, &err);
        else
                make(l, "anchor", NULL, NULL, NULL, &request, ret_intent);
}
