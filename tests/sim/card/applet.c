#include <string.h>

#include "tests/sim/card/card.h"

enum { INS_SELECT = 0xA4, INS_READ_BINARY = 0xB0, SFI_BIT = 0x80 };

static const struct object *readable(struct card *card, uint16_t fid)
{
        const struct object *object = store_object(&card->store, fid);

        return object && object->data && card->store.complete ? object : NULL;
}

/* FCP 62 / FCI 6F { 80 size, 83 file id, 88 short file id }, ISO/IEC 7816-4:2020 7.4.3. */
static void put_control(const struct object *object, uint8_t tag, struct answer *a)
{
        const uint8_t control[] = { tag,
                                    11,
                                    0x80,
                                    2,
                                    (uint8_t)(object->n >> 8),
                                    (uint8_t)object->n,
                                    0x83,
                                    2,
                                    (uint8_t)(object->fid >> 8),
                                    (uint8_t)object->fid,
                                    0x88,
                                    1,
                                    (uint8_t)((object->fid & 0x1F) << 3) };

        memcpy(a->data, control, sizeof control);
        a->n = sizeof control;
}

static void select_file(struct card *card, const struct command *c, struct answer *a)
{
        uint16_t fid = (uint16_t)(c->data[0] << 8 | c->data[1]);
        const struct object *object;

        if ((c->p1 != 0x00 && c->p1 != 0x02) || (c->p2 != 0x0C && c->p2 != 0x00 && c->p2 != 0x04))
                a->sw = SW_P1P2;
        else if (c->lc != 2)
                a->sw = SW_LENGTH;
        if (a->sw != SW_OK)
                return;
        object = readable(card, fid);
        if (!object) {
                a->sw = SW_NOT_FOUND; /* the current file stays, 7816-4 11.2.2 */
                return;
        }
        card->current_fid = fid;
        if (c->p2 != 0x0C)
                put_control(object, c->p2 == 0x04 ? 0x62 : 0x6F, a);
}

/* Short file id in P1 makes that file current; otherwise P1 P2 are a 15-bit offset. */
static const struct object *read_target(struct card *card, const struct command *c, size_t *ret_offset,
                                        uint16_t *ret_sw)
{
        const struct object *object;

        *ret_offset = c->p1 & SFI_BIT ? c->p2 : (size_t)(c->p1 << 8 | c->p2);
        if (!(c->p1 & SFI_BIT)) {
                object = card->current_fid ? readable(card, card->current_fid) : NULL;
                *ret_sw = SW_NO_CURRENT_EF;
                return object;
        }
        *ret_sw = c->p1 & 0x60 || (c->p1 & 0x1F) == 0 || (c->p1 & 0x1F) == 0x1F ? SW_P1P2 : SW_NOT_FOUND;
        object = *ret_sw == SW_NOT_FOUND ? readable(card, (uint16_t)(0x0100 | (c->p1 & 0x1F))) : NULL;
        if (object)
                card->current_fid = object->fid;
        return object;
}

/* An explicit Le beyond the end is answered short with 6282; Le 00 means "to the end" and is 9000. */
static void read_binary(struct card *card, const struct command *c, struct answer *a)
{
        size_t offset, n, rest;
        const struct object *object;
        uint16_t sw;

        if (c->lc > 0 || !c->has_le) {
                a->sw = SW_LENGTH;
                return;
        }
        object = read_target(card, c, &offset, &sw);
        if (!object || offset >= object->n) {
                a->sw = object ? SW_OFFSET : sw;
                return;
        }
        rest = object->n - offset;
        n = c->le < card->options->max_read ? c->le : card->options->max_read;
        if (n > rest && c->le < 256)
                a->sw = SW_END_OF_FILE;
        n = n < rest ? n : rest;
        memcpy(a->data, object->data + offset, n);
        a->n = n;
}

void applet_execute(struct card *card, const struct command *command, struct answer *ret_answer)
{
        if (command->cla != 0x00)
                ret_answer->sw = SW_CLASS;
        else if (command->ins != INS_SELECT && command->ins != INS_READ_BINARY)
                ret_answer->sw = SW_INSTRUCTION;
        else if (card->store.app_life & APP_LOCKED_BIT || card->store.card_life >= CARD_LOCKED)
                ret_answer->sw = SW_CONDITIONS;
        else if (command->ins == INS_SELECT)
                select_file(card, command, ret_answer);
        else
                read_binary(card, command, ret_answer);
}
