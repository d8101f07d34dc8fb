/* What a certificate card says: one holder, one document, one or more certificates, bound to one chip.
 *
 * Filled from an approval by the key service before the card is written, and from the card's files by the verifier.
 * Texts are valid UTF-8 without control or bidi characters; dates are Gregorian `YYYY-MM-DD`. An empty text stands
 * for an absent one. The whole is plain storage except `photo`, which borrows. */
#pragma once
#include "proto/base/bytes.h"

enum {
        LDS_CHIP_ID_SIZE = 10,
        LDS_HASH_SIZE = 32,
        LDS_TEXT_MAX = 256,  /* a name: bytes of UTF-8 with NUL */
        LDS_TITLE_MAX = 512, /* a title or a place */
        LDS_DATE_MAX = 11,
        LDS_TIME_MAX = 21,
        LDS_ENTRIES_MAX = 8,
};

enum lds_photo_type { LDS_PHOTO_JPEG = 0, LDS_PHOTO_PNG = 3 }; /* ISO/IEC 19794-5:2011 image data type */

struct lds_holder {
        char family_fa[LDS_TEXT_MAX], given_fa[LDS_TEXT_MAX];
        char family_en[LDS_TEXT_MAX], given_en[LDS_TEXT_MAX];
        char national_id[11];
        char birth_date[LDS_DATE_MAX];
};

struct lds_document {
        char authority_fa[LDS_TEXT_MAX], authority_en[LDS_TEXT_MAX];
        char issue_date[LDS_DATE_MAX];
        char personalised_at[LDS_TIME_MAX]; /* UTC, `YYYY-MM-DDTHH:MM:SSZ` */
        char station[33];
};

struct lds_entry {
        char code[21]; /* occupational standard */
        char title_fa[LDS_TITLE_MAX], title_en[LDS_TITLE_MAX];
        char grade_fa[LDS_TEXT_MAX], grade_en[LDS_TEXT_MAX];
        unsigned theory_score, practical_score; /* hundredths */
        unsigned hours;
        char exam_date[LDS_DATE_MAX], issue_date[LDS_DATE_MAX];
        char valid_until[LDS_DATE_MAX]; /* empty: unlimited */
        char centre_code[33];
        char centre_fa[LDS_TITLE_MAX], centre_en[LDS_TITLE_MAX];
        char number[41]; /* of the certificate */
        char token[128]; /* verification token, tag 8D */
};

struct lds_record {
        bool bound; /* to the chip and plastic named next; a card without is never verified */
        uint8_t chip_id[LDS_CHIP_ID_SIZE];
        char serial[21]; /* pre-printed on the plastic */
        struct lds_holder holder;
        struct lds_document document;
        struct lds_entry entries[LDS_ENTRIES_MAX];
        unsigned n_entries;
        struct bytes photo;
        enum lds_photo_type photo_type;
};

/* The verification token of DG13 tag 8D: `MOHR1:` face code `:` data hash in upper-case hexadecimal. */
enum { LDS_FACE_CODE_MAX = 11, LDS_TOKEN_MAX = 6 + 10 + 1 + 64 + 1 };

/* Precondition: face_code is ten characters (asserted). */
void lds_token_format(const char *face_code, const uint8_t data_sha256[LDS_HASH_SIZE], char ret[LDS_TOKEN_MAX]);
/* False, and nothing set, for any other text. */
bool lds_token_parse(const char *token, char ret_face_code[LDS_FACE_CODE_MAX], uint8_t ret_sha256[LDS_HASH_SIZE]);
