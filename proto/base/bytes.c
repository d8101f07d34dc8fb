#include "proto/base/bytes.h"
#include "proto/base/ensure.h"
#include <assert.h>
#include <string.h>

bool bytes_take(struct bytes *in, size_t n, struct bytes *ret)
{
        if (n > in->n)
                return false;
        *ret = (struct bytes){ in->p, n };
        in->p += n;
        in->n -= n;
        return true;
}

bool bytes_copy(struct bytes *in, void *ret, size_t n)
{
        struct bytes part;

        if (!bytes_take(in, n, &part))
                return false;
        if (n > 0)
                memcpy(ret, part.p, n);
        return true;
}

bool bytes_u8(struct bytes *in, uint8_t *ret)
{
        return bytes_copy(in, ret, 1);
}

bool bytes_u16(struct bytes *in, uint16_t *ret)
{
        uint8_t b[2];

        if (!bytes_copy(in, b, sizeof b))
                return false;
        *ret = (uint16_t)(b[0] << 8 | b[1]);
        return true;
}

bool bytes_u32(struct bytes *in, uint32_t *ret)
{
        uint8_t b[4];

        if (!bytes_copy(in, b, sizeof b))
                return false;
        *ret = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        return true;
}

bool bytes_equal(struct bytes a, struct bytes b)
{
        return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
        volatile uint8_t different = 0;

        if (a.n != b.n)
                return false;
        for (size_t i = 0; i < a.n; i++)
                different |= (uint8_t)(a.p[i] ^ b.p[i]);
        return different == 0;
}

void write_bytes(struct writer *w, struct bytes b)
{
        if (w->failed || b.n > w->max - w->n) {
                w->failed = true;
                return;
        }
        if (b.n > 0)
                memcpy(w->p + w->n, b.p, b.n);
        w->n += b.n;
}

void write_u8(struct writer *w, unsigned v)
{
        uint8_t b = (uint8_t)v;

        assert(v <= 0xFF);
        write_bytes(w, (struct bytes){ &b, 1 });
}

void write_u16(struct writer *w, unsigned v)
{
        assert(v <= 0xFFFF);
        write_u8(w, v >> 8);
        write_u8(w, v & 0xFF);
}

void write_u32(struct writer *w, uint32_t v)
{
        write_u16(w, v >> 16);
        write_u16(w, v & 0xFFFF);
}

void write_fill(struct writer *w, uint8_t v, size_t n)
{
        if (w->failed || n > w->max - w->n) {
                w->failed = true;
                return;
        }
        memset(w->p + w->n, v, n);
        w->n += n;
}

struct bytes writer_bytes(const struct writer *w)
{
        return w->failed ? (struct bytes){ NULL, 0 } : (struct bytes){ w->p, w->n };
}

static void encode(struct bytes in, const char *digits, char *ret, size_t max)
{
        ensure(max / 2 >= in.n && max > 2 * in.n);
        for (size_t i = 0; i < in.n; i++) {
                ret[2 * i] = digits[in.p[i] >> 4];
                ret[2 * i + 1] = digits[in.p[i] & 15];
        }
        ret[2 * in.n] = '\0';
}

void hex_encode(struct bytes in, char *ret, size_t max)
{
        encode(in, "0123456789ABCDEF", ret, max);
}

void hex_encode_lower(struct bytes in, char *ret, size_t max)
{
        encode(in, "0123456789abcdef", ret, max);
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(const char *text, uint8_t *ret, size_t max, size_t *ret_n)
{
        size_t n = strlen(text);

        if (n % 2 != 0 || n / 2 > max)
                return false;
        for (size_t i = 0; i < n / 2; i++) {
                int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

                if (high < 0 || low < 0)
                        return false;
                ret[i] = (uint8_t)(high << 4 | low);
        }
        *ret_n = n / 2;
        return true;
}

bool hex_decode_exact(const char *text, uint8_t *ret, size_t n)
{
        size_t got;

        return hex_decode(text, ret, n, &got) && got == n;
}
