/* The frame of a photo: enough of JPEG (ITU-T T.81 B.2) and PNG (RFC 2083 3.1, 4.1.1) to know type and size. It does
 * not decode; a picture that passes may still be broken inside. */
#pragma once
#include "proto/lds/record.h"

/* False when it is neither, or no frame header is found. */
bool lds_photo_probe(struct bytes photo, enum lds_photo_type *ret_type, unsigned *ret_width, unsigned *ret_height);
