#include "daemon/ctl/ctl.h"
#include "daemon/ctl/client.h"
#include <stdio.h>
#include <string.h>

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
