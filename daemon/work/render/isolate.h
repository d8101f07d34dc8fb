/* Prepares a field's text for the bidirectional algorithm (UAX 9) and the layout's digits. Pure.
 *
 * In right-to-left text each Latin run and each group of digits is wrapped in U+2066 .. U+2069, so that "C++" does
 * not print as "++C" nor 1403-12-30 as 30-12-1403. A Latin run begins at a letter, keeps inner . - / & _ and single
 * spaces before a further letter or digit, and takes trailing + and # with it. Left-to-right text needs none. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Zero-terminated at ret, or false when it does not fit into max bytes. text is valid UTF-8. */
bool isolate_text(const char *text, bool rtl, bool persian_digits, char *ret, size_t max);
/* The same for a text that is one code or number as a whole (a serial, a digest, a date): one isolate around all of it,
 * whatever it begins with. */
bool isolate_code(const char *text, bool persian_digits, char *ret, size_t max);
