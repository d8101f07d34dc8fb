/* mohrd: the core of the issuance station. */
#include "daemon/core/config/config_table.h"
#include "daemon/core/core.h"
#include "daemon/core/loop/log.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char default_config[] = MOHR_SYSCONFDIR "/mohr/mohr.conf";

static int usage(FILE *to, int status)
{
        fprintf(to, "usage: mohrd [--config FILE]\n"
                    "       mohrd [--config FILE] --new-epoch N\n"
                    "       mohrd --check-config [FILE]\n"
                    "       mohrd --print-config | --print-man | --version | --help\n");
        return status;
}

static int run(const char *config)
{
        static struct core core;
        struct error err;
        int status = 1;

        if (core_open(&core, config, &err) < 0) {
                log_error(LEVEL_ERROR, (struct log_at){ .step = "start" }, &err);
                return reason_exit_status(err.reason);
        }
        if (core_run(&core, &err) < 0)
                log_error(LEVEL_ERROR, (struct log_at){ .step = "end" }, &err);
        else
                status = 0;
        core_close(&core);
        return status == 0 ? 0 : reason_exit_status(err.reason);
}

/* A new installation: its ledger, with the epoch that headquarters gave out. */
static int new_ledger(const char *config, const char *text)
{
        char *end = NULL;
        long long epoch = strtoll(text, &end, 10);
        struct error err;

        if (end == text || *end || epoch < 1)
                return usage(stderr, 2);
        if (core_new_ledger(config, epoch, &err) < 0) {
                log_error(LEVEL_ERROR, (struct log_at){ .step = "new epoch" }, &err);
                return reason_exit_status(err.reason);
        }
        return 0;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' }, { "new-epoch", required_argument, NULL, 'e' },
                { "check-config", no_argument, NULL, 'k' }, { "print-config", no_argument, NULL, 'p' },
                { "print-man", no_argument, NULL, 'm' },    { "version", no_argument, NULL, 'v' },
                { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
        };
        const char *config = default_config, *epoch = NULL;
        bool check = false;
        int o;

        while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (o == 'c')
                        config = optarg;
                else if (o == 'e')
                        epoch = optarg;
                else if (o == 'k')
                        check = true;
                else if (o == 'p')
                        return config_print_sample(stdout), 0;
                else if (o == 'm')
                        return config_print_man(stdout), 0;
                else if (o == 'v')
                        return puts("mohrd " MOHR_VERSION), 0;
                else
                        return usage(o == 'h' ? stdout : stderr, o == 'h' ? 0 : 2);
        }
        if (check)
                return config_check(optind < argc ? argv[optind] : config, stdout);
        if (optind < argc)
                return usage(stderr, 2);
        return epoch ? new_ledger(config, epoch) : run(config);
}
