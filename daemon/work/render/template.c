#include "daemon/work/render/template.h"
#include "daemon/work/render/expand.h"
#include "daemon/work/render/file.h"
#include "daemon/work/render/sheet.h"
#include "proto/base/cleanup.h"
#include "proto/ipc/render.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { TEMPLATE_FILE_MAX = 64 << 10, TITLE_MAX = 300, TEXT_MAX = 2000, WIDTH_MIN_MM = 8 };

static int check_text(struct template *t, const char *where, const char *text, bool foot, struct error *err)
{
        return render_text_check(where, text, err) < 0 ? -1 : expand_check(text, where, foot, t->shown, err);
}

static int check_plain(const char *where, const char *text, struct error *err)
{
        if (strpbrk(text, "{}"))
                return err_input(err, REASON_LAYOUT_BAD, "%s: a column's title has no placeholders", where);
        return render_text_check(where, text, err);
}

/* An array of texts; the foot alone knows pages. */
static int read_texts(struct template *t, const json_t *list, const char *key, bool foot, struct template_texts *ret,
                      struct error *err)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *text = json_array_get(list, i);
                char where[64];

                (void)snprintf(where, sizeof where, "%s[%zu]", key, i);
                if (!json_is_string(text) || json_string_length(text) == 0 || json_string_length(text) > TEXT_MAX ||
                    strlen(json_string_value(text)) != json_string_length(text))
                        return err_input(err, REASON_LAYOUT_BAD, "%s: not a text of 1 to %d bytes", where, TEXT_MAX);
                if (check_text(t, where, json_string_value(text), foot, err) < 0)
                        return -1;
                ret->text[ret->n++] = json_string_value(text);
        }
        return 0;
}

static int read_column(struct template *t, const json_t *object, size_t i, struct error *err)
{
        char where[40];
        struct jread r;
        struct template_column column = { 0 };
        const char *name = NULL;
        int64_t width = 0;
        int found;

        (void)snprintf(where, sizeof where, "columns[%zu]", i);
        r = jread_begin(object, where, err);
        jread_str(&r, "name", 1, TITLE_MAX, &name);
        jread_str(&r, "title", 1, TITLE_MAX, &column.title);
        jread_str_opt(&r, "group", 1, TITLE_MAX, &column.group);
        jread_int(&r, "width", WIDTH_MIN_MM, 267, &width);
        if (jread_end(&r) < 0 || check_plain(where, column.title, err) < 0 ||
            (column.group && check_plain(where, column.group, err) < 0))
                return -1;
        found = document_name_find(document_columns, ARRAY_SIZE(document_columns), name, strlen(name));
        if (found < 0 || t->shown_columns[found])
                return err_input(err, REASON_LAYOUT_BAD, "%s.name: unknown, or there twice", where);
        t->shown_columns[found] = true;
        column.column = (enum document_column)found;
        column.width = (double)width * MM;
        t->columns[t->n_columns++] = column;
        return 0;
}

static int read_sign(struct template *t, const json_t *object, size_t i, struct error *err)
{
        char where[40];
        struct jread r;
        struct template_sign *sign = &t->signs[t->n_signs++];
        const json_t *lines = NULL;

        (void)snprintf(where, sizeof where, "signatures[%zu]", i);
        r = jread_begin(object, where, err);
        jread_str(&r, "title", 1, TITLE_MAX, &sign->title);
        jread_array(&r, "lines", TEMPLATE_LINES_MAX, &lines);
        if (jread_end(&r) < 0 || check_text(t, where, sign->title, false, err) < 0)
                return -1;
        return read_texts(t, lines, where, false, &sign->lines, err);
}

static int read_lists(struct template *t, const json_t *columns, const json_t *signs, struct error *err)
{
        double width = 0;

        for (size_t i = 0; i < json_array_size(columns); i++) {
                if (read_column(t, json_array_get(columns, i), i, err) < 0)
                        return -1;
                width += t->columns[i].width;
        }
        if (width > sheet_text_width(t->landscape) + 0.01)
                return err_input(err, REASON_LAYOUT_BAD, "columns: %.0f mm together, the page has %.0f", width / MM,
                                 sheet_text_width(t->landscape) / MM);
        for (size_t i = 0; i < json_array_size(signs); i++)
                if (read_sign(t, json_array_get(signs, i), i, err) < 0)
                        return -1;
        return 0;
}

static int read_template(struct template *t, struct error *err)
{
        struct jread r = jread_begin(t->json, "template", err);
        const json_t *head = NULL, *before = NULL, *after = NULL, *foot = NULL, *columns = NULL, *signs = NULL;

        jread_str(&r, "title", 1, TITLE_MAX, &t->title);
        jread_str_opt(&r, "subtitle", 1, TITLE_MAX, &t->subtitle);
        jread_bool_opt(&r, "landscape", &t->landscape);
        jread_array(&r, "head", TEMPLATE_HEAD_MAX, &head);
        jread_array_opt(&r, "before", TEMPLATE_TEXTS_MAX, &before);
        jread_array_opt(&r, "columns", TEMPLATE_COLUMNS_MAX, &columns);
        jread_array_opt(&r, "after", TEMPLATE_TEXTS_MAX, &after);
        jread_array_opt(&r, "signatures", TEMPLATE_SIGNS_MAX, &signs);
        jread_array(&r, "foot", TEMPLATE_FOOT_MAX, &foot);
        if (jread_end(&r) < 0 || check_text(t, "title", t->title, false, err) < 0 ||
            (t->subtitle && check_text(t, "subtitle", t->subtitle, false, err) < 0))
                return -1;
        if (read_texts(t, head, "head", false, &t->head, err) < 0 ||
            read_texts(t, before, "before", false, &t->before, err) < 0 ||
            read_texts(t, after, "after", false, &t->after, err) < 0 ||
            read_texts(t, foot, "foot", true, &t->foot, err) < 0)
                return -1;
        return read_lists(t, columns, signs, err);
}

static void digest(const struct fonts *fonts, struct bytes text, struct template *t)
{
        uint8_t all[(FONTS_MAX + 1) * 32], own[32];
        struct writer w = WRITER(all);

        file_digest(text, own);
        write_bytes(&w, BYTES(own));
        for (size_t i = 0; i < fonts->n; i++)
                write_bytes(&w, BYTES(fonts->sha256[i]));
        file_digest(writer_bytes(&w), t->sha256);
}

static void load(const char *dir, const char *file, const struct fonts *fonts, struct template *t)
{
        struct bytes text = { 0 };
        struct error err = { 0 };

        *t = (struct template){ .bad = true };
        (void)snprintf(t->name, sizeof t->name, "%.*s", (int)(strlen(file) - 5), file);
        if (file_read(dir, file, TEMPLATE_FILE_MAX, &text, &err) == 0) {
                digest(fonts, text, t);
                t->json = json_strict(text, TEMPLATE_FILE_MAX, &err);
                free((void *)(uintptr_t)text.p);
        }
        t->bad = !t->json || read_template(t, &err) < 0;
        if (t->bad)
                (void)err_input(&t->error, REASON_LAYOUT_BAD, "%s: %.140s", file, err.text);
}

static int is_template(const struct dirent *entry)
{
        size_t n = strlen(entry->d_name);

        return n > 5 && n - 5 <= DOCUMENT_TEMPLATE_MAX && strcmp(entry->d_name + n - 5, ".json") == 0;
}

int template_load_all(const char *dir, const struct fonts *fonts, struct template *list, struct error *err)
{
        struct dirent **entries = NULL;
        int n = scandir(dir, &entries, is_template, alphasort);

        if (n < 0)
                return err_input(err, REASON_LAYOUT_BAD, "cannot read the folder of templates '%.100s'", dir);
        for (int i = 0; i < n; i++) {
                if (i < TEMPLATES_MAX)
                        load(dir, entries[i]->d_name, fonts, &list[i]);
                free(entries[i]);
        }
        free(entries);
        if (n > TEMPLATES_MAX)
                return err_input(err, REASON_LAYOUT_BAD, "more than %d templates", TEMPLATES_MAX);
        return n;
}

const struct template *template_find(const struct template *list, int n, const char *name, struct error *err)
{
        for (int i = 0; i < n; i++) {
                if (strcmp(list[i].name, name) != 0)
                        continue;
                if (!list[i].bad)
                        return &list[i];
                *err = list[i].error;
                return NULL;
        }
        (void)err_input(err, REASON_LAYOUT_BAD, "there is no template '%s'", name);
        return NULL;
}

void template_done(struct template *t)
{
        json_decref(t->json);
        *t = (struct template){ 0 };
}
