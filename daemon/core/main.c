/* mohrd: the core of the issuance station. */
#include "daemon/core/config_table.h"
#include "daemon/core/core.h"
#include "daemon/core/log.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char default_config[] = MOHR_SYSCONFDIR "/mohr/mohr.conf";

static int usage(FILE *to, int status)
{
        fprintf(to, "usage: mohrd [--config FILE]\n"
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

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "config", required_argument, NULL, 'c' },
                { "check-config", no_argument, NULL, 'k' },
                { "print-config", no_argument, NULL, 'p' },
                { "print-man", no_argument, NULL, 'm' },
                { "version", no_argument, NULL, 'v' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        const char *config = default_config;
        bool check = false;
        int o;

        while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (o == 'c')
                        config = optarg;
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
        return optind < argc ? usage(stderr, 2) : run(config);
}
