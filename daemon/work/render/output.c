#include "daemon/work/render/output.h"
#include "proto/base/cleanup.h"
#include <string.h>

void output_done(struct output *out)
{
        free(out->data);
        *out = (struct output){ 0 };
}

cairo_status_t output_collect(void *closure, const unsigned char *data, unsigned n)
{
        struct output *out = closure;

        if (out->n + n > OUTPUT_MAX)
                return CAIRO_STATUS_WRITE_ERROR;
        if (out->n + n > out->max) {
                size_t max = 2 * (out->n + n);
                uint8_t *grown = realloc(out->data, max);

                if (!grown)
                        return CAIRO_STATUS_NO_MEMORY;
                out->data = grown;
                out->max = max;
        }
        memcpy(out->data + out->n, data, n);
        out->n += n;
        return CAIRO_STATUS_SUCCESS;
}

cairo_status_t output_discard(void *closure, const unsigned char *data, unsigned n)
{
        (void)closure;
        (void)data;
        (void)n;
        return CAIRO_STATUS_SUCCESS;
}

int output_check(cairo_status_t status, struct error *err)
{
        if (status == CAIRO_STATUS_SUCCESS)
                return 0;
        return err_own(err, ERR_BUG, REASON_INTERNAL, "cairo: %s", cairo_status_to_string(status));
}

int output_take(struct output *out, struct bytes *ret)
{
        *ret = (struct bytes){ steal(&out->data), out->n };
        return 0;
}
