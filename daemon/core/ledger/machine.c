#include "daemon/core/ledger/machine.h"
#include "proto/base/cleanup.h"
#include <assert.h>
#include <string.h>

#define A ENTITY_APPLICATION
#define B ENTITY_BLANK
#define I ENTITY_INTENT

const struct transition transitions[] = {
        /* application (I-6.5 to I-6.9, I-8, I-9) */
        { A, "in_chain", "offer", "offered" },
        { A, "in_chain", "withdraw", "withdrawn" },
        { A, "offered", "refuse", "in_chain" },
        { A, "offered", "claim", "claimed" },
        { A, "offered", "withdraw", "withdrawn" },
        { A, "offered", "bind", "bound" }, /* hello: the portal says it was bound to us already */
        { A, "claimed", "lapse", "offered" },
        { A, "claimed", "release", "released" },
        { A, "claimed", "withdraw", "withdrawn" },
        { A, "claimed", "bind", "bound" },
        { A, "released", "offer", "offered" },
        { A, "released", "withdraw", "withdrawn" },
        { A, "bound", "issue", "issued" },
        { A, "bound", "spoil", "awaiting_reissue" }, /* I-8 */
        { A, "bound", "dispute", "disputed" },
        { A, "bound", "withdraw", "withdrawn" },      /* before print: its blank is free again */
        { A, "issued", "deliver", "delivered" },      /* I-7 */
        { A, "issued", "spoil", "awaiting_reissue" }, /* I-8 note 3: the serial had been recorded */
        { A, "issued", "dispute", "disputed" },
        { A, "issued", "replace", "replaced" }, /* I-9 note 4 */
        { A, "delivered", "spoil", "awaiting_reissue" },
        { A, "delivered", "replace", "replaced" },
        { A, "awaiting_reissue", "authorise", "authorised" }, /* I-8.1.2 */
        { A, "awaiting_reissue", "withdraw", "withdrawn" },
        { A, "authorised", "bind", "bound" },
        { A, "authorised", "withdraw", "withdrawn" },
        { A, "disputed", "settle_bound", "bound" },
        { A, "disputed", "settle_issued", "issued" },
        { A, "disputed", "spoil", "awaiting_reissue" },
        { A, "disputed", "unbind", "offered" }, /* headquarters took it back: anybody may claim it */
        { A, "disputed", "withdraw", "withdrawn" },

        /* blank (I-1 to I-5, I-6, I-8) */
        { B, "vault", "take", "transit" },
        { B, "transit", "arrive", "room" },
        { B, "transit", "go_back", "vault" },
        { B, "room", "give_back", "transit" },
        { B, "room", "load", "hopper" },
        { B, "hopper", "unload", "room" },
        { B, "hopper", "reserve", "reserved" },
        { B, "hopper", "found_printed", "printed" }, /* a double feed carried it along and it got the face */
        { B, "reserved", "free", "hopper" },
        { B, "reserved", "start", "printing" },
        { B, "printing", "not_started", "reserved" },
        { B, "printing", "printed", "printed" },
        { B, "printing", "come_out_unprinted", "room" }, /* by scan and a second person */
        { B, "printed", "come_out_unprinted", "room" },
        { B, "hopper", "come_out_unprinted", "room" },
        { B, "room", "found_printed", "printed" },
        { B, "printed", "accept", "accepted" }, /* I-6.7 */
        { B, "accepted", "write", "writing" },  /* I-6.8 */
        { B, "writing", "abort", "accepted" },  /* nothing on the chip was changed, or it is whole again */
        { B, "writing", "written", "written" },
        { B, "written", "rewrite", "accepted" }, /* the read-back shows an incomplete chip */
        { B, "written", "verify", "verified" },
        { B, "verified", "issue", "issued" }, /* I-6.9 */
        { B, "issued", "post", "post" },
        { B, "issued", "deliver", "delivered" }, /* I-7 */
        { B, "post", "deliver", "delivered" },
        { B, "post", "return", "returned" },
        { B, "returned", "post", "post" },
        { B, "returned", "deliver", "delivered" },
        { B, "room", "spoil", "spoiled" },
        { B, "hopper", "spoil", "spoiled" },
        { B, "reserved", "spoil", "spoiled" },
        { B, "printing", "spoil", "spoiled" },
        { B, "printed", "spoil", "spoiled" },
        { B, "accepted", "spoil", "spoiled" },
        { B, "writing", "spoil", "spoiled" },
        { B, "written", "spoil", "spoiled" },
        { B, "verified", "spoil", "spoiled" },
        { B, "issued", "spoil", "spoiled" },
        { B, "post", "spoil", "spoiled" },
        { B, "returned", "spoil", "spoiled" },
        { B, "delivered", "spoil", "spoiled" },
        { B, "issued", "void", "void" }, /* I-9 note 4 */
        { B, "returned", "void", "void" },
        { B, "delivered", "void", "void" },
        { B, "missing", "void", "void" }, /* headquarters voids the serial by its case (DESIGN 1.8) */
        { B, "room", "miss", "missing" },
        { B, "hopper", "miss", "missing" },
        { B, "printing", "miss", "missing" },
        { B, "printed", "miss", "missing" },
        { B, "accepted", "miss", "missing" },
        { B, "writing", "miss", "missing" },
        { B, "written", "miss", "missing" },
        { B, "verified", "miss", "missing" },
        { B, "issued", "miss", "missing" },
        { B, "post", "miss", "missing" },
        { B, "returned", "miss", "missing" },
        { B, "missing", "find", "found" },
        { B, "vault", "spoiled_elsewhere", "spoiled" }, /* hello: by a former installation of this station */
        { B, "transit", "spoiled_elsewhere", "spoiled" },
        { B, "room", "spoiled_elsewhere", "spoiled" },
        { B, "hopper", "spoiled_elsewhere", "spoiled" },
        { B, "found", "spoil", "spoiled" },         /* never back to stock (DESIGN 1.8) */
        { B, "spoiled", "dispatch", "dispatched" }, /* I-8.1.1: the card itself goes to HQ */
        { B, "void", "dispatch", "dispatched" },
        { B, "dispatched", "arrive", "at_hq" },

        /* intent (DESIGN 1.3, 1.4) */
        { I, "running", "done", "done" },
        { I, "running", "fail", "failed" },
        { I, "running", "refuse", "refused" },
        { I, "running", "lose", "unknown" },
        { I, "unknown", "repeat", "running" }, /* only where the last hop refuses duplicates */
        { I, "unknown", "done", "done" },
        { I, "unknown", "fail", "failed" },
        { I, "unknown", "refuse", "refused" },
};
const size_t n_transitions = ARRAY_SIZE(transitions);

static const struct {
        const char *name, *key;
        const char *initial[4]; /* ends with NULL */
} entities[ENTITY_COUNT] = {
        [ENTITY_APPLICATION] = { "application", "id", { "in_chain", "offered" } },
        [ENTITY_BLANK] = { "blank", "serial", { "vault", "room", "spoiled" } },
        [ENTITY_INTENT] = { "intent", "id", { "running" } },
};

static const struct {
        const char *state, *place;
        bool live;
} places[] = {
        { "vault", "vault", false },     { "transit", "transit", false },    { "room", "room", false },
        { "hopper", "hopper", false },   { "reserved", "in work", true },    { "printing", "in work", true },
        { "printed", "in work", true },  { "accepted", "in work", true },    { "writing", "in work", true },
        { "written", "in work", true },  { "verified", "in work", true },    { "issued", "issued", true },
        { "post", "post", true },        { "delivered", "delivered", true }, { "returned", "returned", true },
        { "spoiled", "spoiled", false }, { "void", "spoiled", false },       { "dispatched", "dispatched", false },
        { "at_hq", "at HQ", false },     { "missing", "missing", true },     { "found", "missing", true },
};

const char *entity_name(enum entity entity)
{
        return entities[entity].name;
}

const char *entity_key(enum entity entity)
{
        return entities[entity].key;
}

const char *machine_next(enum entity entity, const char *from, const char *event)
{
        for (size_t i = 0; i < n_transitions; i++) {
                const struct transition *t = &transitions[i];

                if (t->entity == entity && strcmp(t->from, from) == 0 && strcmp(t->event, event) == 0)
                        return t->to;
        }
        return NULL;
}

bool machine_is_state(enum entity entity, const char *state)
{
        for (size_t i = 0; i < n_transitions; i++)
                if (transitions[i].entity == entity &&
                    (strcmp(transitions[i].from, state) == 0 || strcmp(transitions[i].to, state) == 0))
                        return true;
        return false;
}

bool machine_is_initial(enum entity entity, const char *state)
{
        for (size_t i = 0; entities[entity].initial[i]; i++)
                if (strcmp(entities[entity].initial[i], state) == 0)
                        return true;
        return false;
}

bool machine_is_final(enum entity entity, const char *state)
{
        for (size_t i = 0; i < n_transitions; i++)
                if (transitions[i].entity == entity && strcmp(transitions[i].from, state) == 0)
                        return false;
        return machine_is_state(entity, state);
}

bool blank_is_live(const char *state)
{
        for (size_t i = 0; i < ARRAY_SIZE(places); i++)
                if (strcmp(places[i].state, state) == 0)
                        return places[i].live;
        return false;
}

const char *blank_place(const char *state)
{
        for (size_t i = 0; i < ARRAY_SIZE(places); i++)
                if (strcmp(places[i].state, state) == 0)
                        return places[i].place;
        return NULL;
}
