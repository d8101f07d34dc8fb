#include "daemon/core/ledger/intent.h"
#include "proto/base/cleanup.h"
#include "proto/base/json.h"
#include <string.h>

void intent_new_as(struct ledger *l, const struct intent_spec *spec, const char *id)
{
        cleanup(json_p) json_t *body = json_pack("{s:s,s:s*,s:s*,s:s*}", "kind", spec->kind, "application",
                                                 spec->application, "serial", spec->serial, "line", spec->line);
        char digest[AUDIT_HASH_TEXT];

        sha256_hex(spec->payload, digest);
        ledger_born(l, ENTITY_INTENT, id, "running", id, body);
        ledger_run(l,
                   "INSERT INTO intent(id,kind,state,application,card,serial,line,actor,role,method,path,payload,"
                   "payload_sha256,boot_id,started_at,started_boot) "
                   "VALUES(?1,?2,'running',?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
                   "ssssssssssbssii", id, spec->kind, spec->application, spec->card, spec->serial, spec->line,
                   l->who.person, l->who.role, spec->method, spec->path, spec->payload, spec->payload.p ? digest : NULL,
                   clock_boot_id(), clock_wall_ms(), clock_boot_ms());
}

void intent_new(struct ledger *l, const struct intent_spec *spec, char ret_id[UUID_TEXT])
{
        random_uuid(ret_id);
        intent_new_as(l, spec, ret_id);
}

/* What the intent knows already and this, as text; evidence may be NULL. What cannot be read any more is begun anew.
 * Without memory the transaction fails: what was known must not be lost. jansson may then even write a text that is no
 * JSON (2.14, json_dumps); the json() of the updates below refuses it. */
static char *merged(struct ledger *l, const char *id, const json_t *evidence)
{
        char old[16384] = "{}";
        cleanup(json_p) json_t *json = NULL;
        char *text;

        (void)ledger_get_text(l, old, sizeof old,
                              "SELECT iif(json_valid(evidence), evidence, '{}') FROM intent WHERE id=?1", "s", id);
        json = json_loads(old, 0, NULL);
        text = evidence && json_object_update(json, (json_t *)(uintptr_t)evidence) < 0 ? NULL
                                                                                       : json_dumps(json, JSON_COMPACT);
        if (!text)
                ledger_refuse(l, ERR_RETRY, REASON_INTERNAL, "no memory for the evidence");
        return text;
}

void intent_step(struct ledger *l, const char *id, const char *step, const json_t *evidence)
{
        cleanup(free_p) char *text = merged(l, id, evidence);
        cleanup(json_p) json_t *body = json_pack("{s:s}", "step", step);

        ledger_audit(l, "checkpoint", "intent", id, id, body);
        ledger_run(l, "UPDATE intent SET step=?2, evidence=json(?3) WHERE id=?1", "sss", id, step, text);
}

void intent_evidence(struct ledger *l, const char *id, const char *what, const json_t *evidence)
{
        cleanup(free_p) char *text = merged(l, id, evidence);

        ledger_audit(l, what, "intent", id, id, NULL);
        ledger_run(l, "UPDATE intent SET evidence=json(?2) WHERE id=?1", "ss", id, text);
}

void intent_close(struct ledger *l, const char *id, const char *event, const json_t *result)
{
        cleanup(free_p) char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;

        ledger_move(l, ENTITY_INTENT, id, event, id, NULL);
        ledger_run(l, "UPDATE intent SET result=coalesce(?2,result), closed_by=?3 WHERE id=?1", "sss", id, text,
                   l->who.person);
}

void intent_close_unknown(struct ledger *l, const char *serial, const json_t *result)
{
        char id[UUID_TEXT];

        while (ledger_ok(l) && ledger_get_text(l, id, sizeof id,
                                               "SELECT id FROM intent WHERE serial=?1 AND state='unknown' AND kind IN "
                                               "('print','write','lock')",
                                               "s", serial))
                intent_close(l, id, "fail", result);
}
