/* Strict reading of bodies: the portal's own statement of the schemas in proto/portal.openapi.yaml. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

enum field_kind {
        FIELD_PATTERN, /* string matching an extended regular expression */
        FIELD_INT,
        FIELD_BOOL,
        FIELD_TEXT, /* min..max characters, no control characters but newline */
        FIELD_TIME,
        FIELD_DATE,
        FIELD_MINUTES,     /* object: number, sha256 */
        FIELD_TWO_PERSONS, /* array of two different pseudonyms */
};

struct field {
        const char *key;
        enum field_kind kind;
        const char *pattern;
        json_int_t min, max;
        bool optional, nullable;
};

#define MAX_EXACT_INT 9007199254740991 /* 2^53 - 1: the largest that every JSON reader keeps */
#define PATTERN_SHA256 "^[0-9a-f]{64}$"
#define PATTERN_KEY "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
#define PATTERN_APPLICATION "^[A-Z0-9-]{4,32}$"
#define PATTERN_SERIAL "^[A-Z0-9-]{5,19}[0-9]$"
#define PATTERN_STATION "^[a-z0-9-]{2,32}$"
#define PATTERN_CURSOR "^[0-9]{0,18}$" /* our cursors; the contract allows others */

bool pattern_match(const char *pattern, const char *text);
/* The one JSON object a body holds: UTF-8, no duplicate key, at most 16 levels. NULL otherwise; *ret_why says what. */
json_t *body_parse(const char *body, size_t n, const char **ret_why);
/* True when the object has exactly the fields; otherwise *ret_key is the faulty one. */
bool body_check(const json_t *object, const struct field *fields, size_t n_fields, const char **ret_key);

static inline void json_free_p(json_t **json)
{
        json_decref(*json);
}
#define JSON __attribute__((cleanup(json_free_p))) json_t *
