#define _GNU_SOURCE
#include "daemon/core/supervise/supervise.h"
#include "daemon/core/loop/log.h"
#include "daemon/core/supervise/launch.h"
#include "daemon/core/supervise/service_link.h"
#include "daemon/core/supervise/work.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { PACKETS_PER_TURN = 32, STOP_MS = 2000, STOP_STEP_MS = 2 };

const char *work_state_name(enum work_state state)
{
        static const char *const names[] = {
                [WORK_DOWN] = "down",      [WORK_STARTING] = "starting", [WORK_IDLE] = "idle",
                [WORK_BUSY] = "busy",      [WORK_HOLDING] = "holding",   [WORK_ENDING] = "ending",
                [WORK_STOPPED] = "stopped"
        };

        return names[state];
}

static struct log_at place(const struct work *w)
{
        return (struct log_at){ .line = w->line, .step = w->name };
}

void work_set_state(struct work *w, enum work_state state)
{
        if (w->state == state)
                return;
        w->state = state;
        w->since_ms = now_boot_ms();
        if (w->changed)
                w->changed(w->context, w);
}

static bool alive(const struct work *w)
{
        return w->state == WORK_STARTING || w->state == WORK_IDLE || w->state == WORK_BUSY || w->state == WORK_HOLDING;
}

void work_end(struct work *w, const char *why)
{
        if (!alive(w))
                return;
        w->why = why;
        loop_timer_clear(w->loop, &w->clock);
        work_set_state(w, WORK_ENDING);
        if (w->kind == WORK_SERVICE) {
                (void)shutdown(w->socket.fd, SHUT_RDWR); /* what is queued can still be read, no more can come */
                loop_defer(w->loop, &w->judge);
        } else {
                (void)kill(w->child.pid, SIGKILL); /* not reaped yet, so the pid is still ours */
        }
}

static void release(struct work *w)
{
        loop_source_del(w->loop, &w->socket);
        close_p(&w->socket.fd);
        w->socket.fd = -1;
        w->child.pid = 0;
}

static void pause_then_start(struct work *w)
{
        unsigned n = w->n_failures, doublings = n <= WORK_PAUSE_DOUBLINGS ? n - 1 : WORK_PAUSE_DOUBLINGS;
        int64_t pause_ms = n == 0 ? 0 : w->pause_ms << doublings;

        work_set_state(w, WORK_DOWN);
        w->n_failures++;
        loop_timer_set(w->loop, &w->clock, now_boot_ms() + pause_ms);
}

/* The process is dead and reaped, or the connection shut; everything it said is read before it is judged. */
static void verdict(struct work *w)
{
        bool spent = w->spent;

        (void)work_drain(w, 0);
        release(w);
        work_lose_running(w);
        if (spent || (w->ready_ms && now_boot_ms() - w->ready_ms >= WORK_STEADY_MS))
                w->n_failures = 0;
        if (!spent)
                w->n_restarts++;
        w->spent = false;
        w->why = NULL;
        w->ready_ms = 0;
        pause_then_start(w);
        if (spent)
                w->n_failures = 0;
}

static void child_ended(struct child *c, int status)
{
        struct work *w = owner_of(c, struct work, child);

        if (!w->spent)
                log_at(LEVEL_WARNING, place(w), "process %d ended, %s %d (%s)", (int)c->pid,
                       WIFSIGNALED(status) ? "signal" : "status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), w->why ? w->why : "by itself");
        work_set_state(w, WORK_ENDING);
        loop_timer_clear(w->loop, &w->clock);
        verdict(w);
}

static void service_judge(struct deferred *d)
{
        struct work *w = owner_of(d, struct work, judge);

        log_at(LEVEL_WARNING, place(w), "connection ended (%s)", w->why ? w->why : "by itself");
        verdict(w);
}

static void socket_ready(struct source *s, uint32_t events)
{
        struct work *w = owner_of(s, struct work, socket);
        bool more = true;

        (void)events;
        if (w->state != WORK_ENDING)
                more = work_drain(w, PACKETS_PER_TURN);
        if (more && w->state != WORK_ENDING)
                return;
        loop_source_del(w->loop, s); /* a hung-up socket stays readable: what is left is read at the verdict */
        work_end(w, "closed its socket or sent garbage");
}

static int open_socket(struct work *w, struct error *err)
{
        if (w->kind == WORK_SERVICE)
                return service_connect(w->socket_path, &w->socket.fd, err);
        if (launch_worker((const char *const *)w->argv, (const char *const *)w->env, &w->child.pid, &w->socket.fd,
                          err) < 0)
                return -1;
        loop_child_add(w->loop, &w->child);
        return 0;
}

static void start(struct work *w)
{
        struct error err = { 0 };

        if (open_socket(w, &err) < 0) {
                if (!w->told)
                        log_error(LEVEL_ERROR, place(w), &err);
                w->told = true;
                pause_then_start(w);
                return;
        }
        work_set_state(w, WORK_STARTING);
        loop_timer_set(w->loop, &w->clock, now_boot_ms() + w->start_ms);
        if (loop_source_add(w->loop, &w->socket, EPOLLIN, &err) < 0) {
                log_error(LEVEL_ERROR, place(w), &err);
                work_end(w, "cannot be watched");
        }
}

static void clock_fired(struct timer *t)
{
        struct work *w = owner_of(t, struct work, clock);

        if (w->state == WORK_DOWN)
                start(w);
        else
                work_end(w, "was not ready in time");
}

static char **copy_list(const char *const *list)
{
        size_t n = 0;
        char **ret;

        while (list && list[n])
                n++;
        ret = calloc(n + 1, sizeof *ret);
        for (size_t i = 0; ret && i < n; i++)
                ret[i] = strdup(list[i]);
        return ret;
}

static void free_list(char **list)
{
        for (char **at = list; at && *at; at++)
                free(*at);
        free(list);
}

static char *copy_text(const char *text)
{
        return text ? strdup(text) : NULL;
}

static void free_work(struct work *w)
{
        free(w->name);
        free(w->line);
        free(w->socket_path);
        free_list(w->argv);
        free_list(w->env);
        free(w);
}

struct work *work_new(struct loop *loop, const struct work_spec *spec, struct error *err)
{
        struct work *w = calloc(1, sizeof *w);

        if (!w) {
                (void)err_own(err, ERR_BUG, REASON_INTERNAL, "no memory");
                return NULL;
        }
        *w = (struct work){
                .loop = loop,
                .kind = spec->kind,
                .down = spec->down,
                .name = copy_text(spec->name),
                .line = copy_text(spec->line),
                .socket_path = copy_text(spec->socket),
                .argv = copy_list(spec->argv),
                .env = copy_list(spec->env),
                .start_ms = spec->start_ms > 0 ? spec->start_ms : WORK_START_MS,
                .pause_ms = spec->pause_ms > 0 ? spec->pause_ms : WORK_PAUSE_MS,
                .child.ended = child_ended,
                .socket = { -1, socket_ready },
                .clock.fired = clock_fired,
                .pump.run = work_pump,
                .judge.run = service_judge,
        };
        if (!w->name || !w->argv || !w->env) {
                (void)err_own(err, ERR_BUG, REASON_INTERNAL, "no memory");
                free_work(w);
                return NULL;
        }
        pause_then_start(w); /* no pause the first time */
        w->n_failures = 0;
        return w;
}

/* At shutdown alone: a process stuck in the kernel is left to its death signal after STOP_MS. */
static void reap_now(struct work *w)
{
        const struct timespec step = { 0, STOP_STEP_MS * 1000000 };
        int status;

        loop_child_del(w->loop, &w->child);
        for (int ms = 0; ms < STOP_MS; ms += STOP_STEP_MS) {
                if (waitpid(w->child.pid, &status, WNOHANG) != 0)
                        return;
                (void)nanosleep(&step, NULL);
        }
        log_at(LEVEL_ERROR, place(w), "process %d does not end", (int)w->child.pid);
}

void work_stop(struct work *w)
{
        if (w->state == WORK_STOPPED)
                return;
        work_end(w, "the station stops");
        loop_timer_clear(w->loop, &w->clock);
        loop_defer_clear(w->loop, &w->judge);
        loop_defer_clear(w->loop, &w->pump);
        if (w->child.pid > 0)
                reap_now(w);
        if (w->socket.fd >= 0) {
                (void)work_drain(w, 0);
                release(w);
        }
        work_set_state(w, WORK_STOPPED);
        work_lose_running(w);
        work_lose_queue(w);
        loop_defer_clear(w->loop, &w->pump);
}

void work_free(struct work *w)
{
        if (!w)
                return;
        w->changed = NULL;
        work_stop(w);
        free_work(w);
}

void work_watch(struct work *w, void (*changed)(void *context, const struct work *w), void *context)
{
        w->changed = changed;
        w->context = context;
}

void work_status(const struct work *w, struct work_status *ret)
{
        *ret = (struct work_status){ .name = w->name,
                                     .line = w->line,
                                     .kind = w->kind,
                                     .state = w->state,
                                     .pid = w->child.pid,
                                     .n_restarts = w->n_restarts,
                                     .since_ms = w->since_ms,
                                     .verb = w->running ? w->running->verb : NULL };
        for (const struct task *t = w->queue; t; t = t->next)
                ret->n_queued++;
}
