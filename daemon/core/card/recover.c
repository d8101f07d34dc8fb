#include "daemon/core/card/recover.h"
#include "daemon/core/card/chip_flow.h"
#include "daemon/core/card/print_flow.h"
#include "daemon/core/loop/log.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <stdio.h>
#include <string.h>

enum { BATCH = 64, AGAIN_MS = 500 };

struct open_intent {
        char id[UUID_TEXT], kind[16], step[IPC_NAME_MAX + 1], serial[SERIAL_TEXT];
};

/* A chip whose script was never released was not changed: no person need look. */
static bool is_unwritten(const struct open_intent *i)
{
        return (strcmp(i->kind, "write") == 0 || strcmp(i->kind, "lock") == 0) && strcmp(i->step, "script") != 0 &&
               strcmp(i->step, "written") != 0;
}

static void recover_one(struct ledger *l, const struct open_intent *i)
{
        cleanup(json_p) json_t *proof = NULL;

        intent_close(l, i->id, "lose", NULL);
        if (!is_unwritten(i))
                return;
        proof = json_pack("{s:s}", "proof", "the script was never released");
        intent_close(l, i->id, "fail", proof);
        if (strcmp(i->kind, "write") == 0)
                chip_record_untouched(l, i->serial, i->id);
}

static size_t read_running(struct ledger *l, struct open_intent *ret)
{
        struct db_rows rows;
        size_t n = 0;

        if (!ledger_query(l, &rows,
                          "SELECT id, kind, coalesce(step,''), coalesce(serial,'') FROM intent WHERE state='running' "
                          "ORDER BY kind IN ('print','write','lock') DESC, started_at LIMIT 64",
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

static bool is_run(struct core *c, const struct open_intent *i)
{
        for (size_t n = 0; n < c->n_lines; n++)
                if (print_flow_runs(&c->lines[n], i->id) || chip_flow_runs(&c->lines[n], i->id))
                        return true;
        return strcmp(i->kind, "print") != 0 && strcmp(i->kind, "write") != 0 && strcmp(i->kind, "lock") != 0;
}

static void sweep(struct timer *t)
{
        struct core *c = owner_of(t, struct core, orphans);
        struct open_intent batch[BATCH];
        size_t n = read_running(&c->ledger, batch), kept = 0;
        struct error err;

        for (size_t i = 0; i < n; i++)
                if (!is_run(c, &batch[i]))
                        batch[kept++] = batch[i];
        if (kept == 0)
                return;
        ledger_begin(&c->ledger, &who_station);
        for (size_t i = 0; i < kept; i++)
                recover_one(&c->ledger, &batch[i]);
        FAULT_COMMIT("core.sweep");
        if (!core_commit(c, &err)) {
                log_error(LEVEL_ERROR, (struct log_at){ .step = "recover" }, &err);
                recover_later(c);
                return;
        }
        for (size_t i = 0; i < c->n_lines; i++)
                print_flow_probe(&c->lines[i]);
}

void recover_later(struct core *c)
{
        c->orphans.fired = sweep;
        loop_timer_set(&c->loop, &c->orphans, now_boot_ms() + AGAIN_MS);
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
                        recover_one(l, &batch[i]);
                FAULT_COMMIT("core.recover");
                if (!core_commit(c, err))
                        return -1;
                total += n;
        } while (n > 0);
        if (total > 0)
                log_say(LEVEL_WARNING, "%zu outcomes were open at the last end; they are being looked into", total);
        return 0;
}
