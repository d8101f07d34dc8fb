/* One text of several lines in a column of a given width: a paragraph, a cell, a line of a signature box.
 *
 * It wraps first, then shrinks in half points, then refuses; nothing is ever cut. Right to left, Vazirmatn. */
#pragma once
#include "daemon/work/render/box.h"
#include "daemon/work/render/expand.h"
#include "daemon/work/render/fonts.h"

struct block_style {
        int64_t weight;
        double size_max, size_min; /* points */
        double leading;            /* em from baseline to baseline */
        int lines_max;
        enum box_align align;
};

struct block {
        PangoLayout *layout; /* owned; NULL: empty */
        const struct block_style *style;
        double width, size; /* points */
        int n_lines;
};

/* prepared comes from expand.h; what names the place in messages. 0 (block_done), or -1 and *err: name_no_fit,
 * glyph_missing, font_fallback. An empty text makes an empty block. */
int block_fit(const struct fonts *fonts, const struct block_style *style, double width, const char *prepared,
              const char *what, struct block *ret, struct error *err);
/* The same for a text of a template, whose placeholders it fills in; NULL makes an empty block. */
int block_expand(const struct fonts *fonts, const struct block_style *style, double width, const char *text,
                 const struct expand *from, const char *what, struct block *ret, struct error *err);
double block_height(const struct block *block);
/* Draws it with its upper left corner at x, y. */
void block_draw(const struct block *block, double x, double y, cairo_t *cr);
void block_done(struct block *block); /* accepts a zeroed one */
