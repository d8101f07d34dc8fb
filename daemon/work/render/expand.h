/* Placeholders of a template's text: {name} becomes a value, shown as its kind says and ready for Pango.
 *
 * Names are those of DOCUMENT_VALUES (proto/ipc/document.h) and the fixed ones below. A brace stands for nothing else.
 */
#pragma once
#include "proto/ipc/document.h"

/* X(NAME, "name"): {page} and {pages} only in the foot. */
#define EXPAND_FIXED(X)             \
        X(NUMBER, "number")         \
        X(DATE, "date")             \
        X(DIGEST, "digest")         \
        X(AUDIT_SEQ, "audit_seq")   \
        X(AUDIT_HEAD, "audit_head") \
        X(ROWS, "rows")             \
        X(PAGE, "page")             \
        X(PAGES, "pages")

enum { EXPAND_MAX = 8192 }; /* bytes of a ready text */

struct expand {
        const struct render_document *task;
        const char *const *values; /* DOCUMENT_VALUE_COUNT_ALL of them */
        size_t n_rows;
        int page, pages;
};

/* 0, or -1 and *err (layout_bad) for a brace without a known name. Notes each value that the text shows in shown. */
int expand_check(const char *text, const char *where, bool foot, bool shown[DOCUMENT_VALUE_COUNT_ALL],
                 struct error *err);
/* 0 and the ready text, or -1 and *err: bad_json for a required value that is not given, name_no_fit when too long.
 * text has passed expand_check. */
int expand_text(const char *text, const struct expand *from, char ret[EXPAND_MAX], struct error *err);
/* One value or cell by its kind; NULL gives an empty text. False when it is too long. */
bool expand_value(enum document_kind kind, const char *value, char *ret, size_t max);
