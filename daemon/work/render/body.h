/* What stands around a document's table: paragraphs before and after it, and the signature boxes side by side. */
#pragma once
#include "daemon/work/render/block.h"
#include "daemon/work/render/expand.h"
#include "daemon/work/render/template.h"

struct paragraphs {
        struct block blocks[TEMPLATE_TEXTS_MAX];
        size_t n;
        double height;
};

struct signs {
        struct {
                struct block title, lines[TEMPLATE_LINES_MAX];
                size_t n_lines;
        } boxes[TEMPLATE_SIGNS_MAX];
        size_t n;
        double box_width, box_height, height; /* points; the height with its gap, 0 without boxes */
};

int paragraphs_prepare(const struct template_texts *texts, const struct fonts *fonts, double width,
                       const struct expand *from, struct paragraphs *ret, struct error *err);
void paragraphs_draw(const struct paragraphs *paragraphs, double x, double y, cairo_t *cr);
void paragraphs_done(struct paragraphs *paragraphs);

int signs_prepare(const struct template *template, const struct fonts *fonts, double width, const struct expand *from,
                  struct signs *ret, struct error *err);
/* The first box stands at the right. */
void signs_draw(const struct signs *signs, double right, double y, cairo_t *cr);
void signs_done(struct signs *signs);
