/* Decodes one untrusted JPEG (ITU-T T.81, by libjpeg-turbo) or PNG (ISO/IEC 15948, by libpng) to pixels.
 *
 * The size is read and judged before a pixel is decoded; a warning of the decoder (truncated data, bad checksum) is a
 * refusal, not a grey area. Sandbox first: these are hostile bytes. */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include <cairo.h>

enum {
        PICTURE_SIDE_MAX = 8192,
        PICTURE_PIXELS_MAX = 40000000, /* 160 MB decoded: beyond it a PNG is refused; a JPEG is scaled while decoding */
        PICTURE_BYTES_MAX = 8 << 20,
};

struct picture {
        cairo_surface_t *surface; /* owned, RGB24; not yet turned */
        int width, height;        /* of the file, before any scaling, not yet turned */
        int orientation;          /* Exif 2.32 4.6.4 A, tag 0112: 1 to 8 */
};

/* A JPEG may come out smaller by n/8, but not below want_px on either side where the file has that many.
 * 0 (caller: picture_done), or -1 and *err: photo_bad, photo_large. */
int picture_decode(struct bytes data, int want_px, struct picture *ret, struct error *err);
void picture_done(struct picture *picture);
/* The orientation in an Exif block that begins with its TIFF header; 1 when there is none or it is malformed. */
int picture_orientation(struct bytes tiff);
/* For the decoders in jpeg.c and png.c. */
int picture_decode_jpeg(struct bytes data, int want_px, struct picture *ret, struct error *err);
int picture_decode_png(struct bytes data, struct picture *ret, struct error *err);
int picture_check_size(uint32_t width, uint32_t height, struct error *err);
