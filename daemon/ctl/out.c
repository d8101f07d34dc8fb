#include "daemon/ctl/out.h"
#include "proto/base/cleanup.h"
#include "proto/text/utf8.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { COLUMNS_MAX = 10, LABEL_WIDTH = 16 };

bool out_is_terminal(void)
{
        return isatty(STDOUT_FILENO) == 1;
}

static bool has_no_width(uint32_t c)
{
        return (c >= 0x300 && c <= 0x36F) || (c >= 0x64B && c <= 0x65F) || c == 0x670 || (c >= 0x200B && c <= 0x200F) ||
               (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

size_t out_width(const char *text)
{
        struct bytes in = { (const uint8_t *)text, strlen(text) };
        uint32_t c;
        size_t n = 0;

        while (utf8_take(&in, &c))
                n += !has_no_width(c);
        return n;
}

static bool is_right_to_left(const char *text)
{
        struct bytes in = { (const uint8_t *)text, strlen(text) };
        uint32_t c;

        while (utf8_take(&in, &c))
                if (c >= 0x590 && c <= 0x8FF)
                        return true;
        return false;
}

/* UAX 9: a code inside LRI..PDI keeps its order beside Persian; a Persian text inside RLI..PDI does not turn what
 * stands next to it. Only a terminal shows them so; files and pipes get the plain text. */
static void put_isolated(const char *text, bool among_persian)
{
        const char *open = is_right_to_left(text) ? "\u2067" : among_persian ? "\u2066" : NULL;

        if (open && out_is_terminal())
                printf("%s%s\u2069", open, text);
        else
                fputs(text, stdout);
}

const char *out_text(const json_t *value, char *buffer, size_t max)
{
        if (json_is_string(value))
                return json_string_value(value);
        buffer[0] = '\0';
        if (json_is_integer(value))
                (void)snprintf(buffer, max, "%" PRId64, (int64_t)json_integer_value(value));
        else if (json_is_boolean(value))
                (void)snprintf(buffer, max, "%s", json_is_true(value) ? "yes" : "no");
        return buffer;
}

static const char *cell(const json_t *row, const char *key, char *buffer, size_t max)
{
        const char *text = out_text(json_object_get(row, key), buffer, max);

        return text[0] ? text : "-";
}

static void pad(size_t from, size_t to)
{
        for (; from < to; from++)
                putchar(' ');
}

static void put_row(const json_t *row, const struct column *columns, const size_t *widths)
{
        char buffer[32];
        bool persian = false;

        for (size_t i = 0; columns[i].title; i++)
                persian |= is_right_to_left(cell(row, columns[i].key, buffer, sizeof buffer));
        for (size_t i = 0; columns[i].title; i++) {
                const char *text = cell(row, columns[i].key, buffer, sizeof buffer);

                put_isolated(text, persian);
                if (columns[i + 1].title)
                        pad(out_width(text), widths[i] + 2);
        }
        putchar('\n');
}

void out_table(const json_t *rows, const struct column *columns, const char *none)
{
        const char *bold = out_is_terminal() ? "\033[1m" : "", *plain = out_is_terminal() ? "\033[0m" : "";
        size_t widths[COLUMNS_MAX] = { 0 };
        char buffer[32];

        if (json_array_size(rows) == 0) {
                if (none)
                        puts(none);
                return;
        }
        for (size_t i = 0; columns[i].title; i++) {
                widths[i] = strlen(columns[i].title);
                for (size_t k = 0; k < json_array_size(rows); k++) {
                        size_t w = out_width(cell(json_array_get(rows, k), columns[i].key, buffer, sizeof buffer));

                        widths[i] = w > widths[i] ? w : widths[i];
                }
        }
        for (size_t i = 0; columns[i].title; i++) {
                printf("%s%s%s", bold, columns[i].title, plain);
                if (columns[i + 1].title)
                        pad(strlen(columns[i].title), widths[i] + 2);
        }
        putchar('\n');
        for (size_t k = 0; k < json_array_size(rows); k++)
                put_row(json_array_get(rows, k), columns, widths);
}

void out_field(const char *label, const char *value)
{
        if (!value || !value[0])
                return;
        fputs(label, stdout);
        pad(out_width(label), out_width(label) < LABEL_WIDTH ? LABEL_WIDTH : out_width(label) + 1);
        put_isolated(value, false);
        putchar('\n');
}

void out_field_of(const json_t *object, const char *label, const char *key)
{
        char buffer[32];

        out_field(label, out_text(json_object_get(object, key), buffer, sizeof buffer));
}

void out_title(const char *text)
{
        if (out_is_terminal())
                printf("\033[1m%s\033[0m\n", text);
        else
                puts(text);
}

void out_mark(bool good, const char *label, const char *text)
{
        const char *colour = !out_is_terminal() ? "" : good ? "\033[32m" : "\033[31m";

        printf("%s%-8s%s", colour, good ? "ok" : "problem", out_is_terminal() ? "\033[0m" : "");
        fputs(label, stdout);
        pad(out_width(label), 20);
        puts(text);
}

void out_time(int64_t ms, char ret[24])
{
        time_t s = (time_t)(ms / 1000);
        struct tm t;

        ret[0] = '\0';
        if (ms > 0 && localtime_r(&s, &t))
                (void)strftime(ret, 24, "%Y-%m-%d %H:%M:%S", &t);
}
