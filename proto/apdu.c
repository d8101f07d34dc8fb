#include "proto/apdu.h"
#include "proto/base/ensure.h"
#include <assert.h>

void apdu_write(struct writer *w, const struct apdu *a)
{
        assert(a->data.n <= APDU_DATA_MAX && (a->le == APDU_NO_LE || (a->le >= 1 && a->le <= 256)));
        write_u8(w, a->cla);
        write_u8(w, a->ins);
        write_u8(w, a->p1);
        write_u8(w, a->p2);
        if (a->data.n > 0) {
                write_u8(w, (unsigned)a->data.n);
                write_bytes(w, a->data);
        }
        if (a->le != APDU_NO_LE)
                write_u8(w, (unsigned)a->le & 0xFF); /* 5.1: 00 stands for 256 */
}

static int read_le(struct bytes *in, int *ret)
{
        uint8_t le;

        *ret = APDU_NO_LE;
        if (in->n == 0)
                return 0;
        if (in->n != 1 || !bytes_u8(in, &le))
                return -1;
        *ret = le == 0 ? 256 : le;
        return 0;
}

int apdu_parse(struct bytes in, struct apdu *ret)
{
        struct apdu a = { .le = APDU_NO_LE };
        uint8_t lc;

        if (!bytes_u8(&in, &a.cla) || !bytes_u8(&in, &a.ins) || !bytes_u8(&in, &a.p1) || !bytes_u8(&in, &a.p2))
                return -1;
        if (in.n > 1 && (!bytes_u8(&in, &lc) || lc == 0 || !bytes_take(&in, lc, &a.data)))
                return -1;
        if (read_le(&in, &a.le) < 0)
                return -1;
        *ret = a;
        return 0;
}

int apdu_answer_parse(struct bytes in, struct apdu_answer *ret)
{
        if (in.n < 2)
                return -1;
        *ret = (struct apdu_answer){ { in.p, in.n - 2 }, (uint16_t)(in.p[in.n - 2] << 8 | in.p[in.n - 1]) };
        return 0;
}

void apdu_exchange_begin(struct apdu_exchange *x, struct bytes command, struct writer *body)
{
        struct writer w = WRITER(x->command);
        struct apdu a;

        ensure(apdu_parse(command, &a) == 0);
        write_bytes(&w, command);
        x->n_command = w.n;
        x->body = body;
        x->rounds = 0;
        x->corrected = false;
        x->may_resend = (a.cla & 0x04) == 0; /* GPCS 11.1.4: b3 of CLA = secure messaging */
        x->sw = 0;
}

struct bytes apdu_exchange_command(const struct apdu_exchange *x)
{
        return (struct bytes){ x->command, x->n_command };
}

static int replace(struct apdu_exchange *x, const struct apdu *a)
{
        struct writer w = WRITER(x->command);

        apdu_write(&w, a);
        x->n_command = w.n;
        return APDU_MORE;
}

/* 5.3.4: SW2 more bytes are there; 00 stands for 256 or more. */
static int get_response(struct apdu_exchange *x, unsigned sw2)
{
        struct apdu a = { .ins = 0xC0, .le = sw2 == 0 ? 256 : (int)sw2 };

        if (++x->rounds > APDU_ROUNDS_MAX)
                return APDU_E_BOUND;
        a.cla = (x->command[0] & 0x40) ? 0 : x->command[0] & 0x03; /* 5.4.1: basic and channels 1 to 3 */
        return replace(x, &a);
}

/* 5.3.4: the same command with Le = SW2. The command's data stand in x->command: they are copied to stay whole. */
static int correct_le(struct apdu_exchange *x, unsigned sw2)
{
        uint8_t copy[APDU_MAX];
        struct writer w = WRITER(copy);
        struct apdu a;

        write_bytes(&w, apdu_exchange_command(x));
        ensure(apdu_parse(writer_bytes(&w), &a) == 0);
        a.le = sw2 == 0 ? 256 : (int)sw2;
        x->corrected = true;
        return replace(x, &a);
}

int apdu_exchange_answer(struct apdu_exchange *x, struct bytes answer)
{
        struct apdu_answer a;

        if (apdu_answer_parse(answer, &a) < 0)
                return APDU_E_SHORT;
        if (x->body->n > APDU_BODY_MAX || a.data.n > APDU_BODY_MAX - x->body->n)
                return APDU_E_BOUND;
        write_bytes(x->body, a.data);
        if (x->body->failed)
                return APDU_E_BOUND;
        x->sw = a.sw;
        if (a.sw >> 8 == 0x61)
                return get_response(x, a.sw & 0xFF);
        if (a.sw >> 8 == 0x6C && x->may_resend && !x->corrected && a.data.n == 0)
                return correct_le(x, a.sw & 0xFF);
        return APDU_COMPLETE;
}

void apdu_list_add(struct writer *w, struct bytes item)
{
        assert(item.n > 0 && item.n <= APDU_LIST_ITEM_MAX);
        write_u16(w, (unsigned)item.n);
        write_bytes(w, item);
}

int apdu_list_next(struct bytes *in, struct bytes *ret)
{
        struct bytes rest = *in;
        uint16_t n;

        if (in->n == 0)
                return 0;
        if (!bytes_u16(&rest, &n) || n == 0 || !bytes_take(&rest, n, ret))
                return -1;
        *in = rest;
        return 1;
}

int apdu_list_count(struct bytes in, size_t max)
{
        struct bytes item;
        size_t n = 0;
        int r;

        while ((r = apdu_list_next(&in, &item)) > 0)
                if (++n > max)
                        return -1;
        return r < 0 ? -1 : (int)n;
}
