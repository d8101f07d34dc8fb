#define _GNU_SOURCE
#include "daemon/core/web/web.h"
#include "daemon/core/web/web_inside.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { UNIX = 0, TCP = 1, CLOSE_ROUNDS = 100 };

int web_connection_fd(struct MHD_Connection *c)
{
        return MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

const char *web_query(const struct request *r, const char *name)
{
        const struct exchange *x = owner_of((uintptr_t)r, const struct exchange, request);
        const char *value = MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
        cleanup(json_p) json_t *checked = value ? json_string(value) : NULL; /* NULL for bad UTF-8 */

        return checked ? value : NULL;
}

int web_query_int(const struct request *r, const char *name, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
        const char *value = web_query(r, name);
        char *end = NULL;
        long long n;

        if (!value)
                return 0;
        errno = 0;
        n = strtoll(value, &end, 10);
        if (*value < '0' || *value > '9' || *end != '\0' || errno != 0 || n < min || n > max)
                return err_input(err, REASON_BAD_REQUEST, "%s: a number from %lld to %lld is needed", name,
                                 (long long)min, (long long)max);
        *ret = n;
        return 0;
}

/* ---- requests as libmicrohttpd brings them ---- */

static int64_t peer_uid(struct web_daemon *d, struct MHD_Connection *c)
{
        struct ucred u = { 0 };
        socklen_t n = sizeof u;

        if (!d->local || getsockopt(web_connection_fd(c), SOL_SOCKET, SO_PEERCRED, &u, &n) < 0)
                return -1;
        return u.uid;
}

static struct exchange *exchange_new(struct web_daemon *d, struct MHD_Connection *c, const char *method,
                                     const char *url)
{
        struct exchange *x = calloc(1, sizeof *x);

        if (!x)
                return NULL;
        *x = (struct exchange){ .connection = c, .daemon = d, .next = d->web->exchanges, .path = strdup(url) };
        x->request = (struct request){ .web = d->web,
                                       .context = d->web->context,
                                       .method = method,
                                       .path = url,
                                       .local = d->local,
                                       .uid = peer_uid(d, c) };
        if (!x->path) {
                free(x);
                return NULL;
        }
        if (x->next)
                x->next->prev = x;
        d->web->exchanges = x;
        return x;
}

static void exchange_free(struct exchange *x)
{
        if (x->next)
                x->next->prev = x->prev;
        if (x->prev)
                x->prev->next = x->next;
        else
                x->request.web->exchanges = x->next;
        if (x->response)
                MHD_destroy_response(x->response);
        json_decref(x->request.body);
        free(x->path);
        free(x->body);
        free(x);
}

/* Keeps what fits; of a body that is too large the rest is swallowed, so that a 413 can be given. */
static enum MHD_Result take_piece(struct exchange *x, const char *data, size_t n)
{
        char *body;

        if (n > WEB_BODY_MAX - x->n_body)
                x->too_large = true;
        if (x->too_large)
                return MHD_YES;
        body = realloc(x->body, x->n_body + n);
        if (!body)
                return MHD_NO;
        memcpy(body + x->n_body, data, n);
        x->body = body;
        x->n_body += n;
        return MHD_YES;
}

static enum MHD_Result queue_or_wait(struct exchange *x)
{
        enum MHD_Result ret;

        if (!x->response) {
                x->suspended = true;
                MHD_suspend_connection(x->connection);
                return MHD_YES;
        }
        ret = MHD_queue_response(x->connection, x->status, x->response);
        MHD_destroy_response(x->response);
        x->response = NULL;
        return ret;
}

/* Called once with the headers, then per piece of body, then with none left; and once more after a resume. An answer
 * at the first call would close the connection, so there is none. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **state)
{
        struct exchange *x = *state;
        enum MHD_Result ret;

        (void)version;
        if (!x) {
                *state = exchange_new(cls, c, method, url);
                return *state ? MHD_YES : MHD_NO;
        }
        if (*n > 0) {
                ret = take_piece(x, data, *n);
                *n = 0;
                return ret;
        }
        if (!x->handled) {
                x->handled = true;
                web_handle(x);
        }
        return queue_or_wait(x);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
        (void)cls;
        (void)c;
        (void)code;
        if (*state)
                exchange_free(*state);
        *state = NULL;
}

/* ---- the two daemons ---- */

static void daemon_ready(struct source *s, uint32_t events)
{
        (void)events;
        (void)MHD_run(owner_of(s, struct web_daemon, source)->mhd);
}

static int daemon_timeout(struct web_daemon *d)
{
        unsigned long long ms;

        if (d->owed)
                return 0;
        if (MHD_get_timeout(d->mhd, &ms) != MHD_YES)
                return -1;
        return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

static void run_what_is_due(struct web_daemon *d)
{
        if (d->mhd && daemon_timeout(d) == 0) {
                d->owed = false;
                (void)MHD_run(d->mhd);
        }
}

/* Pays what is owed, then answers the longest wait. A callback inside MHD_run may resume streams of either daemon, so
 * both are looked at again. */
static int web_turn(struct turn *t)
{
        struct web *w = owner_of(t, struct web, turn);
        int least = -1;

        for (unsigned i = 0; i < WEB_DAEMONS; i++)
                run_what_is_due(&w->daemons[i]);
        for (unsigned i = 0; i < WEB_DAEMONS; i++) {
                int ms = w->daemons[i].mhd ? daemon_timeout(&w->daemons[i]) : -1;

                if (ms >= 0 && (least < 0 || ms < least))
                        least = ms;
        }
        return least;
}

/* Takes the listening socket, also when it fails. */
static int daemon_open(struct web_daemon *d, struct web *w, int listener, struct error *err)
{
        d->web = w;
        d->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, d,
                                  MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                                  MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)WEB_IDLE_S, MHD_OPTION_CONNECTION_LIMIT,
                                  (unsigned)WEB_CLIENTS_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
        if (!d->mhd) {
                close_p(&listener);
                return err_own(err, ERR_BUG, REASON_INTERNAL, "cannot start the HTTP server");
        }
        d->source = (struct source){ MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, daemon_ready };
        return loop_source_add(w->loop, &d->source, EPOLLIN, err);
}

static int open_both(struct web *w, const struct web_spec *spec, struct error *err)
{
        int listener = web_listen_unix(spec->socket, spec->mode, err);

        w->daemons[UNIX].local = true;
        if (listener < 0 || daemon_open(&w->daemons[UNIX], w, listener, err) < 0)
                return -1;
        if (!spec->tcp)
                return 0;
        listener = web_listen_tcp(spec->port, &w->port, err);
        return listener < 0 ? -1 : daemon_open(&w->daemons[TCP], w, listener, err);
}

struct web *web_open(struct loop *loop, const struct web_spec *spec, struct error *err)
{
        struct web *w = calloc(1, sizeof *w);

        if (!w || !(w->socket_path = strdup(spec->socket))) {
                free(w);
                (void)err_own(err, ERR_BUG, REASON_INTERNAL, "no memory");
                return NULL;
        }
        w->loop = loop;
        w->turn.run = web_turn;
        w->ping.fired = web_ping;
        w->routes = spec->routes;
        w->events = spec->events;
        w->context = spec->context;
        loop_turn_add(loop, &w->turn);
        if (open_both(w, spec, err) == 0)
                return w;
        web_close(w);
        return NULL;
}

uint16_t web_port(const struct web *w)
{
        return w->port;
}

static void end_exchanges(struct web *w)
{
        for (struct exchange *x = w->exchanges; x; x = x->next)
                if (x->suspended)
                        web_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, REASON_CORE_DOWN, "the station stops");
}

/* Stopping a daemon with suspended connections is undefined: all are resumed and run to their end first. */
void web_close(struct web *w)
{
        if (!w)
                return;
        (void)unlink(w->socket_path);
        web_end_streams(w);
        end_exchanges(w);
        for (unsigned round = 0; w->exchanges && round < CLOSE_ROUNDS; round++)
                for (unsigned i = 0; i < WEB_DAEMONS; i++)
                        if (w->daemons[i].mhd)
                                (void)MHD_run(w->daemons[i].mhd);
        for (unsigned i = 0; i < WEB_DAEMONS; i++) {
                if (!w->daemons[i].mhd)
                        continue;
                loop_source_del(w->loop, &w->daemons[i].source);
                MHD_stop_daemon(w->daemons[i].mhd);
        }
        loop_timer_clear(w->loop, &w->ping);
        loop_turn_del(w->loop, &w->turn);
        free(w->socket_path);
        free(w);
}
