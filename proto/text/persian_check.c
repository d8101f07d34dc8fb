#include "proto/text/persian.h"
#include "proto/text/presentation.h"
#include "proto/text/utf8.h"
#include <string.h>

/* Letters of the Arabic script and their marks (Persian, Kurdish, Arabic registry entries), and what stands between
 * the parts of a name; U+00AC is the half space of old keyboards. */
static bool name_character(uint32_t c)
{
        uint32_t letters[PRESENTATION_MAX];
        bool letter = (c >= 0x0620 && c <= 0x0655) || (c >= 0x0670 && c <= 0x06D3) || c == 0x06D5;

        return letter || c == 0x200C || c == 0x00AC || c == '-' || c == '.' || c == '(' || c == ')' || c == ' ' ||
               c == 0x00A0 || presentation_letters(c, letters) > 0;
}

/* Controls, line separators, private use, noncharacters, specials, tags. */
static bool control(uint32_t c)
{
        return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || (c >= 0xE000 && c <= 0xF8FF) ||
               (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE || c >= 0xE0000 || (c >= 0xFFF0 && c <= 0xFFFD);
}

static enum persian_fault check_point(uint32_t c, bool name)
{
        if (persian_is_bidi(c))
                return PERSIAN_BIDI;
        if (control(c))
                return PERSIAN_CONTROL;
        return name && !name_character(c) && !persian_is_invisible(c) ? PERSIAN_FOREIGN : PERSIAN_OK;
}

/* At the ends they turn nothing; text pasted from a message brings them. */
static bool harmless_at_end(uint32_t c)
{
        return c == 0x061C || c == 0x200E || c == 0x200F; /* ALM, LRM, RLM */
}

static enum persian_fault check(const char *text, bool name)
{
        struct bytes in = { (const uint8_t *)text, strlen(text) };
        uint32_t points[PERSIAN_MAX];
        size_t first = 0, n = 0;

        while (n < PERSIAN_MAX && utf8_take(&in, &points[n]))
                n++;
        if (in.n > 0)
                return n == PERSIAN_MAX ? PERSIAN_TOO_LONG : PERSIAN_NOT_UTF8;
        while (first < n && harmless_at_end(points[first]))
                first++;
        while (n > first && harmless_at_end(points[n - 1]))
                n--;
        for (size_t i = first; i < n; i++) {
                enum persian_fault fault = check_point(points[i], name);

                if (fault != PERSIAN_OK)
                        return fault;
        }
        return n == first ? PERSIAN_EMPTY : PERSIAN_OK;
}

enum persian_fault persian_check_name(const char *text)
{
        return check(text, true);
}

enum persian_fault persian_check_text(const char *text)
{
        return check(text, false);
}

const char *persian_fault_word(enum persian_fault fault)
{
        static const char *const words[] = {
                [PERSIAN_OK] = "ok",
                [PERSIAN_EMPTY] = "empty",
                [PERSIAN_NOT_UTF8] = "not-utf8",
                [PERSIAN_TOO_LONG] = "too-long",
                [PERSIAN_BIDI] = "bidi",
                [PERSIAN_CONTROL] = "control",
                [PERSIAN_FOREIGN] = "foreign",
        };

        return words[fault];
}
