#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/card/card.h"

enum { P1_MORE = 0x08, P1_LAST = 0x88, BLOCKS_MAX = 256, FID_SOD = 0x011D };

void perso_begin(struct perso *perso)
{
        perso_end(perso);
        perso->open = true;
}

void perso_end(struct perso *perso)
{
        for (size_t i = 0; i < N_OBJECTS; i++)
                free(perso->objects[i].data);
        *perso = (struct perso){ 0 };
}

static size_t bytes_stored(const struct card *card)
{
        size_t n = 0;

        for (size_t i = 0; i < N_OBJECTS; i++) {
                bool anew = card->perso.objects[i].data;

                n += anew ? card->perso.objects[i].n : card->store.objects[i].n;
        }
        return n;
}

/* EMV CPS 1.1 coding: id, then 01..FE, or FF hh ll for 255 and more. Headers are not cut by the end of a block: GPCS
 * 11.11.2.3 lets the value run on, nothing else. 0 when the header is not lawful. */
static size_t take_header(const uint8_t *p, size_t n, uint16_t *ret_dgi, size_t *ret_n)
{
        if (n < 3 || p[2] == 0 || (p[2] == 0xFF && n < 5))
                return 0;
        *ret_dgi = (uint16_t)(p[0] << 8 | p[1]);
        *ret_n = p[2] == 0xFF ? (size_t)(p[3] << 8 | p[4]) : p[2];
        if (p[2] == 0xFF && *ret_n < 255)
                return 0;
        return p[2] == 0xFF ? 5 : 3;
}

/* Each object once per session; nothing after EF.SOD. */
static uint16_t start_object(struct card *card, uint16_t dgi, size_t n)
{
        struct perso *perso = &card->perso;
        const struct object *known = store_object(&card->store, dgi);
        struct object *object;

        if (!known)
                return SW_REFERENCE;
        if (perso->got_sod)
                return SW_CONDITIONS;
        object = &perso->objects[known - card->store.objects];
        if (object->data)
                return SW_WRONG_DATA;
        if (n > OBJECT_MAX || bytes_stored(card) - known->n + n > STORAGE_MAX)
                return SW_NO_MEMORY;
        object->data = malloc(n);
        if (!object->data)
                err(1, "memory");
        object->fid = dgi;
        object->n = n;
        perso->filling = object;
        perso->filled = 0;
        perso->got_sod = dgi == FID_SOD;
        return SW_OK;
}

static size_t fill(struct perso *perso, const uint8_t *p, size_t n)
{
        size_t room = perso->filling->n - perso->filled;

        n = n < room ? n : room;
        memcpy(perso->filling->data + perso->filled, p, n);
        perso->filled += n;
        if (perso->filled == perso->filling->n)
                perso->filling = NULL;
        return n;
}

static uint16_t take_block(struct card *card, const uint8_t *p, size_t n)
{
        while (n > 0) {
                size_t used, n_value;
                uint16_t dgi, sw;

                if (card->perso.filling) {
                        used = fill(&card->perso, p, n);
                } else {
                        used = take_header(p, n, &dgi, &n_value);
                        if (used == 0)
                                return SW_WRONG_DATA;
                        sw = start_object(card, dgi, n_value);
                        if (sw != SW_OK)
                                return sw;
                }
                p += used;
                n -= used;
        }
        return SW_OK;
}

/* The last block: the session's objects join the card in one durable step; with EF.SOD among them, ever, they become
 * readable and the application is personalised for good. */
static void commit(struct card *card)
{
        struct store *s = &card->store;

        for (size_t i = 0; i < N_OBJECTS; i++) {
                struct object *object = &card->perso.objects[i];

                if (object->data)
                        object_set(&s->objects[i], object->data, object->n);
        }
        if (store_object(s, FID_SOD)->data) {
                s->complete = true;
                s->app_life = APP_PERSONALISED;
        }
        store_save(s);
}

static uint16_t check_block(const struct perso *perso, const struct command *c)
{
        if (!perso->open)
                return SW_CONDITIONS;
        if ((c->p1 != P1_MORE && c->p1 != P1_LAST) || perso->next_block >= BLOCKS_MAX || c->p2 != perso->next_block)
                return SW_P1P2;
        return c->lc == 0 ? SW_LENGTH : SW_OK;
}

uint16_t perso_store(struct card *card, const struct command *command)
{
        struct perso *perso = &card->perso;
        bool last = command->p1 == P1_LAST;
        uint16_t sw = check_block(perso, command);

        if (sw == SW_OK)
                sw = take_block(card, command->data, command->lc);
        if (sw == SW_OK && last && perso->filling)
                sw = SW_WRONG_DATA;
        if (sw == SW_OK && last)
                commit(card);
        if (sw != SW_OK || last)
                perso_end(perso);
        else
                perso->next_block++;
        return sw;
}
