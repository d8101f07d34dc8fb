#include "daemon/ctl/client.h"
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(CURL *, curl_easy_cleanup)
DEFINE_CLEANUP(struct curl_slist *, curl_slist_free_all)

struct answer {
        char *p;
        size_t n;
        int fd; /* -1: into memory; errors always into memory */
        CURL *curl;
        bool failed;
};

static bool keep(struct answer *a, const char *data, size_t n)
{
        char *p;

        if (a->n + n > CLIENT_ANSWER_MAX)
                return false;
        p = realloc(a->p, a->n + n + 1);
        if (!p)
                return false;
        a->p = p;
        memcpy(a->p + a->n, data, n);
        a->n += n;
        a->p[a->n] = '\0';
        return true;
}

static bool put(int fd, const char *data, size_t n)
{
        while (n > 0) {
                ssize_t r = write(fd, data, n);

                if (r <= 0)
                        return false;
                data += r;
                n -= (size_t)r;
        }
        return true;
}

static size_t received(char *data, size_t size, size_t count, void *context)
{
        struct answer *a = context;
        size_t n = size * count;
        long status = 0;

        (void)curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
        a->failed = a->failed || !(a->fd >= 0 && status == 200 ? put(a->fd, data, n) : keep(a, data, n));
        return a->failed ? 0 : n;
}

static CURL *handle_new(struct ctl *c, const char *path, char url[1024])
{
        CURL *curl = curl_easy_init();

        if (!curl)
                return NULL;
        (void)snprintf(url, 1024, "http://station%s", path);
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ctl_socket(c));
        (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
        (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
        (void)curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L); /* libcurl sends again by itself on a dead one */
        (void)curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        return curl;
}

static int no_answer(struct ctl *c, CURLcode code, bool reading, struct error *err)
{
        if (code == CURLE_COULDNT_CONNECT)
                return err_set(err, ERR_RETRY, ORIGIN_CURL, (uint32_t)code, REASON_CORE_DOWN,
                               "nobody answers at %.100s", ctl_socket(c));
        if (reading)
                return err_set(err, ERR_RETRY, ORIGIN_CURL, (uint32_t)code, REASON_CORE_DOWN,
                               "the station's answer broke off: %s", curl_easy_strerror(code));
        return err_set(err, ERR_UNKNOWN, ORIGIN_CURL, (uint32_t)code, REASON_CORE_DOWN,
                       "the station did not answer: %s; see mohr status before asking again", curl_easy_strerror(code));
}

/* {"error":{"reason","text","advice","kind"}} */
static int refusal(long status, const char *text, struct error *err)
{
        cleanup(json_p) json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        const json_t *e = json_object_get(json, "error");
        const char *word = json_string_value(json_object_get(e, "reason"));
        const char *said = json_string_value(json_object_get(e, "text"));
        const char *kind = json_string_value(json_object_get(e, "kind"));
        enum reason reason = REASON_INTERNAL;
        enum error_kind k = ERR_BUG;

        if (!word || !said || !kind || !reason_parse(word, &reason) || !error_kind_parse(kind, &k))
                return err_set(err, ERR_BUG, ORIGIN_HTTP, (uint32_t)status, REASON_INTERNAL,
                               "the station answers %ld without saying why", status);
        return err_set(err, k, ORIGIN_HTTP, (uint32_t)status, reason, "%s", said);
}

static int parse(const struct answer *a, json_t **ret, struct error *err)
{
        json_t *json = a->p ? json_loads(a->p, JSON_REJECT_DUPLICATES, NULL) : NULL;

        if (!json)
                return err_own(err, ERR_BUG, REASON_BAD_JSON, "the station's answer is no JSON");
        if (ret)
                *ret = json;
        else
                json_decref(json);
        return 0;
}

int client_call(struct ctl *c, const char *method, const char *path, json_t *body, json_t **ret, struct error *err)
{
        cleanup(json_p) json_t *owned = body;
        cleanup(free_p) char *text = owned ? json_dumps(owned, JSON_COMPACT) : NULL;
        cleanup(curl_slist_free_all_p) struct curl_slist *headers =
                curl_slist_append(NULL, "Content-Type: application/json");
        char url[1024];
        cleanup(curl_easy_cleanup_p) CURL *curl = handle_new(c, path, url);
        struct answer a = { .fd = -1, .curl = curl };
        bool reading = strcmp(method, "GET") == 0;
        long status = 0;
        CURLcode code;
        int r;

        if (!curl || !headers)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        headers = curl_slist_append(headers, "Expect:");
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
        if (!reading)
                (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text ? text : "{}");
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, received);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
        code = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        r = code != CURLE_OK    ? no_answer(c, code, reading, err)
            : status / 100 != 2 ? refusal(status, a.p, err)
                                : parse(&a, ret, err);
        free(a.p);
        return r;
}

int client_fetch(struct ctl *c, const char *path, int fd, struct error *err)
{
        char url[1024];
        cleanup(curl_easy_cleanup_p) CURL *curl = handle_new(c, path, url);
        struct answer a = { .fd = fd, .curl = curl };
        long status = 0;
        CURLcode code;
        int r = 0;

        if (!curl)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, received);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
        code = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK && a.failed)
                r = err_set(err, ERR_RETRY, ORIGIN_OS, (uint32_t)errno, REASON_DISK_FULL, "cannot keep the answer");
        else if (code != CURLE_OK)
                r = no_answer(c, code, true, err);
        else if (status != 200)
                r = refusal(status, a.p, err);
        free(a.p);
        return r;
}

void client_path(char *ret, size_t max, const char *before, const char *segment, const char *after)
{
        size_t n = (size_t)snprintf(ret, max, "%s", before);

        for (; *segment && n + 4 < max; segment++) {
                unsigned char ch = (unsigned char)*segment;
                bool plain = isalnum(ch) || (ch && strchr("-._~", ch));

                n += (size_t)snprintf(ret + n, max - n, plain ? "%c" : "%%%02X", ch);
        }
        if (n < max)
                (void)snprintf(ret + n, max - n, "%s", after);
}

/* ---- events -------------------------------------------------------------------------------------------------------
 */

struct client_events {
        struct ctl *ctl;
        CURLM *multi;
        CURL *curl;
        char url[1024];
        bool open, heard;
};

/* What the events say does not matter here: each is a call to look at the state. */
static size_t heard(char *data, size_t size, size_t count, void *context)
{
        struct client_events *e = context;

        (void)data;
        e->heard = true;
        return size * count;
}

struct client_events *client_events_open(struct ctl *c)
{
        struct client_events *e = calloc(1, sizeof *e);

        if (!e)
                return NULL;
        e->ctl = c;
        e->multi = curl_multi_init();
        e->curl = handle_new(c, "/v1/events", e->url);
        if (!e->multi || !e->curl) {
                client_events_close(e);
                return NULL;
        }
        (void)curl_easy_setopt(e->curl, CURLOPT_WRITEFUNCTION, heard);
        (void)curl_easy_setopt(e->curl, CURLOPT_WRITEDATA, e);
        return e;
}

void client_events_close(struct client_events *e)
{
        if (!e)
                return;
        if (e->open)
                (void)curl_multi_remove_handle(e->multi, e->curl);
        curl_easy_cleanup(e->curl);
        (void)curl_multi_cleanup(e->multi);
        free(e);
}

static void end_if_broken(struct client_events *e)
{
        CURLMsg *m;
        int left;

        while ((m = curl_multi_info_read(e->multi, &left))) {
                if (m->msg != CURLMSG_DONE)
                        continue;
                (void)curl_multi_remove_handle(e->multi, e->curl);
                e->open = false;
        }
}

void client_events_wait(struct client_events *e, int wait_ms)
{
        int running = 0;

        if (!e->open)
                e->open = curl_multi_add_handle(e->multi, e->curl) == CURLM_OK;
        e->heard = false;
        (void)curl_multi_perform(e->multi, &running);
        if (!e->heard) {
                (void)curl_multi_poll(e->multi, NULL, 0, wait_ms, NULL);
                (void)curl_multi_perform(e->multi, &running);
        }
        end_if_broken(e);
}
