/* The Iranian national ID number (kod-e melli): ten digits, the last a check digit.
 *
 * Rule (tests/data/persian_cases.json): r = sum of digit[i] * (10 - i), i = 0..8, mod 11; check = r < 2 ? r : 11 - r.
 * Refused beside a wrong check digit: one digit repeated, place prefix 000, six zeros in the middle. Persian and
 * Arabic-Indic digits, hyphens, spaces and bidi marks of pasted text are understood; nothing is padded. */
#pragma once
#include <stdbool.h>

enum national_id_fault {
        NATIONAL_ID_OK = 0,
        NATIONAL_ID_EMPTY,
        NATIONAL_ID_NOT_DIGITS,
        NATIONAL_ID_LENGTH,
        NATIONAL_ID_REPEATED,
        NATIONAL_ID_PREFIX_000,
        NATIONAL_ID_SERIAL_ZERO,
        NATIONAL_ID_CHECKSUM,
};

enum { NATIONAL_ID_MAX = 11 }; /* ten digits and NUL */

/* The canonical form (ten Latin digits) at ret when OK; ret is untouched otherwise. */
enum national_id_fault national_id_parse(const char *text, char ret[NATIONAL_ID_MAX]);
/* "not-digits", "length", ...; "ok". */
const char *national_id_fault_word(enum national_id_fault fault);
