#include "daemon/work/render/table.h"
#include "daemon/work/render/expand.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PAD_X (1.2 * MM)
#define PAD_Y (1.0 * MM)
#define ROW_MIN (6.5 * MM)
#define SIGN_MIN (10.0 * MM) /* room for a signature by hand */
#define RULE 0.5             /* points */

static const struct block_style title_style = { 700, 8.5, 6.5, 1.4, 3, ALIGN_CENTER };
static const struct block_style cell_style = { 400, 9, 6.5, 1.4, 4, ALIGN_CENTER };
static const struct block_style text_style = { 400, 9, 6.5, 1.4, 4, ALIGN_RIGHT };

static const struct document_name *name_of(const struct template_column *column)
{
        return &document_columns[column->column];
}

static bool same_group(const struct template *t, size_t a, size_t b)
{
        return t->columns[a].group && b < t->n_columns && t->columns[b].group &&
               strcmp(t->columns[a].group, t->columns[b].group) == 0;
}

/* The width of the group that begins at column i; 0 when none begins there. */
static double group_width(const struct template *t, size_t i)
{
        double width = t->columns[i].width;

        if (!t->columns[i].group || (i > 0 && same_group(t, i, i - 1)))
                return 0;
        for (size_t k = i + 1; same_group(t, i, k); k++)
                width += t->columns[k].width;
        return width;
}

static int fit_title(const struct fonts *fonts, const char *text, double width, struct block *ret, double *height,
                     struct error *err)
{
        static const char *const none[DOCUMENT_VALUE_COUNT_ALL];
        struct expand from = { .values = none };

        if (block_expand(fonts, &title_style, width - 2 * PAD_X, text, &from, "a column's title", ret, err) < 0)
                return -1;
        *height = fmax(*height, block_height(ret) + 2 * PAD_Y);
        return 0;
}

static int fit_head(struct table *table, const struct fonts *fonts, struct error *err)
{
        const struct template *t = table->template;

        for (size_t i = 0; i < t->n_columns; i++) {
                double group = group_width(t, i);

                table->width += t->columns[i].width;
                if (fit_title(fonts, t->columns[i].title, t->columns[i].width, &table->titles[i], &table->title_height,
                              err) < 0)
                        return -1;
                if (group > 0 &&
                    fit_title(fonts, t->columns[i].group, group, &table->groups[i], &table->group_height, err) < 0)
                        return -1;
        }
        return 0;
}

static int fit_cell(const struct template_column *column, const struct fonts *fonts, const char *value, size_t i,
                    struct block *ret, struct error *err)
{
        const struct document_name *name = name_of(column);
        char ready[EXPAND_MAX], what[64], row[24];
        enum document_kind kind = name->kind;

        (void)snprintf(what, sizeof what, "rows[%zu].%s", i, name->key);
        if (name->required && !value)
                return err_input(err, REASON_BAD_JSON, "document.%s: missing", what);
        if (column->column == DOCUMENT_COLUMN_ROW) {
                (void)snprintf(row, sizeof row, "%zu", i + 1);
                value = row;
                kind = DOCUMENT_DIGITS;
        }
        if (!expand_value(kind, value, ready, sizeof ready))
                return err_input(err, REASON_NAME_NO_FIT, "%s: too long", what);
        return block_fit(fonts, kind == DOCUMENT_TEXT ? &text_style : &cell_style, column->width - 2 * PAD_X, ready,
                         what, ret, err);
}

/* What the template has no column for would be lost without a word. */
static int check_shown(const struct template *t, const char *const *cells, size_t i, struct error *err)
{
        for (size_t k = 0; k < DOCUMENT_COLUMN_COUNT_ALL; k++)
                if (cells[k] && !t->shown_columns[k])
                        return err_input(err, REASON_LAYOUT_BAD, "the template has no column for rows[%zu].%s", i,
                                         document_columns[k].key);
        return 0;
}

static int fit_row(struct table *table, const struct fonts *fonts, const json_t *json, size_t i, struct error *err)
{
        const struct template *t = table->template;
        struct table_row *row = &table->rows[i];
        const char *cells[DOCUMENT_COLUMN_COUNT_ALL];

        if (document_row_decode(json, i, cells, err) < 0 || check_shown(t, cells, i, err) < 0)
                return -1;
        row->height = t->shown_columns[DOCUMENT_COLUMN_SIGNATURE] ? SIGN_MIN : ROW_MIN;
        for (size_t k = 0; k < t->n_columns; k++) {
                const struct template_column *column = &t->columns[k];

                if (fit_cell(column, fonts, cells[column->column], i, &row->cells[k], err) < 0)
                        return -1;
                row->height = fmax(row->height, block_height(&row->cells[k]) + 2 * PAD_Y);
        }
        return 0;
}

static int fit_rows(struct table *table, const struct fonts *fonts, const json_t *rows, struct error *err)
{
        size_t n = json_array_size(rows);

        if ((n > 0) != (table->template->n_columns > 0))
                return err_input(err, REASON_BAD_JSON, "document.rows: %s",
                                 n > 0 ? "the template has no table" : "missing");
        table->rows = calloc(n ? n : 1, sizeof *table->rows);
        if (!table->rows)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory for %zu rows", n);
        table->n_rows = n;
        for (size_t i = 0; i < n; i++)
                if (fit_row(table, fonts, json_array_get(rows, i), i, err) < 0)
                        return -1;
        return 0;
}

int table_prepare(const struct template *template, const struct fonts *fonts, const json_t *rows, struct table *ret,
                  struct error *err)
{
        *ret = (struct table){ .template = template };
        if (fit_head(ret, fonts, err) == 0 && fit_rows(ret, fonts, rows, err) == 0)
                return 0;
        table_done(ret);
        return -1;
}

double table_head_height(const struct table *table)
{
        return table->group_height + table->title_height;
}

static void frame(double right, double y, double width, double height, double grey, cairo_t *cr)
{
        cairo_rectangle(cr, right - width, y, width, height);
        cairo_set_source_rgb(cr, grey, grey, grey);
        cairo_fill_preserve(cr);
        cairo_set_source_rgb(cr, 0, 0, 0);
        cairo_set_line_width(cr, RULE);
        cairo_stroke(cr);
}

static void draw_cell(const struct block *block, double right, double y, double width, double height, double grey,
                      cairo_t *cr)
{
        frame(right, y, width, height, grey, cr);
        block_draw(block, right - width + PAD_X, y + (height - block_height(block)) / 2, cr);
}

void table_draw_head(const struct table *table, double right, double y, cairo_t *cr)
{
        const struct template *t = table->template;

        for (size_t i = 0; i < t->n_columns; i++) {
                double up = t->columns[i].group ? 0 : table->group_height, group = group_width(t, i);

                if (group > 0)
                        draw_cell(&table->groups[i], right, y, group, table->group_height, 0.92, cr);
                draw_cell(&table->titles[i], right, y + table->group_height - up, t->columns[i].width,
                          table->title_height + up, 0.92, cr);
                right -= t->columns[i].width;
        }
}

void table_draw_row(const struct table *table, size_t i, double right, double y, cairo_t *cr)
{
        const struct template *t = table->template;

        for (size_t k = 0; k < t->n_columns; k++) {
                draw_cell(&table->rows[i].cells[k], right, y, t->columns[k].width, table->rows[i].height, 1, cr);
                right -= t->columns[k].width;
        }
}

void table_done(struct table *table)
{
        for (size_t k = 0; k < TEMPLATE_COLUMNS_MAX; k++) {
                block_done(&table->titles[k]);
                block_done(&table->groups[k]);
                for (size_t i = 0; i < table->n_rows; i++)
                        block_done(&table->rows[i].cells[k]);
        }
        free(table->rows);
        *table = (struct table){ 0 };
}
