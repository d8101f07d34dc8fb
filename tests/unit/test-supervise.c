/* daemon/core/supervise with real processes: whatever a worker does, each task has exactly one end and the next task
 * is served. The traps are those of unix(7), signalfd(2) and waitpid(2); argument: the fake worker's path. */
#define _GNU_SOURCE
#include "daemon/core/loop/log.h"
#include "daemon/core/supervise/supervise.h"
#include "daemon/ipc/packet.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static struct loop loop;
static const char *program;

struct probe {
        struct task task;
        struct work *work;
        char seen[64]; /* one letter per message: c p P D F, L at a loss */
        struct error error;
        json_t *args; /* of the last message */
        int blob;
        enum { GO, CALL_OFF, WAIT, ABORT } at_checkpoint;
        struct probe *then; /* submitted from the last callback */
};

static void submit(struct probe *p, const char *verb, int64_t limit_ms);

static void note(struct probe *p, char letter)
{
        size_t n = strlen(p->seen);

        p->seen[n < sizeof p->seen - 1 ? n : n - 1] = letter; /* the last one always counts */
}

static void checkpoint(struct probe *p)
{
        switch (p->at_checkpoint) {
        case GO:
                work_go(&p->task, json_pack("{s:s}", "word", "committed"), -1);
                return;
        case CALL_OFF:
                work_call_off(&p->task);
                return;
        case ABORT:
                work_abort(&p->task);
                return;
        case WAIT:
                return;
        }
}

static void message(struct task *t, struct ipc_message *m, int blob)
{
        static const char letters[] = {
                [IPC_CHECKPOINT] = 'c', [IPC_PROGRESS] = 'p', [IPC_PART] = 'P', [IPC_DONE] = 'D', [IPC_FAILED] = 'F'
        };
        struct probe *p = owner_of(t, struct probe, task);

        note(p, letters[m->kind]);
        json_decref(p->args);
        p->args = steal(&m->args);
        if (blob >= 0) {
                close_p(&p->blob);
                p->blob = dup(blob);
        }
        if (m->kind == IPC_CHECKPOINT)
                checkpoint(p);
        if (m->kind == IPC_FAILED)
                p->error = m->error;
        if (m->kind == IPC_DONE && p->then)
                submit(p->then, "answer", 1000);
}

static void lost(struct task *t, const struct error *err)
{
        struct probe *p = owner_of(t, struct probe, task);

        note(p, 'L');
        p->error = *err;
}

static void probe_init(struct probe *p, struct work *w)
{
        *p = (struct probe){ .task = { .message = message, .lost = lost }, .work = w, .blob = -1 };
}

static void probe_done(struct probe *p)
{
        json_decref(p->args);
        close_p(&p->blob);
}

static void submit(struct probe *p, const char *verb, int64_t limit_ms)
{
        work_submit(p->work, &p->task, verb, json_pack("{s:i}", "n", 7), -1, limit_ms);
}

static bool over(const struct probe *p)
{
        return p->seen[0] && strchr("DFL", p->seen[strlen(p->seen) - 1]);
}

/* Runs the loop until the probe has its end; a test that waits longer than 3 s has failed. */
static void finish(const struct probe *p)
{
        int64_t end = now_boot_ms() + 3000;
        struct error err;

        while (!over(p)) {
                CHECK(now_boot_ms() < end);
                CHECK(loop_step(&loop, 50, &err) == 0);
        }
}

static void run_for(int64_t ms)
{
        int64_t end = now_boot_ms() + ms;
        struct error err;

        while (now_boot_ms() < end)
                CHECK(loop_step(&loop, 5, &err) == 0);
}

static struct work *new_work(enum work_kind kind, const char *mode)
{
        const char *argv[] = { program, mode, NULL };
        const char *env[] = { "CUPS_SERVER=/tmp/cups.sock", NULL };
        struct work_spec spec = {
                .name = "fake", .kind = kind, .argv = argv, .env = env, .start_ms = 500, .pause_ms = 20
        };
        struct error err;
        struct work *w = work_new(&loop, &spec, &err);

        CHECK(w);
        return w;
}

static void test_answer(void)
{
        struct work *w = new_work(WORK_CHILD, "good");
        cleanup(probe_done) struct probe p, q;
        struct error err;
        cleanup(close_p) int blob = blob_new(BYTES_STR("picture"), &err);
        struct bytes data = { 0 };
        struct work_status status;

        probe_init(&p, w);
        probe_init(&q, w);
        p.then = &q;
        work_submit(w, &p.task, "answer", json_pack("{s:s}", "a", "b"), blob, 1000);
        CHECK(work_task_open(&p.task) && p.seen[0] == '\0');
        finish(&p);
        CHECK(strcmp(p.seen, "D") == 0 && !work_task_open(&p.task));
        CHECK(strcmp(json_string_value(json_object_get(json_object_get(p.args, "args"), "a")), "b") == 0);
        CHECK(strcmp(json_string_value(json_object_get(p.args, "server")), "/tmp/cups.sock") == 0);
        CHECK(json_integer_value(json_object_get(p.args, "masked")) == 0);
        CHECK(json_is_false(json_object_get(p.args, "extra_fd")) && json_is_true(json_object_get(p.args, "blocking")));
        CHECK(blob_map(p.blob, &data, &err) == 0 && bytes_equal(data, BYTES_STR("picture")));
        blob_unmap(&data);
        finish(&q);
        CHECK(strcmp(q.seen, "D") == 0);
        CHECK(json_equal(json_object_get(p.args, "pid"), json_object_get(q.args, "pid"))); /* the same process */
        work_status(w, &status);
        CHECK(status.state == WORK_IDLE && status.n_restarts == 0 && status.pid > 0 && !status.verb);
        work_free(w);
}

static void test_refusal(void)
{
        struct work *w = new_work(WORK_CHILD, "good");
        cleanup(probe_done) struct probe p;

        probe_init(&p, w);
        submit(&p, "refuse", 1000);
        finish(&p);
        CHECK(strcmp(p.seen, "F") == 0 && p.error.kind == ERR_CARD && p.error.code == 0x6982);
        work_free(w);
}

/* What goes wrong ends in UNKNOWN, once, and the next task is served by a fresh process. */
static void test_losses(void)
{
        static const struct {
                const char *verb, *seen;
                int64_t limit_ms;
        } cases[] = {
                { "hang", "L", 80 },    { "crash", "L", 1000 }, { "garbage", "L", 1000 },
                { "stray", "L", 1000 }, { "late", "pD", 1000 },
        };
        struct work *w = new_work(WORK_CHILD, "good");

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                cleanup(probe_done) struct probe p, next;
                struct work_status status;

                probe_init(&p, w);
                probe_init(&next, w);
                submit(&p, cases[i].verb, cases[i].limit_ms);
                if (strchr(cases[i].seen, 'L'))
                        submit(&next, "answer", 1000); /* waits in the queue meanwhile */
                finish(&p);
                run_for(20); /* who answers and dies is not handed another task in between */
                if (!strchr(cases[i].seen, 'L'))
                        submit(&next, "answer", 1000);
                CHECK(strcmp(p.seen, cases[i].seen) == 0);
                CHECK(!strchr(p.seen, 'L') || (p.error.kind == ERR_UNKNOWN && p.error.reason == REASON_WORKER_LOST));
                finish(&next);
                CHECK(strcmp(next.seen, "D") == 0);
                work_status(w, &status);
                CHECK(status.n_restarts == i + 1);
        }
        work_free(w);
}

/* The worker died with unread input before the core looked: ECONNRESET stands before 42 queued messages (unix(7)), and
 * all of them count. */
static void test_unread(void)
{
        const struct timespec nap = { 0, 200000000 };
        struct work *w = new_work(WORK_CHILD, "good");
        cleanup(probe_done) struct probe p;

        probe_init(&p, w);
        p.at_checkpoint = WAIT;
        submit(&p, "unread", 1000);
        while (!p.seen[0])
                run_for(1);
        work_go(&p.task, NULL, -1);
        (void)nanosleep(&nap, NULL);
        loop_children_reap(&loop);
        CHECK(strlen(p.seen) == 43 && p.seen[0] == 'c' && strspn(p.seen + 1, "p") == 41 && p.seen[42] == 'D');
        work_free(w);
}

/* The core answers others while a worker floods it, and ends that worker. */
static void test_flood(void)
{
        struct work *bad = new_work(WORK_CHILD, "good"), *good = new_work(WORK_CHILD, "good");
        cleanup(probe_done) struct probe p, q;

        probe_init(&p, bad);
        probe_init(&q, good);
        submit(&p, "flood", 500);
        run_for(30);
        submit(&q, "answer", 1000);
        finish(&q);
        finish(&p);
        CHECK(p.error.kind == ERR_UNKNOWN && p.seen[0] == 'p');
        work_free(bad);
        work_free(good);
}

static void test_checkpoints(void)
{
        struct work *w = new_work(WORK_CHILD, "good");
        cleanup(probe_done) struct probe go, off, hold, before, abort_it;
        struct work_status status;

        probe_init(&go, w);
        submit(&go, "checkpoints", 1000);
        finish(&go);
        CHECK(strcmp(go.seen, "ccD") == 0);
        CHECK(strcmp(json_string_value(json_object_get(go.args, "word")), "committed") == 0);

        probe_init(&off, w);
        off.at_checkpoint = CALL_OFF;
        submit(&off, "checkpoints", 1000);
        finish(&off);
        CHECK(strcmp(off.seen, "cF") == 0 && off.error.kind == ERR_OPERATOR);

        probe_init(&before, w); /* called off before it stands at one */
        submit(&before, "checkpoints", 1000);
        work_call_off(&before.task);
        finish(&before);
        CHECK(strcmp(before.seen, "F") == 0);

        probe_init(&hold, w);
        hold.at_checkpoint = WAIT;
        submit(&hold, "checkpoints", 60);
        run_for(150); /* longer than the limit: it rests */
        work_status(w, &status);
        CHECK(strcmp(hold.seen, "c") == 0 && status.state == WORK_HOLDING && strcmp(status.verb, "checkpoints") == 0);
        hold.at_checkpoint = GO;
        work_go(&hold.task, NULL, -1);
        finish(&hold);
        CHECK(strcmp(hold.seen, "ccD") == 0);

        probe_init(&abort_it, w);
        abort_it.at_checkpoint = ABORT;
        submit(&abort_it, "checkpoints", 1000);
        finish(&abort_it);
        CHECK(strcmp(abort_it.seen, "cL") == 0 && abort_it.error.kind == ERR_UNKNOWN);
        work_go(&abort_it.task, json_object(), -1); /* too late: nothing happens */
        work_free(w);
}

static void test_progress_and_parts(void)
{
        struct work *w = new_work(WORK_CHILD, "good");
        cleanup(probe_done) struct probe slow, parts;

        probe_init(&slow, w);
        submit(&slow, "slow", 200);
        finish(&slow);
        CHECK(strcmp(slow.seen, "ppppppD") == 0);
        probe_init(&parts, w);
        submit(&parts, "parts", 1000);
        finish(&parts);
        CHECK(strcmp(parts.seen, "PPD") == 0);
        work_free(w);
}

/* Nothing was handed over: RETRY, and a task taken off the queue hears nothing. */
static void test_queue(void)
{
        struct work *w = new_work(WORK_CHILD, "mute"), *gone;
        cleanup(probe_done) struct probe p, q, r;
        const char *nowhere[] = { "/nonexistent/mohr-print", NULL };
        struct work_spec spec = { .name = "gone", .kind = WORK_CHILD, .argv = nowhere, .down = REASON_QUEUE_GONE };
        struct error err;

        probe_init(&p, w);
        probe_init(&q, w);
        p.task.wait_ms = 100;
        submit(&p, "answer", 1000);
        submit(&q, "answer", 1000);
        CHECK(work_cancel(&q.task) && !work_task_open(&q.task) && !work_cancel(&q.task));
        finish(&p);
        CHECK(strcmp(p.seen, "L") == 0 && p.error.kind == ERR_RETRY && p.error.reason == REASON_WORKER_LOST);
        CHECK(q.seen[0] == '\0');
        work_free(w);

        CHECK((gone = work_new(&loop, &spec, &err)));
        probe_init(&r, gone);
        r.task.wait_ms = 50;
        submit(&r, "answer", 1000);
        finish(&r);
        CHECK(r.error.kind == ERR_RETRY && r.error.reason == REASON_QUEUE_GONE);
        work_free(gone);
}

/* 0, 200, 400 ms ...: a worker that dies at start is not started without end. */
static void test_back_off(void)
{
        const char *argv[] = { program, "die", NULL };
        struct work_spec spec = { .name = "fake", .kind = WORK_CHILD, .argv = argv };
        struct work_status status;
        struct error err;
        struct work *w = work_new(&loop, &spec, &err);

        CHECK(w);
        run_for(300);
        work_status(w, &status);
        CHECK(status.n_restarts >= 1 && status.n_restarts <= 3);
        work_free(w);
}

static void test_one_shot(void)
{
        struct work *w = new_work(WORK_ONE_SHOT, "good");
        struct probe p[3];
        struct work_status status;

        for (int i = 0; i < 3; i++) {
                probe_init(&p[i], w);
                submit(&p[i], "answer", 1000);
        }
        for (int i = 0; i < 3; i++) {
                finish(&p[i]);
                CHECK(strcmp(p[i].seen, "D") == 0);
        }
        CHECK(!json_equal(json_object_get(p[0].args, "pid"), json_object_get(p[1].args, "pid")));
        CHECK(!json_equal(json_object_get(p[1].args, "pid"), json_object_get(p[2].args, "pid")));
        run_for(100);
        work_status(w, &status);
        CHECK(status.state == WORK_IDLE && status.n_restarts == 0); /* the next one waits already */
        for (int i = 0; i < 3; i++)
                probe_done(&p[i]);
        work_free(w);
}

/* Stopping ends what runs (UNKNOWN) and what waits (RETRY), and leaves no process. */
static void test_stop(void)
{
        struct work *w = new_work(WORK_CHILD, "good");
        cleanup(probe_done) struct probe p, q, late;
        struct work_status status;
        pid_t pid;

        probe_init(&p, w);
        probe_init(&q, w);
        probe_init(&late, w);
        submit(&p, "hang", 5000);
        submit(&q, "answer", 1000);
        run_for(60);
        work_status(w, &status);
        pid = status.pid;
        CHECK(status.state == WORK_BUSY && status.n_queued == 1 && pid > 0);
        work_stop(w);
        CHECK(p.error.kind == ERR_UNKNOWN && q.error.kind == ERR_RETRY);
        CHECK(strcmp(p.seen, "L") == 0 && strcmp(q.seen, "L") == 0);
        CHECK(kill(pid, 0) < 0);
        submit(&late, "answer", 1000);
        CHECK(!work_task_open(&late.task) && late.seen[0] == '\0');
        work_free(w);
}

static pid_t start_service(const char *path)
{
        char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t) "serve", (char *)(uintptr_t)path, NULL };
        char *env[] = { NULL };
        pid_t pid;

        CHECK(posix_spawn(&pid, program, NULL, NULL, argv, env) == 0);
        return pid;
}

static void stop_service(pid_t pid, const char *path)
{
        CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid && unlink(path) == 0);
}

/* The same with a service: it may come later, go and come again; a task cut off is UNKNOWN. */
static void test_service(void)
{
        char dir[] = "/tmp/mohr-test-XXXXXX", path[64];
        struct work_spec spec = {
                .name = "net", .kind = WORK_SERVICE, .socket = path, .pause_ms = 20, .down = REASON_PORTAL_DOWN
        };
        cleanup(probe_done) struct probe early, p, cut, limit, after;
        struct error err;
        struct work *w;
        pid_t pid;

        CHECK(mkdtemp(dir));
        (void)snprintf(path, sizeof path, "%s/net.sock", dir);
        CHECK((w = work_new(&loop, &spec, &err)));
        probe_init(&early, w);
        early.task.wait_ms = 50;
        submit(&early, "answer", 1000);
        finish(&early);
        CHECK(early.error.kind == ERR_RETRY && early.error.reason == REASON_PORTAL_DOWN);

        pid = start_service(path);
        probe_init(&p, w);
        submit(&p, "checkpoints", 1000);
        finish(&p);
        CHECK(strcmp(p.seen, "ccD") == 0);
        probe_init(&limit, w);
        submit(&limit, "late", 1000); /* the service answers and dies */
        finish(&limit);
        CHECK(strcmp(limit.seen, "pD") == 0);
        CHECK(waitpid(pid, NULL, 0) == pid && unlink(path) == 0);

        pid = start_service(path);
        probe_init(&cut, w);
        submit(&cut, "hang", 50);
        finish(&cut);
        CHECK(strcmp(cut.seen, "L") == 0 && cut.error.kind == ERR_UNKNOWN);
        stop_service(pid, path);

        pid = start_service(path);
        probe_init(&after, w);
        submit(&after, "answer", 1000);
        finish(&after);
        CHECK(strcmp(after.seen, "D") == 0);
        work_free(w);
        stop_service(pid, path);
        CHECK(rmdir(dir) == 0);
}

/* kill -9 at any moment: each task still has exactly one end, and at the last one is served. */
static void test_kills(void)
{
        struct work *w = new_work(WORK_CHILD, "good");
        int n_done = 0;

        for (int i = 0; i < 40; i++) {
                cleanup(probe_done) struct probe p;
                struct work_status status;

                probe_init(&p, w);
                submit(&p, i % 2 ? "checkpoints" : "answer", 1000);
                run_for(i % 4);
                work_status(w, &status);
                if (status.pid > 0 && i % 3 != 0)
                        CHECK(kill(status.pid, SIGKILL) == 0);
                finish(&p);
                run_for(1);
                CHECK(strcspn(p.seen, "DFL") == strlen(p.seen) - 1); /* one end, and the last */
                CHECK(!strchr(p.seen, 'L') || p.error.kind == ERR_UNKNOWN);
                n_done += strchr(p.seen, 'D') != NULL;
        }
        CHECK(n_done >= 10);
        work_free(w);
}

int main(int argc, char **argv)
{
        struct error err;

        CHECK(argc == 2);
        program = argv[1];
        log_set_level(LEVEL_ERROR);
        CHECK(loop_init(&loop, &err) == 0);
        test_answer();
        test_refusal();
        test_losses();
        test_unread();
        test_flood();
        test_checkpoints();
        test_progress_and_parts();
        test_queue();
        test_back_off();
        test_kills();
        test_one_shot();
        test_stop();
        test_service();
        CHECK(!loop.children && timers_due(&loop.timers) == 0 && !loop.deferred); /* nothing left: idle */
        loop_done(&loop);
        return 0;
}
