/* The one log of the core: standard error, one line per call, each with sd-daemon(3)'s <N> unless it is a terminal.
 *
 * error = a person must act; warning = we coped; info = one line per card step, start, stop; debug = the rest.
 * NEVER personal data, secrets, card data, photos, names or national IDs, at any level: a card is named by its
 * pre-printed serial or by its intent id, an applicant by nothing. Line, card and step may be NULL.
 * Form: "line=1 card=SC-1405-000123 step=print: text". Control characters in the text become '?'. */
#pragma once
#include "proto/base/error.h"

enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };

struct log_at {
        const char *line, *card, *step;
};

/* Writes at most 512 bytes in one write(2). May block as long as standard error does. */
__attribute__((format(printf, 3, 4))) void log_at(enum log_level level, struct log_at at, const char *format, ...);
#define log_say(level, ...) log_at((level), (struct log_at){ NULL, NULL, NULL }, __VA_ARGS__)
/* An error as it is handled, once: "text (kind, reason, origin code)". */
void log_error(enum log_level level, struct log_at at, const struct error *e);
/* Lines above this level are dropped; LEVEL_INFO at start. The only mutable global. */
void log_set_level(enum log_level most);
