/* Discovery without keys: docs/card-applet.md 2; GPCS 11.3, 11.9. */
#include "drivers/chip/card.h"
#include "proto/base/cleanup.h"
#include <string.h>

/* AIDs of issuer security domains met in the field: GlobalPlatform, Open Platform (Visa). */
static const struct {
        uint8_t bytes[8];
} known_isds[] = {
        { { 0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00 } },
        { { 0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00 } },
};

enum { SELECT_LOCKED_FILE = 0x6283 }; /* GPCS 11.9.3.2: selected, but the card is CARD_LOCKED */

static int select_aid(struct transport *t, struct bytes aid, struct writer *fci, uint16_t *ret_sw, struct error *err)
{
        uint8_t command[APDU_MAX];
        struct writer w = WRITER(command);

        gp_write_select(&w, aid);
        return card_send(t, writer_bytes(&w), fci, ret_sw, err);
}

/* The given one, or the default and then each well-known one; the last status word tells why not. */
static int find_isd(struct transport *t, struct bytes aid, struct writer *fci, uint16_t *ret_sw, struct error *err)
{
        if (select_aid(t, aid, fci, ret_sw, err) < 0)
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(known_isds) && aid.n == 0; i++) {
                if (*ret_sw == SW_OK || *ret_sw == SELECT_LOCKED_FILE)
                        return 0;
                fci->n = 0;
                if (select_aid(t, BYTES(known_isds[i].bytes), fci, ret_sw, err) < 0)
                        return -1;
        }
        return 0;
}

static int select_isd(struct transport *t, struct bytes aid, struct writer *fci, struct error *err)
{
        uint16_t sw = 0;

        if (find_isd(t, aid, fci, &sw, err) < 0)
                return -1;
        if (sw == SELECT_LOCKED_FILE)
                return err_set(err, ERR_CARD, ORIGIN_SW, sw, REASON_CHIP_LOCKED, "the card is locked by its issuer");
        if (sw != SW_OK)
                return err_set(err, ERR_CARD, ORIGIN_SW, sw, REASON_CHIP_FOREIGN,
                               "no security domain on the chip: %04X, %s", sw, apdu_sw_text(sw));
        return 0;
}

int card_select_isd(struct transport *t, struct bytes isd_aid, struct error *err)
{
        uint8_t buffer[APDU_ANSWER_MAX];
        struct writer fci = WRITER(buffer);

        return select_isd(t, isd_aid, &fci, err);
}

static int malformed(struct error *err, const char *what)
{
        return err_own(err, ERR_CARD, REASON_CHIP_ANSWER, "%s is malformed", what);
}

/* 1 and the body, 0 when the card does not have it, -1 lost. */
static int get_data(struct transport *t, unsigned tag, struct writer *body, struct error *err)
{
        uint8_t command[APDU_MAX];
        struct writer w = WRITER(command);
        uint16_t sw = 0;

        gp_write_get_data(&w, tag);
        if (card_send(t, writer_bytes(&w), body, &sw, err) < 0)
                return -1;
        return sw == SW_OK && body->n > 0;
}

static int read_cin(struct transport *t, struct card_identity *c, struct error *err)
{
        uint8_t buffer[1024];
        struct writer body = WRITER(buffer);
        int r = get_data(t, GP_DATA_CIN, &body, err);

        if (r < 0)
                return -1;
        if (r == 0)
                return err_own(err, ERR_CARD, REASON_CHIP_FOREIGN, "the chip has neither CPLC nor a card image number");
        return gp_chip_id_from_cin(writer_bytes(&body), c->chip_id) < 0 ? malformed(err, "the card image number") : 0;
}

static int read_chip_id(struct transport *t, struct card_identity *c, struct error *err)
{
        uint8_t buffer[1024];
        struct writer body = WRITER(buffer);
        int r = get_data(t, GP_DATA_CPLC, &body, err);

        if (r < 0)
                return -1;
        if (r == 0)
                return read_cin(t, c, err);
        if (gp_parse_cplc(writer_bytes(&body), c->cplc) < 0)
                return malformed(err, "CPLC");
        c->has_cplc = true;
        gp_chip_id_from_cplc(c->cplc, c->chip_id);
        return 0;
}

static int read_keys(struct transport *t, struct card_identity *c, struct error *err)
{
        uint8_t buffer[1024];
        struct writer body = WRITER(buffer);
        int r = get_data(t, GP_DATA_KEY_INFO, &body, err);

        if (r <= 0)
                return r;
        return gp_parse_key_info(writer_bytes(&body), c->keys, &c->n_keys) < 0 ? malformed(err, "key information") : 0;
}

static int read_card_data(struct transport *t, struct card_identity *c, struct error *err)
{
        uint8_t buffer[1024];
        struct writer body = WRITER(buffer);
        int r = get_data(t, GP_DATA_CARD, &body, err);

        if (r <= 0)
                return r;
        return gp_parse_card_data(writer_bytes(&body), c->scps, &c->n_scps) < 0 ? malformed(err, "card data") : 0;
}

static int start(struct transport *t, struct bytes isd_aid, struct card_identity *c, struct error *err)
{
        uint8_t buffer[APDU_ANSWER_MAX];
        struct writer body = WRITER(buffer);
        struct gp_fci fci = { .max_lc = GP_LC_DEFAULT };

        if (select_isd(t, isd_aid, &body, err) < 0)
                return -1;
        if (body.n > 0 && gp_parse_fci(writer_bytes(&body), &fci) < 0)
                return malformed(err, "the security domain's FCI");
        memcpy(c->isd_aid, fci.aid, fci.n_aid);
        c->n_isd_aid = fci.n_aid;
        c->max_lc = fci.max_lc;
        return 0;
}

int card_identify(struct transport *t, struct bytes isd_aid, struct card_identity *ret, struct error *err)
{
        struct card_identity c = { .max_lc = GP_LC_DEFAULT };

        if (start(t, isd_aid, &c, err) < 0 || read_chip_id(t, &c, err) < 0 || read_keys(t, &c, err) < 0 ||
            read_card_data(t, &c, err) < 0)
                return -1;
        *ret = c;
        return 0;
}

int card_chip_id(struct transport *t, struct bytes isd_aid, uint8_t ret[GP_CHIP_ID_SIZE], struct error *err)
{
        struct card_identity c = { .max_lc = GP_LC_DEFAULT };

        if (start(t, isd_aid, &c, err) < 0 || read_chip_id(t, &c, err) < 0)
                return -1;
        memcpy(ret, c.chip_id, sizeof c.chip_id);
        return 0;
}

int card_select_app(struct transport *t, struct bytes aid, enum card_app *ret, unsigned *max_lc, struct error *err)
{
        uint8_t buffer[APDU_ANSWER_MAX];
        struct writer body = WRITER(buffer);
        struct gp_fci fci;
        uint16_t sw = 0;

        if (select_aid(t, aid, &body, &sw, err) < 0)
                return -1;
        if (sw == SW_OK)
                *ret = CARD_APP_SELECTED;
        else
                *ret = sw == SW_NOT_FOUND || sw == SW_NO_DATA ? CARD_APP_ABSENT : CARD_APP_LOCKED;
        if (sw == SW_OK && max_lc && gp_parse_fci(writer_bytes(&body), &fci) == 0 && fci.max_lc < *max_lc)
                *max_lc = fci.max_lc;
        return 0;
}
