/* Short command APDUs, answers, status words, and lists of APDUs.
 *
 * ISO/IEC 7816-4:2020 5.2 (command-response pairs, short fields), 5.3.4 (61xx, 6Cxx), 5.6 (status bytes);
 * GPCS 11.1.5: GlobalPlatform commands are short only. */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"

enum {
        APDU_DATA_MAX = 255,
        APDU_MAX = 4 + 1 + APDU_DATA_MAX + 1,
        APDU_ANSWER_MAX = 256 + 2, /* of one exchange on the wire with short lengths */
        APDU_BODY_MAX = 65536,     /* of one answer collected over GET RESPONSE */
        APDU_ROUNDS_MAX = 32,      /* GET RESPONSE rounds of one command */
        APDU_NO_LE = -1,
        APDU_LIST_ITEM_MAX = 65535,
};
enum { SW_OK = 0x9000, SW_NOT_FOUND = 0x6A82, SW_NO_DATA = 0x6A88 };

struct apdu {
        uint8_t cla, ins, p1, p2;
        struct bytes data; /* 0..255 bytes, borrowed */
        int le;            /* APDU_NO_LE, or the most bytes wanted: 1..256 */
};

/* Writes the command in its shortest form (cases 1 to 4). data.n and le are asserted to be in range. */
void apdu_write(struct writer *w, const struct apdu *a);
/* 0, or -1 for anything that is not exactly one short command. */
int apdu_parse(struct bytes in, struct apdu *ret);

struct apdu_answer {
        struct bytes data; /* borrowed */
        uint16_t sw;
};
/* 0, or -1 when there are fewer than two bytes: never a status word. */
int apdu_answer_parse(struct bytes in, struct apdu_answer *ret);

/* One sentence for a status word; a general one by class when it is not in the table. */
const char *apdu_sw_text(uint16_t sw);
/* 0 for 9000 and for warnings 62xx and 63xx when warnings is true; else -1 and *err: CARD, chip_status or the closer
 * word of the table, code = SW. step names what was done, e.g. "SELECT". */
int apdu_sw_check(uint16_t sw, bool warnings, const char *step, struct error *err);

/* One command with what 61xx and 6Cxx ask for, as a pure driver: send what apdu_exchange_command says, hand in the
 * answer, until it is complete. The parts of the body are collected in the caller's writer.
 * A command under secure messaging (CLA b3) is never sent again (AmdD 5.6: its MAC chain has advanced):
 * 6Cxx to it is its final status. GET RESPONSE goes out with CLA 00 and the command's channel, never under secure
 * messaging. */
struct apdu_exchange {
        uint8_t command[APDU_MAX];
        size_t n_command;
        struct writer *body;
        unsigned rounds;
        bool corrected; /* one 6Cxx was followed */
        bool may_resend;
        uint16_t sw; /* valid when complete */
};
enum {
        APDU_MORE = 1,
        APDU_COMPLETE = 0,
        APDU_E_SHORT = -1, /* an answer of fewer than two bytes: the card is lost */
        APDU_E_BOUND = -2, /* over APDU_ROUNDS_MAX rounds, the writer's room, or a longer part than asked for */
};
/* command: one whole short APDU (asserted to parse). body stays the caller's; what is in it is kept. */
void apdu_exchange_begin(struct apdu_exchange *x, struct bytes command, struct writer *body);
struct bytes apdu_exchange_command(const struct apdu_exchange *x);
int apdu_exchange_answer(struct apdu_exchange *x, struct bytes answer);

/* A list of APDUs (or of answers) in one blob: repeat { u16 length, big endian; bytes }. An item has 1..65535 bytes. */
void apdu_list_add(struct writer *w, struct bytes item);
/* 1 and the next item (borrowed), 0 at the end, -1 malformed; the cursor moves on at 1 only. */
int apdu_list_next(struct bytes *in, struct bytes *ret);
/* The number of items, or -1 when malformed or more than max. */
int apdu_list_count(struct bytes in, size_t max);
