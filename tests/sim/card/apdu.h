/* Short command and answer APDUs (ISO/IEC 7816-4:2020 5.2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SW_OK = 0x9000,
        SW_END_OF_FILE = 0x6282,
        SW_DEACTIVATED = 0x6283,
        SW_AUTHENTICATION_FAILED = 0x6300,
        SW_LENGTH = 0x6700,
        SW_LOGICAL_CHANNEL = 0x6881,
        SW_CHAINING = 0x6884,
        SW_SECURITY = 0x6982,
        SW_BLOCKED = 0x6983,
        SW_CONDITIONS = 0x6985,
        SW_NO_CURRENT_EF = 0x6986,
        SW_WRONG_DATA = 0x6A80,
        SW_NOT_SUPPORTED = 0x6A81,
        SW_NOT_FOUND = 0x6A82,
        SW_NO_MEMORY = 0x6A84,
        SW_P1P2 = 0x6A86,
        SW_REFERENCE = 0x6A88,
        SW_OFFSET = 0x6B00,
        SW_INSTRUCTION = 0x6D00,
        SW_CLASS = 0x6E00
};

struct command {
        uint8_t cla, ins, p1, p2;
        uint8_t data[255];
        size_t lc;
        bool has_le;
        size_t le; /* 1 to 256 when has_le */
};

struct answer {
        uint8_t data[256 + 32]; /* protection is put on in place */
        size_t n;
        uint16_t sw;
};

/* False: no lawful short APDU (case 1 to 4). */
bool apdu_parse(const uint8_t *bytes, size_t n, struct command *ret_command);
