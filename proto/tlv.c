#include "proto/tlv.h"
#include <assert.h>
#include <string.h>

enum { TAG_MAX = 3, LENGTH_BYTES_MAX = 4 };

static int take_tag(struct bytes *in, uint32_t *ret)
{
        uint8_t b;
        uint32_t tag;

        if (!bytes_u8(in, &b))
                return TLV_E_TRUNCATED;
        if (b == 0)
                return TLV_E_TAG;
        tag = b;
        if ((b & 0x1F) != 0x1F) { /* ISO/IEC 8825-1 8.1.2.4: low five bits all one = more bytes */
                *ret = tag;
                return TLV_ITEM;
        }
        for (unsigned i = 1; i < TAG_MAX; i++) {
                if (!bytes_u8(in, &b))
                        return TLV_E_TRUNCATED;
                if (i == 1 && b == 0x80) /* 8.1.2.4.2 c: no leading zero group */
                        return TLV_E_TAG;
                tag = tag << 8 | b;
                if ((b & 0x80) == 0) {
                        *ret = tag;
                        return TLV_ITEM;
                }
        }
        return TLV_E_TAG;
}

static int take_length(struct bytes *in, uint32_t *ret)
{
        uint8_t first, b;
        uint32_t length = 0;
        unsigned n;

        if (!bytes_u8(in, &first))
                return TLV_E_TRUNCATED;
        if (first < 0x80) {
                *ret = first;
                return TLV_ITEM;
        }
        n = first & 0x7Fu;
        if (n == 0 || n > LENGTH_BYTES_MAX)
                return TLV_E_LENGTH;
        for (unsigned i = 0; i < n; i++) {
                if (!bytes_u8(in, &b))
                        return TLV_E_TRUNCATED;
                if (i == 0 && b == 0)
                        return TLV_E_LENGTH;
                length = length << 8 | b;
        }
        if (length < 0x80)
                return TLV_E_LENGTH;
        *ret = length;
        return TLV_ITEM;
}

static int take_head(struct bytes *in, uint32_t *ret_tag, uint32_t *ret_length)
{
        int r = take_tag(in, ret_tag);

        return r < 0 ? r : take_length(in, ret_length);
}

int tlv_next(struct bytes *in, struct tlv *ret)
{
        struct bytes rest = *in;
        struct tlv t = { 0 };
        uint32_t length = 0;
        int r;

        if (in->n == 0)
                return TLV_END;
        r = take_head(&rest, &t.tag, &length);
        if (r < 0)
                return r;
        if (!bytes_take(&rest, length, &t.value))
                return TLV_E_TRUNCATED;
        t.whole = (struct bytes){ in->p, in->n - rest.n };
        *in = rest;
        *ret = t;
        return TLV_ITEM;
}

int tlv_find(struct bytes in, uint32_t tag, struct tlv *ret)
{
        struct tlv t;
        int r;

        while ((r = tlv_next(&in, &t)) == TLV_ITEM) {
                if (t.tag != tag)
                        continue;
                *ret = t;
                return TLV_ITEM;
        }
        return r;
}

int tlv_only(struct bytes in, uint32_t tag, struct bytes *ret)
{
        struct tlv t;
        int r = tlv_next(&in, &t);

        if (r < 0)
                return r;
        if (r == TLV_END)
                return TLV_E_TRUNCATED;
        if (t.tag != tag)
                return TLV_E_TAG;
        if (in.n > 0)
                return TLV_E_LENGTH;
        *ret = t.value;
        return TLV_ITEM;
}

int tlv_total(struct bytes head, size_t *ret)
{
        struct bytes rest = head;
        uint32_t tag, length = 0;
        int r = take_head(&rest, &tag, &length);

        if (r < 0)
                return r;
        *ret = head.n - rest.n + length;
        return TLV_ITEM;
}

static void write_tag(struct writer *w, uint32_t tag)
{
        assert(tag != 0 && tag <= 0xFFFFFF);
        if (tag > 0xFFFF)
                write_u8(w, tag >> 16);
        if (tag > 0xFF)
                write_u8(w, tag >> 8 & 0xFF);
        write_u8(w, tag & 0xFF);
}

static unsigned length_size(size_t n)
{
        unsigned size = 1;

        assert(n <= UINT32_MAX);
        if (n < 0x80)
                return size;
        for (; n > 0; n >>= 8)
                size++;
        return size;
}

static void write_length(struct writer *w, size_t n)
{
        unsigned size = length_size(n);

        if (size == 1) {
                write_u8(w, (unsigned)n);
                return;
        }
        write_u8(w, 0x80 | (size - 1));
        for (unsigned i = size - 1; i > 0; i--)
                write_u8(w, (unsigned)(n >> 8 * (i - 1) & 0xFF));
}

void tlv_write(struct writer *w, uint32_t tag, struct bytes value)
{
        write_tag(w, tag);
        write_length(w, value.n);
        write_bytes(w, value);
}

void tlv_write_u8(struct writer *w, uint32_t tag, unsigned value)
{
        uint8_t b = (uint8_t)value;

        assert(value <= 0xFF);
        tlv_write(w, tag, (struct bytes){ &b, 1 });
}

size_t tlv_begin(struct writer *w, uint32_t tag)
{
        write_tag(w, tag);
        return w->n;
}

void tlv_end(struct writer *w, size_t begun)
{
        struct writer head;
        size_t n;

        if (w->failed)
                return;
        assert(begun <= w->n);
        n = w->n - begun;
        write_fill(w, 0, length_size(n)); /* room, or failed */
        if (w->failed)
                return;
        memmove(w->p + begun + length_size(n), w->p + begun, n);
        head = (struct writer){ w->p + begun, 0, length_size(n), false };
        write_length(&head, n);
}
