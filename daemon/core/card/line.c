#include "daemon/core/card/chip_flow.h"
#include "daemon/core/card/print_flow.h"
#include "daemon/core/core.h"
#include "daemon/core/desk/desk_chip.h"
#include "proto/base/cleanup.h"
#include <stdio.h>
#include <string.h>

static void work_changed(void *context, const struct work *w)
{
        struct line *line = context;
        struct work_status status;

        work_status(w, &status);
        if (w == line->print && status.state == WORK_IDLE)
                print_flow_probe(line); /* an outcome may still be open: look, now that somebody can */
        if (w == line->chip && status.state == WORK_IDLE)
                chip_watch_begin(line, true);
        line_tell(line);
}

static struct work *open_work(struct line *line, const char *name, const char *const *options, const char *env_name,
                              const char *env_value, enum reason down, struct error *err)
{
        char program[512], variable[512];
        const char *argv[8] = { program };
        const char *env[] = { env_value[0] ? variable : NULL, NULL };
        struct work_spec spec = {
                .name = name, .line = line->config->name, .kind = WORK_CHILD, .argv = argv, .env = env, .down = down
        };

        (void)snprintf(program, sizeof program, "%s/%s", line->core->config.station.programs_dir, name);
        (void)snprintf(variable, sizeof variable, "%s=%s", env_name, env_value);
        for (size_t i = 0; options[i]; i++)
                argv[i + 1] = options[i];
        return work_new(&line->core->loop, &spec, err);
}

int line_open(struct line *line, struct core *core, const struct config_line *config, struct error *err)
{
        const char *print[] = { "--queue", config->queue, "--gate", config->gate_dir, NULL };
        const char *chip[] = { "--reader", config->reader, NULL };

        *line = (struct line){ .core = core, .config = config };
        line->print = open_work(line, "mohr-print", print, "CUPS_SERVER", config->cups_server, REASON_QUEUE_GONE, err);
        if (!line->print)
                return -1;
        line->chip =
                open_work(line, "mohr-chip", chip, "PCSCLITE_CSOCK_NAME", config->pcsc_socket, REASON_READER_GONE, err);
        if (!line->chip) {
                work_free(line->print);
                return -1;
        }
        work_watch(line->print, work_changed, line);
        work_watch(line->chip, work_changed, line);
        return 0;
}

void line_stop(struct line *line)
{
        work_watch(line->print, NULL, NULL);
        work_watch(line->chip, NULL, NULL);
        work_stop(line->print);
        work_stop(line->chip);
}

void line_close(struct line *line)
{
        print_flow_drop(line);
        print_probe_drop(line);
        chip_flow_drop(line);
        chip_watch_drop(line);
        work_free(line->print);
        work_free(line->chip);
        shown_clear(&line->shown);
}

struct line *line_by_name(struct core *c, const char *name)
{
        if (!name)
                return c->n_lines == 1 ? &c->lines[0] : NULL;
        for (size_t i = 0; i < c->n_lines; i++)
                if (strcmp(c->lines[i].config->name, name) == 0)
                        return &c->lines[i];
        return NULL;
}

/* A running print is asked about here only when nothing runs it any more: its outcome could not be recorded. */
int line_check(struct line *line, struct error *err)
{
        struct ledger *l = &line->core->ledger;
        char held[64] = "", serial[SERIAL_TEXT] = "";
        enum reason why = REASON_LINE_HELD;

        (void)ledger_get_text(l, held, sizeof held, "SELECT held FROM line WHERE name=?1", "s", line->config->name);
        (void)ledger_get_text(l, serial, sizeof serial, "SELECT held_serial FROM line WHERE name=?1", "s",
                              line->config->name);
        if (held[0]) {
                (void)reason_parse(held, &why);
                return err_own(err, ERR_OPERATOR, why, "line %s holds since serial %s", line->config->name,
                               serial[0] ? serial : "-");
        }
        if (ledger_get_int(l,
                           "SELECT count(*) FROM intent WHERE line=?1 AND kind='print' AND state IN "
                           "('running','unknown')",
                           "s", line->config->name) > 0)
                return err_own(err, ERR_UNKNOWN, REASON_UNKNOWN_OPEN, "line %s has a print of unknown outcome",
                               line->config->name);
        return 0;
}

static void ensure_row(struct line *line)
{
        ledger_run(&line->core->ledger, "INSERT INTO line(name) VALUES(?1) ON CONFLICT DO NOTHING", "s",
                   line->config->name);
}

void line_hold(struct line *line, enum reason reason, const char *serial)
{
        cleanup(json_p) json_t *body = json_pack("{s:s}", "reason", reason_word(reason));

        ensure_row(line);
        ledger_audit(&line->core->ledger, "hold", "line", line->config->name, NULL, body);
        ledger_run(&line->core->ledger, "UPDATE line SET held=?2, held_serial=?3 WHERE name=?1", "sss",
                   line->config->name, reason_word(reason), serial);
}

void line_release(struct line *line)
{
        ensure_row(line);
        ledger_audit(&line->core->ledger, "release", "line", line->config->name, NULL, NULL);
        ledger_run(&line->core->ledger, "UPDATE line SET held=NULL, held_serial=NULL, mismatches=0 WHERE name=?1", "s",
                   line->config->name);
}

void line_tell(struct line *line)
{
        core_publish(line->core, "line", json_pack("{s:s}", "line", line->config->name));
}

void shown_clear(struct shown *shown)
{
        json_decref(shown->holder);
        free(shown->photo);
        *shown = (struct shown){ 0 };
}
