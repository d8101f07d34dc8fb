/* Rectangles in points (1/72 inch), origin at the top left corner of the card. CR80: ISO/IEC 7810:2019 ID-1,
 * 85.60 x 53.98 mm. */
#pragma once
#include <stdbool.h>

#define MM (72.0 / 25.4)
#define CARD_WIDTH (85.60 * MM)
#define CARD_HEIGHT (53.98 * MM)
enum { CARD_WIDTH_PX = 1011, CARD_HEIGHT_PX = 638 }; /* at 300 dpi, rounded: 1011.02 x 637.56 */

struct rect {
        double x, y, w, h;
};

/* The contact zone, kept free of ink. ISO/IEC 7816-2:2007 figure 2: contacts reach from 10.25 to 19.87 mm from the
 * left edge and from 19.23 to 28.55 mm from the upper edge; a module of 13.0 x 11.8 mm (the common eight-contact
 * size) and 0.5 mm around it for the printer's feed tolerance make this. */
#define CHIP_ZONE ((struct rect){ 8.0 * MM, 17.4 * MM, 14.2 * MM, 13.0 * MM })

static inline bool rect_inside(struct rect inner, struct rect outer, double tolerance)
{
        return inner.x >= outer.x - tolerance && inner.y >= outer.y - tolerance &&
               inner.x + inner.w <= outer.x + outer.w + tolerance && inner.y + inner.h <= outer.y + outer.h + tolerance;
}

static inline bool rect_overlap(struct rect a, struct rect b)
{
        return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
