/* mohr-print: the worker that owns one print queue. Child of the core, which holds the other end of descriptor 3. */
#include "daemon/work/confine.h"
#include "daemon/work/print/printing.h"
#include "proto/base/cleanup.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
        const char *queue, *gate, *media, *cupsd_conf;
        int64_t silence_ms;
};

static bool parse_ms(const char *text, int64_t *ret)
{
        char *end;
        long n = strtol(text, &end, 10);

        if (end == text || *end || n < 0 || n > PRINT_WAIT_MAX_MS)
                return false;
        *ret = n;
        return true;
}

static bool parse(int argc, char **argv, struct options *ret)
{
        static const struct option options[] = {
                { "queue", required_argument, NULL, 'q' },      { "gate", required_argument, NULL, 'g' },
                { "media", required_argument, NULL, 'm' },      { "cupsd-conf", required_argument, NULL, 'c' },
                { "silence-ms", required_argument, NULL, 's' }, { 0 }
        };
        bool ok = true;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (c == 'q')
                        ret->queue = optarg;
                else if (c == 'g')
                        ret->gate = optarg;
                else if (c == 'm')
                        ret->media = optarg;
                else if (c == 'c')
                        ret->cupsd_conf = optarg;
                else
                        ok = c == 's' && parse_ms(optarg, &ret->silence_ms) && ok;
        }
        return ok && optind == argc && ret->queue && ret->gate && strlen(ret->queue) <= PRINT_QUEUE_MAX;
}

static int serve(const struct options *options, struct error *err)
{
        static const struct worker_task tasks[] = { { "check", task_check },
                                                    { "print", task_print },
                                                    { "probe", task_probe },
                                                    { "cancel", task_cancel },
                                                    { NULL, NULL } };
        struct printing p = { .queue_name = options->queue,
                              .cupsd_conf = options->cupsd_conf,
                              .silence_ms = options->silence_ms };
        int r = -1;

        if (worker_child_setup(err) == 0 && token_dir_new(options->gate, &p.gate, err) == 0 &&
            confine_worker(options->gate, err) == 0 && queue_new(options->queue, options->media, &p.queue, err) == 0)
                r = worker_run(WORKER_FD, "mohr-print", tasks, &p, err);
        queue_free(p.queue);
        token_dir_free(p.gate);
        return r;
}

int main(int argc, char **argv)
{
        /* CR80 has no PWG 5101.1 name of its own; CUPS compares the size */
        struct options options = { .media = "custom_cr80_85.6x53.98mm", .silence_ms = 20000 };
        const char *server = getenv("CUPS_SERVER");
        struct error err = { 0 };

        if (!server || !*server) /* the system's own: its settings are at hand */
                options.cupsd_conf = "/etc/cups/cupsd.conf";
        if (!parse(argc, argv, &options)) {
                fprintf(stderr, "usage: mohr-print --queue NAME --gate DIR [--media NAME] [--cupsd-conf FILE] "
                                "[--silence-ms N]\n");
                return 2;
        }
        if (serve(&options, &err) == 0)
                return 0;
        fprintf(stderr, "mohr-print: %s\n", err.text);
        return 1;
}
