#include "drivers/chip/pcsc.h"
#include "proto/base/cleanup.h"
#include <winscard.h>

/* kind: before anything on the card was changed. In the middle of a change each of them is UNKNOWN. */
static const struct row {
        LONG code;
        enum error_kind kind;
        enum reason reason;
        const char *text;
} rows[] = {
        { SCARD_E_NO_SMARTCARD, ERR_OPERATOR, REASON_NO_CARD, "no card in the reader" },
        { SCARD_W_REMOVED_CARD, ERR_OPERATOR, REASON_CARD_REMOVED, "the card was taken out" },
        { SCARD_E_NOT_TRANSACTED, ERR_OPERATOR, REASON_CARD_REMOVED, "the card was taken out or changed" },
        { SCARD_W_RESET_CARD, ERR_OPERATOR, REASON_READER_BUSY, "another program reset the card" },
        { SCARD_E_SHARING_VIOLATION, ERR_OPERATOR, REASON_READER_BUSY, "another program holds the card" },
        { SCARD_E_UNKNOWN_READER, ERR_OPERATOR, REASON_READER_GONE, "the reader is not there" },
        { SCARD_E_READER_UNAVAILABLE, ERR_OPERATOR, REASON_READER_GONE, "the reader is not available" },
        { SCARD_E_NO_READERS_AVAILABLE, ERR_OPERATOR, REASON_READER_GONE, "no reader is there" },
        { SCARD_W_UNRESPONSIVE_CARD, ERR_CARD, REASON_CARD_MUTE, "the chip does not answer to reset" },
        { SCARD_W_UNPOWERED_CARD, ERR_OPERATOR, REASON_CARD_MUTE, "the card has no power" },
        { SCARD_W_UNSUPPORTED_CARD, ERR_CARD, REASON_CHIP_FOREIGN, "the reader does not know this kind of card" },
        { SCARD_E_PROTO_MISMATCH, ERR_CARD, REASON_CHIP_FOREIGN, "neither T=0 nor T=1" },
        { SCARD_E_NO_SERVICE, ERR_RETRY, REASON_READER_GONE, "the reader service is down" },
        { SCARD_E_SERVICE_STOPPED, ERR_RETRY, REASON_READER_GONE, "the reader service stopped" },
        { SCARD_F_COMM_ERROR, ERR_RETRY, REASON_READER_GONE, "the reader service broke off" },
        { SCARD_E_INVALID_HANDLE, ERR_RETRY, REASON_READER_GONE, "the reader service was started anew" },
        { SCARD_E_TIMEOUT, ERR_OPERATOR, REASON_NO_CARD, "no card came" },
        { SCARD_E_CANCELLED, ERR_OPERATOR, REASON_NO_CARD, "the wait was called off" },
        { SCARD_E_NO_MEMORY, ERR_RETRY, REASON_INTERNAL, "no memory" },
};

static const struct row other = { 0, ERR_OPERATOR, REASON_READER_GONE, "the reader failed" };

static const struct row *find(LONG code)
{
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].code == code)
                        return &rows[i];
        return &other;
}

int pcsc_error(long code, bool changing, const char *what, struct error *err)
{
        const struct row *row = find(code);

        return err_set(err, changing ? ERR_UNKNOWN : row->kind, ORIGIN_PCSC, (uint32_t)code, row->reason, "%s: %s",
                       what, row->text);
}
