/* mohr-chip --reader NAME [--work-ms N]: the worker that owns one chip reader. A child of the core, its socket is
 * descriptor 3. */
#include "daemon/work/chip/job.h"
#include "daemon/work/confine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        WORK_MS = 120000, /* a slow contact line takes some 50 s: 20 kB there and back, 9600 bit/s */
        WORK_MAX_MS = 3600000,
};

static const struct worker_task tasks[] = {
        { "write", task_write }, { "read", task_read }, { "watch", task_watch }, { "lock", task_lock }, { NULL, NULL },
};

static bool parse_ms(const char *text, int64_t *ret)
{
        char *end;
        long n = strtol(text, &end, 10);

        if (end == text || *end || n < 1 || n > WORK_MAX_MS)
                return false;
        *ret = n;
        return true;
}

static bool parse(int argc, char **argv, struct reader *ret)
{
        *ret = (struct reader){ .work_ms = WORK_MS };
        if (argc < 3 || strcmp(argv[1], "--reader") != 0)
                return false;
        ret->name = argv[2];
        return argc == 3 || (argc == 5 && strcmp(argv[3], "--work-ms") == 0 && parse_ms(argv[4], &ret->work_ms));
}

int main(int argc, char **argv)
{
        struct reader reader;
        struct error err;

        if (!parse(argc, argv, &reader)) {
                (void)fprintf(stderr, "usage: mohr-chip --reader NAME [--work-ms N] (a child of mohrd)\n");
                return 2;
        }
        if (worker_child_setup(&err) < 0 || confine_worker(NULL, &err) < 0 ||
            worker_run(WORKER_FD, "mohr-chip", tasks, &reader, &err) < 0) {
                (void)fprintf(stderr, "mohr-chip: %s\n", err.text);
                return 1;
        }
        return 0;
}
