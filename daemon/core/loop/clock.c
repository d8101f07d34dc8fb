#define _GNU_SOURCE
#include "daemon/core/loop/clock.h"
#include "proto/base/ensure.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
        struct timespec t;

        (void)clock_gettime(id, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
        return read_ms(CLOCK_REALTIME);
}

int64_t clock_boot_ms(void)
{
        return read_ms(CLOCK_BOOTTIME);
}

const char *clock_boot_id(void)
{
        static char id[BOOT_ID_TEXT];
        FILE *f;

        if (id[0])
                return id;
        f = fopen("/proc/sys/kernel/random/boot_id", "re");
        if (!f || fscanf(f, "%36s", id) != 1)
                memcpy(id, "unknown", sizeof "unknown");
        if (f)
                (void)fclose(f);
        return id;
}

void clock_format(int64_t wall_ms, char ret[25])
{
        time_t seconds = (time_t)(wall_ms / 1000);
        struct tm t;
        char text[64];

        (void)gmtime_r(&seconds, &t);
        (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900, t.tm_mon + 1,
                       t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, (int)(wall_ms % 1000));
        memcpy(ret, text, 24);
        ret[24] = '\0';
}

void clock_local_date(int64_t wall_ms, int offset_min, char ret[11])
{
        char text[25];

        clock_format(wall_ms + (int64_t)offset_min * 60000, text);
        memcpy(ret, text, 10);
        ret[10] = '\0';
}

static void random_bytes(uint8_t *p, size_t n)
{
        ensure(getrandom(p, n, 0) == (ssize_t)n);
}

void random_uuid(char ret[UUID_TEXT])
{
        uint8_t b[16];

        random_bytes(b, sizeof b);
        b[6] = (uint8_t)((b[6] & 0x0F) | 0x40); /* RFC 9562 5.4: version 4 */
        b[8] = (uint8_t)((b[8] & 0x3F) | 0x80); /* RFC 9562 4.1: variant */
        (void)snprintf(ret, UUID_TEXT, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                       b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void random_face_code(char ret[FACE_CODE_TEXT])
{
        static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        uint8_t b[FACE_CODE_TEXT - 1];

        random_bytes(b, sizeof b);
        for (unsigned i = 0; i < sizeof b; i++)
                ret[i] = digits[b[i] & 31];
        ret[sizeof b] = '\0';
}
