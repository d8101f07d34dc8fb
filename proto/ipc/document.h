/* The second task of mohr-render, `document`: minutes, forms and requests as a PDF of A4 pages. I: the annexes.
 *
 *   do document {template, number, date, digest, audit_seq, audit_head} + blob: the content, one JSON object
 *     {"values": {name: text ...}, "rows": [{column: text ...} ...]}       (rows may be missing)
 *   part pdf
 *   done {n_pages, template_sha256}
 *   failed INPUT: bad_json, bad_text, bad_date, name_no_fit, glyph_missing, font_fallback, layout_bad. The text of
 *   the error names the value, or the column and the row, but no personal data.
 *
 * Pure: structs <-> JSON. Texts are cleaned UTF-8 with ASCII digits and dates are Gregorian YYYY-MM-DD; the page shows
 * Persian digits and Jalali dates. What stands on the page is decided by the template (docs/documents.md). */
#pragma once
#include "proto/base/json.h"

enum {
        DOCUMENT_TEMPLATE_MAX = 40,
        DOCUMENT_NUMBER_MAX = 32,
        DOCUMENT_TEXT_MAX = 600, /* bytes of one value or cell */
        DOCUMENT_ROWS_MAX = 2000,
        DOCUMENT_CONTENT_MAX = 2 << 20, /* bytes of the blob */
};

enum document_kind {
        DOCUMENT_TEXT,   /* any clean text */
        DOCUMENT_CODE,   /* printable ASCII, shown as it is, left to right: serials, digests */
        DOCUMENT_DIGITS, /* digits only, shown in Persian */
        DOCUMENT_DATE,   /* YYYY-MM-DD, shown as 1405/09/30 in Persian digits */
        DOCUMENT_EMPTY,  /* never given: filled in by the renderer (row number) or by hand (signature) */
};

/* X(NAME, "key", kind, required). A required value must be given when the template shows it; an absent optional one
 * leaves a dotted place to be filled in by hand. */
#define DOCUMENT_VALUES(X)                               \
        X(PROVINCE, "province", TEXT, true)              \
        X(COUNT, "count", DIGITS, true)                  \
        X(FROM, "from", CODE, true)                      \
        X(TO, "to", CODE, true)                          \
        X(REQUEST_DATE, "request_date", DATE, true)      \
        X(PERIOD_FROM, "period_from", DATE, true)        \
        X(PERIOD_TO, "period_to", DATE, true)            \
        X(RECEIVER, "receiver", TEXT, false)             \
        X(REPRESENTATIVE, "representative", TEXT, false) \
        X(CENTRE, "centre", TEXT, false)                 \
        X(NOTES, "notes", TEXT, false)                   \
        X(DELIVERER_NAME, "deliverer_name", TEXT, false) \
        X(DELIVERER_POST, "deliverer_post", TEXT, false) \
        X(RECIPIENT_NAME, "recipient_name", TEXT, false) \
        X(RECIPIENT_POST, "recipient_post", TEXT, false) \
        X(HEAD_NAME, "head_name", TEXT, false)           \
        X(SENIOR_NAME, "senior_name", TEXT, false)       \
        X(ISSUER_NAME, "issuer_name", TEXT, false)       \
        X(SECURITY_NAME, "security_name", TEXT, false)

/* X(NAME, "key", kind, required): a required cell may not be missing or empty. */
#define DOCUMENT_COLUMNS(X)                         \
        X(ROW, "row", EMPTY, false)                 \
        X(DATE, "date", DATE, true)                 \
        X(IN_FROM, "in_from", CODE, false)          \
        X(IN_TO, "in_to", CODE, false)              \
        X(IN_COUNT, "in_count", DIGITS, false)      \
        X(OUT_FROM, "out_from", CODE, false)        \
        X(OUT_TO, "out_to", CODE, false)            \
        X(OUT_COUNT, "out_count", DIGITS, false)    \
        X(BALANCE, "balance", DIGITS, true)         \
        X(FULL_NAME, "full_name", TEXT, true)       \
        X(NATIONAL_ID, "national_id", DIGITS, true) \
        X(SERIAL, "serial", CODE, true)             \
        X(ISSUE_DATE, "issue_date", DATE, true)     \
        X(CENTRE, "centre", TEXT, true)             \
        X(RECIPIENT, "recipient", TEXT, false)      \
        X(SIGNATURE, "signature", EMPTY, false)     \
        X(CAUSE, "cause", TEXT, true)               \
        X(OUTCOME, "outcome", TEXT, false)

enum document_value {
#define X(name, key, kind, required) DOCUMENT_VALUE_##name,
        DOCUMENT_VALUES(X)
#undef X
                DOCUMENT_VALUE_COUNT_ALL
};
enum document_column {
#define X(name, key, kind, required) DOCUMENT_COLUMN_##name,
        DOCUMENT_COLUMNS(X)
#undef X
                DOCUMENT_COLUMN_COUNT_ALL
};

struct document_name {
        const char *key;
        enum document_kind kind;
        bool required;
};
extern const struct document_name document_values[DOCUMENT_VALUE_COUNT_ALL];
extern const struct document_name document_columns[DOCUMENT_COLUMN_COUNT_ALL];
/* Index of the key of n bytes in one of these tables, or -1. */
int document_name_find(const struct document_name *list, size_t n_list, const char *key, size_t n);

/* The task. Strings are borrowed: from the caller when encoding, from the JSON when decoded. */
struct render_document {
        const char *template;   /* [a-z0-9-]+: file name without .json, e.g. "annex-5" */
        const char *number;     /* of the document: [A-Z0-9/-]+ */
        const char *date;       /* of the document, Gregorian */
        uint8_t digest[32];     /* SHA-256 of the record that this paper shows and people sign; the QR names it */
        int64_t audit_seq;      /* last row of the audit chain when the paper was made, >= 0 */
        uint8_t audit_head[32]; /* and its hash */
};
json_t *render_document_encode(const struct render_document *document); /* new reference; NULL without memory */
int render_document_decode(const json_t *args, struct render_document *ret, struct error *err);

/* The content. Everything is checked by kind, so that a renderer only has to place it. Borrows from json. */
struct document_content {
        const char *values[DOCUMENT_VALUE_COUNT_ALL]; /* NULL: not given */
        const json_t *rows;                           /* NULL: none */
};
int document_content_decode(const json_t *json, struct document_content *ret, struct error *err);
/* Row i, cells NULL when not given or empty. -1 and *err for an unknown column or a cell that is not of its kind. */
int document_row_decode(const json_t *row, size_t i, const char *ret[DOCUMENT_COLUMN_COUNT_ALL], struct error *err);

/* The answer. */
struct document_done {
        int64_t n_pages;             /* 1 to DOCUMENT_ROWS_MAX + 1 */
        uint8_t template_sha256[32]; /* over the template and every font file: what the paper's look depends on */
};
json_t *document_done_encode(const struct document_done *done);
int document_done_decode(const json_t *args, struct document_done *ret, struct error *err);
