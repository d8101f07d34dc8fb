/* `mohr`, the station's command: what its parts share. It holds nothing: every act is a call to the core's HTTP API on
 * the unix socket (proto/station.openapi.yaml). Exit status: proto/base/reason.h, and 2 for usage, 130 for Ctrl-C. */
#pragma once
#include "daemon/core/config/config.h"
#include "proto/base/cleanup.h"
#include "proto/base/json.h"

enum { CTL_USAGE = 2, CTL_INTERRUPTED = 130, CTL_ARGS_MAX = 64 };

struct ctl {
        bool json;
        const char *socket;      /* of the option or MOHR_SOCKET, else of the configuration */
        const char *config_file; /* default /etc/mohr/mohr.conf */
        bool config_loaded;
        struct config config;
};

/* One option of a command: a flag (given), one value, or values that may repeat. */
struct option_spec {
        const char *name; /* without the dashes; NULL ends the list */
        bool *flag;
        const char **value;
        const char **values; /* CTL_ARGS_MAX of them */
        size_t *n_values;
};

/* Takes options from anywhere in argv; what is left are the operands. 0, or -1 after telling stderr what is wrong.
 * --json, --socket, --config and --help are every command's own: --help answers 1. */
int args_take(struct ctl *c, int argc, char **argv, const struct option_spec *options, const char **ret_operands,
              size_t *ret_n);

struct command {
        const char *name, *usage, *help;
        int (*run)(struct ctl *c, int argc, char **argv); /* the exit status; argv[0] is the command's name */
};
extern const struct command commands[]; /* name NULL ends */
extern const size_t n_commands;
int ctl_usage(const struct command *command); /* to stderr; CTL_USAGE */
const struct command *ctl_command(const char *name);

/* The configuration, read at the first call. 0, or -1 and *err. */
int ctl_config(struct ctl *c, struct error *err);
const char *ctl_socket(struct ctl *c);
/* Tells the refusal, and what to do; the exit status of its reason. With --json on stdout as {"error":{...}}. */
int ctl_fail(const struct ctl *c, const struct error *err);
/* Prints the JSON when asked for; true when it did. */
bool ctl_json(const struct ctl *c, const json_t *json);
/* A two-person act: the first asks, the second, of another office, asks for the same; says which, or `done`. Takes over
 * body. The exit status. */
int ctl_post_second(struct ctl *c, const char *path, json_t *body, const char *done);

extern const char ctl_second_needed[]; /* what the first of two people is told */

/* The line to act on: the named one, or the only one of the station's status. 0 and borrowed from *status (a new
 * reference, to be released by the caller), or -1 and *err. */
int ctl_line(struct ctl *c, const char *name, json_t **ret_status, const char **ret_line, struct error *err);

int cmd_status(struct ctl *c, int argc, char **argv);
int cmd_queue(struct ctl *c, int argc, char **argv);
int cmd_show(struct ctl *c, int argc, char **argv);
int cmd_hopper(struct ctl *c, int argc, char **argv);
int cmd_match(struct ctl *c, int argc, char **argv);
int cmd_print(struct ctl *c, int argc, char **argv);
int cmd_inspect(struct ctl *c, int argc, char **argv);
int cmd_write(struct ctl *c, int argc, char **argv);
int cmd_confirm(struct ctl *c, int argc, char **argv);
int cmd_spoil(struct ctl *c, int argc, char **argv);
int cmd_sort(struct ctl *c, int argc, char **argv);
int cmd_resume(struct ctl *c, int argc, char **argv);
int cmd_unknown(struct ctl *c, int argc, char **argv);
int cmd_rebound(struct ctl *c, int argc, char **argv);
int cmd_cases(struct ctl *c, int argc, char **argv);
int cmd_case(struct ctl *c, int argc, char **argv);
int cmd_missing(struct ctl *c, int argc, char **argv);
int cmd_found(struct ctl *c, int argc, char **argv);
int cmd_void(struct ctl *c, int argc, char **argv);
int cmd_withdrawn(struct ctl *c, int argc, char **argv);
int cmd_dispatch(struct ctl *c, int argc, char **argv);
int cmd_blank(struct ctl *c, int argc, char **argv);
int cmd_sync(struct ctl *c, int argc, char **argv);
int cmd_fsck(struct ctl *c, int argc, char **argv);
int cmd_audit(struct ctl *c, int argc, char **argv);
int cmd_states(struct ctl *c, int argc, char **argv);
int cmd_doctor(struct ctl *c, int argc, char **argv);
int cmd_audit_list(struct ctl *c, const char *after); /* digits */
int cmd_verify(struct ctl *c, int argc, char **argv);
