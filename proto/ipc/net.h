/* Verb `call` of mohr-net: one HTTPS exchange with the portal.
 *
 *   do   {"method":"GET|POST|PUT","path":"/v1/...","key":"..."?} + blob: the request body's exact bytes (not for GET)
 *   done {"status":N,"type":"json|jpeg|png|none","date":N?,"retry_after_s":N?} + blob: the answer's body, if any
 *   failed  RETRY portal_down: nothing was sent, or a GET had no usable answer: the same call again is safe.
 *           UNKNOWN portal_down or portal_nonsense: a POST or PUT may have been applied. Never sent again by mohr-net;
 *           the outbox repeats the same bytes under the same key.
 *           OPERATOR portal_tls: a certificate is wrong on either side; nothing was sent.
 *           INPUT bad_request: the call breaks the form here.
 * `done` means a complete answer in the contract's form, of any status but 1xx and 3xx; the caller judges the status
 * (proto/portal/messages.h). An answer >= 400 of another content type comes with type none and no body. */
#pragma once
#include "proto/base/json.h"

enum { NET_PATH_MAX = 300, NET_KEY_LENGTH = 36 };

enum net_method { NET_GET, NET_POST, NET_PUT };
enum net_type { NET_NONE, NET_JSON, NET_JPEG, NET_PNG };

struct net_call {
        enum net_method method;
        char path[NET_PATH_MAX + 1];  /* "/v1/" and unreserved characters, / ? = & only */
        char key[NET_KEY_LENGTH + 1]; /* lower-case UUIDv4, the intent id; "" for GET and only for GET */
};

struct net_answer {
        int status;            /* 200..299 or 400..599 */
        enum net_type type;    /* of the blob; NET_NONE: there is none */
        int64_t date;          /* the portal's Date header as unix time, -1 when absent or malformed */
        int64_t retry_after_s; /* 0..86400, -1 when absent or malformed */
};

const char *net_method_word(enum net_method method); /* "GET", ... */
/* New reference; NULL only without memory. */
json_t *net_encode_call(const struct net_call *call);
int net_decode_call(const json_t *args, struct net_call *ret, struct error *err);
json_t *net_encode_answer(const struct net_answer *answer);
int net_decode_answer(const json_t *args, struct net_answer *ret, struct error *err);
/* A lower-case UUIDv4 text (RFC 9562 5.4): an intent id. */
bool net_key_ok(const char *text);
