/* A fake of pcsc-lite at link time: asserts what it is called with, plays a card from a table, and injects faults. */
#pragma once
#include "proto/base/bytes.h"
#include <winscard.h>

enum fake_call {
        FAKE_ESTABLISH,
        FAKE_WAIT,
        FAKE_CONNECT,
        FAKE_BEGIN,
        FAKE_TRANSMIT,
        FAKE_RECONNECT,
        FAKE_STATUS,
        FAKE_CALLS
};

/* One answer of the card: to commands that begin with this. The first row that fits counts. */
struct fake_row {
        const char *command, *answer; /* hexadecimal */
};

struct fake {
        const char *reader;
        const struct fake_row *rows;
        DWORD protocol;
        /* Fault: the n-th call (from 1) of this kind returns code, `times` in a row. code SCARD_S_SUCCESS at
         * FAKE_TRANSMIT means: success with n_short bytes. */
        enum fake_call at;
        unsigned n, times;
        LONG code;
        DWORD n_short;
        DWORD state; /* of the reader, for GetStatusChange */
        /* Damage: the n-th answer of the card is cut to `cut` bytes before its status word, or one byte is changed. */
        unsigned damage_at;
        size_t cut, flip;
        uint8_t flip_to;
        enum { FAKE_WHOLE, FAKE_CUT, FAKE_FLIP } damage;
        /* Seen */
        unsigned calls[FAKE_CALLS];
        unsigned contexts, contexts_open, cards_open;
        bool in_transaction, dead; /* dead: a fault was given to a transmit; only a new connect helps */
};
extern struct fake fake;
/* Anew, with a card that answers by rows. */
void fake_begin(const struct fake_row *rows);
