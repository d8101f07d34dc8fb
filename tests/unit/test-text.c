/* proto/text: Persian forms and national IDs by tests/data/persian_cases.json (an outside table), NFC and the Jalali
 * calendar against ICU, dates against the C library, serials. argv[1]: the folder tests/data. */
#define _GNU_SOURCE
#include "proto/base/cleanup.h"
#include "proto/text/date.h"
#include "proto/text/jalali.h"
#include "proto/text/national_id.h"
#include "proto/text/persian.h"
#include "proto/text/serial.h"
#include "proto/text/utf8.h"
#include "tests/unit/test.h"
#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unicode/ucal.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* "0639 0644" to UTF-8. */
static void from_codepoints(const char *list, char *ret, size_t max)
{
        struct writer w = { (uint8_t *)ret, 0, max, false };
        char *end;

        for (; *list; list = *end ? end + 1 : end)
                utf8_put(&w, (uint32_t)strtoul(list, &end, 16));
        write_u8(&w, 0);
        CHECK(!w.failed);
}

static void check_national_code(const char *input, const json_t *expect)
{
        char canonical[NATIONAL_ID_MAX] = "";
        enum national_id_fault fault = national_id_parse(input, canonical);

        if (json_is_true(json_object_get(expect, "valid"))) {
                CHECK(fault == NATIONAL_ID_OK);
                CHECK(strcmp(canonical, json_string_value(json_object_get(expect, "canonical"))) == 0);
        } else {
                CHECK(canonical[0] == '\0');
                CHECK(strcmp(national_id_fault_word(fault), json_string_value(json_object_get(expect, "reason"))) == 0);
        }
}

static void check_form(const char *fn, const char *input, const char *expect_points)
{
        char expect[256], got[256];
        bool bidi = false;

        from_codepoints(expect_points, expect, sizeof expect);
        if (strcmp(fn, "clean") == 0) {
                CHECK(persian_clean(input, got, sizeof got, &bidi) == PERSIAN_OK);
                CHECK(bidi == (strstr(input, "\xE2\x80\xAE") != NULL));
        } else {
                CHECK(strcmp(fn, "key") == 0 && persian_key(input, got, sizeof got) == PERSIAN_OK);
        }
        CHECK(strcmp(got, expect) == 0);
}

static void test_cases(const char *folder)
{
        char path[512], input[256];
        json_error_t error;
        json_t *file, *cases;
        size_t n = 0, i;
        json_t *c;

        (void)snprintf(path, sizeof path, "%s/persian_cases.json", folder);
        file = json_load_file(path, 0, &error);
        cases = json_object_get(file, "cases");
        json_array_foreach(cases, i, c)
        {
                const char *fn = json_string_value(json_object_get(c, "fn"));

                from_codepoints(json_string_value(json_object_get(c, "input_codepoints")), input, sizeof input);
                if (strcmp(fn, "national_code") == 0)
                        check_national_code(input, json_object_get(c, "expect"));
                else
                        check_form(fn, input, json_string_value(json_object_get(c, "expect_codepoints")));
                n++;
        }
        CHECK(n == 32);
        json_decref(file);
}

/* clean(raw, or the stored form where the sample has no raw one) is the stored form, and a name may be so. */
static void check_sample(const json_t *person, const char *field, const char *raw_field)
{
        const char *stored = json_string_value(json_object_get(person, field));
        const char *raw = json_string_value(json_object_get(person, raw_field));
        char got[256];

        CHECK(persian_check_name(stored) == PERSIAN_OK && persian_check_name(raw ? raw : stored) == PERSIAN_OK);
        CHECK(persian_clean(raw ? raw : stored, got, sizeof got, NULL) == PERSIAN_OK && strcmp(got, stored) == 0);
        CHECK(persian_clean(stored, got, sizeof got, NULL) == PERSIAN_OK && strcmp(got, stored) == 0);
}

static void test_samples(const char *folder)
{
        char path[512], id[NATIONAL_ID_MAX];
        json_error_t error;
        json_t *file, *person;
        size_t i;

        (void)snprintf(path, sizeof path, "%s/samples.json", folder);
        file = json_load_file(path, 0, &error);
        CHECK(json_array_size(json_object_get(file, "people")) == 60);
        json_array_foreach(json_object_get(file, "people"), i, person)
        {
                check_sample(person, "given_fa", "raw_given_fa");
                check_sample(person, "family_fa", "raw_family_fa");
                check_sample(person, "father_fa", "raw_father_fa");
                CHECK(national_id_parse(json_string_value(json_object_get(person, "national_id")), id) ==
                      NATIONAL_ID_OK);
        }
        json_decref(file);
}

static void test_names(void)
{
        CHECK(persian_check_name("علي") == PERSIAN_OK && persian_check_name("صالحی (فرد)") == PERSIAN_OK);
        CHECK(persian_check_name("ڕەشیدی") == PERSIAN_OK && persian_check_name("ﻋﻠﯽ") == PERSIAN_OK);
        CHECK(persian_check_name("\xE2\x80\x8Fپریسا\xE2\x80\x8E") == PERSIAN_OK);
        CHECK(persian_check_name("پری\xE2\x80\x8Fسا") == PERSIAN_BIDI);
        CHECK(persian_check_name("\xE2\x80\xAEعلی") == PERSIAN_BIDI);
        CHECK(persian_check_name("علی\xE2\x81\xA6") == PERSIAN_BIDI);
        CHECK(persian_check_name("علی\n") == PERSIAN_CONTROL && persian_check_name("") == PERSIAN_EMPTY);
        CHECK(persian_check_name("Ali") == PERSIAN_FOREIGN && persian_check_text("Ali 1") == PERSIAN_OK);
        CHECK(persian_check_text("x\xEE\x80\x80") == PERSIAN_CONTROL &&
              persian_check_text("a\xFF") == PERSIAN_NOT_UTF8);
        CHECK(persian_check_text("\xC0\x80") == PERSIAN_NOT_UTF8 &&
              persian_check_text("\xED\xA0\x80") == PERSIAN_NOT_UTF8);
}

/* Whatever pair of code points goes in, what comes out is NFC by ICU, clean is idempotent, and key(clean) = key. */
static void check_pair(const UNormalizer2 *nfc, uint32_t a, uint32_t b)
{
        char in[64], once[64], twice[64], key[64], key_of_clean[64];
        struct writer w = { (uint8_t *)in, 0, sizeof in, false };
        UErrorCode status = U_ZERO_ERROR;
        UChar wide[64];
        int32_t n = 0;

        utf8_put(&w, 0x0628);
        utf8_put(&w, a);
        utf8_put(&w, b);
        write_u8(&w, 0);
        CHECK(persian_clean(in, once, sizeof once, NULL) == PERSIAN_OK);
        CHECK(persian_clean(once, twice, sizeof twice, NULL) == PERSIAN_OK && strcmp(once, twice) == 0);
        CHECK(persian_key(in, key, sizeof key) == PERSIAN_OK);
        CHECK(persian_key(once, key_of_clean, sizeof key_of_clean) == PERSIAN_OK && strcmp(key, key_of_clean) == 0);
        (void)u_strFromUTF8(wide, 64, &n, once, -1, &status);
        CHECK(unorm2_isNormalized(nfc, wide, n, &status) && U_SUCCESS(status));
}

static void test_nfc(void)
{
        static const uint32_t marks[] = {
                0x064B, 0x064E, 0x0651, 0x0653, 0x0654, 0x0655, 0x0670, 0x200C, 0x20, 0x0627
        };
        UErrorCode status = U_ZERO_ERROR;
        const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);

        for (uint32_t c = 0x0621; c <= 0x06FF; c++)
                for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
                        if (c >= 0x06D2 && c <= 0x06ED && c != 0x06D5) /* U+06D2 and Koran signs: left as they come */
                                continue;
                        check_pair(nfc, c, marks[i]);
                        if (c >= 0x064B && c <= 0x0655)
                                check_pair(nfc, marks[i], c);
                }
}

static void test_bounds(void)
{
        char small[5], text[2 * PERSIAN_MAX + 3];

        CHECK(persian_clean("علی", small, sizeof small, NULL) == PERSIAN_TOO_LONG && small[0] == '\0');
        memset(text, 'x', sizeof text);
        text[PERSIAN_MAX + 1] = '\0';
        CHECK(persian_check_text(text) == PERSIAN_TOO_LONG);
        CHECK(persian_clean(text, text + PERSIAN_MAX + 2, PERSIAN_MAX, NULL) == PERSIAN_TOO_LONG);
        CHECK(persian_clean("\xE2\x80\x8C \xC2\xA0", small, sizeof small, NULL) == PERSIAN_EMPTY);
        CHECK(persian_clean("\xD8", small, sizeof small, NULL) == PERSIAN_NOT_UTF8);
}

static void check_day(UCalendar *icu, int32_t day)
{
        UErrorCode status = U_ZERO_ERROR;
        struct civil d = { 0 };
        int32_t back = 0;

        ucal_setMillis(icu, (UDate)day * 86400000.0, &status);
        CHECK(jalali_civil(day, &d) && jalali_day(d, &back) && back == day);
        CHECK(ucal_get(icu, UCAL_YEAR, &status) == d.year && ucal_get(icu, UCAL_MONTH, &status) == d.month - 1);
        CHECK(ucal_get(icu, UCAL_DAY_OF_MONTH, &status) == d.day && U_SUCCESS(status));
}

static void test_jalali(void)
{
        static const UChar utc[] = { 'U', 'T', 'C', 0 };
        UErrorCode status = U_ZERO_ERROR;
        UCalendar *icu = ucal_open(utc, -1, "fa_IR@calendar=persian", UCAL_TRADITIONAL, &status);
        char text[DATE_TEXT_MAX], fa[JALALI_FA_MAX];
        int32_t day = 0;

        CHECK(U_SUCCESS(status));
        for (day = date_day((struct civil){ 1900, 1, 1 }); day <= date_day((struct civil){ 2100, 12, 31 }); day++)
                check_day(icu, day);
        ucal_close(icu);
        /* University of Tehran Calendar Center: 1403 and 1408 leap, 1404 not. */
        CHECK(jalali_is_leap(1403) && !jalali_is_leap(1404) && jalali_is_leap(1408) && jalali_is_leap(1436));
        CHECK(!jalali_day((struct civil){ 1404, 12, 30 }, &day) && jalali_day((struct civil){ 1403, 12, 30 }, &day));
        CHECK(day == date_day((struct civil){ 2025, 3, 20 }));
        CHECK(jalali_format(day, text) && strcmp(text, "1403/12/30") == 0);
        CHECK(jalali_format_fa(day, fa) && strcmp(fa, "۱۴۰۳/۱۲/۳۰") == 0);
        CHECK(!jalali_day((struct civil){ 1205, 12, 29 }, &day) && jalali_day((struct civil){ 1206, 1, 1 }, &day));
        CHECK(!jalali_civil(day - 1, &(struct civil){ 0 }) && !jalali_is_leap(1499));
        CHECK(jalali_day((struct civil){ 1498, 12, 29 }, &day) && !jalali_day((struct civil){ 1499, 1, 1 }, &day));
        CHECK(!jalali_day((struct civil){ 1400, 13, 1 }, &day) && !jalali_day((struct civil){ 1400, 7, 31 }, &day));
}

static void test_dates(void)
{
        char text[TIME_TEXT_MAX];
        int32_t day = 0;
        int64_t at = 0;

        for (int64_t t = -11000000000; t < 50000000000; t += 86400 * 3 + 7919) {
                time_t native = (time_t)t;
                struct tm tm;
                char expect[64];

                CHECK(gmtime_r(&native, &tm) && strftime(expect, sizeof expect, "%Y-%m-%dT%H:%M:%SZ", &tm) == 20);
                time_format(t, text);
                CHECK(strcmp(text, expect) == 0 && time_parse(text, &at) && at == t);
        }
        CHECK(date_parse("2024-02-29", &day) && !date_parse("2023-02-29", &day) && !date_parse("2100-02-29", &day));
        CHECK(!date_parse("2024-2-29", &day) && !date_parse("2024-02-29 ", &day) && !date_parse("2024-13-01", &day));
        CHECK(!date_parse("1599-12-31", &day) && !date_parse("", &day) && !date_parse("2024-00-10", &day));
        CHECK(!time_parse("2024-02-29T24:00:00Z", &at) && !time_parse("2024-02-29T23:59:60Z", &at));
        CHECK(!time_parse("2024-02-29T23:59:59+00", &at) && !time_parse("2024-02-29T23:59:59", &at));
        /* 20:29:59Z is 23:59:59 in Tehran, 20:30:00Z the next day. */
        CHECK(time_parse("2026-11-21T20:29:59Z", &at) && date_local(at) == date_day((struct civil){ 2026, 11, 21 }));
        CHECK(date_local(at + 1) == date_day((struct civil){ 2026, 11, 22 }));
}

static void test_serials(void)
{
        char next[SERIAL_TEXT_MAX];
        int64_t n = 0;

        CHECK(serial_step("SC-1405-000123", 1, next) && strcmp(next, "SC-1405-000124") == 0);
        CHECK(serial_step("SC-1405-000199", -100, next) && strcmp(next, "SC-1405-000099") == 0);
        CHECK(!serial_step("SC-1405-999999", 1, next) && !serial_step("SC-1405-000000", -1, next));
        CHECK(!serial_ok("SC-14") && !serial_ok("sc-140501") && !serial_ok("SC-1405-") && !serial_ok("SC 140501"));
        CHECK(!serial_ok("SC-1405-00012300000001") && serial_ok("99999999999999999999"));
        CHECK(serial_range_count("SC-1405-000001", "SC-1405-000100", &n) && n == 100);
        CHECK(!serial_range_count("SC-1405-000002", "SC-1405-000001", &n));
        CHECK(!serial_range_count("SC-1405-000001", "SC-1405-00002", &n));
        CHECK(!serial_range_count("SC-1405-000001", "SD-1405-000002", &n));
        CHECK(serial_in_range("SC-1405-000050", "SC-1405-000001", "SC-1405-000050"));
        CHECK(!serial_in_range("SC-1405-000051", "SC-1405-000001", "SC-1405-000050"));
}

int main(int argc, char **argv)
{
        CHECK(argc == 2);
        test_cases(argv[1]);
        test_samples(argv[1]);
        test_names();
        test_nfc();
        test_bounds();
        test_jalali();
        test_dates();
        test_serials();
        return 0;
}
