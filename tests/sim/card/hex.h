/* Hexadecimal text and bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the whole text; false on an odd length, a foreign character or more than max bytes. */
bool hex_decode(const char *text, uint8_t *ret_bytes, size_t max, size_t *ret_n);

/* Writes 2n upper-case digits and a NUL; ret_text holds at least 2n+1. */
void hex_encode(const uint8_t *bytes, size_t n, char *ret_text);
