#include "daemon/work/render/picture.h"
#include <string.h>

struct tiff {
        struct bytes all;
        bool little;
};

static unsigned get16(const struct tiff *t, const uint8_t *p)
{
        return t->little ? (unsigned)(p[0] | p[1] << 8) : (unsigned)(p[0] << 8 | p[1]);
}

static bool at(const struct tiff *t, size_t offset, size_t n, struct bytes *ret)
{
        struct bytes in = t->all, skipped;

        return bytes_take(&in, offset, &skipped) && bytes_take(&in, n, ret);
}

/* TIFF 6.0 section 2: header, first directory, entries of 12 bytes: tag, type, count, value. */
int picture_orientation(struct bytes data)
{
        struct tiff t = { data, false };
        struct bytes part;
        size_t offset, n;

        if (!at(&t, 0, 8, &part) || (memcmp(part.p, "II*", 4) != 0 && memcmp(part.p, "MM\0*", 4) != 0))
                return 1;
        t.little = part.p[0] == 'I';
        offset = t.little ? get16(&t, part.p + 4) | (size_t)get16(&t, part.p + 6) << 16
                          : get16(&t, part.p + 6) | (size_t)get16(&t, part.p + 4) << 16;
        if (!at(&t, offset, 2, &part))
                return 1;
        n = get16(&t, part.p);
        for (size_t i = 0; i < n && at(&t, offset + 2 + 12 * i, 12, &part); i++) {
                unsigned value = get16(&t, part.p + 8);

                if (get16(&t, part.p) == 0x0112)
                        return value >= 1 && value <= 8 ? (int)value : 1;
        }
        return 1;
}

int picture_check_size(uint32_t width, uint32_t height, struct error *err)
{
        if (width == 0 || height == 0)
                return err_input(err, REASON_PHOTO_BAD, "the photo has no size");
        if (width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX || (uint64_t)width * height > PICTURE_PIXELS_MAX)
                return err_input(err, REASON_PHOTO_LARGE, "the photo has %u x %u pixels", width, height);
        return 0;
}

int picture_decode(struct bytes data, int want_px, struct picture *ret, struct error *err)
{
        if (data.n > PICTURE_BYTES_MAX)
                return err_input(err, REASON_PHOTO_LARGE, "the photo has %zu bytes, allowed %d", data.n,
                                 PICTURE_BYTES_MAX);
        if (data.n > 3 && memcmp(data.p, "\xFF\xD8\xFF", 3) == 0)
                return picture_decode_jpeg(data, want_px, ret, err);
        if (data.n > 8 && memcmp(data.p, "\x89PNG\r\n\x1A\n", 8) == 0)
                return picture_decode_png(data, ret, err);
        return err_input(err, REASON_PHOTO_BAD, "the photo is neither JPEG nor PNG");
}

void picture_done(struct picture *picture)
{
        cairo_surface_destroy(picture->surface);
        *picture = (struct picture){ 0 };
}
