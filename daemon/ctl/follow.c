#include "daemon/ctl/follow.h"
#include "daemon/ctl/client.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 500, PATIENCE_S = 60, BAR = 24 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
        (void)signal;
        interrupted = 1;
}

static const char *const act_keys[] = { "printing", "chipping" };
static const char *const outcome_keys[] = { "printed", "chipped" };

static const struct {
        const char *step, *text;
} step_texts[] = {
        { "queue", "looking at the printer" },
        { "sign", "signing the face" },
        { "draw", "drawing the card" },
        { "claim", "claiming the application at the portal" },
        { "begin", "binding the application at the portal" },
        { "print", "handing the card to the printer" },
        { "printing", "printing; do not open the printer" },
        { "no_card", "insert the card into the chip reader" },
        { "identify", "reading the chip's identity" },
        { "authenticate", "opening the secure channel" },
        { "identified", "reading the chip's identity" },
        { "challenged", "opening the secure channel" },
        { "opened", "opening the secure channel" },
        { "write", "writing the chip; do not remove the card" },
        { "written", "checking the chip's answers" },
        { "reset", "starting the chip afresh" },
        { "read", "reading the chip back" },
        { "verify", "verifying what the chip says" },
};

/* A printer that waits says why by a reason word: its advice is the step's text. */
static const char *step_text(const char *step)
{
        enum reason reason;

        for (size_t i = 0; i < ARRAY_SIZE(step_texts); i++)
                if (strcmp(step_texts[i].step, step) == 0)
                        return step_texts[i].text;
        return reason_parse(step, &reason) ? reason_advice(reason) : step;
}

static int look(struct follow *f, json_t **ret_status, const json_t **ret_line, struct error *err)
{
        const json_t *line;
        size_t i;

        if (client_call(f->ctl, "GET", "/v1/status", NULL, ret_status, err) < 0)
                return -1;
        json_array_foreach(json_object_get(*ret_status, "lines"), i, line)
        {
                const char *name = json_string_value(json_object_get(line, "line"));

                if (name && strcmp(name, f->line) == 0) {
                        *ret_line = line;
                        return 0;
                }
        }
        return err_input(err, REASON_NOT_FOUND, "no line %s", f->line);
}

static int64_t time_of(const json_t *line, enum act act)
{
        const json_t *at = json_object_get(json_object_get(line, outcome_keys[act]), "at");

        return json_is_integer(at) ? json_integer_value(at) : -1;
}

int follow_prepare(struct follow *f, struct ctl *c, const char *line, enum act act, struct error *err)
{
        cleanup(json_p) json_t *status = NULL;
        const json_t *now = NULL;

        *f = (struct follow){ .ctl = c, .line = line, .act = act };
        if (look(f, &status, &now, err) < 0)
                return -1;
        f->before = time_of(now, act);
        return 0;
}

/* ---- showing ------------------------------------------------------------------------------------------------------
 */

static void show(const struct follow *f, const json_t *now, char *last, size_t max)
{
        const char *step = json_string_value(json_object_get(now, "step"));
        int64_t done = json_integer_value(json_object_get(now, "done"));
        int64_t of = json_integer_value(json_object_get(now, "of"));
        bool timed = step && strcmp(step, "no_card") == 0; /* counts milliseconds of waiting */
        int filled = of > 0 ? (int)(done * BAR / of) : 0;

        if (!step)
                return;
        if (isatty(STDERR_FILENO) != 1) {
                if (!f->ctl->json && strcmp(last, step) != 0)
                        fprintf(stderr, "%s\n", step_text(step));
        } else if (of > 0 && !timed) {
                fprintf(stderr, "\r\033[K[%.*s%*s] %lld/%lld  %s", filled > BAR ? BAR : filled,
                        "########################", BAR - (filled > BAR ? BAR : filled), "", (long long)done,
                        (long long)of, step_text(step));
        } else {
                fprintf(stderr, "\r\033[K%s ...", step_text(step));
        }
        (void)snprintf(last, max, "%s", step);
}

static void show_end(void)
{
        if (isatty(STDERR_FILENO) == 1)
                fputs("\r\033[K", stderr);
}

/* ---- ending -------------------------------------------------------------------------------------------------------
 */

static int judge(const json_t *outcome, json_t **ret, struct error *err)
{
        const json_t *e = json_object_get(outcome, "error");
        const char *word = json_string_value(json_object_get(e, "reason"));
        const char *text = json_string_value(json_object_get(e, "text"));
        const char *kind = json_string_value(json_object_get(e, "kind"));
        enum reason reason = REASON_INTERNAL;
        enum error_kind k = ERR_BUG;

        if (json_is_true(json_object_get(outcome, "ok"))) {
                *ret = json_incref((json_t *)(uintptr_t)outcome);
                return 0;
        }
        if (word)
                (void)reason_parse(word, &reason);
        if (kind)
                (void)error_kind_parse(kind, &k);
        return err_own(err, k, reason, "%s", text ? text : "the act failed");
}

/* The station was started anew and forgot the act's outcome; the ledger did not: the card's state tells. */
static int judge_by_state(struct follow *f, json_t **ret, struct error *err)
{
        cleanup(json_p) json_t *blank = NULL;
        char path[128];
        const char *state;

        if (f->serial[0]) {
                client_path(path, sizeof path, "/v1/blanks/", f->serial, "");
                if (client_call(f->ctl, "GET", path, NULL, &blank, err) < 0)
                        return -1;
        }
        state = json_string_value(json_object_get(blank, "state"));
        state = state ? state : "";
        if ((f->act == ACT_PRINT && strcmp(state, "printed") == 0) ||
            (f->act == ACT_CHIP && (strcmp(state, "verified") == 0 || strcmp(state, "spoiled") == 0))) {
                *ret = json_pack("{s:s,s:b}", "serial", f->serial, "ok", 1);
                return 0;
        }
        if (strcmp(state, "printing") == 0)
                return err_own(err, ERR_UNKNOWN, REASON_UNKNOWN_PRINT, "the station was restarted during the print");
        if (strcmp(state, "writing") == 0 || strcmp(state, "written") == 0)
                return err_own(err, ERR_UNKNOWN, REASON_UNKNOWN_WRITE, "the station was restarted during the write");
        return err_own(err, ERR_RETRY, REASON_WORKER_LOST, "the station was restarted; nothing was changed");
}

static void remember(struct follow *f, const json_t *now)
{
        const char *serial = json_string_value(json_object_get(now, "serial"));

        if (serial && serial[0])
                (void)snprintf(f->serial, sizeof f->serial, "%s", serial);
}

/* 1: goes on; 0 or -1: ended. */
static int step(struct follow *f, char *last, size_t max, json_t **ret, struct error *err)
{
        cleanup(json_p) json_t *status = NULL;
        const json_t *line = NULL, *now;

        if (look(f, &status, &line, err) < 0)
                return err->reason == REASON_CORE_DOWN ? 1 : -1;
        err->reason = REASON_NONE;
        now = json_object_get(line, act_keys[f->act]);
        if (json_is_object(now)) {
                remember(f, now);
                show(f, now, last, max);
                return 1;
        }
        show_end();
        if (time_of(line, f->act) != f->before && time_of(line, f->act) >= 0)
                return judge(json_object_get(line, outcome_keys[f->act]), ret, err);
        return judge_by_state(f, ret, err);
}

static int64_t now_s(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec;
}

static int follow_loop(struct follow *f, struct client_events *events, json_t **ret, struct error *err)
{
        int64_t answered = now_s();
        char last[40] = "";
        int r;

        while ((r = step(f, last, sizeof last, ret, err)) == 1) {
                if (err->reason != REASON_CORE_DOWN)
                        answered = now_s();
                else if (now_s() - answered > PATIENCE_S)
                        return -1;
                if (err->reason == REASON_CORE_DOWN)
                        (void)nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000L }, NULL);
                else
                        client_events_wait(events, LOOK_MS);
                if (interrupted) {
                        show_end();
                        fputs("The act goes on at the station; see: mohr status\n", stderr);
                        return 1;
                }
        }
        return r;
}

int follow_run(struct follow *f, json_t **ret_outcome, struct error *err)
{
        struct sigaction act = { .sa_handler = on_interrupt }, old;
        struct client_events *events = client_events_open(f->ctl);
        int r;

        if (!events)
                return err_own(err, ERR_RETRY, REASON_INTERNAL, "no memory");
        *err = (struct error){ 0 };
        (void)sigaction(SIGINT, &act, &old);
        r = follow_loop(f, events, ret_outcome, err);
        (void)sigaction(SIGINT, &old, NULL);
        client_events_close(events);
        return r;
}
