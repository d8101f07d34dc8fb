#include "jalali.h"
#include "util.h"
#include <stdio.h>
#include <string.h>

/* 1 Farvardin of the year 1 in the 33-year rule, as a day from 1970-01-01: 1403/01/01 was 2024-03-20, day 19802. */
enum { DAY_ONE = 19802 - (365 * 1402 + (8 * 1403 + 21) / 33), DAYS_IN_FIRST_HALF = 6 * 31 };

static int64_t year_start(int year)
{
        return DAY_ONE + 365 * ((int64_t)year - 1) + (8 * (int64_t)year + 21) / 33;
}

bool jalali_leap(int year)
{
        return (8 * year + 21) % 33 >= 25; /* eight leap years in 33 */
}

static int month_days(int year, int month)
{
        if (month <= 6)
                return 31;
        return month <= 11 || jalali_leap(year) ? 30 : 29;
}

bool jalali_parse(const char *text, int64_t *ret_day)
{
        int year, month, day, n = 0;
        int64_t before;

        if (strlen(text) != 10 || (text[4] != '/' && text[4] != '-') || text[7] != text[4] ||
            strspn(text, "0123456789/-") != 10 ||
            sscanf(text, "%4d%*1[/-]%2d%*1[/-]%2d%n", &year, &month, &day, &n) != 3 || n != 10)
                return false;
        if (year < JALALI_FIRST || year > JALALI_LAST || month < 1 || month > 12 || day < 1 ||
            day > month_days(year, month))
                return false;
        before = month <= 7 ? 31 * (month - 1) : DAYS_IN_FIRST_HALF + 30 * (month - 7);
        *ret_day = year_start(year) + before + day - 1;
        return true;
}

void jalali_text(int64_t day, char ret[JALALI_TEXT])
{
        int year = JALALI_FIRST, month, left;

        if (day < year_start(JALALI_FIRST) || day >= year_start(JALALI_LAST + 1))
                die("day %lld lies outside the calendar", (long long)day);
        year += (int)((day - year_start(JALALI_FIRST)) / 366);
        while (day >= year_start(year + 1))
                year++;
        left = (int)(day - year_start(year));
        month = left < DAYS_IN_FIRST_HALF ? left / 31 : 6 + (left - DAYS_IN_FIRST_HALF) / 30;
        left -= month <= 6 ? 31 * month : DAYS_IN_FIRST_HALF + 30 * (month - 6);
        OWNED char *text = text_format("%04d/%02d/%02d", year, month + 1, left + 1);

        memcpy(ret, text, JALALI_TEXT);
}
