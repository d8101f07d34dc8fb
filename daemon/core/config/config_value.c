#include "daemon/core/config/config_value.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

static void *field(const struct config_key *key, void *base)
{
        return (char *)base + key->offset;
}

static bool set_text(const struct config_key *key, const char *value, void *base)
{
        char **at = field(key, base), *copy = strdup(value);

        if (!copy)
                abort(); /* a few bytes at start: nothing sensible can follow */
        free(*at);
        *at = copy;
        return true;
}

static bool set_sized(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        size_t n = strlen(value);

        *ret_why = n < (size_t)key->min ? "too short" : "too long";
        return n >= (size_t)key->min && n <= (size_t)key->max && set_text(key, value, base);
}

static bool set_path(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        *ret_why = "not an absolute path";
        return value[0] == '/' && set_sized(key, value, base, ret_why);
}

static bool set_name(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        *ret_why = "only letters, digits, '.', '_' and '-' are allowed";
        return value[strspn(value, letters)] == '\0' && set_sized(key, value, base, ret_why);
}

static bool set_hex(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        size_t n = strlen(value);

        *ret_why = "not hexadecimal";
        if (value[strspn(value, "0123456789ABCDEFabcdef")] != '\0' || n % 2 != 0)
                return false;
        *ret_why = "too short or too long";
        if (n > 0 && (n / 2 < (size_t)key->min || n / 2 > (size_t)key->max))
                return false;
        return (n > 0 || key->fallback) && set_text(key, value, base);
}

static bool set_int(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        char *end = NULL;
        long long n;

        *ret_why = "not a number";
        if (value[0] != '-' && (value[0] < '0' || value[0] > '9'))
                return false;
        errno = 0;
        n = strtoll(value, &end, 10);
        if (*end != '\0' || end == value)
                return false;
        *ret_why = "out of range";
        if (errno != 0 || n < key->min || n > key->max)
                return false;
        *(int64_t *)field(key, base) = n;
        return true;
}

static bool set_word(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        *ret_why = "not one of the allowed words";
        for (unsigned i = 0; key->words[i]; i++) {
                if (strcmp(key->words[i], value) == 0) {
                        *(unsigned *)field(key, base) = i;
                        return true;
                }
        }
        return false;
}

static bool set_bool(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        bool yes = strcmp(value, "yes") == 0;

        *ret_why = "neither yes nor no";
        if (!yes && strcmp(value, "no") != 0)
                return false;
        *(bool *)field(key, base) = yes;
        return true;
}

static bool is_date(const char *value)
{
        static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        int year = 0, month = 0, day = 0, n = 0;

        if (sscanf(value, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || n != 10 || value[10] != '\0')
                return false;
        return year >= 2000 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
               (month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)));
}

static bool set_date(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        *ret_why = "not a day as YYYY-MM-DD";
        return ((*value == '\0' && key->fallback) || is_date(value)) && set_text(key, value, base);
}

bool config_value_set(const struct config_key *key, const char *value, void *base, const char **ret_why)
{
        switch (key->type) {
        case CONFIG_TEXT:
                return set_sized(key, value, base, ret_why);
        case CONFIG_WORD:
                return set_word(key, value, base, ret_why);
        case CONFIG_INT:
                return set_int(key, value, base, ret_why);
        case CONFIG_BOOL:
                return set_bool(key, value, base, ret_why);
        case CONFIG_PATH:
                return set_path(key, value, base, ret_why);
        case CONFIG_NAME:
                return set_name(key, value, base, ret_why);
        case CONFIG_HEX:
                return set_hex(key, value, base, ret_why);
        case CONFIG_DATE:
                return set_date(key, value, base, ret_why);
        }
        return false;
}

void config_value_free(const struct config_key *key, void *base)
{
        char **at = field(key, base);

        if (key->type == CONFIG_INT || key->type == CONFIG_BOOL || key->type == CONFIG_WORD)
                return;
        free(*at);
        *at = NULL;
}
