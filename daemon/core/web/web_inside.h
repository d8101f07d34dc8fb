/* Inside of web: what its files share (web.c: daemons and requests; web_listen.c: sockets; web_route.c: checks and
 * routes; web_reply.c: answers; web_stream.c: event streams). */
#pragma once
#include "daemon/core/web/web.h"
#include "proto/base/cleanup.h"
#include <microhttpd.h>
#include <stddef.h>

enum { WEB_DAEMONS = 2, WEB_PING_MS = 15000, WEB_IDLE_S = 60 };

struct web_daemon {
        struct source source;
        struct web *web;
        struct MHD_Daemon *mhd;
        bool owed; /* MHD_run after a resume: libmicrohttpd 0.9.75 wakes nobody by itself without its own thread */
        bool local;
};

/* One request on its way; freed by libmicrohttpd's completion callback. */
struct exchange {
        struct request request;
        struct MHD_Connection *connection;
        struct web_daemon *daemon;
        struct exchange *prev, *next;
        char *path; /* cut into segments; vars point into it */
        char *body;
        size_t n_body;
        bool too_large, handled, suspended;
        struct MHD_Response *response; /* not yet queued */
        unsigned status;
};

/* One event stream: a cursor into the common ring. */
struct stream {
        struct source gone; /* the connection's descriptor in our own epoll, for EPOLLRDHUP */
        struct exchange *exchange;
        struct MHD_Connection *connection;
        struct web_daemon *daemon;
        struct stream *prev, *next;
        const char *extra; /* static text to be sent before the next event: the first words, a ping */
        uint64_t seq;
        size_t sent; /* bytes of the present text */
        bool suspended, ended;
};

struct web {
        struct loop *loop;
        struct turn turn;
        struct timer ping;
        struct web_daemon daemons[WEB_DAEMONS]; /* unix, TCP */
        struct exchange *exchanges;
        struct stream *streams;
        unsigned n_streams;
        const struct route *routes;
        struct events *events;
        void *context;
        char *socket_path;
        uint16_t port;
};

static inline struct exchange *exchange_of(struct request *r)
{
        return owner_of(r, struct exchange, request);
}

/* Checks a whole request and calls its route's handler, or refuses it. */
void web_handle(struct exchange *x);
void web_refuse(struct exchange *x, unsigned status, enum reason reason, const char *text);
/* A listening socket, non-blocking and CLOEXEC, or -1 and *err. */
int web_listen_unix(const char *path, mode_t mode, struct error *err);
int web_listen_tcp(uint16_t port, uint16_t *ret_port, struct error *err);
int web_connection_fd(struct MHD_Connection *c);
/* Hands the finished response over; owns it. */
void web_answer(struct exchange *x, unsigned status, struct MHD_Response *response);
void web_end_streams(struct web *w);
void web_ping(struct timer *t);
