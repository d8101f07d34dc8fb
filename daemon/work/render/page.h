/* One card: texts fitted, photo and code ready, then drawn on any surface; made into a PDF or a PNG in memory. */
#pragma once
#include "daemon/work/render/layout.h"
#include "daemon/work/render/text.h"

struct page {
        const struct layout *layout;
        const struct render_card *card;
        cairo_surface_t *photo;
        struct text texts[FACE_COUNT][BOXES_MAX];
        size_t n_texts[FACE_COUNT];
};

/* Fits everything; draws nothing. 0 (caller: page_done), or -1 and *err with any reason of proto/ipc/render.h. */
int page_prepare(const struct layout *layout, const struct fonts *fonts, const struct render_card *card,
                 struct bytes photo, struct page *ret, struct error *err);
void page_done(struct page *page);
/* Draws both faces where nothing shows, only so that every library and font is loaded. */
void page_warm(const struct page *page);
/* Two pages of exact CR80 size, vector, the same bytes for the same card. The caller frees ret->p. */
int page_pdf(const struct page *page, struct bytes *ret, struct error *err);
/* One face, 1011 x 638 pixels. The caller frees ret->p. */
int page_png(const struct page *page, int side, struct bytes *ret, struct error *err);
