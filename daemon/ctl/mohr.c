/* mohr: the station's command. */
#include "daemon/ctl/client.h"
#include "daemon/ctl/out.h"
#include <curl/curl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

static void print_help(FILE *to)
{
        fputs("usage: mohr COMMAND [ARGUMENTS] [--json] [--socket PATH] [--config FILE]\n\n", to);
        for (size_t i = 0; i < n_commands; i++)
                fprintf(to, "  %-9s %.*s\n", commands[i].name, (int)strcspn(commands[i].help, "\n"), commands[i].help);
        fputs("\nmohr COMMAND --help tells more. Exit status: 0 done, 1 refused by a rule, 2 usage, 3 bad input, 4 a "
              "device\n"
              "needs a person, 5 the card is lost or parked, 6 outcome unknown, 7 a service cannot be reached, 8 not\n"
              "permitted, 9 own fault, 130 interrupted (the act goes on). See mohr(1).\n",
              to);
}

static int command_help(const struct command *command)
{
        printf("usage: mohr %s %s\n\n%s\n", command->name, command->usage, command->help);
        return 0;
}

/* `mohr --socket PATH fsck` as well as `mohr fsck --socket PATH`: the command's word goes to the front. */
static void put_command_first(int argc, char **argv)
{
        char *command;
        int i = 1;

        while (i < argc && strncmp(argv[i], "--", 2) == 0)
                i += strcmp(argv[i], "--socket") == 0 || strcmp(argv[i], "--config") == 0 ? 2 : 1;
        if (i <= 1 || i >= argc)
                return;
        command = argv[i];
        memmove(argv + 2, argv + 1, (size_t)(i - 1) * sizeof *argv);
        argv[1] = command;
}

int main(int argc, char **argv)
{
        struct ctl c = { .socket = getenv("MOHR_SOCKET"), .config_file = MOHR_SYSCONFDIR "/mohr/mohr.conf" };
        const struct command *command;
        int status;

        put_command_first(argc, argv);
        command = argc > 1 ? ctl_command(argv[1]) : NULL;
        (void)setlocale(LC_CTYPE, "");
        if (argc > 1 && strcmp(argv[1], "--version") == 0)
                return puts("mohr " MOHR_VERSION), 0;
        if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
                return print_help(stdout), 0;
        if (!command) {
                print_help(stderr);
                return CTL_USAGE;
        }
        for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
                if (strcmp(argv[i], "--help") == 0)
                        return command_help(command);
        (void)curl_global_init(CURL_GLOBAL_DEFAULT);
        status = command->run(&c, argc - 1, argv + 1);
        curl_global_cleanup();
        config_done(&c.config);
        return fflush(stdout) == 0 ? status : reason_exit_status(REASON_DISK_FULL);
}
