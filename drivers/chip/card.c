#include "drivers/chip/card.h"

static int let_go(struct transport *t, enum reason reason, const char *why, struct error *err)
{
        t->ops->disconnect(t);
        return err_own(err, t->changing ? ERR_UNKNOWN : ERR_CARD, reason, "%s", why);
}

/* Each answer may come in time and there be no end of them; one that does not come is the supervisor's to end. */
static bool took_too_long(const struct transport *t)
{
        return t->ns_limit != 0 && t->ns_device >= t->ns_limit;
}

static int exchange(struct transport *t, struct bytes command, struct writer *body, uint16_t *ret_sw, struct error *err)
{
        uint8_t buffer[APDU_ANSWER_MAX];
        struct apdu_exchange x;
        int r = APDU_MORE;

        apdu_exchange_begin(&x, command, body);
        while (r == APDU_MORE) {
                struct writer answer = WRITER(buffer);

                if (took_too_long(t))
                        return let_go(t, REASON_CHIP_SLOW, "the chip is not done in the time that a card has", err);
                if (t->before)
                        t->before(t->context);
                if (t->ops->transmit(t, apdu_exchange_command(&x), &answer, err) < 0)
                        return -1;
                r = apdu_exchange_answer(&x, writer_bytes(&answer));
        }
        if (r < 0)
                return let_go(t, REASON_CHIP_ANSWER, "the chip's answer is longer than it may be", err);
        *ret_sw = x.sw;
        return 0;
}

int card_send(struct transport *t, struct bytes command, struct writer *body, uint16_t *ret_sw, struct error *err)
{
        return exchange(t, command, body, ret_sw, err);
}

int card_send_listed(struct transport *t, struct bytes command, struct writer *list, uint16_t *ret_sw,
                     struct error *err)
{
        uint8_t buffer[APDU_ANSWER_MAX];
        struct writer answer = { buffer, 0, sizeof buffer - 2, false };

        if (exchange(t, command, &answer, ret_sw, err) < 0)
                return -1;
        answer.max = sizeof buffer;
        write_u16(&answer, *ret_sw);
        apdu_list_add(list, writer_bytes(&answer));
        return list->failed ? err_own(err, ERR_UNKNOWN, REASON_INTERNAL, "no room for the chip's answers") : 0;
}
