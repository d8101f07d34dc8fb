/* Cases as people see them: what happened, how it stands now, which findings the facts bear out, who has asked. */
#include "daemon/core/desk/cases_inside.h"
#include "daemon/core/web/api.h"
#include "proto/base/cleanup.h"
#include <stdio.h>
#include <string.h>

static json_t *findings_json(struct ledger *l, const char *kind, int64_t id)
{
        json_t *list = json_array();
        char command[128];

        for (const struct finding *f = case_findings; f->kind; f++) {
                if (strcmp(f->kind, kind) != 0)
                        continue;
                (void)snprintf(command, sizeof command, "mohr case close %lld %s%s", (long long)id, f->word,
                               f->needs_text ? " --text '...'" : "");
                (void)json_array_append_new(list, json_pack("{s:s,s:b,s:s,s:s,s:b,s:s}", "finding", f->word, "possible",
                                                            case_bears(l, f, id), "says", f->says, "lacks", f->lacks,
                                                            "needs_text", f->needs_text, "command", command));
        }
        return list;
}

static void add_parts(struct ledger *l, json_t *row)
{
        static const char *const asked[] = { "finding", "text", "by", "office", "#at", NULL };
        static const char *const signed_by[] = { "finding", "finding_text", "first", "second", NULL };
        int64_t id = json_integer_value(json_object_get(row, "case"));
        json_t *end;

        if (json_is_null(json_object_get(row, "closed_at"))) {
                (void)json_object_set_new(row, "findings",
                                          findings_json(l, json_string_value(json_object_get(row, "kind")), id));
                (void)json_object_set_new(
                        row, "asked",
                        api_rows(l, asked,
                                 "SELECT json_extract(body,'$.finding'), json_extract(body,'$.text'), proposed_by, "
                                 "proposed_office, proposed_at FROM act WHERE kind='case' AND confirmed_at IS NULL AND "
                                 "json_extract(body,'$.case')=?1",
                                 "i", NULL, id));
                return;
        }
        end = api_first(api_rows(l, signed_by,
                                 "SELECT json_extract(body,'$.finding'), json_extract(body,'$.text'), proposed_by, "
                                 "confirmed_by FROM act WHERE kind='case' AND confirmed_at IS NOT NULL AND "
                                 "json_extract(body,'$.case')=?1",
                                 "i", NULL, id));
        if (json_is_object(end))
                (void)json_object_update(row, end);
        json_decref(end);
}

json_t *cases_list(struct core *c, bool all)
{
        static const char *const keys[] = { "#case",     "kind",    "application", "serial",     "intent",
                                            "text",      "state",   "line",        "#opened_at", "#closed_at",
                                            "closed_by", "scanned", "face_code",   "chip_id",    NULL };
        json_t *list = api_rows(&c->ledger, keys,
                                "SELECT d.id, d.kind, d.application, d.serial, d.intent, d.text, b.state, b.line, "
                                "d.opened_at, d.closed_at, d.closed_by, d.scanned, d.face_code, d.chip_id FROM dispute "
                                "d LEFT JOIN blank b ON "
                                "b.serial=d.serial WHERE ?1 OR d.closed_at IS NULL ORDER BY d.id",
                                "i", NULL, all);
        json_t *row;
        size_t i;

        json_array_foreach(list, i, row) add_parts(&c->ledger, row);
        return list;
}
