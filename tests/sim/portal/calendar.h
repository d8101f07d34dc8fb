/* Working days of Iran: a weekend and a list of holidays, both settings of the portal (R1: "configuration").
 *
 * A day is counted from 1970-01-01 at the station's local time, UTC+03:30. The weekend is Thursday and Friday until
 * set otherwise; there is no holiday until a file of them was read. */
#pragma once
#include "store.h"
#include <stdbool.h>

enum { IRAN_OFFSET_S = 12600, CALENDAR_DAY_S = 86400 };

void calendar_create(struct store *store); /* its tables */
/* "thursday,friday": names of days of the week, not all seven. */
void calendar_set_weekend(struct store *store, const char *words);
/* Replaces the holidays by those of a file: a Jalali date at the beginning of each line; # begins a remark. Ends the
 * process, naming the line, when a date does not exist. */
void calendar_set_holidays(struct store *store, const char *path);
/* Prints the settings as one JSON line. */
void calendar_print(struct store *store);
/* Prints one line per day: Gregorian, Jalali, day of the week, working | weekend | holiday. */
void calendar_print_days(struct store *store, int64_t from, int64_t to);

int64_t calendar_day(int64_t unix_s);
/* The last second of the n-th working day after the day of `unix_s`, which itself is not counted. */
int64_t calendar_deadline(struct store *store, int64_t unix_s, int n);
/* Working days from the day of one time to that of a later one, the first not counted. */
int calendar_working_days(struct store *store, int64_t from, int64_t to);
