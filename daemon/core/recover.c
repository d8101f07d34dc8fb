#include "daemon/core/recover.h"
#include "daemon/core/log.h"
#include "proto/base/cleanup.h"
#include <stdio.h>
#include <string.h>

enum { BATCH = 64 };

/* A chip write whose script was never released changed nothing on the chip: no person need look. */
static bool is_unwritten(const char *kind, const char *step)
{
        return strcmp(kind, "write") == 0 && strcmp(step, "script") != 0 && strcmp(step, "written") != 0;
}

static void recover_one(struct ledger *l, const char *id, const char *kind, const char *step, const char *serial)
{
        cleanup(json_p) json_t *proof = NULL;

        intent_close(l, id, "lose", NULL);
        if (!is_unwritten(kind, step))
                return;
        proof = json_pack("{s:s}", "proof", "the script was never released");
        intent_close(l, id, "fail", proof);
        ledger_move(l, ENTITY_BLANK, serial, "abort", id, NULL);
}

struct open_intent {
        char id[UUID_TEXT], kind[16], step[IPC_NAME_MAX + 1], serial[SERIAL_TEXT];
};

static size_t read_running(struct ledger *l, struct open_intent *ret)
{
        struct db_rows rows;
        size_t n = 0;

        if (!ledger_query(l, &rows,
                          "SELECT id, kind, coalesce(step,''), coalesce(serial,'') FROM intent WHERE state='running' "
                          "ORDER BY started_at LIMIT 64",
                          ""))
                return 0;
        while (db_next(&rows) && n < BATCH) {
                (void)snprintf(ret[n].id, sizeof ret[n].id, "%s", db_text(&rows, 0));
                (void)snprintf(ret[n].kind, sizeof ret[n].kind, "%s", db_text(&rows, 1));
                (void)snprintf(ret[n].step, sizeof ret[n].step, "%s", db_text(&rows, 2));
                (void)snprintf(ret[n].serial, sizeof ret[n].serial, "%s", db_text(&rows, 3));
                n++;
        }
        db_rows_done(&rows);
        return n;
}

int recover_at_start(struct core *c, struct error *err)
{
        struct ledger *l = &c->ledger;
        struct open_intent batch[BATCH];
        size_t n, total = 0;

        do {
                ledger_begin(l, &who_station);
                n = read_running(l, batch);
                for (size_t i = 0; i < n; i++)
                        recover_one(l, batch[i].id, batch[i].kind, batch[i].step, batch[i].serial);
                if (!core_commit(c, err))
                        return -1;
                total += n;
        } while (n > 0);
        if (total > 0)
                log_say(LEVEL_WARNING, "%zu outcomes were open at the last end; they are being looked into", total);
        return 0;
}
