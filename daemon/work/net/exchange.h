/* One HTTPS exchange with the portal over libcurl: mutual TLS, own CA, no proxy, no redirect, no decompression.
 *
 * Sources: RFC 9110, RFC 9530 (Content-Digest), proto/portal.openapi.yaml "Transport". Observed with curl 7.88.1: a
 * POST on a kept-alive connection that the server closes is sent again by libcurl itself, so that every mutating call
 * has a connection of its own; GETs may share one. Whether anything was sent is known from CURLOPT_PREREQFUNCTION,
 * which stands between the finished handshake and the first byte of the request. */
#pragma once
#include "proto/base/bytes.h"
#include "proto/ipc/net.h"

enum {
        EXCHANGE_BODY_MAX = 1 << 20,  /* JSON */
        EXCHANGE_PHOTO_MAX = 8 << 20, /* below /v1/photos/ */
        EXCHANGE_HEADERS_MAX = 65536, /* all header lines of one answer */
        EXCHANGE_DEADLINE_S = 30,     /* of a whole call */
};

struct exchange_config {
        const char *url;        /* https://HOST[:PORT] */
        const char *ca;         /* PEM file: the only roots that count */
        const char *cert, *key; /* PEM files: the station's certificate and key */
        /* PEM file of revocation lists, one of each authority in the server's chain; NULL: revocation is not asked. It
         * is read anew for each connection. Missing, unreadable, foreign or past its next update: nothing is sent. */
        const char *crl;
        long deadline_s; /* EXCHANGE_DEADLINE_S */
};

struct exchange; /* one libcurl handle, used for one call at a time */

/* NULL and *err when the URL is not of that form or libcurl fails. config is borrowed for the exchange's life. */
struct exchange *exchange_new(const struct exchange_config *config, struct error *err);
void exchange_free(struct exchange *x); /* accepts NULL */
/* One call; blocks at most deadline_s. body is empty exactly for GET. 0, *ret and *ret_body (borrowed until the next
 * call), or -1 and *err as proto/ipc/net.h lists them. Nothing is ever repeated here. */
int exchange_call(struct exchange *x, const struct net_call *call, struct bytes body, struct net_answer *ret,
                  struct bytes *ret_body, struct error *err);
