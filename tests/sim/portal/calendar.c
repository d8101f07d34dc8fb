#include "calendar.h"
#include "check.h"
#include "jalali.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS chain_weekend(one INTEGER PRIMARY KEY CHECK(one = 1), days INT NOT NULL"
        " CHECK(days BETWEEN 0 AND 126)) STRICT;"
        "CREATE TABLE IF NOT EXISTS chain_holiday(day INTEGER PRIMARY KEY) STRICT;"
        "INSERT OR IGNORE INTO chain_weekend VALUES(1, 48); COMMIT"; /* bits 4 and 5: Thursday and Friday */

static const char *const week[] = { "sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday" };
enum { N_WEEK = 7, THURSDAY = 4 };

void calendar_create(struct store *store)
{
        store_create(store, "chain_weekend", schema);
}

static unsigned weekday_bit(const char *word)
{
        for (unsigned i = 0; i < N_WEEK; i++) {
                if (strcmp(word, week[i]) == 0)
                        return 1U << i;
        }
        die("no such day of the week: %s", word);
}

void calendar_set_weekend(struct store *store, const char *words)
{
        OWNED char *copy = must(strdup(words));
        char *rest = copy, *word;
        unsigned days = 0;

        while ((word = strsep(&rest, ",")))
                days |= weekday_bit(word);
        if (days == (1U << N_WEEK) - 1)
                die("a week needs a working day");
        store_run(store, "UPDATE chain_weekend SET days = ?1", "i", (int64_t)days);
}

static void holiday_add(struct store *store, const char *path, int number, char *line)
{
        int64_t day;

        line[strcspn(line, "#\r\n")] = '\0';
        line += strspn(line, " \t");
        if (!*line)
                return;
        line[strcspn(line, " \t")] = '\0';
        if (!jalali_parse(line, &day))
                die("%s:%d: %s is no day of the Jalali calendar", path, number, line);
        store_run(store, "INSERT OR IGNORE INTO chain_holiday VALUES(?1)", "i", day);
}

void calendar_set_holidays(struct store *store, const char *path)
{
        OWNED char *text = file_read(path, NULL);
        char *rest = text, *line;

        if (!text)
                die("%s cannot be read", path);
        store_run(store, "DELETE FROM chain_holiday", "");
        for (int number = 1; (line = strsep(&rest, "\n")); number++)
                holiday_add(store, path, number, line);
}

static unsigned weekday(int64_t day)
{
        return (unsigned)(((day + THURSDAY) % N_WEEK + N_WEEK) % N_WEEK); /* 1970-01-01 was a Thursday */
}

static const char *day_kind(struct store *store, int64_t day)
{
        if (store_int(store, "SELECT days FROM chain_weekend", "") & (1 << weekday(day)))
                return "weekend";
        return store_int(store, "SELECT count(*) FROM chain_holiday WHERE day = ?1", "i", day) ? "holiday" : "working";
}

static bool is_working(struct store *store, int64_t day)
{
        return strcmp(day_kind(store, day), "working") == 0;
}

void calendar_print(struct store *store)
{
        int64_t days = store_int(store, "SELECT days FROM chain_weekend", "");
        json_t *weekend = json_array(), *holidays = json_array();
        char text[JALALI_TEXT];

        for (unsigned i = 0; i < N_WEEK; i++) {
                if (days & (1 << i))
                        json_array_append_new(weekend, json_string(week[i]));
        }
        QUERY rows = store_query(store, "SELECT day FROM chain_holiday ORDER BY day", "");
        while (store_row(rows)) {
                jalali_text(sqlite3_column_int64(rows, 0), text);
                json_array_append_new(holidays, json_string(text));
        }
        JSON all = json_pack("{s:o, s:o}", "weekend", weekend, "holidays", holidays);
        OWNED char *line = must(json_dumps(all, JSON_COMPACT));

        puts(line);
}

void calendar_print_days(struct store *store, int64_t from, int64_t to)
{
        char gregorian[11], jalali[JALALI_TEXT];

        for (int64_t day = from; day <= to; day++) {
                date_text(day * CALENDAR_DAY_S, gregorian);
                jalali_text(day, jalali);
                printf("%s %s %s %s\n", gregorian, jalali, week[weekday(day)], day_kind(store, day));
        }
}

int64_t calendar_day(int64_t unix_s)
{
        int64_t local = unix_s + IRAN_OFFSET_S;

        return local / CALENDAR_DAY_S - (local % CALENDAR_DAY_S < 0);
}

int64_t calendar_deadline(struct store *store, int64_t unix_s, int n)
{
        int64_t day = calendar_day(unix_s);

        for (int left = n; left > 0; left -= is_working(store, day))
                day++;
        return (day + 1) * CALENDAR_DAY_S - IRAN_OFFSET_S - 1;
}

int calendar_working_days(struct store *store, int64_t from, int64_t to)
{
        int n = 0;

        for (int64_t day = calendar_day(from) + 1; day <= calendar_day(to); day++)
                n += is_working(store, day);
        return n;
}
