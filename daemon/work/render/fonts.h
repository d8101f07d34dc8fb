/* The fonts of the cards: those in one folder, and no other font of the machine is visible to this process.
 *
 * A private FcConfig made current serves Pango and librsvg alike, so that neither can fall back to a system font. */
#pragma once
#include "proto/base/error.h"
#include <pango/pangocairo.h>

enum { FONTS_MAX = 32 };

struct fonts {
        /* By direction, [true] right to left; never changed again, because Pango lays a text out anew, and otherwise,
         * once its context has. 72 dpi, no hinting, fractional positions: the same layout at every resolution. */
        PangoContext *context[2];
        uint8_t sha256[FONTS_MAX][32]; /* of each file, in the order of their names */
        size_t n;
};

/* Loads every *.ttf of dir. 0, or -1 and *err: font_fallback when there is none. May be called once per process. */
int fonts_load(const char *dir, struct fonts *ret, struct error *err);
/* Is there a font of this family, and with this exact weight (100 to 900)? Has any weight of it this character? */
bool fonts_has(const char *family, int weight);
bool fonts_covers(const char *family, uint32_t code);
