#include "proto/text/jalali.h"
#include <stdio.h>

static bool year_ok(int year)
{
        return year >= JALALI_YEAR_MIN && year <= JALALI_YEAR_MAX;
}

/* 8 leap years in 33; the 33-year rule. */
static bool leap_rule(int year)
{
        return (25 * year + 11) % 33 < 8;
}

bool jalali_is_leap(int year)
{
        return year_ok(year) && leap_rule(year);
}

static int month_days(int year, int month)
{
        if (month <= 6)
                return 31;
        return month <= 11 || leap_rule(year) ? 30 : 29;
}

/* Day number of 1 Farvardin: 1 Farvardin 1404 is 2025-03-21 = day 20168, and floor((8 y + 21) / 33) leap days stand
 * before year y. */
static int32_t year_start(int year)
{
        return 20168 + 365 * (year - 1404) + (8 * year + 21) / 33 - (8 * 1404 + 21) / 33;
}

bool jalali_day(struct civil jalali, int32_t *ret_day)
{
        int32_t day;

        if (!year_ok(jalali.year) || jalali.month < 1 || jalali.month > 12 || jalali.day < 1 ||
            jalali.day > month_days(jalali.year, jalali.month))
                return false;
        day = year_start(jalali.year) + jalali.day - 1;
        for (int month = 1; month < jalali.month; month++)
                day += month_days(jalali.year, month);
        *ret_day = day;
        return true;
}

bool jalali_civil(int32_t day, struct civil *ret)
{
        struct civil d = { JALALI_YEAR_MIN, 1, 1 };
        int32_t left;

        if (day < year_start(JALALI_YEAR_MIN) || day >= year_start(JALALI_YEAR_MAX + 1))
                return false;
        d.year += (day - year_start(JALALI_YEAR_MIN)) / 366;
        while (year_start(d.year + 1) <= day)
                d.year++;
        left = day - year_start(d.year);
        while (left >= month_days(d.year, d.month))
                left -= month_days(d.year, d.month++);
        d.day = 1 + left;
        *ret = d;
        return true;
}

bool jalali_format(int32_t day, char ret[DATE_TEXT_MAX])
{
        struct civil d;

        if (!jalali_civil(day, &d))
                return false;
        (void)snprintf(ret, DATE_TEXT_MAX, "%04u/%02u/%02u", (unsigned)d.year % 10000U, (unsigned)d.month % 100U,
                       (unsigned)d.day % 100U);
        return true;
}

bool jalali_format_fa(int32_t day, char ret[JALALI_FA_MAX])
{
        char latin[DATE_TEXT_MAX];

        if (!jalali_format(day, latin))
                return false;
        for (const char *p = latin; *p; p++) {
                if (*p == '/') {
                        *ret++ = '/';
                } else {
                        *ret++ = (char)0xDB; /* U+06F0 + digit is DB B0 + digit in UTF-8 */
                        *ret++ = (char)(0xB0 + *p - '0');
                }
        }
        *ret = '\0';
        return true;
}
