#include "daemon/work/net/exchange.h"
#include "daemon/work/net/answer.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/base64.h"
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SHARED_S = 60 }; /* an older connection knows nothing of a certificate revoked since */

struct exchange {
        const struct exchange_config *config;
        CURL *curl;
        bool certificate_asked; /* by the server of the present connection */
        bool sent;              /* the request may be on its way */
        int alert;              /* fatal TLS alert received in this call, 0 for none */
        size_t n_headers;
        size_t n, max;
        uint8_t body[EXCHANGE_PHOTO_MAX];
};

DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all)

static bool url_ok(const char *url)
{
        static const char host[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";

        return strncmp(url, "https://", 8) == 0 && url[8] != '\0' && strspn(url + 8, host) == strlen(url + 8);
}

struct exchange *exchange_new(const struct exchange_config *config, struct error *err)
{
        struct exchange *x = NULL;

        if (!url_ok(config->url)) {
                (void)err_input(err, REASON_BAD_CONFIG, "the portal's URL is not https://HOST[:PORT]");
                return NULL;
        }
        x = calloc(1, sizeof *x);
        if (x)
                x->curl = curl_easy_init();
        if (x && x->curl) {
                x->config = config;
                return x;
        }
        exchange_free(x);
        (void)err_own(err, ERR_BUG, REASON_INTERNAL, "libcurl cannot be initialised");
        return NULL;
}

void exchange_free(struct exchange *x)
{
        if (!x)
                return;
        curl_easy_cleanup(x->curl);
        free(x);
}

/* SSL_CTX_set_info_callback(3): fatal alerts of the server. */
static void on_tls_state(const SSL *ssl, int where, int value)
{
        struct exchange *x = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

        if ((where & SSL_CB_ALERT) && (where & SSL_CB_READ) && value >> 8 == SSL3_AL_FATAL)
                x->alert = value & 0xFF;
}

/* SSL_CTX_set_cert_cb(3): a client is asked when the server asks for its certificate. */
static int on_certificate_request(SSL *ssl, void *context)
{
        struct exchange *x = context;

        (void)ssl;
        x->certificate_asked = true;
        return 1;
}

/* CURLOPT_SSL_CTX_FUNCTION(3): once per new connection. */
static CURLcode on_tls_context(CURL *curl, void *tls, void *context)
{
        struct exchange *x = context;

        (void)curl;
        x->certificate_asked = false;
        SSL_CTX_set_app_data((SSL_CTX *)tls, x);
        SSL_CTX_set_info_callback((SSL_CTX *)tls, on_tls_state);
        SSL_CTX_set_cert_cb((SSL_CTX *)tls, on_certificate_request, x);
        return CURLE_OK;
}

/* The last moment before the request leaves. A portal that does not ask for our certificate is not the portal. */
static int on_ready(void *context, char *to, char *from, int to_port, int from_port)
{
        struct exchange *x = context;

        (void)to;
        (void)from;
        (void)to_port;
        (void)from_port;
        x->sent = x->certificate_asked;
        FAULT_POINT("net.send.before");
        return x->sent ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
        struct exchange *x = context;

        (void)line;
        x->n_headers += size * n;
        return x->n_headers <= EXCHANGE_HEADERS_MAX ? size * n : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
        struct exchange *x = context;

        if (size * n > x->max - x->n)
                return 0;
        memcpy(x->body + x->n, data, size * n);
        x->n += size * n;
        return size * n;
}

/* No system roots, no environment, no session of an earlier handshake. */
static void set_tls(struct exchange *x)
{
        CURL *c = x->curl;

        (void)curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        (void)curl_easy_setopt(c, CURLOPT_SSL_CIPHER_LIST, "ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2");
        (void)curl_easy_setopt(c, CURLOPT_CAINFO, x->config->ca);
        (void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
        (void)curl_easy_setopt(c, CURLOPT_CRLFILE, x->config->crl);
        (void)curl_easy_setopt(c, CURLOPT_SSLCERT, x->config->cert);
        (void)curl_easy_setopt(c, CURLOPT_SSLKEY, x->config->key);
        (void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
        (void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
        (void)curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L);
        (void)curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
        (void)curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, x);
}

static void set_transport(struct exchange *x, bool mutating)
{
        CURL *c = x->curl;

        (void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
        (void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        (void)curl_easy_setopt(c, CURLOPT_PROXY, "");
        (void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
        (void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        (void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
        (void)curl_easy_setopt(c, CURLOPT_HTTP_CONTENT_DECODING, 0L);
        (void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(c, CURLOPT_TIMEOUT, x->config->deadline_s);
        (void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, x->config->deadline_s / 3 + 1);
        (void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 64L); /* bytes/s: one drop at a time is no answer */
        (void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, x->config->deadline_s / 2 + 1);
        (void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, mutating ? 1L : 0L);
        (void)curl_easy_setopt(c, CURLOPT_FORBID_REUSE, mutating ? 1L : 0L);
        (void)curl_easy_setopt(c, CURLOPT_MAXLIFETIME_CONN, (long)MOST_SHARED_S);
}

static void set_callbacks(struct exchange *x)
{
        CURL *c = x->curl;

        (void)curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_ready);
        (void)curl_easy_setopt(c, CURLOPT_PREREQDATA, x);
        (void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
        (void)curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
        (void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
        (void)curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
        (void)curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)x->max);
}

static bool add_line(struct curl_slist **list, const char *format, const char *value)
{
        char line[160];
        struct curl_slist *longer;

        if (snprintf(line, sizeof line, "%s%s", format, value) >= (int)sizeof line)
                return false;
        longer = curl_slist_append(*list, line);
        *list = longer ? longer : *list;
        return longer != NULL;
}

/* RFC 9530 2: sha-256=:BASE64: over the exact bytes. */
static bool add_digest(struct curl_slist **list, struct bytes body)
{
        uint8_t digest[32];
        char text[BASE64_LENGTH(32) + 1], value[80];

        if (EVP_Digest(body.p, body.n, digest, NULL, EVP_sha256(), NULL) != 1)
                return false;
        base64_encode(BYTES(digest), text, sizeof text);
        (void)snprintf(value, sizeof value, "sha-256=:%s:", text);
        return add_line(list, "Content-Digest: ", value);
}

/* "Expect:" without value: libcurl then does not wait for 100-continue. */
static bool set_request(struct exchange *x, const struct net_call *call, struct bytes body, struct curl_slist **list)
{
        char url[NET_PATH_MAX + 300];
        bool ok = add_line(list, "Accept: application/json, image/jpeg, image/png", "") &&
                  add_line(list, "Accept-Encoding: identity", "");

        if (snprintf(url, sizeof url, "%s%s", x->config->url, call->path) >= (int)sizeof url)
                return false;
        ok = ok && curl_easy_setopt(x->curl, CURLOPT_URL, url) == CURLE_OK;
        (void)curl_easy_setopt(x->curl, CURLOPT_USERAGENT, "mohr-net");
        if (call->method != NET_GET) {
                ok = ok && add_line(list, "Content-Type: application/json", "") && add_line(list, "Expect:", "") &&
                     add_line(list, "Idempotency-Key: ", call->key) && add_digest(list, body);
                (void)curl_easy_setopt(x->curl, CURLOPT_POSTFIELDS, body.p);
                (void)curl_easy_setopt(x->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
                (void)curl_easy_setopt(x->curl, CURLOPT_CUSTOMREQUEST, net_method_word(call->method));
        }
        (void)curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, *list);
        return ok;
}

static bool photo_path(const char *path)
{
        return strncmp(path, "/v1/photos/", 11) == 0;
}

int exchange_call(struct exchange *x, const struct net_call *call, struct bytes body, struct net_answer *ret,
                  struct bytes *ret_body, struct error *err)
{
        cleanup(curl_slist_free_all_p) struct curl_slist *headers = NULL;
        bool mutating = call->method != NET_GET;
        CURLcode code;

        x->sent = false;
        x->alert = 0;
        x->n = x->n_headers = 0;
        x->max = photo_path(call->path) ? EXCHANGE_PHOTO_MAX : EXCHANGE_BODY_MAX;
        curl_easy_reset(x->curl);
        set_tls(x);
        set_transport(x, mutating);
        set_callbacks(x);
        if (!set_request(x, call, body, &headers))
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no memory for a request");
        code = FAULT_ERRNO("net.connect.before") ? CURLE_COULDNT_CONNECT : curl_easy_perform(x->curl);
        if (code == CURLE_OK && FAULT_ERRNO("net.send.after"))
                code = CURLE_RECV_ERROR;
        if (code != CURLE_OK)
                return answer_failed(x->curl, code, x->sent, x->alert, mutating, err);
        if (answer_read(x->curl, x->n, photo_path(call->path), mutating, ret, err) < 0)
                return -1;
        *ret_body = (struct bytes){ x->body, ret->type == NET_NONE ? 0 : x->n };
        return 0;
}
