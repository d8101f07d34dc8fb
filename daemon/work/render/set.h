/* Sets prepared text (isolate.h) in exactly one font, and proves it: no fallback, no missing glyph. Draws its lines.
 *
 * All text is laid out at SET_REFERENCE points and scaled by cairo: without hinting and rounding that is the same
 * picture, each try of a size costs no new font (for which Pango would start a thread), and glyph positions are finer.
 */
#pragma once
#include "daemon/work/render/fonts.h"

#define SET_REFERENCE 100.0

/* A new layout, the caller's (g_object_unref); wraps at words once it has a width. */
PangoLayout *set_new(const struct fonts *fonts, const char *font, int64_t weight, bool rtl, const char *prepared);
/* 0, or -1 and *err: glyph_missing. what names the box or column in the message; the text itself is never told. */
int set_check_glyphs(PangoLayout *layout, const char *font, const char *what, struct error *err);
/* 0, or -1 and *err: font_fallback. Looks at the lines as they are now. */
int set_check_fonts(PangoLayout *layout, const char *font, int64_t weight, const char *what, struct error *err);
/* Draws line i at that size in points, its left end at x and its baseline at y as Pango measured it. share says where
 * the line is held when tightening shortens it: 0 left, 0.5 centre, 1 right. */
void set_draw_line(PangoLayout *layout, int i, double share, double x, double y, double size, cairo_t *cr);
