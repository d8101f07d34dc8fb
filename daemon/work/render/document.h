/* One document: everything fitted, broken into pages, drawn as a PDF. Any refusal comes before the first byte. */
#pragma once
#include "daemon/work/render/body.h"
#include "daemon/work/render/sheet.h"
#include "daemon/work/render/table.h"

struct document_page {
        size_t first, n; /* rows */
        bool tail;       /* what follows the table stands here: on the last page */
};

struct document {
        const struct template *template;
        const struct fonts *fonts;
        struct expand from;
        struct sheet sheet;
        struct paragraphs before, after;
        struct signs signs;
        struct table table;
        struct document_page *pages; /* owned */
        int n_pages;
};

/* task and content stay the caller's and must outlive *ret. 0 (document_done), or -1 and *err as in
 * proto/ipc/document.h. */
int document_prepare(const struct template *template, const struct fonts *fonts, const struct render_document *task,
                     const struct document_content *content, struct document *ret, struct error *err);
/* The same bytes for the same task, content, template and fonts. The caller frees ret->p. */
int document_pdf(const struct document *document, struct bytes *ret, struct error *err);
void document_done(struct document *document);
/* Draws a small document of nobody, so that fonts and shapers are loaded before the sandbox. */
void document_warm(const struct template *template, const struct fonts *fonts);
