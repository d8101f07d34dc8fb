#include "daemon/work/render/box.h"
#include "proto/base/cleanup.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 64 };
#define SIZE_FLOOR 5.0 /* points: smaller text is not legible on a 300 dpi card printer */

static void xml_p(xmlChar **p)
{
        xmlFree(*p);
}

static bool data_value(const xmlNode *rect, const char *key, char ret[VALUE_MAX + 1])
{
        char name[VALUE_MAX];
        cleanup(xml_p) xmlChar *value = NULL;

        (void)snprintf(name, sizeof name, "data-%s", key);
        value = xmlGetNoNsProp(rect, (const xmlChar *)name);
        if (value)
                (void)snprintf(ret, VALUE_MAX + 1, "%s", (const char *)value);
        return value != NULL;
}

static const xmlNode *description(const xmlNode *rect)
{
        for (const xmlNode *child = rect->children; child; child = child->next)
                if (child->type == XML_ELEMENT_NODE && strcmp((const char *)child->name, "desc") == 0)
                        return child;
        return NULL;
}

/* "size=11-8 align=right": the value of one key. */
static bool desc_value(const xmlNode *rect, const char *key, char ret[VALUE_MAX + 1])
{
        const xmlNode *desc = description(rect);
        cleanup(xml_p) xmlChar *text = desc ? xmlNodeGetContent(desc) : NULL;
        size_t n = strlen(key);
        char *rest = NULL;

        for (char *word = text ? strtok_r((char *)text, " \t\r\n", &rest) : NULL; word;
             word = strtok_r(NULL, " \t\r\n", &rest)) {
                if (strncmp(word, key, n) != 0 || word[n] != '=')
                        continue;
                (void)snprintf(ret, VALUE_MAX + 1, "%s", word + n + 1);
                return true;
        }
        return false;
}

/* Where a box's attributes are read from; stays failed after the first fault. */
struct reader {
        const xmlNode *rect;
        const char *id;
        struct error *err;
        bool failed;
};

static bool fault(struct reader *r, const char *key)
{
        if (!r->failed)
                (void)err_input(r->err, REASON_LAYOUT_BAD, "box '%s': attribute '%s' is missing or wrong", r->id, key);
        r->failed = true;
        return false;
}

/* True with the text of the attribute; false when it is not there. */
static bool value_of(struct reader *r, const char *key, char ret[VALUE_MAX + 1])
{
        char second[VALUE_MAX + 1];
        bool data = data_value(r->rect, key, ret);
        bool desc = desc_value(r->rect, key, data ? second : ret);

        if (data && desc)
                return fault(r, key);
        return data || desc;
}

static void read_int(struct reader *r, const char *key, int64_t min, int64_t max, int64_t *ret)
{
        char text[VALUE_MAX + 1], *end;
        long v;

        if (!value_of(r, key, text))
                return;
        v = strtol(text, &end, 10);
        if (end == text || *end || v < min || v > max)
                (void)fault(r, key);
        else
                *ret = v;
}

static unsigned read_word(struct reader *r, const char *key, const char *const *words, unsigned otherwise)
{
        char text[VALUE_MAX + 1];

        if (!value_of(r, key, text))
                return otherwise;
        for (unsigned i = 0; words[i]; i++)
                if (strcmp(words[i], text) == 0)
                        return i;
        (void)fault(r, key);
        return otherwise;
}

/* "11.5-8" or "7": largest and smallest size in points. strtod would obey the locale; the program never sets one. */
static void read_size(struct reader *r, struct box *box)
{
        char text[VALUE_MAX + 1], *end;

        if (!value_of(r, "size", text)) {
                (void)fault(r, "size");
                return;
        }
        box->size_max = box->size_min = strtod(text, &end);
        if (*end == '-')
                box->size_min = strtod(end + 1, &end);
        if (*end || !(box->size_min >= SIZE_FLOOR) || !(box->size_max >= box->size_min) || box->size_max > 72)
                (void)fault(r, "size");
}

static void read_colour(struct reader *r, struct box *box)
{
        char text[VALUE_MAX + 1];
        uint8_t rgb[3];

        if (!value_of(r, "colour", text))
                return;
        if (text[0] != '#' || !hex_decode_exact(text + 1, rgb, sizeof rgb)) {
                (void)fault(r, "colour");
                return;
        }
        for (size_t i = 0; i < 3; i++)
                box->colour[i] = rgb[i] / 255.0;
}

static void read_field(struct reader *r, struct box *box)
{
        char text[VALUE_MAX + 1];

        if (!value_of(r, "field", text))
                (void)snprintf(text, sizeof text, "%s", box->id);
        if (!render_field_parse(text, &box->field))
                (void)fault(r, "field");
}

static void read_text(struct reader *r, struct box *box)
{
        static const char *const directions[] = { "ltr", "rtl", NULL };
        static const char *const aligns[] = { "left", "center", "right", NULL };
        static const char *const valigns[] = { "top", "middle", "bottom", NULL };
        static const char *const digits[] = { "latin", "persian", NULL };
        char font[VALUE_MAX + 1] = "Vazirmatn";

        read_field(r, box);
        (void)value_of(r, "font", font);
        if (strlen(font) > BOX_NAME_MAX)
                (void)fault(r, "font");
        (void)snprintf(box->font, sizeof box->font, "%.*s", BOX_NAME_MAX, font);
        read_size(r, box);
        read_int(r, "weight", 100, 900, &box->weight);
        read_int(r, "lines", 1, 2, &box->lines);
        box->rtl = read_word(r, "direction", directions, 2) == 1;
        if (!value_of(r, "direction", font)) /* never guessed from the text: facts of bidi differ per value */
                (void)fault(r, "direction");
        box->align = (enum box_align)read_word(r, "align", aligns, box->rtl ? ALIGN_RIGHT : ALIGN_LEFT);
        box->valign = (enum box_valign)read_word(r, "valign", valigns, VALIGN_MIDDLE);
        box->persian_digits = read_word(r, "digits", digits, 0) == 1;
        read_colour(r, box);
}

int box_parse(const xmlNode *rect, struct box *ret, struct error *err)
{
        cleanup(xml_p) xmlChar *id = xmlGetNoNsProp(rect, (const xmlChar *)"id");
        struct box box = { .weight = 400, .lines = 1, .min_dpi = 200 };
        struct reader r = { rect, box.id, err, false };
        size_t n = id ? strlen((char *)id) : 0;

        if (n == 0 || n > BOX_NAME_MAX || strspn((char *)id, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
                return err_input(err, REASON_LAYOUT_BAD, "a box's id is missing or not of a-z 0-9 _ -");
        memcpy(box.id, id, n);
        if (strcmp(box.id, "photo") == 0)
                box.kind = BOX_PHOTO;
        else if (strcmp(box.id, "qr") == 0)
                box.kind = BOX_QR;
        if (box.kind == BOX_TEXT)
                read_text(&r, &box);
        if (box.kind == BOX_PHOTO)
                read_int(&r, "min-dpi", 100, 600, &box.min_dpi);
        if (r.failed)
                return -1;
        *ret = box;
        return 0;
}
