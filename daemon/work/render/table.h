/* A document's table, right to left: heads (in two storeys where columns are grouped) and rows, each fitted into its
 * cells. It knows heights and draws any row anywhere; which row stands on which page is document.c's. */
#pragma once
#include "daemon/work/render/block.h"
#include "daemon/work/render/template.h"

struct table_row {
        struct block cells[TEMPLATE_COLUMNS_MAX];
        double height;
};

struct table {
        const struct template *template;
        double width, group_height, title_height; /* points; group_height 0: no groups */
        struct block titles[TEMPLATE_COLUMNS_MAX];
        struct block groups[TEMPLATE_COLUMNS_MAX]; /* at the first column of each group */
        size_t n_rows;
        struct table_row *rows; /* owned */
};

/* Fits heads and rows. rows as in struct document_content. 0 (table_done), or -1 and *err: bad_json for a missing
 * cell, layout_bad for one that the template has no column for, name_no_fit and its kin. */
int table_prepare(const struct template *template, const struct fonts *fonts, const json_t *rows, struct table *ret,
                  struct error *err);
double table_head_height(const struct table *table);
/* With the upper right corner at right, y. */
void table_draw_head(const struct table *table, double right, double y, cairo_t *cr);
void table_draw_row(const struct table *table, size_t i, double right, double y, cairo_t *cr);
void table_done(struct table *table); /* accepts a zeroed one */
