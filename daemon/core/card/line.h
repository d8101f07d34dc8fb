/* A line: one printer queue, one reader, one hopper with its own next serial. Print and chip overlap, each one card. */
#pragma once
#include "daemon/core/config/config.h"
#include "daemon/core/ledger/ledger.h"
#include "daemon/core/supervise/supervise.h"

struct core;
struct print_flow;
struct chip_flow;
struct chip_watch;
struct probe;

/* How the last print, write, read or lock on a line ended; for status and the CLI. */
struct outcome {
        const char *what; /* "print", "write", "read", "lock"; NULL before the first */
        char application[33], serial[21], intent[UUID_TEXT];
        bool ok;
        struct error error; /* when not ok */
        int64_t at;
};

/* What the chip itself said, to be compared with the plastic (DESIGN 3): in memory only, until the next card. */
struct shown {
        char serial[21];
        json_t *holder; /* of proto/ipc/chip; owned */
        uint8_t *photo;
        size_t n_photo;
};

struct line {
        struct core *core;
        const struct config_line *config;
        struct work *print, *chip;
        struct print_flow *print_flow; /* NULL when the printer rests */
        struct chip_flow *chip_flow;   /* NULL when the reader rests */
        struct chip_watch *watch;      /* looks at whatever card comes; NULL when no chip is in question */
        struct probe *probe;           /* asks what became of an unknown print; NULL when none */
        char probed[UUID_TEXT];        /* the unknown print that the probe could not decide; a person must */
        struct outcome printed, chipped;
        struct shown shown;
        struct task key_close; /* ends a key session that was left half way */
};

int line_open(struct line *line, struct core *core, const struct config_line *config, struct error *err);
void line_stop(struct line *line); /* its works; flows are told */
void line_close(struct line *line);
struct line *line_by_name(struct core *c, const char *name); /* NULL when unknown; the only line when name is NULL */
/* Refuses while the line is held (mismatch, two refused keys) or an outcome on it is unknown. */
int line_check(struct line *line, struct error *err);
/* Inside a transaction: nothing more is printed on the line until a person settles the matter. */
void line_hold(struct line *line, enum reason reason, const char *serial);
void line_release(struct line *line);
void line_tell(struct line *line); /* publishes the line's state */
void shown_clear(struct shown *shown);
