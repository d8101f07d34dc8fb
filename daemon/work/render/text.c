#include "daemon/work/render/text.h"
#include "daemon/work/render/isolate.h"
#include <glib-object.h>
#include <math.h>
#include <string.h>

#define LEADING 1.3    /* em from baseline to baseline */
#define ASCENT 0.92    /* em from the top of a line to its baseline; Vazirmatn's marks reach 0.9 */
#define TOLERANCE 0.02 /* points; a hundredth of a millimetre */
enum { STEPS = 9 };    /* bisection: 7 points / 2^9 < 0.02 points */

/* All text is laid out at one size and scaled by cairo: without hinting and rounding that is the same picture, each
 * try costs no new font (for which Pango would start a thread), and glyph positions are finer. */
#define REFERENCE 100.0

/* Pango units of the layout to points on the card, and back. */
static double points(const struct text *t, int pango)
{
        return (double)pango / PANGO_SCALE * t->size / REFERENCE;
}

static int units(const struct text *t, double width)
{
        return (int)(width * PANGO_SCALE * REFERENCE / t->size);
}

static void set_font(PangoLayout *layout, const struct box *box)
{
        PangoFontDescription *font = pango_font_description_new();

        pango_font_description_set_family(font, box->font);
        pango_font_description_set_weight(font, (PangoWeight)box->weight);
        pango_font_description_set_absolute_size(font, REFERENCE * PANGO_SCALE);
        pango_layout_set_font_description(layout, font);
        pango_font_description_free(font);
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

static bool font_is(PangoFont *font, const struct box *box)
{
        PangoFontDescription *have = pango_font_describe(font);
        bool ret = strcmp(pango_font_description_get_family(have), box->font) == 0 &&
                   (int64_t)pango_font_description_get_weight(have) == box->weight;

        pango_font_description_free(have);
        return ret;
}

/* pango_layout_get_unknown_glyphs_count is 0 when another font stepped in, so every run is asked for its font. */
static int check_fonts(const struct text *t, struct error *err)
{
        for (int i = 0; i < t->n_lines; i++)
                for (GSList *run = pango_layout_get_line_readonly(t->layout, i)->runs; run; run = run->next)
                        if (!font_is(((PangoGlyphItem *)run->data)->item->analysis.font, t->box))
                                return err_input(err, REASON_FONT_FALLBACK, "box '%s' would be set in another font",
                                                 t->box->id);
        return 0;
}

static int check_glyphs(const struct text *t, const char *value, struct error *err)
{
        for (const char *p = value; *p; p = g_utf8_next_char(p)) {
                gunichar code = g_utf8_get_char(p);

                if (code != 0x200C && !(code >= 0x2066 && code <= 0x2069) && !fonts_covers(t->box->font, code))
                        return err_input(err, REASON_GLYPH_MISSING, "box '%s' needs U+%04X, which the font lacks",
                                         t->box->id, (unsigned)code);
        }
        if (pango_layout_get_unknown_glyphs_count(t->layout) > 0)
                return err_input(err, REASON_GLYPH_MISSING, "box '%s' needs a glyph that the font lacks", t->box->id);
        return 0;
}

static PangoLayout *new_layout(const struct fonts *fonts, const struct box *box, const char *value)
{
        PangoLayout *layout = pango_layout_new(fonts->context[box->rtl]);

        pango_layout_set_auto_dir(layout, FALSE);
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD);
        set_font(layout, box);
        pango_layout_set_text(layout, value, -1);
        return layout;
}

int text_fit(const struct fonts *fonts, const struct box *box, const char *value, struct text *ret, struct error *err)
{
        char prepared[8 * RENDER_TEXT_MAX];
        struct text t = { .box = box, .size = box->size_max };
        bool fit = false;

        if (!isolate_text(value, box->rtl, box->persian_digits, prepared, sizeof prepared))
                return err_input(err, REASON_NAME_NO_FIT, "text of box '%s' is too long", box->id);
        t.layout = new_layout(fonts, box, prepared);
        if (check_glyphs(&t, prepared, err) < 0) {
                text_done(&t);
                return -1;
        }
        fit = shrink(&t, 1);
        if (!fit && box->lines == 2)
                fit = shrink(&t, 2) && (balance(&t) || place(&t, 2));
        if (!fit)
                (void)err_input(err, REASON_NAME_NO_FIT, "text does not fit box '%s' at %.1f points", box->id,
                                box->size_min);
        if (!fit || check_fonts(&t, err) < 0) {
                text_done(&t);
                return -1;
        }
        *ret = t;
        return 0;
}

/* Cairo writes right-to-left letters one by one with rounded steps, and poppler takes the hair between them for a word
 * space when it is nowhere negative. So each such letter is set closer by 0.002 em: a third of a hundredth of a
 * millimetre, and the PDF can be read and searched. */
#define TIGHTEN (0.002 * REFERENCE)

/* Tightens a right-to-left run; the width that was taken away, in the layout's points. */
static double tighten(PangoGlyphItem *run)
{
        double ret = 0;

        if (run->item->analysis.level % 2 == 0)
                return 0;
        for (int i = 0; i < run->glyphs->num_glyphs; i++) {
                if (run->glyphs->glyphs[i].geometry.width <= TIGHTEN * PANGO_SCALE)
                        continue;
                run->glyphs->glyphs[i].geometry.width -= (int)(TIGHTEN * PANGO_SCALE);
                ret += TIGHTEN;
        }
        return ret;
}

/* Draws a line's runs from its left end; twice, first only to learn by how much tightening shortens the line. */
static double draw_runs(const PangoLayoutLine *line, const char *value, double x, cairo_t *cr)
{
        double shorter = 0;

        for (GSList *item = line->runs; item; item = item->next) {
                PangoGlyphItem *run = pango_glyph_item_copy(item->data);

                shorter += tighten(run);
                if (cr) {
                        cairo_move_to(cr, x, 0);
                        pango_cairo_show_glyph_item(cr, value, run);
                }
                x += (double)pango_glyph_string_get_width(run->glyphs) / PANGO_SCALE;
                pango_glyph_item_free(run);
        }
        return shorter;
}

static double start_of(const struct text *text, double shorter)
{
        switch (text->box->align) {
        case ALIGN_LEFT:
                return 0;
        case ALIGN_CENTER:
                return shorter / 2;
        case ALIGN_RIGHT:
                return shorter;
        }
        return 0;
}

void text_draw(const struct text *text, cairo_t *cr)
{
        const char *value = pango_layout_get_text(text->layout);
        const double *c = text->box->colour;

        cairo_set_source_rgb(cr, c[0], c[1], c[2]);
        for (int i = 0; i < text->n_lines; i++) {
                const PangoLayoutLine *line = pango_layout_get_line_readonly(text->layout, i);
                double shorter = draw_runs(line, value, 0, NULL);

                cairo_save(cr);
                cairo_translate(cr, text->x[i], text->y[i]);
                cairo_scale(cr, text->size / REFERENCE, text->size / REFERENCE);
                (void)draw_runs(line, value, start_of(text, shorter), cr);
                cairo_restore(cr);
        }
}

void text_done(struct text *text)
{
        if (text->layout)
                g_object_unref(text->layout);
        *text = (struct text){ 0 };
}
