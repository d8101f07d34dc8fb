/* RFC 4648: base64 (4), base64url without padding (5), base32 without padding (6). Strict both ways: one text per byte
 * string, so trailing bits are zero, padding is exact, and no foreign character, space or newline is skipped. */
#pragma once
#include "proto/base/bytes.h"

/* Characters of the text for n bytes, without NUL. */
#define BASE64_LENGTH(n) (((n) + 2) / 3 * 4)
#define BASE64URL_LENGTH(n) (((n)*8 + 5) / 6)
#define BASE32_LENGTH(n) (((n)*8 + 4) / 5)

/* Text and NUL at ret; max must hold them (asserted). */
void base64_encode(struct bytes in, char *ret, size_t max);
void base64url_encode(struct bytes in, char *ret, size_t max);
void base32_encode(struct bytes in, char *ret, size_t max);
/* False for anything but the one text of some byte string of at most max bytes; ret is then undefined. */
bool base64_decode(struct bytes text, uint8_t *ret, size_t max, size_t *ret_n);
bool base64url_decode(struct bytes text, uint8_t *ret, size_t max, size_t *ret_n);
bool base32_decode(struct bytes text, uint8_t *ret, size_t max, size_t *ret_n);
