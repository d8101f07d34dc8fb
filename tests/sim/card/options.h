/* What the caller's environment asks of the simulated card; tests/sim/card/README.md lists every variable. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        KDD_SIZE = 10,    /* key diversification data, GPCS E.5.1: first field of the INITIALIZE UPDATE answer */
        ATR_MAX = 33,     /* ISO/IEC 7816-3:2006 8.1 */
        SERIAL_MAX = 32,  /* printed serial, text */
        COMMAND_MAX = 255 /* GPCS 11.1.5: short messages only */
};

struct options {
        const char *host, *port, *dir;
        bool has_kdd;
        uint8_t kdd[KDD_SIZE];
        char serial[SERIAL_MAX + 1]; /* empty: not given */
        uint8_t atr[ATR_MAX];
        size_t n_atr;
        bool t0;              /* T=0 shapes: 61xx with GET RESPONSE, 6Cxx */
        unsigned max_command; /* data field of a command, announced in 9F65 and enforced */
        unsigned max_read;    /* longest answer of READ BINARY */
        unsigned delay_ms;    /* before each answer */
        unsigned write_ms;    /* device time of each STORE DATA */
        unsigned tear_at;     /* 0 never; n: at the n-th state-changing APDU of this insertion */
        enum { TEAR_BEFORE, TEAR_AFTER, TEAR_DURING } tear; /* executed, its answer lost; a try counted, no more */
        int tear_out_ms;                                    /* < 0: the program ends with status 3 */
        unsigned mute_at;                                   /* from this APDU on: no status word */
        bool mute_short;                                    /* one byte instead of an empty answer */
        unsigned garbage_at;                                /* from this APDU on: nonsense with SW 9000 */
        unsigned endless_at;                                /* from this APDU on: no end of it */
        enum { ENDLESS_61, ENDLESS_6C, ENDLESS_TLV } endless;
        unsigned hook_at; /* the APDU (from 1) at which hook_run is given to the shell, the card waiting for its end */
        bool hook_after;  /* when it was executed and before it is answered, not before */
        const char *hook_run;
        bool trace;                       /* keep a line for every command */
        uint8_t scp_i;                    /* SCP03 "i" */
        uint16_t lock_sw;                 /* SELECT of the locked application */
        bool wrong_keys, foreign, locked; /* as the card left the factory */
        const char *personalised;         /* NULL, "1", or a folder of FID.bin files */
};

/* Fills *ret_options from the environment; prints what is wrong and ends the program with status 2. Strings stay owned
 * by the environment. */
void options_read(struct options *ret_options);
