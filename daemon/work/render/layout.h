/* A card layout: two SVG files, NAME-front.svg and NAME-back.svg, in millimetres, drawn in Inkscape.
 *
 * Group `art` is drawn by librsvg; rects of group `fields` are the named boxes (box.h) and of group `keep` the zones
 * that must stay free of ink; both are hidden. A group `when-FIELD` in the art is drawn only on cards that have that
 * field. Each rule that docs/layout.md lists is checked when the layout is loaded, before any card. */
#pragma once
#include "daemon/work/render/box.h"
#include "daemon/work/render/fonts.h"
#include <librsvg/rsvg.h>

enum { FACE_FRONT, FACE_BACK, FACE_COUNT };
enum { BOXES_MAX = 48, KEEP_MAX = 8, LAYOUTS_MAX = 16 };

struct face {
        RsvgHandle *handle;
        struct box boxes[BOXES_MAX];
        size_t n_boxes;
        struct rect keep[KEEP_MAX];
        size_t n_keep;
        bool when[RENDER_FIELD_COUNT]; /* the art has a group when-FIELD */
        uint8_t sha256[32];
};

struct layout {
        char name[RENDER_LAYOUT_MAX + 1];
        struct face faces[FACE_COUNT];
        uint8_t sha256[32];
        bool bad; /* then error says why, and every card of this layout is refused with it */
        struct error error;
};

/* Loads and checks one layout; a fault is kept in ret->error. Reads files; before the sandbox only. */
void layout_load(const char *dir, const char *name, const struct fonts *fonts, struct layout *ret);
/* All layouts of a folder into list (LAYOUTS_MAX); their number, or -1 and *err when the folder cannot be read. */
int layout_load_all(const char *dir, const struct fonts *fonts, struct layout *list, struct error *err);
/* Draws the art for a card with these fields (NULL: as if all were given), in points, on a surface of card size. */
int layout_draw_art(const struct face *face, const char *const *fields, cairo_t *cr, struct error *err);
/* The only photo or QR box of a layout; never NULL for a layout that is not bad. */
const struct box *layout_find(const struct layout *layout, enum box_kind kind);

/* The second half of layout_load, in check.c: what only a look at the drawing can tell. 0, or -1 and *err. */
int check_face(const struct face *face, int side, struct error *err);
/* Static texts have glyphs, fonts are ours, and nothing is loaded or run from outside. */
int check_document(const xmlNode *root, struct error *err);
