/* The life cycles as data: which event leads an application, a blank or an intent from which state to which.
 *
 * DESIGN of the cycles: docs/architecture.md "Life cycles"; I-6.6 to I-6.9, I-8, I-9. Pure: no clock, no ledger.
 * The table is written into the ledger at creation, where one trigger per entity enforces it a second time;
 * `mohr states` prints it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum entity { ENTITY_APPLICATION, ENTITY_BLANK, ENTITY_INTENT, ENTITY_COUNT };

struct transition {
        enum entity entity;
        const char *from, *event, *to;
};
extern const struct transition transitions[];
extern const size_t n_transitions;

const char *entity_name(enum entity entity); /* "application", "blank", "intent"; also the table's name */
const char *entity_key(enum entity entity);  /* the key column: "id", "serial", "id" */

/* The state after the event, or NULL when the event is not allowed in this state. */
const char *machine_next(enum entity entity, const char *from, const char *event);
bool machine_is_state(enum entity entity, const char *state);
/* States in which a new row may be born. */
bool machine_is_initial(enum entity entity, const char *state);
/* No way out: spoiled serials end at HQ, done intents stay done. */
bool machine_is_final(enum entity entity, const char *state);
/* A blank in this state carries a card that counts as alive for its application (DESIGN 1.1; a missing card does). */
bool blank_is_live(const char *state);
/* The place of custody that a blank's state stands for (DESIGN 1.2), e.g. "in work". */
const char *blank_place(const char *state);
