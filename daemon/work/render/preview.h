/* A surface as PNG, for the screen: fast rather than small (cairo's own writer takes three times as long). */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include <cairo.h>

/* surface: RGB24, flushed. The caller frees ret->p. 0, or -1 and *err without memory. */
int preview_encode(cairo_surface_t *surface, struct bytes *ret, struct error *err);
