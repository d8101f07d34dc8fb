/* A small HTTPS/1.1 server (RFC 9112) on OpenSSL: one process, one poll loop, mutual TLS, one request per connection.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BODY_MAX = 1 << 20 }; /* the contract's 1 MiB */

struct request {
        const char *method, *path, *query; /* query without '?', "" when none */
        const char *station;               /* common name of the client certificate */
        const char *key, *digest, *type;   /* Idempotency-Key, Content-Digest, Content-Type; NULL when absent */
        const char *body;
        size_t n_body;
        bool too_large;
        bool delayed; /* this request was held back once already */
};

struct answer {
        int status;
        char *body; /* heap */
        size_t n_body;
        const char *type;
        int retry_after_s; /* < 0: none */
        int64_t hold_ms;   /* > 0 and status 0: call again after this time; > 0 else: send after this time */
        size_t n_send;     /* send only so many bytes of the body, then close; SIZE_MAX: all */
        bool drop;         /* close without an answer */
};

struct server_options {
        const char *listen; /* ADDRESS:PORT, port 0 = any */
        const char *cert, *key, *ca;
        const char *port_file; /* gets the port once listening */
        void (*handle)(void *ctx, const struct request *request, struct answer *ret);
        void *ctx;
};

/* Serves until SIGTERM or SIGINT. */
void server_run(const struct server_options *options);
