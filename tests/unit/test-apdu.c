/* proto/apdu: the four short cases of ISO/IEC 7816-4:2020 5.1, answers, 61xx and 6Cxx, lists. */
#include "proto/apdu.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <string.h>

static const struct {
        const char *hex;
        int result;
        size_t n_data;
        int le;
} cases[] = {
        { "00A40400", 0, 0, APDU_NO_LE },
        { "00A4040000", 0, 0, 256 },
        { "80CA9F7F2D", 0, 0, 0x2D },
        { "00A4020C02011D", 0, 2, APDU_NO_LE },
        { "8050000008B2BDE1A2DC66BD5600", 0, 8, 256 },
        { "", -1, 0, 0 },
        { "00A404", -1, 0, 0 },
        { "00A404000000", -1, 0, 0 },    /* Lc 00 with something behind */
        { "00A4040002AA", -1, 0, 0 },    /* short of data */
        { "00A4040001AABBCC", -1, 0, 0 } /* more than Le behind */
};

static void test_cases(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint8_t data[32], out[APDU_MAX];
                struct bytes in = { data, 0 };
                struct writer w = WRITER(out);
                struct apdu a = { 0 };

                CHECK(hex_decode(cases[i].hex, data, sizeof data, &in.n));
                CHECK(apdu_parse(in, &a) == cases[i].result);
                if (cases[i].result < 0)
                        continue;
                CHECK(a.data.n == cases[i].n_data && a.le == cases[i].le);
                apdu_write(&w, &a);
                CHECK(bytes_equal(writer_bytes(&w), in));
        }
}

static void test_truncations(void)
{
        uint8_t data[255], out[APDU_MAX];
        struct writer w = WRITER(out);
        struct apdu a = { .cla = 0x80, .ins = 0xE2, .data = BYTES(data), .le = 256 }, back;

        memset(data, 1, sizeof data);
        apdu_write(&w, &a);
        CHECK(w.n == APDU_MAX && apdu_parse(writer_bytes(&w), &back) == 0 && back.data.n == 255);
        for (size_t n = 0; n < w.n; n++) {
                bool whole = n == 4 || n == 5 || n == w.n - 1; /* header, header and Le, no Le */

                CHECK((apdu_parse((struct bytes){ out, n }, &back) == 0) == whole);
        }
}

static void test_answers(void)
{
        static const uint8_t data[] = { 1, 2, 0x90, 0x00 };
        struct apdu_answer a;

        CHECK(apdu_answer_parse(BYTES(data), &a) == 0 && a.sw == 0x9000 && a.data.n == 2);
        CHECK(apdu_answer_parse((struct bytes){ data, 0 }, &a) < 0 &&
              apdu_answer_parse((struct bytes){ data, 1 }, &a) < 0);
}

static void test_status_words(void)
{
        struct error err;

        CHECK(apdu_sw_check(0x9000, false, "SELECT", &err) == 0);
        CHECK(apdu_sw_check(0x6282, true, "READ BINARY", &err) == 0);
        CHECK(apdu_sw_check(0x6282, false, "READ BINARY", &err) < 0 && err.kind == ERR_CARD);
        CHECK(apdu_sw_check(0x6A82, true, "SELECT", &err) < 0 && err.code == 0x6A82 && err.origin == ORIGIN_SW);
        CHECK(strstr(err.text, "SELECT") && strstr(err.text, "6A82") && strstr(err.text, "not found"));
        CHECK(apdu_sw_check(0x6983, true, "x", &err) < 0 && err.reason == REASON_CHIP_LOCKED);
        CHECK(apdu_sw_check(0x6300, false, "x", &err) < 0 && err.reason == REASON_CHIP_KEY_REFUSED);
        CHECK(apdu_sw_check(0x0000, true, "x", &err) < 0 && err.reason == REASON_CHIP_STATUS);
        for (unsigned sw = 0; sw <= 0xFFFF; sw++)
                CHECK(*apdu_sw_text((uint16_t)sw) != '\0');
}

/* A conversation: what goes out and what comes back, in turn. */
static int talk(const char *const *lines, struct apdu_exchange *x, struct writer *body)
{
        uint8_t data[300];
        size_t n;
        int r = APDU_MORE;

        CHECK(hex_decode(lines[0], data, sizeof data, &n));
        apdu_exchange_begin(x, (struct bytes){ data, n }, body);
        for (; *lines && r == APDU_MORE; lines += 2) {
                CHECK(hex_decode(lines[0], data, sizeof data, &n));
                CHECK(bytes_equal(apdu_exchange_command(x), (struct bytes){ data, n }));
                CHECK(hex_decode(lines[1], data, sizeof data, &n));
                r = apdu_exchange_answer(x, (struct bytes){ data, n });
        }
        CHECK(!*lines);
        return r;
}

static void test_exchange(void)
{
        static const char *const plain[] = { "80CA006600", "66029000", NULL };
        static const char *const t0[] = { "00A4040000", "6104", "00C0000004", "6F0284009000", NULL };
        static const char *const in_parts[] = { "80CA006600", "016102", "00C0000002", "02036101",
                                                "00C0000001", "049000", NULL };
        static const char *const corrected[] = { "80CA9F7F00", "6C2D", "80CA9F7F2D", "0102039000", NULL };
        static const char *const corrected_once[] = { "80CA9F7F00", "6C2D", "80CA9F7F2D", "6C2C", NULL };
        static const char *const response_corrected[] = { "00A4040000", "6110",     "00C0000010", "6C02",
                                                          "00C0000002", "01029000", NULL };
        static const char *const secured[] = { "84E2080008AABBCCDDEEFF001100", "6C0A", NULL };
        static const char *const secured_t0[] = { "84E2080008AABBCCDDEEFF0011", "6108", "00C0000008",
                                                  "01020304050607089000", NULL };
        static const char *const warned[] = { "00B0000000", "01026282", NULL };
        static const char *const cut[] = { "00B0000000", "90", NULL };
        static const char *const gone[] = { "00B0000000", "", NULL };
        uint8_t out[300];
        struct writer body = WRITER(out);
        struct apdu_exchange x;

        CHECK(talk(plain, &x, &body) == APDU_COMPLETE && x.sw == 0x9000 && body.n == 2);
        CHECK(talk(t0, &x, &body) == APDU_COMPLETE && body.n == 6); /* collected behind what was there */
        body.n = 0;
        CHECK(talk(in_parts, &x, &body) == APDU_COMPLETE && body.n == 4 && out[3] == 4);
        body.n = 0;
        CHECK(talk(corrected, &x, &body) == APDU_COMPLETE && body.n == 3 && x.sw == 0x9000);
        CHECK(talk(corrected_once, &x, &body) == APDU_COMPLETE && x.sw == 0x6C2C);
        body.n = 0;
        CHECK(talk(response_corrected, &x, &body) == APDU_COMPLETE && x.sw == 0x9000 && body.n == 2);
        CHECK(talk(secured, &x, &body) == APDU_COMPLETE && x.sw == 0x6C0A);
        body.n = 0;
        CHECK(talk(secured_t0, &x, &body) == APDU_COMPLETE && x.sw == 0x9000 && body.n == 8);
        CHECK(talk(warned, &x, &body) == APDU_COMPLETE && x.sw == 0x6282);
        CHECK(talk(cut, &x, &body) == APDU_E_SHORT && talk(gone, &x, &body) == APDU_E_SHORT);
}

/* A card that says 61xx for ever, and one that sends more than there is room for. */
static void test_exchange_is_bounded(void)
{
        static const uint8_t command[] = { 0x00, 0xB0, 0x00, 0x00, 0x00 }, more[] = { 0x61, 0x00 };
        static uint8_t out[APDU_BODY_MAX + 1], part[258];
        struct writer body = WRITER(out), small = { out, 0, 10, false };
        struct apdu_exchange x;
        unsigned rounds = 0;

        apdu_exchange_begin(&x, BYTES(command), &body);
        while (apdu_exchange_answer(&x, BYTES(more)) == APDU_MORE)
                CHECK(++rounds <= 32);
        CHECK(rounds == 32 && apdu_exchange_answer(&x, BYTES(more)) == APDU_E_BOUND);
        apdu_exchange_begin(&x, BYTES(command), &small);
        CHECK(apdu_exchange_answer(&x, BYTES(part)) == APDU_E_BOUND);
        body.n = APDU_BODY_MAX - 100;
        apdu_exchange_begin(&x, BYTES(command), &body);
        CHECK(apdu_exchange_answer(&x, BYTES(part)) == APDU_E_BOUND);
}

static void test_lists(void)
{
        uint8_t out[64];
        struct writer w = WRITER(out);
        struct bytes in, item;

        apdu_list_add(&w, BYTES_STR("\x90\x00"));
        apdu_list_add(&w, BYTES_STR("\x01\x02\x03"));
        in = writer_bytes(&w);
        CHECK(in.n == 9 && apdu_list_count(in, 2) == 2 && apdu_list_count(in, 1) < 0);
        CHECK(apdu_list_next(&in, &item) == 1 && item.n == 2);
        CHECK(apdu_list_next(&in, &item) == 1 && item.n == 3 && item.p[2] == 3);
        CHECK(apdu_list_next(&in, &item) == 0);
        for (size_t n = 1; n < 9; n++)
                CHECK((apdu_list_count((struct bytes){ out, n }, 9) < 0) == (n != 4));
        CHECK(apdu_list_count(BYTES_STR("\x00\x00"), 9) < 0);
}

int main(void)
{
        test_cases();
        test_truncations();
        test_answers();
        test_status_words();
        test_exchange();
        test_exchange_is_bounded();
        test_lists();
        return 0;
}
