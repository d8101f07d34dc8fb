#include <string.h>

#include "tests/sim/card/card.h"

enum { INS_INITIALIZE_UPDATE = 0x50, INS_EXTERNAL_AUTHENTICATE = 0x82, INS_GET_DATA = 0xCA };
enum { CLA_SECURE = 0x04 };

static uint16_t check_initialize(const struct card *card, const struct command *c)
{
        size_t n = card->options->scp_i & I_S16 ? 16 : 8;

        if (c->cla != 0x80)
                return SW_CLASS;
        if (c->p2 != 0)
                return SW_P1P2;
        if (c->lc != n || (!c->has_le && !card->options->t0))
                return SW_LENGTH;
        if (card->store.tries >= TRIES_MAX)
                return SW_BLOCKED;
        if (c->p1 != 0 && c->p1 != card->store.kvn)
                return SW_REFERENCE;
        return SW_OK;
}

/* The counter moves, durably, before the challenge made from it is seen. */
static void initialize_update(struct card *card, const struct command *command, struct answer *a)
{
        struct store *s = &card->store;
        uint8_t i = card->options->scp_i, *challenge = a->data + KDD_SIZE + 3;

        card->channel.state = CHANNEL_CLOSED;
        perso_end(&card->perso);
        a->sw = check_initialize(card, command);
        if (a->sw != SW_OK)
                return;
        s->seq = (s->seq + 1) & 0xFFFFFF;
        store_save(s);
        memcpy(a->data, s->kdd, KDD_SIZE);
        a->data[KDD_SIZE] = s->kvn;
        a->data[KDD_SIZE + 1] = 0x03; /* SCP03 */
        a->data[KDD_SIZE + 2] = i;
        channel_challenge(&card->channel, i, s->keys, s->n_key, s->seq, isd_aid, ISD_AID_SIZE, command->data, challenge,
                          challenge + (i & I_S16 ? 16 : 8));
        a->n = KDD_SIZE + 3 + 2 * card->channel.n_mac;
        if (i & I_PSEUDO_RANDOM) {
                a->data[a->n++] = (uint8_t)(s->seq >> 16);
                a->data[a->n++] = (uint8_t)(s->seq >> 8);
                a->data[a->n++] = (uint8_t)s->seq;
        }
}

static uint16_t check_authenticate(const struct card *card, const struct command *c)
{
        if (c->cla != 0x84)
                return SW_CLASS;
        if (card->channel.state != CHANNEL_CHALLENGED)
                return SW_CONDITIONS;
        if (card->store.tries >= TRIES_MAX)
                return SW_BLOCKED;
        if (c->p2 != 0 || !channel_offers(&card->channel, c->p1))
                return SW_P1P2;
        if (c->lc != 2 * card->channel.n_mac)
                return SW_LENGTH;
        return SW_OK;
}

/* The failure is counted before the check: power cut off in between does not buy a free guess. */
static void external_authenticate(struct card *card, const struct command *command, struct answer *a)
{
        a->sw = check_authenticate(card, command);
        if (a->sw != SW_OK) {
                card->channel.state = CHANNEL_CLOSED;
                return;
        }
        card->store.tries++;
        store_save(&card->store);
        if (!channel_authenticate(&card->channel, command)) {
                a->sw = SW_AUTHENTICATION_FAILED;
                return;
        }
        card->store.tries = 0;
        store_save(&card->store);
}

static bool wants_channel(uint8_t ins)
{
        return ins == 0xD8 || ins == 0xE2 || ins == 0xE6 || ins == 0xF0 || ins == 0xF2;
}

static uint16_t without_channel(const struct card *card, const struct command *c, struct answer *a)
{
        if (c->cla & CLA_SECURE)
                return SW_CONDITIONS;
        if (wants_channel(c->ins))
                return SW_SECURITY;
        if (c->ins != INS_GET_DATA)
                return SW_INSTRUCTION;
        if (!c->has_le && !card->options->t0)
                return SW_LENGTH;
        describe_get_data(card, c, a);
        return a->sw;
}

/* AmdD 5.6: a command without or with wrong protection aborts the channel. With R-MAC an answer always has a body, so
 * Le must be there (GPCS E.4.5); T=0 has no Le beside Lc. */
static void inside_channel(struct card *card, struct command *command, struct answer *a)
{
        struct channel *channel = &card->channel;

        if (channel->state == CHANNEL_OPEN && command->cla & CLA_SECURE && channel->level & LEVEL_R_MAC &&
            !command->has_le && !card->options->t0) {
                channel->state = CHANNEL_ABORTED;
                perso_end(&card->perso);
                a->sw = SW_LENGTH;
                return;
        }
        if (channel->state != CHANNEL_OPEN || !(command->cla & CLA_SECURE) || !channel_unwrap(channel, command)) {
                channel->state = CHANNEL_ABORTED;
                perso_end(&card->perso);
                a->sw = SW_SECURITY;
                return;
        }
        content_execute(card, command, a);
        channel_wrap(channel, a);
}

void isd_execute(struct card *card, struct command *command, struct answer *ret_answer)
{
        enum channel_state state = card->channel.state;

        if (card->store.card_life == CARD_TERMINATED && command->ins != INS_GET_DATA)
                ret_answer->sw = SW_CONDITIONS;
        else if (command->ins == INS_INITIALIZE_UPDATE)
                initialize_update(card, command, ret_answer);
        else if (command->ins == INS_EXTERNAL_AUTHENTICATE)
                external_authenticate(card, command, ret_answer);
        else if (state == CHANNEL_OPEN || state == CHANNEL_ABORTED)
                inside_channel(card, command, ret_answer);
        else
                ret_answer->sw = without_channel(card, command, ret_answer);
}
