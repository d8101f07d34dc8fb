/* Arabic presentation forms (U+FB50..FBFF, U+FE70..FEFC, U+FDF2) to the letters they show, as text pasted from a PDF
 * holds them (Unicode Standard 9.2, Arabic Presentation Forms A and B). The word ligatures of U+FC00.. are not known
 * here: no keyboard and no export in use writes them. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { PRESENTATION_MAX = 4 };

/* How many letters this form stands for, put at ret; 0 when it is no such form. */
size_t presentation_letters(uint32_t c, uint32_t ret[PRESENTATION_MAX]);
