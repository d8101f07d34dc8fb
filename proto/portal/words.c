#include "proto/portal/words.h"
#include <stddef.h>
#include <string.h>

const char *const portal_what_words[] = {
        [WHAT_HELLO] = "hello",
        [WHAT_CLAIM] = "claim",
        [WHAT_BEGIN] = "begin",
        [WHAT_RELEASE] = "release",
        [WHAT_ISSUANCE] = "issuance",
        [WHAT_SPOIL] = "spoil",
        [WHAT_DELIVERY] = "delivery",
        [WHAT_VOID] = "void",
        [WHAT_ANCHOR] = "anchor",
        [WHAT_SHIPMENT_RECEIPT] = "shipment_receipt",
        NULL,
};

const char *const portal_stage_words[] = {
        [STAGE_IN_CHAIN] = "in_chain",   [STAGE_APPROVED] = "approved",
        [STAGE_CLAIMED] = "claimed",     [STAGE_BOUND] = "bound",
        [STAGE_ISSUED] = "issued",       [STAGE_AWAITING_REISSUE] = "awaiting_reissue",
        [STAGE_WITHDRAWN] = "withdrawn", NULL,
};

const char *const portal_cause_words[] = {
        "print_shifted",    "print_streaks", "print_colour", "print_ribbon", "print_side", "print_data",
        "print_unreadable", "card_jam",      "card_surface", "card_dust",    "serial_bad", "chip_mute",
        "chip_refused",     "chip_partial",  "power_fault",  "other",        NULL,
};

const char *const portal_blank_stage_words[] = {
        "room",    "hopper",   "reserved", "printing", "printed",   "accepted", "writing",
        "written", "verified", "issued",   "post",     "delivered", "returned", NULL,
};

const char *const portal_chip_fate_words[] = {
        [CHIP_UNWRITTEN] = "unwritten",
        [CHIP_UNVERIFIABLE] = "unverifiable",
        [CHIP_ON_WITHDRAWN_LIST] = "withdrawn_list",
        NULL,
};

bool portal_word_find(const char *const *words, const char *word, unsigned *ret)
{
        for (unsigned i = 0; words[i]; i++) {
                if (strcmp(words[i], word) == 0) {
                        *ret = i;
                        return true;
                }
        }
        return false;
}
