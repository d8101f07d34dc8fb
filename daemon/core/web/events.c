#define _GNU_SOURCE
#include "daemon/core/web/events.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

int events_init(struct events *e, struct error *err)
{
        *e = (struct events){ .next_seq = 1 };
        if (getrandom(&e->run, sizeof e->run, GRND_NONBLOCK) != (ssize_t)sizeof e->run)
                return err_set(err, ERR_BUG, ORIGIN_OS, (uint32_t)errno, REASON_INTERNAL, "no random numbers");
        return 0;
}

void events_done(struct events *e)
{
        for (unsigned i = 0; i < EVENTS_RING; i++)
                free(e->ring[i]);
        *e = (struct events){ 0 };
}

int events_publish(struct events *e, const char *name, json_t *data)
{
        char text[EVENT_MAX];
        int head = snprintf(text, sizeof text, "id: %" PRIx32 "-%" PRIu64 "\nevent: %.*s\ndata: ", e->run, e->next_seq,
                            EVENT_NAME_MAX, name);
        size_t room = sizeof text - (size_t)head - sizeof "\n\n";
        size_t n = json_dumpb(data, text + head, room, JSON_COMPACT);
        char *copy;

        json_decref(data);
        if (n == 0 || n > room)
                return -1;
        memcpy(text + (size_t)head + n, "\n\n", sizeof "\n\n");
        copy = strdup(text);
        if (!copy)
                return -1;
        free(e->ring[e->next_seq % EVENTS_RING]);
        e->ring[e->next_seq++ % EVENTS_RING] = copy;
        return 0;
}

int events_read(const struct events *e, uint64_t seq, const char **ret)
{
        if (seq == e->next_seq)
                return 0;
        if (seq == 0 || seq > e->next_seq || e->next_seq - seq > EVENTS_RING)
                return -1;
        *ret = e->ring[seq % EVENTS_RING];
        return 1;
}

bool events_resume(const struct events *e, const char *last_id, uint64_t *ret_seq)
{
        uint32_t run = 0;
        uint64_t seq = 0;
        const char *unused;
        int n = 0;

        if (strlen(last_id) > 40 || sscanf(last_id, "%" SCNx32 "-%" SCNu64 "%n", &run, &seq, &n) != 2 ||
            last_id[n] != '\0' || run != e->run || seq >= e->next_seq || events_read(e, seq + 1, &unused) < 0)
                return false;
        *ret_seq = seq + 1;
        return true;
}
