/* The QR code of the back: ISO/IEC 18004:2015, alphanumeric, level M, drawn as vector rectangles. */
#pragma once
#include "daemon/work/render/rect.h"
#include "proto/base/error.h"
#include <cairo.h>

/* Draws text into the box: white ground with 4 modules of quiet zone (clause 9.1), modules of whole 1/300 inch on the
 * 300 dpi grid, at least 4 of them each. 0, or -1 and *err: layout_bad when the box is too small. */
int qr_draw(const char *text, struct rect box, cairo_t *cr, struct error *err);
