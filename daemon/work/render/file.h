/* Whole files, before the sandbox closes: layouts and fonts. */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"

/* Allocated bytes of a file of 1 to max bytes; the caller frees ret->p. 0, or -1 and *err: layout_bad. */
int file_read(const char *dir, const char *name, size_t max, struct bytes *ret, struct error *err);
/* SHA-256, FIPS 180-4. */
void file_digest(struct bytes data, uint8_t ret[32]);
