/* The closed sets of words and the sizes of proto/portal.openapi.yaml that several messages share. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
        PORTAL_STATION_MAX = 32,
        PORTAL_KEY_LENGTH = 36, /* lower-case UUIDv4: the intent id */
        PORTAL_APPLICATION_MAX = 32,
        PORTAL_AUTHORISATION_MAX = 40,
        PORTAL_SERIAL_MAX = 20,
        PORTAL_FACE_CODE_MAX = 10,
        PORTAL_CURSOR_MAX = 64,
        PORTAL_PERSON_MAX = 64,
        PORTAL_TEXT_MAX = 1000, /* characters */
        PORTAL_CHIP_ID_N = 10,  /* bytes */
};

/* Schema What: the kind of effect a receipt and a ledger item name. */
enum portal_what {
        WHAT_HELLO,
        WHAT_CLAIM,
        WHAT_BEGIN,
        WHAT_RELEASE,
        WHAT_ISSUANCE,
        WHAT_SPOIL,
        WHAT_DELIVERY,
        WHAT_VOID,
        WHAT_ANCHOR,
        WHAT_SHIPMENT_RECEIPT,
};
extern const char *const portal_what_words[]; /* NULL-terminated, as jread_word takes it */

/* Schema Stage: where the portal sees an application. */
enum portal_stage {
        STAGE_IN_CHAIN,
        STAGE_APPROVED,
        STAGE_CLAIMED,
        STAGE_BOUND,
        STAGE_ISSUED,
        STAGE_AWAITING_REISSUE,
        STAGE_WITHDRAWN,
};
extern const char *const portal_stage_words[];

/* Schemas Cause and BlankStage (I-8, annex 6), by word only: the lists are the portal's. */
extern const char *const portal_cause_words[];
extern const char *const portal_blank_stage_words[];

/* Schema ChipFate of a spoiled or void card. */
enum portal_chip_fate { CHIP_UNWRITTEN, CHIP_UNVERIFIABLE, CHIP_ON_WITHDRAWN_LIST };
extern const char *const portal_chip_fate_words[];

/* Index in a NULL-terminated list; false when the word is not there. */
bool portal_word_find(const char *const *words, const char *word, unsigned *ret);
