#include "proto/base64.h"
#include "proto/base/ensure.h"
#include <string.h>

static const char alphabet64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* Bits of `in` in groups of `width`, the last filled with zeros; the text's end. */
static char *encode(struct bytes in, const char *alphabet, unsigned width, char *ret)
{
        uint32_t hold = 0;
        unsigned n_bits = 0;

        for (size_t i = 0; i < in.n; i++) {
                hold = hold << 8 | in.p[i];
                for (n_bits += 8; n_bits >= width; n_bits -= width)
                        *ret++ = alphabet[hold >> (n_bits - width) & ((1U << width) - 1)];
                hold &= 0xFF;
        }
        if (n_bits > 0)
                *ret++ = alphabet[hold << (width - n_bits) & ((1U << width) - 1)];
        *ret = '\0';
        return ret;
}

void base64_encode(struct bytes in, char *ret, size_t max)
{
        char *end;

        ensure(max > BASE64_LENGTH(in.n));
        end = encode(in, alphabet64, 6, ret);
        while ((end - ret) % 4 != 0)
                *end++ = '=';
        *end = '\0';
}

void base64url_encode(struct bytes in, char *ret, size_t max)
{
        ensure(max > BASE64URL_LENGTH(in.n));
        (void)encode(in, alphabet64url, 6, ret);
}

void base32_encode(struct bytes in, char *ret, size_t max)
{
        ensure(max > BASE32_LENGTH(in.n));
        (void)encode(in, alphabet32, 5, ret);
}

static bool decode(struct bytes text, const char *alphabet, unsigned width, uint8_t *ret, size_t max, size_t *ret_n)
{
        uint32_t hold = 0;
        unsigned n_bits = 0;
        size_t n = 0;

        for (size_t i = 0; i < text.n; i++) {
                const char *found = text.p[i] ? strchr(alphabet, text.p[i]) : NULL;

                if (!found)
                        return false;
                hold = (hold << width | (uint32_t)(found - alphabet)) & 0xFFFF;
                n_bits += width;
                if (n_bits < 8)
                        continue;
                if (n == max)
                        return false;
                n_bits -= 8;
                ret[n++] = (uint8_t)(hold >> n_bits);
        }
        *ret_n = n;
        /* A last character that adds no byte, or bits that no encoder sets: another text of the same bytes. */
        return n_bits < width && (hold & ((1U << n_bits) - 1)) == 0;
}

bool base64_decode(struct bytes text, uint8_t *ret, size_t max, size_t *ret_n)
{
        size_t padding = 0;

        if (text.n % 4 != 0)
                return false;
        while (padding < 2 && text.n > 0 && text.p[text.n - 1] == '=') {
                text.n--;
                padding++;
        }
        return decode(text, alphabet64, 6, ret, max, ret_n);
}

bool base64url_decode(struct bytes text, uint8_t *ret, size_t max, size_t *ret_n)
{
        return decode(text, alphabet64url, 6, ret, max, ret_n);
}

bool base32_decode(struct bytes text, uint8_t *ret, size_t max, size_t *ret_n)
{
        return decode(text, alphabet32, 5, ret, max, ret_n);
}
