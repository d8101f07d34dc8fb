#include "daemon/work/render/picture.h"
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

enum {
        SCANS_MAX = 100,           /* a progressive file of many scans costs time without limit */
        DECODER_MEMORY = 96 << 20, /* bytes */
};

struct decoder {
        struct jpeg_decompress_struct jpeg;
        struct jpeg_error_mgr errors;
        struct jpeg_progress_mgr progress;
        jmp_buf out;
};

static void fail(j_common_ptr jpeg)
{
        longjmp(((struct decoder *)jpeg->client_data)->out, 1);
}

static void message(j_common_ptr jpeg, int level)
{
        if (level < 0) /* a warning: the data are damaged */
                fail(jpeg);
}

static void progress(j_common_ptr jpeg)
{
        if (((j_decompress_ptr)jpeg)->input_scan_number > SCANS_MAX)
                fail(jpeg);
}

static void begin(struct decoder *d, struct bytes data)
{
        d->jpeg.err = jpeg_std_error(&d->errors);
        d->errors.error_exit = fail;
        d->errors.emit_message = message;
        d->jpeg.client_data = d;
        jpeg_create_decompress(&d->jpeg);
        d->progress.progress_monitor = progress;
        d->jpeg.progress = &d->progress;
        d->jpeg.mem->max_memory_to_use = DECODER_MEMORY;
        jpeg_save_markers(&d->jpeg, JPEG_APP0 + 1, 0xFFFF);
        jpeg_mem_src(&d->jpeg, data.p, data.n);
        (void)jpeg_read_header(&d->jpeg, TRUE);
}

static int orientation(const struct decoder *d)
{
        for (jpeg_saved_marker_ptr m = d->jpeg.marker_list; m; m = m->next) {
                struct bytes in = { m->data, m->data_length }, id;

                if (bytes_take(&in, 6, &id) && memcmp(id.p, "Exif\0", 6) == 0)
                        return picture_orientation(in);
        }
        return 1;
}

static void choose_scale(struct decoder *d, unsigned want_px)
{
        unsigned n = 1;

        while (n < 8 && (d->jpeg.image_width * n / 8 < want_px || d->jpeg.image_height * n / 8 < want_px))
                n++;
        d->jpeg.scale_num = n;
        d->jpeg.scale_denom = 8;
        d->jpeg.out_color_space = JCS_EXT_BGRX; /* cairo's RGB24 on a little-endian machine */
}

static int read_rows(struct decoder *d, cairo_surface_t *surface)
{
        unsigned char *rows = cairo_image_surface_get_data(surface);
        int stride = cairo_image_surface_get_stride(surface);

        if (!rows)
                return -1;
        while (d->jpeg.output_scanline < d->jpeg.output_height) {
                JSAMPROW row = rows + (size_t)stride * d->jpeg.output_scanline;

                (void)jpeg_read_scanlines(&d->jpeg, &row, 1);
        }
        (void)jpeg_finish_decompress(&d->jpeg);
        cairo_surface_mark_dirty(surface);
        return 0;
}

/* Everything that may longjmp; the surface is in *ret from its first moment, so that the caller can free it. */
static int decode(struct decoder *d, struct bytes data, unsigned want_px, struct picture *ret, struct error *err)
{
        begin(d, data);
        if (picture_check_size(d->jpeg.image_width, d->jpeg.image_height, err) < 0)
                return -1;
        ret->width = (int)d->jpeg.image_width;
        ret->height = (int)d->jpeg.image_height;
        ret->orientation = orientation(d);
        choose_scale(d, want_px);
        (void)jpeg_start_decompress(&d->jpeg);
        ret->surface =
                cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)d->jpeg.output_width, (int)d->jpeg.output_height);
        if (read_rows(d, ret->surface) < 0)
                return err_input(err, REASON_PHOTO_LARGE, "no memory for the photo");
        return 0;
}

int picture_decode_jpeg(struct bytes data, int want_px, struct picture *ret, struct error *err)
{
        struct decoder d = { 0 };
        int r;

        *ret = (struct picture){ 0 };
        if (setjmp(d.out) == 0)
                r = decode(&d, data, (unsigned)want_px, ret, err);
        else
                r = err_input(err, REASON_PHOTO_BAD, "the JPEG photo is damaged or of an unusual kind");
        jpeg_destroy_decompress(&d.jpeg);
        if (r < 0)
                picture_done(ret);
        return r;
}
