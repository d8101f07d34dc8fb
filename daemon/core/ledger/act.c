#include "daemon/core/ledger/act.h"
#include "proto/base/cleanup.h"
#include <string.h>

static void propose(struct ledger *l, const char *kind, const char *body, const char *digest)
{
        cleanup(json_p) json_t *audit = json_pack("{s:s,s:s}", "kind", kind, "digest", digest);
        char id[UUID_TEXT];

        random_uuid(id);
        ledger_audit(l, "propose", "act", id, NULL, audit);
        ledger_run(l,
                   "INSERT INTO act(id,kind,body,digest,proposed_by,proposed_office,proposed_at) "
                   "VALUES(?1,?2,?3,?4,?5,?6,?7)",
                   "ssssssi", id, kind, body, digest, l->who.person, l->who.office, clock_wall_ms());
}

static enum act_turn second(struct ledger *l, const char *id)
{
        char person[64] = "", office[64] = "";

        (void)ledger_get_text(l, person, sizeof person, "SELECT proposed_by FROM act WHERE id=?1", "s", id);
        (void)ledger_get_text(l, office, sizeof office, "SELECT proposed_office FROM act WHERE id=?1", "s", id);
        if (strcmp(person, l->who.person) == 0 || strcmp(office, l->who.office) == 0) {
                ledger_refuse(l, ERR_INPUT, REASON_SAME_PERSON, "%s of office %s has asked for this already", person,
                              office);
                return ACT_REFUSED;
        }
        ledger_audit(l, "confirm", "act", id, NULL, NULL);
        ledger_run(l, "UPDATE act SET confirmed_by=?2, confirmed_office=?3, confirmed_at=?4 WHERE id=?1", "sssi", id,
                   l->who.person, l->who.office, clock_wall_ms());
        return ACT_SECOND;
}

/* To the letter: the text of the body with sorted keys, and its digest. NULL without memory; the caller frees. */
static char *letter(const json_t *body, char ret_digest[AUDIT_HASH_TEXT])
{
        char *text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);

        if (text)
                sha256_hex((struct bytes){ (const uint8_t *)text, strlen(text) }, ret_digest);
        return text;
}

bool act_signers(struct ledger *l, const char *kind, const json_t *body, char *ret_first, char *ret_second, size_t max)
{
        char digest[AUDIT_HASH_TEXT], id[UUID_TEXT];
        cleanup(free_p) char *text = letter(body, digest);

        return text &&
               ledger_get_text(l, id, sizeof id,
                               "SELECT id FROM act WHERE kind=?1 AND digest=?2 AND confirmed_at IS NOT NULL ORDER BY "
                               "rowid DESC LIMIT 1",
                               "ss", kind, digest) &&
               ledger_get_text(l, ret_first, max, "SELECT proposed_by FROM act WHERE id=?1", "s", id) &&
               ledger_get_text(l, ret_second, max, "SELECT confirmed_by FROM act WHERE id=?1", "s", id);
}

void act_first_person(struct ledger *l, const char *kind, const json_t *body, char *ret, size_t max)
{
        char second[65];

        ret[0] = '\0';
        (void)act_signers(l, kind, body, ret, second, sizeof second < max ? sizeof second : max);
}

enum act_turn act_turn(struct ledger *l, const char *kind, const json_t *body)
{
        char digest[AUDIT_HASH_TEXT], id[UUID_TEXT];
        cleanup(free_p) char *text = letter(body, digest);

        if (!text) {
                ledger_refuse(l, ERR_RETRY, REASON_INTERNAL, "no memory");
                return ACT_REFUSED;
        }
        if (ledger_get_text(l, id, sizeof id, "SELECT id FROM act WHERE kind=?1 AND digest=?2 AND confirmed_at IS NULL",
                            "ss", kind, digest))
                return second(l, id);
        propose(l, kind, text, digest);
        return ACT_FIRST;
}
