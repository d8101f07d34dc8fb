/* proto/base64: RFC 4648 10 test vectors, round trips, and everything that is not the one text of its bytes. */
#include "proto/base64.h"
#include "tests/unit/test.h"
#include <string.h>

static struct bytes text(const char *t)
{
        return (struct bytes){ (const uint8_t *)t, strlen(t) };
}

static bool is64(const char *t)
{
        uint8_t out[64];
        size_t n;

        return base64_decode(text(t), out, sizeof out, &n);
}

static bool is64url(const char *t)
{
        uint8_t out[64];
        size_t n;

        return base64url_decode(text(t), out, sizeof out, &n);
}

static bool is32(const char *t)
{
        uint8_t out[64];
        size_t n;

        return base32_decode(text(t), out, sizeof out, &n);
}

static void test_vectors(void)
{
        static const struct {
                const char *plain, *base64, *base32; /* RFC 4648 10, base32 without its padding */
        } table[] = {
                { "", "", "" },
                { "f", "Zg==", "MY" },
                { "fo", "Zm8=", "MZXQ" },
                { "foo", "Zm9v", "MZXW6" },
                { "foob", "Zm9vYg==", "MZXW6YQ" },
                { "fooba", "Zm9vYmE=", "MZXW6YTB" },
                { "foobar", "Zm9vYmFy", "MZXW6YTBOI" },
        };
        char out[32];

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                base64_encode(text(table[i].plain), out, sizeof out);
                CHECK(strcmp(out, table[i].base64) == 0 && strlen(out) == BASE64_LENGTH(strlen(table[i].plain)));
                base32_encode(text(table[i].plain), out, sizeof out);
                CHECK(strcmp(out, table[i].base32) == 0 && strlen(out) == BASE32_LENGTH(strlen(table[i].plain)));
        }
        base64url_encode(BYTES(((const uint8_t[]){ 0xFB, 0xFF })), out, sizeof out);
        CHECK(strcmp(out, "-_8") == 0);
}

static void test_round_trips(void)
{
        uint8_t in[40], out[40];
        char t[80];

        for (size_t n = 0; n <= sizeof in; n++) {
                struct bytes b = { in, n };
                size_t got = 99;

                for (size_t i = 0; i < n; i++)
                        in[i] = (uint8_t)(i * 37 + n * 11);
                base64_encode(b, t, sizeof t);
                CHECK(base64_decode(text(t), out, n, &got) && got == n && memcmp(in, out, n) == 0);
                base64url_encode(b, t, sizeof t);
                CHECK(base64url_decode(text(t), out, n, &got) && got == n && memcmp(in, out, n) == 0);
                base32_encode(b, t, sizeof t);
                CHECK(base32_decode(text(t), out, n, &got) && got == n && memcmp(in, out, n) == 0);
                CHECK(n == 0 || !base32_decode(text(t), out, n - 1, &got));
        }
}

static void test_refusals(void)
{
        CHECK(!is64("Zg=") && !is64("Zg") && !is64("Zg===") && !is64("Z===") && !is64("=") && !is64("===="));
        CHECK(!is64("Zh==") && !is64("Zm9=") && !is64("Zm9v\n") && !is64("Zm 9v===") && !is64("Zg==Zg=="));
        CHECK(!is64("-_8=") && is64("+/8=") && !is64url("+/8") && is64url("-_8") && !is64url("-_8="));
        CHECK(!is64url("Z") && !is64url("Zh") && !is64url("Zm9") && !is64url("Zg.") && !is64url("Zm9vZ"));
        CHECK(!is32("M") && !is32("MZX") && !is32("MZXW6Y") && !is32("MZ") && !is32("my") && !is32("M1"));
        CHECK(is32("MY") && !is32("MY======") && !is32("MZ X"));
        CHECK(!base64url_decode((struct bytes){ (const uint8_t *)"Zg\0A", 4 }, (uint8_t[8]){ 0 }, 8, &(size_t){ 0 }));
}

int main(void)
{
        test_vectors();
        test_round_trips();
        test_refusals();
        return 0;
}
