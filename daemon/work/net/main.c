/* mohr-net: the one process with network. Serves `call` (proto/ipc/net.h) to the core over a unix socket. */
#define _GNU_SOURCE
#include "daemon/work/confine.h"
#include "daemon/work/net/exchange.h"
#include "daemon/work/service.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <curl/curl.h>
#include <getopt.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

struct options {
        const char *socket;
        long peer;
        struct exchange_config exchange;
};

static const char usage[] =
        "usage: mohr-net --socket PATH --peer-uid USER --url https://HOST[:PORT] --ca PEM --cert PEM "
        "--key PEM [--crl PEM] [--deadline-s N]\n";

/* 0..max, or -1. */
static long number(const char *text, long max)
{
        size_t n = strspn(text, "0123456789");
        long value = n > 0 && n <= 10 && text[n] == '\0' ? atol(text) : -1;

        return value <= max ? value : -1;
}

static bool take_options(int argc, char **argv, struct options *ret)
{
        static const struct option known[] = {
                { "socket", required_argument, NULL, 's' },
                { "peer-uid", required_argument, NULL, 'p' },
                { "url", required_argument, NULL, 'u' },
                { "ca", required_argument, NULL, 'a' },
                { "cert", required_argument, NULL, 'c' },
                { "key", required_argument, NULL, 'k' },
                { "deadline-s", required_argument, NULL, 'd' },
                { "crl", required_argument, NULL, 'r' },
                { NULL, 0, NULL, 0 },
        };
        struct options o = { .peer = -1, .exchange = { .deadline_s = EXCHANGE_DEADLINE_S } };
        int c;

        while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
                if (c == 's')
                        o.socket = optarg;
                else if (c == 'p')
                        o.peer = service_uid(optarg);
                else if (c == 'u')
                        o.exchange.url = optarg;
                else if (c == 'a')
                        o.exchange.ca = optarg;
                else if (c == 'c')
                        o.exchange.cert = optarg;
                else if (c == 'k')
                        o.exchange.key = optarg;
                else if (c == 'r')
                        o.exchange.crl = optarg;
                else if (c == 'd')
                        o.exchange.deadline_s = number(optarg, 300);
                else
                        return false;
        }
        *ret = o;
        return optind == argc && o.socket && o.peer >= 0 && o.exchange.url && o.exchange.ca && o.exchange.cert &&
               o.exchange.key && o.exchange.deadline_s > 0;
}

static int run_call(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        cleanup(blob_unmap) struct bytes body = { NULL, 0 };
        struct bytes answer_body = { NULL, 0 };
        struct net_answer answer;
        struct net_call call;

        if (net_decode_call(args, &call, err) < 0 || (blob >= 0 && blob_map(blob, &body, err) < 0))
                return -1;
        if ((call.method == NET_GET) != (body.n == 0) || body.n > EXCHANGE_BODY_MAX)
                return err_input(err, REASON_BAD_REQUEST, "POST and PUT need a body of at most 1 MiB, GET has none");
        if (exchange_call(w->context, &call, body, &answer, &answer_body, err) < 0)
                return -1;
        FAULT_POINT("net.answer.before");
        *ret_args = net_encode_answer(&answer);
        if (!*ret_args)
                return err_own(err, call.method == NET_GET ? ERR_RETRY : ERR_UNKNOWN, REASON_INTERNAL, "no memory");
        if (answer_body.n == 0)
                return 0;
        *ret_blob = blob_new(answer_body, err);
        if (*ret_blob < 0 && call.method != NET_GET)
                err->kind = ERR_UNKNOWN; /* it was applied; only the answer is lost */
        return *ret_blob < 0 ? -1 : 0;
}

static const struct worker_task tasks[] = { { "call", run_call }, { NULL, NULL } };

DEFINE_CLEANUP(struct exchange *, exchange_free)

static int serve(const struct options *o, struct error *err)
{
        cleanup(exchange_free_p) struct exchange *x = exchange_new(&o->exchange, err);
        cleanup(free_p) char *copy = strdup(o->socket);

        if (!copy || confine_worker(dirname(copy), err) < 0) /* its socket is all it ever makes */
                return -1;
        return x ? service_run(o->socket, (uid_t)o->peer, "mohr-net", tasks, x, err) : -1;
}

int main(int argc, char **argv)
{
        struct options options;
        struct error err = { .text = "libcurl cannot be initialised" };

        /* No proxy, key log, CA bundle, OpenSSL configuration or resolver option from outside. */
        if (clearenv() != 0 || OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
                return 1;
        if (!take_options(argc, argv, &options)) {
                (void)fputs(usage, stderr);
                return 2;
        }
        if (service_setup(&err) < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || serve(&options, &err) < 0)
                (void)fprintf(stderr, "mohr-net: %s\n", err.text);
        return 1;
}
