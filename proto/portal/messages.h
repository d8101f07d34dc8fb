/* Requests to and answers from the portal: proto/portal.openapi.yaml is the authority, one function per operation.
 *
 * A request holds the exact bytes to send: JSON with sorted keys and without spaces, so that the same intent always
 * sends the same bytes under the same key. Keep them with the intent; never encode again for a repetition. */
#pragma once
#include "proto/ipc/net.h"
#include "proto/portal/words.h"

/* schema bodies are small; the longest is a spoil's text */
enum { PORTAL_BODY_MAX = 1 << 20, PORTAL_PAGE_MAX = 100, PORTAL_HELLO_MAX = 1000 };

struct portal_request {
        enum portal_what what; /* of a mutating call; the receipt must name it */
        enum net_method method;
        char path[NET_PATH_MAX + 1];
        char *body; /* owned; NULL for GET */
        size_t n_body;
        uint8_t sha256[32]; /* of the body: the receipt must name it too */
};

void portal_request_done(struct portal_request *r); /* accepts a zeroed one; fits cleanup() */

/* Encoders: 0 and *ret (portal_request_done), or -1 and *err (INPUT, bad_request) when a value has not the form of the
 * schema: such a call would be refused, so it is never made. Texts are borrowed for the call only. Digests are 32
 * bytes. */
struct portal_hello {
        const char *station;
        int64_t epoch, seq; /* seq: the last audit row, 0 before the first */
        const uint8_t *head;
};
int portal_encode_hello(const struct portal_hello *in, struct portal_request *ret, struct error *err);
int portal_encode_claim(const char *application, int64_t epoch, struct portal_request *ret, struct error *err);

struct portal_begin {
        const char *application;
        int64_t epoch, fence;
        const char *face_code;
        int32_t issue_date;        /* day number */
        const char *authorisation; /* NULL: none */
};
int portal_encode_begin(const struct portal_begin *in, struct portal_request *ret, struct error *err);
int portal_encode_release(const char *application, int64_t fence, struct portal_request *ret, struct error *err);

struct portal_issuance {
        const char *application;
        int64_t fence;
        const char *serial;
        const uint8_t *chip_id; /* PORTAL_CHIP_ID_N bytes */
        const uint8_t *data_sha256, *sod_sha256;
        const char *face_code;
        int32_t issue_date;
        int64_t printed_at, written_at, verified_at; /* must not decrease */
        const char *operator_, *expert;              /* pseudonyms; the expert is responsible (I-6.9) */
        int64_t audit_seq;
        const uint8_t *audit_head;
};
int portal_encode_issuance(const struct portal_issuance *in, struct portal_request *ret, struct error *err);

struct portal_spoil {
        const char *application; /* NULL: a blank without applicant; fence is then ignored, registered false */
        int64_t fence;
        const char *serial;
        const char *cause; /* of portal_cause_words */
        const char *text;  /* may be "" unless the cause is other */
        const char *stage; /* of portal_blank_stage_words */
        bool registered;   /* the serial had been reported as issued (I-8 note 3) */
        enum portal_chip_fate chip;
        const char *operator_;
        int64_t at;
        const char *minutes_number; /* NULL: no minutes yet */
        const uint8_t *minutes_sha256;
};
int portal_encode_spoil(const struct portal_spoil *in, struct portal_request *ret, struct error *err);

struct portal_void {
        const char *application, *serial;
        const char *text; /* may be "" */
        enum portal_chip_fate chip;
        const char *operators[2]; /* two people of two offices */
        int64_t at;
        const char *minutes_number; /* of the provincial assessment board (I-9 note 4) */
        const uint8_t *minutes_sha256;
};
int portal_encode_void(const struct portal_void *in, struct portal_request *ret, struct error *err);
int portal_encode_anchor(int64_t epoch, int64_t seq, const uint8_t *head, struct portal_request *ret,
                         struct error *err);

/* Lists; after is "" for the beginning, limit 1..PORTAL_PAGE_MAX. */
enum portal_list { LIST_APPLICATIONS, LIST_REISSUES, LIST_WITHDRAWN, LIST_LEDGER };
int portal_encode_list(enum portal_list list, const char *after, int limit, struct portal_request *ret,
                       struct error *err);
int portal_encode_photo(const uint8_t sha256[32], struct portal_request *ret, struct error *err);

/* A status that is no success (not 2xx) into *err and -1; body may be empty. Kind:
 *   INPUT  a definite refusal: 400, 403, 404, 409, 413, 422. Reason: the portal's word where reasons know it
 * (withdrawn, fenced, claimed_elsewhere, lease_over, awaiting_reissue, authorisation_used, serial_used, chip_taken,
 *          wrong_state, not_found, not_permitted, already_issued), else portal_refused.
 *   RETRY  408, 429 and every 5xx: portal_down; not applied, the same call under the same key may be sent again. */
int portal_refusal(int status, struct bytes body, struct error *err);
