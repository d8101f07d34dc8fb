#include "daemon/core/fsck/fsck_inside.h"
#include "proto/base/cleanup.h"

/* null becomes NULL; all else that is no text is refused. */
static bool take(const json_t *item, const char *key, bool nullable, const char **ret)
{
        const json_t *value = json_object_get(item, key);

        *ret = json_string_value(value);
        return *ret || (nullable && json_is_null(value));
}

static int load_item(struct db *db, const json_t *item, struct error *err)
{
        const json_t *seq = json_object_get(item, "portal_seq");
        const char *what, *key, *sha256, *application, *serial;

        if (!json_is_integer(seq) || !take(item, "what", false, &what) || !take(item, "key", false, &key) ||
            !take(item, "payload_sha256", false, &sha256) || !take(item, "application", true, &application) ||
            !take(item, "serial", true, &serial))
                return err_input(err, REASON_BAD_JSON, "not an item of the portal's ledger");
        return db_run(db, err, "INSERT INTO fsck_effect VALUES(?1,?2,?3,?4,?5,?6)", "isssss",
                      (int64_t)json_integer_value(seq), what, key, sha256, application, serial);
}

/* The first installation answers for everything; a later one from its first receipt on. */
static const char asked_sql[] =
        "INSERT INTO fsck_asked SELECT ?1, CASE (SELECT value FROM meta WHERE key='epoch') WHEN '1' THEN 0 ELSE "
        "(SELECT coalesce(min(e.portal_seq), 9223372036854775807) FROM fsck_effect e JOIN fsck_call c ON c.id=e.key) "
        "END";

int fsck_portal_load(struct db *db, struct fsck_portal *portal, struct error *err)
{
        for (size_t i = 0; i < json_array_size(portal->items); i++)
                if (load_item(db, json_array_get(portal->items, i), err) < 0)
                        return -1;
        if (db_run(db, err, asked_sql, "i", portal->audit_seq) < 0 ||
            db_get_int(db, &portal->n_pending, err,
                       "SELECT count(*) FROM fsck_call WHERE state IN ('running','unknown')", "") < 0)
                return -1;
        return 0;
}
