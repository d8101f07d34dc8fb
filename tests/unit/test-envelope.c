/* proto/ipc/envelope: every form round trips; anything else is refused. */
#include "proto/ipc/envelope.h"
#include "tests/unit/test.h"
#include <string.h>

static bool decodes(const char *text)
{
        struct error err;
        struct ipc_message m;
        json_t *json = json_strict((struct bytes){ (const uint8_t *)text, strlen(text) }, IPC_MAX, &err);
        bool ret = json && ipc_decode(json, &m, &err) == 0;

        if (ret)
                ipc_message_done(&m);
        json_decref(json);
        return ret;
}

static void test_round_trip(void)
{
        for (int kind = IPC_DO; kind <= IPC_FAILED; kind++) {
                struct ipc_message m = { .kind = (enum ipc_kind)kind, .id = 7, .name = "word", .done = 1, .of = 2 },
                                   back;
                struct error err;
                json_t *json;

                (void)err_set(&m.error, ERR_CARD, ORIGIN_SW, 0x6982, REASON_CHIP_STATUS, "refused");
                json = ipc_encode(&m);
                CHECK(json && ipc_decode(json, &back, &err) == 0 && back.kind == m.kind);
                CHECK(kind == IPC_READY || back.id == 7);
                CHECK(kind != IPC_FAILED || (back.error.code == 0x6982 && back.error.reason == REASON_CHIP_STATUS));
                ipc_message_done(&back);
                json_decref(json);
        }
}

static void test_refusals(void)
{
        CHECK(decodes("{\"do\":\"x\",\"id\":1,\"args\":{}}"));
        CHECK(!decodes("{\"do\":\"x\",\"id\":0,\"args\":{}}") && !decodes("{\"do\":\"x\",\"id\":1}"));
        CHECK(!decodes("{\"do\":\"x\",\"id\":1,\"args\":{},\"more\":1}") && !decodes("{}"));
        CHECK(!decodes("{\"say\":\"sing\",\"id\":1}") && !decodes("{\"say\":\"done\",\"id\":1,\"args\":[]}"));
        CHECK(!decodes("{\"say\":\"failed\",\"id\":1,\"error\":{\"kind\":\"x\"}}"));
}

int main(void)
{
        test_round_trip();
        test_refusals();
        return 0;
}
