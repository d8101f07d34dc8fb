/* The way to one card: bytes there and back. The fake of the tests and PC/SC stand behind the same five calls.
 *
 * One caller, one call at a time, blocking. connect, transmit and reset may take as long as card and reader do: there
 * is no limit here, the caller's supervisor holds the deadline. After any -1 the card is let go: nothing more is sent
 * until connect, and whoever connects again must identify the card again (it may be another one).
 * Kinds of error: OPERATOR and RETRY before `changing` is set; with it every loss of the card or the service in the
 * middle is UNKNOWN. */
#pragma once
#include "proto/apdu.h"
#include "proto/base/error.h"

enum { TRANSPORT_ATR_MAX = 33, TRANSPORT_ANSWER_MAX = 65538 };

struct transport;

struct transport_ops {
        const char *name;
        /* Waits until a card is there: 0. tick is called at least once a second, with ms since the start; -1 from it
         * ends the wait as OPERATOR no_card. -1 also after wait_ms (OPERATOR no_card) and when the reader is gone. */
        int (*wait)(struct transport *t, int64_t wait_ms, int (*tick)(void *context, int64_t ms), void *context,
                    struct error *err);
        /* Takes the card for this process alone. Fills atr. */
        int (*connect)(struct transport *t, struct error *err);
        /* One command, one answer as it came (2 bytes or more), appended to answer. */
        int (*transmit)(struct transport *t, struct bytes command, struct writer *answer, struct error *err);
        /* Takes the power from the card and gives it again; the card may have been changed meanwhile. Fills atr. */
        int (*reset)(struct transport *t, struct error *err);
        /* Lets the card go, powered off. May be called at any time. */
        void (*disconnect)(struct transport *t);
        void (*close)(struct transport *t); /* and frees */
};

struct transport {
        const struct transport_ops *ops;
        uint8_t atr[TRANSPORT_ATR_MAX];
        size_t n_atr;
        bool fresh;         /* set by the caller: wait passes over a card that is there already, until it left */
        bool patient;       /* set by the caller: wait bears that the reader or the service is gone */
        bool changing;      /* set by the caller before the first command that changes the card */
        uint64_t ns_device; /* spent in transmit so far */
        uint64_t n_commands;
        uint64_t ns_limit;             /* of ns_device: a card that is not done by then is let go (card.h); 0 = none */
        void (*before)(void *context); /* called before each command, which may be slow; may be NULL */
        void *context;
};

static inline void transport_close(struct transport *t)
{
        t->ops->close(t);
}
