/* Messages of mohr-render. The task `card` draws both faces of one certificate card. The task
 * `document` is in proto/ipc/document.h.
 *
 *   do card {layout, fields{name: text ...}, qr, preview} + blob: the photo, JPEG or PNG
 *   part pdf, and when preview is true part front.png and back.png (1011 x 638, 300 dpi)
 *   done {n_fields, layout_sha256}
 *   failed INPUT: name_no_fit, glyph_missing, font_fallback, photo_bad, photo_small, photo_large, layout_bad,
 *   bad_text, bad_json. Nothing was printed then, and the text of the error names the box but no personal data.
 *
 * Pure: structs <-> JSON. Texts are UTF-8, cleaned and with ASCII digits; the layout says where they become Persian
 * ones (data-digits). No control or bidi character but ZWNJ: bad_text. */
#pragma once
#include "proto/base/json.h"

enum {
        RENDER_TEXT_MAX = 400, /* bytes of one field */
        RENDER_QR_MAX = 200,   /* characters; alphanumeric mode of ISO/IEC 18004:2015 7.4.4 */
        RENDER_LAYOUT_MAX = 40,
};

/* X(NAME, "json key", required). A required field must be given and have a box in the layout; an optional one may be
 * absent, and when given it must have a box too. Dates: Jalali 1405/09/30, Gregorian 2026-12-21. */
#define RENDER_FIELDS(X)                              \
        X(NAME_FA, "name_fa", true)                   \
        X(NAME_EN, "name_en", true)                   \
        X(FATHER_FA, "father_fa", true)               \
        X(NATIONAL_ID, "national_id", true)           \
        X(SKILL_FA, "skill_fa", true)                 \
        X(SKILL_EN, "skill_en", true)                 \
        X(SKILL_CODE, "skill_code", true)             \
        X(GRADE_FA, "grade_fa", true)                 \
        X(GRADE_EN, "grade_en", true)                 \
        X(HOURS, "hours", false)                      \
        X(NUMBER, "number", true)                     \
        X(ISSUED_JALALI, "issued_jalali", true)       \
        X(ISSUED_GREGORIAN, "issued_gregorian", true) \
        X(VALID_JALALI, "valid_jalali", false)        \
        X(VALID_GREGORIAN, "valid_gregorian", false)  \
        X(CENTRE_FA, "centre_fa", true)               \
        X(CENTRE_EN, "centre_en", true)               \
        X(PROVINCE_FA, "province_fa", true)           \
        X(PROVINCE_EN, "province_en", true)           \
        X(DIRECTOR_FA, "director_fa", true)           \
        X(DIRECTOR_EN, "director_en", true)           \
        X(FACE_CODE, "face_code", true)

enum render_field {
#define X(name, key, required) RENDER_##name,
        RENDER_FIELDS(X)
#undef X
                RENDER_FIELD_COUNT
};

const char *render_field_name(enum render_field field); /* "name_fa" */
bool render_field_parse(const char *name, enum render_field *ret);
bool render_field_required(enum render_field field);

/* 0, or -1 and *err (bad_text, naming `name`) when text, valid UTF-8, holds a control, direction or invisible character
 * other than ZWNJ. */
int render_text_check(const char *name, const char *text, struct error *err);

/* The task. Strings are borrowed: from the caller when encoding, from the JSON when decoded. */
struct render_card {
        const char *layout;                     /* [a-z0-9-]+: file name without -front.svg, e.g. "certificate" */
        const char *fields[RENDER_FIELD_COUNT]; /* NULL: not given */
        const char *qr;                         /* 1 to RENDER_QR_MAX characters of [0-9A-Z $%*+./:-] */
        bool preview;                           /* also the two PNGs */
};
/* New reference; NULL only without memory. */
json_t *render_card_encode(const struct render_card *card);
/* 0, or -1 and *err: bad_json for an unknown, missing or empty field, bad_text for a character that may not stand in
 * one. *ret borrows from args. */
int render_card_decode(const json_t *args, struct render_card *ret, struct error *err);

/* The answer. */
struct render_done {
        int64_t n_fields;          /* text boxes that were set */
        uint8_t layout_sha256[32]; /* over both SVG files and every font file: what a card's look depends on */
};
json_t *render_done_encode(const struct render_done *done);
int render_done_decode(const json_t *args, struct render_done *ret, struct error *err);
