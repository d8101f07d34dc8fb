/* UTF-8 to code points and back (RFC 3629): overlong forms, surrogates and values above 10FFFF are refused. */
#pragma once
#include "proto/base/bytes.h"

/* Takes one code point; false at the end and for malformed input (then *in stays). */
bool utf8_take(struct bytes *in, uint32_t *ret);
/* Writes one code point. Precondition: a scalar value (asserted). */
void utf8_put(struct writer *w, uint32_t c);
