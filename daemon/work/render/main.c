/* mohr-render: draws card faces and documents. Loads layouts, templates and fonts, draws a dummy so that every library
 * is warm, gives up its rights, and only then reads the first byte that came from outside. One process per card. */
#include "daemon/work/render/document.h"
#include "daemon/work/render/page.h"
#include "daemon/work/render/sandbox.h"
#include "daemon/work/worker.h"
#include "proto/base/cleanup.h"
#include <getopt.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <string.h>

struct station {
        struct fonts fonts;
        struct layout layouts[LAYOUTS_MAX];
        int n_layouts;
        struct template templates[TEMPLATES_MAX];
        int n_templates;
};

static void owned_p(struct bytes *b)
{
        free((void *)(uintptr_t)b->p);
}

static const struct layout *find_layout(const struct station *s, const char *name, struct error *err)
{
        for (int i = 0; i < s->n_layouts; i++) {
                if (strcmp(s->layouts[i].name, name) != 0)
                        continue;
                if (!s->layouts[i].bad)
                        return &s->layouts[i];
                *err = s->layouts[i].error;
                return NULL;
        }
        (void)err_input(err, REASON_LAYOUT_BAD, "there is no layout '%s'", name);
        return NULL;
}

static int send_png(struct worker *w, const struct page *page, int side, struct error *err)
{
        cleanup(owned_p) struct bytes png = { 0 };

        if (page_png(page, side, &png, err) < 0)
                return -1;
        return worker_part(w, side == FACE_FRONT ? "front.png" : "back.png", png, err);
}

static int send_page(struct worker *w, const struct page *page, struct error *err)
{
        cleanup(owned_p) struct bytes pdf = { 0 };

        if (page_pdf(page, &pdf, err) < 0 || worker_part(w, "pdf", pdf, err) < 0)
                return -1;
        for (int side = 0; page->card->preview && side < FACE_COUNT; side++)
                if (send_png(w, page, side, err) < 0)
                        return -1;
        return 0;
}

static int run_card(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        const struct station *s = w->context;
        cleanup(blob_unmap) struct bytes photo = { 0 };
        cleanup(page_done) struct page page = { 0 };
        struct render_card card;
        struct render_done done;
        const struct layout *layout;

        (void)ret_blob;
        if (render_card_decode(args, &card, err) < 0 || blob_map(blob, &photo, err) < 0)
                return -1;
        layout = find_layout(s, card.layout, err);
        if (!layout || page_prepare(layout, &s->fonts, &card, photo, &page, err) < 0)
                return -1;
        if (send_page(w, &page, err) < 0)
                return -1;
        done.n_fields = (int64_t)(page.n_texts[FACE_FRONT] + page.n_texts[FACE_BACK]);
        memcpy(done.layout_sha256, layout->sha256, sizeof done.layout_sha256);
        *ret_args = render_done_encode(&done);
        return 0;
}

static int read_content(struct bytes blob, json_t **ret, struct document_content *content, struct error *err)
{
        *ret = json_strict(blob, DOCUMENT_CONTENT_MAX, err);
        return *ret ? document_content_decode(*ret, content, err) : -1;
}

static int run_document(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob,
                        struct error *err)
{
        const struct station *s = w->context;
        cleanup(blob_unmap) struct bytes text = { 0 };
        cleanup(json_p) json_t *json = NULL;
        cleanup(document_done) struct document document = { 0 };
        cleanup(owned_p) struct bytes pdf = { 0 };
        struct render_document task;
        struct document_content content;
        struct document_done done;
        const struct template *template;

        (void)ret_blob;
        if (render_document_decode(args, &task, err) < 0 || blob_map(blob, &text, err) < 0 ||
            read_content(text, &json, &content, err) < 0)
                return -1;
        template = template_find(s->templates, s->n_templates, task.template, err);
        if (!template || document_prepare(template, &s->fonts, &task, &content, &document, err) < 0 ||
            document_pdf(&document, &pdf, err) < 0 || worker_part(w, "pdf", pdf, err) < 0)
                return -1;
        done.n_pages = document.n_pages;
        memcpy(done.template_sha256, template->sha256, sizeof done.template_sha256);
        *ret_args = document_done_encode(&done);
        return 0;
}

/* One is enough: all documents use the same two weights. */
static void warm_documents(const struct station *s)
{
        for (int i = 0; i < s->n_templates; i++) {
                if (!s->templates[i].bad) {
                        document_warm(&s->templates[i], &s->fonts);
                        return;
                }
        }
}

/* A card of no person, in every script and digit, so that fonts, shapers and codecs are loaded before the sandbox. */
static void draw_dummy(const struct station *s, const struct layout *layout)
{
        struct render_card card = { .layout = layout->name, .qr = "MOHR1:DUMMY" };
        cleanup(page_done) struct page page = { 0 };
        static const char text[] = "الف A 1";
        cairo_surface_t *photo = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 8, 8);
        struct error err = { 0 };

        for (unsigned i = 0; i < RENDER_FIELD_COUNT; i++)
                card.fields[i] = text;
        page = (struct page){ .layout = layout, .card = &card, .photo = photo };
        for (int side = 0; side < FACE_COUNT; side++)
                for (size_t i = 0; i < layout->faces[side].n_boxes; i++)
                        if (layout->faces[side].boxes[i].kind == BOX_TEXT &&
                            text_fit(&s->fonts, &layout->faces[side].boxes[i], text,
                                     &page.texts[side][page.n_texts[side]], &err) == 0)
                                page.n_texts[side]++;
        page_warm(&page);
}

static int start(const char *layouts, const char *documents, const char *fonts, struct station *s, struct error *err)
{
        json_object_seed(0); /* jansson reads /dev/urandom for it, later it could not */
        if (worker_child_setup(err) < 0 || fonts_load(fonts, &s->fonts, err) < 0)
                return -1;
        s->n_layouts = !layouts ? 0 : layout_load_all(layouts, &s->fonts, s->layouts, err);
        if (s->n_layouts < 0)
                return -1;
        if (documents && (s->n_templates = template_load_all(documents, &s->fonts, s->templates, err)) < 0)
                return -1;
        warm_documents(s);
        for (int i = 0; i < s->n_layouts; i++)
                if (!s->layouts[i].bad)
                        draw_dummy(s, &s->layouts[i]);
        return sandbox_enter(err);
}

static int usage(void)
{
        fprintf(stderr, "usage: mohr-render [--layouts DIR] [--documents DIR] --fonts DIR\n");
        return 2;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "layouts", required_argument, NULL, 'l' },
                { "documents", required_argument, NULL, 'd' },
                { "fonts", required_argument, NULL, 'f' },
                { 0 },
        };
        static const struct worker_task tasks[] = { { "card", run_card }, { "document", run_document }, { 0 } };
        static struct station station; /* too large for the stack */
        const char *layouts = NULL, *documents = NULL, *fonts = NULL;
        struct error err = { 0 };
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (c == 'l')
                        layouts = optarg;
                else if (c == 'd')
                        documents = optarg;
                else if (c == 'f')
                        fonts = optarg;
                else
                        return usage();
        }
        if ((!layouts && !documents) || !fonts || optind != argc)
                return usage();
        if (start(layouts, documents, fonts, &station, &err) < 0 ||
            worker_run(WORKER_FD, "render", tasks, &station, &err) < 0) {
                fprintf(stderr, "mohr-render: %s\n", err.text);
                _exit(1);
        }
        _exit(0); /* exit handlers of the libraries would need rights that are gone */
}
