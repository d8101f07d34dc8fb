/* The station's clocks: UTC for records, CLOCK_BOOTTIME for leases and back-off (DESIGN 4). Never blocks. */
#pragma once
#include <stdint.h>

enum { BOOT_ID_TEXT = 37, UUID_TEXT = 37, FACE_CODE_TEXT = 11 };

int64_t clock_wall_ms(void);
int64_t clock_boot_ms(void);
/* The kernel's boot id (36 characters), plus nothing: a restart of the daemon keeps it, a reboot changes it. */
const char *clock_boot_id(void);
/* RFC 3339 in UTC with milliseconds, e.g. 2026-11-21T10:00:00.000Z. */
void clock_format(int64_t wall_ms, char ret[25]);
/* Gregorian date at a fixed offset from UTC in minutes, YYYY-MM-DD. */
void clock_local_date(int64_t wall_ms, int offset_min, char ret[11]);

void random_uuid(char ret[UUID_TEXT]);           /* version 4, lower case */
void random_face_code(char ret[FACE_CODE_TEXT]); /* 10 characters Crockford base32, 50 random bits */
