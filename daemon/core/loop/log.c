#include "daemon/core/loop/log.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 512 };
static enum log_level most_level = LEVEL_INFO;

void log_set_level(enum log_level most)
{
        most_level = most;
}

static const char *prefix(enum log_level level)
{
        switch (level) {
        case LEVEL_ERROR:
                return SD_ERR;
        case LEVEL_WARNING:
                return SD_WARNING;
        case LEVEL_INFO:
                return SD_INFO;
        case LEVEL_DEBUG:
                return SD_DEBUG;
        }
        return "";
}

struct text {
        char bytes[LINE_MAX_BYTES];
        size_t n;
};

__attribute__((format(printf, 2, 0))) static void add_args(struct text *t, const char *format, va_list args)
{
        int n = vsnprintf(t->bytes + t->n, sizeof t->bytes - 1 - t->n, format, args); /* one left for the newline */

        if (n > 0)
                t->n += (size_t)n < sizeof t->bytes - 1 - t->n ? (size_t)n : sizeof t->bytes - 2 - t->n;
}

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        add_args(t, format, args);
        va_end(args);
}

static void add_field(struct text *t, const char *name, const char *value)
{
        if (value)
                add(t, "%s=%s ", name, value);
}

static void make_plain(struct text *t)
{
        for (size_t i = 0; i < t->n; i++)
                if ((unsigned char)t->bytes[i] < ' ' || t->bytes[i] == 0x7F)
                        t->bytes[i] = '?';
}

void log_at(enum log_level level, struct log_at at, const char *format, ...)
{
        struct text t = { .n = 0 };
        va_list args;

        if (level > most_level)
                return;
        if (!isatty(STDERR_FILENO))
                add(&t, "%s", prefix(level));
        add_field(&t, "line", at.line);
        add_field(&t, "card", at.card);
        add_field(&t, "step", at.step);
        if (at.line || at.card || at.step)
                t.bytes[t.n - 1] = ':', add(&t, " ");
        va_start(args, format);
        add_args(&t, format, args);
        va_end(args);
        make_plain(&t);
        t.bytes[t.n++] = '\n';
        (void)!write(STDERR_FILENO, t.bytes, t.n);
}

void log_error(enum log_level level, struct log_at at, const struct error *e)
{
        log_at(level, at, "%s (%s, %s, %s %u)", e->text, error_kind_name(e->kind), reason_word(e->reason),
               error_origin_name(e->origin), (unsigned)e->code);
}
