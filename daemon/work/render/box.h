/* One named box of a layout: where a value goes and how it is set. docs/layout.md lists the attributes.
 *
 * Attributes stand as data-KEY on the rect or as KEY=VALUE words in its <desc> (Inkscape's "Description"), which
 * Inkscape 1.2 keeps; a key given in both is refused. */
#pragma once
#include "daemon/work/render/rect.h"
#include "proto/ipc/render.h"
#include <libxml/tree.h>

enum { BOX_NAME_MAX = 40 };
enum box_kind { BOX_TEXT, BOX_PHOTO, BOX_QR };
enum box_align { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT };
enum box_valign { VALIGN_TOP, VALIGN_MIDDLE, VALIGN_BOTTOM };

struct box {
        char id[BOX_NAME_MAX + 1];
        enum box_kind kind;
        struct rect rect;
        enum render_field field; /* BOX_TEXT */
        char font[BOX_NAME_MAX + 1];
        double size_max, size_min; /* points */
        int64_t weight;            /* 100 to 900 */
        int64_t lines;             /* 1 or 2 */
        bool rtl;
        bool persian_digits;
        enum box_align align;
        enum box_valign valign;
        double colour[3]; /* red, green, blue, 0 to 1 */
        int64_t min_dpi;  /* BOX_PHOTO */
};

/* Reads everything but the geometry (the caller asks librsvg for it). 0, or -1 and *err: layout_bad. */
int box_parse(const xmlNode *rect, struct box *ret, struct error *err);
