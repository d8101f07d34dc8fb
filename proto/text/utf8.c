#include "proto/text/utf8.h"
#include <assert.h>

/* Length of the sequence a first byte announces; 0 for none. */
static size_t sequence_length(uint8_t first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xC2 && first < 0xE0)
                return 2;
        if (first >= 0xE0 && first < 0xF0)
                return 3;
        return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

static bool scalar(uint32_t c)
{
        return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

bool utf8_take(struct bytes *in, uint32_t *ret)
{
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = in->n > 0 ? sequence_length(in->p[0]) : 0;
        uint32_t c;

        if (n == 0 || n > in->n)
                return false;
        c = n == 1 ? in->p[0] : in->p[0] & (0xFFU >> (n + 1));
        for (size_t i = 1; i < n; i++) {
                if ((in->p[i] & 0xC0) != 0x80)
                        return false;
                c = c << 6 | (in->p[i] & 0x3FU);
        }
        if (c < smallest[n] || !scalar(c))
                return false;
        in->p += n;
        in->n -= n;
        *ret = c;
        return true;
}

void utf8_put(struct writer *w, uint32_t c)
{
        assert(scalar(c));
        if (c < 0x80) {
                write_u8(w, c);
        } else if (c < 0x800) {
                write_u8(w, 0xC0 | c >> 6);
                write_u8(w, 0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
                write_u8(w, 0xE0 | c >> 12);
                write_u8(w, 0x80 | (c >> 6 & 0x3F));
                write_u8(w, 0x80 | (c & 0x3F));
        } else {
                write_u8(w, 0xF0 | c >> 18);
                write_u8(w, 0x80 | (c >> 12 & 0x3F));
                write_u8(w, 0x80 | (c >> 6 & 0x3F));
                write_u8(w, 0x80 | (c & 0x3F));
        }
}
