/* What the card keeps without power, in a folder: `state` (one "name value" per line, replaced as a whole) and `log`
 * (one JSON object per state-changing command, only ever appended). The same folder is the same physical card. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/card/crypto.h"
#include "tests/sim/card/options.h"

enum {
        N_OBJECTS = 8,
        OBJECT_MAX = 32767,   /* READ BINARY offsets have 15 bits, ISO/IEC 7816-4:2020 11.3.3 */
        STORAGE_MAX = 49152,  /* bytes of all objects together */
        KVN_FACTORY = 0xFF,   /* GPCS 11.8.2.3: key version of a set loaded before issuance */
        TRIES_MAX = 10,       /* failed authentications until the card refuses for ever */
        CARD_OP_READY = 0x01, /* card life cycle, GPCS table 11-6 */
        CARD_INITIALIZED = 0x07,
        CARD_SECURED = 0x0F,
        CARD_LOCKED = 0x7F,
        CARD_TERMINATED = 0xFF,
        APP_SELECTABLE = 0x07, /* application life cycle, GPCS table 11-4 */
        APP_PERSONALISED = 0x0F,
        APP_LOCKED_BIT = 0x80
};

struct object {
        uint16_t fid;  /* also the DGI number */
        uint8_t *data; /* heap, NULL when absent */
        size_t n;
};

struct store {
        int dir_fd, log_fd, lock_fd, trace_fd; /* trace_fd: -1 unless asked for */
        uint8_t kdd[KDD_SIZE];
        char serial[SERIAL_MAX + 1];
        uint8_t kvn;
        size_t n_key;
        uint8_t keys[3][KEY_MAX]; /* ENC, MAC, DEK */
        uint32_t seq;             /* 24 bits: channels opened under this key set */
        unsigned tries;           /* failed authentications in a row */
        uint8_t card_life, app_life;
        bool app_present, complete, torn;
        struct object objects[N_OBJECTS]; /* of ended sessions; readable when complete */
};

/* Opens the folder, creating it as a card fresh from the factory when it is empty. Ends the program with status 2 when
 * the folder is another card (KDD or serial differ), damaged, or in use by a running card. */
void store_open(struct store *ret_store, const struct options *options);

/* Durable when it returns (fsync of file and folder); a failure ends the program: a card without memory is no card. */
void store_save(const struct store *store);

/* What was done, for log and trace. n: the command's number since insertion; note: "" or a word. */
struct event {
        unsigned n;
        const char *what, *note;
        uint8_t header[4];
        size_t lc; /* as received */
        uint16_t sw;
};
/* One line: CLOCK_MONOTONIC seconds and the event. */
void store_log(const struct store *store, const struct event *event);
/* The same into the trace, when there is one. */
void store_trace(const struct store *store, const struct event *event);

/* The object with this file id; NULL when the card has no such file. */
struct object *store_object(struct store *store, uint16_t fid);

/* Replaces the content by a copy; n > 0. */
void object_set(struct object *object, const uint8_t *data, size_t n);
