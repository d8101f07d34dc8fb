/* Jalali (Solar Hijri) dates by the 33-year rule, which equals the official leap list of the years 1206 to 1498
 * (University of Tehran Calendar Center) and is refused outside of it. Day numbers as in proto/text/date.h. */
#pragma once
#include "proto/text/date.h"

enum { JALALI_YEAR_MIN = 1206, JALALI_YEAR_MAX = 1498 };

/* Precondition: none; a year outside the range answers false. */
bool jalali_is_leap(int year);
/* False outside the range, or for a date that does not exist (30 Esfand of a common year). */
bool jalali_day(struct civil jalali, int32_t *ret_day);
bool jalali_civil(int32_t day, struct civil *ret);
/* `1404/01/31` in Latin digits. */
bool jalali_format(int32_t day, char ret[DATE_TEXT_MAX]);
/* The same in Persian digits (U+06F0..), UTF-8: 8 digits of 2 bytes, two slashes, NUL. */
enum { JALALI_FA_MAX = 19 };
bool jalali_format_fa(int32_t day, char ret[JALALI_FA_MAX]);
