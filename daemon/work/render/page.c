#include "daemon/work/render/page.h"
#include "daemon/work/render/output.h"
#include "daemon/work/render/photo.h"
#include "daemon/work/render/preview.h"
#include "daemon/work/render/qr.h"
#include "proto/base/cleanup.h"
#include <cairo-pdf.h>
#include <string.h>

static void surface_p(cairo_surface_t **surface)
{
        cairo_surface_destroy(*surface);
}

static void cairo_p(cairo_t **cr)
{
        cairo_destroy(*cr);
}

static int fit_face(struct page *page, int side, const struct fonts *fonts, struct error *err)
{
        const struct face *face = &page->layout->faces[side];

        for (size_t i = 0; i < face->n_boxes; i++) {
                const struct box *box = &face->boxes[i];
                const char *value = page->card->fields[box->field];

                if (box->kind != BOX_TEXT || !value)
                        continue;
                if (text_fit(fonts, box, value, &page->texts[side][page->n_texts[side]], err) < 0)
                        return -1;
                page->n_texts[side]++;
        }
        return 0;
}

/* A value that the card carries and the layout cannot show would be lost without a word. */
static int check_shown(const struct page *page, struct error *err)
{
        bool shown[RENDER_FIELD_COUNT] = { false };

        for (int side = 0; side < FACE_COUNT; side++)
                for (size_t i = 0; i < page->n_texts[side]; i++)
                        shown[page->texts[side][i].box->field] = true;
        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++)
                if (page->card->fields[i] && !shown[i])
                        return err_input(err, REASON_LAYOUT_BAD, "the layout has no box for '%s'",
                                         render_field_name((enum render_field)i));
        return 0;
}

int page_prepare(const struct layout *layout, const struct fonts *fonts, const struct render_card *card,
                 struct bytes photo, struct page *ret, struct error *err)
{
        int r = 0;

        *ret = (struct page){ .layout = layout, .card = card };
        for (int side = 0; side < FACE_COUNT && r == 0; side++)
                r = fit_face(ret, side, fonts, err);
        if (r == 0)
                r = check_shown(ret, err);
        if (r == 0) {
                ret->photo = photo_prepare(photo, layout_find(layout, BOX_PHOTO), err);
                r = ret->photo ? 0 : -1;
        }
        if (r < 0)
                page_done(ret);
        return r;
}

void page_done(struct page *page)
{
        for (int side = 0; side < FACE_COUNT; side++)
                for (size_t i = 0; i < page->n_texts[side]; i++)
                        text_done(&page->texts[side][i]);
        if (page->photo)
                cairo_surface_destroy(page->photo);
        *page = (struct page){ 0 };
}

static int draw_face(const struct page *page, int side, cairo_t *cr, struct error *err)
{
        const struct face *face = &page->layout->faces[side];

        if (layout_draw_art(face, page->card->fields, cr, err) < 0)
                return -1;
        for (size_t i = 0; i < face->n_boxes; i++) {
                if (face->boxes[i].kind == BOX_PHOTO)
                        photo_draw(page->photo, face->boxes[i].rect, cr);
                if (face->boxes[i].kind == BOX_QR && qr_draw(page->card->qr, face->boxes[i].rect, cr, err) < 0)
                        return -1;
        }
        for (size_t i = 0; i < page->n_texts[side]; i++)
                text_draw(&page->texts[side][i], cr);
        return 0;
}

/* On a PDF, because its font options are part of Pango's search for a font; clipped away, because only that matters. */
void page_warm(const struct page *page)
{
        cleanup(surface_p) cairo_surface_t *surface =
                cairo_pdf_surface_create_for_stream(output_discard, NULL, CARD_WIDTH, CARD_HEIGHT);
        cleanup(cairo_p) cairo_t *cr = cairo_create(surface);
        struct error err;

        cairo_rectangle(cr, 0, 0, 0, 0);
        cairo_clip(cr);
        for (int side = 0; side < FACE_COUNT; side++)
                (void)draw_face(page, side, cr, &err);
}

int page_pdf(const struct page *page, struct bytes *ret, struct error *err)
{
        cleanup(output_done) struct output out = { 0 };
        cleanup(surface_p) cairo_surface_t *surface =
                cairo_pdf_surface_create_for_stream(output_collect, &out, CARD_WIDTH, CARD_HEIGHT);
        cleanup(cairo_p) cairo_t *cr = cairo_create(surface);

        /* Fixed, or two renderings of one card would differ; the card's own date stands on its face. */
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
        for (int side = 0; side < FACE_COUNT; side++) {
                cairo_save(cr);
                if (draw_face(page, side, cr, err) < 0)
                        return -1;
                cairo_restore(cr);
                cairo_show_page(cr);
        }
        cairo_surface_finish(surface);
        if (output_check(cairo_status(cr), err) < 0 || output_check(cairo_surface_status(surface), err) < 0)
                return -1;
        return output_take(&out, ret);
}

int page_png(const struct page *page, int side, struct bytes *ret, struct error *err)
{
        cleanup(surface_p) cairo_surface_t *surface =
                cairo_image_surface_create(CAIRO_FORMAT_RGB24, CARD_WIDTH_PX, CARD_HEIGHT_PX);
        cleanup(cairo_p) cairo_t *cr = cairo_create(surface);

        cairo_set_source_rgb(cr, 1, 1, 1); /* first the blank's white: 85.60 mm is not a whole number of pixels */
        cairo_paint(cr);
        cairo_scale(cr, CARD_WIDTH_PX / CARD_WIDTH, CARD_HEIGHT_PX / CARD_HEIGHT);
        if (draw_face(page, side, cr, err) < 0 || output_check(cairo_status(cr), err) < 0)
                return -1;
        cairo_surface_flush(surface);
        return preview_encode(surface, ret, err);
}
