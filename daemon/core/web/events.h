/* The ring of events for the console and `mohr`: one ring, a cursor per reader, no queue per client.
 *
 * An event is text/event-stream (HTML Living Standard 9.2): "id: RUN-SEQ", "event: NAME", "data: JSON". RUN is random
 * per start, so that a cursor of an earlier run is never taken for one of this. No personal data in events: they name
 * ids and states; whoever is told looks the object up. */
#pragma once
#include "proto/base/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { EVENTS_RING = 256, EVENT_NAME_MAX = 32, EVENT_MAX = 8192 };

struct events {
        uint32_t run;
        uint64_t next_seq; /* first event is 1 */
        char *ring[EVENTS_RING];
};

int events_init(struct events *e, struct error *err);
void events_done(struct events *e);
/* name: [a-z_.-]{1,32}. data is TAKEN; an event that does not fit EVENT_MAX (asserted in its name, logged by the
 * caller) answers -1 and is not stored. */
int events_publish(struct events *e, const char *name, json_t *data);
/* The event at the cursor: 1 and *ret (borrowed until the next publish), 0 when the reader is up to date, -1 when it
 * is too far behind and must read the state anew. */
int events_read(const struct events *e, uint64_t seq, const char **ret);
/* Where a reader goes on that last saw this id: true when the ring still holds what follows. */
bool events_resume(const struct events *e, const char *last_id, uint64_t *ret_seq);
