#include "proto/apdu.h"
#include "proto/base/cleanup.h"

/* ISO/IEC 7816-4:2020 tables 6 and 7; GPCS 11.1.3 and the command pages. */
static const struct row {
        uint16_t sw;
        enum reason reason;
        const char *text;
} rows[] = {
        { 0x9000, REASON_NONE, "done" },
        { 0x6200, REASON_CHIP_STATUS, "warning without information" },
        { 0x6281, REASON_CHIP_ANSWER, "part of the data may be corrupted" },
        { 0x6282, REASON_CHIP_STATUS, "end of file reached before all bytes were read" },
        { 0x6283, REASON_CHIP_LOCKED, "the selected file is deactivated or the card is locked" },
        { 0x6285, REASON_CHIP_LOCKED, "the selected file is terminated" },
        { 0x6300, REASON_CHIP_KEY_REFUSED, "authentication failed" },
        { 0x6310, REASON_CHIP_STATUS, "more data are available" },
        { 0x6400, REASON_CHIP_STATUS, "execution error, memory unchanged" },
        { 0x6500, REASON_CHIP_STATUS, "execution error, memory changed" },
        { 0x6581, REASON_CHIP_STATUS, "the chip's memory failed" },
        { 0x6700, REASON_CHIP_STATUS, "wrong length" },
        { 0x6881, REASON_CHIP_STATUS, "logical channel not supported" },
        { 0x6882, REASON_CHIP_STATUS, "secure messaging not supported" },
        { 0x6982, REASON_CHIP_STATUS, "security condition not satisfied" },
        { 0x6983, REASON_CHIP_LOCKED, "authentication method blocked" },
        { 0x6985, REASON_CHIP_STATUS, "conditions of use not satisfied" },
        { 0x6986, REASON_CHIP_STATUS, "no current file" },
        { 0x6987, REASON_CHIP_MAC, "secure messaging data objects missing" },
        { 0x6988, REASON_CHIP_MAC, "secure messaging data objects wrong" },
        { 0x6999, REASON_CHIP_LOCKED, "the application refuses to be selected" },
        { 0x6A80, REASON_CHIP_STATUS, "wrong data" },
        { 0x6A81, REASON_CHIP_LOCKED, "function not supported or card locked" },
        { 0x6A82, REASON_CHIP_FOREIGN, "file or application not found" },
        { 0x6A84, REASON_CHIP_SMALL, "not enough memory" },
        { 0x6A86, REASON_CHIP_STATUS, "wrong P1 or P2" },
        { 0x6A88, REASON_CHIP_FOREIGN, "referenced data or key not found" },
        { 0x6B00, REASON_CHIP_STATUS, "offset outside the file" },
        { 0x6D00, REASON_CHIP_FOREIGN, "instruction not known" },
        { 0x6E00, REASON_CHIP_FOREIGN, "class not known" },
        { 0x6F00, REASON_CHIP_STATUS, "the chip reports no precise reason" },
};

static const struct row *find(uint16_t sw)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].sw == sw)
                        return &rows[i];
        return NULL;
}

const char *apdu_sw_text(uint16_t sw)
{
        const struct row *row = find(sw);

        if (row)
                return row->text;
        switch (sw >> 8) {
        case 0x61:
                return "more bytes are there";
        case 0x62:
        case 0x63:
                return "warning";
        case 0x64:
        case 0x65:
        case 0x66:
                return "execution error";
        case 0x6C:
                return "wrong Le";
        default:
                return sw >> 12 == 0x6 ? "command refused" : "not a status word of ISO/IEC 7816-4";
        }
}

int apdu_sw_check(uint16_t sw, bool warnings, const char *step, struct error *err)
{
        const struct row *row = find(sw);

        if (sw == SW_OK || (warnings && (sw >> 8 == 0x62 || sw >> 8 == 0x63)))
                return 0;
        return err_set(err, ERR_CARD, ORIGIN_SW, sw, row ? row->reason : REASON_CHIP_STATUS, "%s: %04X, %s", step, sw,
                       apdu_sw_text(sw));
}
