#include <string.h>

#include "tests/sim/card/card.h"
#include "tests/sim/card/factory.h"

static void put(struct answer *a, const void *bytes, size_t n)
{
        memcpy(a->data + a->n, bytes, n);
        a->n += n;
}

static void put_byte(struct answer *a, unsigned byte)
{
        a->data[a->n++] = (uint8_t)byte;
}

/* Puts tag and length before what was written from start on; length up to 127. */
static void wrap(struct answer *a, size_t start, unsigned tag)
{
        size_t n = a->n - start, n_head = tag > 0xFF ? 3 : 2;

        memmove(a->data + start + n_head, a->data + start, n);
        if (tag > 0xFF)
                a->data[start] = (uint8_t)(tag >> 8);
        a->data[start + n_head - 2] = (uint8_t)tag;
        a->data[start + n_head - 1] = (uint8_t)n;
        a->n += n_head;
}

/* GPCS H.2: card recognition data; 64 names SCP03 with this card's i. */
static void put_recognition(const struct card *card, struct answer *a)
{
        static const uint8_t fixed[] = { 0x06, 0x07, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x01, /* GP */
                                         0x60, 0x0C, 0x06, 0x0A, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 2,    2,
                                         3,    1, /* 2.3.1 */
                                         0x63, 0x09, 0x06, 0x07, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x03, 0x64,
                                         0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x04, 0x03 };
        size_t start = a->n;

        put(a, fixed, sizeof fixed);
        put_byte(a, card->options->scp_i);
        wrap(a, start, 0x73);
}

static void put_max_command(const struct card *card, struct answer *a)
{
        size_t start = a->n;

        put_byte(a, card->options->max_command);
        wrap(a, start, 0x9F65);
}

void describe_fci(const struct card *card, bool app, struct answer *ret_answer)
{
        size_t inner;

        ret_answer->n = 0;
        put(ret_answer, app ? app_aid : isd_aid, app ? APP_AID_SIZE : ISD_AID_SIZE);
        wrap(ret_answer, 0, 0x84);
        inner = ret_answer->n;
        if (!app)
                put_recognition(card, ret_answer);
        put_max_command(card, ret_answer);
        wrap(ret_answer, inner, 0xA5);
        wrap(ret_answer, 0, 0x6F);
}

static void put_key_information(const struct card *card, struct answer *a)
{
        for (unsigned kid = 1; kid <= 3; kid++) {
                put_byte(a, 0xC0);
                put_byte(a, 4);
                put_byte(a, kid);
                put_byte(a, card->store.kvn);
                put_byte(a, 0x88); /* AES */
                put_byte(a, (unsigned)card->store.n_key);
        }
        wrap(a, 0, 0xE0);
}

static void put_cplc(const struct card *card, struct answer *a)
{
        uint8_t cplc[CPLC_SIZE];

        factory_cplc(&card->store, cplc);
        put(a, cplc, sizeof cplc);
        wrap(a, 0, 0x9F7F);
}

/* Issuer's number, card image number (GPCS H.4): the KDD serves as image number. */
static uint16_t put_number(const struct card *card, uint16_t tag, struct answer *a)
{
        static const uint8_t issuer[4] = { 0x99, 0x99, 0x00, 0x01 };
        const struct store *s = &card->store;

        switch (tag) {
        case 0x42:
                put(a, issuer, sizeof issuer);
                break;
        case 0x45:
        case 0xCF:
                put(a, s->kdd, KDD_SIZE);
                break;
        case 0xC1:
                if (!(card->options->scp_i & I_PSEUDO_RANDOM))
                        return SW_REFERENCE;
                put(a, (uint8_t[]){ (uint8_t)(s->seq >> 16), (uint8_t)(s->seq >> 8), (uint8_t)s->seq }, 3);
                break;
        default:
                return SW_REFERENCE;
        }
        wrap(a, 0, tag);
        return SW_OK;
}

void describe_get_data(const struct card *card, const struct command *command, struct answer *ret_answer)
{
        uint16_t tag = (uint16_t)(command->p1 << 8 | command->p2);

        ret_answer->n = 0;
        ret_answer->sw = SW_OK;
        if (command->lc > 0) {
                ret_answer->sw = SW_LENGTH;
        } else if (tag == 0x9F7F) {
                put_cplc(card, ret_answer);
        } else if (tag == 0x00E0) {
                put_key_information(card, ret_answer);
        } else if (tag == 0x0066) {
                put_recognition(card, ret_answer);
                wrap(ret_answer, 0, 0x66);
        } else {
                ret_answer->sw = put_number(card, tag, ret_answer);
        }
}
