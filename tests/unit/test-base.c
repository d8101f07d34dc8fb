/* proto/base: cursor, writer, hexadecimal, strict JSON, reason words. */
#include "proto/base/bytes.h"
#include "proto/base/json.h"
#include "tests/unit/test.h"
#include <string.h>

static void test_cursor_refuses(void)
{
        uint8_t data[] = { 1, 2, 3, 4, 5 };
        struct bytes in = BYTES(data), part;
        uint32_t v;
        uint16_t w;

        CHECK(bytes_u32(&in, &v) && v == 0x01020304 && in.n == 1);
        CHECK(!bytes_u16(&in, &w) && in.n == 1);
        CHECK(!bytes_take(&in, 2, &part) && !bytes_take(&in, SIZE_MAX, &part));
        CHECK(bytes_take(&in, 1, &part) && part.p[0] == 5 && in.n == 0);
}

static void test_writer_stays_failed(void)
{
        uint8_t out[4];
        struct writer w = WRITER(out);

        write_u16(&w, 0x1234);
        write_fill(&w, 7, 3);
        write_u8(&w, 1);
        CHECK(w.failed && writer_bytes(&w).n == 0);
}

static void test_hex(void)
{
        uint8_t out[4];
        char text[9];
        size_t n;

        CHECK(hex_decode("00fFA5", out, sizeof out, &n) && n == 3 && out[1] == 0xFF);
        CHECK(!hex_decode("0", out, sizeof out, &n) && !hex_decode("0g", out, sizeof out, &n));
        CHECK(!hex_decode("0011223344", out, sizeof out, &n));
        hex_encode((struct bytes){ out, 3 }, text, sizeof text);
        CHECK(strcmp(text, "00FFA5") == 0);
        CHECK(hex_decode_exact("a55A", out, 2) && out[0] == 0xA5 && out[1] == 0x5A);
        CHECK(!hex_decode_exact("a5", out, 2) && !hex_decode_exact("a55a00", out, 2) &&
              !hex_decode_exact("a5 5", out, 2));
}

static bool parses(const char *text)
{
        struct error err;
        json_t *json = json_strict((struct bytes){ (const uint8_t *)text, strlen(text) }, 200, &err);
        bool ret = json != NULL;

        json_decref(json);
        return ret;
}

static void test_json_is_strict(void)
{
        CHECK(parses("{\"a\":1}") && parses("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[\"}"));
        CHECK(!parses("{\"a\":1,\"a\":1}") && !parses("[1]") && !parses("") && !parses("{\"a\":\"\xC3\x28\"}"));
        CHECK(!parses("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"));
        CHECK(parses("{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}"));
}

static void test_reader_refuses_strange_keys(void)
{
        struct error err;
        json_t *json = json_pack("{s:s,s:i}", "name", "x", "n", 5);
        struct jread r = jread_begin(json, "t", &err);
        const char *name = NULL;
        int64_t n = 0;

        jread_str(&r, "name", 1, 8, &name);
        CHECK(jread_end(&r) < 0 && err.reason == REASON_BAD_JSON);
        r = jread_begin(json, "t", &err);
        jread_str(&r, "name", 1, 8, &name);
        jread_int(&r, "n", 0, 4, &n);
        CHECK(jread_end(&r) < 0);
        r = jread_begin(json, "t", &err);
        jread_str(&r, "name", 1, 8, &name);
        jread_int(&r, "n", 0, 5, &n);
        CHECK(jread_end(&r) == 0 && n == 5 && strcmp(name, "x") == 0);
        json_decref(json);
}

static void test_reasons(void)
{
        enum reason reason;

        for (unsigned i = 0; i < REASON_COUNT; i++) {
                CHECK(reason_parse(reason_word((enum reason)i), &reason) && reason == (enum reason)i);
                CHECK(reason_exit_status((enum reason)i) >= 0 && reason_exit_status((enum reason)i) <= 9);
        }
        CHECK(!reason_parse("no such word", &reason));
}

int main(void)
{
        test_cursor_refuses();
        test_writer_stays_failed();
        test_hex();
        test_json_is_strict();
        test_reader_refuses_strange_keys();
        test_reasons();
        return 0;
}
