/* One call of the contract: who asks, what for, and what the rules say. */
#pragma once
#include "check.h"
#include "portal.h"
#include "server.h"

struct call {
        struct portal *portal;
        const char *station, *province;
        const char *id;          /* the path's variable part; "" when it has none */
        const char *key, *query; /* key: mutating calls only */
        const json_t *body;      /* mutating calls only; fits the schema */
        char payload_sha256[65];
};

/* What a mutating call did: the answer without its receipt, and the words of its effect row. */
struct outcome {
        int status;         /* 200, 400, 403, 404 or 409 */
        const char *reason; /* when status is not 200 */
        const char *text;
        json_t *answer; /* owned */
        const char *what;
        const char *application, *serial; /* of the call's body or path */
        int64_t fence;                    /* 0: none */
        const char *authorisation;
};

static inline struct outcome refuse(int status, const char *reason, const char *text)
{
        return (struct outcome){ .status = status, .reason = reason, .text = text };
}

static inline const char *body_text(const struct call *call, const char *key)
{
        return json_string_value(json_object_get(call->body, key));
}

static inline int64_t body_int(const struct call *call, const char *key)
{
        return json_integer_value(json_object_get(call->body, key));
}

/* An application's row, as the rules need it. Texts live until application_done. */
struct application {
        char *id, *stage, *holder, *needs, *face_code, *issue_date, *data_sha256, *authorisation;
        int64_t fence;
        bool mine;
};

/* False: unknown or of another province. */
bool application_load(const struct call *call, const char *id, struct application *ret);
void application_done(struct application *application);
/* 200 when the caller holds the application under this fence; otherwise why not. */
struct outcome fence_holds(const struct application *application, int64_t fence);
bool application_in(const struct application *application, const char *stage);

/* The rules of the mutating calls (claims.c, reports.c, stations.c). Each runs in an open transaction, and writes
 * nothing when it refuses, but for the mark of a station that is found fenced. */
struct outcome call_hello(const struct call *call);
struct outcome call_anchor(const struct call *call);
struct outcome call_claim(const struct call *call);
struct outcome call_begin(const struct call *call);
struct outcome call_release(const struct call *call);
struct outcome call_issuance(const struct call *call);
struct outcome call_spoil(const struct call *call);
struct outcome call_delivery(const struct call *call);
struct outcome call_void(const struct call *call);
struct outcome call_shipment_receipt(const struct call *call);
/* True when this installation must not begin anything: fenced, or the epoch is not the one remembered. */
bool station_fenced(const struct call *call, int64_t epoch);

/* The lists (lists.c). NULL when the query is wrong. */
json_t *list_applications(const struct call *call);
json_t *list_reissues(const struct call *call);
json_t *list_withdrawn(const struct call *call);
json_t *list_ledger(const struct call *call);
json_t *list_shipments(const struct call *call);

/* server_options.handle; ctx is the portal. */
void portal_handle(void *ctx, const struct request *request, struct answer *ret);
/* GET of a photo: fills ret, or leaves status 0. */
void photo_answer(const struct call *call, struct answer *ret);
