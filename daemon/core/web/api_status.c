/* How the station stands: no personal data, for everybody on this machine. */
#include "daemon/core/card/chip_flow.h"
#include "daemon/core/card/outcome.h"
#include "daemon/core/card/print_flow.h"
#include "daemon/core/web/api.h"
#include <string.h>

static json_t *work_json(const struct work *w)
{
        struct work_status s;

        work_status(w, &s);
        if (s.verb && strcmp(s.verb, "watch") == 0) /* waits for whatever card comes, and gives way to any task */
                s.state = WORK_IDLE;
        return json_pack("{s:s,s:s*,s:s,s:i,s:i,s:i}", "name", s.name, "line", s.line, "state",
                         work_state_name(s.state), "pid", (int)s.pid, "restarts", (int)s.n_restarts, "queued",
                         (int)s.n_queued);
}

static json_t *works_json(struct core *c)
{
        json_t *list = json_pack("[o,o,o]", work_json(c->net), work_json(c->key), work_json(c->render));

        for (size_t i = 0; i < c->n_lines; i++) {
                (void)json_array_append_new(list, work_json(c->lines[i].print));
                (void)json_array_append_new(list, work_json(c->lines[i].chip));
        }
        return list;
}

static json_t *line_json(struct line *line)
{
        static const char *const held_keys[] = { "held", "serial", NULL };
        static const char *const card_keys[] = { "serial", "state", "application", NULL };
        struct ledger *l = &line->core->ledger;
        const char *name = line->config->name;
        char next[SERIAL_TEXT] = "";

        (void)ledger_get_text(l, next, sizeof next,
                              "SELECT serial FROM blank WHERE state='hopper' AND line=?1 ORDER BY position LIMIT 1",
                              "s", name);
        return json_pack(
                "{s:s,s:o,s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:s}", "line", name, "held",
                api_first(api_rows(l, held_keys,
                                   "SELECT held, held_serial FROM line WHERE name=?1 AND held IS NOT NULL", "s", name,
                                   0)),
                "hopper",
                (json_int_t)ledger_get_int(l, "SELECT count(*) FROM blank WHERE state='hopper' AND line=?1", "s", name),
                "next", next, "in_work",
                api_rows(l, card_keys,
                         "SELECT serial, state, application FROM blank WHERE line=?1 AND state IN "
                         "('reserved','printing','printed','accepted','writing','written','verified') "
                         "ORDER BY position",
                         "s", name, 0),
                "printing", print_flow_json(line), "chipping", chip_flow_json(line), "printed",
                outcome_json(&line->printed), "chipped", outcome_json(&line->chipped), "shown",
                line->shown.holder ? line->shown.serial : "");
}

static json_t *counts_json(struct core *c)
{
        static const char *const keys[] = { "state", "#count", NULL };
        struct ledger *l = &c->ledger;

        return json_pack(
                "{s:o,s:o,s:I,s:I}", "applications",
                api_rows(l, keys, "SELECT state, count(*) FROM application GROUP BY state", "", NULL, 0), "blanks",
                api_rows(l, keys, "SELECT state, count(*) FROM blank GROUP BY state", "", NULL, 0), "unknown",
                (json_int_t)ledger_get_int(l,
                                           "SELECT count(*) FROM intent WHERE state='unknown' AND kind IN "
                                           "('print','write','lock')",
                                           ""),
                "cases", (json_int_t)ledger_get_int(l, "SELECT count(*) FROM dispute WHERE closed_at IS NULL", ""));
}

static json_t *portal_json(struct core *c)
{
        return json_pack("{s:b,s:b,s:b,s:I,s:I,s:o}", "up",
                         c->outbox.portal_up || (c->sync.synced_at > 0 && !c->sync.failed), "greeted", c->sync.greeted,
                         "fenced", c->sync.fenced, "pending", (json_int_t)outbox_pending(c), "synced_at",
                         (json_int_t)c->sync.synced_at, "error",
                         c->sync.failed ? outcome_error_json(&c->sync.last) : json_null());
}

void api_get_status(struct request *r)
{
        struct core *c = api_core(r);
        json_t *lines = json_array();

        for (size_t i = 0; i < c->n_lines; i++)
                (void)json_array_append_new(lines, line_json(&c->lines[i]));
        web_reply(r, 200,
                  json_pack("{s:s,s:I,s:I,s:s,s:o,s:o,s:o,s:o}", "station", c->config.station.id, "epoch",
                            (json_int_t)c->ledger.epoch, "audit_seq", (json_int_t)c->ledger.seq, "audit_head",
                            c->ledger.head, "portal", portal_json(c), "lines", lines, "counts", counts_json(c),
                            "workers", works_json(c)));
}
