#include "portrait.h"
#include "rng.h"
#include "util.h"
#include <cairo.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include <jpeglib.h>

enum { WIDTH = 300, HEIGHT = 400, QUALITY = 86 };

struct colour {
        double r, g, b;
};

/* Everything that makes one face differ from the next. Lengths in pixels of the 300 x 400 drawing. */
struct face {
        char sex;
        struct colour skin, hair, cloth, inner, back, scarf, iris;
        double half, top, chin, jaw; /* half width, crown, chin's y, fullness of the jaw */
        double eye_y, eye_dx, eye_w, brow_h, brow_tilt, nose_w, mouth_y, mouth_w, lip;
        int beard, hair_style, glasses, scarf_style;
        bool tie, old;
};

enum { BEARD_NONE, BEARD_STUBBLE, BEARD_MOUSTACHE, BEARD_FULL, BEARD_KINDS };
static const double CX = WIDTH / 2.0;

static const struct colour skins[] = {
        { .95, .80, .69 }, { .91, .74, .61 }, { .86, .68, .54 },
        { .80, .61, .46 }, { .72, .53, .39 }, { .62, .44, .32 },
};
static const struct colour hairs[] = { { .09, .08, .08 }, { .16, .11, .08 }, { .27, .18, .12 }, { .45, .44, .43 } };
static const struct colour cloths[] = {
        { .16, .19, .27 }, { .22, .22, .24 }, { .33, .28, .24 },
        { .24, .32, .38 }, { .12, .13, .15 }, { .40, .42, .45 },
};
static const struct colour inners[] = { { .96, .96, .97 }, { .78, .85, .93 }, { .90, .88, .82 }, { .72, .78, .76 } };
static const struct colour backs[] = { { .93, .95, .97 }, { .84, .90, .95 }, { .96, .95, .92 }, { .88, .90, .91 } };
static const struct colour scarves[] = {
        { .10, .10, .12 }, { .13, .17, .28 }, { .32, .14, .18 },
        { .20, .31, .29 }, { .44, .36, .38 }, { .12, .10, .14 },
};
static const struct colour irises[] = { { .20, .12, .07 }, { .29, .18, .09 }, { .26, .28, .18 } };

#define PICK(rng, table) (table)[rng_int(rng, 0, (int64_t)(sizeof(table) / sizeof((table)[0])) - 1)]

static struct colour shade(struct colour c, double f)
{
        return (struct colour){ fmin(1, c.r * f), fmin(1, c.g * f), fmin(1, c.b * f) };
}

static struct colour mix(struct colour a, struct colour b, double t)
{
        return (struct colour){ a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t };
}

static void paint(cairo_t *cr, struct colour c, double alpha)
{
        cairo_set_source_rgba(cr, c.r, c.g, c.b, alpha);
}

static struct face face_make(uint64_t seed, char sex)
{
        struct rng rng = { seed * 2654435761u + (uint64_t)sex };
        struct face f = { .sex = sex };

        f.skin = PICK(&rng, skins);
        f.hair = PICK(&rng, hairs);
        f.cloth = PICK(&rng, cloths);
        f.inner = PICK(&rng, inners);
        f.back = PICK(&rng, backs);
        f.scarf = PICK(&rng, scarves);
        f.iris = PICK(&rng, irises);
        f.half = rng_real(&rng, 59, 68) - (sex == 'f' ? 3 : 0);
        f.top = rng_real(&rng, 92, 100);
        f.chin = rng_real(&rng, 258, 270) - (sex == 'f' ? 4 : 0);
        f.jaw = rng_real(&rng, .52, .74) - (sex == 'f' ? .08 : 0);
        f.eye_y = rng_real(&rng, 176, 183);
        f.eye_dx = rng_real(&rng, 25, 29);
        f.eye_w = rng_real(&rng, 12.5, 15);
        f.brow_h = rng_real(&rng, 3.2, 5.2) - (sex == 'f' ? 1.4 : 0);
        f.brow_tilt = rng_real(&rng, -1.5, 2.5);
        f.nose_w = rng_real(&rng, 11, 15) - (sex == 'f' ? 1.5 : 0);
        f.mouth_y = rng_real(&rng, 229, 235);
        f.mouth_w = rng_real(&rng, 20, 26);
        f.lip = rng_real(&rng, 4.2, 6.5);
        f.beard = (int)rng_int(&rng, 0, BEARD_KINDS - 1);
        f.hair_style = (int)rng_int(&rng, 0, 2);
        f.glasses = rng_int(&rng, 0, 4) == 0;
        f.scarf_style = (int)rng_int(&rng, 0, 1);
        f.tie = rng_int(&rng, 0, 1) != 0;
        f.old = f.hair.r > .4;
        return f;
}

static void draw_back(cairo_t *cr, const struct face *f)
{
        cairo_pattern_t *p = cairo_pattern_create_radial(CX, 150, 30, CX, 200, 300);
        struct colour light = shade(f->back, 1.04), dark = shade(f->back, .86);

        cairo_pattern_add_color_stop_rgb(p, 0, light.r, light.g, light.b);
        cairo_pattern_add_color_stop_rgb(p, 1, dark.r, dark.g, dark.b);
        cairo_set_source(cr, p);
        cairo_paint(cr);
        cairo_pattern_destroy(p);
}

static void fill_shaded(cairo_t *cr, struct colour c, double y0, double y1, double from, double to)
{
        cairo_pattern_t *p = cairo_pattern_create_linear(CX - 60, y0, CX + 70, y1);
        struct colour a = shade(c, from), b = shade(c, to);

        cairo_pattern_add_color_stop_rgb(p, 0, a.r, a.g, a.b);
        cairo_pattern_add_color_stop_rgb(p, 1, b.r, b.g, b.b);
        cairo_set_source(cr, p);
        cairo_fill(cr);
        cairo_pattern_destroy(p);
}

static void draw_shoulders(cairo_t *cr, const struct face *f)
{
        cairo_move_to(cr, 0, 440);
        cairo_curve_to(cr, 8, 350, 40, 336, 104, 312);
        cairo_line_to(cr, 196, 312);
        cairo_curve_to(cr, 260, 336, 292, 350, 300, 440);
        cairo_close_path(cr);
        fill_shaded(cr, f->cloth, 310, 400, 1.25, .8);
}

static void glow(cairo_t *cr, double x, double y, double rx, double ry, struct colour c, double alpha)
{
        cairo_pattern_t *p = cairo_pattern_create_radial(0, 0, 0, 0, 0, 1);

        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, rx, ry);
        cairo_pattern_add_color_stop_rgba(p, 0, c.r, c.g, c.b, alpha);
        cairo_pattern_add_color_stop_rgba(p, 1, c.r, c.g, c.b, 0);
        cairo_set_source(cr, p);
        cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
        cairo_fill(cr);
        cairo_restore(cr);
        cairo_pattern_destroy(p);
}

static void draw_neck(cairo_t *cr, const struct face *f)
{
        double w = f->sex == 'm' ? 40 : 33;

        cairo_move_to(cr, CX - w, 230);
        cairo_curve_to(cr, CX - w + 2, 290, CX - w - 2, 310, CX - w - 14, 326);
        cairo_curve_to(cr, CX - 20, 392, CX + 20, 392, CX + w + 14, 326);
        cairo_curve_to(cr, CX + w + 2, 310, CX + w - 2, 290, CX + w, 230);
        cairo_close_path(cr);
        cairo_save(cr);
        cairo_clip_preserve(cr);
        fill_shaded(cr, f->skin, 240, 340, .88, .74);
        glow(cr, CX + 3, f->chin + 4, f->half, 34, shade(f->skin, .4), .55); /* the chin's shadow */
        cairo_restore(cr);
}

/* Shirt collar and lapels over the neck's lower end. */
static void draw_collar(cairo_t *cr, const struct face *f)
{
        for (int side = -1; side <= 1; side += 2) {
                cairo_move_to(cr, CX, 366);
                cairo_line_to(cr, CX + side * 52, 310);
                cairo_line_to(cr, CX + side * 66, 324);
                cairo_line_to(cr, CX + side * 34, 440);
                cairo_line_to(cr, CX, 440);
                cairo_close_path(cr);
                paint(cr, shade(f->inner, side < 0 ? 1 : .93), 1);
                cairo_fill(cr);
                cairo_move_to(cr, CX, 364);
                cairo_line_to(cr, CX + side * 50, 308);
                cairo_line_to(cr, CX + side * 62, 322);
                cairo_line_to(cr, CX + side * 26, 384);
                cairo_close_path(cr);
                paint(cr, shade(f->inner, side < 0 ? 1.03 : .97), 1);
                cairo_fill_preserve(cr);
                cairo_set_line_width(cr, 1);
                paint(cr, shade(f->inner, .7), .8);
                cairo_stroke(cr);
        }
        if (!f->tie) {
                cairo_move_to(cr, CX, 366);
                cairo_line_to(cr, CX, 440);
                cairo_stroke(cr);
        }
        for (int side = -1; side <= 1; side += 2) {
                cairo_move_to(cr, CX + side * 64, 318);
                cairo_line_to(cr, CX + side * 84, 330);
                cairo_line_to(cr, CX + side * 70, 362);
                cairo_line_to(cr, CX + side * 26, 440);
                cairo_line_to(cr, CX + side * 10, 440);
                cairo_close_path(cr);
                paint(cr, shade(f->cloth, side < 0 ? 1.35 : 1.1), 1);
                cairo_fill(cr);
        }
}

static void face_path(cairo_t *cr, const struct face *f)
{
        double jaw_y = f->eye_y + (f->chin - f->eye_y) * .58;
        double chin_w = f->half * (f->jaw - .22);

        cairo_move_to(cr, CX, f->top);
        cairo_curve_to(cr, CX + f->half * .72, f->top, CX + f->half, f->top + 40, CX + f->half, f->eye_y - 6);
        cairo_curve_to(cr, CX + f->half, jaw_y - 12, CX + f->half * (f->jaw + .22), jaw_y + 14, CX + chin_w,
                       f->chin - 6);
        cairo_curve_to(cr, CX + chin_w * .5, f->chin + 2, CX - chin_w * .5, f->chin + 2, CX - chin_w, f->chin - 6);
        cairo_curve_to(cr, CX - f->half * (f->jaw + .22), jaw_y + 14, CX - f->half, jaw_y - 12, CX - f->half,
                       f->eye_y - 6);
        cairo_curve_to(cr, CX - f->half, f->top + 40, CX - f->half * .72, f->top, CX, f->top);
        cairo_close_path(cr);
}

static void draw_ears(cairo_t *cr, const struct face *f)
{
        for (int side = -1; side <= 1; side += 2) {
                cairo_save(cr);
                cairo_translate(cr, CX + side * (f->half + 2), f->eye_y + 12);
                cairo_rotate(cr, side * .12);
                cairo_scale(cr, 8.5, 19);
                cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
                cairo_restore(cr);
                paint(cr, shade(f->skin, side < 0 ? .93 : .82), 1);
                cairo_fill_preserve(cr);
                paint(cr, shade(f->skin, .6), .5);
                cairo_set_line_width(cr, 1);
                cairo_stroke(cr);
        }
}

static void draw_face(cairo_t *cr, const struct face *f)
{
        cairo_pattern_t *p = cairo_pattern_create_radial(CX - 18, 155, 12, CX, 180, 112);
        struct colour light = shade(f->skin, 1.07), mid = f->skin, dark = shade(f->skin, .76);
        struct colour red = mix(f->skin, (struct colour){ .85, .35, .30 }, .5);

        cairo_pattern_add_color_stop_rgb(p, 0, light.r, light.g, light.b);
        cairo_pattern_add_color_stop_rgb(p, .55, mid.r, mid.g, mid.b);
        cairo_pattern_add_color_stop_rgb(p, 1, dark.r, dark.g, dark.b);
        cairo_set_source(cr, p);
        face_path(cr, f);
        cairo_fill(cr);
        cairo_pattern_destroy(p);
        cairo_save(cr);
        face_path(cr, f);
        cairo_clip(cr);
        for (int side = -1; side <= 1; side += 2) {
                glow(cr, CX + side * 36, 208, 24, 20, red, .28);
                glow(cr, CX + side * f->eye_dx, f->eye_y - 2, 22, 15, shade(f->skin, .62), .40);
                glow(cr, CX + side * (f->half + 2), 215, 20, 60, shade(f->skin, .5), .30);
        }
        glow(cr, CX, f->chin - 14, 22, 12, shade(f->skin, 1.1), .30);
        cairo_restore(cr);
}

static void draw_beard(cairo_t *cr, const struct face *f)
{
        if (f->beard == BEARD_STUBBLE || f->beard == BEARD_FULL) {
                double alpha = f->beard == BEARD_FULL ? .93 : .20;

                cairo_save(cr);
                face_path(cr, f);
                cairo_clip(cr);
                cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
                cairo_move_to(cr, CX - f->half - 4, f->eye_y + 18);
                cairo_curve_to(cr, CX - f->half + 10, 225, CX - 34, 214, CX - 17, 215);
                cairo_curve_to(cr, CX - 8, 219, CX + 8, 219, CX + 17, 215);
                cairo_curve_to(cr, CX + 34, 214, CX + f->half - 10, 225, CX + f->half + 4, f->eye_y + 18);
                cairo_line_to(cr, CX + f->half + 4, 300);
                cairo_line_to(cr, CX - f->half - 4, 300);
                cairo_close_path(cr);
                cairo_save(cr); /* the mouth stays free */
                cairo_translate(cr, CX, f->mouth_y + 1);
                cairo_scale(cr, f->mouth_w, f->lip + 1.5);
                cairo_new_sub_path(cr);
                cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
                cairo_restore(cr);
                paint(cr, shade(f->hair, 1.2), alpha);
                cairo_fill(cr);
                cairo_restore(cr);
        }
        if (f->beard == BEARD_MOUSTACHE) {
                cairo_move_to(cr, CX - f->mouth_w - 5, f->mouth_y - 2);
                cairo_curve_to(cr, CX - 16, f->mouth_y - 17, CX - 4, f->mouth_y - 13, CX, f->mouth_y - 12);
                cairo_curve_to(cr, CX + 4, f->mouth_y - 13, CX + 16, f->mouth_y - 17, CX + f->mouth_w + 5,
                               f->mouth_y - 2);
                cairo_curve_to(cr, CX + 12, f->mouth_y - 6, CX - 12, f->mouth_y - 6, CX - f->mouth_w - 5,
                               f->mouth_y - 2);
                paint(cr, shade(f->hair, 1.1), .95);
                cairo_fill(cr);
        }
}

static void eye_path(cairo_t *cr, double x, double y, double w, double h)
{
        cairo_move_to(cr, x - w, y + 1);
        cairo_curve_to(cr, x - w * .5, y - h, x + w * .4, y - h, x + w, y);
        cairo_curve_to(cr, x + w * .4, y + h * .75, x - w * .5, y + h * .75, x - w, y + 1);
        cairo_close_path(cr);
}

static void draw_eye(cairo_t *cr, const struct face *f, int side)
{
        double x = CX + side * f->eye_dx;

        eye_path(cr, x, f->eye_y, f->eye_w, 7);
        cairo_set_source_rgb(cr, .95, .94, .92);
        cairo_fill_preserve(cr);
        cairo_save(cr);
        cairo_clip(cr);
        paint(cr, f->iris, 1);
        cairo_arc(cr, x, f->eye_y - .5, 6.2, 0, 2 * M_PI);
        cairo_fill(cr);
        cairo_set_source_rgb(cr, .03, .03, .03);
        cairo_arc(cr, x, f->eye_y - .5, 2.9, 0, 2 * M_PI);
        cairo_fill(cr);
        glow(cr, x, f->eye_y - 8, 16, 6, shade(f->skin, .3), .55);
        cairo_restore(cr);
        cairo_set_source_rgba(cr, 1, 1, 1, .85);
        cairo_arc(cr, x - 2, f->eye_y - 2.6, 1.3, 0, 2 * M_PI);
        cairo_fill(cr);
        cairo_move_to(cr, x - f->eye_w, f->eye_y + 1);
        cairo_curve_to(cr, x - f->eye_w * .5, f->eye_y - 7.4, x + f->eye_w * .4, f->eye_y - 7.4, x + f->eye_w,
                       f->eye_y);
        paint(cr, shade(f->hair, .8), .9);
        cairo_set_line_width(cr, f->sex == 'f' ? 2.3 : 1.7);
        cairo_stroke(cr);
}

static void draw_brow(cairo_t *cr, const struct face *f, int side)
{
        double x = CX + side * f->eye_dx, y = f->eye_y - 17, in = -side * (f->eye_w + 2), out = side * (f->eye_w + 6);

        cairo_move_to(cr, x + in, y + 3 - f->brow_tilt);
        cairo_curve_to(cr, x + in * .3, y - f->brow_h, x + out * .5, y - f->brow_h - 1, x + out, y + 3 + f->brow_tilt);
        cairo_curve_to(cr, x + out * .4, y + 1, x + in * .3, y + f->brow_h * .6, x + in,
                       y + 3 + f->brow_h - f->brow_tilt);
        cairo_close_path(cr);
        paint(cr, f->old ? mix(f->hair, hairs[1], .5) : f->hair, .88);
        cairo_fill(cr);
}

static void draw_nose(cairo_t *cr, const struct face *f)
{
        double y = 212;

        cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
        glow(cr, CX + 6, 196, 8, 26, shade(f->skin, .6), .40);
        glow(cr, CX - 2, 198, 5, 24, shade(f->skin, 1.2), .45);
        glow(cr, CX, y + 2, f->nose_w + 6, 8, shade(f->skin, .6), .35);
        paint(cr, shade(f->skin, .5), .75);
        cairo_set_line_width(cr, 1.8);
        for (int side = -1; side <= 1; side += 2) {
                cairo_move_to(cr, CX + side * f->nose_w, y - 5);
                cairo_curve_to(cr, CX + side * (f->nose_w + 3), y + 3, CX + side * 8, y + 5, CX + side * 4.5, y + 2.5);
                cairo_stroke(cr);
        }
}

static void draw_mouth(cairo_t *cr, const struct face *f)
{
        struct colour lip = mix(shade(f->skin, .85), (struct colour){ .68, .25, .27 }, f->sex == 'f' ? .55 : .30);
        double w = f->mouth_w, y = f->mouth_y;

        cairo_move_to(cr, CX - w, y);
        cairo_curve_to(cr, CX - w * .5, y - f->lip, CX - 4, y - f->lip, CX, y - f->lip * .6);
        cairo_curve_to(cr, CX + 4, y - f->lip, CX + w * .5, y - f->lip, CX + w, y);
        cairo_curve_to(cr, CX + w * .5, y + f->lip * 1.5, CX - w * .5, y + f->lip * 1.5, CX - w, y);
        paint(cr, lip, .92);
        cairo_fill(cr);
        cairo_move_to(cr, CX - w, y);
        cairo_curve_to(cr, CX - w * .4, y + 1.8, CX + w * .4, y + 1.8, CX + w, y);
        paint(cr, shade(lip, .5), .9);
        cairo_set_line_width(cr, 1.5);
        cairo_stroke(cr);
        glow(cr, CX, y + f->lip * 1.5 + 5, 15, 5, shade(f->skin, .6), .4);
}

static void draw_lines_of_age(cairo_t *cr, const struct face *f)
{
        paint(cr, shade(f->skin, .6), .45);
        cairo_set_line_width(cr, 1.3);
        for (int side = -1; side <= 1; side += 2) {
                cairo_move_to(cr, CX + side * 18, 211);
                cairo_curve_to(cr, CX + side * 26, 217, CX + side * 30, 224, CX + side * 31, 233);
                cairo_stroke(cr);
                cairo_move_to(cr, CX + side * (f->eye_dx - 10), f->eye_y + 10);
                cairo_curve_to(cr, CX + side * f->eye_dx, f->eye_y + 14, CX + side * (f->eye_dx + 6), f->eye_y + 13,
                               CX + side * (f->eye_dx + 12), f->eye_y + 9);
                cairo_stroke(cr);
        }
        for (int line = 0; line < 2; line++) {
                cairo_move_to(cr, CX - 28, 140 + line * 9);
                cairo_curve_to(cr, CX - 10, 137 + line * 9, CX + 10, 137 + line * 9, CX + 28, 140 + line * 9);
                cairo_stroke(cr);
        }
}

static void draw_glasses(cairo_t *cr, const struct face *f)
{
        cairo_set_source_rgba(cr, .10, .10, .12, .9);
        cairo_set_line_width(cr, 2.2);
        for (int side = -1; side <= 1; side += 2) {
                double x = CX + side * f->eye_dx;

                cairo_save(cr);
                cairo_translate(cr, x, f->eye_y + 2);
                cairo_scale(cr, 21, 15);
                cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
                cairo_restore(cr);
                cairo_stroke(cr);
                cairo_move_to(cr, x + side * 21, f->eye_y);
                cairo_line_to(cr, CX + side * (f->half + 1), f->eye_y - 3);
                cairo_stroke(cr);
        }
        cairo_move_to(cr, CX - f->eye_dx + 21, f->eye_y);
        cairo_curve_to(cr, CX - 3, f->eye_y - 4, CX + 3, f->eye_y - 4, CX + f->eye_dx - 21, f->eye_y);
        cairo_stroke(cr);
}

static void draw_hair(cairo_t *cr, const struct face *f)
{
        double line = f->top + (f->hair_style == 2 ? 18 : 30), side_y = f->eye_y + 2;

        cairo_move_to(cr, CX - f->half - 3, side_y);
        cairo_curve_to(cr, CX - f->half - 12, f->top + 20, CX - f->half * .7, f->top - 26, CX, f->top - 25);
        cairo_curve_to(cr, CX + f->half * .7, f->top - 26, CX + f->half + 12, f->top + 20, CX + f->half + 3, side_y);
        cairo_line_to(cr, CX + f->half - 5, side_y - 4);
        if (f->hair_style == 0) { /* parted at the side */
                cairo_curve_to(cr, CX + f->half - 6, line + 22, CX + f->half - 22, line + 2, CX + 24, line - 8);
                cairo_curve_to(cr, CX - 10, line + 14, CX - f->half + 16, line + 8, CX - f->half + 5, side_y - 4);
        } else { /* combed back, or receding */
                cairo_curve_to(cr, CX + f->half - 4, line + 16, CX + f->half * .62, line, CX + f->half * .45, line - 2);
                cairo_curve_to(cr, CX + 10, line - 9, CX - 10, line - 9, CX - f->half * .45, line - 2);
                cairo_curve_to(cr, CX - f->half * .62, line, CX - f->half + 4, line + 16, CX - f->half + 5, side_y - 4);
        }
        cairo_close_path(cr);
        fill_shaded(cr, f->hair, f->top - 25, side_y, 1.7, .85);
}

static void scarf_outer(cairo_t *cr, const struct face *f)
{
        double wide = f->half + 26;

        cairo_move_to(cr, CX, f->top - 36);
        cairo_curve_to(cr, CX + wide * .8, f->top - 36, CX + wide, f->top + 30, CX + wide - 2, f->eye_y + 10);
        cairo_curve_to(cr, CX + wide, 270, CX + wide + 14, 296, CX + 108, 330);
        cairo_curve_to(cr, CX + 90, 380, CX + 50, 395, CX, 400);
        cairo_curve_to(cr, CX - 50, 395, CX - 90, 380, CX - 108, 330);
        cairo_curve_to(cr, CX - wide - 14, 296, CX - wide, 270, CX - wide + 2, f->eye_y + 10);
        cairo_curve_to(cr, CX - wide, f->top + 30, CX - wide * .8, f->top - 36, CX, f->top - 36);
        cairo_close_path(cr);
}

/* The opening the face looks out of; a headscarf shows a little hair, a maghnaeh none. */
static void scarf_opening(cairo_t *cr, const struct face *f)
{
        double brow = f->top + (f->scarf_style ? 10 : 24), w = f->half - 3;

        cairo_new_sub_path(cr);
        cairo_move_to(cr, CX, brow);
        cairo_curve_to(cr, CX + w * .75, brow, CX + w, f->top + 52, CX + w, f->eye_y + 4);
        cairo_curve_to(cr, CX + w, f->eye_y + 52, CX + w * .55, f->chin - 6, CX, f->chin + 1);
        cairo_curve_to(cr, CX - w * .55, f->chin - 6, CX - w, f->eye_y + 52, CX - w, f->eye_y + 4);
        cairo_curve_to(cr, CX - w, f->top + 52, CX - w * .75, brow, CX, brow);
        cairo_close_path(cr);
}

static void scarf_folds(cairo_t *cr, const struct face *f)
{
        cairo_set_line_width(cr, 2);
        for (int i = 0; i < 5; i++) {
                double dx = 10 + 16 * i;

                paint(cr, shade(f->scarf, i % 2 ? 1.9 : .45), .35);
                cairo_move_to(cr, CX - dx * .3, f->chin + 8);
                cairo_curve_to(cr, CX - dx * .5, 310, CX - dx, 340, CX - dx - 6, 386 - i * 8);
                cairo_stroke(cr);
                cairo_move_to(cr, CX + dx * .35, f->chin + 10);
                cairo_curve_to(cr, CX + dx * .7, 305, CX + dx + 8, 330, CX + dx + 12, 380 - i * 9);
                cairo_stroke(cr);
        }
        for (int side = -1; side <= 1; side += 2) {
                paint(cr, shade(f->scarf, 1.8), .35);
                cairo_move_to(cr, CX + side * 8, f->top - 28);
                cairo_curve_to(cr, CX + side * (f->half + 8), f->top - 10, CX + side * (f->half + 14), 160,
                               CX + side * (f->half + 8), 235);
                cairo_stroke(cr);
        }
}

static void draw_scarf(cairo_t *cr, const struct face *f)
{
        if (f->scarf_style) { /* the front hair, parted */
                cairo_save(cr);
                face_path(cr, f);
                cairo_clip(cr);
                cairo_move_to(cr, CX, f->top - 5);
                cairo_curve_to(cr, CX - 6, f->top + 22, CX - f->half * .6, f->top + 24, CX - f->half, f->top + 72);
                cairo_line_to(cr, CX - f->half - 9, f->top - 9);
                cairo_line_to(cr, CX + f->half + 9, f->top - 9);
                cairo_line_to(cr, CX + f->half, f->top + 72);
                cairo_curve_to(cr, CX + f->half * .6, f->top + 24, CX + 6, f->top + 22, CX, f->top - 5);
                paint(cr, shade(f->hair, 1.25), 1);
                cairo_fill(cr);
                cairo_restore(cr);
        }
        cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
        scarf_outer(cr, f);
        scarf_opening(cr, f);
        fill_shaded(cr, f->scarf, f->top - 30, 400, 1.75, .75);
        cairo_set_fill_rule(cr, CAIRO_FILL_RULE_WINDING);
        scarf_opening(cr, f);
        cairo_set_line_width(cr, 3);
        paint(cr, shade(f->scarf, .4), .7);
        cairo_stroke(cr);
        scarf_folds(cr, f);
}

static void draw_features(cairo_t *cr, const struct face *f)
{
        for (int side = -1; side <= 1; side += 2) {
                draw_eye(cr, f, side);
                draw_brow(cr, f, side);
        }
        draw_nose(cr, f);
        draw_mouth(cr, f);
        if (f->old)
                draw_lines_of_age(cr, f);
}

static void draw_body(cairo_t *cr, const struct face *f)
{
        cairo_save(cr);
        cairo_translate(cr, 0, -20);
        draw_shoulders(cr, f);
        draw_neck(cr, f);
        if (f->sex == 'm')
                draw_collar(cr, f);
        cairo_restore(cr);
}

static void draw(cairo_t *cr, const struct face *f)
{
        draw_back(cr, f);
        cairo_translate(cr, CX, 200);
        cairo_scale(cr, 1.14, 1.14);
        cairo_translate(cr, -CX, f->sex == 'm' ? -192 : -202);
        draw_body(cr, f);
        if (f->sex == 'm') {
                draw_ears(cr, f);
        } else { /* the scarf's inside, behind the cheeks */
                scarf_outer(cr, f);
                paint(cr, shade(f->scarf, .5), 1);
                cairo_fill(cr);
        }
        draw_face(cr, f);
        if (f->sex == 'm')
                draw_beard(cr, f);
        draw_features(cr, f);
        if (f->sex == 'm')
                draw_hair(cr, f);
        else
                draw_scarf(cr, f);
        if (f->glasses)
                draw_glasses(cr, f);
}

static uint8_t grain(struct rng *rng, uint32_t value)
{
        int64_t v = (int64_t)value + rng_int(rng, -3, 3);

        return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void row_make(const uint32_t *pixels, int width, struct rng *rng, uint8_t *ret)
{
        for (int x = 0; x < width; x++) {
                struct rng one = { rng_next(rng) };
                struct rng two = one, three = one; /* the same grain in all channels, as film has */

                ret[3 * x] = grain(&one, pixels[x] >> 16 & 0xFF);
                ret[3 * x + 1] = grain(&two, pixels[x] >> 8 & 0xFF);
                ret[3 * x + 2] = grain(&three, pixels[x] & 0xFF);
        }
}

static uint8_t *jpeg_make(cairo_surface_t *surface, uint64_t seed, size_t *ret_n)
{
        struct jpeg_compress_struct jpeg;
        struct jpeg_error_mgr errors;
        struct rng rng = { seed };
        int width = cairo_image_surface_get_width(surface);
        uint8_t *row = must(__builtin_malloc((size_t)width * 3));
        unsigned char *data = NULL;
        unsigned long n = 0;

        jpeg.err = jpeg_std_error(&errors); /* its fault handler ends the process, which is what we want here */
        jpeg_create_compress(&jpeg);
        jpeg_mem_dest(&jpeg, &data, &n);
        jpeg.image_width = (JDIMENSION)width;
        jpeg.image_height = (JDIMENSION)cairo_image_surface_get_height(surface);
        jpeg.input_components = 3;
        jpeg.in_color_space = JCS_RGB;
        jpeg_set_defaults(&jpeg);
        jpeg_set_quality(&jpeg, QUALITY, TRUE);
        jpeg.density_unit = 1;
        jpeg.X_density = jpeg.Y_density = 300;
        jpeg_start_compress(&jpeg, TRUE);
        while (jpeg.next_scanline < jpeg.image_height) {
                const unsigned char *line = cairo_image_surface_get_data(surface) +
                                            (size_t)jpeg.next_scanline *
                                                    (size_t)cairo_image_surface_get_stride(surface);

                row_make((const uint32_t *)(const void *)line, width, &rng, row);
                jpeg_write_scanlines(&jpeg, &row, 1);
        }
        jpeg_finish_compress(&jpeg);
        jpeg_destroy_compress(&jpeg);
        __builtin_free(row);
        *ret_n = n;
        return data;
}

uint8_t *portrait_jpeg(uint64_t seed, char sex, double scale, size_t *ret_n)
{
        cairo_surface_t *surface =
                cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(WIDTH * scale), (int)(HEIGHT * scale));
        cairo_t *cr = cairo_create(surface);
        struct face face = face_make(seed, sex);

        cairo_set_antialias(cr, CAIRO_ANTIALIAS_BEST);
        cairo_scale(cr, scale, scale);
        draw(cr, &face);
        cairo_destroy(cr);
        cairo_surface_flush(surface);
        uint8_t *data = jpeg_make(surface, seed, ret_n);
        cairo_surface_destroy(surface);
        return data;
}
