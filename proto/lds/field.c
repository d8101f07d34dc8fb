#include "proto/lds/field.h"
#include "proto/lds/der.h"
#include "proto/text/date.h"
#include "proto/text/utf8.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { FIELDS_MAX = 32, DATE_DIGITS = 8, DATE_BCD = 4, TIME_DIGITS = 14, TAG_LIST = 0x5C };

static bool is_invisible(uint32_t c)
{
        return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x200B ||
               (c >= 0x200D && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
               c == 0xFEFF || (c >= 0xFFF0 && c <= 0xFFFF);
}

bool lds_text_ok(struct bytes text)
{
        uint32_t c;

        while (text.n > 0)
                if (!utf8_take(&text, &c) || is_invisible(c))
                        return false;
        return true;
}

static bool code_ok(struct bytes text)
{
        for (size_t i = 0; i < text.n; i++)
                if (text.p[i] < 0x20 || text.p[i] > 0x7E)
                        return false;
        return true;
}

static void put_date(struct writer *w, uint32_t tag, const char *text)
{
        char digits[16];
        int32_t day;

        if (!date_parse(text, &day)) {
                w->failed = true;
                return;
        }
        (void)snprintf(digits, sizeof digits, "%.4s%.2s%.2s", text, text + 5, text + 8);
        der_put(w, tag, (struct bytes){ (const uint8_t *)digits, DATE_DIGITS });
}

static void put_time(struct writer *w, uint32_t tag, const char *text)
{
        char digits[24];
        int64_t time;

        if (!time_parse(text, &time)) {
                w->failed = true;
                return;
        }
        (void)snprintf(digits, sizeof digits, "%.4s%.2s%.2s%.2s%.2s%.2s", text, text + 5, text + 8, text + 11,
                       text + 14, text + 17);
        der_put(w, tag, (struct bytes){ (const uint8_t *)digits, TIME_DIGITS });
}

static void put_text(struct writer *w, const struct lds_field *f, const char *text)
{
        struct bytes b = { (const uint8_t *)text, strlen(text) };

        if (f->coding == LDS_TEXT ? !lds_text_ok(b) : !code_ok(b))
                w->failed = true;
        else
                der_put(w, f->tag, b);
}

static void put_u16(struct writer *w, uint32_t tag, const void *from)
{
        uint8_t value[2];
        struct writer v = WRITER(value);
        unsigned number;

        memcpy(&number, from, sizeof number);
        if (number > 0xFFFF) {
                w->failed = true;
                return;
        }
        write_u16(&v, number);
        der_put(w, tag, writer_bytes(&v));
}

static bool is_absent(const struct lds_field *f, const char *at)
{
        unsigned number = 0;

        if (f->required)
                return false;
        if (f->coding == LDS_U16)
                memcpy(&number, at, sizeof number);
        return f->coding == LDS_U16 ? number == 0 : at[0] == '\0';
}

static void put_field(struct writer *w, const struct lds_field *f, const char *at)
{
        if (f->coding != LDS_U16 && f->required && at[0] == '\0')
                w->failed = true;
        switch (f->coding) {
        case LDS_TEXT:
        case LDS_CODE:
                put_text(w, f, at);
                return;
        case LDS_DATE:
                put_date(w, f->tag, at);
                return;
        case LDS_TIME:
                put_time(w, f->tag, at);
                return;
        case LDS_U16:
                put_u16(w, f->tag, at);
                return;
        }
}

void lds_fields_put(struct writer *w, const struct lds_field *table, size_t n, const void *from)
{
        for (size_t i = 0; i < n; i++)
                if (!is_absent(&table[i], (const char *)from + table[i].offset))
                        put_field(w, &table[i], (const char *)from + table[i].offset);
}

void lds_fields_put_list(struct writer *w, const struct lds_field *table, size_t n, const void *from)
{
        size_t mark = der_open(w, TAG_LIST);

        for (size_t i = 0; i < n; i++) {
                if (is_absent(&table[i], (const char *)from + table[i].offset))
                        continue;
                if (table[i].tag > 0xFF)
                        write_u8(w, table[i].tag >> 8);
                write_u8(w, table[i].tag & 0xFF);
        }
        der_close(w, mark);
}

/* ASCII digits, or BCD when the value is half as long; 16 digits at most. */
static bool take_digits(struct bytes value, unsigned n, char *ret)
{
        char digits[2 * TIME_DIGITS + 1];

        if (value.n == n)
                memcpy(digits, value.p, n);
        else if (n == DATE_DIGITS && value.n == DATE_BCD)
                hex_encode(value, digits, sizeof digits);
        else
                return false;
        for (unsigned i = 0; i < n; i++)
                if (digits[i] < '0' || digits[i] > '9')
                        return false;
        memcpy(ret, digits, n);
        return true;
}

static bool take_date(struct bytes value, char *ret, size_t size)
{
        char d[DATE_DIGITS], text[DATE_TEXT_MAX];
        int32_t day;

        if (size < sizeof text || !take_digits(value, DATE_DIGITS, d))
                return false;
        (void)snprintf(text, sizeof text, "%.4s-%.2s-%.2s", d, d + 4, d + 6);
        if (!date_parse(text, &day))
                return false;
        memcpy(ret, text, sizeof text);
        return true;
}

static bool take_time(struct bytes value, char *ret, size_t size)
{
        char d[TIME_DIGITS], text[TIME_TEXT_MAX];
        int64_t time;

        if (size < sizeof text || !take_digits(value, TIME_DIGITS, d))
                return false;
        (void)snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", d, d + 4, d + 6, d + 8, d + 10, d + 12);
        if (!time_parse(text, &time))
                return false;
        memcpy(ret, text, sizeof text);
        return true;
}

static bool take_text(const struct lds_field *f, struct bytes value, char *ret)
{
        if (value.n == 0 || value.n >= f->size)
                return false;
        if (f->coding == LDS_TEXT ? !lds_text_ok(value) : !code_ok(value))
                return false;
        memcpy(ret, value.p, value.n);
        ret[value.n] = '\0';
        return true;
}

static bool take_u16(struct bytes value, void *ret)
{
        uint16_t number;
        unsigned wide;

        if (!bytes_u16(&value, &number) || value.n != 0)
                return false;
        wide = number;
        memcpy(ret, &wide, sizeof wide);
        return true;
}

static bool take_field(const struct lds_field *f, struct bytes value, char *ret)
{
        switch (f->coding) {
        case LDS_TEXT:
        case LDS_CODE:
                return take_text(f, value, ret);
        case LDS_DATE:
                return take_date(value, ret, f->size);
        case LDS_TIME:
                return take_time(value, ret, f->size);
        case LDS_U16:
                return take_u16(value, ret);
        }
        return false;
}

static bool all_required(const struct lds_field *table, size_t n, uint32_t seen)
{
        for (size_t i = 0; i < n; i++)
                if (table[i].required && !(seen & 1u << i))
                        return false;
        return true;
}

bool lds_fields_take(struct bytes in, const struct lds_field *table, size_t n, void *ret)
{
        uint32_t seen = 0, tag;
        struct bytes value;
        size_t i;

        assert(n <= FIELDS_MAX);
        while (in.n > 0) {
                if (!der_next(&in, &tag, &value))
                        return false;
                for (i = 0; i < n && table[i].tag != tag; i++)
                        ;
                if (i == n)
                        continue;
                if (seen & 1u << i || !take_field(&table[i], value, (char *)ret + table[i].offset))
                        return false;
                seen |= 1u << i;
        }
        return all_required(table, n, seen);
}
