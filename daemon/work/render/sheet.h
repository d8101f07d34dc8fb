/* One A4 sheet (ISO 216) of a document: margins, the head with title, number and QR code, the foot with page x of y and
 * the audit head. Both stand on every page, so that a loose sheet names the document it belongs to. */
#pragma once
#include "daemon/work/render/block.h"
#include "daemon/work/render/expand.h"
#include "daemon/work/render/template.h"

#define SHEET_MARGIN (15 * MM)
#define SHEET_HEAD (25 * MM) /* from the margin to the first line of the body */
#define SHEET_FOOT (14 * MM) /* from the last line of the body to the margin */

static inline double sheet_width(bool landscape)
{
        return (landscape ? 297 : 210) * MM;
}

static inline double sheet_height(bool landscape)
{
        return (landscape ? 210 : 297) * MM;
}

static inline double sheet_text_width(bool landscape)
{
        return sheet_width(landscape) - 2 * SHEET_MARGIN;
}

struct sheet {
        const struct template *template;
        struct block title, subtitle;
        struct block head[TEMPLATE_HEAD_MAX];
        char qr[160]; /* MOHRDOC1:NUMBER:DIGEST, upper case: alphanumeric mode */
};

/* Fits the head. 0 (sheet_done), or -1 and *err. */
int sheet_prepare(const struct template *template, const struct fonts *fonts, const struct expand *from,
                  struct sheet *ret, struct error *err);
/* Draws head and foot; from->page and pages are those of this sheet. */
int sheet_draw(const struct sheet *sheet, const struct fonts *fonts, const struct expand *from, cairo_t *cr,
               struct error *err);
void sheet_done(struct sheet *sheet);
