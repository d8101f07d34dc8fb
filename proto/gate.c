#include "proto/gate.h"
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
        [GATE_NONE] = "none", [GATE_ISSUED] = "issued",   [GATE_CONSUMED] = "consumed",
        [GATE_DONE] = "done", [GATE_REVOKED] = "revoked",
};

bool gate_intent_ok(const char *intent)
{
        return intent && strlen(intent) == GATE_INTENT_LEN &&
               strspn(intent, "abcdefghijklmnopqrstuvwxyz0123456789-") == GATE_INTENT_LEN;
}

void gate_name(const char *intent, enum gate_phase phase, char ret[GATE_NAME_MAX])
{
        assert(gate_intent_ok(intent) && phase != GATE_NONE);
        (void)snprintf(ret, GATE_NAME_MAX, "%s.%s", intent, words[phase]);
}

size_t gate_record_encode(int result, char ret[GATE_TEXT_MAX])
{
        assert(result >= 0 && result <= 255);
        return (size_t)snprintf(ret, GATE_TEXT_MAX, "done %d\n", result);
}

static bool parse_result(const char *digits, int *ret)
{
        size_t n = strspn(digits, "0123456789");

        if (n == 0 || n > 3 || digits[n] != 0 || (n > 1 && digits[0] == '0') || atoi(digits) > 255)
                return false;
        *ret = atoi(digits);
        return true;
}

bool gate_record_decode(struct bytes record, int *ret)
{
        char text[GATE_TEXT_MAX];

        if (record.n < 7 || record.n >= sizeof text || record.p[record.n - 1] != '\n')
                return false;
        memcpy(text, record.p, record.n - 1);
        text[record.n - 1] = 0;
        return strlen(text) == record.n - 1 && strncmp(text, "done ", 5) == 0 && parse_result(text + 5, ret);
}

void gate_state_text(struct gate_state state, char ret[GATE_TEXT_MAX])
{
        if (state.phase == GATE_DONE)
                (void)snprintf(ret, GATE_TEXT_MAX, "done %d", state.result & 0xFF);
        else
                (void)snprintf(ret, GATE_TEXT_MAX, "%s", words[state.phase]);
}

bool gate_state_parse(const char *text, struct gate_state *ret)
{
        struct gate_state state = { GATE_DONE, 0 };

        if (strncmp(text, "done ", 5) == 0) {
                if (!parse_result(text + 5, &state.result))
                        return false;
                *ret = state;
                return true;
        }
        for (int phase = GATE_NONE; phase <= GATE_REVOKED; phase++) {
                if (phase != GATE_DONE && strcmp(words[phase], text) == 0) {
                        *ret = (struct gate_state){ (enum gate_phase)phase, 0 };
                        return true;
                }
        }
        return false;
}

int gate_exit(int result)
{
        return result == GATE_EXIT_OK || result == GATE_EXIT_FAILED ? result : GATE_EXIT_CANCEL;
}

const char *gate_real_uri(const char *device_uri, char ret_scheme[GATE_SCHEME_MAX])
{
        static const char own[] = "mohr-once:";
        const char *real;
        size_t n;

        if (!device_uri || strncmp(device_uri, own, sizeof own - 1) != 0)
                return NULL;
        real = device_uri + sizeof own - 1;
        n = strspn(real, "abcdefghijklmnopqrstuvwxyz0123456789+-");
        if (n == 0 || n >= GATE_SCHEME_MAX || real[n] != ':' || !islower((unsigned char)real[0]) ||
            strncmp(real, own, sizeof own - 1) == 0)
                return NULL;
        memcpy(ret_scheme, real, n);
        ret_scheme[n] = 0;
        return real;
}
