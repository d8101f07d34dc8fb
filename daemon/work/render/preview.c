#include "daemon/work/render/preview.h"
#include <png.h>
#include <stdlib.h>

enum { LEVEL = 1 };

static void put_rows(png_structp png, cairo_surface_t *surface)
{
        unsigned char *data = cairo_image_surface_get_data(surface);
        int stride = cairo_image_surface_get_stride(surface);

        for (int y = 0; y < cairo_image_surface_get_height(surface); y++)
                png_write_row(png, data + (ptrdiff_t)stride * y);
}

struct output {
        uint8_t *data;
        size_t n, max;
};

static void collect(png_structp png, png_bytep data, size_t n)
{
        struct output *out = png_get_io_ptr(png);

        if (out->n + n > out->max)
                png_error(png, "full"); /* cannot be: max is the size of the pixels and more */
        for (size_t i = 0; i < n; i++)
                out->data[out->n + i] = data[i];
        out->n += n;
}

static void write_png(png_structp png, png_infop info, cairo_surface_t *surface)
{
        png_set_IHDR(png, info, (png_uint_32)cairo_image_surface_get_width(surface),
                     (png_uint_32)cairo_image_surface_get_height(surface), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_set_compression_level(png, LEVEL);
        png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
        png_write_info(png, info);
        png_set_filler(png, 0, PNG_FILLER_AFTER); /* cairo's fourth byte */
        png_set_bgr(png);
        put_rows(png, surface);
        png_write_end(png, info);
}

int preview_encode(cairo_surface_t *surface, struct bytes *ret, struct error *err)
{
        size_t max = 4 * (size_t)cairo_image_surface_get_width(surface) *
                     (size_t)cairo_image_surface_get_height(surface);
        struct output out = { malloc(max + 4096), 0, max + 4096 };
        png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
        png_infop info = png ? png_create_info_struct(png) : NULL;

        if (!out.data || !info || setjmp(png_jmpbuf(png))) {
                free(out.data);
                png_destroy_write_struct(&png, &info);
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory for a preview");
        }
        png_set_write_fn(png, &out, collect, NULL);
        write_png(png, info, surface);
        png_destroy_write_struct(&png, &info);
        *ret = (struct bytes){ out.data, out.n };
        return 0;
}
