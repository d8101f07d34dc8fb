/* drivers/chip on a faked pcsc-lite: arguments, every observed return (drivers/chip/README.md), the swap trap, a
 * restarted service; discovery and file reading under cut and changed answers. */
#include "drivers/chip/card.h"
#include "drivers/chip/pcsc.h"
#include "proto/base/cleanup.h"
#include "tests/unit/fake-scard.h"
#include "tests/unit/test.h"
#include <string.h>

DEFINE_CLEANUP(struct transport *, transport_close)

#define CPLC "9F7F2A000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728299000"
#define APP_AID "F04952534B494C4C0100"
/* FCI and card data as GPCS 11.9.3 and H.2 shape them; EF.SOD: 77 with 300 bytes, more behind it. */
static const struct fake_row card_rows[] = {
        { "00A4040000", "6F108408A000000151000000A5049F6501809000" },
        { "00A4040008A000000151000000", "6F108408A000000151000000A5049F6501809000" },
        { "00A404000A" APP_AID, "6F0C840A" APP_AID "9000" },
        { "80CA9F7F", CPLC },
        { "80CA00E0", "E012C00401FF8810C00402FF8810C00403FF88109000" },
        { "80CA0066", "660F730D640B06092A864886FC6B0403709000" },
        { "80CA00C1", "C1030000059000" },
        { "00A4020C02011D", "9000" },
        { "00B0000000", "7704010203049000" },
        { "00A4020C02011E", "6A82" },
        { NULL, NULL },
};
static const uint8_t aid[] = { 0xF0, 0x49, 0x52, 0x53, 0x4B, 0x49, 0x4C, 0x4C, 0x01, 0x00 };
static const uint8_t select_default[] = { 0x00, 0xA4, 0x04, 0x00, 0x00 };
static struct error err;

static struct transport *open_card(const struct fake_row *rows)
{
        struct transport *t;

        fake_begin(rows);
        t = pcsc_new("Fake 00 00");
        CHECK(t && t->ops->wait(t, 1000, NULL, NULL, &err) == 0 && t->ops->connect(t, &err) == 0);
        return t;
}

static int send_select(struct transport *t)
{
        uint8_t buffer[APDU_ANSWER_MAX];
        struct writer w = WRITER(buffer);
        uint16_t sw;

        return card_send(t, BYTES(select_default), &w, &sw, &err);
}

static void test_normal_use(void)
{
        cleanup(transport_close_p) struct transport *t = open_card(card_rows);

        CHECK(t->n_atr == 5 && t->atr[0] == 0x3B && fake.in_transaction);
        CHECK(send_select(t) == 0 && t->n_commands == 1 && t->ns_device > 0);
        CHECK(t->ops->reset(t, &err) == 0 && fake.in_transaction && send_select(t) == 0);
        t->ops->disconnect(t);
        CHECK(fake.cards_open == 0 && send_select(t) < 0 && err.kind == ERR_BUG);
        fake.protocol = SCARD_PROTOCOL_T0; /* the PCI follows what was negotiated */
        CHECK(t->ops->connect(t, &err) == 0 && send_select(t) == 0);
}

static void test_close_releases_all(void)
{
        transport_close(open_card(card_rows));
        CHECK(fake.cards_open == 0 && fake.contexts_open == 0);
}

static const struct fault {
        LONG code;
        enum error_kind kind;
        enum reason reason;
        bool service;
} faults[] = {
        { SCARD_W_REMOVED_CARD, ERR_OPERATOR, REASON_CARD_REMOVED, false },
        { SCARD_E_NOT_TRANSACTED, ERR_OPERATOR, REASON_CARD_REMOVED, false },
        { SCARD_W_RESET_CARD, ERR_OPERATOR, REASON_READER_BUSY, false },
        { SCARD_E_UNKNOWN_READER, ERR_OPERATOR, REASON_READER_GONE, false },
        { SCARD_W_UNRESPONSIVE_CARD, ERR_CARD, REASON_CARD_MUTE, false },
        { SCARD_E_NO_SERVICE, ERR_RETRY, REASON_READER_GONE, true },
        { SCARD_F_COMM_ERROR, ERR_RETRY, REASON_READER_GONE, true },
        { SCARD_E_INVALID_HANDLE, ERR_RETRY, REASON_READER_GONE, true },
        { SCARD_F_UNKNOWN_ERROR, ERR_OPERATOR, REASON_READER_GONE, false },
};

/* Each fault at a command, before and within a change: the card is let go at once and the handle never used again; a
 * fault of the service ends the context too. */
static void test_faults_at_a_command(void)
{
        for (size_t i = 0; i < 2 * ARRAY_SIZE(faults); i++) {
                const struct fault *f = &faults[i / 2];
                cleanup(transport_close_p) struct transport *t = open_card(card_rows);

                t->changing = i % 2 == 1;
                fake.at = FAKE_TRANSMIT;
                fake.n = 2;
                fake.times = 1;
                fake.code = f->code;
                CHECK(send_select(t) == 0 && send_select(t) < 0);
                CHECK(err.kind == (t->changing ? ERR_UNKNOWN : f->kind) && err.reason == f->reason);
                CHECK(err.origin == ORIGIN_PCSC && err.code == (uint32_t)f->code);
                CHECK(fake.cards_open == 0 && fake.contexts_open == (f->service ? 0u : 1u));
                CHECK(send_select(t) < 0 && err.kind == ERR_BUG);
                CHECK(t->ops->connect(t, &err) == 0 && send_select(t) == 0);
                CHECK(fake.contexts == (f->service ? 2u : 1u));
        }
}

/* Observed: a card pulled in mid-command is success with no byte. The next success may be another card's. */
static void test_torn_card(void)
{
        for (DWORD n = 0; n < 2; n++) {
                for (unsigned changing = 0; changing < 2; changing++) {
                        cleanup(transport_close_p) struct transport *t = open_card(card_rows);

                        t->changing = changing;
                        fake.at = FAKE_TRANSMIT;
                        fake.n = fake.times = 1;
                        fake.n_short = n;
                        CHECK(send_select(t) < 0 && fake.cards_open == 0);
                        CHECK(err.kind == (changing ? ERR_UNKNOWN : ERR_OPERATOR));
                        CHECK(err.reason == (n == 0 ? REASON_CARD_REMOVED : REASON_CARD_SHORT_ANSWER));
                }
        }
}

static void test_faults_at_reset(void)
{
        static const enum fake_call calls[] = { FAKE_RECONNECT, FAKE_BEGIN, FAKE_STATUS };

        for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
                cleanup(transport_close_p) struct transport *t = open_card(card_rows);

                t->changing = true;
                fake.at = calls[i];
                fake.n = fake.calls[calls[i]] + 1;
                fake.times = 1;
                fake.code = SCARD_W_REMOVED_CARD;
                CHECK(t->ops->reset(t, &err) < 0 && err.kind == ERR_UNKNOWN && fake.cards_open == 0);
        }
}

/* A killed holder is released after a moment; a missing card is told at once. */
static void test_connect(void)
{
        struct transport *t;

        fake_begin(card_rows);
        t = pcsc_new("Fake 00 00");
        fake.at = FAKE_CONNECT;
        fake.n = 1;
        fake.times = 2;
        fake.code = SCARD_E_SHARING_VIOLATION;
        CHECK(t->ops->connect(t, &err) == 0 && fake.calls[FAKE_CONNECT] == 3);
        t->ops->disconnect(t);
        fake.n = 4;
        fake.code = SCARD_E_NO_SMARTCARD;
        CHECK(t->ops->connect(t, &err) < 0 && err.kind == ERR_OPERATOR && err.reason == REASON_NO_CARD);
        fake.at = FAKE_BEGIN;
        fake.n = fake.calls[FAKE_BEGIN] + 1;
        fake.times = 1;
        fake.code = SCARD_W_REMOVED_CARD;
        CHECK(t->ops->connect(t, &err) < 0 && err.reason == REASON_CARD_REMOVED && fake.cards_open == 0);
        transport_close(t);
}

/* Another program resets the card: before ours it passes by itself, in the midst of ours it ends the session. */
static void test_reset_by_others(void)
{
        static const enum fake_call passing[] = { FAKE_CONNECT, FAKE_BEGIN };
        static const enum fake_call ending[] = { FAKE_STATUS, FAKE_TRANSMIT, FAKE_RECONNECT };

        for (size_t i = 0; i < ARRAY_SIZE(passing); i++) {
                struct transport *t = open_card(card_rows);

                t->ops->disconnect(t);
                fake.at = passing[i];
                fake.n = fake.calls[passing[i]] + 1;
                fake.times = 2;
                fake.code = SCARD_W_RESET_CARD;
                CHECK(t->ops->connect(t, &err) == 0 && fake.cards_open == 1 && send_select(t) == 0);
                transport_close(t);
        }
        for (size_t i = 0; i < 2 * ARRAY_SIZE(ending); i++) {
                cleanup(transport_close_p) struct transport *t = open_card(card_rows);

                t->changing = i % 2 == 1;
                fake.at = ending[i / 2];
                fake.n = fake.calls[ending[i / 2]] + 1;
                fake.times = 1;
                fake.code = SCARD_W_RESET_CARD;
                CHECK((send_select(t) < 0) == (ending[i / 2] == FAKE_TRANSMIT));
                CHECK((t->ops->reset(t, &err) < 0) == (ending[i / 2] != FAKE_TRANSMIT));
                CHECK(ending[i / 2] == FAKE_TRANSMIT || fake.cards_open == 0);
                CHECK(err.reason == REASON_READER_BUSY && err.kind == (t->changing ? ERR_UNKNOWN : ERR_OPERATOR));
        }
}

/* No end of 61xx, of 6Cxx, and of answers that each come in time. */
static void test_endless_answers(void)
{
        static const struct fake_row more[] = { { "00A4", "6110" }, { "00C0", "A5A56110" }, { NULL, NULL } };
        static const struct fake_row length[] = { { "00A4", "6C10" }, { NULL, NULL } };

        for (unsigned changing = 0; changing < 2; changing++) {
                cleanup(transport_close_p) struct transport *t = open_card(more);

                t->changing = changing;
                CHECK(send_select(t) < 0 && err.reason == REASON_CHIP_ANSWER && fake.cards_open == 0);
                CHECK(err.kind == (changing ? ERR_UNKNOWN : ERR_CARD) && t->n_commands <= 1 + APDU_ROUNDS_MAX);
                fake.rows = length;
                fake.calls[FAKE_TRANSMIT] = 0;
                CHECK(t->ops->connect(t, &err) == 0 && send_select(t) == 0 && fake.calls[FAKE_TRANSMIT] == 2);
                t->ns_limit = t->ns_device + 1000000000u;
                CHECK(send_select(t) == 0);
                t->ns_limit = t->ns_device;
                CHECK(send_select(t) < 0 && err.reason == REASON_CHIP_SLOW && fake.calls[FAKE_TRANSMIT] == 4);
                CHECK(err.kind == (changing ? ERR_UNKNOWN : ERR_CARD) && fake.cards_open == 0);
        }
}

static int stop_at_once(void *context, int64_t ms)
{
        ++*(unsigned *)context;
        CHECK(ms >= 0);
        return -1;
}

/* The service restarts while we wait: a new context each time, then the card. */
static void test_wait(void)
{
        struct transport *t;
        unsigned ticks = 0;

        fake_begin(card_rows);
        t = pcsc_new("Fake 00 00");
        fake.at = FAKE_WAIT;
        fake.n = 1;
        fake.times = 2;
        fake.code = SCARD_F_COMM_ERROR;
        CHECK(t->ops->wait(t, 1000, NULL, NULL, &err) == 0 && fake.contexts == 3);
        fake.state = SCARD_STATE_EMPTY;
        CHECK(t->ops->wait(t, 0, NULL, NULL, &err) < 0 && err.kind == ERR_OPERATOR && err.reason == REASON_NO_CARD);
        CHECK(t->ops->wait(t, 60000, stop_at_once, &ticks, &err) < 0 && ticks == 1 && err.reason == REASON_NO_CARD);
        fake.n = fake.calls[FAKE_WAIT] + 1;
        fake.times = 1;
        fake.code = SCARD_E_NO_MEMORY; /* nothing that passes */
        CHECK(t->ops->wait(t, 60000, NULL, NULL, &err) < 0 && err.kind == ERR_RETRY);
        transport_close(t);
}

/* Who has seen the card that is there waits until it left, and takes the next. */
static void test_watch(void)
{
        struct transport *t;

        fake_begin(card_rows);
        t = pcsc_new("Fake 00 00");
        t->fresh = t->patient = true;
        CHECK(t->ops->wait(t, 0, NULL, NULL, &err) < 0 && err.reason == REASON_NO_CARD && t->fresh);
        fake.state = SCARD_STATE_EMPTY;
        CHECK(t->ops->wait(t, 0, NULL, NULL, &err) < 0 && !t->fresh);
        fake.state = SCARD_STATE_PRESENT;
        CHECK(t->ops->wait(t, 60000, NULL, NULL, &err) == 0);
        transport_close(t);
}

static void test_identify(void)
{
        cleanup(transport_close_p) struct transport *t = open_card(card_rows);
        struct card_identity c;
        enum card_app app;
        unsigned max_lc = 255;

        CHECK(card_identify(t, (struct bytes){ 0 }, &c, &err) == 0);
        CHECK(bytes_equal(BYTES(c.chip_id), BYTES_STR("\x00\x01\x02\x03\x10\x11\x0C\x0D\x0E\x0F")));
        CHECK(c.has_cplc && c.n_keys == 3 && c.keys[0].kvn == 0xFF && c.n_scps == 1 && c.scps[0].i == 0x70);
        CHECK(c.max_lc == 128 && c.n_isd_aid == 8);
        CHECK(card_select_app(t, BYTES(aid), &app, &max_lc, &err) == 0 && app == CARD_APP_SELECTED && max_lc == 255);
}

/* What other cards do: default SELECT refused, no CPLC but an image number, no key information, a locked card. */
static void test_other_cards(void)
{
        static const struct fake_row no_default[] = { { "00A4040000", "6A82" },
                                                      { "00A4040008A000000151000000", "6A82" },
                                                      { "00A4040008A000000003000000", "9000" },
                                                      { "80CA9F7F", "6A88" },
                                                      { "80CA0045", "4503A1B2C39000" },
                                                      { "80CA", "6A88" },
                                                      { NULL, NULL } };
        static const struct fake_row no_id[] = { { "00A4", "9000" }, { "80CA", "6A88" }, { NULL, NULL } };
        static const struct fake_row locked[] = { { "00A4040000", "6283" }, { NULL, NULL } };
        static const struct fake_row nothing[] = { { NULL, NULL } };
        static const struct {
                const struct fake_row *rows;
                enum reason reason;
        } refused[] = { { no_id, REASON_CHIP_FOREIGN },
                        { locked, REASON_CHIP_LOCKED },
                        { nothing, REASON_CHIP_FOREIGN } };
        struct card_identity c;
        struct transport *t = open_card(no_default);

        CHECK(card_identify(t, (struct bytes){ 0 }, &c, &err) == 0 && c.chip_id[9] == 0xC3 && c.n_keys == 0 &&
              !c.has_cplc);
        CHECK(card_identify(t, BYTES(aid), &c, &err) < 0); /* the named one only: no other is tried */
        transport_close(t);
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
                t = open_card(refused[i].rows);
                CHECK(card_identify(t, (struct bytes){ 0 }, &c, &err) < 0);
                CHECK(err.kind == ERR_CARD && err.reason == refused[i].reason);
                transport_close(t);
        }
}

static void test_app_states(void)
{
        static const struct {
                const char *answer;
                enum card_app app;
        } cases[] = { { "9000", CARD_APP_SELECTED }, { "6A82", CARD_APP_ABSENT },
                      { "6283", CARD_APP_LOCKED },   { "6999", CARD_APP_LOCKED },
                      { "6985", CARD_APP_LOCKED },   { "6F05A5039F65019000", CARD_APP_SELECTED } };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct fake_row rows[] = { { "00A404000A", cases[i].answer }, { NULL, NULL } };
                cleanup(transport_close_p) struct transport *t = open_card(rows);
                enum card_app app;

                CHECK(card_select_app(t, BYTES(aid), &app, NULL, &err) == 0 && app == cases[i].app);
        }
}

static const struct read_case {
        struct fake_row rows[6];
        enum card_file result;
        size_t n;
} reads[] = {
        { { { "00A4020C02011D", "9000" }, { "00B0000000", "7704010203049000" } }, CARD_FILE_READ, 6 },
        /* short answers, one byte at a time at first; the last is asked for exactly */
        { { { "00A4020C02011D", "9000" },
            { "00B0000000", "779000" },
            { "00B0000100", "04019000" },
            { "00B0000303", "0203049000" } },
          CARD_FILE_READ,
          6 },
        /* warning at the end of the file, padding behind the content */
        { { { "00A4020C02011D", "9000" }, { "00B0000000", "7702AABB00006282" } }, CARD_FILE_READ, 4 },
        /* wrong Le: 6C08 */
        { { { "00A4020C02011D", "9000" },
            { "00B0000000", "6C08" },
            { "00B0000008", "7706010203040506"
                            "9000" } },
          CARD_FILE_READ,
          8 },
        /* T=0 */
        { { { "00A4020C02011D", "6104" }, { "00C0000004", "620282009000" }, { "00B0000000", "7702AABB9000" } },
          CARD_FILE_READ,
          4 },
        { { { "00A4020C02011D", "6A82" } }, CARD_FILE_ABSENT, 0 },
        { { { "00A4020C02011D", "6982" } }, CARD_FILE_REFUSED, 0 },
        { { { "00A4020C02011D", "6985" } }, CARD_FILE_ABSENT, 0 },
        { { { "00A4020C02011D", "9000" }, { "00B0", "9000" } }, CARD_FILE_ABSENT, 0 },
        { { { "00A4020C02011D", "9000" }, { "00B0", "6B00" } }, CARD_FILE_ABSENT, 0 },
        { { { "00A4020C02011D", "9000" }, { "00B0", "6982" } }, CARD_FILE_REFUSED, 0 },
        { { { "00A4020C02011D", "9000" }, { "00B0000000", "77049000" }, { "00B00002", "6B00" } }, CARD_FILE_BROKEN, 0 },
        { { { "00A4020C02011D", "9000" }, { "00B0000000", "77049000" }, { "00B00002", "9000" } }, CARD_FILE_BROKEN, 0 },
        { { { "00A4020C02011D", "9000" }, { "00B0000000", "0000000000009000" } }, CARD_FILE_BROKEN, 0 },
        { { { "00A4020C02011D", "9000" }, { "00B0000000", "77830100009000" } }, CARD_FILE_BROKEN, 0 }, /* over 64 KiB */
        { { { "00A4020C02011D", "9000" }, { "00B0", "7782FFF09000" } }, CARD_FILE_BROKEN, 0 }, /* over the offset */
};

static void test_read_file(void)
{
        static uint8_t buffer[CARD_FILE_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
                cleanup(transport_close_p) struct transport *t = open_card(reads[i].rows);
                struct writer w = WRITER(buffer);
                enum card_file file;

                write_u16(&w, 0x1234); /* what is there already stays */
                CHECK(card_read_file(t, 0x011D, NULL, NULL, &w, &file, &err) == 0);
                CHECK(file == reads[i].result && w.n == 2 + reads[i].n && buffer[0] == 0x12);
        }
}

static void test_listed_answer(void)
{
        static const struct fake_row rows[] = { { "84E2", "6108" },
                                                { "00C0000008", "01020304050607089000" },
                                                { NULL, NULL } };
        static const uint8_t command[] = { 0x84, 0xE2, 0x88, 0x00, 0x01, 0xAA, 0x00 };
        cleanup(transport_close_p) struct transport *t = open_card(rows);
        uint8_t buffer[32];
        struct writer list = WRITER(buffer);
        uint16_t sw = 0;

        CHECK(card_send_listed(t, BYTES(command), &list, &sw, &err) == 0 && sw == 0x9000);
        CHECK(bytes_equal(writer_bytes(&list), BYTES_STR("\x00\x0A\x01\x02\x03\x04\x05\x06\x07\x08\x90\x00")));
}

/* Discovery and reading with every answer cut at every length and every byte changed to 00, 7F, 80 and FF: it ends,
 * within bounds (sanitizers), and a refusal has its words. */
static unsigned walk(void)
{
        static uint8_t buffer[CARD_FILE_MAX];
        cleanup(transport_close_p) struct transport *t = pcsc_new("Fake 00 00");
        struct writer w = WRITER(buffer);
        struct card_identity c;
        enum card_app app;
        enum card_file file;

        CHECK(t->ops->connect(t, &err) == 0);
        err.text[0] = '\0';
        if (card_identify(t, (struct bytes){ 0 }, &c, &err) < 0 ||
            card_select_app(t, BYTES(aid), &app, NULL, &err) < 0 ||
            card_read_file(t, 0x011D, NULL, NULL, &w, &file, &err) < 0)
                CHECK(err.text[0] != '\0' && err.kind >= ERR_RETRY && err.reason != REASON_NONE);
        return fake.calls[FAKE_TRANSMIT];
}

static void test_damaged_answers(void)
{
        static const uint8_t values[] = { 0x00, 0x7F, 0x80, 0xFF };
        unsigned n_commands;

        fake_begin(card_rows);
        n_commands = walk();
        CHECK(n_commands >= 7);
        for (unsigned at = 1; at <= n_commands; at++) {
                for (size_t i = 0; i < 48; i++) {
                        fake_begin(card_rows);
                        fake.damage_at = at;
                        fake.damage = FAKE_CUT;
                        fake.cut = i;
                        (void)walk();
                        for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
                                fake_begin(card_rows);
                                fake.damage_at = at;
                                fake.damage = FAKE_FLIP;
                                fake.flip = i;
                                fake.flip_to = values[v];
                                (void)walk();
                        }
                }
        }
}

int main(void)
{
        test_normal_use();
        test_close_releases_all();
        test_faults_at_a_command();
        test_torn_card();
        test_faults_at_reset();
        test_connect();
        test_reset_by_others();
        test_endless_answers();
        test_wait();
        test_watch();
        test_identify();
        test_other_cards();
        test_app_states();
        test_read_file();
        test_listed_answer();
        test_damaged_answers();
        return 0;
}
