#include "proto/text/date.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400, YEAR_MIN = 1600, YEAR_MAX = 9999 };

static bool leap(int year)
{
        return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

        return days[month - 1] + (month == 2 && leap(year));
}

static bool civil_ok(struct civil d)
{
        return d.year >= YEAR_MIN && d.year <= YEAR_MAX && d.month >= 1 && d.month <= 12 && d.day >= 1 &&
               d.day <= month_days(d.year, d.month);
}

/* Days from 0001-01-01 to the first of January of this year. */
static int32_t year_days(int year)
{
        int before = year - 1;

        return 365 * before + before / 4 - before / 100 + before / 400;
}

static const int32_t EPOCH_DAYS = 719162; /* 0001-01-01 to 1970-01-01 */

int32_t date_day(struct civil date)
{
        int32_t day = year_days(date.year) - EPOCH_DAYS + date.day - 1;

        assert(civil_ok(date));
        for (int month = 1; month < date.month; month++)
                day += month_days(date.year, month);
        return day;
}

struct civil date_civil(int32_t day)
{
        int32_t left = day + EPOCH_DAYS;
        struct civil d = { 1 + left / 366, 1, 1 };

        assert(left >= year_days(YEAR_MIN) && left < year_days(YEAR_MAX + 1));
        while (year_days(d.year + 1) <= left)
                d.year++;
        left -= year_days(d.year);
        while (left >= month_days(d.year, d.month))
                left -= month_days(d.year, d.month++);
        d.day = 1 + left;
        return d;
}

/* Exactly n digits at text; -1 otherwise. */
static int number(const char *text, int n)
{
        int value = 0;

        for (int i = 0; i < n; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -1;
                value = 10 * value + text[i] - '0';
        }
        return value;
}

static bool parse_date(const char *text, int32_t *ret_day)
{
        struct civil d = { number(text, 4), number(text + 5, 2), number(text + 8, 2) };

        if (text[4] != '-' || text[7] != '-' || !civil_ok(d))
                return false;
        *ret_day = date_day(d);
        return true;
}

bool date_parse(const char *text, int32_t *ret_day)
{
        return strlen(text) == DATE_TEXT_MAX - 1 && parse_date(text, ret_day);
}

void date_format(int32_t day, char ret[DATE_TEXT_MAX])
{
        struct civil d = date_civil(day);

        (void)snprintf(ret, DATE_TEXT_MAX, "%04u-%02u-%02u", (unsigned)d.year % 10000U, (unsigned)d.month % 100U,
                       (unsigned)d.day % 100U);
}

bool time_parse(const char *text, int64_t *ret)
{
        int32_t day = 0;
        int hour, minute, second;

        if (strlen(text) != TIME_TEXT_MAX - 1 || !parse_date(text, &day))
                return false;
        hour = number(text + 11, 2);
        minute = number(text + 14, 2);
        second = number(text + 17, 2);
        if (text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z')
                return false;
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
                return false;
        *ret = (int64_t)day * DAY_S + hour * 3600 + minute * 60 + second;
        return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

void time_format(int64_t time, char ret[TIME_TEXT_MAX])
{
        int64_t day = floor_div(time, DAY_S);
        unsigned second = (unsigned)(time - day * DAY_S);

        date_format((int32_t)day, ret);
        (void)snprintf(ret + DATE_TEXT_MAX - 1, TIME_TEXT_MAX - DATE_TEXT_MAX + 1, "T%02u:%02u:%02uZ",
                       second / 3600 % 24U, second / 60 % 60, second % 60);
}

int32_t date_local(int64_t time)
{
        return (int32_t)floor_div(time + TEHRAN_OFFSET_S, DAY_S);
}
