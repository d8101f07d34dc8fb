#include "proto/text/national_id.h"
#include "proto/text/persian.h"
#include "proto/text/utf8.h"
#include <string.h>

enum { DIGITS = NATIONAL_ID_MAX - 1 };

/* 0..9, or -1 for no digit. */
static int digit_value(uint32_t c)
{
        static const uint32_t zeros[] = { '0', 0x0660, 0x06F0 }; /* Latin, Arabic-Indic, Persian */

        for (unsigned i = 0; i < sizeof zeros / sizeof *zeros; i++)
                if (c >= zeros[i] && c < zeros[i] + 10)
                        return (int)(c - zeros[i]);
        return -1;
}

static bool separator(uint32_t c)
{
        return c == '-' || persian_is_space(c) || persian_is_invisible(c);
}

/* Digits into ret (at most DIGITS + 1 are kept, to know "too long"). */
static enum national_id_fault take_digits(const char *text, int ret[DIGITS + 1], size_t *ret_n)
{
        struct bytes in = { (const uint8_t *)text, strlen(text) };
        uint32_t c;

        *ret_n = 0;
        while (utf8_take(&in, &c)) {
                int value = digit_value(c);

                if (value < 0 && separator(c))
                        continue;
                if (value < 0)
                        return NATIONAL_ID_NOT_DIGITS;
                if (*ret_n <= DIGITS)
                        ret[(*ret_n)++] = value;
        }
        if (in.n > 0)
                return NATIONAL_ID_NOT_DIGITS;
        return *ret_n == 0 ? NATIONAL_ID_EMPTY : NATIONAL_ID_OK;
}

static bool all_equal(const int *digits, int n, int value)
{
        for (int i = 0; i < n; i++)
                if (digits[i] != value)
                        return false;
        return true;
}

static bool check_digit_ok(const int digits[DIGITS])
{
        int r = 0;

        for (int i = 0; i < DIGITS - 1; i++)
                r += digits[i] * (10 - i);
        r %= 11;
        return digits[DIGITS - 1] == (r < 2 ? r : 11 - r);
}

enum national_id_fault national_id_parse(const char *text, char ret[NATIONAL_ID_MAX])
{
        int digits[DIGITS + 1] = { 0 };
        size_t n = 0;
        enum national_id_fault fault = take_digits(text, digits, &n);

        if (fault != NATIONAL_ID_OK)
                return fault;
        if (n != DIGITS)
                return NATIONAL_ID_LENGTH;
        if (all_equal(digits, DIGITS, digits[0]))
                return NATIONAL_ID_REPEATED;
        if (all_equal(digits, 3, 0))
                return NATIONAL_ID_PREFIX_000;
        if (all_equal(digits + 3, 6, 0))
                return NATIONAL_ID_SERIAL_ZERO;
        if (!check_digit_ok(digits))
                return NATIONAL_ID_CHECKSUM;
        for (int i = 0; i < DIGITS; i++)
                ret[i] = (char)('0' + digits[i]);
        ret[DIGITS] = '\0';
        return NATIONAL_ID_OK;
}

const char *national_id_fault_word(enum national_id_fault fault)
{
        static const char *const words[] = {
                [NATIONAL_ID_OK] = "ok",
                [NATIONAL_ID_EMPTY] = "empty",
                [NATIONAL_ID_NOT_DIGITS] = "not-digits",
                [NATIONAL_ID_LENGTH] = "length",
                [NATIONAL_ID_REPEATED] = "repeated",
                [NATIONAL_ID_PREFIX_000] = "prefix-000",
                [NATIONAL_ID_SERIAL_ZERO] = "serial-zero",
                [NATIONAL_ID_CHECKSUM] = "checksum",
        };

        return words[fault];
}
