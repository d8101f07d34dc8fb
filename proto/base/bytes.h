/* The one bounded cursor over untrusted bytes and the one bounded writer. They refuse; they never clip.
 *
 * A `struct bytes` borrows: it never owns or frees. Reading advances p and lowers n; a read that does not fit
 * changes nothing and answers false. A `struct writer` fills the caller's buffer; once something did not fit,
 * `failed` stays true and nothing further is written. Multi-byte numbers are big endian unless named otherwise. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
        const uint8_t *p;
        size_t n;
};
#define BYTES(array) ((struct bytes){ (array), sizeof(array) })
#define BYTES_STR(literal) ((struct bytes){ (const uint8_t *)(literal), sizeof(literal) - 1 })

bool bytes_take(struct bytes *in, size_t n, struct bytes *ret);
bool bytes_copy(struct bytes *in, void *ret, size_t n);
bool bytes_u8(struct bytes *in, uint8_t *ret);
bool bytes_u16(struct bytes *in, uint16_t *ret);
bool bytes_u32(struct bytes *in, uint32_t *ret);
bool bytes_equal(struct bytes a, struct bytes b);        /* not constant time */
bool bytes_equal_secret(struct bytes a, struct bytes b); /* constant time for equal lengths */

struct writer {
        uint8_t *p;
        size_t n, max;
        bool failed;
};
#define WRITER(array) ((struct writer){ (array), 0, sizeof(array), false })

void write_bytes(struct writer *w, struct bytes b);
void write_u8(struct writer *w, unsigned v);
void write_u16(struct writer *w, unsigned v);
void write_u32(struct writer *w, uint32_t v);
void write_fill(struct writer *w, uint8_t v, size_t n);
struct bytes writer_bytes(const struct writer *w); /* what was written; empty when it failed */

/* Hexadecimal: upper case out (APDUs) or lower case out (digests, as the portal's), either case in. The encoders need
 * 2 n + 1 bytes at ret (asserted).
 * hex_decode answers false for an odd count, a foreign character, or more than max bytes. */
void hex_encode(struct bytes in, char *ret, size_t max);
void hex_encode_lower(struct bytes in, char *ret, size_t max);
bool hex_decode(const char *text, uint8_t *ret, size_t max, size_t *ret_n);
bool hex_decode_exact(const char *text, uint8_t *ret, size_t n); /* n bytes, neither more nor less */
