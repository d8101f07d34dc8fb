#include "server.h"
#include "http.h"
#include "util.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNS_MAX = 64, CONN_DEADLINE_MS = 60000, DRAIN_MS = 2000 };

enum conn_state { CONN_FREE, CONN_HANDSHAKE, CONN_READ, CONN_HELD, CONN_WAIT, CONN_WRITE, CONN_DRAIN };

struct conn {
        enum conn_state state;
        int fd;
        SSL *ssl;
        short events;
        int64_t deadline_ms, resume_ms;
        struct http_in in;
        char station[64];
        char *out;
        size_t n_out, sent;
};

struct server {
        const struct server_options *options;
        SSL_CTX *tls;
        int fd;
        struct conn conns[CONNS_MAX];
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
        (void)signal;
        stop = 1;
}

static SSL_CTX *tls_make(const struct server_options *options)
{
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

        SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(tls, 0);
        SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
        SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        if (SSL_CTX_use_certificate_chain_file(tls, options->cert) != 1 ||
            SSL_CTX_use_PrivateKey_file(tls, options->key, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_load_verify_locations(tls, options->ca, NULL) != 1)
                die("cannot load %s, its key or %s: make them with tests/rig/pki", options->cert, options->ca);
        SSL_CTX_set_client_CA_list(tls, SSL_load_client_CA_file(options->ca));
        return tls;
}

static int listen_open(const char *where)
{
        struct sockaddr_in address = { .sin_family = AF_INET };
        OWNED char *host = must(strdup(where));
        char *colon = strrchr(host, ':');
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int one = 1;

        if (!colon)
                die("--listen ADDRESS:PORT");
        *colon = '\0';
        address.sin_port = htons((uint16_t)atoi(colon + 1));
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
            bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, CONNS_MAX) < 0)
                die("cannot listen on %s: %s", where, strerror(errno));
        return fd;
}

static void port_announce(int fd, const char *path)
{
        struct sockaddr_in address;
        socklen_t n = sizeof(address);
        OWNED char *tmp = text_format("%s.tmp", path);

        getsockname(fd, (struct sockaddr *)&address, &n);
        FILE *file = fopen(tmp, "we");
        if (!file || fprintf(file, "%d\n", ntohs(address.sin_port)) < 0 || fclose(file) != 0 || rename(tmp, path) < 0)
                die("cannot write %s", path);
        printf("ready %d\n", ntohs(address.sin_port));
        fflush(stdout);
}

static void conn_close(struct conn *conn)
{
        SSL_free(conn->ssl);
        close(conn->fd);
        http_in_done(&conn->in);
        free(conn->out);
        *conn = (struct conn){ .state = CONN_FREE, .fd = -1 };
}

static void conn_accept(struct server *server)
{
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
                return;
        /* Else each first answer waits 40 ms until the client acknowledges the TLS tickets before it. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        for (struct conn *conn = server->conns; conn < server->conns + CONNS_MAX; conn++) {
                if (conn->state != CONN_FREE)
                        continue;
                *conn = (struct conn){ .state = CONN_HANDSHAKE, .fd = fd, .events = POLLIN };
                conn->deadline_ms = boottime_ms() + CONN_DEADLINE_MS;
                conn->ssl = must(SSL_new(server->tls));
                SSL_set_fd(conn->ssl, fd);
                SSL_set_accept_state(conn->ssl);
                return;
        }
        close(fd);
}

/* True when the call is to be repeated after poll; closes the connection on a fault. */
static bool tls_again(struct conn *conn, int rc)
{
        int error = SSL_get_error(conn->ssl, rc);

        ERR_clear_error();
        conn->events = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
                return true;
        conn_close(conn);
        return false;
}

static bool handshake(struct conn *conn)
{
        int rc = SSL_accept(conn->ssl);
        X509 *cert;

        if (rc != 1) {
                tls_again(conn, rc);
                return false;
        }
        cert = SSL_get0_peer_certificate(conn->ssl);
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, conn->station, sizeof(conn->station));
        conn->state = CONN_READ;
        return true;
}

static void answer_send(struct conn *conn, const struct answer *answer)
{
        size_t n_body = answer->n_send < answer->n_body ? answer->n_send : answer->n_body;
        size_t n_head;
        OWNED char *head = http_head(answer, &n_head);

        conn->out = must(malloc(n_head + n_body));
        memcpy(conn->out, head, n_head);
        if (n_body)
                memcpy(conn->out + n_head, answer->body, n_body);
        conn->n_out = n_head + n_body;
        conn->state = CONN_WRITE;
        if (answer->hold_ms > 0) {
                conn->state = CONN_WAIT;
                conn->resume_ms = boottime_ms() + answer->hold_ms;
        }
}

static bool handle(struct server *server, struct conn *conn)
{
        struct request request = conn->in.request;
        struct answer answer = { .retry_after_s = -1, .n_send = SIZE_MAX, .type = "application/json" };

        request.station = conn->station;
        request.delayed = conn->state == CONN_HELD;
        server->options->handle(server->options->ctx, &request, &answer);
        if (answer.drop) {
                conn_close(conn);
                return false;
        }
        if (answer.status == 0) {
                conn->state = CONN_HELD;
                conn->resume_ms = boottime_ms() + answer.hold_ms;
                return false;
        }
        answer_send(conn, &answer);
        free(answer.body);
        return conn->state == CONN_WRITE;
}

static bool receive(struct server *server, struct conn *conn)
{
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n"; /* RFC 9110 10.1.1 */

        for (;;) {
                char data[16384];
                int n = SSL_read(conn->ssl, data, sizeof(data));

                if (n <= 0) {
                        tls_again(conn, n);
                        return false;
                }
                enum http_state state = http_in_add(&conn->in, data, (size_t)n);
                if (state == HTTP_BROKEN) {
                        conn_close(conn);
                        return false;
                }
                if (state == HTTP_CONTINUE)
                        SSL_write(conn->ssl, go_on, sizeof(go_on) - 1);
                if (state == HTTP_DONE)
                        return handle(server, conn);
        }
}

static bool transmit(struct conn *conn)
{
        while (conn->sent < conn->n_out) {
                int n = SSL_write(conn->ssl, conn->out + conn->sent, (int)(conn->n_out - conn->sent));

                if (n <= 0) {
                        tls_again(conn, n);
                        return false;
                }
                conn->sent += (size_t)n;
        }
        SSL_shutdown(conn->ssl);
        shutdown(conn->fd, SHUT_WR);
        conn->state = CONN_DRAIN;
        conn->events = POLLIN;
        conn->deadline_ms = boottime_ms() + DRAIN_MS;
        return false;
}

/* Reads away what the peer still sends, so that closing does not destroy the answer on its way (RFC 9112 9.6). */
static bool drain(struct conn *conn)
{
        char data[16384];
        ssize_t n = recv(conn->fd, data, sizeof(data), 0);

        if (n == 0 || (n < 0 && errno != EAGAIN))
                conn_close(conn);
        return false;
}

static bool conn_step(struct server *server, struct conn *conn)
{
        switch (conn->state) {
        case CONN_HANDSHAKE:
                return handshake(conn);
        case CONN_READ:
                return receive(server, conn);
        case CONN_HELD:
                return handle(server, conn);
        case CONN_WAIT:
                conn->state = CONN_WRITE;
                return true;
        case CONN_WRITE:
                return transmit(conn);
        case CONN_DRAIN:
                return drain(conn);
        case CONN_FREE:
                break;
        }
        return false;
}

static bool conn_holds(const struct conn *conn)
{
        return conn->state == CONN_HELD || conn->state == CONN_WAIT;
}

static int wait_ms(const struct server *server, int64_t now)
{
        int64_t next = now + 3600000;

        for (const struct conn *conn = server->conns; conn < server->conns + CONNS_MAX; conn++) {
                if (conn->state == CONN_FREE)
                        continue;
                int64_t at = conn_holds(conn) ? conn->resume_ms : conn->deadline_ms;
                next = at < next ? at : next;
        }
        return next > now ? (int)(next - now) : 0;
}

static void conns_run(struct server *server, const struct pollfd *polls)
{
        int64_t now = boottime_ms();

        for (int i = 0; i < CONNS_MAX; i++) {
                struct conn *conn = &server->conns[i];
                bool ready = conn_holds(conn) ? now >= conn->resume_ms : polls[i].revents != 0;

                if (conn->state == CONN_FREE)
                        continue;
                while (ready)
                        ready = conn_step(server, conn);
                if (conn->state != CONN_FREE && !conn_holds(conn) && now >= conn->deadline_ms)
                        conn_close(conn);
        }
}

static void loop(struct server *server, const sigset_t *waiting)
{
        while (!stop) {
                struct pollfd polls[CONNS_MAX + 1];
                struct timespec timeout;
                int ms = wait_ms(server, boottime_ms());

                for (int i = 0; i < CONNS_MAX; i++) {
                        bool polled = server->conns[i].state != CONN_FREE && !conn_holds(&server->conns[i]);

                        polls[i] = (struct pollfd){ polled ? server->conns[i].fd : -1, server->conns[i].events, 0 };
                }
                polls[CONNS_MAX] = (struct pollfd){ server->fd, POLLIN, 0 };
                timeout = (struct timespec){ ms / MONO_MS_PER_S, (ms % MONO_MS_PER_S) * 1000000L };
                if (ppoll(polls, CONNS_MAX + 1, &timeout, waiting) < 0)
                        continue;
                conns_run(server, polls);
                if (polls[CONNS_MAX].revents)
                        conn_accept(server);
        }
}

void server_run(const struct server_options *options)
{
        struct server *server = must(calloc(1, sizeof(*server)));
        struct sigaction action = { .sa_handler = on_signal };
        sigset_t blocked, waiting;

        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigaddset(&blocked, SIGINT);
        sigprocmask(SIG_BLOCK, &blocked, &waiting);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        signal(SIGPIPE, SIG_IGN);
        sigdelset(&waiting, SIGTERM);
        sigdelset(&waiting, SIGINT);
        server->options = options;
        server->tls = tls_make(options);
        server->fd = listen_open(options->listen);
        port_announce(server->fd, options->port_file);
        loop(server, &waiting);
        for (struct conn *conn = server->conns; conn < server->conns + CONNS_MAX; conn++) {
                if (conn->state != CONN_FREE)
                        conn_close(conn);
        }
        close(server->fd);
        SSL_CTX_free(server->tls);
        free(server);
}
