/* proto/gate: token names, the record, the exit map (statuses of backend(7) in CUPS 2.4) and the wrapped URI. */
#include "proto/gate.h"
#include "tests/unit/test.h"
#include <string.h>

static const char intent[] = "0b9d3c52-6f1e-4a57-9d0c-3f2a8b7c6d5e";

static void test_intent(void)
{
        CHECK(gate_intent_ok(intent));
        CHECK(!gate_intent_ok(NULL) && !gate_intent_ok("") && !gate_intent_ok("0b9d3c52"));
        CHECK(!gate_intent_ok("0B9d3c52-6f1e-4a57-9d0c-3f2a8b7c6d5e"));
        CHECK(!gate_intent_ok("../../../../../../etc/passwd--------"));
        CHECK(!gate_intent_ok("0b9d3c52-6f1e-4a57-9d0c-3f2a8b7c6d5e0"));
        CHECK(!gate_intent_ok("0b9d3c52-6f1e-4a57-9d0c-3f2a8b7c6d5\n"));
}

static void test_names(void)
{
        char name[GATE_NAME_MAX];

        gate_name(intent, GATE_CONSUMED, name);
        CHECK(strcmp(name, "0b9d3c52-6f1e-4a57-9d0c-3f2a8b7c6d5e.consumed") == 0);
        gate_name(intent, GATE_ISSUED, name);
        CHECK(strcmp(name, "0b9d3c52-6f1e-4a57-9d0c-3f2a8b7c6d5e.issued") == 0);
}

static bool decodes(const char *text, int *ret)
{
        return gate_record_decode((struct bytes){ (const uint8_t *)text, strlen(text) }, ret);
}

static void test_record(void)
{
        static const char *const bad[] = {
                "",        "done",      "done ",       "done 0",   "done 00\n", "done 256\n",
                "done -1", "done 1 \n", "done 1000\n", "done x\n", "Done 0\n",  " done 0\n"
        };
        char text[GATE_TEXT_MAX];
        int result = -1;

        CHECK(decodes("done 0\n", &result) && result == 0);
        CHECK(decodes("done 143\n", &result) && result == 143);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                CHECK(!decodes(bad[i], &result));
        for (int n = 0; n <= 255; n++) {
                size_t size = gate_record_encode(n, text);

                CHECK(gate_record_decode((struct bytes){ (const uint8_t *)text, size }, &result) && result == n);
                CHECK(!gate_record_decode((struct bytes){ (const uint8_t *)text, size - 1 }, &result));
        }
}

static void test_state_text(void)
{
        static const char *const good[] = { "none", "issued", "consumed", "revoked", "done 0", "done 7", "done 255" };
        static const char *const bad[] = { "", "done", "done ", "done 256", "done 07", "Issued", "issued " };
        struct gate_state state;
        char text[GATE_TEXT_MAX];

        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                CHECK(gate_state_parse(good[i], &state));
                gate_state_text(state, text);
                CHECK(strcmp(text, good[i]) == 0);
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                CHECK(!gate_state_parse(bad[i], &state));
}

/* CUPS must never see a status after which it starts the job again: 4 STOP, 6 RETRY, 7 RETRY_CURRENT. */
static void test_exit_map(void)
{
        for (int n = 0; n <= 255; n++) {
                int out = gate_exit(n);

                CHECK(out == (n == 0 ? 0 : n == 1 ? 1 : 5));
        }
}

static void test_uri(void)
{
        static const char *const bad[] = {
                "usb://Evolis/Primacy",     "mohr-once:",        "mohr-once:/dev/usb/lp0", "mohr-once:../sh:x",
                "mohr-once:mohr-once:usb:", "mohr-once:USB://x", "mohr-once:a/b:x",        "mohr-onceusb:x",
                "mohr-once:.usb:x",         "mohr-once:usb"
        };
        char scheme[GATE_SCHEME_MAX];
        const char *real = gate_real_uri("mohr-once:ipp://localhost:631/ipp/print", scheme);

        CHECK(real && strcmp(real, "ipp://localhost:631/ipp/print") == 0 && strcmp(scheme, "ipp") == 0);
        real = gate_real_uri("mohr-once:cardsim:/a/b", scheme);
        CHECK(real && strcmp(real, "cardsim:/a/b") == 0 && strcmp(scheme, "cardsim") == 0);
        CHECK(!gate_real_uri(NULL, scheme));
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                CHECK(!gate_real_uri(bad[i], scheme));
}

int main(void)
{
        test_intent();
        test_names();
        test_record();
        test_state_text();
        test_exit_map();
        test_uri();
        return 0;
}
