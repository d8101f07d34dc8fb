#include "daemon/work/render/layout.h"
#include "daemon/work/render/file.h"
#include "proto/base/cleanup.h"
#include <dirent.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

enum { SVG_MAX = 2 << 20 };

static const RsvgRectangle viewport = { 0, 0, CARD_WIDTH, CARD_HEIGHT };

static void xml_p(xmlChar **p)
{
        xmlFree(*p);
}

static void doc_p(xmlDoc **doc)
{
        xmlFreeDoc(*doc);
}

static int bad(struct error *err, const char *what, const char *name)
{
        return err_input(err, REASON_LAYOUT_BAD, "%s: %.60s", what, name);
}

static bool is_element(const xmlNode *node, const char *name)
{
        return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static bool has_id(const xmlNode *node, const char *id)
{
        cleanup(xml_p) xmlChar *have = xmlGetNoNsProp(node, (const xmlChar *)"id");

        return have && strcmp((const char *)have, id) == 0;
}

/* Document order without recursion: the input may be as deep as it likes. */
static xmlNode *next_node(xmlNode *node)
{
        if (node->type == XML_ELEMENT_NODE && node->children)
                return node->children;
        while (node && !node->next)
                node = node->parent;
        return node ? node->next : NULL;
}

static size_t count_id(xmlNode *root, const char *id, xmlNode **ret)
{
        size_t n = 0;

        for (xmlNode *node = root; node; node = next_node(node)) {
                if (node->type == XML_ELEMENT_NODE && has_id(node, id)) {
                        n++;
                        *ret = node;
                }
        }
        return n;
}

/* Only moves and stretches along the axes: librsvg would answer the bounding box of a rotated box without a word. */
static bool transform_straight(const xmlNode *node)
{
        cleanup(xml_p) xmlChar *text = xmlGetNoNsProp(node, (const xmlChar *)"transform");
        double a, b, c, d, e, f;

        if (!text || text[0] == 0 || strncmp((char *)text, "translate(", 10) == 0)
                return !text || !strpbrk((char *)text + strcspn((char *)text, ")"), "(");
        if (sscanf((char *)text, "matrix( %lf , %lf , %lf , %lf , %lf , %lf", &a, &b, &c, &d, &e, &f) == 6 ||
            sscanf((char *)text, "matrix( %lf %lf %lf %lf %lf %lf", &a, &b, &c, &d, &e, &f) == 6)
                return b == 0 && c == 0 && a > 0 && d > 0;
        return strncmp((char *)text, "scale(", 6) == 0 && !strchr((char *)text, '-') &&
               !strpbrk((char *)text + strcspn((char *)text, ")"), "(");
}

static bool straight(const xmlNode *node)
{
        for (; node && node->type == XML_ELEMENT_NODE; node = node->parent)
                if (!transform_straight(node))
                        return false;
        return true;
}

static int geometry(RsvgHandle *handle, const char *id, struct rect *ret, struct error *err)
{
        char selector[BOX_NAME_MAX + 2];
        RsvgRectangle logical;
        GError *fault = NULL;

        (void)snprintf(selector, sizeof selector, "#%s", id);
        if (!rsvg_handle_get_geometry_for_layer(handle, selector, &viewport, NULL, &logical, &fault)) {
                g_error_free(fault);
                return bad(err, "box not found", id);
        }
        if (!(logical.width > 0.1) || !(logical.height > 0.1))
                return bad(err, "box is empty or its layer is hidden", id);
        *ret = (struct rect){ logical.x, logical.y, logical.width, logical.height };
        if (!rect_inside(*ret, (struct rect){ 0, 0, CARD_WIDTH, CARD_HEIGHT }, 0.01))
                return bad(err, "box reaches outside the card", id);
        return 0;
}

static int add_keep(struct face *face, xmlNode *rect, struct error *err)
{
        cleanup(xml_p) xmlChar *id = xmlGetNoNsProp(rect, (const xmlChar *)"id");

        if (!id || strlen((char *)id) > BOX_NAME_MAX || face->n_keep == KEEP_MAX || !straight(rect))
                return bad(err, "a zone in 'keep' has no id, is rotated or is one too many", id ? (char *)id : "");
        return geometry(face->handle, (char *)id, &face->keep[face->n_keep++], err);
}

static int add_box(struct face *face, xmlNode *root, xmlNode *rect, struct error *err)
{
        struct box *box = &face->boxes[face->n_boxes];
        xmlNode *same = NULL;

        if (face->n_boxes == BOXES_MAX)
                return bad(err, "too many boxes", "");
        if (box_parse(rect, box, err) < 0)
                return -1;
        if (count_id(root, box->id, &same) != 1)
                return bad(err, "id is not unique", box->id);
        if (!straight(rect))
                return bad(err, "box is rotated or skewed", box->id);
        if (box->kind == BOX_TEXT && !fonts_has(box->font, (int)box->weight))
                return err_input(err, REASON_FONT_FALLBACK, "box '%s' wants a font that is not there", box->id);
        if (geometry(face->handle, box->id, &box->rect, err) < 0)
                return -1;
        face->n_boxes++;
        return 0;
}

/* The rects of one group; anything else but Inkscape's own notes in it is refused. */
static int read_group(struct face *face, xmlNode *root, const char *group, bool keep, struct error *err)
{
        xmlNode *node = NULL;
        size_t n = count_id(root, group, &node);

        if (n == 0 && keep)
                return 0;
        if (n != 1 || !is_element(node, "g"))
                return bad(err, "there must be exactly one group with id", group);
        for (node = node->children; node; node = node->next) {
                if (node->type != XML_ELEMENT_NODE || is_element(node, "desc") || is_element(node, "title"))
                        continue;
                if (!is_element(node, "rect"))
                        return bad(err, "only rects may stand in group", group);
                if ((keep ? add_keep(face, node, err) : add_box(face, root, node, err)) < 0)
                        return -1;
        }
        return 0;
}

static void find_when(struct face *face, xmlNode *root)
{
        char id[BOX_NAME_MAX + 8];
        xmlNode *node;

        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++) {
                (void)snprintf(id, sizeof id, "when-%s", render_field_name((enum render_field)i));
                face->when[i] = count_id(root, id, &node) > 0;
        }
}

/* Millimetres, CR80, one user unit = one millimetre. */
static int check_root(const xmlNode *root, struct error *err)
{
        static const char *const want[][2] = { { "width", "85.6mm" },
                                               { "height", "53.98mm" },
                                               { "viewBox", "0 0 85.6 53.98" } };

        for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
                cleanup(xml_p) xmlChar *have = xmlGetNoNsProp(root, (const xmlChar *)want[i][0]);

                if (!have || strcmp((char *)have, want[i][1]) != 0)
                        return err_input(err, REASON_LAYOUT_BAD, "%s must be '%s'", want[i][0], want[i][1]);
        }
        return 0;
}

static int parse_face(struct bytes svg, struct face *face, struct error *err)
{
        cleanup(doc_p) xmlDoc *doc =
                xmlReadMemory((const char *)svg.p, (int)svg.n, NULL, NULL,
                              XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
        xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
        GError *fault = NULL;

        if (!root || !is_element(root, "svg") || doc->intSubset)
                return bad(err, "not an SVG file, or one with a DTD", "");
        face->handle = rsvg_handle_new_from_data(svg.p, svg.n, &fault); /* no base URI: no file can be pulled in */
        if (!face->handle) {
                g_error_free(fault);
                return bad(err, "librsvg cannot read the SVG file", "");
        }
        rsvg_handle_set_dpi(face->handle, 72); /* so that mm become points, for boxes and drawing alike */
        if (check_root(root, err) < 0 || check_document(root, err) < 0)
                return -1;
        if (read_group(face, root, "fields", false, err) < 0 || read_group(face, root, "keep", true, err) < 0)
                return -1;
        find_when(face, root);
        return 0;
}

static int load_face(const char *dir, const char *name, int side, struct face *face, struct error *err)
{
        struct bytes svg = { 0 };
        char file[RENDER_LAYOUT_MAX + 16];
        int r;

        (void)snprintf(file, sizeof file, "%s-%s.svg", name, side == FACE_FRONT ? "front" : "back");
        if (file_read(dir, file, SVG_MAX, &svg, err) < 0)
                return -1;
        file_digest(svg, face->sha256);
        r = parse_face(svg, face, err);
        free((void *)(uintptr_t)svg.p);
        return r < 0 ? -1 : check_face(face, side, err);
}

static size_t count_boxes(const struct layout *layout, enum box_kind kind, enum render_field field)
{
        size_t n = 0;

        for (int side = 0; side < FACE_COUNT; side++)
                for (size_t i = 0; i < layout->faces[side].n_boxes; i++)
                        n += layout->faces[side].boxes[i].kind == kind &&
                             (kind != BOX_TEXT || layout->faces[side].boxes[i].field == field);
        return n;
}

static int check_complete(const struct layout *layout, struct error *err)
{
        if (count_boxes(layout, BOX_PHOTO, 0) != 1 || count_boxes(layout, BOX_QR, 0) != 1)
                return bad(err, "there must be exactly one box 'photo' and one", "qr");
        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++)
                if (render_field_required((enum render_field)i) &&
                    count_boxes(layout, BOX_TEXT, (enum render_field)i) == 0)
                        return bad(err, "box is missing", render_field_name((enum render_field)i));
        return 0;
}

static void digest(struct layout *layout, const struct fonts *fonts)
{
        uint8_t all[(FACE_COUNT + FONTS_MAX) * 32];
        struct writer w = WRITER(all);

        for (int side = 0; side < FACE_COUNT; side++)
                write_bytes(&w, BYTES(layout->faces[side].sha256));
        for (size_t i = 0; i < fonts->n; i++)
                write_bytes(&w, BYTES(fonts->sha256[i]));
        file_digest(writer_bytes(&w), layout->sha256);
}

void layout_load(const char *dir, const char *name, const struct fonts *fonts, struct layout *ret)
{
        struct error *err = &ret->error;

        (void)snprintf(ret->name, sizeof ret->name, "%s", name);
        ret->bad = load_face(dir, name, FACE_FRONT, &ret->faces[FACE_FRONT], err) < 0 ||
                   load_face(dir, name, FACE_BACK, &ret->faces[FACE_BACK], err) < 0 || check_complete(ret, err) < 0;
        digest(ret, fonts);
}

static int is_layout(const struct dirent *entry)
{
        size_t n = strlen(entry->d_name);

        return n > 10 && n - 10 <= RENDER_LAYOUT_MAX && strcmp(entry->d_name + n - 10, "-front.svg") == 0;
}

int layout_load_all(const char *dir, const struct fonts *fonts, struct layout *list, struct error *err)
{
        struct dirent **entries = NULL;
        int n = scandir(dir, &entries, is_layout, alphasort), loaded = 0;

        if (n < 0)
                return bad(err, "cannot read the folder of layouts", dir);
        for (int i = 0; i < n; i++) {
                entries[i]->d_name[strlen(entries[i]->d_name) - 10] = 0;
                if (loaded < LAYOUTS_MAX)
                        layout_load(dir, entries[i]->d_name, fonts, &list[loaded++]);
                free(entries[i]);
        }
        free(entries);
        return loaded;
}

/* `!important` beats the inline display of Inkscape's layers; boxes were measured before this hides them. Each group is
 * named on each card: librsvg keeps what an earlier style sheet set. */
static bool hide(const struct face *face, const char *const *fields)
{
        char css[4096];
        int n = snprintf(css, sizeof css, "#fields,#keep{display:none !important}");

        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++)
                if (face->when[i])
                        n += snprintf(css + n, sizeof css - (size_t)n, "#when-%s{display:%s !important}",
                                      render_field_name((enum render_field)i),
                                      !fields || fields[i] ? "inline" : "none");
        return rsvg_handle_set_stylesheet(face->handle, (const guint8 *)css, (gsize)n, NULL);
}

int layout_draw_art(const struct face *face, const char *const *fields, cairo_t *cr, struct error *err)
{
        if (!hide(face, fields) || !rsvg_handle_render_document(face->handle, cr, &viewport, NULL))
                return bad(err, "librsvg cannot draw the art", "");
        return 0;
}

const struct box *layout_find(const struct layout *layout, enum box_kind kind)
{
        for (int side = 0; side < FACE_COUNT; side++)
                for (size_t i = 0; i < layout->faces[side].n_boxes; i++)
                        if (layout->faces[side].boxes[i].kind == kind)
                                return &layout->faces[side].boxes[i];
        return NULL;
}
