/* The portal's successful answers. Decoders are strict; a malformed answer to a GET is RETRY portal_nonsense (nothing
 * was stored), to a mutating call UNKNOWN portal_nonsense (it may have been applied). `json` owns the memory that
 * borrowed texts (JWS) point into; each _done accepts a zeroed struct and fits cleanup(). JWS are not yet verified. */
#pragma once
#include "proto/portal/approval.h"
#include "proto/portal/messages.h"

/* Answer to claim, begin, release, issuance, spoil, void, anchor. Members that the operation lacks stay zero. */
struct portal_applied {
        json_t *json;
        char application[PORTAL_APPLICATION_MAX + 1]; /* "" for null */
        bool has_stage;
        enum portal_stage stage;
        int64_t fence;                      /* claim, begin */
        int64_t lease_s;                    /* claim: a duration from now */
        char serial[PORTAL_SERIAL_MAX + 1]; /* spoil, void */
        int64_t seq;                        /* anchor */
        struct bytes receipt;
};
int portal_decode_applied(enum portal_what what, struct bytes body, struct portal_applied *ret, struct error *err);
void portal_applied_done(struct portal_applied *a);

struct portal_bound {
        char application[PORTAL_APPLICATION_MAX + 1];
        enum portal_stage stage; /* bound or awaiting_reissue */
        int64_t fence;
        char face_code[PORTAL_FACE_CODE_MAX + 1];
        int32_t issue_date;
        char spoiled_serial[PORTAL_SERIAL_MAX + 1]; /* "" unless awaiting_reissue */
};
struct portal_issued {
        char application[PORTAL_APPLICATION_MAX + 1];
        int64_t fence;
        char serial[PORTAL_SERIAL_MAX + 1];
};
struct portal_hello_answer {
        json_t *json;
        char station[PORTAL_STATION_MAX + 1];
        int64_t epoch;
        bool fenced;
        struct portal_bound *bound; /* owned */
        size_t n_bound;
        struct portal_issued *issued; /* owned */
        size_t n_issued;
        bool truncated; /* there is more: read the ledger */
        int64_t server_time, receipt_seq;
        struct bytes receipt;
};
int portal_decode_hello(struct bytes body, struct portal_hello_answer *ret, struct error *err);
void portal_hello_answer_done(struct portal_hello_answer *a);

/* One page of a list: items in rising order, all of them valid or none. next: the cursor to ask with; more: another
 * page is ready. */
enum portal_held { HELD_NONE, HELD_SELF, HELD_OTHER };
struct portal_application {
        char cursor[PORTAL_CURSOR_MAX + 1];
        char id[PORTAL_APPLICATION_MAX + 1];
        enum portal_stage stage;
        enum portal_held held;
        bool has_deadline; /* in_chain: when the next official is due (A-B1 to A-B3) */
        int64_t deadline;
        bool has_waiting_for;
        enum approval_role waiting_for;
        struct bytes approval; /* n = 0: none */
};
struct portal_reissue {
        char cursor[PORTAL_CURSOR_MAX + 1];
        struct bytes authorisation;
};
struct portal_withdrawal {
        char cursor[PORTAL_CURSOR_MAX + 1];
        bool of_serial; /* an entry of the withdrawn list, else a withdrawn application */
        char application[PORTAL_APPLICATION_MAX + 1];
        char serial[PORTAL_SERIAL_MAX + 1];
        int64_t at;
        struct bytes statement; /* of_serial: the signed entry */
};
struct portal_ledger_item {
        char cursor[PORTAL_CURSOR_MAX + 1];
        int64_t portal_seq;
        enum portal_what what;
        char key[PORTAL_KEY_LENGTH + 1];
        uint8_t payload_sha256[32];
        int64_t at;
        char application[PORTAL_APPLICATION_MAX + 1]; /* "" for null, as the following */
        char serial[PORTAL_SERIAL_MAX + 1];
        int64_t fence; /* 0 for null */
        char authorisation[PORTAL_AUTHORISATION_MAX + 1];
};
struct portal_page {
        json_t *json;
        enum portal_list list;
        size_t n;
        union {
                struct portal_application *applications; /* owned, as all four */
                struct portal_reissue *reissues;
                struct portal_withdrawal *withdrawals;
                struct portal_ledger_item *ledger;
                void *items;
        };
        char next[PORTAL_CURSOR_MAX + 1];
        bool more;
};
int portal_decode_page(enum portal_list list, struct bytes body, struct portal_page *ret, struct error *err);
void portal_page_done(struct portal_page *p);
