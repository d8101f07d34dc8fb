/* Persian text: the clean form (stored and printed), the key form (search, duplicates, comparison), and what a name
 * from outside may hold.
 *
 * Rules and cases: tests/data/persian_cases.json (ISIRI 6219:2002 for U+06A9 and U+06CC; rows for heh, hamza and ZWNJ
 * are policy). Clean: presentation forms to letters; Arabic yeh, alef maksura, kaf, Urdu hehs to the Persian letters;
 * Arabic-Indic digits to Persian ones; hamza composed where Unicode has the letter (heh + hamza stays two); tatweel,
 * bidi and other invisible controls removed; every space one SPACE, ZWNJ only between letters. The result is in NFC
 * as far as the Arabic script goes. Key: clean, then teh marbuta to heh, vowel marks, hamza above, ZWNJ and spaces
 * removed, Persian digits to Latin, Latin letters to lower case.
 * All texts are UTF-8; at most PERSIAN_MAX code points. */
#pragma once
#include "proto/base/bytes.h"

enum { PERSIAN_MAX = 400 };

enum persian_fault {
        PERSIAN_OK = 0,
        PERSIAN_EMPTY,    /* nothing visible is left */
        PERSIAN_NOT_UTF8, /* malformed UTF-8 */
        PERSIAN_TOO_LONG, /* more than PERSIAN_MAX code points, or the caller's buffer is too small */
        PERSIAN_BIDI,     /* holds a bidi control: text that reads otherwise than it is stored */
        PERSIAN_CONTROL,  /* control, private or unassigned-by-design code point */
        PERSIAN_FOREIGN,  /* name only: neither a Persian letter nor mark, space, ZWNJ, hyphen, dot, bracket */
};

/* Writes the form and a NUL to ret (max bytes). PERSIAN_OK, EMPTY, NOT_UTF8 or TOO_LONG; ret is "" when not OK.
 * *ret_bidi (may be NULL) tells whether the input held bidi controls, which the result never does. */
enum persian_fault persian_clean(const char *text, char *ret, size_t max, bool *ret_bidi);
enum persian_fault persian_key(const char *text, char *ret, size_t max);
/* May this stand as a person's name? Looks at the text as sent, not at its clean form. LRM, RLM and ALM at the very
 * ends pass (they turn nothing and clean drops them); every other bidi control is refused. */
enum persian_fault persian_check_name(const char *text);
/* Likewise for a title or a place, which may hold digits, punctuation and Latin letters. */
enum persian_fault persian_check_text(const char *text);
/* "bidi", "control", ...; "ok". */
const char *persian_fault_word(enum persian_fault fault);

bool persian_is_bidi(uint32_t c);      /* LRM, RLM, ALM, embeddings, overrides, isolates (UAX #9 2) */
bool persian_is_invisible(uint32_t c); /* bidi controls, ZWJ, ZWSP, word joiner, BOM, soft hyphen */
bool persian_is_space(uint32_t c);     /* Unicode space separators and tab, line feed, carriage return */
