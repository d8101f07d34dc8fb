#include "proto/text/persian.h"
#include "proto/base/cleanup.h"
#include "proto/text/presentation.h"
#include "proto/text/utf8.h"
#include <string.h>

enum { ZWNJ = 0x200C, SPACE = 0x20, HEH = 0x0647, AE = 0x06D5, HAMZA_ABOVE = 0x0654, FARSI_YEH = 0x06CC };

struct points {
        size_t n;
        bool full;
        uint32_t c[PERSIAN_MAX];
};

static void append(struct points *to, uint32_t c)
{
        if (to->n < PERSIAN_MAX)
                to->c[to->n++] = c;
        else
                to->full = true;
}

bool persian_is_bidi(uint32_t c)
{
        return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
               (c >= 0x2066 && c <= 0x2069);
}

bool persian_is_invisible(uint32_t c)
{
        return persian_is_bidi(c) || c == 0x00AD || c == 0x200B || c == 0x200D || (c >= 0x2060 && c <= 0x2064) ||
               c == 0xFEFF;
}

bool persian_is_space(uint32_t c)
{
        return c == SPACE || (c >= 0x09 && c <= 0x0D) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
               (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Canonical combining class of the Arabic marks (UnicodeData.txt field 3); 0 for every other code point. */
static int mark_class(uint32_t c)
{
        static const uint8_t classes[] = { /* U+064B.. */ 27,
                                           28,
                                           29,
                                           30,
                                           31,
                                           32,
                                           33,
                                           34,
                                           230,
                                           230,
                                           220,
                                           220,
                                           230,
                                           230,
                                           230,
                                           230,
                                           230,
                                           220,
                                           230,
                                           230,
                                           220 };

        if (c >= 0x064B && c - 0x064B < ARRAY_SIZE(classes))
                return classes[c - 0x064B];
        return c == 0x0670 ? 35 : 0;
}

/* Canonical compositions of the Arabic block (UnicodeData.txt); the Persian yeh stands for the Arabic one, which clean
 * text no longer holds. */
static const struct {
        uint32_t base, mark, whole;
} compositions[] = {
        { 0x0627, 0x0653, 0x0622 }, { 0x0627, HAMZA_ABOVE, 0x0623 },    { 0x0648, HAMZA_ABOVE, 0x0624 },
        { 0x0627, 0x0655, 0x0625 }, { FARSI_YEH, HAMZA_ABOVE, 0x0626 },
};

/* 0 for none. */
static uint32_t composed(uint32_t base, uint32_t mark)
{
        for (size_t i = 0; i < ARRAY_SIZE(compositions); i++)
                if (compositions[i].base == base && compositions[i].mark == mark)
                        return compositions[i].whole;
        return 0;
}

static void append_decomposed(struct points *to, uint32_t c)
{
        for (size_t i = 0; i < ARRAY_SIZE(compositions); i++) {
                if (compositions[i].whole == c) {
                        append(to, compositions[i].base);
                        c = compositions[i].mark;
                        break;
                }
        }
        append(to, c);
}

static void append_letter(struct points *to, uint32_t c)
{
        static const uint16_t same[][2] = {
                { 0x064A, FARSI_YEH }, { 0x0649, FARSI_YEH }, { 0x0643, 0x06A9 },
                { 0x06C1, HEH },       { 0x06BE, HEH },       { 0x00AC, ZWNJ },
        };

        for (size_t i = 0; i < ARRAY_SIZE(same); i++)
                if (same[i][0] == c)
                        c = same[i][1];
        if (c >= 0x0660 && c <= 0x0669)
                c += 0x06F0 - 0x0660;
        if (c == 0x06C0 || c == 0x06C2) { /* not NFC-equal to heh + hamza: by hand (case 21) */
                append(to, HEH);
                append(to, HAMZA_ABOVE);
        } else if (persian_is_space(c)) {
                append(to, SPACE);
        } else if (c != 0x0640 && !persian_is_invisible(c)) { /* U+0640 is tatweel */
                append_decomposed(to, c);
        }
}

/* UTF-8 to mapped letters. */
static enum persian_fault take_letters(const char *text, struct points *ret, bool *ret_bidi)
{
        struct bytes in = { (const uint8_t *)text, strlen(text) };
        uint32_t c, letters[PRESENTATION_MAX];

        while (utf8_take(&in, &c)) {
                size_t n = presentation_letters(c, letters);

                *ret_bidi |= persian_is_bidi(c);
                if (n == 0)
                        append_letter(ret, c);
                for (size_t i = 0; i < n; i++)
                        append_letter(ret, letters[i]);
        }
        return in.n > 0 ? PERSIAN_NOT_UTF8 : PERSIAN_OK;
}

/* Canonical ordering (UAX #15 1.3): stable by class within each run of marks. */
static void order_marks(struct points *p)
{
        for (size_t i = 1; i < p->n; i++) {
                uint32_t c = p->c[i];
                size_t at = i;

                if (mark_class(c) == 0)
                        continue;
                for (; at > 0 && mark_class(p->c[at - 1]) > mark_class(c); at--)
                        p->c[at] = p->c[at - 1];
                p->c[at] = c;
        }
}

/* Canonical composition (UAX #15 1.3): a mark joins its base unless a mark of no lower class stands between. */
static void compose_marks(struct points *p)
{
        size_t n = 0, base = 0;
        int last = 0;

        for (size_t i = 0; i < p->n; i++) {
                int class = mark_class(p->c[i]);
                uint32_t whole = n > 0 && class > last ? composed(p->c[base], p->c[i]) : 0;

                if (whole) {
                        p->c[base] = whole;
                        continue;
                }
                if (class == 0)
                        base = n;
                else if (p->c[base] == AE && p->c[i] == HAMZA_ABOVE)
                        p->c[base] = HEH; /* would be U+06C0 (case 21) */
                last = class;
                p->c[n++] = p->c[i];
        }
        p->n = n;
}

/* One space at a time, none at the ends; a ZWNJ only between two visible characters. */
static void tidy_gaps(struct points *p)
{
        size_t n = 0;
        uint32_t gap = 0;

        for (size_t i = 0; i < p->n; i++) {
                uint32_t c = p->c[i];

                if (c == SPACE || c == ZWNJ) {
                        gap = gap == SPACE ? gap : c;
                        continue;
                }
                if (gap && n > 0)
                        p->c[n++] = gap;
                gap = 0;
                p->c[n++] = c;
        }
        p->n = n;
}

static enum persian_fault clean(const char *text, struct points *ret, bool *ret_bidi)
{
        enum persian_fault fault = take_letters(text, ret, ret_bidi);

        if (fault != PERSIAN_OK)
                return fault;
        if (ret->full)
                return PERSIAN_TOO_LONG;
        tidy_gaps(ret);
        order_marks(ret);
        compose_marks(ret);
        return ret->n == 0 ? PERSIAN_EMPTY : PERSIAN_OK;
}

static enum persian_fault put(const struct points *p, char *ret, size_t max)
{
        struct writer w = { (uint8_t *)ret, 0, max, false };

        for (size_t i = 0; i < p->n; i++)
                utf8_put(&w, p->c[i]);
        write_u8(&w, 0);
        if (!w.failed)
                return p->n == 0 ? PERSIAN_EMPTY : PERSIAN_OK;
        *ret = '\0';
        return PERSIAN_TOO_LONG;
}

enum persian_fault persian_clean(const char *text, char *ret, size_t max, bool *ret_bidi)
{
        struct points p = { 0 };
        bool bidi = false;
        enum persian_fault fault = clean(text, &p, &bidi);

        *ret = '\0';
        if (ret_bidi)
                *ret_bidi = bidi;
        return fault != PERSIAN_OK ? fault : put(&p, ret, max);
}

static uint32_t key_letter(uint32_t c)
{
        if (c == 0x0629) /* teh marbuta */
                return HEH;
        if (c >= 0x06F0 && c <= 0x06F9)
                return '0' + c - 0x06F0;
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

enum persian_fault persian_key(const char *text, char *ret, size_t max)
{
        struct points p = { 0 };
        bool bidi = false;
        enum persian_fault fault = clean(text, &p, &bidi);
        size_t n = 0;

        *ret = '\0';
        if (fault != PERSIAN_OK)
                return fault;
        for (size_t i = 0; i < p.n; i++)
                if (mark_class(p.c[i]) == 0 && p.c[i] != SPACE && p.c[i] != ZWNJ)
                        p.c[n++] = key_letter(p.c[i]);
        p.n = n;
        return put(&p, ret, max);
}
