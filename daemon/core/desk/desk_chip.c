#include "daemon/core/desk/desk_chip.h"
#include "daemon/core/card/chip_inside.h"
#include "daemon/core/loop/log.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <stdio.h>
#include <string.h>

enum { DAY_MS = 86400000, AGAIN_MS = 5000 };

struct chip_watch {
        struct line *line;
        struct task task;
        struct timer later; /* after a failure that says nothing about a card */
        bool reads;         /* a card is in the reader */
};

/* What an inserted chip turned out to be about. */
struct about {
        char intent[UUID_TEXT], kind[16], serial[SERIAL_TEXT], sod_sha256[SHA256_TEXT];
};

static bool find_about(struct ledger *l, const char *chip_id, struct about *ret)
{
        struct db_rows rows;
        bool found;

        if (!ledger_query(l, &rows,
                          "SELECT i.id, i.kind, i.serial, coalesce(b.sod_sha256,'') FROM intent i JOIN blank b ON "
                          "b.serial=i.serial WHERE i.state='unknown' AND i.kind IN ('write','lock') AND b.chip_id=?1 "
                          "ORDER BY i.kind='lock' DESC, i.started_at DESC LIMIT 1",
                          "s", chip_id))
                return false;
        found = db_next(&rows);
        if (found) {
                (void)snprintf(ret->intent, sizeof ret->intent, "%s", db_text(&rows, 0));
                (void)snprintf(ret->kind, sizeof ret->kind, "%s", db_text(&rows, 1));
                (void)snprintf(ret->serial, sizeof ret->serial, "%s", db_text(&rows, 2));
                (void)snprintf(ret->sod_sha256, sizeof ret->sod_sha256, "%s", db_text(&rows, 3));
        }
        db_rows_done(&rows);
        return found;
}

static json_t *read_json(const struct chip_content *c, const struct about *about)
{
        char chip_id[CHIP_ID_TEXT], sod[SHA256_TEXT] = "";

        hex_encode_lower(BYTES(c->chip_id), chip_id, sizeof chip_id);
        if (c->has_sod)
                hex_encode_lower(BYTES(c->sod_sha256), sod, sizeof sod);
        return json_pack("{s:s,s:s,s:b,s:b,s:s,s:o,s:b}", "chip_id", chip_id, "app", chip_app_word(c->app), "complete",
                         c->complete, "verified", c->verified, "why", c->why, "sod_sha256",
                         sod[0] ? json_string(sod) : json_null(), "as_written",
                         c->has_sod && strcmp(sod, about->sod_sha256) == 0);
}

/* The same look twice is written down once. */
static bool is_known(struct ledger *l, const struct about *about, const json_t *read)
{
        cleanup(json_p) json_t *evidence = NULL;
        char text[16384] = "{}";

        (void)ledger_get_text(l, text, sizeof text, "SELECT evidence FROM intent WHERE id=?1", "s", about->intent);
        evidence = json_loads(text, 0, NULL);
        return json_equal(json_object_get(evidence, "read"), read);
}

static void record_read(struct line *line, const struct about *about, const json_t *read)
{
        struct core *c = line->core;
        cleanup(json_p) json_t *evidence = json_pack("{s:O,s:I}", "read", read, "read_at", (json_int_t)clock_wall_ms());
        struct error err;

        if (is_known(&c->ledger, about, read))
                return;
        ledger_begin(&c->ledger, &who_station);
        intent_evidence(&c->ledger, about->intent, "read_back", evidence);
        FAULT_COMMIT("core.chip_watched");
        if (!core_commit(c, &err))
                log_error(LEVEL_ERROR, (struct log_at){ line->config->name, about->serial, "watch" }, &err);
        core_publish(c, "unknown", json_pack("{s:s}", "intent", about->intent));
}

/* The whole certificate that was to be written stands on the chip: written, whatever was heard of it. */
static void settle_write(struct line *line, const struct about *about, const struct chip_content *content)
{
        struct chip_flow f = { .line = line, .mode = CHIP_READ, .who = who_station };
        struct error err;

        memcpy(f.serial, about->serial, sizeof f.serial);
        memcpy(f.intent, about->intent, sizeof f.intent);
        if (chip_check_content(&f, content, &err) < 0)
                return;
        if (chip_record_verified(&f))
                log_at(LEVEL_INFO, (struct log_at){ line->config->name, f.serial, "watch" },
                       "the write is whole: settled by the chip itself");
        else
                log_error(LEVEL_ERROR, (struct log_at){ line->config->name, f.serial, "watch" }, &f.error);
        line_tell(line);
}

static void look(struct line *line, const json_t *args)
{
        cleanup(json_p) json_t *read = NULL;
        struct chip_content content;
        struct about about;
        char chip_id[CHIP_ID_TEXT];
        struct error err;

        if (chip_content_decode(args, &content, &err) < 0) {
                log_error(LEVEL_ERROR, (struct log_at){ line->config->name, NULL, "watch" }, &err);
                return;
        }
        hex_encode_lower(BYTES(content.chip_id), chip_id, sizeof chip_id);
        if (!find_about(&line->core->ledger, chip_id, &about))
                return; /* another card than those in question: nothing is known by it */
        read = read_json(&content, &about);
        record_read(line, &about, read);
        if (strcmp(about.kind, "write") == 0 && !line->chip_flow) /* else the expert's own look is next */
                settle_write(line, &about, &content);
}

/* ---- the watch ----------------------------------------------------------------------------------------------------
 */

static void watch_free(struct chip_watch *w)
{
        loop_timer_clear(&w->line->core->loop, &w->later);
        w->line->watch = NULL;
        free(w);
}

static void begin_again(struct timer *t)
{
        struct chip_watch *w = owner_of(t, struct chip_watch, later);
        struct line *line = w->line;

        watch_free(w);
        chip_watch_begin(line, true);
}

static void message(struct task *t, struct ipc_message *m, int blob)
{
        struct chip_watch *w = owner_of(t, struct chip_watch, task);
        struct line *line = w->line;
        bool gone = m->kind == IPC_FAILED && (m->error.kind == ERR_RETRY || m->error.kind == ERR_BUG);

        (void)blob;
        if (m->kind == IPC_PROGRESS)
                w->reads = true;
        if (gone) {
                w->later.fired = begin_again;
                loop_timer_set(&line->core->loop, &w->later, now_boot_ms() + AGAIN_MS);
        }
        if (gone || (m->kind != IPC_DONE && m->kind != IPC_FAILED))
                return;
        watch_free(w);
        if (m->kind == IPC_DONE)
                look(line, m->args);
        chip_watch_begin(line, false); /* this card was looked at: the next one */
}

/* Ended for somebody else's task, or the worker died: whoever is done with the reader begins anew. */
static void lost(struct task *t, const struct error *err)
{
        (void)err;
        watch_free(owner_of(t, struct chip_watch, task));
}

static bool is_open(struct core *c)
{
        return ledger_get_int(&c->ledger,
                              "SELECT count(*) FROM intent WHERE state='unknown' AND kind IN ('write','lock')", "") > 0;
}

void chip_watch_begin(struct line *line, bool again)
{
        struct core *c = line->core;
        struct chip_watch *w;

        if (line->watch || line->chip_flow || c->ledger_lost || !is_open(c) || !(w = calloc(1, sizeof *w)))
                return;
        w->line = line;
        w->task = (struct task){ .message = message, .lost = lost };
        line->watch = w;
        chip_submit_read(line, &w->task, "watch", DAY_MS, !again);
}

void chip_watch_yield(struct line *line)
{
        struct chip_watch *w = line->watch;

        if (!w)
                return;
        if (!work_task_open(&w->task) || work_cancel(&w->task))
                watch_free(w);
        else if (!w->reads)
                work_abort(&w->task);
}

void chip_watch_drop(struct line *line)
{
        if (line->watch)
                watch_free(line->watch);
}
