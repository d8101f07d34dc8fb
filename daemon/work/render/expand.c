#include "daemon/work/render/expand.h"
#include "daemon/work/render/isolate.h"
#include "proto/base/cleanup.h"
#include "proto/text/jalali.h"
#include <stdio.h>
#include <string.h>

#define DOTS "…………………………" /* a place to write on */

enum fixed {
#define X(name, key) FIXED_##name,
        EXPAND_FIXED(X)
#undef X
};
static const char *const fixed_names[] = {
#define X(name, key) [FIXED_##name] = key,
        EXPAND_FIXED(X)
#undef X
};

struct part {
        bool is_name;
        const char *p;
        size_t n;
};

/* The next part of a text: 1, 0 at its end, -1 for a brace that is not a pair around a name. */
static int next_part(const char **text, struct part *ret)
{
        const char *p = *text;

        if (!*p)
                return 0;
        ret->is_name = *p == '{';
        ret->p = p + ret->is_name;
        ret->n = strcspn(ret->p, "{}");
        *text = ret->p + ret->n + ret->is_name;
        return ret->is_name ? (ret->p[ret->n] == '}' ? 1 : -1) : (ret->p[ret->n] == '}' ? -1 : 1);
}

static int find_fixed(const struct part *part)
{
        for (size_t i = 0; i < ARRAY_SIZE(fixed_names); i++)
                if (strlen(fixed_names[i]) == part->n && memcmp(fixed_names[i], part->p, part->n) == 0)
                        return (int)i;
        return -1;
}

static int find_value(const struct part *part)
{
        return document_name_find(document_values, ARRAY_SIZE(document_values), part->p, part->n);
}

static int check_name(const struct part *part, const char *where, bool foot, bool *shown, struct error *err)
{
        int value = find_value(part), fixed = find_fixed(part);

        if (value >= 0)
                shown[value] = true;
        else if (fixed < 0)
                return err_input(err, REASON_LAYOUT_BAD, "%s: unknown placeholder {%.*s}", where,
                                 (int)(part->n < 40 ? part->n : 40), part->p);
        else if ((fixed == FIXED_PAGE || fixed == FIXED_PAGES) && !foot)
                return err_input(err, REASON_LAYOUT_BAD, "%s: {%s} stands outside of 'foot'", where,
                                 fixed_names[fixed]);
        return 0;
}

int expand_check(const char *text, const char *where, bool foot, bool shown[DOCUMENT_VALUE_COUNT_ALL],
                 struct error *err)
{
        struct part part;
        int r;

        while ((r = next_part(&text, &part)) > 0)
                if (part.is_name && check_name(&part, where, foot, shown, err) < 0)
                        return -1;
        return r == 0 ? 0 : err_input(err, REASON_LAYOUT_BAD, "%s: a brace without its pair", where);
}

bool expand_value(enum document_kind kind, const char *value, char *ret, size_t max)
{
        char date[JALALI_FA_MAX];
        int32_t day;

        ret[0] = 0;
        if (!value)
                return true;
        switch (kind) {
        case DOCUMENT_TEXT:
                return isolate_text(value, true, true, ret, max);
        case DOCUMENT_CODE:
                return isolate_code(value, false, ret, max);
        case DOCUMENT_DIGITS:
                return isolate_code(value, true, ret, max);
        case DOCUMENT_DATE:
                return date_parse(value, &day) && jalali_format_fa(day, date) && isolate_code(date, false, ret, max);
        case DOCUMENT_EMPTY:
                break;
        }
        return true;
}

static bool put_number(long long n, char *ret, size_t max)
{
        char text[24];

        (void)snprintf(text, sizeof text, "%lld", n);
        return expand_value(DOCUMENT_DIGITS, text, ret, max);
}

static bool put_hex(struct bytes digest, char *ret, size_t max)
{
        char hex[65];

        hex_encode_lower(digest, hex, sizeof hex);
        return expand_value(DOCUMENT_CODE, hex, ret, max);
}

static bool put_fixed(enum fixed fixed, const struct expand *from, char *ret, size_t max)
{
        switch (fixed) {
        case FIXED_NUMBER:
                return expand_value(DOCUMENT_CODE, from->task->number, ret, max);
        case FIXED_DATE:
                return expand_value(DOCUMENT_DATE, from->task->date, ret, max);
        case FIXED_DIGEST:
                return put_hex(BYTES(from->task->digest), ret, max);
        case FIXED_AUDIT_SEQ:
                return put_number(from->task->audit_seq, ret, max);
        case FIXED_AUDIT_HEAD:
                return put_hex(BYTES(from->task->audit_head), ret, max);
        case FIXED_ROWS:
                return put_number((long long)from->n_rows, ret, max);
        case FIXED_PAGE:
                return put_number(from->page, ret, max);
        case FIXED_PAGES:
                return put_number(from->pages, ret, max);
        }
        return false;
}

static bool put_literal(const struct part *part, char *ret, size_t max)
{
        char text[EXPAND_MAX];

        if (part->n >= sizeof text)
                return false;
        memcpy(text, part->p, part->n);
        text[part->n] = 0;
        return isolate_text(text, true, true, ret, max);
}

static bool put_part(const struct part *part, const struct expand *from, char *ret, size_t max)
{
        int value = part->is_name ? find_value(part) : -1;

        if (!part->is_name)
                return put_literal(part, ret, max);
        if (value < 0)
                return put_fixed((enum fixed)find_fixed(part), from, ret, max);
        if (!from->values[value])
                return expand_value(DOCUMENT_TEXT, DOTS, ret, max);
        return expand_value(document_values[value].kind, from->values[value], ret, max);
}

int expand_text(const char *text, const struct expand *from, char ret[EXPAND_MAX], struct error *err)
{
        struct part part;
        size_t n = 0;

        ret[0] = 0;
        while (next_part(&text, &part) > 0) {
                int value = part.is_name ? find_value(&part) : -1;

                if (value >= 0 && document_values[value].required && !from->values[value])
                        return err_input(err, REASON_BAD_JSON, "document.values.%s: missing",
                                         document_values[value].key);
                if (!put_part(&part, from, ret + n, EXPAND_MAX - n))
                        return err_input(err, REASON_NAME_NO_FIT, "a text of the document is too long");
                n += strlen(ret + n);
        }
        return 0;
}
