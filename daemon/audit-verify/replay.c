/* The rows, played again: each entity's changes join without a gap, follow the ledger's own transition table, and lead
 * to the state its table row shows. */
#include "daemon/audit-verify/verify.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot {
        char *key;   /* "entity subject"; NULL = free */
        char *state; /* NULL: no change yet */
        int64_t seq;
        bool seen; /* it has a table row */
};

struct states {
        struct slot *slots;
        size_t n, size;      /* size: a power of two */
        sqlite3_stmt *legal; /* asks the transition table; prepared at its first use */
};

static void *must(void *p)
{
        if (!p)
                give_up("out of memory");
        return p;
}

struct states *states_new(void)
{
        struct states *s = must(calloc(1, sizeof *s));

        s->size = 1024;
        s->slots = must(calloc(s->size, sizeof *s->slots));
        return s;
}

void states_free(struct states *s)
{
        for (size_t i = 0; i < s->size; i++) {
                free(s->slots[i].key);
                free(s->slots[i].state);
        }
        (void)sqlite3_finalize(s->legal);
        free(s->slots);
        free(s);
}

static size_t place(const struct slot *slots, size_t size, const char *key)
{
        uint64_t h = 14695981039346656037U; /* FNV-1a, 64 bit: offset basis and prime */

        for (const char *p = key; *p; p++)
                h = (h ^ (unsigned char)*p) * 1099511628211U;
        for (size_t i = (size_t)h & (size - 1);; i = (i + 1) & (size - 1))
                if (!slots[i].key || strcmp(slots[i].key, key) == 0)
                        return i;
}

static void grow(struct states *s)
{
        size_t size = s->size * 2;
        struct slot *slots = must(calloc(size, sizeof *slots));

        for (size_t i = 0; i < s->size; i++)
                if (s->slots[i].key)
                        slots[place(slots, size, s->slots[i].key)] = s->slots[i];
        free(s->slots);
        s->slots = slots;
        s->size = size;
}

/* key is taken. */
static struct slot *find(struct states *s, char *key)
{
        struct slot *slot;

        if (s->n * 2 >= s->size)
                grow(s);
        slot = &s->slots[place(s->slots, s->size, key)];
        if (slot->key) {
                free(key);
                return slot;
        }
        slot->key = key;
        s->n++;
        return slot;
}

static char *make_key(const char *entity, size_t n_entity, const char *subject, size_t n_subject)
{
        char *key = must(malloc(n_entity + n_subject + 2));

        memcpy(key, entity, n_entity);
        key[n_entity] = ' ';
        memcpy(key + n_entity + 1, subject, n_subject);
        key[n_entity + 1 + n_subject] = '\0';
        return key;
}

static bool is(struct value v, const char *text)
{
        return v.text && text && v.n == strlen(text) && memcmp(v.text, text, v.n) == 0;
}

static const char *or_nothing(const char *state)
{
        return state ? state : "nothing";
}

static bool allowed(struct verify *v, struct value entity, struct value event, struct value from, struct value to)
{
        static const char sql[] = "SELECT 1 FROM transition WHERE entity=?1 AND from_state=?2 AND event=?3 AND "
                                  "to_state=?4";
        struct value values[] = { entity, from, event, to };
        bool found;

        if (!v->states->legal)
                v->states->legal = query(v, sql);
        for (int i = 0; i < 4; i++)
                (void)sqlite3_bind_text(v->states->legal, i + 1, values[i].text, (int)values[i].n, SQLITE_STATIC);
        found = next_row(v, v->states->legal);
        (void)sqlite3_reset(v->states->legal);
        return found;
}

void replay_row(struct verify *v, int64_t seq, struct value entity, struct value subject, struct value event,
                struct value from, struct value to)
{
        struct slot *slot;

        if (!to.text || !entity.text || !subject.text) /* an act that changes no state */
                return;
        slot = find(v->states, make_key(entity.text, entity.n, subject.text, subject.n));
        if (from.text ? !is(from, slot->state) : slot->state != NULL)
                fault_row(v, seq, "%s begins at %s, but was %s", slot->key, or_nothing(from.text),
                          or_nothing(slot->state));
        if (from.text ? !allowed(v, entity, event, from, to) : !is(event, "born"))
                fault_row(v, seq, "%s: '%s' does not lead from %s to %s", slot->key, event.text ? event.text : "",
                          or_nothing(from.text), to.text);
        free(slot->state);
        slot->state = must(strndup(to.text, to.n));
        slot->seq = seq;
}

static void check_table(struct verify *v, const char *entity, const char *sql)
{
        sqlite3_stmt *s = query(v, sql);

        while (next_row(v, s)) {
                const char *id = (const char *)sqlite3_column_text(s, 0);
                const char *state = (const char *)sqlite3_column_text(s, 1);
                struct slot *slot =
                        find(v->states, make_key(entity, strlen(entity), id ? id : "", id ? strlen(id) : 0));

                slot->seen = true;
                if (!slot->state)
                        fault(v, slot->key, "is %s without an audit row", or_nothing(state));
                else if (!state || strcmp(state, slot->state) != 0)
                        fault(v, slot->key, "is %s, but row %" PRId64 " left it %s", or_nothing(state), slot->seq,
                              slot->state);
        }
        (void)sqlite3_finalize(s);
}

void check_states(struct verify *v)
{
        check_table(v, "application", "SELECT id, state FROM application");
        check_table(v, "blank", "SELECT serial, state FROM blank");
        check_table(v, "intent", "SELECT id, state FROM intent");
        for (size_t i = 0; i < v->states->size; i++) {
                const struct slot *slot = &v->states->slots[i];

                if (slot->key && slot->state && !slot->seen)
                        fault(v, slot->key, "is gone; row %" PRId64 " left it %s", slot->seq, slot->state);
        }
}
