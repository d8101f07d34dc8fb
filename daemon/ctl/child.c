#include "daemon/ctl/child.h"
#include "daemon/core/supervise/launch.h"
#include "daemon/ipc/packet.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

void child_answer_done(struct child_answer *a)
{
        for (size_t i = 0; i < a->n_parts; i++)
                free(a->parts[i].p);
        json_decref(a->args);
        *a = (struct child_answer){ 0 };
}

static int64_t now_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void keep_part(struct child_answer *a, const char *name, int blob)
{
        cleanup(blob_unmap) struct bytes bytes = { 0 };
        struct child_part *part = &a->parts[a->n_parts];
        struct error ignored;

        if (blob < 0 || a->n_parts == CHILD_PARTS_MAX || blob_map(blob, &bytes, &ignored) < 0)
                return;
        part->p = malloc(bytes.n);
        if (!part->p)
                return;
        memcpy(part->p, bytes.p, bytes.n);
        part->n = bytes.n;
        (void)snprintf(part->name, sizeof part->name, "%s", name);
        a->n_parts++;
}

/* 1: goes on, 0: done, -1: failed. */
static int take(struct ipc_message *m, int blob, void (*progress)(const char *step), struct child_answer *ret,
                struct error *err)
{
        switch (m->kind) {
        case IPC_PART:
                keep_part(ret, m->name, blob);
                return 1;
        case IPC_PROGRESS:
                if (progress)
                        progress(m->name);
                return 1;
        case IPC_READY:
                return 1;
        case IPC_DONE:
                ret->args = m->args ? json_incref(m->args) : json_object();
                return 0;
        case IPC_FAILED:
                *err = m->error;
                return -1;
        case IPC_DO:
        case IPC_GO:
        case IPC_CALL_OFF:
        case IPC_CHECKPOINT:
                break;
        }
        return err_own(err, ERR_BUG, REASON_WORKER_LOST, "the worker asks for more than was wanted");
}

static int receive(int fd, int64_t deadline, void (*progress)(const char *step), struct child_answer *ret,
                   struct error *err)
{
        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                struct ipc_message m = { 0 };
                int64_t left = deadline - now_ms();
                cleanup(close_p) int blob = -1;
                int r = left > 0 ? poll(&p, 1, (int)left) : 0;

                if (r == 0)
                        return err_own(err, ERR_RETRY, REASON_WORKER_LOST, "no answer in time");
                if (r < 0 && errno == EINTR)
                        continue;
                r = packet_recv(fd, &m, &blob, err);
                if (r < 0 && err->origin == ORIGIN_OS && (err->code == EAGAIN || err->code == EINTR))
                        continue;
                if (r <= 0)
                        return r < 0 ? -1 : err_own(err, ERR_RETRY, REASON_WORKER_LOST, "the worker ended");
                r = take(&m, blob, progress, ret, err);
                ipc_message_done(&m);
                if (r <= 0)
                        return r;
        }
}

int child_ask(const char *const *argv, const char *const *env, const char *verb, json_t *args, int limit_ms,
              void (*progress)(const char *step), struct child_answer *ret, struct error *err)
{
        struct ipc_message m = { .kind = IPC_DO, .id = 1, .args = args };
        cleanup(close_p) int fd = -1;
        pid_t pid;
        int r;

        *ret = (struct child_answer){ 0 };
        (void)snprintf(m.name, sizeof m.name, "%s", verb);
        if (launch_worker(argv, env, &pid, &fd, err) < 0) {
                ipc_message_done(&m);
                return -1;
        }
        r = packet_send(fd, &m, -1, err);
        ipc_message_done(&m);
        if (r == 0)
                r = receive(fd, now_ms() + limit_ms, progress, ret, err);
        (void)kill(pid, SIGKILL); /* a worker may be killed at any instruction; it did only look */
        (void)waitpid(pid, NULL, 0);
        if (r < 0)
                child_answer_done(ret);
        return r;
}

void child_program(struct ctl *c, const char *name, char *ret, size_t max)
{
        struct error ignored;
        const char *folder = ctl_config(c, &ignored) == 0 ? c->config.station.programs_dir : MOHR_LIBEXECDIR;

        (void)snprintf(ret, max, "%s/%s", folder, name);
}

int child_read_pem(const char *file, char ret[CHILD_PEM_MAX], struct error *err)
{
        FILE *f = fopen(file, "re");
        size_t n = f ? fread(ret, 1, CHILD_PEM_MAX - 1, f) : 0;

        if (f)
                (void)fclose(f);
        if (n == 0 || n == CHILD_PEM_MAX - 1)
                return err_input(err, REASON_BAD_CONFIG, "cannot read the CA certificate %s", file);
        ret[n] = '\0';
        return 0;
}
