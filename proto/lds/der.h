/* DER elements (X.690 8.1, 10.1) over bounded cursors: what the card's data groups and security object are made of.
 *
 * A tag is the number its bytes spell: 0x30, 0x5F0E, 0x7F61; one or two bytes long, the second without continuation.
 * Lengths are definite and minimal, at most 3 bytes of them after the first (16 MiB): anything else is refused, so
 * that each value has one spelling. Nothing recurses, nothing is copied. */
#pragma once
#include "proto/base/bytes.h"

/* The next element; false (and *in untouched) when it is malformed, broken off, or there is none. */
bool der_next(struct bytes *in, uint32_t *ret_tag, struct bytes *ret_value);
/* The next element if its tag is this one; otherwise false and *in untouched. */
bool der_take(struct bytes *in, uint32_t tag, struct bytes *ret_value);
/* As der_take; *ret_whole is the element with its tag and length. */
bool der_take_whole(struct bytes *in, uint32_t tag, struct bytes *ret_whole);
/* in is exactly one element with this tag. */
bool der_only(struct bytes in, uint32_t tag, struct bytes *ret_value);

/* Appends a whole element. */
void der_put(struct writer *w, uint32_t tag, struct bytes value);
/* Appends an element whose value is written between the two calls; nests. der_close moves the value once to make
 * room for a long length. The mark is opaque. */
size_t der_open(struct writer *w, uint32_t tag);
void der_close(struct writer *w, size_t mark);
