#include "daemon/work/render/qr.h"
#include <math.h>
#include <qrencode.h>

enum { QUIET = 4, DOTS_MIN = 4 }; /* 4 dots of 300 dpi = 0.34 mm: phones read it, scanners too */
#define DOT (72.0 / 300)

static bool dark(const QRcode *code, int x, int y)
{
        return x < code->width && (code->data[y * code->width + x] & 1);
}

/* One rectangle per run of dark modules of a row. */
static void add_row(const QRcode *code, int y, double x0, double y0, double module, cairo_t *cr)
{
        for (int x = 0; x < code->width; x++) {
                int from = x;

                while (dark(code, x, y))
                        x++;
                if (x > from)
                        cairo_rectangle(cr, x0 + from * module, y0 + y * module, (x - from) * module, module);
        }
}

static void draw(const QRcode *code, struct rect box, int dots, cairo_t *cr)
{
        double module = dots * DOT, side = (code->width + 2 * QUIET) * module;
        double x0 = round((box.x + (box.w - side) / 2) / DOT) * DOT,
               y0 = round((box.y + (box.h - side) / 2) / DOT) * DOT;

        cairo_save(cr);
        cairo_set_antialias(cr, CAIRO_ANTIALIAS_NONE);
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_rectangle(cr, x0, y0, side, side);
        cairo_fill(cr);
        cairo_set_source_rgb(cr, 0, 0, 0);
        for (int y = 0; y < code->width; y++)
                add_row(code, y, x0 + QUIET * module, y0 + QUIET * module, module, cr);
        cairo_fill(cr);
        cairo_restore(cr);
}

int qr_draw(const char *text, struct rect box, cairo_t *cr, struct error *err)
{
        QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
        double side = fmin(box.w, box.h);
        int dots;

        if (!code)
                return err_input(err, REASON_LAYOUT_BAD, "text of the QR code cannot be encoded");
        dots = (int)floor(side / DOT + 0.01) / (code->width + 2 * QUIET);
        if (dots >= DOTS_MIN)
                draw(code, box, dots, cr);
        QRcode_free(code);
        if (dots < DOTS_MIN)
                return err_input(err, REASON_LAYOUT_BAD, "box 'qr' is too small for its code");
        return 0;
}
