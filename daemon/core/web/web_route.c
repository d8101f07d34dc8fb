#include "daemon/core/web/web_inside.h"
#include <stdio.h>
#include <string.h>

static const char *header(const struct exchange *x, const char *name)
{
        return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

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

void web_refuse(struct exchange *x, unsigned status, enum reason reason, const char *text)
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
                web_refuse(x, MHD_HTTP_FORBIDDEN, REASON_NOT_PERMITTED, "the request comes from a foreign page");
                return false;
        }
        if (x->n_body > 0 && (!type || strcmp(type, "application/json") != 0)) {
                web_refuse(x, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, REASON_BAD_REQUEST, "the body must be application/json");
                return false;
        }
        return true;
}

static bool take_body(struct exchange *x)
{
        struct error err;

        if (x->too_large) {
                web_refuse(x, MHD_HTTP_CONTENT_TOO_LARGE, REASON_BAD_REQUEST, "the body is larger than 64 KiB");
                return false;
        }
        x->request.body =
                x->n_body == 0 ? json_object()
                               : json_strict((struct bytes){ (const uint8_t *)x->body, x->n_body }, WEB_BODY_MAX, &err);
        if (!x->request.body)
                web_reply_error(&x->request, &err);
        return x->request.body != NULL;
}

void web_handle(struct exchange *x)
{
        const struct route *route;
        bool path_known = false;

        if (!origin_ok(x) || !take_body(x))
                return;
        route = find_route(x, &path_known);
        if (route)
                route->handle(&x->request);
        else if (path_known)
                web_refuse(x, MHD_HTTP_METHOD_NOT_ALLOWED, REASON_BAD_REQUEST, "this method is not for this path");
        else
                web_refuse(x, MHD_HTTP_NOT_FOUND, REASON_NOT_FOUND, "no such path");
}
