#define _GNU_SOURCE
#include "daemon/core/web.h"
#include "daemon/core/web_inside.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { UNIX = 0, TCP = 1, BACKLOG = 64, CLOSE_ROUNDS = 100 };

int web_connection_fd(struct MHD_Connection *c)
{
        return MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static const char *header(const struct exchange *x, const char *name)
{
        return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
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

/* ---- routing ---- */

/* Printable ASCII alone: ids and serials. */
static bool good_variable(const char *s, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (s[i] <= ' ' || s[i] > '~')
                        return false;
        return n > 0;
}

/* Compares segment by segment; fills vars with places in path, which are ended by the caller. */
static bool match(const char *pattern, char *path, char **vars, size_t *sizes, size_t *ret_n)
{
        size_t n = 0;

        while (*pattern == '/' && *path == '/') {
                size_t have = strcspn(++path, "/"), want = strcspn(++pattern, "/");

                if (*pattern == '{') {
                        if (n == WEB_VARS_MAX || !good_variable(path, have))
                                return false;
                        vars[n] = path;
                        sizes[n++] = have;
                } else if (have != want || memcmp(path, pattern, have) != 0) {
                        return false;
                }
                path += have;
                pattern += want;
        }
        *ret_n = n;
        return *pattern == '\0' && *path == '\0';
}

static const struct route *find_route(struct exchange *x, bool *ret_path_known)
{
        char *vars[WEB_VARS_MAX];
        size_t sizes[WEB_VARS_MAX], n;

        for (const struct route *route = x->request.web->routes; route->method; route++) {
                if (!match(route->pattern, x->path, vars, sizes, &n))
                        continue;
                *ret_path_known = true;
                if (strcmp(route->method, x->request.method) != 0)
                        continue;
                for (size_t i = 0; i < n; i++) {
                        vars[i][sizes[i]] = '\0';
                        x->request.vars[i] = vars[i];
                }
                return route;
        }
        return NULL;
}

static void refuse(struct exchange *x, unsigned status, enum reason reason, const char *text)
{
        struct error err;

        (void)err_input(&err, reason, "%s", text);
        web_reply(&x->request, status, web_error_json(&err));
}

/* A page of another origin may not reach the station through the operator's browser (RFC 6454, DNS rebinding). */
static bool is_this_address(const struct exchange *x, const char *value, const char *scheme)
{
        static const char *const hosts[] = { "127.0.0.1", "localhost" };
        char good[64];

        for (size_t i = 0; value && i < ARRAY_SIZE(hosts); i++) {
                (void)snprintf(good, sizeof good, "%s%s:%u", scheme, hosts[i], x->request.web->port);
                if (strcmp(value, good) == 0)
                        return true;
        }
        return false;
}

static bool origin_ok(struct exchange *x)
{
        const char *origin = header(x, "Origin"), *site = header(x, "Sec-Fetch-Site"),
                   *type = header(x, "Content-Type");

        if (x->request.local)
                return true;
        if (!is_this_address(x, header(x, "Host"), "") || (origin && !is_this_address(x, origin, "http://")) ||
            (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)) {
                refuse(x, MHD_HTTP_FORBIDDEN, REASON_NOT_PERMITTED, "the request comes from a foreign page");
                return false;
        }
        if (x->n_body > 0 && (!type || strcmp(type, "application/json") != 0)) {
                refuse(x, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, REASON_BAD_REQUEST, "the body must be application/json");
                return false;
        }
        return true;
}

static bool take_body(struct exchange *x)
{
        struct error err;

        if (x->too_large) {
                refuse(x, MHD_HTTP_CONTENT_TOO_LARGE, REASON_BAD_REQUEST, "the body is larger than 64 KiB");
                return false;
        }
        x->request.body =
                x->n_body == 0 ? json_object()
                               : json_strict((struct bytes){ (const uint8_t *)x->body, x->n_body }, WEB_BODY_MAX, &err);
        if (!x->request.body)
                web_reply_error(&x->request, &err);
        return x->request.body != NULL;
}

static void handle(struct exchange *x)
{
        const struct route *route;
        bool path_known = false;

        if (!origin_ok(x) || !take_body(x))
                return;
        route = find_route(x, &path_known);
        if (route)
                route->handle(&x->request);
        else if (path_known)
                refuse(x, MHD_HTTP_METHOD_NOT_ALLOWED, REASON_BAD_REQUEST, "this method is not for this path");
        else
                refuse(x, MHD_HTTP_NOT_FOUND, REASON_NOT_FOUND, "no such path");
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
                handle(x);
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

static int listen_error(struct error *err, const char *what)
{
        return err_set(err, ERR_OPERATOR, ORIGIN_OS, (uint32_t)errno, REASON_BAD_CONFIG, "cannot listen on %.100s: %s",
                       what, strerror(errno));
}

/* Bound beside its place and moved there when it listens: a client never meets a socket that refuses. */
static int listen_unix(const char *path, mode_t mode, struct error *err)
{
        cleanup(close_p) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int n = snprintf(at.sun_path, sizeof at.sun_path, "%s.new", path);

        if (n < 0 || (size_t)n >= sizeof at.sun_path) {
                errno = ENAMETOOLONG;
                return listen_error(err, path);
        }
        (void)unlink(at.sun_path);
        if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || chmod(at.sun_path, mode) < 0 ||
            listen(fd, BACKLOG) < 0 || rename(at.sun_path, path) < 0)
                return listen_error(err, path);
        return steal_fd(&fd);
}

static int listen_tcp(uint16_t port, uint16_t *ret_port, struct error *err)
{
        cleanup(close_p) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
        socklen_t n = sizeof at;
        int one = 1;

        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
            bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0 ||
            getsockname(fd, (struct sockaddr *)&at, &n) < 0)
                return listen_error(err, "127.0.0.1");
        *ret_port = ntohs(at.sin_port);
        return steal_fd(&fd);
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
        int listener = listen_unix(spec->socket, spec->mode, err);

        w->daemons[UNIX].local = true;
        if (listener < 0 || daemon_open(&w->daemons[UNIX], w, listener, err) < 0)
                return -1;
        if (!spec->tcp)
                return 0;
        listener = listen_tcp(spec->port, &w->port, err);
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
                        refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, REASON_CORE_DOWN, "the station stops");
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
