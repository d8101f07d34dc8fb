/* The holder's photo: turned by its Exif orientation, cut to the box's shape around the middle, at most 600 dpi of the
 * box, and encoded anew as JPEG, so that no byte of the original reaches the print file. */
#pragma once
#include "daemon/work/render/box.h"
#include <cairo.h>

/* A surface (caller destroys) with the JPEG attached for the PDF. NULL and *err: photo_bad, photo_small, photo_large.
 */
cairo_surface_t *photo_prepare(struct bytes data, const struct box *box, struct error *err);
void photo_draw(cairo_surface_t *photo, struct rect box, cairo_t *cr);
