#include "daemon/core/ledger/decision.h"
#include "proto/base/cleanup.h"
#include <string.h>

static void add_people(struct ledger *l, const struct decision *d, json_t *facts)
{
        char digest[AUDIT_HASH_TEXT];

        sha256_hex((struct bytes){ (const uint8_t *)d->seen, strlen(d->seen) }, digest);
        (void)json_object_update_new(facts, json_pack("{s:s,s:s,s:s*,s:s}", "of", d->of, "first",
                                                      d->first ? d->first : l->who.person, "second",
                                                      d->first ? l->who.person : NULL, "evidence_sha256", digest));
}

void decision_begin(struct ledger *l, const struct decision *d, char ret_id[UUID_TEXT])
{
        struct intent_spec spec = {
                .kind = "decide", .application = d->application, .serial = d->serial, .line = d->line
        };
        cleanup(json_p) json_t *facts = d->facts;

        add_people(l, d, facts);
        intent_new(l, &spec, ret_id);
        ledger_audit(l, "decide", "intent", ret_id, ret_id, facts);
        intent_step(l, ret_id, "decided", facts);
}

void decision_end(struct ledger *l, const char *id)
{
        cleanup(json_p) json_t *result = NULL;
        char text[4096] = "{}";

        (void)ledger_get_text(l, text, sizeof text, "SELECT evidence FROM intent WHERE id=?1", "s", id);
        result = json_loads(text, 0, NULL);
        intent_close(l, id, "done", result);
}
