/* Small tools of the reference portal: hexadecimal, base64, SHA-256, times. Own code on libcrypto. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_HEX = 65, TIME_TEXT = 21, MONO_MS_PER_S = 1000 };

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *must(void *pointer); /* ends the process when memory is out */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2))); /* heap */

void sha256_hex(const void *data, size_t n, char ret[SHA256_HEX]);
void hex_text(const uint8_t *data, size_t n, char *ret); /* 2 n + 1 characters */
char *base64_text(const void *data, size_t n);           /* RFC 4648 section 4, padded; heap */
char *base64url_text(const void *data, size_t n);        /* RFC 4648 section 5, no padding; heap */

void time_text(int64_t unix_s, char ret[TIME_TEXT]); /* 2026-03-21T08:00:00Z */
void time_now_text(char ret[TIME_TEXT]);
void date_text(int64_t unix_s, char ret[11]);
/* YYYY-MM-DD of the calendar, years 1900 to 2999. */
bool date_valid(const char *text);
/* RFC 3339 with whole seconds and Z, a time of the calendar. */
bool time_valid(const char *text);
int64_t boottime_ms(void);
int64_t monotonic_ns(void);
const char *boot_id(void);

/* Whole file; NULL when it cannot be read. Heap, NUL added. */
char *file_read(const char *path, size_t *ret_n);

static inline void free_p(char **p)
{
        __builtin_free(*p);
}
#define OWNED __attribute__((cleanup(free_p)))
