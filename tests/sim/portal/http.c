#include "http.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { HEAD_MAX = 16384 };

static bool length_parse(const char *text, size_t *ret)
{
        char *end;
        size_t n_digits = strspn(text, "0123456789");

        if (n_digits == 0 || n_digits > 12 || text[n_digits])
                return false;
        *ret = strtoul(text, &end, 10);
        return true;
}

static bool header_take(struct http_in *in, const char *name, const char *value, bool *ret_expects)
{
        const struct {
                const char *name;
                const char **place;
        } kept[] = {
                { "Idempotency-Key", &in->request.key },
                { "Content-Digest", &in->request.digest },
                { "Content-Type", &in->request.type },
        };

        if (strcasecmp(name, "Transfer-Encoding") == 0)
                return false; /* the contract demands Content-Length */
        if (strcasecmp(name, "Content-Length") == 0)
                return length_parse(value, &in->n_length);
        if (strcasecmp(name, "Expect") == 0)
                *ret_expects = strcasecmp(value, "100-continue") == 0;
        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
                if (strcasecmp(name, kept[i].name) != 0)
                        continue;
                if (*kept[i].place)
                        return false; /* twice: which one is meant? */
                *kept[i].place = value;
        }
        return true;
}

static bool request_line(struct http_in *in, char *line)
{
        char *path = strchr(line, ' ');
        char *version = path ? strchr(path + 1, ' ') : NULL;
        char *query;

        if (!version || strcmp(version, " HTTP/1.1") != 0)
                return false;
        *path++ = '\0';
        *version = '\0';
        query = strchr(path, '?');
        if (query)
                *query++ = '\0';
        in->request.method = line;
        in->request.path = path;
        in->request.query = query ? query : "";
        return path[0] == '/';
}

static bool header_line(struct http_in *in, char *line, bool *ret_expects)
{
        char *colon = strchr(line, ':');
        char *end = line + strlen(line);

        if (!colon || colon == line)
                return false;
        *colon++ = '\0';
        while (*colon == ' ' || *colon == '\t')
                colon++;
        while (end > colon && (end[-1] == ' ' || end[-1] == '\t'))
                *--end = '\0';
        return header_take(in, line, colon, ret_expects);
}

/* Cuts the head into lines; in->data[..n_head] holds no NUL before. */
static bool head_parse(struct http_in *in, bool *ret_expects)
{
        char *line = in->data;

        while (line < in->data + in->n_head - 2) {
                char *end = strstr(line, "\r\n");

                *end = '\0';
                if (line == in->data ? !request_line(in, line) : !header_line(in, line, ret_expects))
                        return false;
                line = end + 2;
        }
        return true;
}

static enum http_state body_state(struct http_in *in)
{
        in->request.body = in->data + in->n_head;
        in->request.n_body = in->n - in->n_head;
        if (in->n_length > BODY_MAX) {
                in->request.too_large = true;
                in->request.n_body = 0;
                return HTTP_DONE;
        }
        if (in->request.n_body > in->n_length)
                return HTTP_BROKEN;
        return in->request.n_body == in->n_length ? HTTP_DONE : HTTP_MORE;
}

enum http_state http_in_add(struct http_in *in, const char *data, size_t n)
{
        bool expects = false;
        char *end;

        if (!in->data) /* one place for good: the request's fields point into it */
                in->data = must(malloc(HEAD_MAX + BODY_MAX + 1));
        if (n > HEAD_MAX + BODY_MAX - in->n)
                return HTTP_BROKEN;
        memcpy(in->data + in->n, data, n);
        in->n += n;
        in->data[in->n] = '\0';
        if (in->n_head > 0)
                return body_state(in);
        end = memmem(in->data, in->n, "\r\n\r\n", 4);
        if (!end)
                return in->n > HEAD_MAX ? HTTP_BROKEN : HTTP_MORE;
        in->n_head = (size_t)(end - in->data) + 4;
        if (in->n_head > HEAD_MAX || memchr(in->data, '\0', in->n_head) || !head_parse(in, &expects))
                return HTTP_BROKEN;
        enum http_state state = body_state(in);
        return state == HTTP_MORE && expects ? HTTP_CONTINUE : state;
}

void http_in_done(struct http_in *in)
{
        free(in->data);
        *in = (struct http_in){ 0 };
}

static const char *status_word(int status)
{
        static const struct {
                int status;
                const char *word;
        } words[] = {
                { 200, "OK" },
                { 400, "Bad Request" },
                { 403, "Forbidden" },
                { 404, "Not Found" },
                { 409, "Conflict" },
                { 413, "Content Too Large" },
                { 422, "Unprocessable Content" },
                { 429, "Too Many Requests" },
                { 500, "Internal Server Error" },
                { 503, "Service Unavailable" },
        };

        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                if (words[i].status == status)
                        return words[i].word;
        }
        return "Unknown";
}

char *http_head(const struct answer *answer, size_t *ret_n)
{
        char date[64], retry[64] = "";
        time_t now = time(NULL);
        struct tm tm;

        gmtime_r(&now, &tm);
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm); /* RFC 9110 5.6.7 */
        if (answer->retry_after_s >= 0)
                snprintf(retry, sizeof(retry), "Retry-After: %d\r\n", answer->retry_after_s);
        char *head = text_format("HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                                 "Cache-Control: no-store\r\n%sConnection: close\r\n\r\n",
                                 answer->status, status_word(answer->status), date, answer->type, answer->n_body,
                                 retry);
        *ret_n = strlen(head);
        return head;
}
