/* Gregorian dates, UTC times and the station's local day.
 *
 * A date is a day number: whole days since 1970-01-01 (Gregorian, proleptic), negative before it. Texts: ISO 8601
 * `YYYY-MM-DD`, years 1600 to 9999; RFC 3339 in the one form `YYYY-MM-DDTHH:MM:SSZ`. A time is whole seconds since
 * 1970-01-01T00:00:00Z. Station local time is UTC+03:30 without summer time (abolished in Iran from 1402 on). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { DATE_TEXT_MAX = 11, TIME_TEXT_MAX = 21, TEHRAN_OFFSET_S = 12600 };

struct civil {
        int year, month, day; /* month 1..12, day 1..31 */
};

/* The day number of a Gregorian date. Precondition: a real date of the years 1600 to 9999 (asserted). */
int32_t date_day(struct civil date);
struct civil date_civil(int32_t day);
/* False for anything but exactly one real date in the form above; *ret_day is then untouched. */
bool date_parse(const char *text, int32_t *ret_day);
void date_format(int32_t day, char ret[DATE_TEXT_MAX]);
/* False for anything but the form above; leap seconds, fractions and other offsets are refused. */
bool time_parse(const char *text, int64_t *ret);
void time_format(int64_t time, char ret[TIME_TEXT_MAX]);
/* The day it is at the station at this time. */
int32_t date_local(int64_t time);
