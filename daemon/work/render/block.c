#include "daemon/work/render/block.h"
#include "daemon/work/render/set.h"
#include <glib-object.h>

#define FONT "Vazirmatn"
#define ASCENT 0.92    /* em from the top of a line to its baseline, in a leading of 1.3; as in text.c */
#define TOLERANCE 0.02 /* points */

static double points(const struct block *b, int pango)
{
        return (double)pango / PANGO_SCALE * b->size / SET_REFERENCE;
}

static double line_width(const struct block *b, int i)
{
        PangoRectangle logical;

        pango_layout_line_get_extents(pango_layout_get_line_readonly(b->layout, i), NULL, &logical);
        return points(b, logical.width);
}

static bool fits(struct block *b, double size)
{
        b->size = size;
        pango_layout_set_width(b->layout, (int)(b->width * PANGO_SCALE * SET_REFERENCE / size));
        b->n_lines = pango_layout_get_line_count(b->layout);
        if (b->n_lines > b->style->lines_max)
                return false;
        for (int i = 0; i < b->n_lines; i++)
                if (line_width(b, i) > b->width + TOLERANCE) /* one word is wider than the column */
                        return false;
        return true;
}

static bool shrink(struct block *b)
{
        for (double size = b->style->size_max; size >= b->style->size_min - 0.01; size -= 0.5)
                if (fits(b, size))
                        return true;
        return false;
}

int block_fit(const struct fonts *fonts, const struct block_style *style, double width, const char *prepared,
              const char *what, struct block *ret, struct error *err)
{
        struct block b = { .style = style, .width = width };
        int r;

        *ret = b;
        if (!prepared[0])
                return 0;
        b.layout = set_new(fonts, FONT, style->weight, true, prepared);
        r = set_check_glyphs(b.layout, FONT, what, err);
        if (r == 0 && !shrink(&b))
                r = err_input(err, REASON_NAME_NO_FIT, "text does not fit %s in %d lines at %.1f points", what,
                              style->lines_max, style->size_min);
        if (r == 0)
                r = set_check_fonts(b.layout, FONT, style->weight, what, err);
        if (r < 0)
                block_done(&b);
        else
                *ret = b;
        return r;
}

int block_expand(const struct fonts *fonts, const struct block_style *style, double width, const char *text,
                 const struct expand *from, const char *what, struct block *ret, struct error *err)
{
        char ready[EXPAND_MAX];

        if (!text)
                return 0;
        if (expand_text(text, from, ready, err) < 0)
                return -1;
        return block_fit(fonts, style, width, ready, what, ret, err);
}

double block_height(const struct block *block)
{
        return block->layout ? block->n_lines * block->style->leading * block->size : 0;
}

static double share(enum box_align align)
{
        switch (align) {
        case ALIGN_LEFT:
                return 0;
        case ALIGN_CENTER:
                return 0.5;
        case ALIGN_RIGHT:
                return 1;
        }
        return 0;
}

void block_draw(const struct block *block, double x, double y, cairo_t *cr)
{
        double step, half, held;

        if (!block->layout)
                return;
        step = block->style->leading * block->size;
        half = (block->style->leading - 1.3) / 2 * block->size; /* further leading is shared above and below */
        held = share(block->style->align);
        cairo_set_source_rgb(cr, 0, 0, 0);
        for (int i = 0; i < block->n_lines; i++)
                set_draw_line(block->layout, i, held, x + held * (block->width - line_width(block, i)),
                              y + i * step + half + ASCENT * block->size, block->size, cr);
}

void block_done(struct block *block)
{
        if (block->layout)
                g_object_unref(block->layout);
        *block = (struct block){ 0 };
}
