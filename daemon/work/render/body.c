#include "daemon/work/render/body.h"
#include <math.h>

#define PARAGRAPH_GAP (2 * MM)
#define SIGN_GAP (4 * MM) /* between boxes, and above them */
#define SIGN_PAD (2 * MM)
#define SIGN_ROOM (14 * MM) /* for the signature itself, under the last line */

static const struct block_style paragraph_style = { 400, 11, 9, 1.8, 30, ALIGN_RIGHT };
static const struct block_style sign_title_style = { 700, 9.5, 7, 1.6, 2, ALIGN_RIGHT };
static const struct block_style sign_line_style = { 400, 9, 7, 1.7, 3, ALIGN_RIGHT };

int paragraphs_prepare(const struct template_texts *texts, const struct fonts *fonts, double width,
                       const struct expand *from, struct paragraphs *ret, struct error *err)
{
        *ret = (struct paragraphs){ 0 };
        for (size_t i = 0; i < texts->n; i++) {
                if (block_expand(fonts, &paragraph_style, width, texts->text[i], from, "a paragraph", &ret->blocks[i],
                                 err) < 0) {
                        paragraphs_done(ret);
                        return -1;
                }
                ret->n++;
                ret->height += block_height(&ret->blocks[i]) + PARAGRAPH_GAP;
        }
        return 0;
}

void paragraphs_draw(const struct paragraphs *paragraphs, double x, double y, cairo_t *cr)
{
        for (size_t i = 0; i < paragraphs->n; i++) {
                block_draw(&paragraphs->blocks[i], x, y, cr);
                y += block_height(&paragraphs->blocks[i]) + PARAGRAPH_GAP;
        }
}

void paragraphs_done(struct paragraphs *paragraphs)
{
        for (size_t i = 0; i < TEMPLATE_TEXTS_MAX; i++)
                block_done(&paragraphs->blocks[i]);
        *paragraphs = (struct paragraphs){ 0 };
}

static int fit_sign(const struct template_sign *sign, const struct fonts *fonts, const struct expand *from, size_t i,
                    struct signs *ret, struct error *err)
{
        double inner = ret->box_width - 2 * SIGN_PAD, height;

        if (block_expand(fonts, &sign_title_style, inner, sign->title, from, "a signature's title",
                         &ret->boxes[i].title, err) < 0)
                return -1;
        height = block_height(&ret->boxes[i].title);
        for (size_t k = 0; k < sign->lines.n; k++) {
                if (block_expand(fonts, &sign_line_style, inner, sign->lines.text[k], from, "a signature box",
                                 &ret->boxes[i].lines[k], err) < 0)
                        return -1;
                height += block_height(&ret->boxes[i].lines[k]);
        }
        ret->boxes[i].n_lines = sign->lines.n;
        ret->box_height = fmax(ret->box_height, height + 2 * SIGN_PAD + SIGN_ROOM);
        return 0;
}

int signs_prepare(const struct template *template, const struct fonts *fonts, double width, const struct expand *from,
                  struct signs *ret, struct error *err)
{
        size_t n = template->n_signs;

        *ret = (struct signs){ .n = n };
        if (n == 0)
                return 0;
        ret->box_width = n == 1 ? width / 2 : (width - (double)(n - 1) * SIGN_GAP) / (double)n;
        for (size_t i = 0; i < n; i++) {
                if (fit_sign(&template->signs[i], fonts, from, i, ret, err) < 0) {
                        signs_done(ret);
                        return -1;
                }
        }
        ret->height = ret->box_height + SIGN_GAP;
        return 0;
}

void signs_draw(const struct signs *signs, double right, double y, cairo_t *cr)
{
        /* A single signature stands at the left end, where a Persian letter has it. */
        double x = signs->n == 1 ? right - signs->box_width : right;

        for (size_t i = 0; i < signs->n; i++) {
                double line = y + SIGN_GAP + SIGN_PAD, left = x - signs->box_width + SIGN_PAD;

                cairo_set_source_rgb(cr, 0, 0, 0);
                cairo_set_line_width(cr, 0.5);
                cairo_rectangle(cr, x - signs->box_width, y + SIGN_GAP, signs->box_width, signs->box_height);
                cairo_stroke(cr);
                block_draw(&signs->boxes[i].title, left, line, cr);
                line += block_height(&signs->boxes[i].title);
                for (size_t k = 0; k < signs->boxes[i].n_lines; k++) {
                        block_draw(&signs->boxes[i].lines[k], left, line, cr);
                        line += block_height(&signs->boxes[i].lines[k]);
                }
                x -= signs->box_width + SIGN_GAP;
        }
}

void signs_done(struct signs *signs)
{
        for (size_t i = 0; i < TEMPLATE_SIGNS_MAX; i++) {
                block_done(&signs->boxes[i].title);
                for (size_t k = 0; k < TEMPLATE_LINES_MAX; k++)
                        block_done(&signs->boxes[i].lines[k]);
        }
        *signs = (struct signs){ 0 };
}
