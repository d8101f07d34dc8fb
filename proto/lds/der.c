#include "proto/lds/der.h"
#include <assert.h>
#include <string.h>

enum { TAG_NUMBER = 0x1F, MORE = 0x80, LONG_LENGTH = 0x80, LENGTH_BYTES_MAX = 3 }; /* X.690 8.1.2, 8.1.3 */

static bool take_tag(struct bytes *in, uint32_t *ret)
{
        uint8_t first, second;

        if (!bytes_u8(in, &first))
                return false;
        *ret = first;
        if ((first & TAG_NUMBER) != TAG_NUMBER)
                return true;
        if (!bytes_u8(in, &second) || (second & MORE))
                return false;
        *ret = (uint32_t)first << 8 | second;
        return true;
}

static bool take_length(struct bytes *in, size_t *ret)
{
        uint8_t first, b;
        size_t n = 0;

        if (!bytes_u8(in, &first))
                return false;
        *ret = first;
        if (first < LONG_LENGTH)
                return true;
        first &= LONG_LENGTH - 1;
        if (first == 0 || first > LENGTH_BYTES_MAX) /* 0 is the indefinite form, not allowed in DER */
                return false;
        for (unsigned i = 0; i < first; i++) {
                if (!bytes_u8(in, &b) || (i == 0 && b == 0))
                        return false;
                n = n << 8 | b;
        }
        *ret = n;
        return n >= LONG_LENGTH;
}

bool der_next(struct bytes *in, uint32_t *ret_tag, struct bytes *ret_value)
{
        struct bytes rest = *in;
        uint32_t tag;
        size_t n;

        if (!take_tag(&rest, &tag) || !take_length(&rest, &n) || !bytes_take(&rest, n, ret_value))
                return false;
        *ret_tag = tag;
        *in = rest;
        return true;
}

bool der_take(struct bytes *in, uint32_t tag, struct bytes *ret_value)
{
        struct bytes rest = *in, value;
        uint32_t got;

        if (!der_next(&rest, &got, &value) || got != tag)
                return false;
        *ret_value = value;
        *in = rest;
        return true;
}

bool der_take_whole(struct bytes *in, uint32_t tag, struct bytes *ret_whole)
{
        const uint8_t *start = in->p;
        struct bytes value;

        if (!der_take(in, tag, &value))
                return false;
        *ret_whole = (struct bytes){ start, (size_t)(in->p - start) };
        return true;
}

bool der_only(struct bytes in, uint32_t tag, struct bytes *ret_value)
{
        struct bytes value;

        if (!der_take(&in, tag, &value) || in.n != 0)
                return false;
        *ret_value = value;
        return true;
}

static void put_tag(struct writer *w, uint32_t tag)
{
        assert(tag <= 0xFFFF);
        if (tag > 0xFF)
                write_u8(w, tag >> 8);
        write_u8(w, tag & 0xFF);
}

static unsigned length_size(size_t n)
{
        return n < LONG_LENGTH ? 1 : n <= 0xFF ? 2 : n <= 0xFFFF ? 3 : 4;
}

static void put_length(struct writer *w, size_t n)
{
        unsigned size = length_size(n);

        if (n > 0xFFFFFF) {
                w->failed = true;
                return;
        }
        if (size > 1)
                write_u8(w, LONG_LENGTH | (size - 1));
        for (unsigned i = size > 1 ? size - 1 : 1; i-- > 0;)
                write_u8(w, (unsigned)(n >> (8 * i)) & 0xFF);
}

void der_put(struct writer *w, uint32_t tag, struct bytes value)
{
        put_tag(w, tag);
        put_length(w, value.n);
        write_bytes(w, value);
}

size_t der_open(struct writer *w, uint32_t tag)
{
        put_tag(w, tag);
        return w->n;
}

void der_close(struct writer *w, size_t mark)
{
        size_t n = w->n - mark;
        unsigned size = length_size(n);
        struct writer at;

        write_fill(w, 0, size);
        if (w->failed)
                return;
        memmove(w->p + mark + size, w->p + mark, n);
        at = (struct writer){ w->p + mark, 0, size, false };
        put_length(&at, n);
        w->failed = at.failed;
}
