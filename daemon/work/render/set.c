#include "daemon/work/render/set.h"
#include <glib-object.h>
#include <string.h>

PangoLayout *set_new(const struct fonts *fonts, const char *font, int64_t weight, bool rtl, const char *prepared)
{
        PangoLayout *layout = pango_layout_new(fonts->context[rtl]);
        PangoFontDescription *description = pango_font_description_new();

        pango_font_description_set_family(description, font);
        pango_font_description_set_weight(description, (PangoWeight)weight);
        pango_font_description_set_absolute_size(description, SET_REFERENCE * PANGO_SCALE);
        pango_layout_set_font_description(layout, description);
        pango_font_description_free(description);
        pango_layout_set_auto_dir(layout, FALSE);
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD);
        pango_layout_set_text(layout, prepared, -1);
        return layout;
}

static bool font_is(PangoFont *font, const char *family, int64_t weight)
{
        PangoFontDescription *have = pango_font_describe(font);
        bool ret = strcmp(pango_font_description_get_family(have), family) == 0 &&
                   (int64_t)pango_font_description_get_weight(have) == weight;

        pango_font_description_free(have);
        return ret;
}

/* pango_layout_get_unknown_glyphs_count is 0 when another font stepped in, so every run is asked for its font. */
int set_check_fonts(PangoLayout *layout, const char *font, int64_t weight, const char *what, struct error *err)
{
        for (GSList *line = pango_layout_get_lines_readonly(layout); line; line = line->next)
                for (GSList *run = ((PangoLayoutLine *)line->data)->runs; run; run = run->next)
                        if (!font_is(((PangoGlyphItem *)run->data)->item->analysis.font, font, weight))
                                return err_input(err, REASON_FONT_FALLBACK, "box '%s' would be set in another font",
                                                 what);
        return 0;
}

int set_check_glyphs(PangoLayout *layout, const char *font, const char *what, struct error *err)
{
        for (const char *p = pango_layout_get_text(layout); *p; p = g_utf8_next_char(p)) {
                gunichar code = g_utf8_get_char(p);

                if (code != 0x200C && !(code >= 0x2066 && code <= 0x2069) && !fonts_covers(font, code))
                        return err_input(err, REASON_GLYPH_MISSING, "box '%s' needs U+%04X, which the font lacks", what,
                                         (unsigned)code);
        }
        if (pango_layout_get_unknown_glyphs_count(layout) > 0)
                return err_input(err, REASON_GLYPH_MISSING, "box '%s' needs a glyph that the font lacks", what);
        return 0;
}

/* Cairo writes right-to-left letters one by one with rounded steps, and poppler takes the hair between them for a word
 * space when it is nowhere negative. So each such letter is set closer by 0.002 em: a third of a hundredth of a
 * millimetre, and the PDF can be read and searched. */
#define TIGHTEN (0.002 * SET_REFERENCE)

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

void set_draw_line(PangoLayout *layout, int i, double share, double x, double y, double size, cairo_t *cr)
{
        const PangoLayoutLine *line = pango_layout_get_line_readonly(layout, i);
        const char *value = pango_layout_get_text(layout);
        double shorter = draw_runs(line, value, 0, NULL);

        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, size / SET_REFERENCE, size / SET_REFERENCE);
        (void)draw_runs(line, value, share * shorter, cr);
        cairo_restore(cr);
}
