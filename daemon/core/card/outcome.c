#include "daemon/core/card/outcome.h"
#include "daemon/core/core.h"
#include "daemon/core/loop/log.h"
#include <stdio.h>

void outcome_set(struct line *line, struct outcome *o, const char *what, const char *application, const char *serial,
                 const char *intent, const struct error *err)
{
        struct log_at at = { line->config->name, serial, what };

        *o = (struct outcome){ .what = what, .ok = !err, .at = clock_wall_ms() };
        (void)snprintf(o->application, sizeof o->application, "%s", application ? application : "");
        (void)snprintf(o->serial, sizeof o->serial, "%s", serial ? serial : "");
        (void)snprintf(o->intent, sizeof o->intent, "%s", intent ? intent : "");
        if (err) {
                o->error = *err;
                log_error(err->kind == ERR_UNKNOWN || err->kind == ERR_BUG ? LEVEL_ERROR : LEVEL_WARNING, at, err);
        } else {
                log_at(LEVEL_INFO, at, "done");
        }
        core_publish(line->core, "outcome", outcome_json(o));
        line_tell(line);
}

/* {"kind","origin","code","reason","text","advice"} */
json_t *outcome_error_json(const struct error *e)
{
        json_t *json = ipc_encode_error(e);

        (void)json_object_set_new(json, "advice", json_string(reason_advice(e->reason)));
        return json;
}

json_t *outcome_json(const struct outcome *o)
{
        if (!o->what)
                return json_null();
        return json_pack("{s:s,s:s,s:s,s:s,s:b,s:I,s:o*}", "what", o->what, "application", o->application, "serial",
                         o->serial, "intent", o->intent, "ok", o->ok, "at", (json_int_t)o->at, "error",
                         o->ok ? NULL : outcome_error_json(&o->error));
}
