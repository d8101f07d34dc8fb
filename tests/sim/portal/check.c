#include "check.h"
#include "util.h"
#include <regex.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

bool pattern_match(const char *pattern, const char *text)
{
        regex_t regex;

        if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                die("pattern %s", pattern);
        int rc = regexec(&regex, text, 0, NULL, 0);
        regfree(&regex);
        return rc == 0;
}

static bool depth_fits(const char *body, size_t n)
{
        int depth = 0;
        bool in_string = false;

        for (size_t i = 0; i < n; i++) {
                if (in_string) {
                        if (body[i] == '\\')
                                i++;
                        else if (body[i] == '"')
                                in_string = false;
                } else if (body[i] == '"') {
                        in_string = true;
                } else if (body[i] == '{' || body[i] == '[') {
                        if (++depth > DEPTH_MAX)
                                return false;
                } else if (body[i] == '}' || body[i] == ']') {
                        depth--;
                }
        }
        return true;
}

json_t *body_parse(const char *body, size_t n, const char **ret_why)
{
        json_error_t error;
        json_t *json;

        *ret_why = "more than 16 levels";
        if (!depth_fits(body, n))
                return NULL;
        json = json_loadb(body, n, JSON_REJECT_DUPLICATES, &error);
        if (json_is_object(json))
                return json;
        json_decref(json);
        *ret_why = "not one JSON object in UTF-8 with each key once";
        return NULL;
}

static size_t characters(const char *text)
{
        size_t n = 0;

        for (; *text; text++)
                n += ((unsigned char)*text & 0xC0) != 0x80;
        return n;
}

static bool text_fits(const char *text, json_int_t min, json_int_t max)
{
        size_t n = characters(text);

        for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
                if ((*c < 0x20 && *c != '\n') || *c == 0x7F)
                        return false;
        }
        return n >= (size_t)min && n <= (size_t)max;
}

static const struct field minutes_fields[] = {
        { .key = "number", .kind = FIELD_TEXT, .min = 1, .max = 40 },
        { .key = "sha256", .kind = FIELD_PATTERN, .pattern = PATTERN_SHA256 },
};

static bool two_persons(const json_t *value, const char *pattern)
{
        const char *first = json_string_value(json_array_get(value, 0));
        const char *second = json_string_value(json_array_get(value, 1));

        return json_array_size(value) == 2 && first && second && pattern_match(pattern, first) &&
               pattern_match(pattern, second) && strcmp(first, second) != 0;
}

static bool value_fits(const json_t *value, const struct field *field)
{
        const char *text = json_string_value(value);
        const char *key;

        switch (field->kind) {
        case FIELD_PATTERN:
                return text && pattern_match(field->pattern, text);
        case FIELD_INT:
                return json_is_integer(value) && json_integer_value(value) >= field->min &&
                       json_integer_value(value) <= field->max;
        case FIELD_BOOL:
                return json_is_boolean(value);
        case FIELD_TEXT:
                return text && text_fits(text, field->min, field->max);
        case FIELD_TIME:
                return text && time_valid(text);
        case FIELD_DATE:
                return text && date_valid(text);
        case FIELD_MINUTES:
                return json_is_object(value) && body_check(value, minutes_fields, 2, &key);
        case FIELD_TWO_PERSONS:
                return two_persons(value, field->pattern);
        }
        return false;
}

static bool key_known(const char *key, const struct field *fields, size_t n_fields)
{
        for (size_t i = 0; i < n_fields; i++) {
                if (strcmp(fields[i].key, key) == 0)
                        return true;
        }
        return false;
}

bool body_check(const json_t *object, const struct field *fields, size_t n_fields, const char **ret_key)
{
        const char *key;
        json_t *value;

        json_object_foreach((json_t *)(uintptr_t)object, key, value)
        {
                *ret_key = "a key that is not documented";
                if (!key_known(key, fields, n_fields))
                        return false;
        }
        for (size_t i = 0; i < n_fields; i++) {
                value = json_object_get(object, fields[i].key);
                *ret_key = fields[i].key;
                if (!value ? !fields[i].optional
                           : !(fields[i].nullable && json_is_null(value)) && !value_fits(value, &fields[i]))
                        return false;
        }
        return true;
}
