#include "daemon/work/render/photo.h"
#include "daemon/work/render/picture.h"
#include "proto/base/cleanup.h"
#include <math.h>
#include <stdio.h>

#include <jpeglib.h>

enum { DPI_MAX = 600, QUALITY = 92 };

static bool is_turned(const struct picture *p)
{
        return p->orientation >= 5; /* 5 to 8 swap the sides */
}

static double inches(double points)
{
        return points / 72;
}

/* Dots per inch that the file offers in the box when it covers it. */
static double offered_dpi(const struct picture *p, const struct box *box)
{
        double w = is_turned(p) ? p->height : p->width, h = is_turned(p) ? p->width : p->height;

        return fmin(w / inches(box->rect.w), h / inches(box->rect.h));
}

/* From a place in the upright picture to the same place in the stored one. Exif 2.32 4.6.4 A, tag 0112: which sides
 * the first row and the first column are. */
static cairo_matrix_t upright(const struct picture *p)
{
        double w = cairo_image_surface_get_width(p->surface), h = cairo_image_surface_get_height(p->surface);
        const cairo_matrix_t table[] = {
                { 1, 0, 0, 1, 0, 0 },   /* 1: top, left */
                { -1, 0, 0, 1, w, 0 },  /* 2: top, right */
                { -1, 0, 0, -1, w, h }, /* 3: bottom, right */
                { 1, 0, 0, -1, 0, h },  /* 4: bottom, left */
                { 0, 1, 1, 0, 0, 0 },   /* 5: left, top */
                { 0, -1, 1, 0, 0, h },  /* 6: right, top */
                { 0, -1, -1, 0, w, h }, /* 7: right, bottom */
                { 0, 1, -1, 0, w, 0 },  /* 8: left, bottom */
        };

        return table[p->orientation - 1];
}

/* Encodes the surface and hangs the bytes on it, so that cairo embeds them instead of raw pixels. */
static int attach_jpeg(cairo_surface_t *surface)
{
        struct jpeg_compress_struct jpeg = { 0 };
        struct jpeg_error_mgr errors;
        unsigned char *out = NULL;
        unsigned long n = 0;
        int stride = cairo_image_surface_get_stride(surface);

        jpeg.err = jpeg_std_error(&errors); /* only lack of memory fails here, and ends the process */
        jpeg_create_compress(&jpeg);
        jpeg_mem_dest(&jpeg, &out, &n);
        jpeg.image_width = (unsigned)cairo_image_surface_get_width(surface);
        jpeg.image_height = (unsigned)cairo_image_surface_get_height(surface);
        jpeg.input_components = 4;
        jpeg.in_color_space = JCS_EXT_BGRX;
        jpeg_set_defaults(&jpeg);
        jpeg_set_quality(&jpeg, QUALITY, TRUE);
        jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1; /* no chroma subsampling on a face */
        jpeg_start_compress(&jpeg, TRUE);
        while (jpeg.next_scanline < jpeg.image_height) {
                JSAMPROW row = cairo_image_surface_get_data(surface) + (size_t)stride * jpeg.next_scanline;

                (void)jpeg_write_scanlines(&jpeg, &row, 1);
        }
        jpeg_finish_compress(&jpeg);
        jpeg_destroy_compress(&jpeg);
        return cairo_surface_set_mime_data(surface, CAIRO_MIME_TYPE_JPEG, out, n, free, out) == CAIRO_STATUS_SUCCESS
                       ? 0
                       : -1;
}

static cairo_surface_t *crop(const struct picture *p, const struct box *box)
{
        double dpi = fmin(offered_dpi(p, box), DPI_MAX);
        int w = (int)lround(inches(box->rect.w) * dpi), h = (int)lround(inches(box->rect.h) * dpi);
        cairo_surface_t *ret = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
        cairo_t *cr = cairo_create(ret);
        double sw = cairo_image_surface_get_width(p->surface), sh = cairo_image_surface_get_height(p->surface);
        double uw = is_turned(p) ? sh : sw, uh = is_turned(p) ? sw : sh;
        double scale = fmax(w / uw, h / uh);
        cairo_matrix_t turn = upright(p);

        cairo_translate(cr, (w - uw * scale) / 2, (h - uh * scale) / 2);
        cairo_scale(cr, scale, scale);
        cairo_set_source_surface(cr, p->surface, 0, 0);
        cairo_pattern_set_matrix(cairo_get_source(cr), &turn);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
        cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
        cairo_paint(cr);
        cairo_destroy(cr);
        cairo_surface_flush(ret);
        return ret;
}

cairo_surface_t *photo_prepare(struct bytes data, const struct box *box, struct error *err)
{
        cleanup(picture_done) struct picture picture = { 0 };
        int want = (int)ceil(inches(fmax(box->rect.w, box->rect.h)) * DPI_MAX);
        cairo_surface_t *ret;

        if (picture_decode(data, want, &picture, err) < 0)
                return NULL;
        if (offered_dpi(&picture, box) < (double)box->min_dpi) {
                (void)err_input(err, REASON_PHOTO_SMALL, "the photo has %d x %d pixels, %.0f dpi in its box; %d needed",
                                picture.width, picture.height, offered_dpi(&picture, box), (int)box->min_dpi);
                return NULL;
        }
        ret = crop(&picture, box);
        if (cairo_surface_status(ret) || attach_jpeg(ret) < 0) {
                cairo_surface_destroy(ret);
                (void)err_input(err, REASON_PHOTO_LARGE, "no memory for the photo");
                return NULL;
        }
        return ret;
}

void photo_draw(cairo_surface_t *photo, struct rect box, cairo_t *cr)
{
        cairo_save(cr);
        cairo_rectangle(cr, box.x, box.y, box.w, box.h);
        cairo_clip(cr);
        cairo_translate(cr, box.x, box.y);
        cairo_scale(cr, box.w / cairo_image_surface_get_width(photo), box.h / cairo_image_surface_get_height(photo));
        cairo_set_source_surface(cr, photo, 0, 0); /* no EXTEND_PAD: cairo would embed a padded copy, uncompressed */
        cairo_paint(cr);
        cairo_restore(cr);
}
