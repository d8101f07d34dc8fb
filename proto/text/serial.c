#include "proto/text/serial.h"
#include <string.h>

/* prefix = the first n_prefix characters; the number follows, n_digits wide. */
struct split {
        size_t n_prefix, n_digits;
        int64_t number;
};

static bool digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool characters_ok(const char *text, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!digit(text[i]) && !(text[i] >= 'A' && text[i] <= 'Z') && text[i] != '-')
                        return false;
        return true;
}

static bool split(const char *text, struct split *ret)
{
        size_t n = strnlen(text, SERIAL_MAX + 1);
        struct split s = { n, 0, 0 };

        if (n < SERIAL_MIN || n > SERIAL_MAX || !characters_ok(text, n))
                return false;
        while (s.n_prefix > 0 && s.n_digits < SERIAL_DIGITS_MAX && digit(text[s.n_prefix - 1])) {
                s.n_prefix--;
                s.n_digits++;
        }
        for (size_t i = s.n_prefix; i < n; i++)
                s.number = 10 * s.number + text[i] - '0';
        *ret = s;
        return s.n_digits > 0;
}

bool serial_ok(const char *text)
{
        struct split s;

        return split(text, &s);
}

static int64_t limit(size_t n_digits)
{
        int64_t value = 1;

        while (n_digits-- > 0)
                value *= 10;
        return value;
}

bool serial_step(const char *text, int64_t step, char ret[SERIAL_TEXT_MAX])
{
        struct split s;
        int64_t number, max;

        if (!split(text, &s))
                return false;
        max = limit(s.n_digits);
        if (step <= -max || step >= max)
                return false;
        number = s.number + step;
        if (number < 0 || number >= max)
                return false;
        memmove(ret, text, s.n_prefix);
        ret[s.n_prefix + s.n_digits] = '\0';
        for (size_t i = s.n_digits; i-- > 0; number /= 10)
                ret[s.n_prefix + i] = (char)('0' + number % 10);
        return true;
}

bool serial_distance(const char *from, const char *to, int64_t *ret_steps)
{
        struct split a, b;

        if (!split(from, &a) || !split(to, &b) || a.n_prefix != b.n_prefix || a.n_digits != b.n_digits ||
            memcmp(from, to, a.n_prefix) != 0)
                return false;
        *ret_steps = b.number - a.number;
        return true;
}

bool serial_range_count(const char *from, const char *to, int64_t *ret_count)
{
        int64_t steps = -1;

        if (!serial_distance(from, to, &steps) || steps < 0)
                return false;
        *ret_count = steps + 1;
        return true;
}

bool serial_in_range(const char *serial, const char *from, const char *to)
{
        int64_t after_from = -1, before_to = -1;

        return serial_distance(from, serial, &after_from) && serial_distance(serial, to, &before_to) &&
               after_from >= 0 && before_to >= 0;
}
