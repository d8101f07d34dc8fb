#include "daemon/work/render/sheet.h"
#include "daemon/work/render/qr.h"
#include <stdio.h>

#define SIDE (48 * MM) /* of the head: number and date right, QR code left */
#define QR_SIDE (18 * MM)
#define LINE 0.6 /* points */

static const struct block_style title_style = { 700, 13, 10, 1.4, 2, ALIGN_CENTER };
static const struct block_style subtitle_style = { 400, 9, 7, 1.5, 2, ALIGN_CENTER };
static const struct block_style head_style = { 400, 8.5, 6, 1.6, 1, ALIGN_RIGHT };
static const struct block_style foot_style = { 400, 7.5, 5.5, 1.5, 1, ALIGN_CENTER };

static int fit_head(struct sheet *sheet, const struct fonts *fonts, const struct expand *from, struct error *err)
{
        const struct template *t = sheet->template;
        double middle = sheet_text_width(t->landscape) - 2 * SIDE;

        if (block_expand(fonts, &title_style, middle, t->title, from, "title", &sheet->title, err) < 0 ||
            block_expand(fonts, &subtitle_style, middle, t->subtitle, from, "subtitle", &sheet->subtitle, err) < 0)
                return -1;
        if (block_height(&sheet->title) + block_height(&sheet->subtitle) > SHEET_HEAD - 4 * MM)
                return err_input(err, REASON_NAME_NO_FIT, "title and subtitle do not fit the head");
        for (size_t i = 0; i < t->head.n; i++)
                if (block_expand(fonts, &head_style, SIDE, t->head.text[i], from, "head", &sheet->head[i], err) < 0)
                        return -1;
        return 0;
}

int sheet_prepare(const struct template *template, const struct fonts *fonts, const struct expand *from,
                  struct sheet *ret, struct error *err)
{
        char hex[2 * sizeof from->task->digest + 1];

        *ret = (struct sheet){ .template = template };
        hex_encode(BYTES(from->task->digest), hex, sizeof hex);
        (void)snprintf(ret->qr, sizeof ret->qr, "MOHRDOC1:%s:%s", from->task->number, hex);
        if (fit_head(ret, fonts, from, err) == 0)
                return 0;
        sheet_done(ret);
        return -1;
}

static void rule(double y, bool landscape, cairo_t *cr)
{
        cairo_set_source_rgb(cr, 0, 0, 0);
        cairo_set_line_width(cr, LINE);
        cairo_move_to(cr, SHEET_MARGIN, y);
        cairo_line_to(cr, sheet_width(landscape) - SHEET_MARGIN, y);
        cairo_stroke(cr);
}

static int draw_head(const struct sheet *sheet, cairo_t *cr, struct error *err)
{
        bool landscape = sheet->template->landscape;
        double y = SHEET_MARGIN;

        block_draw(&sheet->title, SHEET_MARGIN + SIDE, y, cr);
        block_draw(&sheet->subtitle, SHEET_MARGIN + SIDE, y + block_height(&sheet->title), cr);
        for (size_t i = 0; i < sheet->template->head.n; i++) {
                block_draw(&sheet->head[i], sheet_width(landscape) - SHEET_MARGIN - SIDE, y, cr);
                y += block_height(&sheet->head[i]);
        }
        rule(SHEET_MARGIN + SHEET_HEAD - 4 * MM, landscape, cr);
        return qr_draw(sheet->qr, (struct rect){ SHEET_MARGIN, SHEET_MARGIN - 0.5 * MM, QR_SIDE, QR_SIDE }, cr, err);
}

static int draw_foot(const struct sheet *sheet, const struct fonts *fonts, const struct expand *from, cairo_t *cr,
                     struct error *err)
{
        const struct template *t = sheet->template;
        double y = sheet_height(t->landscape) - SHEET_MARGIN - SHEET_FOOT + 3 * MM;

        rule(y, t->landscape, cr);
        y += 1 * MM;
        for (size_t i = 0; i < t->foot.n; i++) {
                struct block line = { 0 };

                if (block_expand(fonts, &foot_style, sheet_text_width(t->landscape), t->foot.text[i], from, "foot",
                                 &line, err) < 0)
                        return -1;
                block_draw(&line, SHEET_MARGIN, y, cr);
                y += block_height(&line);
                block_done(&line);
        }
        return 0;
}

int sheet_draw(const struct sheet *sheet, const struct fonts *fonts, const struct expand *from, cairo_t *cr,
               struct error *err)
{
        return draw_head(sheet, cr, err) < 0 ? -1 : draw_foot(sheet, fonts, from, cr, err);
}

void sheet_done(struct sheet *sheet)
{
        block_done(&sheet->title);
        block_done(&sheet->subtitle);
        for (size_t i = 0; i < TEMPLATE_HEAD_MAX; i++)
                block_done(&sheet->head[i]);
        *sheet = (struct sheet){ 0 };
}
