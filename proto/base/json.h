/* Strict reading of JSON objects, for every text that comes from outside: portal, worker, console, profile.
 *
 * json_strict parses with size, depth and duplicate-key limits. A `struct jread` then takes each expected key once
 * and at the end refuses every key that nobody asked for. The first fault fills *err with the key's path and the
 * reader stays failed, so calls can stand in a row and only jread_end need be checked. Strings are borrowed from
 * the json_t, valid UTF-8 (jansson checks it), without NUL. Optional keys: absent leaves *ret as it is. */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include <jansson.h>

enum { JSON_DEPTH_MAX = 16 };

static inline void json_p(json_t **json)
{
        json_decref(*json);
}

/* One object of at most max bytes and JSON_DEPTH_MAX levels. NULL and *err (INPUT, bad_json) otherwise. New reference.
 */
json_t *json_strict(struct bytes text, size_t max, struct error *err);

struct jread {
        const json_t *object;
        const char *where; /* for messages, e.g. "approval.payment" */
        struct error *err;
        size_t n_taken;
        bool failed;
};

/* object may be NULL or of a wrong type: the reader then starts failed. err is set at the first fault only. */
struct jread jread_begin(const json_t *object, const char *where, struct error *err);
int jread_end(struct jread *r); /* 0, or -1 when anything failed or a key is left over */

/* Required string of min..max bytes; a pointer into the object. */
void jread_str(struct jread *r, const char *key, size_t min, size_t max, const char **ret);
void jread_str_opt(struct jread *r, const char *key, size_t min, size_t max, const char **ret);
void jread_int(struct jread *r, const char *key, int64_t min, int64_t max, int64_t *ret);
void jread_int_opt(struct jread *r, const char *key, int64_t min, int64_t max, int64_t *ret);
void jread_bool(struct jread *r, const char *key, bool *ret);
void jread_bool_opt(struct jread *r, const char *key, bool *ret);
/* Hexadecimal text of exactly n bytes. */
void jread_hex(struct jread *r, const char *key, uint8_t *ret, size_t n);
/* Hexadecimal text of at most max bytes. */
void jread_hex_var(struct jread *r, const char *key, uint8_t *ret, size_t max, size_t *ret_n);
void jread_object(struct jread *r, const char *key, const json_t **ret);
void jread_object_opt(struct jread *r, const char *key, const json_t **ret);
void jread_array(struct jread *r, const char *key, size_t max, const json_t **ret);
void jread_array_opt(struct jread *r, const char *key, size_t max, const json_t **ret);
/* Index of the string in a NULL-terminated list of allowed words. */
void jread_word(struct jread *r, const char *key, const char *const *words, unsigned *ret);
/* Takes the key without looking (for keys a caller forwards). */
void jread_skip(struct jread *r, const char *key);
