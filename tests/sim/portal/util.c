#define OPENSSL_API_COMPAT 30000
#include "util.h"
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        fputs("portal-sim: ", stderr);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        va_end(args);
        exit(1);
}

void *must(void *pointer)
{
        if (!pointer)
                die("out of memory");
        return pointer;
}

char *text_format(const char *format, ...)
{
        char *text = NULL;
        va_list args;

        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                die("out of memory");
        va_end(args);
        return text;
}

void hex_text(const uint8_t *data, size_t n, char *ret)
{
        for (size_t i = 0; i < n; i++)
                sprintf(ret + 2 * i, "%02x", data[i]);
        ret[2 * n] = '\0';
}

void sha256_hex(const void *data, size_t n, char ret[SHA256_HEX])
{
        uint8_t digest[SHA256_DIGEST_LENGTH];

        SHA256(data, n, digest);
        hex_text(digest, sizeof(digest), ret);
}

char *base64_text(const void *data, size_t n)
{
        char *text = must(malloc((n + 2) / 3 * 4 + 1));

        EVP_EncodeBlock((unsigned char *)text, data, (int)n);
        return text;
}

char *base64url_text(const void *data, size_t n)
{
        char *text = base64_text(data, n);

        for (char *c = text; *c; c++) {
                if (*c == '+')
                        *c = '-';
                else if (*c == '/')
                        *c = '_';
                else if (*c == '=')
                        *c = '\0';
        }
        return text;
}

void time_text(int64_t unix_s, char ret[TIME_TEXT])
{
        time_t t = (time_t)unix_s;
        struct tm tm;

        gmtime_r(&t, &tm);
        strftime(ret, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void time_now_text(char ret[TIME_TEXT])
{
        time_text(time(NULL), ret);
}

void date_text(int64_t unix_s, char ret[11])
{
        char text[TIME_TEXT];

        time_text(unix_s, text);
        memcpy(ret, text, 10);
        ret[10] = '\0';
}

static int digits(const char *text, size_t n)
{
        int value = 0;

        for (size_t i = 0; i < n; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -1;
                value = value * 10 + (text[i] - '0');
        }
        return value;
}

static int month_days(int year, int month)
{
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        return days[month - 1] + (month == 2 && leap);
}

static bool date_part_valid(const char *text)
{
        int year = digits(text, 4);
        int month = digits(text + 5, 2);
        int day = digits(text + 8, 2);

        if (year < 1900 || year > 2999 || month < 1 || month > 12 || text[4] != '-' || text[7] != '-')
                return false;
        return day >= 1 && day <= month_days(year, month);
}

bool date_valid(const char *text)
{
        return strlen(text) == 10 && date_part_valid(text);
}

bool time_valid(const char *text)
{
        int hour, minute, second;

        if (strlen(text) != 20 || !date_part_valid(text) || text[10] != 'T' || text[13] != ':' || text[16] != ':')
                return false;
        hour = digits(text + 11, 2);
        minute = digits(text + 14, 2);
        second = digits(text + 17, 2);
        return text[19] == 'Z' && hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
}

int64_t boottime_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (int64_t)t.tv_sec * MONO_MS_PER_S + t.tv_nsec / 1000000;
}

int64_t monotonic_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

const char *boot_id(void)
{
        static char id[40];

        if (!id[0]) {
                FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

                if (!file || fscanf(file, "%36s", id) != 1)
                        die("cannot read the boot id");
                fclose(file);
        }
        return id;
}

char *file_read(const char *path, size_t *ret_n)
{
        FILE *file = fopen(path, "re");
        char *data = NULL;
        size_t n = 0;

        if (!file)
                return NULL;
        for (;;) {
                data = must(realloc(data, n + 65537));
                size_t got = fread(data + n, 1, 65536, file);
                n += got;
                if (got == 0)
                        break;
        }
        fclose(file);
        data[n] = '\0';
        if (ret_n)
                *ret_n = n;
        return data;
}
