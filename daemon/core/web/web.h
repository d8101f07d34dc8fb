/* The HTTP API in the loop: libmicrohttpd 0.9.75 driven by the core's epoll, on a unix socket and, when asked, on TCP
 * loopback. RFC 9110 to 9112; text/event-stream of the HTML Living Standard 9.2.
 *
 * A request body is one strict JSON object of at most 64 KiB (413 above). Answers are JSON; a refusal is
 * {"error":{"reason","text","advice","kind"}} with a status by web_status. On the unix socket the peer's uid is known
 * (SO_PEERCRED); on TCP nobody is (uid -1), and Host and Origin must be this address (403), a body
 * application/json (415). A client that left is noticed when it is answered, and dropped. Nothing blocks. */
#pragma once
#include "daemon/core/loop/loop.h"
#include "daemon/core/web/events.h"
#include "proto/base/json.h"

enum { WEB_BODY_MAX = 65536, WEB_VARS_MAX = 2, WEB_CLIENTS_MAX = 128 };

struct web;
struct MHD_Connection;

/* One request. Valid until it is answered: every handler answers each request exactly once, in the handler or later. */
struct request {
        struct web *web;
        void *context; /* of web_spec */
        const char *method, *path;
        const char *vars[WEB_VARS_MAX]; /* of the path pattern, percent-decoded; never NULL or empty when named */
        json_t *body;                   /* object; {} when there was none */
        bool local;                     /* came through the unix socket */
        int64_t uid;                    /* of the peer; -1 when not local */
};

/* pattern: "/v1/blanks/{serial}/spoil", at most WEB_VARS_MAX variables, each a whole segment. */
struct route {
        const char *method, *pattern;
        void (*handle)(struct request *r);
};

struct web_spec {
        const char *socket; /* path; replaced atomically, removed by web_close */
        unsigned mode;      /* of the socket, e.g. 0666: who may act is decided by uid, not by the file */
        bool tcp;
        uint16_t port;              /* 0 = any free one, see web_port */
        const struct route *routes; /* method NULL ends */
        struct events *events;
        void *context;
};

struct web *web_open(struct loop *loop, const struct web_spec *spec, struct error *err);
/* Ends all streams and open requests (503); no request is valid afterwards: stop the works first. Accepts NULL. */
void web_close(struct web *w);
uint16_t web_port(const struct web *w); /* TCP port in use, 0 = none */

/* The query's value or NULL; borrowed until the answer. */
const char *web_query(const struct request *r, const char *name);
int web_query_int(const struct request *r, const char *name, int64_t min, int64_t max, int64_t *ret, struct error *err);

/* Answers; the request is gone afterwards. json is TAKEN (NULL = {}). */
void web_reply(struct request *r, unsigned status, json_t *json);
void web_reply_error(struct request *r, const struct error *e);
void web_reply_blob(struct request *r, unsigned status, const char *type, const void *data, size_t n); /* copies */
/* The whole file behind fd, which is taken, sent piece by piece as the client reads. */
void web_reply_file(struct request *r, unsigned status, const char *type, int fd);
/* Turns the request into an event stream from the client's Last-Event-ID on, else from now, then beginning with the
 * event "reset" (read the state anew). ": ping" every 15 s. */
void web_reply_events(struct request *r);
unsigned web_status(const struct error *e); /* 400, 403, 404, 409, 413, 500, 503 */
json_t *web_error_json(const struct error *e);

/* Stores and sends to every stream. data is TAKEN. */
void web_publish(struct web *w, const char *name, json_t *data);
unsigned web_n_streams(const struct web *w);
