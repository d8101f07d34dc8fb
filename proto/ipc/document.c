#include "proto/ipc/document.h"
#include "proto/base/cleanup.h"
#include "proto/ipc/render.h"
#include "proto/text/jalali.h"
#include <stdio.h>
#include <string.h>

const struct document_name document_values[] = {
#define X(name, key, kind, required) [DOCUMENT_VALUE_##name] = { key, DOCUMENT_##kind, required },
        DOCUMENT_VALUES(X)
#undef X
};
const struct document_name document_columns[] = {
#define X(name, key, kind, required) [DOCUMENT_COLUMN_##name] = { key, DOCUMENT_##kind, required },
        DOCUMENT_COLUMNS(X)
#undef X
};

int document_name_find(const struct document_name *list, size_t n_list, const char *key, size_t n)
{
        for (size_t i = 0; i < n_list; i++)
                if (strlen(list[i].key) == n && memcmp(list[i].key, key, n) == 0)
                        return (int)i;
        return -1;
}

json_t *render_document_encode(const struct render_document *document)
{
        char digest[2 * sizeof document->digest + 1], head[2 * sizeof document->audit_head + 1];

        hex_encode_lower(BYTES(document->digest), digest, sizeof digest);
        hex_encode_lower(BYTES(document->audit_head), head, sizeof head);
        return json_pack("{s:s,s:s,s:s,s:s,s:I,s:s}", "template", document->template, "number", document->number,
                         "date", document->date, "digest", digest, "audit_seq", (json_int_t)document->audit_seq,
                         "audit_head", head);
}

static bool is_date(const char *text)
{
        char shown[JALALI_FA_MAX];
        int32_t day;

        return date_parse(text, &day) && jalali_format_fa(day, shown);
}

int render_document_decode(const json_t *args, struct render_document *ret, struct error *err)
{
        struct jread r = jread_begin(args, "document", err);
        struct render_document document = { 0 };

        jread_str(&r, "template", 1, DOCUMENT_TEMPLATE_MAX, &document.template);
        jread_str(&r, "number", 1, DOCUMENT_NUMBER_MAX, &document.number);
        jread_str(&r, "date", 10, 10, &document.date);
        jread_hex(&r, "digest", document.digest, sizeof document.digest);
        jread_int(&r, "audit_seq", 0, INT64_MAX, &document.audit_seq);
        jread_hex(&r, "audit_head", document.audit_head, sizeof document.audit_head);
        if (jread_end(&r) < 0)
                return -1;
        if (document.template[strspn(document.template, "abcdefghijklmnopqrstuvwxyz0123456789-")])
                return err_input(err, REASON_BAD_JSON, "document.template: not a template's name");
        if (document.number[strspn(document.number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-")])
                return err_input(err, REASON_BAD_JSON, "document.number: not a document's number");
        if (!is_date(document.date))
                return err_input(err, REASON_BAD_DATE, "document.date: not a date");
        *ret = document;
        return 0;
}

static bool is_code(const char *text)
{
        for (; *text; text++)
                if (*text <= ' ' || *text > '~')
                        return false;
        return true;
}

static int check_kind(const char *where, const struct document_name *name, const char *text, struct error *err)
{
        char what[96];

        (void)snprintf(what, sizeof what, "%s.%s", where, name->key);
        switch (name->kind) {
        case DOCUMENT_TEXT:
                return render_text_check(what, text, err);
        case DOCUMENT_CODE:
                return is_code(text) ? 0 : err_input(err, REASON_BAD_TEXT, "%s: not a code", what);
        case DOCUMENT_DIGITS:
                return text[strspn(text, "0123456789")] ? err_input(err, REASON_BAD_TEXT, "%s: not digits", what) : 0;
        case DOCUMENT_DATE:
                return is_date(text) ? 0 : err_input(err, REASON_BAD_DATE, "%s: not a date", what);
        case DOCUMENT_EMPTY:
                break;
        }
        return err_input(err, REASON_BAD_JSON, "%s: is never given", what);
}

/* Texts of an object by a table of names; an empty text counts as not given. */
static int read_texts(const json_t *object, const char *where, const struct document_name *names, size_t n,
                      const char **ret, struct error *err)
{
        struct jread r = jread_begin(object, where, err);

        for (size_t i = 0; i < n; i++)
                jread_str_opt(&r, names[i].key, 0, DOCUMENT_TEXT_MAX, &ret[i]);
        if (jread_end(&r) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                if (ret[i] && ret[i][0] == 0)
                        ret[i] = NULL;
                if (ret[i] && check_kind(where, &names[i], ret[i], err) < 0)
                        return -1;
        }
        return 0;
}

int document_content_decode(const json_t *json, struct document_content *ret, struct error *err)
{
        struct jread r = jread_begin(json, "document", err);
        struct document_content content = { 0 };
        const json_t *values = NULL;

        jread_object(&r, "values", &values);
        jread_array_opt(&r, "rows", DOCUMENT_ROWS_MAX, &content.rows);
        if (jread_end(&r) < 0 || read_texts(values, "document.values", document_values, ARRAY_SIZE(document_values),
                                            content.values, err) < 0)
                return -1;
        *ret = content;
        return 0;
}

int document_row_decode(const json_t *row, size_t i, const char *ret[DOCUMENT_COLUMN_COUNT_ALL], struct error *err)
{
        char where[48];

        (void)snprintf(where, sizeof where, "document.rows[%zu]", i);
        for (size_t k = 0; k < DOCUMENT_COLUMN_COUNT_ALL; k++)
                ret[k] = NULL;
        return read_texts(row, where, document_columns, ARRAY_SIZE(document_columns), ret, err);
}

json_t *document_done_encode(const struct document_done *done)
{
        char hex[2 * sizeof done->template_sha256 + 1];

        hex_encode_lower(BYTES(done->template_sha256), hex, sizeof hex);
        return json_pack("{s:I,s:s}", "n_pages", (json_int_t)done->n_pages, "template_sha256", hex);
}

int document_done_decode(const json_t *args, struct document_done *ret, struct error *err)
{
        struct jread r = jread_begin(args, "document.done", err);
        struct document_done done = { 0 };

        jread_int(&r, "n_pages", 1, DOCUMENT_ROWS_MAX + 1, &done.n_pages);
        jread_hex(&r, "template_sha256", done.template_sha256, sizeof done.template_sha256);
        if (jread_end(&r) < 0)
                return -1;
        *ret = done;
        return 0;
}
