/* proto/tlv: edge cases by hand from ISO/IEC 8825-1 8.1 and 7816-4:2020 6.3, truncations, and building. */
#include "proto/base/cleanup.h"
#include "proto/tlv.h"
#include "tests/unit/test.h"
#include <string.h>

static const struct edge {
        const char *hex;
        int result;
        uint32_t tag;
        size_t n;
} edges[] = {
        { "", TLV_END, 0, 0 },
        { "0400", TLV_ITEM, 0x04, 0 },
        { "8101FF", TLV_ITEM, 0x81, 1 },
        { "5F0E021234", TLV_ITEM, 0x5F0E, 2 },
        { "5F010101", TLV_ITEM, 0x5F01, 1 }, /* EF.COM's tag: number under 31, yet two bytes */
        { "7F6100", TLV_ITEM, 0x7F61, 0 },
        { "DF818201AA", TLV_E_TAG, 0, 0 }, /* four bytes of tag */
        { "DF810201AA", TLV_ITEM, 0xDF8102, 1 },
        { "1F800100", TLV_E_TAG, 0, 0 }, /* leading zero group */
        { "0000", TLV_E_TAG, 0, 0 },     /* end of contents */
        { "00", TLV_E_TAG, 0, 0 },
        { "3080", TLV_E_LENGTH, 0, 0 }, /* indefinite */
        { "30800000", TLV_E_LENGTH, 0, 0 },
        { "30817F", TLV_E_LENGTH, 0, 0 }, /* not the shortest form */
        { "308100", TLV_E_LENGTH, 0, 0 },
        { "30820080", TLV_E_LENGTH, 0, 0 },
        { "3083000100", TLV_E_LENGTH, 0, 0 },
        { "308400010000", TLV_E_LENGTH, 0, 0 },
        { "30850000000001", TLV_E_LENGTH, 0, 0 },
        { "30FF", TLV_E_LENGTH, 0, 0 },
        { "30", TLV_E_TRUNCATED, 0, 0 },
        { "5F", TLV_E_TRUNCATED, 0, 0 },
        { "DF81", TLV_E_TRUNCATED, 0, 0 },
        { "3081", TLV_E_TRUNCATED, 0, 0 },
        { "308201", TLV_E_TRUNCATED, 0, 0 },
        { "0402AA", TLV_E_TRUNCATED, 0, 0 },
        { "3084FFFFFFFF00", TLV_E_TRUNCATED, 0, 0 },
        { "047F00", TLV_E_TRUNCATED, 0, 0 },
};

static void test_edges(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
                uint8_t data[32];
                struct bytes in = { data, 0 }, before;
                struct tlv t = { 0 };

                CHECK(hex_decode(edges[i].hex, data, sizeof data, &in.n));
                before = in;
                CHECK(tlv_next(&in, &t) == edges[i].result);
                CHECK(edges[i].result == TLV_ITEM || (in.p == before.p && in.n == before.n && t.tag == 0));
                CHECK(t.tag == edges[i].tag && t.value.n == edges[i].n);
                CHECK(edges[i].result != TLV_ITEM || (t.whole.n == before.n && in.n == 0));
        }
}

/* Key information and FCI as GPCS prints them, EF.COM of ICAO's layout. */
static const char *const samples[] = {
        "E012C00401FF8810C00402FF8810C00403FF8810",
        "6F108408A000000151000000A5049F6501FF",
        "60165F0104303130385F36063135303030305C04756B6C6D",
};

static void test_truncations(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                uint8_t data[64];
                struct bytes whole = { data, 0 };
                struct tlv t;

                CHECK(hex_decode(samples[i], data, sizeof data, &whole.n));
                for (size_t n = 1; n < whole.n; n++) {
                        struct bytes in = { data, n };
                        size_t total = 0;
                        int r = tlv_total(in, &total);

                        CHECK(tlv_next(&in, &t) == TLV_E_TRUNCATED && in.n == n);
                        CHECK(r == TLV_E_TRUNCATED || (r == TLV_ITEM && total == whole.n));
                }
                CHECK(tlv_next(&whole, &t) == TLV_ITEM);
                for (size_t n = 0; n < t.value.n; n++) { /* the inner level: END only between objects */
                        struct bytes in = { t.value.p, n };
                        struct tlv inner;
                        int r;

                        while ((r = tlv_next(&in, &inner)) == TLV_ITEM)
                                CHECK(inner.whole.p + inner.whole.n <= t.value.p + n);
                        CHECK(r == TLV_END || r == TLV_E_TRUNCATED);
                }
        }
}

/* An inner length that passes the outer object is refused although the bytes are there. */
static void test_inner_over_outer(void)
{
        static const uint8_t data[] = { 0x30, 0x03, 0x04, 0x02, 0xAA, 0xBB };
        struct bytes in = BYTES(data);
        struct tlv t, inner;

        CHECK(tlv_next(&in, &t) == TLV_ITEM && in.n == 1);
        CHECK(tlv_next(&t.value, &inner) == TLV_E_TRUNCATED);
        CHECK(tlv_find((struct bytes){ data + 2, 3 }, 0x04, &inner) == TLV_E_TRUNCATED);
}

static void test_find_and_only(void)
{
        static const uint8_t data[] = { 0x81, 0x01, 0x05, 0x82, 0x00, 0x81, 0x01, 0x06 };
        struct bytes value;
        struct tlv t;

        CHECK(tlv_find(BYTES(data), 0x81, &t) == TLV_ITEM && t.value.p[0] == 5);
        CHECK(tlv_find(BYTES(data), 0x82, &t) == TLV_ITEM && t.value.n == 0);
        CHECK(tlv_find(BYTES(data), 0x83, &t) == TLV_END);
        CHECK(tlv_only((struct bytes){ data, 3 }, 0x81, &value) == TLV_ITEM && value.n == 1);
        CHECK(tlv_only((struct bytes){ data, 3 }, 0x82, &value) == TLV_E_TAG);
        CHECK(tlv_only((struct bytes){ data, 5 }, 0x81, &value) == TLV_E_LENGTH);
        CHECK(tlv_only((struct bytes){ data, 0 }, 0x81, &value) == TLV_E_TRUNCATED);
}

static void check_hex(const struct writer *w, const char *hex)
{
        char text[200];

        hex_encode(writer_bytes(w), text, sizeof text);
        CHECK(strcmp(text, hex) == 0);
}

static void test_build(void)
{
        uint8_t out[64];
        struct writer w = WRITER(out);
        size_t outer = tlv_begin(&w, 0x6F), inner;

        tlv_write(&w, 0x84, BYTES_STR("\xA0\x00\x00\x01\x51\x00\x00\x00"));
        inner = tlv_begin(&w, 0xA5);
        tlv_write_u8(&w, 0x9F65, 0xFF);
        tlv_end(&w, inner);
        tlv_end(&w, outer);
        check_hex(&w, samples[1]);
}

/* Each change of the length's size, by value: 127/128, 255/256, 65535/65536. */
static void test_lengths(void)
{
        static const struct {
                size_t n;
                const char *head;
        } rows[] = { { 0, "DF810200" },          { 127, "DF81027F" },     { 128, "DF81028180" },
                     { 255, "DF810281FF" },      { 256, "DF8102820100" }, { 65535, "DF810282FFFF" },
                     { 65536, "DF810283010000" } };
        static uint8_t value[65536], out[65600], nested[65600];

        memset(value, 0x5A, sizeof value);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct writer w = WRITER(out), v = WRITER(nested);
                struct bytes in;
                struct tlv t;
                char head[20];
                size_t begun = tlv_begin(&v, 0xDF8102), total = 0;

                tlv_write(&w, 0xDF8102, (struct bytes){ value, rows[i].n });
                write_bytes(&v, (struct bytes){ value, rows[i].n });
                tlv_end(&v, begun);
                CHECK(bytes_equal(writer_bytes(&w), writer_bytes(&v)));
                hex_encode((struct bytes){ out, w.n - rows[i].n }, head, sizeof head);
                CHECK(strcmp(head, rows[i].head) == 0);
                in = writer_bytes(&w);
                CHECK(tlv_total((struct bytes){ out, w.n > 8 ? 8 : w.n }, &total) == TLV_ITEM && total == w.n);
                CHECK(tlv_next(&in, &t) == TLV_ITEM && t.value.n == rows[i].n && in.n == 0);
        }
}

static void test_full_writer(void)
{
        for (size_t room = 0; room < 5; room++) {
                uint8_t out[8] = { 0 };
                struct writer w = { out, 0, room, false };
                size_t begun = tlv_begin(&w, 0x5F0E);

                write_u16(&w, 0x1234);
                tlv_end(&w, begun);
                CHECK(w.failed && writer_bytes(&w).n == 0);
        }
}

int main(void)
{
        test_edges();
        test_truncations();
        test_inner_over_outer();
        test_find_and_only();
        test_build();
        test_lengths();
        test_full_writer();
        return 0;
}
