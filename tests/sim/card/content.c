#include <string.h>

#include "tests/sim/card/card.h"

enum {
        INS_GET_DATA = 0xCA,
        INS_PUT_KEY = 0xD8,
        INS_STORE_DATA = 0xE2,
        INS_INSTALL = 0xE6,
        INS_SET_STATUS = 0xF0,
        INS_GET_STATUS = 0xF2
};

/* One field of PUT KEY: 88 | n+1 | n | DEK-encrypted key | 03 | check value (AmdD 7.2); AES-192 is padded to 32. */
static uint16_t take_key(const struct store *s, const uint8_t **at, const uint8_t *end, uint8_t *ret_key, size_t *ret_n,
                         uint8_t *ret_kcv)
{
        static const uint8_t zero[BLOCK] = { 0 };
        uint8_t clear[KEY_MAX], ones[BLOCK], check[BLOCK];
        const uint8_t *p = *at;
        size_t n, n_padded;

        if (end - p < 3 || p[0] != 0x88)
                return SW_WRONG_DATA;
        n = p[2];
        n_padded = n == 16 ? 16 : 32;
        if ((n != 16 && n != 24 && n != 32) || p[1] != n_padded + 1 || (size_t)(end - p) < 3 + n_padded + 4)
                return SW_WRONG_DATA;
        aes_cbc(s->keys[2], s->n_key, zero, p + 3, n_padded, false, clear);
        p += 3 + n_padded;
        memset(ones, 1, sizeof ones);
        aes_block(clear, n, ones, check);
        if (p[0] != 3)
                return SW_WRONG_DATA;
        if (memcmp(check, p + 1, 3) != 0)
                return SW_SECURITY; /* wrong check value */
        memcpy(ret_key, clear, n);
        memcpy(ret_kcv, check, 3);
        *ret_n = n;
        *at = p + 4;
        return SW_OK;
}

static uint16_t check_put_key(const struct store *s, const struct command *c)
{
        if (c->p2 != 0x81 || (c->p1 != 0 && c->p1 != s->kvn)) /* three keys, the first is id 1; no chaining */
                return c->p1 & 0x80 || c->p2 != 0x81 ? SW_P1P2 : SW_REFERENCE;
        if (c->lc < 1)
                return SW_LENGTH;
        if (c->data[0] == 0 || c->data[0] > 0x7F || (c->p1 == 0 && c->data[0] == s->kvn))
                return SW_WRONG_DATA;
        return SW_OK;
}

/* The card has one key set: the new one takes the place of the old, all three keys or none. */
static void put_key(struct card *card, const struct command *c, struct answer *a)
{
        struct store *s = &card->store;
        const uint8_t *at = c->data + 1, *end = c->data + c->lc;
        uint8_t keys[3][KEY_MAX] = { 0 };
        size_t n_key[3];

        a->sw = check_put_key(s, c);
        for (size_t i = 0; i < 3 && a->sw == SW_OK; i++)
                a->sw = take_key(s, &at, end, keys[i], &n_key[i], a->data + 1 + 3 * i);
        if (a->sw == SW_OK && (at != end || n_key[0] != n_key[1] || n_key[0] != n_key[2] ||
                               (s->kvn != KVN_FACTORY && n_key[0] != s->n_key))) /* GPCS 11.8: size stays */
                a->sw = SW_WRONG_DATA;
        if (a->sw != SW_OK)
                return;
        memcpy(s->keys, keys, sizeof keys);
        s->n_key = n_key[0];
        s->kvn = c->data[0];
        s->seq = 0;
        store_save(s);
        a->data[0] = s->kvn;
        a->n = 10;
}

/* INSTALL [for personalization], GPCS 11.5.2.3.6: 00 00 | AID | 00 00 00. */
static void install(struct card *card, const struct command *c, struct answer *a)
{
        static const uint8_t zero[3] = { 0 };
        const struct store *s = &card->store;

        perso_end(&card->perso);
        if (c->p1 != 0x20 || c->p2 != 0)
                a->sw = SW_P1P2;
        else if (c->lc < 6 || c->data[2] < 5 || c->data[2] > 16 || c->lc != 6u + c->data[2] ||
                 memcmp(c->data, zero, 2) || memcmp(c->data + c->lc - 3, zero, 3))
                a->sw = SW_WRONG_DATA;
        else if (!s->app_present || c->data[2] != APP_AID_SIZE || memcmp(c->data + 3, app_aid, APP_AID_SIZE) != 0)
                a->sw = SW_REFERENCE;
        else if (s->complete || s->app_life & APP_LOCKED_BIT || s->card_life == CARD_LOCKED)
                a->sw = SW_CONDITIONS;
        if (a->sw != SW_OK)
                return;
        perso_begin(&card->perso);
        a->data[0] = 0;
        a->n = 1;
}

static bool card_may_become(uint8_t now, uint8_t next)
{
        switch (next) {
        case CARD_INITIALIZED:
                return now == CARD_OP_READY;
        case CARD_SECURED:
                return now == CARD_INITIALIZED || now == CARD_LOCKED;
        case CARD_LOCKED:
                return now == CARD_SECURED;
        case CARD_TERMINATED:
                return now != CARD_TERMINATED;
        default:
                return false;
        }
}

/* A security domain only locks and unlocks an application (b8; GPCS table 11-86 ignores the other bits): its own states
 * are the application's affair. */
static uint16_t set_app_state(struct store *s, const struct command *c)
{
        bool lock = c->p2 & APP_LOCKED_BIT, locked = s->app_life & APP_LOCKED_BIT;

        if (!s->app_present || c->lc != APP_AID_SIZE || memcmp(c->data, app_aid, APP_AID_SIZE) != 0)
                return SW_REFERENCE;
        if (lock == locked)
                return SW_CONDITIONS;
        s->app_life = (uint8_t)(s->app_life ^ APP_LOCKED_BIT);
        return SW_OK;
}

static void set_status(struct card *card, const struct command *c, struct answer *a)
{
        struct store *s = &card->store;

        perso_end(&card->perso);
        if (c->p1 == 0x40)
                a->sw = set_app_state(s, c);
        else if (c->p1 != 0x80)
                a->sw = SW_P1P2;
        else if (!card_may_become(s->card_life, c->p2))
                a->sw = SW_CONDITIONS;
        else
                s->card_life = c->p2;
        if (a->sw == SW_OK)
                store_save(s);
}

/* E3 { 4F AID, 9F70 life cycle, C5 privileges }, GPCS 11.4.3.1. */
static void get_status(const struct card *card, const struct command *c, struct answer *a)
{
        const struct store *s = &card->store;
        bool app = c->p1 == 0x40;
        size_t n_aid = app ? APP_AID_SIZE : ISD_AID_SIZE;
        const uint8_t tail[] = { 0x9F, 0x70, 1, app ? s->app_life : s->card_life, 0xC5, 1, app ? 0x00 : 0x9E };

        if ((c->p1 != 0x40 && c->p1 != 0x80) || c->p2 != 0x02)
                a->sw = SW_P1P2;
        else if (c->lc < 2 || c->data[0] != 0x4F || c->data[1] != c->lc - 2)
                a->sw = SW_WRONG_DATA;
        else if ((app && !s->app_present) || c->data[1] > n_aid ||
                 memcmp(c->data + 2, app ? app_aid : isd_aid, c->data[1]) != 0)
                a->sw = SW_REFERENCE;
        if (a->sw != SW_OK)
                return;
        a->data[0] = 0xE3;
        a->data[1] = (uint8_t)(2 + n_aid + sizeof tail);
        a->data[2] = 0x4F;
        a->data[3] = (uint8_t)n_aid;
        memcpy(a->data + 4, app ? app_aid : isd_aid, n_aid);
        memcpy(a->data + 4 + n_aid, tail, sizeof tail);
        a->n = 4 + n_aid + sizeof tail;
}

void content_execute(struct card *card, const struct command *command, struct answer *ret_answer)
{
        switch (command->ins) {
        case INS_GET_DATA:
                describe_get_data(card, command, ret_answer);
                break;
        case INS_PUT_KEY:
                put_key(card, command, ret_answer);
                break;
        case INS_STORE_DATA:
                ret_answer->sw = perso_store(card, command);
                break;
        case INS_INSTALL:
                install(card, command, ret_answer);
                break;
        case INS_SET_STATUS:
                set_status(card, command, ret_answer);
                break;
        case INS_GET_STATUS:
                get_status(card, command, ret_answer);
                break;
        default:
                ret_answer->sw = SW_INSTRUCTION;
        }
}
