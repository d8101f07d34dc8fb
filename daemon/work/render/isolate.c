#include "daemon/work/render/isolate.h"
#include "proto/base/bytes.h"
#include <string.h>

/* UTF-8 of LRI and PDI, UAX 9 2.4. */
static const struct bytes lri = { (const uint8_t *)"\xE2\x81\xA6", 3 }, pdi = { (const uint8_t *)"\xE2\x81\xA9", 3 };

static bool is_letter(const char *p)
{
        return (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
}

/* Bytes of the digit at p, ASCII or Persian U+06F0 .. U+06F9 (DB B0 .. DB B9); 0 when there is none. */
static size_t digit_size(const char *p)
{
        if (*p >= '0' && *p <= '9')
                return 1;
        return (unsigned char)p[0] == 0xDB && (unsigned char)p[1] >= 0xB0 && (unsigned char)p[1] <= 0xB9 ? 2 : 0;
}

static size_t word_size(const char *p)
{
        return is_letter(p) ? 1 : digit_size(p);
}

/* Length of the Latin run or digit group that begins at p, 0 when none does. */
static size_t run_size(const char *p)
{
        bool letters = is_letter(p);
        size_t n = 0;

        if (word_size(p) == 0)
                return 0;
        for (;;) {
                size_t word = letters ? word_size(p + n) : digit_size(p + n);

                if (word > 0)
                        n += word;
                else if (p[n] && strchr(letters ? ".-/&_ " : ".-/:,", p[n]) && word_size(p + n + 1) > 0 &&
                         (letters || digit_size(p + n + 1) > 0))
                        n++;
                else
                        break;
        }
        while (letters && (p[n] == '+' || p[n] == '#'))
                n++;
        return n;
}

static void put(struct writer *w, const char *p, size_t n, bool persian_digits)
{
        for (size_t i = 0; i < n; i++) {
                if (persian_digits && p[i] >= '0' && p[i] <= '9') {
                        write_u8(w, 0xDB);
                        write_u8(w, 0xB0u + (unsigned)(p[i] - '0'));
                } else {
                        write_u8(w, (unsigned char)p[i]);
                }
        }
}

bool isolate_text(const char *text, bool rtl, bool persian_digits, char *ret, size_t max)
{
        struct writer w = { (uint8_t *)ret, 0, max, false };

        while (*text) {
                size_t run = rtl ? run_size(text) : 0;

                if (run > 0)
                        write_bytes(&w, lri);
                put(&w, text, run > 0 ? run : 1, persian_digits && !(run > 0 && is_letter(text)));
                if (run > 0)
                        write_bytes(&w, pdi);
                text += run > 0 ? run : 1;
        }
        write_u8(&w, 0);
        return !w.failed;
}

bool isolate_code(const char *text, bool persian_digits, char *ret, size_t max)
{
        struct writer w = { (uint8_t *)ret, 0, max, false };

        write_bytes(&w, lri);
        put(&w, text, strlen(text), persian_digits);
        write_bytes(&w, pdi);
        write_u8(&w, 0);
        return !w.failed;
}
