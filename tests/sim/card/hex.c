#include "tests/sim/card/hex.h"

#include <string.h>

static const char digits[] = "0123456789ABCDEF";

static int digit_of(char c)
{
        const char *at;

        if (c >= 'a' && c <= 'f')
                c = (char)(c - 'a' + 'A');
        at = c ? strchr(digits, c) : NULL;
        return at ? (int)(at - digits) : -1;
}

bool hex_decode(const char *text, uint8_t *ret_bytes, size_t max, size_t *ret_n)
{
        size_t n = strlen(text);

        if (n % 2 != 0 || n / 2 > max)
                return false;
        for (size_t i = 0; i < n; i += 2) {
                int high = digit_of(text[i]), low = digit_of(text[i + 1]);

                if (high < 0 || low < 0)
                        return false;
                ret_bytes[i / 2] = (uint8_t)(high << 4 | low);
        }
        *ret_n = n / 2;
        return true;
}

void hex_encode(const uint8_t *bytes, size_t n, char *ret_text)
{
        for (size_t i = 0; i < n; i++) {
                ret_text[2 * i] = digits[bytes[i] >> 4];
                ret_text[2 * i + 1] = digits[bytes[i] & 15];
        }
        ret_text[2 * n] = '\0';
}
