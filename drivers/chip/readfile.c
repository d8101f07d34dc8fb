/* Reading one file over the keyless path: ISO/IEC 7816-4:2020 11.2.2, 11.3.3; docs/card-applet.md 5. */
#include "drivers/chip/card.h"
#include "proto/base/cleanup.h"
#include "proto/tlv.h"

enum {
        PART = 256,          /* Le 00 */
        OFFSET_MAX = 0x7FFF, /* b8 of P1 is 0 */
        SW_END_OF_FILE = 0x6282,
        HEAD_MAX = 8, /* tag 3 bytes, length 5 */
};

static int select_file(struct transport *t, unsigned fid, uint16_t *ret_sw, struct error *err)
{
        uint8_t command[APDU_MAX], buffer[APDU_ANSWER_MAX];
        struct writer w = WRITER(command), body = WRITER(buffer);

        gp_write_select_file(&w, fid);
        return card_send(t, writer_bytes(&w), &body, ret_sw, err);
}

static int read_part(struct transport *t, size_t offset, size_t want, struct writer *body, uint16_t *ret_sw,
                     struct error *err)
{
        uint8_t command[APDU_MAX];
        struct writer w = WRITER(command);

        gp_write_read_binary(&w, (unsigned)offset, (int)(want < PART ? want : PART));
        return card_send(t, writer_bytes(&w), body, ret_sw, err);
}

/* How many bytes to ask for next: 0 when the outer TLV is whole, else up to its end (as far as it is known). */
static int bytes_left(struct bytes got, size_t *ret)
{
        struct bytes head = { got.p, got.n < HEAD_MAX ? got.n : HEAD_MAX };
        size_t total = 0;
        int r = tlv_total(head, &total);

        if (r == TLV_E_TRUNCATED) {
                *ret = PART;
                return 0;
        }
        if (r < 0 || total > CARD_FILE_MAX)
                return -1;
        *ret = total > got.n ? total - got.n : 0;
        return 0;
}

/* How cards say that a file is not there, or that they were never personalised (docs/card-applet.md 2). */
static bool means_absent(uint16_t sw)
{
        static const uint16_t words[] = { SW_NOT_FOUND, 0x6A83, SW_NO_DATA, 0x6985, 0x6986, 0x6B00 };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (words[i] == sw)
                        return true;
        return false;
}

static enum card_file refused(size_t n, uint16_t sw)
{
        if (n > 0)
                return CARD_FILE_BROKEN; /* it ended before its TLV did */
        return means_absent(sw) ? CARD_FILE_ABSENT : CARD_FILE_REFUSED;
}

static int read_all(struct transport *t, void (*tick)(void *, size_t), void *context, struct writer *file,
                    enum card_file *ret, struct error *err)
{
        size_t left = PART;

        *ret = CARD_FILE_BROKEN;
        while (file->n <= OFFSET_MAX) {
                size_t before = file->n;
                uint16_t sw = 0;

                if (tick)
                        tick(context, file->n);
                if (read_part(t, file->n, left, file, &sw, err) < 0)
                        return -1;
                if (sw != SW_OK && sw != SW_END_OF_FILE) {
                        *ret = refused(before, sw);
                        return 0;
                }
                if (file->n == before) {
                        *ret = before == 0 ? CARD_FILE_ABSENT : CARD_FILE_BROKEN;
                        return 0;
                }
                if (bytes_left(writer_bytes(file), &left) < 0)
                        return 0;
                if (left == 0) {
                        *ret = CARD_FILE_READ;
                        return 0;
                }
        }
        return 0;
}

static void keep_outer(struct writer *file)
{
        size_t total = 0;

        if (tlv_total(writer_bytes(file), &total) == TLV_ITEM && total < file->n)
                file->n = total; /* the file is longer than its content */
}

int card_read_file(struct transport *t, unsigned fid, void (*tick)(void *, size_t), void *context,
                   struct writer *content, enum card_file *ret, struct error *err)
{
        struct writer file = { content->p + content->n, 0, content->max - content->n, content->failed };
        uint16_t sw = 0;

        if (select_file(t, fid, &sw, err) < 0)
                return -1;
        if (sw != SW_OK) {
                *ret = refused(0, sw);
                return 0;
        }
        if (read_all(t, tick, context, &file, ret, err) < 0)
                return -1;
        if (*ret != CARD_FILE_READ)
                return 0;
        keep_outer(&file);
        content->n += file.n;
        return 0;
}
