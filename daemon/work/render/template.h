/* A document's template: one JSON file, NAME.json, whose texts a province adapts without code. docs/documents.md.
 *
 * Parsed strictly when the worker starts: an unknown key, column or placeholder, a column too narrow or a table wider
 * than the page is kept as the template's error, with file and key (or line), and refuses each document of it. */
#pragma once
#include "daemon/work/render/fonts.h"
#include "proto/ipc/document.h"

enum {
        TEMPLATES_MAX = 32,
        TEMPLATE_TEXTS_MAX = 12,
        TEMPLATE_COLUMNS_MAX = 12,
        TEMPLATE_SIGNS_MAX = 4,
        TEMPLATE_LINES_MAX = 6, /* of a signature box */
        TEMPLATE_HEAD_MAX = 4,
        TEMPLATE_FOOT_MAX = 3,
};

struct template_texts {
        const char *text[TEMPLATE_TEXTS_MAX];
        size_t n;
};

struct template_column {
        enum document_column column;
        const char *title;
        const char *group; /* title over several columns side by side, or NULL */
        double width;      /* points */
};

struct template_sign {
        const char *title;
        struct template_texts lines;
};

struct template
{
        char name[DOCUMENT_TEMPLATE_MAX + 1];
        json_t *json; /* owned; the texts are in it */
        const char *title, *subtitle;
        bool landscape;
        struct template_texts head, before, after, foot;
        struct template_column columns[TEMPLATE_COLUMNS_MAX];
        size_t n_columns;
        struct template_sign signs[TEMPLATE_SIGNS_MAX];
        size_t n_signs;
        bool shown[DOCUMENT_VALUE_COUNT_ALL]; /* values that some text shows */
        bool shown_columns[DOCUMENT_COLUMN_COUNT_ALL];
        uint8_t sha256[32];
        bool bad;
        struct error error;
};

/* All templates of a folder into list (TEMPLATES_MAX); their number, or -1 and *err when the folder cannot be read or
 * holds more. Reads files; before the sandbox only. */
int template_load_all(const char *dir, const struct fonts *fonts, struct template *list, struct error *err);
/* The template of that name, or NULL and *err: layout_bad, or the template's own error. */
const struct template *template_find(const struct template *list, int n, const char *name, struct error *err);
void template_done(struct template *t);
