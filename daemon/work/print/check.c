#include "daemon/work/print/printing.h"

int task_check(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, struct error *err)
{
        struct printing *p = w->context;
        struct jread r = jread_begin(args, "check", err);
        struct queue_state state;
        struct print_check check;

        (void)blob, (void)ret_blob;
        if (jread_end(&r) < 0 || queue_describe(p->queue, &state, err) < 0)
                return -1;
        printing_check(p, &state, &check);
        *ret_args = print_check_encode(&check);
        return 0;
}
