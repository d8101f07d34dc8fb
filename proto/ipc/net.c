#include "proto/ipc/net.h"
#include <stdio.h>
#include <string.h>

static const char *const methods[] = { [NET_GET] = "GET", [NET_POST] = "POST", [NET_PUT] = "PUT", NULL };
static const char *const types[] = {
        [NET_NONE] = "none", [NET_JSON] = "json", [NET_JPEG] = "jpeg", [NET_PNG] = "png", NULL
};

const char *net_method_word(enum net_method method)
{
        return methods[method];
}

static bool hex_digit(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool net_key_ok(const char *text)
{
        if (strlen(text) != NET_KEY_LENGTH)
                return false;
        for (int i = 0; i < NET_KEY_LENGTH; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;

                if (dash ? text[i] != '-' : !hex_digit(text[i]))
                        return false;
        }
        return text[14] == '4' && strchr("89ab", text[19]) != NULL;
}

static bool path_ok(const char *path)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/?=&";

        return strncmp(path, "/v1/", 4) == 0 && strspn(path, allowed) == strlen(path) && !strstr(path, "..") &&
               !strstr(path, "//");
}

json_t *net_encode_call(const struct net_call *call)
{
        if (!call->key[0])
                return json_pack("{s:s,s:s}", "method", methods[call->method], "path", call->path);
        return json_pack("{s:s,s:s,s:s}", "method", methods[call->method], "path", call->path, "key", call->key);
}

int net_decode_call(const json_t *args, struct net_call *ret, struct error *err)
{
        struct jread r = jread_begin(args, "call", err);
        const char *path = "", *key = "";
        struct net_call c = { 0 };
        unsigned method = 0;

        jread_word(&r, "method", methods, &method);
        jread_str(&r, "path", 1, NET_PATH_MAX, &path);
        jread_str_opt(&r, "key", NET_KEY_LENGTH, NET_KEY_LENGTH, &key);
        if (jread_end(&r) < 0)
                return -1;
        c.method = (enum net_method)method;
        if (!path_ok(path))
                return err_input(err, REASON_BAD_REQUEST, "call.path is no path of the portal");
        if (c.method == NET_GET ? key[0] != '\0' : !net_key_ok(key))
                return err_input(err, REASON_BAD_REQUEST, "call.key: an intent id with POST and PUT, none with GET");
        (void)snprintf(c.path, sizeof c.path, "%s", path);
        (void)snprintf(c.key, sizeof c.key, "%s", key);
        *ret = c;
        return 0;
}

static int set_opt(json_t *to, const char *key, int64_t value)
{
        return value < 0 ? 0 : json_object_set_new(to, key, json_integer(value));
}

json_t *net_encode_answer(const struct net_answer *a)
{
        json_t *json = json_pack("{s:i,s:s}", "status", a->status, "type", types[a->type]);

        if (json && set_opt(json, "date", a->date) == 0 && set_opt(json, "retry_after_s", a->retry_after_s) == 0)
                return json;
        json_decref(json);
        return NULL;
}

int net_decode_answer(const json_t *args, struct net_answer *ret, struct error *err)
{
        struct jread r = jread_begin(args, "answer", err);
        struct net_answer a = { .date = -1, .retry_after_s = -1 };
        int64_t status = 0;
        unsigned type = 0;

        jread_int(&r, "status", 200, 599, &status);
        jread_word(&r, "type", types, &type);
        jread_int_opt(&r, "date", 0, INT64_C(253402300799), &a.date); /* 9999-12-31 */
        jread_int_opt(&r, "retry_after_s", 0, 86400, &a.retry_after_s);
        if (jread_end(&r) < 0)
                return -1;
        if (status >= 300 && status < 400)
                return err_input(err, REASON_BAD_REQUEST, "answer.status: redirects are never passed on");
        a.status = (int)status;
        a.type = (enum net_type)type;
        *ret = a;
        return 0;
}
