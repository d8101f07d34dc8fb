#include "daemon/work/render/layout.h"
#include "proto/base/cleanup.h"
#include <math.h>
#include <string.h>

#define BLEED (1.0 * MM) /* art that touches an edge must reach this far over it: card feed varies by 0.5 mm */

static int bad(struct error *err, const char *what, const char *name)
{
        return err_input(err, REASON_LAYOUT_BAD, "%s: %.60s", what, name);
}

static void xml_p(xmlChar **p)
{
        xmlFree(*p);
}

static void surface_p(cairo_surface_t **surface)
{
        cairo_surface_destroy(*surface);
}

static void cairo_p(cairo_t **cr)
{
        cairo_destroy(*cr);
}

static bool is_any(const xmlNode *node, const char *const *names)
{
        for (; *names; names++)
                if (strcmp((const char *)node->name, *names) == 0)
                        return true;
        return false;
}

/* "font-family:'Vazirmatn';..." or the attribute's bare value. */
static bool family_known(const char *value)
{
        char family[BOX_NAME_MAX + 1] = "";
        size_t n;

        value += strspn(value, " '\"");
        n = strcspn(value, ";,'\"");
        if (n == 0 || n > BOX_NAME_MAX)
                return false;
        memcpy(family, value, n);
        return fonts_has(family, 0);
}

static int check_family(const xmlNode *node, struct error *err)
{
        cleanup(xml_p) xmlChar *attribute = xmlGetNoNsProp(node, (const xmlChar *)"font-family");
        cleanup(xml_p) xmlChar *style = xmlGetNoNsProp(node, (const xmlChar *)"style");
        const char *in_style = style ? strstr((char *)style, "font-family:") : NULL;

        if (attribute && !family_known((char *)attribute))
                return err_input(err, REASON_FONT_FALLBACK, "art uses a font that is not there");
        if (in_style && !family_known(in_style + strlen("font-family:")))
                return err_input(err, REASON_FONT_FALLBACK, "art uses a font that is not there");
        return 0;
}

static bool in_text(const xmlNode *node)
{
        static const char *const names[] = { "text", "tspan", NULL };

        return node->parent && node->parent->type == XML_ELEMENT_NODE && is_any(node->parent, names);
}

static int check_glyphs(const xmlNode *node, struct error *err)
{
        const xmlChar *p = node->content;

        while (p && *p) {
                int n = 4, code = xmlGetUTF8Char(p, &n);

                if (code < 0)
                        return bad(err, "bad UTF-8 in a text of the art", "");
                if (code > ' ' && code != 0x200C && !fonts_covers("Vazirmatn", (uint32_t)code))
                        return err_input(err, REASON_GLYPH_MISSING, "a text of the art needs U+%04X", (unsigned)code);
                p += n;
        }
        return 0;
}

static const xmlNode *next_node(const xmlNode *node)
{
        if (node->type == XML_ELEMENT_NODE && node->children)
                return node->children;
        while (node && !node->next)
                node = node->parent;
        return node ? node->next : NULL;
}

int check_document(const xmlNode *root, struct error *err)
{
        static const char *const refused[] = { "script", "foreignObject", "image", "style", "filter", NULL };

        for (const xmlNode *node = root; node; node = next_node(node)) {
                if (node->type == XML_ELEMENT_NODE && is_any(node, refused))
                        return bad(err, "element may not stand in a layout", (const char *)node->name);
                if (node->type == XML_ELEMENT_NODE && check_family(node, err) < 0)
                        return -1;
                if (node->type == XML_TEXT_NODE && in_text(node) && check_glyphs(node, err) < 0)
                        return -1;
        }
        return 0;
}

static int check_zone(const struct face *face, struct rect zone, const char *name, struct error *err)
{
        for (size_t i = 0; i < face->n_boxes; i++)
                if (rect_overlap(face->boxes[i].rect, zone))
                        return err_input(err, REASON_LAYOUT_BAD, "box '%s' reaches into %s", face->boxes[i].id, name);
        return 0;
}

static int check_overlap(const struct face *face, struct error *err)
{
        for (size_t i = 0; i < face->n_boxes; i++)
                for (size_t k = i + 1; k < face->n_boxes; k++)
                        if (rect_overlap(face->boxes[i].rect, face->boxes[k].rect))
                                return err_input(err, REASON_LAYOUT_BAD, "boxes '%s' and '%s' overlap",
                                                 face->boxes[i].id, face->boxes[k].id);
        return 0;
}

static bool all_white(cairo_surface_t *surface)
{
        const unsigned char *data = cairo_image_surface_get_data(surface);
        int stride = cairo_image_surface_get_stride(surface), width = cairo_image_surface_get_width(surface);

        for (int y = 0; y < cairo_image_surface_get_height(surface); y++) {
                for (int x = 0; x < width; x++) {
                        uint32_t pixel;

                        memcpy(&pixel, data + y * stride + 4 * x, sizeof pixel);
                        if ((pixel & 0xFFFFFF) != 0xFFFFFF)
                                return false;
                }
        }
        return true;
}

/* No pixel of the zone differs, at 300 dpi, from the white of the blank. Only the zone is drawn: that is cheap. */
static int check_white(const struct face *face, struct rect zone, const char *name, struct error *err)
{
        double sx = CARD_WIDTH_PX / CARD_WIDTH, sy = CARD_HEIGHT_PX / CARD_HEIGHT;
        cleanup(surface_p) cairo_surface_t *surface =
                cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(zone.w * sx), (int)ceil(zone.h * sy));
        cleanup(cairo_p) cairo_t *cr = cairo_create(surface);

        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_paint(cr);
        cairo_scale(cr, sx, sy);
        cairo_translate(cr, -zone.x, -zone.y);
        if (layout_draw_art(face, NULL, cr, err) < 0)
                return -1;
        cairo_surface_flush(surface);
        return all_white(surface) ? 0 : bad(err, "art leaves ink in", name);
}

/* On each side the art either runs well over the edge or stays well away from it. */
static int check_bleed(const struct face *face, struct error *err)
{
        static const RsvgRectangle viewport = { 0, 0, CARD_WIDTH, CARD_HEIGHT };
        RsvgRectangle ink = { 0 };
        double over[4];

        if (!rsvg_handle_get_geometry_for_layer(face->handle, "#art", &viewport, &ink, NULL, NULL))
                return bad(err, "there must be exactly one group with id", "art");
        over[0] = -ink.x;
        over[1] = -ink.y;
        over[2] = ink.x + ink.width - CARD_WIDTH;
        over[3] = ink.y + ink.height - CARD_HEIGHT;
        for (size_t i = 0; i < ARRAY_SIZE(over); i++)
                if (fabs(over[i]) < BLEED - 0.01)
                        return bad(err, "art ends at the card's edge without 1 mm of bleed", "art");
        return 0;
}

static int check_keep(const struct face *face, struct rect zone, const char *name, struct error *err)
{
        return check_zone(face, zone, name, err) < 0 ? -1 : check_white(face, zone, name, err);
}

int check_face(const struct face *face, int side, struct error *err)
{
        if (check_overlap(face, err) < 0 || check_bleed(face, err) < 0)
                return -1;
        if (side == FACE_FRONT && check_keep(face, CHIP_ZONE, "the contact zone of ISO/IEC 7816-2", err) < 0)
                return -1;
        for (size_t i = 0; i < face->n_keep; i++) {
                if (side == FACE_FRONT && rect_inside(face->keep[i], CHIP_ZONE, 0.01))
                        continue; /* looked at just now */
                if (check_keep(face, face->keep[i], "a zone of 'keep'", err) < 0)
                        return -1;
        }
        return 0;
}
