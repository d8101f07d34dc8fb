#include "daemon/work/render/text.h"
#include "daemon/work/render/isolate.h"
#include "daemon/work/render/set.h"
#include <glib-object.h>
#include <math.h>

#define LEADING 1.3    /* em from baseline to baseline */
#define ASCENT 0.92    /* em from the top of a line to its baseline; Vazirmatn's marks reach 0.9 */
#define TOLERANCE 0.02 /* points; a hundredth of a millimetre */
enum { STEPS = 9 };    /* bisection: 7 points / 2^9 < 0.02 points */

/* Pango units of the layout to points on the card, and back. */
static double points(const struct text *t, int pango)
{
        return (double)pango / PANGO_SCALE * t->size / SET_REFERENCE;
}

static int units(const struct text *t, double width)
{
        return (int)(width * PANGO_SCALE * SET_REFERENCE / t->size);
}

static double line_x(const struct box *box, double width)
{
        switch (box->align) {
        case ALIGN_LEFT:
                return box->rect.x;
        case ALIGN_CENTER:
                return box->rect.x + (box->rect.w - width) / 2;
        case ALIGN_RIGHT:
                return box->rect.x + box->rect.w - width;
        }
        return box->rect.x;
}

static double block_y(const struct box *box, double height)
{
        switch (box->valign) {
        case VALIGN_TOP:
                return box->rect.y;
        case VALIGN_MIDDLE:
                return box->rect.y + (box->rect.h - height) / 2;
        case VALIGN_BOTTOM:
                return box->rect.y + box->rect.h - height;
        }
        return box->rect.y;
}

/* Places line i and answers whether its ink lies inside the box. A side bearing may hang over by a hair: the line is
 * then moved in, never clipped. */
static bool place_line(struct text *t, int i)
{
        const struct rect *box = &t->box->rect;
        PangoLayoutLine *line = pango_layout_get_line_readonly(t->layout, i);
        PangoRectangle ink, logical;
        struct rect r;

        pango_layout_line_get_extents(line, &ink, &logical);
        if (points(t, logical.width) > box->w + TOLERANCE)
                return false;
        t->x[i] = line_x(t->box, points(t, logical.width));
        t->y[i] = block_y(t->box, t->n_lines * LEADING * t->size) + (i * LEADING + ASCENT) * t->size;
        t->x[i] += fmax(0, box->x - t->x[i] - points(t, ink.x));
        t->x[i] -= fmax(0, t->x[i] + points(t, ink.x + ink.width) - box->x - box->w);
        r = (struct rect){ t->x[i] + points(t, ink.x), t->y[i] + points(t, ink.y), points(t, ink.width),
                           points(t, ink.height) };
        return rect_inside(r, *box, TOLERANCE);
}

static bool place(struct text *t, int lines)
{
        pango_layout_set_width(t->layout, lines == 1 ? -1 : units(t, t->box->rect.w));
        t->n_lines = pango_layout_get_line_count(t->layout);
        if (t->n_lines > lines)
                return false;
        for (int i = 0; i < t->n_lines; i++)
                if (!place_line(t, i))
                        return false;
        return true;
}

static bool fits(struct text *t, double size, int lines)
{
        t->size = size;
        return place(t, lines);
}

/* The largest size of the box's range at which the text fits in so many lines. */
static bool shrink(struct text *t, int lines)
{
        double good = t->box->size_min, bad = t->box->size_max;

        if (fits(t, bad, lines))
                return true;
        if (!fits(t, good, lines))
                return false;
        for (int i = 0; i < STEPS; i++) {
                double middle = (good + bad) / 2;

                if (fits(t, middle, lines))
                        good = middle;
                else
                        bad = middle;
        }
        return fits(t, good, lines);
}

/* Two lines of like length read better than a full one and a stray word: the narrowest width that keeps two. */
static bool balance(struct text *t)
{
        double good = t->box->rect.w, bad = good / 2;

        for (int i = 0; i < STEPS; i++) {
                double middle = (good + bad) / 2;

                pango_layout_set_width(t->layout, units(t, middle));
                if (pango_layout_get_line_count(t->layout) <= TEXT_LINES_MAX)
                        good = middle;
                else
                        bad = middle;
        }
        pango_layout_set_width(t->layout, units(t, good) + 1);
        t->n_lines = pango_layout_get_line_count(t->layout);
        for (int i = 0; i < t->n_lines; i++)
                if (t->n_lines > TEXT_LINES_MAX || !place_line(t, i))
                        return false;
        return true;
}

int text_fit(const struct fonts *fonts, const struct box *box, const char *value, struct text *ret, struct error *err)
{
        char prepared[8 * RENDER_TEXT_MAX];
        struct text t = { .box = box, .size = box->size_max };
        bool fit = false;

        if (!isolate_text(value, box->rtl, box->persian_digits, prepared, sizeof prepared))
                return err_input(err, REASON_NAME_NO_FIT, "text of box '%s' is too long", box->id);
        t.layout = set_new(fonts, box->font, box->weight, box->rtl, prepared);
        if (set_check_glyphs(t.layout, box->font, box->id, err) < 0) {
                text_done(&t);
                return -1;
        }
        fit = shrink(&t, 1);
        if (!fit && box->lines == 2)
                fit = shrink(&t, 2) && (balance(&t) || place(&t, 2));
        if (!fit)
                (void)err_input(err, REASON_NAME_NO_FIT, "text does not fit box '%s' at %.1f points", box->id,
                                box->size_min);
        if (!fit || set_check_fonts(t.layout, box->font, box->weight, box->id, err) < 0) {
                text_done(&t);
                return -1;
        }
        *ret = t;
        return 0;
}

static double share(const struct box *box)
{
        switch (box->align) {
        case ALIGN_LEFT:
                return 0;
        case ALIGN_CENTER:
                return 0.5;
        case ALIGN_RIGHT:
                return 1;
        }
        return 0;
}

void text_draw(const struct text *text, cairo_t *cr)
{
        const double *c = text->box->colour;

        cairo_set_source_rgb(cr, c[0], c[1], c[2]);
        for (int i = 0; i < text->n_lines; i++)
                set_draw_line(text->layout, i, share(text->box), text->x[i], text->y[i], text->size, cr);
}

void text_done(struct text *text)
{
        if (text->layout)
                g_object_unref(text->layout);
        *text = (struct text){ 0 };
}
