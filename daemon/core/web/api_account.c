/* The machine's own account: life cycles, audit, a copy of the ledger, events. */
#include "daemon/core/web/api.h"
#include "proto/base/cleanup.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void api_get_states(struct request *r)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n_transitions; i++)
                (void)json_array_append_new(
                        list, json_pack("{s:s,s:s,s:s,s:s}", "entity", entity_name(transitions[i].entity), "from",
                                        transitions[i].from, "event", transitions[i].event, "to", transitions[i].to));
        web_reply(r, 200, json_pack("{s:o}", "transitions", list));
}

void api_get_audit(struct request *r)
{
        static const char *const keys[] = { "#seq",       "#epoch",   "prev",   "hash",  "boot_id", "#t_wall",
                                            "#t_boot",    "actor",    "role",   "event", "entity",  "subject",
                                            "from_state", "to_state", "intent", "body",  NULL };
        int64_t after = 0;
        struct error err;
        struct who who;

        if (!api_actor(r, MAY_AUDIT, &who))
                return;
        if (web_query_int(r, "after", 0, INT64_MAX, &after, &err) < 0)
                web_reply_error(r, &err);
        else
                web_reply(r, 200,
                          json_pack("{s:o}", "rows",
                                    api_rows(&api_core(r)->ledger, keys,
                                             "SELECT * FROM audit WHERE seq>?1 ORDER BY seq LIMIT 200", "i", NULL,
                                             after)));
}

/* A copy of the ledger for fsck, made by SQLite's backup API; its name is gone before the answer is. */
void api_get_snapshot(struct request *r)
{
        struct core *c = api_core(r);
        char path[600];
        struct error err;
        struct who who;
        int fd;

        if (!api_actor(r, MAY_AUDIT, &who))
                return;
        (void)snprintf(path, sizeof path, "%s/snapshot.db", c->config.station.state_dir);
        (void)unlink(path);
        if (ledger_snapshot(&c->ledger, path, &err) < 0) {
                (void)unlink(path);
                web_reply_error(r, &err);
                return;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        (void)unlink(path);
        if (fd >= 0) {
                web_reply_file(r, 200, "application/vnd.sqlite3", fd);
                return;
        }
        (void)err_own(&err, ERR_RETRY, REASON_LEDGER, "the snapshot cannot be read");
        web_reply_error(r, &err);
}

void api_get_events(struct request *r)
{
        struct who who;

        if (api_actor(r, MAY_READ, &who))
                web_reply_events(r);
}
