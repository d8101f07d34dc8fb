#include "daemon/work/render/document.h"
#include "daemon/work/render/output.h"
#include "proto/base/cleanup.h"
#include <cairo-pdf.h>
#include <stdio.h>

#define GAP (3 * MM) /* between the paragraphs, the table and what follows */

static void surface_p(cairo_surface_t **surface)
{
        cairo_surface_destroy(*surface);
}

static void cairo_p(cairo_t **cr)
{
        cairo_destroy(*cr);
}

static double body_height(const struct document *d)
{
        return sheet_height(d->template->landscape) - 2 * SHEET_MARGIN - SHEET_HEAD - SHEET_FOOT;
}

static double tail_height(const struct document *d)
{
        return GAP + d->after.height + d->signs.height;
}

/* What stands before the table, on the first page. */
static double before_height(const struct document *d)
{
        return d->before.n > 0 ? d->before.height + GAP : 0;
}

/* Room for rows on a page. */
static double room(const struct document *d, bool first)
{
        return body_height(d) - table_head_height(&d->table) - (first ? before_height(d) : 0);
}

static double rows_height(const struct document *d, const struct document_page *page)
{
        double height = 0;

        for (size_t i = 0; i < page->n; i++)
                height += d->table.rows[page->first + i].height;
        return height;
}

static int no_room(struct error *err, const char *what)
{
        return err_input(err, REASON_NAME_NO_FIT, "%s does not fit one page", what);
}

/* As many rows as fit, from where the last page ended; at least one where there is one. */
static int fill_page(const struct document *d, size_t first, bool is_first, struct document_page *ret,
                     struct error *err)
{
        double left = room(d, is_first);

        *ret = (struct document_page){ .first = first };
        if (left < 0)
                return no_room(err, "what stands before the table");
        while (first + ret->n < d->table.n_rows && d->table.rows[first + ret->n].height <= left)
                left -= d->table.rows[first + ret->n++].height;
        if (ret->n == 0 && d->table.n_rows > 0 && !is_first)
                return no_room(err, "a row");
        return 0;
}

/* The tail follows the last row; where it does not, it takes that row along to a page of its own, because signatures
 * under nothing sign nothing. */
static int place_tail(struct document *d, struct error *err)
{
        struct document_page *last = &d->pages[d->n_pages - 1];
        double need = tail_height(d);

        if (need > room(d, d->n_pages == 1) - rows_height(d, last)) {
                if (last->n == 0)
                        return no_room(err, "the document's text with its signatures");
                last->n--;
                d->pages[d->n_pages++] = (struct document_page){ .first = d->table.n_rows - 1, .n = 1 };
                last = &d->pages[d->n_pages - 1];
                if (need > room(d, false) - rows_height(d, last))
                        return no_room(err, "the last row with the signatures");
        }
        last->tail = true;
        return 0;
}

static int paginate(struct document *d, struct error *err)
{
        size_t done = 0;

        d->pages = calloc(d->table.n_rows + 3, sizeof *d->pages);
        if (!d->pages)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory for pages");
        do {
                struct document_page *page = &d->pages[d->n_pages];

                if (fill_page(d, done, d->n_pages == 0, page, err) < 0)
                        return -1;
                d->n_pages++;
                done += page->n;
        } while (done < d->table.n_rows);
        return place_tail(d, err);
}

/* A value that was given and stands nowhere would be lost without a word. */
static int check_shown(const struct document *d, struct error *err)
{
        for (size_t i = 0; i < DOCUMENT_VALUE_COUNT_ALL; i++)
                if (d->from.values[i] && !d->template->shown[i])
                        return err_input(err, REASON_LAYOUT_BAD, "the template does not show {%s}",
                                         document_values[i].key);
        return 0;
}

static int prepare(struct document *d, const json_t *rows, struct error *err)
{
        const struct template *t = d->template;
        double width = sheet_text_width(t->landscape);

        if (check_shown(d, err) < 0 || sheet_prepare(t, d->fonts, &d->from, &d->sheet, err) < 0 ||
            paragraphs_prepare(&t->before, d->fonts, width, &d->from, &d->before, err) < 0 ||
            table_prepare(t, d->fonts, rows, &d->table, err) < 0 ||
            paragraphs_prepare(&t->after, d->fonts, width, &d->from, &d->after, err) < 0 ||
            signs_prepare(t, d->fonts, width, &d->from, &d->signs, err) < 0)
                return -1;
        return paginate(d, err);
}

int document_prepare(const struct template *template, const struct fonts *fonts, const struct render_document *task,
                     const struct document_content *content, struct document *ret, struct error *err)
{
        *ret = (struct document){ .template = template, .fonts = fonts };
        ret->from =
                (struct expand){ .task = task, .values = content->values, .n_rows = json_array_size(content->rows) };
        if (prepare(ret, content->rows, err) == 0)
                return 0;
        document_done(ret);
        return -1;
}

static void draw_body(const struct document *d, const struct document_page *page, bool first, cairo_t *cr)
{
        bool landscape = d->template->landscape;
        double y = SHEET_MARGIN + SHEET_HEAD, right = sheet_width(landscape) - SHEET_MARGIN;
        double inset = (sheet_text_width(landscape) - d->table.width) / 2;

        if (first) {
                paragraphs_draw(&d->before, SHEET_MARGIN, y, cr);
                y += before_height(d);
        }
        if (page->n > 0)
                table_draw_head(&d->table, right - inset, y, cr);
        y += table_head_height(&d->table);
        for (size_t i = 0; i < page->n; i++) {
                table_draw_row(&d->table, page->first + i, right - inset, y, cr);
                y += d->table.rows[page->first + i].height;
        }
        if (page->tail) {
                paragraphs_draw(&d->after, SHEET_MARGIN, y + GAP, cr);
                signs_draw(&d->signs, right, y + GAP + d->after.height, cr);
        }
}

static int draw_pages(const struct document *d, cairo_t *cr, struct error *err)
{
        struct expand from = d->from;

        from.pages = d->n_pages;
        for (int i = 0; i < d->n_pages; i++) {
                from.page = i + 1;
                if (sheet_draw(&d->sheet, d->fonts, &from, cr, err) < 0)
                        return -1;
                draw_body(d, &d->pages[i], i == 0, cr);
                cairo_show_page(cr);
        }
        return 0;
}

int document_pdf(const struct document *d, struct bytes *ret, struct error *err)
{
        bool landscape = d->template->landscape;
        cleanup(output_done) struct output out = { 0 };
        cleanup(surface_p) cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(
                output_collect, &out, sheet_width(landscape), sheet_height(landscape));
        cleanup(cairo_p) cairo_t *cr = cairo_create(surface);
        char created[32];

        /* The document's day and never the clock, or two renderings of one document would differ. */
        (void)snprintf(created, sizeof created, "%sT00:00:00Z", d->from.task->date);
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, created);
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, d->from.task->number);
        if (draw_pages(d, cr, err) < 0)
                return -1;
        cairo_surface_finish(surface);
        if (output_check(cairo_status(cr), err) < 0 || output_check(cairo_surface_status(surface), err) < 0)
                return -1;
        return output_take(&out, ret);
}

void document_done(struct document *d)
{
        sheet_done(&d->sheet);
        paragraphs_done(&d->before);
        paragraphs_done(&d->after);
        signs_done(&d->signs);
        table_done(&d->table);
        free(d->pages);
        *d = (struct document){ 0 };
}

void document_warm(const struct template *template, const struct fonts *fonts)
{
        static const char *const by_kind[] = { [DOCUMENT_TEXT] = "الف A 1",
                                               [DOCUMENT_CODE] = "A-1",
                                               [DOCUMENT_DIGITS] = "1",
                                               [DOCUMENT_DATE] = "2026-12-21",
                                               [DOCUMENT_EMPTY] = NULL };
        struct render_document task = { .template = template->name, .number = "A-1", .date = "2026-12-21" };
        struct document_content content = { 0 };
        cleanup(document_done) struct document d = { 0 };
        cleanup(json_p) json_t *rows = json_array(), *row = json_object();
        struct bytes pdf = { 0 };
        struct error err;

        for (size_t i = 0; i < DOCUMENT_VALUE_COUNT_ALL; i++)
                content.values[i] = template->shown[i] ? by_kind[document_values[i].kind] : NULL;
        for (size_t i = 0; i < DOCUMENT_COLUMN_COUNT_ALL; i++)
                if (template->shown_columns[i] && by_kind[document_columns[i].kind])
                        (void)json_object_set_new(row, document_columns[i].key,
                                                  json_string(by_kind[document_columns[i].kind]));
        (void)json_array_append(rows, row);
        content.rows = template->n_columns > 0 ? rows : NULL;
        if (document_prepare(template, fonts, &task, &content, &d, &err) == 0)
                (void)document_pdf(&d, &pdf, &err);
        free((void *)(uintptr_t)pdf.p);
}
