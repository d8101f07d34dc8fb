/* Sets one text into one box with Pango: shrink by bisection, then two lines, then refuse. facts: no ellipsis ever.
 *
 * Lines stand on their own baselines, 1.3 em apart, so that the leading does not depend on the font's tall metrics;
 * the ink of every line is proved to lie inside the box. */
#pragma once
#include "daemon/work/render/box.h"
#include "daemon/work/render/fonts.h"

enum { TEXT_LINES_MAX = 2 };

struct text {
        PangoLayout *layout; /* owned */
        const struct box *box;
        double size; /* points */
        int n_lines;
        double x[TEXT_LINES_MAX], y[TEXT_LINES_MAX]; /* left end and baseline of each line, points */
};

/* 0 and *ret (text_done), or -1 and *err: name_no_fit, glyph_missing, font_fallback. */
int text_fit(const struct fonts *fonts, const struct box *box, const char *value, struct text *ret, struct error *err);
void text_draw(const struct text *text, cairo_t *cr);
void text_done(struct text *text); /* accepts a zeroed one */
