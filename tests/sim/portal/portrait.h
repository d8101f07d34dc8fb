/* Drawn passport-style portraits, so that no test needs a real face. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A JPEG of 300 x scale by 400 x scale pixels (12 to 25 kB at scale 1; scale may be a fraction). The same seed and sex
 * ('m', 'f') give the same bytes. Heap. */
uint8_t *portrait_jpeg(uint64_t seed, char sex, double scale, size_t *ret_n);
