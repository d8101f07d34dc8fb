#include "tests/sim/card/options.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/card/hex.h"

enum { EXIT_USAGE = 2 };

static const char *text_of(const char *name)
{
        const char *text = getenv(name);

        return text && *text ? text : NULL;
}

static const char *demand(const char *name)
{
        const char *text = text_of(name);

        if (!text)
                errx(EXIT_USAGE, "%s is not set; see card-sim --help", name);
        return text;
}

static unsigned number_of(const char *name, unsigned fallback, unsigned max)
{
        const char *text = text_of(name);
        char *end;
        unsigned long value;

        if (!text)
                return fallback;
        value = strtoul(text, &end, 10);
        if (*end || end == text || value > max)
                errx(EXIT_USAGE, "%s: a number up to %u is wanted", name, max);
        return (unsigned)value;
}

static bool flag_of(const char *name)
{
        return number_of(name, 0, 1) != 0;
}

static size_t hex_of(const char *name, uint8_t *ret_bytes, size_t min, size_t max)
{
        const char *text = text_of(name);
        size_t n;

        if (!text)
                return 0;
        if (!hex_decode(text, ret_bytes, max, &n) || n < min)
                errx(EXIT_USAGE, "%s: %zu to %zu bytes in hexadecimal are wanted", name, min, max);
        return n;
}

/* "n" or "n:word" with one of the words, which end with NULL; the word's place, 0 (the usual one) without. */
static unsigned number_with_word(const char *name, const char *const words[], unsigned *ret_n)
{
        const char *text = text_of(name);
        unsigned long n;
        char *end;

        *ret_n = 0;
        if (!text)
                return 0;
        n = strtoul(text, &end, 10);
        if (end == text || n == 0 || n > 1000000 || (*end && *end != ':'))
                errx(EXIT_USAGE, "%s: N or N:%s is wanted", name, words[0]);
        *ret_n = (unsigned)n;
        if (!*end)
                return 0;
        for (unsigned i = 0; words[i]; i++)
                if (strcmp(end + 1, words[i]) == 0)
                        return i;
        errx(EXIT_USAGE, "%s: %s is not one of its words; see card-sim --help", name, end + 1);
}

/* ISO/IEC 7816-3:2006 8.2: TA1=96 (312.5 kbit/s at 5 MHz); T=1 with IFSC 254, or T=0 alone. */
static size_t default_atr(bool t0, uint8_t *ret_atr)
{
        static const uint8_t t1_head[] = { 0x3B, 0x98, 0x96, 0x81, 0x31, 0xFE, 0x45 };
        static const uint8_t t0_head[] = { 0x3B, 0x18, 0x96 };
        static const char history[] = "MOHR-SIM";
        size_t n = t0 ? sizeof t0_head : sizeof t1_head;
        uint8_t check = 0;

        memcpy(ret_atr, t0 ? t0_head : t1_head, n);
        memcpy(ret_atr + n, history, sizeof history - 1);
        n += sizeof history - 1;
        if (t0)
                return n; /* no TCK when only T=0 is offered, 8.2.5 */
        for (size_t i = 1; i < n; i++)
                check ^= ret_atr[i];
        ret_atr[n++] = check;
        return n;
}

static uint8_t scp_i_of(void)
{
        uint8_t i = 0x70;

        hex_of("MOHR_SIM_SCP_I", &i, 1, 1);
        if ((i & 0x8E) != 0 || ((i & 0x40) != 0 && (i & 0x20) == 0)) /* AmdD 5.1: R-ENC only with R-MAC */
                errx(EXIT_USAGE, "MOHR_SIM_SCP_I: one of 00 10 20 30 60 70 01 11 21 31 61 71 is wanted");
        return i;
}

static void read_identity(struct options *o)
{
        const char *serial = text_of("MOHR_CARD_SERIAL");

        o->host = demand("MOHR_CARD_HOST");
        o->port = demand("MOHR_CARD_PORT");
        o->dir = demand("MOHR_CARD_DIR");
        o->has_kdd = hex_of("MOHR_CARD_KDD", o->kdd, KDD_SIZE, KDD_SIZE) > 0;
        if (serial && (strlen(serial) > SERIAL_MAX || strpbrk(serial, " \t\r\n")))
                errx(EXIT_USAGE, "MOHR_CARD_SERIAL: at most %d characters without blanks are wanted", SERIAL_MAX);
        (void)snprintf(o->serial, sizeof o->serial, "%s", serial ? serial : "");
}

static void read_hook(struct options *o)
{
        static const char *const when[] = { "before", "after", NULL };

        o->hook_after = number_with_word("MOHR_SIM_HOOK", when, &o->hook_at) == 1;
        o->hook_run = o->hook_at ? demand("MOHR_SIM_HOOK_RUN") : NULL;
        o->trace = flag_of("MOHR_SIM_TRACE");
}

static void read_faults(struct options *o)
{
        static const char *const tears[] = { [TEAR_BEFORE] = "before", "after", "during", NULL };
        static const char *const mutes[] = { "zero", "short", NULL };
        static const char *const endless[] = { [ENDLESS_61] = "61", "6C", "tlv", NULL };

        o->tear = number_with_word("MOHR_SIM_TEAR", tears, &o->tear_at);
        o->tear_out_ms = text_of("MOHR_SIM_TEAR_OUT_MS") ? (int)number_of("MOHR_SIM_TEAR_OUT_MS", 0, 3600000) : -1;
        o->mute_short = number_with_word("MOHR_SIM_MUTE", mutes, &o->mute_at) == 1;
        o->endless = number_with_word("MOHR_SIM_ENDLESS", endless, &o->endless_at);
        o->garbage_at = number_of("MOHR_SIM_GARBAGE", 0, 1000000);
        o->wrong_keys = flag_of("MOHR_SIM_WRONG_KEYS");
        o->foreign = flag_of("MOHR_SIM_FOREIGN");
        o->locked = flag_of("MOHR_SIM_LOCKED");
        o->personalised = text_of("MOHR_SIM_PERSONALISED");
        if (o->personalised && strcmp(o->personalised, "0") == 0)
                o->personalised = NULL;
}

void options_read(struct options *ret_options)
{
        struct options o = { 0 };
        uint8_t lock_sw[2] = { 0x62, 0x83 };

        read_identity(&o);
        o.t0 = flag_of("MOHR_SIM_T0");
        o.n_atr = hex_of("MOHR_SIM_ATR", o.atr, 2, ATR_MAX);
        if (o.n_atr == 0)
                o.n_atr = default_atr(o.t0, o.atr);
        o.max_command = number_of("MOHR_SIM_MAXLEN", COMMAND_MAX, COMMAND_MAX);
        o.max_read = number_of("MOHR_SIM_MAXREAD", 256, 256);
        if (o.max_command < 32 || o.max_read < 1)
                errx(EXIT_USAGE, "MOHR_SIM_MAXLEN: 32 to 255, MOHR_SIM_MAXREAD: 1 to 256 is wanted");
        o.delay_ms = number_of("MOHR_SIM_DELAY_MS", 0, 600000);
        o.write_ms = number_of("MOHR_SIM_WRITE_MS", 0, 600000);
        o.scp_i = scp_i_of();
        hex_of("MOHR_SIM_LOCK_SW", lock_sw, 2, 2);
        o.lock_sw = (uint16_t)(lock_sw[0] << 8 | lock_sw[1]);
        read_faults(&o);
        read_hook(&o);
        *ret_options = o;
}
