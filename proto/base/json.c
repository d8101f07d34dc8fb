#include "proto/base/json.h"
#include <stdio.h>
#include <string.h>

/* Depth by a scan over the text, before any tree is built: a bracket outside a string opens or closes a level. */
static bool depth_ok(struct bytes text)
{
        bool in_string = false;
        int depth = 0;

        for (size_t i = 0; i < text.n; i++) {
                char c = (char)text.p[i];

                if (in_string && c == '\\')
                        i++;
                else if (c == '"')
                        in_string = !in_string;
                else if (!in_string && (c == '{' || c == '[') && ++depth > JSON_DEPTH_MAX)
                        return false;
                else if (!in_string && (c == '}' || c == ']'))
                        depth--;
        }
        return true;
}

json_t *json_strict(struct bytes text, size_t max, struct error *err)
{
        json_error_t fault;
        json_t *json;

        if (text.n == 0 || text.n > max) {
                (void)err_input(err, REASON_BAD_JSON, "%zu bytes of JSON, allowed 1 to %zu", text.n, max);
                return NULL;
        }
        if (!depth_ok(text)) {
                (void)err_input(err, REASON_BAD_JSON, "JSON nested deeper than %d levels", JSON_DEPTH_MAX);
                return NULL;
        }
        json = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &fault);
        if (!json) { /* the library's text may quote the input: only the place is told */
                (void)err_input(err, REASON_BAD_JSON, "malformed JSON, duplicate key or bad UTF-8 at line %d column %d",
                                fault.line, fault.column);
                return NULL;
        }
        if (!json_is_object(json)) {
                json_decref(json);
                (void)err_input(err, REASON_BAD_JSON, "JSON text is not an object");
                return NULL;
        }
        return json;
}

static void fault(struct jread *r, const char *key, const char *what)
{
        if (!r->failed)
                (void)err_input(r->err, REASON_BAD_JSON, "%s.%s: %s", r->where, key, what);
        r->failed = true;
}

struct jread jread_begin(const json_t *object, const char *where, struct error *err)
{
        struct jread r = { object, where, err, 0, false };

        if (!json_is_object(object))
                fault(&r, "", "not an object");
        return r;
}

static const char *first_unknown(const struct jread *r)
{
        const char *key = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)r->object));

        return key ? key : "?";
}

int jread_end(struct jread *r)
{
        if (!r->failed && r->n_taken != json_object_size(r->object)) {
                char what[64];

                (void)snprintf(what, sizeof what, "unknown key (object has %zu keys, %zu known)",
                               json_object_size(r->object), r->n_taken);
                fault(r, r->n_taken == 0 ? first_unknown(r) : "*", what);
        }
        return r->failed ? -1 : 0;
}

/* The value, or NULL: then either failed, or absent and not required. */
static const json_t *take(struct jread *r, const char *key, bool required)
{
        const json_t *value;

        if (r->failed)
                return NULL;
        value = json_object_get(r->object, key);
        if (!value && required)
                fault(r, key, "missing");
        if (value)
                r->n_taken++;
        return value;
}

static void take_str(struct jread *r, const char *key, size_t min, size_t max, const char **ret, bool required)
{
        const json_t *v = take(r, key, required);

        if (!v)
                return;
        if (!json_is_string(v))
                fault(r, key, "not a string");
        else if (json_string_length(v) < min || json_string_length(v) > max)
                fault(r, key, "too short or too long");
        else if (strlen(json_string_value(v)) != json_string_length(v))
                fault(r, key, "holds a NUL");
        else
                *ret = json_string_value(v);
}

void jread_str(struct jread *r, const char *key, size_t min, size_t max, const char **ret)
{
        take_str(r, key, min, max, ret, true);
}

void jread_str_opt(struct jread *r, const char *key, size_t min, size_t max, const char **ret)
{
        take_str(r, key, min, max, ret, false);
}

static void take_int(struct jread *r, const char *key, int64_t min, int64_t max, int64_t *ret, bool required)
{
        const json_t *v = take(r, key, required);

        if (!v)
                return;
        if (!json_is_integer(v))
                fault(r, key, "not an integer");
        else if (json_integer_value(v) < min || json_integer_value(v) > max)
                fault(r, key, "out of range");
        else
                *ret = json_integer_value(v);
}

void jread_int(struct jread *r, const char *key, int64_t min, int64_t max, int64_t *ret)
{
        take_int(r, key, min, max, ret, true);
}

void jread_int_opt(struct jread *r, const char *key, int64_t min, int64_t max, int64_t *ret)
{
        take_int(r, key, min, max, ret, false);
}

static void take_bool(struct jread *r, const char *key, bool *ret, bool required)
{
        const json_t *v = take(r, key, required);

        if (!v)
                return;
        if (!json_is_boolean(v))
                fault(r, key, "not true or false");
        else
                *ret = json_is_true(v);
}

void jread_bool(struct jread *r, const char *key, bool *ret)
{
        take_bool(r, key, ret, true);
}

void jread_bool_opt(struct jread *r, const char *key, bool *ret)
{
        take_bool(r, key, ret, false);
}

void jread_hex_var(struct jread *r, const char *key, uint8_t *ret, size_t max, size_t *ret_n)
{
        const char *text = NULL;

        jread_str(r, key, 0, 2 * max, &text);
        if (text && !hex_decode(text, ret, max, ret_n))
                fault(r, key, "not hexadecimal");
}

void jread_hex(struct jread *r, const char *key, uint8_t *ret, size_t n)
{
        size_t got = 0;

        jread_hex_var(r, key, ret, n, &got);
        if (!r->failed && got != n)
                fault(r, key, "wrong length");
}

static void take_tree(struct jread *r, const char *key, bool array, size_t max, const json_t **ret, bool required)
{
        const json_t *v = take(r, key, required);

        if (!v)
                return;
        if (array ? !json_is_array(v) : !json_is_object(v))
                fault(r, key, array ? "not an array" : "not an object");
        else if (array && json_array_size(v) > max)
                fault(r, key, "too many items");
        else
                *ret = v;
}

void jread_object(struct jread *r, const char *key, const json_t **ret)
{
        take_tree(r, key, false, 0, ret, true);
}

void jread_object_opt(struct jread *r, const char *key, const json_t **ret)
{
        take_tree(r, key, false, 0, ret, false);
}

void jread_array(struct jread *r, const char *key, size_t max, const json_t **ret)
{
        take_tree(r, key, true, max, ret, true);
}

void jread_array_opt(struct jread *r, const char *key, size_t max, const json_t **ret)
{
        take_tree(r, key, true, max, ret, false);
}

void jread_word(struct jread *r, const char *key, const char *const *words, unsigned *ret)
{
        const char *text = NULL;

        jread_str(r, key, 1, 64, &text);
        if (!text)
                return;
        for (unsigned i = 0; words[i]; i++) {
                if (strcmp(words[i], text) == 0) {
                        *ret = i;
                        return;
                }
        }
        fault(r, key, "not one of the allowed words");
}

void jread_skip(struct jread *r, const char *key)
{
        (void)take(r, key, false);
}
