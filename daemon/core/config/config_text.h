/* Characters and pieces of a configuration line. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character at s (n >= 1 bytes there); 0 when it is malformed (RFC 3629 4) or a control character
 * other than tab. */
size_t config_character(const unsigned char *s, size_t n);
/* Column, in characters from 1, of the byte at offset `at` of a good UTF-8 line. */
unsigned config_column(const char *line, size_t at);
/* Cuts blanks and tabs off both ends, in place. */
char *config_trim(char *text);
/* Takes double quotes off both ends, in place; false when they do not stand in a pair around the value. */
bool config_unquote(char **value);
