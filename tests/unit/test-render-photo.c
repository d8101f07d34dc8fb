/* daemon/work/render/picture and photo: Exif orientation by the table of Exif 2.32 4.6.4 A, every truncation refused,
 * sizes judged from the header. The pictures are made here by libjpeg and cairo. */
#include "daemon/work/render/photo.h"
#include "daemon/work/render/picture.h"
#include "tests/unit/test.h"
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

enum { SIDE = 160 };

struct buffer {
        uint8_t data[65536];
        size_t n;
};

/* Four quarters: red and green above, blue and white below. */
static void colour_of(int x, int y, int w, int h, uint8_t rgb[3])
{
        static const uint8_t quarters[4][3] = { { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 }, { 255, 255, 255 } };

        memcpy(rgb, quarters[(y >= h / 2) * 2 + (x >= w / 2)], 3);
}

static void make_jpeg(int w, int h, int orientation, struct buffer *ret)
{
        /* "Exif", big-endian TIFF header, one entry: tag 0112, type SHORT, count 1, value */
        uint8_t exif[32] = { 'E', 'x', 'i', 'f', 0,    0, 'M', 'M', 0, 42, 0, 0, 0,
                             8,   0,   1,   1,   0x12, 0, 3,   0,   0, 0,  1, 0, (uint8_t)orientation,
                             0,   0,   0,   0,   0,    0 };
        struct jpeg_compress_struct jpeg = { 0 };
        struct jpeg_error_mgr errors;
        unsigned char *out = NULL, row[3 * SIDE];
        unsigned long n = 0;

        jpeg.err = jpeg_std_error(&errors);
        jpeg_create_compress(&jpeg);
        jpeg_mem_dest(&jpeg, &out, &n);
        jpeg.image_width = (unsigned)w;
        jpeg.image_height = (unsigned)h;
        jpeg.input_components = 3;
        jpeg.in_color_space = JCS_RGB;
        jpeg_set_defaults(&jpeg);
        jpeg_start_compress(&jpeg, TRUE);
        if (orientation)
                jpeg_write_marker(&jpeg, JPEG_APP0 + 1, exif, sizeof exif);
        for (int y = 0; y < h; y++) {
                JSAMPROW rows = row;

                for (int x = 0; x < w; x++)
                        colour_of(x, y, w, h, row + 3 * x);
                (void)jpeg_write_scanlines(&jpeg, &rows, 1);
        }
        jpeg_finish_compress(&jpeg);
        CHECK(n <= sizeof ret->data);
        memcpy(ret->data, out, n);
        ret->n = n;
        jpeg_destroy_compress(&jpeg);
        free(out);
}

static cairo_status_t collect(void *closure, const unsigned char *data, unsigned n)
{
        struct buffer *b = closure;

        CHECK(b->n + n <= sizeof b->data);
        memcpy(b->data + b->n, data, n);
        b->n += n;
        return CAIRO_STATUS_SUCCESS;
}

static void make_png(struct buffer *ret)
{
        cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, SIDE, SIDE);
        cairo_t *cr = cairo_create(surface);

        cairo_set_source_rgba(cr, 1, 0, 0, 0.5);
        cairo_paint(cr);
        ret->n = 0;
        CHECK(cairo_surface_write_to_png_stream(surface, collect, ret) == CAIRO_STATUS_SUCCESS);
        cairo_destroy(cr);
        cairo_surface_destroy(surface);
}

/* r, g, b or w: the colour near a place given in shares of the picture. */
static char seen(cairo_surface_t *s, double x, double y)
{
        int px = (int)(x * cairo_image_surface_get_width(s)), py = (int)(y * cairo_image_surface_get_height(s));
        const unsigned char *p = cairo_image_surface_get_data(s) + py * cairo_image_surface_get_stride(s) + 4 * px;
        bool blue = p[0] > 128, green = p[1] > 128, red = p[2] > 128;

        return red && green && blue ? 'w' : red ? 'r' : green ? 'g' : blue ? 'b' : '?';
}

static void test_orientation(void)
{
        /* Upright: upper left, upper right, lower left, lower right. From the names of tag 0112's values: 6 means that
         * row 0 is the visual right side and column 0 the visual top, so the stored red corner is upper right. */
        static const char want[9][5] = { "rgbw", "rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb" };
        struct box box = { .kind = BOX_PHOTO, .min_dpi = 100, .rect = { 0, 0, 72, 72 } };
        static struct buffer jpeg;

        for (int o = 0; o <= 8; o++) {
                struct error err = { 0 };
                cairo_surface_t *s;

                make_jpeg(SIDE, SIDE, o, &jpeg);
                s = photo_prepare((struct bytes){ jpeg.data, jpeg.n }, &box, &err);
                CHECK(s);
                CHECK(seen(s, .25, .25) == want[o][0] && seen(s, .75, .25) == want[o][1]);
                CHECK(seen(s, .25, .75) == want[o][2] && seen(s, .75, .75) == want[o][3]);
                cairo_surface_destroy(s);
        }
}

static void test_turned_shape(void)
{
        struct box box = { .kind = BOX_PHOTO, .min_dpi = 100, .rect = { 0, 0, 57.6, 115.2 } }; /* 0.8 x 1.6 inches */
        static struct buffer jpeg;
        struct error err = { 0 };
        cairo_surface_t *s;

        make_jpeg(SIDE, SIDE / 2, 6, &jpeg); /* stored lying, meant standing: exactly 100 dpi */
        s = photo_prepare((struct bytes){ jpeg.data, jpeg.n }, &box, &err);
        CHECK(s && cairo_image_surface_get_width(s) == 80 && cairo_image_surface_get_height(s) == 160);
        cairo_surface_destroy(s);
        make_jpeg(SIDE, SIDE / 2, 1, &jpeg); /* really lying: only 50 dpi after the cut */
        CHECK(!photo_prepare((struct bytes){ jpeg.data, jpeg.n }, &box, &err) && err.reason == REASON_PHOTO_SMALL);
}

static void test_truncations(const struct buffer *whole)
{
        struct picture p;
        struct error err;

        CHECK(picture_decode((struct bytes){ whole->data, whole->n }, 64, &p, &err) == 0);
        picture_done(&p);
        for (size_t n = 0; n < whole->n; n++) {
                CHECK(picture_decode((struct bytes){ whole->data, n }, 64, &p, &err) < 0);
                CHECK(err.reason == REASON_PHOTO_BAD);
        }
}

static void test_alpha_on_white(void)
{
        static struct buffer png;
        struct picture p;
        struct error err;
        const unsigned char *pixel;

        make_png(&png);
        CHECK(picture_decode((struct bytes){ png.data, png.n }, 64, &p, &err) == 0 && p.width == SIDE);
        pixel = cairo_image_surface_get_data(p.surface);
        CHECK(pixel[2] == 255 && pixel[1] >= 126 && pixel[1] <= 129 && pixel[0] == pixel[1]);
        picture_done(&p);
        test_truncations(&png);
}

static void test_large(void)
{
        /* ISO/IEC 15948 5.2 and 11.2.2: signature, IHDR of 50000 x 50000 */
        uint8_t png[33] = { 0x89, 'P', 'N', 'G',  13,   10, 26, 10,   0,    0, 0, 13, 'I', 'H', 'D',
                            'R',  0,   0,   0xC3, 0x50, 0,  0,  0xC3, 0x50, 8, 2, 0,  0,   0 };
        static uint8_t long_file[PICTURE_BYTES_MAX + 1] = { 0xFF, 0xD8, 0xFF };
        static struct buffer jpeg;
        struct picture p;
        struct error err;

        CHECK(picture_decode(BYTES(png), 64, &p, &err) < 0 && err.reason == REASON_PHOTO_LARGE);
        CHECK(picture_decode(BYTES(long_file), 64, &p, &err) < 0 && err.reason == REASON_PHOTO_LARGE);
        make_jpeg(SIDE, SIDE, 0, &jpeg);
        for (size_t i = 0; i + 9 < jpeg.n; i++) { /* ITU-T T.81 B.2.2: SOF0, length, precision, height, width */
                if (jpeg.data[i] != 0xFF || jpeg.data[i + 1] != 0xC0)
                        continue;
                memset(jpeg.data + i + 5, 0xC3, 4);
                break;
        }
        CHECK(picture_decode((struct bytes){ jpeg.data, jpeg.n }, 64, &p, &err) < 0 &&
              err.reason == REASON_PHOTO_LARGE);
}

static void test_foreign(void)
{
        static const uint8_t gif[] = "GIF89a, and some more bytes";
        struct picture p;
        struct error err;

        CHECK(picture_decode(BYTES(gif), 64, &p, &err) < 0 && err.reason == REASON_PHOTO_BAD);
}

static void test_tiff(void)
{
        uint8_t little[] = { 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0 };

        CHECK(picture_orientation(BYTES(little)) == 8);
        for (size_t n = 0; n < 22; n++)
                CHECK(picture_orientation((struct bytes){ little, n }) == 1);
        little[18] = 9;
        CHECK(picture_orientation(BYTES(little)) == 1);
        little[4] = little[5] = little[6] = little[7] = 0xFF; /* a directory far outside */
        CHECK(picture_orientation(BYTES(little)) == 1);
}

int main(void)
{
        static struct buffer jpeg;

        make_jpeg(SIDE, SIDE, 1, &jpeg);
        test_truncations(&jpeg);
        test_orientation();
        test_turned_shape();
        test_alpha_on_white();
        test_large();
        test_foreign();
        test_tiff();
        return 0;
}
