#include "proto/lds/photo.h"
#include <string.h>

enum { /* ITU-T T.81 table B.1 */
       MARKER = 0xFF,
       SOI = 0xD8,
       SOF_FIRST = 0xC0,
       SOF_LAST = 0xCF,
       DHT = 0xC4,
       JPG = 0xC8,
       DAC = 0xCC,
       SOS = 0xDA,
       EOI = 0xD9,
       RST_FIRST = 0xD0,
};

static bool is_frame(uint8_t marker)
{
        return marker >= SOF_FIRST && marker <= SOF_LAST && marker != DHT && marker != JPG && marker != DAC;
}

static bool frame_size(struct bytes segment, unsigned *ret_width, unsigned *ret_height)
{
        uint8_t precision;
        uint16_t height, width;

        if (!bytes_u8(&segment, &precision) || !bytes_u16(&segment, &height) || !bytes_u16(&segment, &width))
                return false;
        *ret_width = width;
        *ret_height = height;
        return width > 0 && height > 0;
}

/* The next marker; fill bytes FF before it are allowed (B.1.1.2). */
static bool take_marker(struct bytes *in, uint8_t *ret)
{
        if (!bytes_u8(in, ret) || *ret != MARKER)
                return false;
        while (*ret == MARKER)
                if (!bytes_u8(in, ret))
                        return false;
        return *ret != 0;
}

static bool probe_jpeg(struct bytes in, unsigned *ret_width, unsigned *ret_height)
{
        struct bytes segment;
        uint8_t marker;
        uint16_t length;

        if (!take_marker(&in, &marker) || marker != SOI)
                return false;
        while (take_marker(&in, &marker)) {
                if (marker == SOS || (marker >= RST_FIRST && marker <= EOI))
                        return false;
                if (!bytes_u16(&in, &length) || length < 2 || !bytes_take(&in, length - 2u, &segment))
                        return false;
                if (is_frame(marker))
                        return frame_size(segment, ret_width, ret_height);
        }
        return false;
}

static bool probe_png(struct bytes in, unsigned *ret_width, unsigned *ret_height)
{
        static const uint8_t start[] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R' };
        struct bytes head;
        uint32_t width, height;

        if (!bytes_take(&in, sizeof start, &head) || memcmp(head.p, start, sizeof start) != 0)
                return false;
        if (!bytes_u32(&in, &width) || !bytes_u32(&in, &height))
                return false;
        *ret_width = width;
        *ret_height = height;
        return width > 0 && height > 0 && width <= 0xFFFF && height <= 0xFFFF;
}

bool lds_photo_probe(struct bytes photo, enum lds_photo_type *ret_type, unsigned *ret_width, unsigned *ret_height)
{
        if (probe_jpeg(photo, ret_width, ret_height)) {
                *ret_type = LDS_PHOTO_JPEG;
                return true;
        }
        if (probe_png(photo, ret_width, ret_height)) {
                *ret_type = LDS_PHOTO_PNG;
                return true;
        }
        return false;
}
