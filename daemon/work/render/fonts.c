#include "daemon/work/render/fonts.h"
#include "daemon/work/render/file.h"
#include "proto/base/cleanup.h"
#include <dirent.h>
#include <fontconfig/fontconfig.h>
#include <pango/pangofc-fontmap.h>
#include <stdio.h>
#include <string.h>

enum { FONT_FILE_MAX = 4 << 20 };

static int is_font(const struct dirent *entry)
{
        size_t n = strlen(entry->d_name);

        return n > 4 && strcmp(entry->d_name + n - 4, ".ttf") == 0;
}

static int add_font(FcConfig *config, const char *dir, const char *name, struct fonts *fonts, struct error *err)
{
        struct bytes data = { 0 };
        char path[4096];

        if (fonts->n == FONTS_MAX)
                return err_input(err, REASON_FONT_FALLBACK, "more than %d fonts in the folder", FONTS_MAX);
        if (file_read(dir, name, FONT_FILE_MAX, &data, err) < 0)
                return -1;
        file_digest(data, fonts->sha256[fonts->n++]);
        free((void *)(uintptr_t)data.p);
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        if (!FcConfigAppFontAddFile(config, (const FcChar8 *)path))
                return err_input(err, REASON_FONT_FALLBACK, "'%s' is no font", name);
        return 0;
}

static int add_fonts(FcConfig *config, const char *dir, struct fonts *fonts, struct error *err)
{
        struct dirent **list = NULL;
        int n = scandir(dir, &list, is_font, alphasort), ret = 0;

        if (n <= 0)
                ret = err_input(err, REASON_FONT_FALLBACK, "no fonts in '%.150s'", dir);
        for (int i = 0; i < n; i++) {
                if (ret == 0)
                        ret = add_font(config, dir, list[i]->d_name, fonts, err);
                free(list[i]);
        }
        free(list);
        return ret;
}

static PangoContext *new_context(PangoFontMap *map, bool rtl)
{
        PangoContext *context = pango_font_map_create_context(map);
        cairo_font_options_t *options = cairo_font_options_create();

        cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
        cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
        cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
        pango_cairo_context_set_font_options(context, options);
        cairo_font_options_destroy(options);
        pango_cairo_context_set_resolution(context, 72);
        pango_context_set_round_glyph_positions(context, FALSE);
        pango_context_set_base_dir(context, rtl ? PANGO_DIRECTION_RTL : PANGO_DIRECTION_LTR);
        pango_context_set_language(context, pango_language_from_string(rtl ? "fa" : "en"));
        return context;
}

static void new_contexts(FcConfig *config, struct fonts *fonts)
{
        PangoFontMap *map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);

        pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(map), config);
        fonts->context[false] = new_context(map, false);
        fonts->context[true] = new_context(map, true);
        g_object_unref(map);
}

int fonts_load(const char *dir, struct fonts *ret, struct error *err)
{
        FcConfig *config = FcConfigCreate();
        int r = add_fonts(config, dir, ret, err);

        FcConfigSetCurrent(config); /* takes a reference; librsvg's own font map uses it */
        if (r == 0)
                new_contexts(config, ret);
        FcConfigDestroy(config);
        return r;
}

/* Calls on the fonts of one family until one satisfies; weight 0 or code 0: any. */
static bool any_font(const char *family, int weight, uint32_t code)
{
        const FcFontSet *set = FcConfigGetFonts(NULL, FcSetApplication);

        for (int i = 0; set && i < set->nfont; i++) {
                FcChar8 *name;
                FcCharSet *chars;
                double fc_weight;

                if (FcPatternGetString(set->fonts[i], FC_FAMILY, 0, &name) != FcResultMatch ||
                    FcPatternGetCharSet(set->fonts[i], FC_CHARSET, 0, &chars) != FcResultMatch ||
                    FcPatternGetDouble(set->fonts[i], FC_WEIGHT, 0, &fc_weight) != FcResultMatch)
                        continue;
                if (strcmp((const char *)name, family) == 0 &&
                    (!weight || FcWeightFromOpenType(weight) == (int)fc_weight) &&
                    (!code || FcCharSetHasChar(chars, code)))
                        return true;
        }
        return false;
}

bool fonts_has(const char *family, int weight)
{
        return any_font(family, weight, 0);
}

bool fonts_covers(const char *family, uint32_t code)
{
        return any_font(family, 0, code);
}
