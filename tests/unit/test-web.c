/* daemon/core/web over real sockets, unix and TCP, with raw requests (RFC 9112; event streams: HTML Living Standard
 * 9.2). Server and clients share this process and its loop, so every wait is a turn of the loop. */
#define _GNU_SOURCE
#include "daemon/core/loop/log.h"
#include "daemon/core/web/web_inside.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct loop loop;
static struct events events;
static struct web *web;
static char dir[] = "/tmp/mohr-web-XXXXXX", path[64];
static struct request *waiting;
static struct timer later;
static int context;

struct client {
        int fd;
        char text[400000];
        size_t n;
        bool ended;
};

/* ---- handlers ---- */

static void get_me(struct request *r)
{
        CHECK(r->context == &context);
        web_reply(r, 200, json_pack("{s:I,s:b}", "uid", (json_int_t)r->uid, "local", r->local));
}

static void post_pair(struct request *r)
{
        web_reply(r, 201, json_pack("{s:s,s:s,s:O}", "a", r->vars[0], "b", r->vars[1], "body", r->body));
}

static void get_number(struct request *r)
{
        int64_t n = 5;
        struct error err;

        if (web_query_int(r, "n", 1, 10, &n, &err) < 0)
                web_reply_error(r, &err);
        else
                web_reply(r, 200, json_pack("{s:I,s:s?}", "n", (json_int_t)n, "q", web_query(r, "q")));
}

static void get_error(struct request *r)
{
        struct error err;

        (void)err_own(&err, ERR_OPERATOR, REASON_SERIAL_USED, "SC-1405-000123 is spoiled");
        web_reply_error(r, &err);
}

static void get_blob(struct request *r)
{
        static char data[300000];

        memset(data, 'x', sizeof data);
        web_reply_blob(r, 200, "image/png", data, sizeof data);
}

static void answer_later(struct timer *t)
{
        (void)t;
        web_reply(waiting, 200, json_pack("{s:s}", "late", "yes"));
        waiting = NULL;
}

static void get_later(struct request *r)
{
        waiting = r;
}

static const struct route routes[] = {
        { "GET", "/v1/me", get_me },
        { "POST", "/v1/pairs/{a}/with/{b}", post_pair },
        { "GET", "/v1/number", get_number },
        { "GET", "/v1/error", get_error },
        { "GET", "/v1/blob", get_blob },
        { "GET", "/v1/later", get_later },
        { "GET", "/v1/events", web_reply_events },
        { NULL, NULL, NULL },
};

/* ---- client ---- */

static struct client *dial(bool tcp)
{
        struct client *c = calloc(1, sizeof *c);
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(web_port(web)) };
        struct sockaddr_un un = { .sun_family = AF_UNIX };

        CHECK(c);
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        memcpy(un.sun_path, path, sizeof path);
        c->fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(c->fd >= 0 &&
              connect(c->fd, tcp ? (struct sockaddr *)&in : (struct sockaddr *)&un, tcp ? sizeof in : sizeof un) == 0);
        CHECK(fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0);
        return c;
}

static void hang_up(struct client *c)
{
        close_p(&c->fd);
        free(c);
}
DEFINE_CLEANUP(struct client *, hang_up)

static void take(struct client *c)
{
        ssize_t n = recv(c->fd, c->text + c->n, sizeof c->text - 1 - c->n, 0);

        if (n > 0)
                c->n += (size_t)n;
        if (n == 0 || (n < 0 && errno != EAGAIN))
                c->ended = true;
        c->text[c->n] = '\0';
}

static void run_for(int64_t ms)
{
        int64_t end = now_boot_ms() + ms;
        struct error err;

        do
                CHECK(loop_step(&loop, ms > 0 ? 2 : 0, &err) == 0);
        while (now_boot_ms() < end);
}

static bool expect(struct client *c, const char *text)
{
        for (int i = 0; i < 500 && !strstr(c->text, text); i++) {
                run_for(1);
                take(c);
        }
        if (!strstr(c->text, text))
                (void)fputs(c->text, stderr);
        return strstr(c->text, text) != NULL;
}

static void put(struct client *c, const char *text, size_t n)
{
        while (n > 0) {
                ssize_t sent = send(c->fd, text, n, MSG_NOSIGNAL);

                if (sent < 0)
                        run_for(1);
                text += sent > 0 ? sent : 0;
                n -= sent > 0 ? (size_t)sent : 0;
        }
}

__attribute__((format(printf, 2, 3))) static void ask(struct client *c, const char *format, ...)
{
        char text[2000];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        c->n = 0;
        c->text[0] = '\0';
        put(c, text, strlen(text));
}

/* ---- tests ---- */

static void test_requests(void)
{
        cleanup(hang_up_p) struct client *c = dial(false);
        char uid[32];

        ask(c, "GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n");
        (void)snprintf(uid, sizeof uid, "{\"uid\":%u,\"local\":true}", getuid());
        CHECK(expect(c, uid) && strstr(c->text, "HTTP/1.1 200 ") && strstr(c->text, "Cache-Control: no-store\r\n"));
        CHECK(strstr(c->text, "X-Content-Type-Options: nosniff\r\n") && strstr(c->text, "application/json\r\n"));
        /* the same connection goes on */
        ask(c, "POST /v1/pairs/a%%2Db/with/SC-1405-000123 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{\"k\":[1]}");
        CHECK(expect(c, "{\"a\":\"a-b\",\"b\":\"SC-1405-000123\",\"body\":{\"k\":[1]}}") && strstr(c->text, " 201 "));
        ask(c, "GET /v1/number?n=7&q=x%%20y HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK(expect(c, "{\"n\":7,\"q\":\"x y\"}"));
        ask(c, "GET /v1/number?q=%%ff HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK(expect(c, "{\"n\":5,\"q\":null}"));
        ask(c, "GET /v1/number?n=11 HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK(expect(c, "\"reason\":\"bad_request\"") && strstr(c->text, " 400 "));
        ask(c, "GET /v1/error HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK(expect(c,
                     "{\"error\":{\"reason\":\"serial_used\",\"text\":\"SC-1405-000123 is spoiled\",\"advice\":\"") &&
              strstr(c->text, " 409 ") && expect(c, "\"kind\":\"operator\"}}"));
        ask(c, "GET /v1/blob HTTP/1.1\r\nHost: x\r\n\r\n");
        while (c->n < 300000)
                run_for(1), take(c);
        CHECK(strstr(c->text, "Content-Type: image/png\r\n") && strspn(strstr(c->text, "\r\n\r\n") + 4, "x") == 300000);
}

static void test_refusals(void)
{
        static const struct {
                const char *request, *status, *word;
        } cases[] = {
                { "GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n", " 404 ", "not_found" },
                { "GET /v1/me/ HTTP/1.1\r\nHost: x\r\n\r\n", " 404 ", "not_found" },
                { "GET /v1/pairs//with/b HTTP/1.1\r\nHost: x\r\n\r\n", " 404 ", "not_found" },
                { "POST /v1/pairs/a%2Fc/with/b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", " 404 ",
                  "not_found" },
                { "POST /v1/pairs/%D9%82/with/b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", " 404 ",
                  "not_found" },
                { "DELETE /v1/me HTTP/1.1\r\nHost: x\r\n\r\n", " 405 ", "bad_request" },
                { "POST /v1/pairs/a/with/b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnope", " 400 ", "bad_json" },
                { "POST /v1/pairs/a/with/b HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{\"a\":1,\"a\":2}", " 400 ",
                  "bad_json" },
                { "POST /v1/pairs/a/with/b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]", " 400 ", "bad_json" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup(hang_up_p) struct client *c = dial(false);

                put(c, cases[i].request, strlen(cases[i].request));
                CHECK(expect(c, cases[i].word) && strstr(c->text, cases[i].status));
        }
}

static void test_large_body(void)
{
        static const size_t sizes[] = { 65536, 65537, 300000 };
        static char body[300000];

        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                cleanup(hang_up_p) struct client *c = dial(i % 2 == 0);

                memset(body, ' ', sizeof body);
                memcpy(body, "{}", 2);
                ask(c,
                    "POST /v1/pairs/a/with/b HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\n"
                    "Content-Length: %zu\r\n\r\n",
                    web_port(web), sizes[i]);
                put(c, body, sizes[i]);
                CHECK(expect(c, i == 0 ? " 201 " : " 413 "));
        }
}

static void test_origin(void)
{
        static const struct {
                const char *headers; /* %u is the port */
                const char *status;
        } cases[] = {
                { "Host: 127.0.0.1:%u\r\n", " 201 " },
                { "Host: localhost:%u\r\n", " 201 " },
                { "Host: 127.0.0.1:%u\r\nOrigin: http://127.0.0.1:%u\r\nSec-Fetch-Site: same-origin\r\n", " 201 " },
                { "Host: evil.example:%u\r\n", " 403 " },
                { "Host: 127.0.0.1\r\n", " 403 " },
                { "Host: 127.0.0.1:%u\r\nOrigin: http://evil.example\r\n", " 403 " },
                { "Host: 127.0.0.1:%u\r\nOrigin: null\r\n", " 403 " },
                { "Host: 127.0.0.1:%u\r\nOrigin: https://127.0.0.1:%u\r\n", " 403 " },
                { "Host: 127.0.0.1:%u\r\nSec-Fetch-Site: cross-site\r\n", " 403 " },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup(hang_up_p) struct client *c = dial(true);
                char headers[300], *to = headers;

                for (const char *from = cases[i].headers; *from; from++) {
                        if (*from == '%')
                                to += sprintf(to, "%u", web_port(web)), from++;
                        else
                                *to++ = *from;
                }
                *to = '\0';
                ask(c,
                    "POST /v1/pairs/a/with/b HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: "
                    "2\r\n\r\n{}",
                    headers);
                CHECK(expect(c, cases[i].status));
        }
        cleanup(hang_up_p) struct client *form = dial(true), *me = dial(true);

        ask(form,
            "POST /v1/pairs/a/with/b HTTP/1.1\r\nHost: localhost:%u\r\nContent-Type: text/plain\r\n"
            "Content-Length: 2\r\n\r\n{}",
            web_port(web));
        CHECK(expect(form, " 415 "));
        ask(me, "GET /v1/me HTTP/1.1\r\nHost: localhost:%u\r\n\r\n", web_port(web));
        CHECK(expect(me, "{\"uid\":-1,\"local\":false}"));
}

/* The answer comes from a timer, so nothing of the client's wakes the server: libmicrohttpd's silent resume. */
static void test_later(bool tcp)
{
        cleanup(hang_up_p) struct client *c = dial(tcp), *other = dial(!tcp);

        ask(c, "GET /v1/later HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", web_port(web));
        while (!waiting)
                run_for(1);
        ask(other, "GET /v1/me HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", web_port(web)); /* others go on meanwhile */
        CHECK(expect(other, "\"uid\":"));
        later.fired = answer_later;
        loop_timer_set(&loop, &later, now_boot_ms() + 20);
        CHECK(expect(c, "{\"late\":\"yes\"}"));
        ask(c, "GET /v1/me HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", web_port(web));
        CHECK(expect(c, "\"uid\":"));
}

/* Who left is dropped when answered, and the server serves on. */
static void test_client_left(void)
{
        struct client *c = dial(false);

        ask(c, "GET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n");
        while (!waiting)
                run_for(1);
        hang_up(c);
        run_for(5);
        answer_later(NULL);
        run_for(5);
        test_requests();
}

static void test_stream(bool tcp)
{
        cleanup(hang_up_p) struct client *c = dial(tcp), *again = dial(tcp), *old = dial(tcp);
        char id[64], *at;

        ask(c, "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", web_port(web));
        CHECK(expect(c, "event: reset\ndata: {}\n\n") && strstr(c->text, "text/event-stream") &&
              web_n_streams(web) == 1);
        run_for(5); /* it sleeps now */
        web_publish(web, "card", json_pack("{s:s}", "state", "printing"));
        CHECK(expect(c, "event: card\ndata: {\"state\":\"printing\"}\n\n"));
        at = strstr(c->text, "id: ");
        CHECK(at && sscanf(at, "id: %60s", id) == 1);
        web_publish(web, "card", json_pack("{s:s}", "state", "printed"));
        CHECK(expect(c, "{\"state\":\"printed\"}\n\n"));
        c->n = 0;
        c->text[0] = '\0';
        loop_timer_set(&loop, &web->ping, now_boot_ms()); /* else 15 s away */
        CHECK(expect(c, ": ping\n\n"));
        /* goes on where it was; an id of another run begins anew */
        ask(again, "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nLast-Event-ID: %s\r\n\r\n", web_port(web), id);
        CHECK(expect(again, "{\"state\":\"printed\"}\n\n") && !strstr(again->text, "reset") &&
              !strstr(again->text, "printing"));
        ask(old, "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nLast-Event-ID: %x-1\r\n\r\n", web_port(web),
            events.run + 1);
        CHECK(expect(old, "event: reset\n") && !strstr(old->text, "printing") && web_n_streams(web) == 3);
}

static void test_stream_ends(void)
{
        struct client *gone[2] = { dial(false), dial(true) };
        cleanup(hang_up_p) struct client *slow = dial(true);
        char filling[4000];

        for (int i = 0; i < 2; i++) {
                ask(gone[i], "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", web_port(web));
                CHECK(expect(gone[i], "reset"));
        }
        CHECK(web_n_streams(web) == 2);
        hang_up(gone[0]);
        hang_up(gone[1]);
        run_for(20);
        CHECK(web_n_streams(web) == 0 && web_port(web) != 0); /* noticed without an event */

        ask(slow, "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", web_port(web));
        CHECK(expect(slow, "reset"));
        memset(filling, 'f', sizeof filling - 1);
        filling[sizeof filling - 1] = '\0';
        for (int i = 0; i < 4000; i++) { /* it never reads: 16 MB are more than the sockets hold */
                web_publish(web, "filling", json_pack("{s:s}", "f", filling));
                run_for(0);
        }
        for (int i = 0; i < 3000 && !slow->ended; i++) {
                run_for(0);
                slow->n = 0;
                take(slow);
        }
        run_for(20);
        CHECK(web_n_streams(web) == 0);
        web_publish(web, "too_large", json_pack("{s:s+++}", "f", filling, filling, filling, filling));
        CHECK(events.next_seq > 4000);
}

/* With two streams open and nothing to tell the loop sleeps: context switches of the process stay where they are. */
static void test_idle(void)
{
        cleanup(hang_up_p) struct client *a = dial(false), *b = dial(true);
        struct rusage before, after;
        struct error err;

        ask(a, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
        ask(b, "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", web_port(web));
        CHECK(expect(a, "reset") && expect(b, "reset"));
        run_for(10);
        CHECK(getrusage(RUSAGE_SELF, &before) == 0);
        CHECK(loop_step(&loop, 250, &err) == 0);
        CHECK(getrusage(RUSAGE_SELF, &after) == 0 && after.ru_nvcsw - before.ru_nvcsw <= 2);
}

static void test_close(void)
{
        cleanup(hang_up_p) struct client *stream = dial(true), *open = dial(false);

        ask(stream, "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", web_port(web));
        ask(open, "GET /v1/later HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK(expect(stream, "reset"));
        while (!waiting)
                run_for(1);
        web_close(web);
        take(open);
        CHECK(strstr(open->text, " 503 ") && strstr(open->text, "core_down") && access(path, F_OK) < 0);
        take(stream);
        take(stream);
        CHECK(stream->ended);
}

int main(void)
{
        struct web_spec spec = {
                .socket = path, .mode = 0666, .tcp = true, .routes = routes, .events = &events, .context = &context
        };
        struct error err;

        log_set_level(LEVEL_ERROR);
        CHECK(mkdtemp(dir) && snprintf(path, sizeof path, "%s/station.sock", dir) > 0);
        CHECK(loop_init(&loop, &err) == 0 && events_init(&events, &err) == 0);
        CHECK((web = web_open(&loop, &spec, &err)) && web_port(web) != 0);
        test_requests();
        test_refusals();
        test_large_body();
        test_origin();
        test_later(true);
        test_later(false);
        test_client_left();
        test_stream(true);
        run_for(20);
        CHECK(web_n_streams(web) == 0);
        test_stream(false);
        run_for(20);
        test_stream_ends();
        test_idle();
        run_for(20);
        test_close();
        events_done(&events);
        CHECK(!loop.turns && timers_due(&loop.timers) == 0);
        loop_done(&loop);
        CHECK(rmdir(dir) == 0);
        return 0;
}
