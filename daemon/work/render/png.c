#include "daemon/work/render/picture.h"
#include "proto/base/cleanup.h"
#include <png.h>
#include <setjmp.h>
#include <string.h>

enum { CHUNKS_MAX = 64, CHUNK_BYTES_MAX = 4 << 20 };

struct decoder {
        png_structp png;
        png_infop info;
        struct bytes in;
        png_bytep *rows;
        jmp_buf out;
};

static void fail(png_structp png, png_const_charp text)
{
        (void)text;
        longjmp(((struct decoder *)png_get_error_ptr(png))->out, 1);
}

static void warn(png_structp png, png_const_charp text)
{
        (void)png; /* colour profile quirks and the like; damaged data are errors by png_set_crc_action */
        (void)text;
}

static void read_bytes(png_structp png, png_bytep ret, size_t n)
{
        struct decoder *d = png_get_io_ptr(png);

        if (!bytes_copy(&d->in, ret, n))
                fail(png, "truncated");
}

static bool begin(struct decoder *d)
{
        d->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, fail, warn);
        d->info = d->png ? png_create_info_struct(d->png) : NULL;
        if (!d->info)
                return false;
        png_set_read_fn(d->png, d, read_bytes);
        png_set_user_limits(d->png, PICTURE_SIDE_MAX, PICTURE_SIDE_MAX);
        png_set_chunk_cache_max(d->png, CHUNKS_MAX);
        png_set_chunk_malloc_max(d->png, CHUNK_BYTES_MAX);
        png_set_crc_action(d->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
        return true;
}

/* Any kind of PNG becomes 8 bits of blue, green, red and alpha: cairo's byte order on a little-endian machine. */
static void set_transforms(struct decoder *d)
{
        png_set_expand(d->png);
        png_set_scale_16(d->png);
        png_set_gray_to_rgb(d->png);
        png_set_bgr(d->png);
        png_set_add_alpha(d->png, 0xFF, PNG_FILLER_AFTER);
        (void)png_set_interlace_handling(d->png);
        png_read_update_info(d->png, d->info);
}

/* Transparent parts lie on the white of the blank. */
static void flatten(unsigned char *row, int width)
{
        for (int x = 0; x < width; x++, row += 4)
                for (int c = 0; c < 3; c++)
                        row[c] = (unsigned char)((row[c] * row[3] + 255 * (255 - row[3]) + 127) / 255);
}

static int read_rows(struct decoder *d, struct picture *ret)
{
        unsigned char *data;
        int stride;

        ret->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, ret->width, ret->height);
        data = cairo_image_surface_get_data(ret->surface);
        stride = cairo_image_surface_get_stride(ret->surface);
        d->rows = calloc((size_t)ret->height, sizeof *d->rows);
        if (!data || !d->rows)
                return -1;
        for (int y = 0; y < ret->height; y++)
                d->rows[y] = data + (ptrdiff_t)stride * y;
        png_read_image(d->png, d->rows);
        png_read_end(d->png, d->info);
        for (int y = 0; y < ret->height; y++)
                flatten(d->rows[y], ret->width);
        cairo_surface_mark_dirty(ret->surface);
        return 0;
}

static int orientation(const struct decoder *d)
{
        png_bytep exif = NULL;
        png_uint_32 n = 0;

        if (!(png_get_eXIf_1(d->png, d->info, &n, &exif) & PNG_INFO_eXIf))
                return 1;
        return picture_orientation((struct bytes){ exif, n });
}

static int decode(struct decoder *d, struct picture *ret, struct error *err)
{
        if (!begin(d))
                return err_input(err, REASON_PHOTO_LARGE, "no memory for the photo");
        png_read_info(d->png, d->info);
        if (picture_check_size(png_get_image_width(d->png, d->info), png_get_image_height(d->png, d->info), err) < 0)
                return -1;
        ret->width = (int)png_get_image_width(d->png, d->info);
        ret->height = (int)png_get_image_height(d->png, d->info);
        set_transforms(d);
        if (png_get_rowbytes(d->png, d->info) != 4 * (size_t)ret->width)
                return err_input(err, REASON_PHOTO_BAD, "the PNG photo is of an unusual kind");
        if (read_rows(d, ret) < 0)
                return err_input(err, REASON_PHOTO_LARGE, "no memory for the photo");
        ret->orientation = orientation(d);
        return 0;
}

/* IHDR stands first, ISO/IEC 15948 11.2.2: signature 8, length 4, type 4, width 4, height 4. Judged before libpng, so
 * that a size beyond libpng's own limit has our reason word. */
static int check_header(struct bytes in, struct error *err)
{
        uint32_t width, height;
        struct bytes start;

        if (!bytes_take(&in, 16, &start) || memcmp(start.p + 12, "IHDR", 4) != 0 || !bytes_u32(&in, &width) ||
            !bytes_u32(&in, &height))
                return err_input(err, REASON_PHOTO_BAD, "the PNG photo has no header");
        return picture_check_size(width, height, err);
}

int picture_decode_png(struct bytes data, struct picture *ret, struct error *err)
{
        struct decoder d = { .in = data };
        int r;

        *ret = (struct picture){ 0 };
        if (check_header(data, err) < 0)
                return -1;
        if (setjmp(d.out) == 0)
                r = decode(&d, ret, err);
        else
                r = err_input(err, REASON_PHOTO_BAD, "the PNG photo is damaged");
        png_destroy_read_struct(&d.png, &d.info, NULL);
        free(d.rows);
        if (r < 0)
                picture_done(ret);
        return r;
}
