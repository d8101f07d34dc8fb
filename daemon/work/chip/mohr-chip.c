/* mohr-chip --reader NAME: the worker that owns one chip reader. A child of the core, its socket is descriptor 3. */
#include "daemon/work/chip/job.h"
#include "daemon/work/confine.h"
#include <stdio.h>
#include <string.h>

static const struct worker_task tasks[] = {
        { "write", task_write },
        { "read", task_read },
        { "lock", task_lock },
        { NULL, NULL },
};

int main(int argc, char **argv)
{
        struct error err;

        if (argc != 3 || strcmp(argv[1], "--reader") != 0) {
                (void)fprintf(stderr, "usage: mohr-chip --reader NAME (a child of mohrd)\n");
                return 2;
        }
        if (worker_child_setup(&err) < 0 || confine_worker(NULL, &err) < 0 ||
            worker_run(WORKER_FD, "mohr-chip", tasks, argv[2], &err) < 0) {
                (void)fprintf(stderr, "mohr-chip: %s\n", err.text);
                return 1;
        }
        return 0;
}
