/* BER-TLV: a cursor that refuses and a builder into a writer.
 *
 * ISO/IEC 7816-4:2020 6.3 (BER-TLV data objects), ISO/IEC 8825-1 8.1. Tags of 1 to 3 bytes, held big endian in a
 * uint32_t as they stand (0x5F0E, 0x7F61). Lengths of 1 to 5 bytes (00..7F, 81..84), in the shortest form only; the
 * indefinite form, a length over what is left, and the tag byte 00 (end of contents) are refused. Values are borrowed
 * from the input. A constructed value is read by a second cursor over it, so an inner object can never pass the outer.
 */
#pragma once
#include "proto/base/bytes.h"

struct tlv {
        uint32_t tag;
        struct bytes value;
        struct bytes whole; /* tag and length included */
};

enum {
        TLV_ITEM = 1,
        TLV_END = 0,
        TLV_E_TRUNCATED = -1, /* the input ends inside tag, length or value */
        TLV_E_TAG = -2,       /* tag 00, over 3 bytes, or with a leading zero group */
        TLV_E_LENGTH = -3,    /* indefinite, not the shortest form, or over 4 length bytes */
};

/* The next object: TLV_ITEM and the cursor moves on, TLV_END at the end, or < 0 and nothing changes. */
int tlv_next(struct bytes *in, struct tlv *ret);
/* The first object with this tag on this level: TLV_ITEM, TLV_END when there is none, < 0 when an object before it
 * is malformed. */
int tlv_find(struct bytes in, uint32_t tag, struct tlv *ret);
/* Exactly one object with this tag fills the input: its value. TLV_ITEM, or < 0 (TLV_E_TAG for another tag). */
int tlv_only(struct bytes in, uint32_t tag, struct bytes *ret);
/* The total size (tag, length, value) of an object whose first bytes are here: TLV_ITEM, or TLV_E_TRUNCATED when more
 * bytes are needed to tell, or the other refusals. The value need not be there. At most 3 + 5 bytes are ever needed. */
int tlv_total(struct bytes head, size_t *ret);

/* Writes one object with the shortest length. tag as above, not 0. */
void tlv_write(struct writer *w, uint32_t tag, struct bytes value);
void tlv_write_u8(struct writer *w, uint32_t tag, unsigned value);
/* Begins a constructed object; what is written until tlv_end becomes its value. Nests. tlv_end takes tlv_begin's
 * answer and moves the value by the size of its length. */
size_t tlv_begin(struct writer *w, uint32_t tag);
void tlv_end(struct writer *w, size_t begun);
