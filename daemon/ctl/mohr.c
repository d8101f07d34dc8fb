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

int ctl_usage(const struct command *command)
{
        fprintf(stderr, "usage: mohr %s %s\n", command->name, command->usage);
        return CTL_USAGE;
}

const struct command *ctl_command(const char *name)
{
        for (size_t i = 0; i < n_commands; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

int ctl_config(struct ctl *c, struct error *err)
{
        if (c->config_loaded)
                return 0;
        if (config_load(c->config_file, &c->config, NULL, NULL, err) < 0)
                return -1;
        c->config_loaded = true;
        return 0;
}

const char *ctl_socket(struct ctl *c)
{
        struct error err;

        if (!c->socket && ctl_config(c, &err) == 0)
                return c->config.station.socket;
        if (!c->socket) {
                if (access(c->config_file, F_OK) == 0) /* it is there and of no use: say so, once */
                        fprintf(stderr, "mohr: %s\n", err.text);
                c->socket = "/run/mohr/station.sock";
        }
        return c->socket;
}

int ctl_fail(const struct ctl *c, const struct error *err)
{
        if (c->json) {
                cleanup(json_p) json_t *json =
                        json_pack("{s:{s:s,s:s,s:s,s:s}}", "error", "reason", reason_word(err->reason), "text",
                                  err->text, "advice", reason_advice(err->reason), "kind", error_kind_name(err->kind));

                (void)ctl_json(c, json);
        } else {
                bool colour = isatty(STDERR_FILENO) == 1;

                fprintf(stderr, "%smohr: %s%s\n%s\nreason: %s\n", colour ? "\033[31m" : "", err->text,
                        colour ? "\033[0m" : "", reason_advice(err->reason), reason_word(err->reason));
        }
        return reason_exit_status(err->reason);
}

bool ctl_json(const struct ctl *c, const json_t *json)
{
        if (!c->json)
                return false;
        (void)json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
        return true;
}

static int choose_line(const json_t *lines, const char *name, const char **ret_line, struct error *err)
{
        const json_t *line;
        size_t i;

        if (!name && json_array_size(lines) != 1)
                return err_input(err, REASON_BAD_REQUEST, "this station has %zu lines; name one with --line",
                                 json_array_size(lines));
        json_array_foreach(lines, i, line)
        {
                const char *its = json_string_value(json_object_get(line, "line"));

                if (its && (!name || strcmp(its, name) == 0)) {
                        *ret_line = its;
                        return 0;
                }
        }
        return err_input(err, REASON_NOT_FOUND, "no line %s", name);
}

int ctl_line(struct ctl *c, const char *name, json_t **ret_status, const char **ret_line, struct error *err)
{
        if (client_call(c, "GET", "/v1/status", NULL, ret_status, err) < 0)
                return -1;
        return choose_line(json_object_get(*ret_status, "lines"), name, ret_line, err);
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
