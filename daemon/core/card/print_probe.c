/* What became of a print whose outcome nobody heard: the worker is asked until it can tell, or says that nobody can. */
#include "daemon/core/card/print_flow.h"
#include "daemon/core/loop/log.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/ipc/print.h"
#include <string.h>

enum { WORKING_AGAIN_MS = 1000, FAILED_AGAIN_MS = 5000, SILENT_AGAIN_MS = 5000 };

/* The printer did it: the blank that was expected is now printed, until the scan binds or corrects it. */
void print_record_printed(struct ledger *l, const char *intent, const char *serial, const json_t *result)
{
        ledger_move_set(l, ENTITY_BLANK, serial, "printed", intent, NULL,
                        "UPDATE blank SET state=?2, version=version+1, printed_at=?3 WHERE serial=?1", "i",
                        clock_wall_ms());
        intent_close(l, intent, "done", result);
}

/* Proven not started: the blank lies in the hopper as before and the card's face code can be used again. */
void print_record_not_started(struct ledger *l, const char *intent, const char *serial, const json_t *result)
{
        intent_close(l, intent, "fail", result);
        ledger_move(l, ENTITY_BLANK, serial, "not_started", intent, NULL);
        ledger_move_set(l, ENTITY_BLANK, serial, "free", intent, NULL,
                        "UPDATE blank SET state=?2, version=version+1, card=NULL, application=NULL WHERE serial=?1",
                        "");
}

struct probe {
        struct line *line;
        struct task task;
        struct timer again;
        char intent[UUID_TEXT], serial[SERIAL_TEXT];
};

static void probe_again(struct timer *t)
{
        struct probe *p = owner_of(t, struct probe, again);
        struct line *line = p->line;

        line->probe = NULL;
        free(p);
        print_flow_probe(line);
}

static void probe_end(struct probe *p)
{
        p->line->probe = NULL;
        line_tell(p->line);
        free(p);
}

static void ask_again(struct probe *p, int64_t ms)
{
        p->again.fired = probe_again;
        loop_timer_set(&p->line->core->loop, &p->again, now_boot_ms() + ms);
}

/* cupsd was as silent as the last time it was asked: nothing new to write down. */
static bool is_told(struct ledger *l, const char *intent, const json_t *args)
{
        static const char *const keys[] = { "gate", "cups", "job", "running", "verdict" };
        cleanup(json_p) json_t *told = NULL;
        char text[16384] = "{}";

        (void)ledger_get_text(l, text, sizeof text, "SELECT evidence FROM intent WHERE id=?1 AND step='probed'", "s",
                              intent);
        told = json_loads(text, 0, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (!json_equal(json_object_get(told, keys[i]), json_object_get(args, keys[i])))
                        return false;
        return true;
}

static json_t *with_time(const json_t *args)
{
        json_t *all = json_copy((json_t *)(uintptr_t)args);

        (void)json_object_set_new(all, "probed_at", json_integer((json_int_t)clock_wall_ms()));
        return all;
}

/* False when it could not be recorded. A person may have decided meanwhile: then the ledger refuses, rightly. */
static bool record(struct probe *p, const struct print_evidence *evidence, const json_t *args)
{
        struct ledger *l = &p->line->core->ledger;
        cleanup(json_p) json_t *all = with_time(args);
        struct error err;

        if (!evidence->cups && evidence->verdict == PRINT_UNKNOWN && is_told(l, p->intent, args))
                return true;
        ledger_begin(l, &who_station);
        intent_step(l, p->intent, "probed", all);
        switch (evidence->verdict) {
        case PRINT_PRINTED:
                print_record_printed(l, p->intent, p->serial, args);
                break;
        case PRINT_NOT_STARTED:
                print_record_not_started(l, p->intent, p->serial, args);
                break;
        case PRINT_UNKNOWN:
                break;
        }
        FAULT_COMMIT("core.print_probed");
        if (!core_commit(p->line->core, &err))
                return false;
        if (evidence->cups)
                memcpy(p->line->probed, p->intent, sizeof p->line->probed);
        core_publish(p->line->core, "unknown", json_pack("{s:s}", "intent", p->intent));
        return true;
}

static void probe_message(struct task *t, struct ipc_message *m, int blob)
{
        struct probe *p = owner_of(t, struct probe, task);
        struct print_evidence evidence;
        struct error err;

        (void)blob;
        if (m->kind == IPC_FAILED)
                ask_again(p, FAILED_AGAIN_MS); /* cupsd is silent, say: what could still start must not be forgotten */
        if (m->kind != IPC_DONE)
                return;
        if (print_evidence_decode(m->args, &evidence, &err) < 0) {
                log_error(LEVEL_ERROR, (struct log_at){ p->line->config->name, p->serial, "probe" }, &err);
                ask_again(p, FAILED_AGAIN_MS);
        } else if (evidence.verdict == PRINT_UNKNOWN && evidence.running) {
                ask_again(p, WORKING_AGAIN_MS);
        } else if (!record(p, &evidence, m->args)) {
                ask_again(p, FAILED_AGAIN_MS);
        } else if (!evidence.cups && evidence.verdict == PRINT_UNKNOWN) {
                ask_again(p, SILENT_AGAIN_MS); /* cupsd will know more of the job when it is back */
        } else {
                probe_end(p);
        }
}

static void probe_lost(struct task *t, const struct error *err)
{
        (void)err;
        ask_again(owner_of(t, struct probe, task), FAILED_AGAIN_MS);
}

void print_flow_probe(struct line *line)
{
        struct core *c = line->core;
        struct print_probe ask = { .wait_ms = PRINT_WAIT_DEFAULT_MS };
        struct probe *p;

        if (line->probe || line->print_flow)
                return;
        p = calloc(1, sizeof *p);
        if (!p)
                return;
        p->line = line;
        if (!ledger_get_text(&c->ledger, p->intent, sizeof p->intent,
                             "SELECT id FROM intent WHERE kind='print' AND state='unknown' AND line=?1 AND "
                             "id<>?2 ORDER BY started_at LIMIT 1",
                             "ss", line->config->name, line->probed) ||
            !ledger_get_text(&c->ledger, p->serial, sizeof p->serial, "SELECT serial FROM intent WHERE id=?1", "s",
                             p->intent)) {
                free(p);
                return;
        }
        line->probe = p;
        memcpy(ask.intent, p->intent, sizeof ask.intent);
        p->task = (struct task){ .message = probe_message, .lost = probe_lost };
        work_submit(line->print, &p->task, "probe", print_probe_encode(&ask), -1, PRINT_WAIT_DEFAULT_MS * 2);
}

void print_probe_drop(struct line *line)
{
        if (line->probe)
                loop_timer_clear(&line->core->loop, &line->probe->again);
        free(line->probe);
        line->probe = NULL;
}
