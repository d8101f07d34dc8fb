#define _GNU_SOURCE
#include "daemon/work/worker.h"
#include "proto/base/cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static void set_name(struct ipc_message *m, const char *name)
{
        (void)strncpy(m->name, name, IPC_NAME_MAX);
}

static int say(struct worker *w, enum ipc_kind kind, const char *name, json_t *args, int blob, struct error *err)
{
        struct ipc_message m = { .kind = kind, .id = w->id, .args = args };

        set_name(&m, name);
        return packet_send(w->fd, &m, blob, err);
}

static int recv_retry(int fd, struct ipc_message *ret, int *ret_blob, struct error *err)
{
        for (;;) {
                int r = packet_recv(fd, ret, ret_blob, err);

                if (r >= 0 || err->origin != ORIGIN_OS || err->code != EINTR)
                        return r;
        }
}

int worker_checkpoint(struct worker *w, const char *name, json_t *args, int blob, json_t **ret_args, int *ret_blob,
                      struct error *err)
{
        cleanup(ipc_message_done) struct ipc_message m = { 0 };
        cleanup(close_p) int got = -1;

        if (say(w, IPC_CHECKPOINT, name, args, blob, err) < 0)
                return -1;
        if (recv_retry(w->fd, &m, &got, err) <= 0)
                return err_own(err, ERR_UNKNOWN, REASON_WORKER_LOST, "the core is gone");
        if (m.id != w->id || (m.kind != IPC_GO && m.kind != IPC_CALL_OFF))
                return err_own(err, ERR_BUG, REASON_INTERNAL, "no answer to checkpoint '%s'", name);
        if (m.kind == IPC_CALL_OFF)
                return err_own(err, ERR_OPERATOR, REASON_BAD_REQUEST, "called off at '%s'", name);
        if (ret_args)
                *ret_args = m.args ? steal(&m.args) : json_object();
        if (ret_blob)
                *ret_blob = steal_fd(&got);
        return 0;
}

void worker_progress(struct worker *w, const char *step, int64_t done, int64_t of)
{
        struct ipc_message m = { .kind = IPC_PROGRESS, .id = w->id, .done = done, .of = of };
        struct error err;

        set_name(&m, step);
        (void)packet_send(w->fd, &m, -1, &err);
}

int worker_part(struct worker *w, const char *name, struct bytes data, struct error *err)
{
        cleanup(close_p) int blob = blob_new(data, err);

        return blob < 0 ? -1 : say(w, IPC_PART, name, NULL, blob, err);
}

static int run_task(const struct worker_task *tasks, struct worker *w, const struct ipc_message *m, int blob,
                    json_t **ret_args, int *ret_blob, struct error *err)
{
        cleanup(json_p) json_t *none = json_object();

        for (; tasks->verb; tasks++)
                if (strcmp(tasks->verb, m->name) == 0)
                        return tasks->run(w, m->args ? m->args : none, blob, ret_args, ret_blob, err);
        return err_input(err, REASON_BAD_REQUEST, "no such task '%s'", m->name);
}

static int serve(struct worker *w, const struct worker_task *tasks, const struct ipc_message *m, int blob,
                 struct error *err)
{
        cleanup(json_p) json_t *args = NULL;
        cleanup(close_p) int answer = -1;
        struct ipc_message failed = { .kind = IPC_FAILED, .id = m->id };

        w->id = m->id;
        if (run_task(tasks, w, m, blob, &args, &answer, &failed.error) < 0)
                return packet_send(w->fd, &failed, -1, err);
        return say(w, IPC_DONE, "", args, answer, err);
}

int worker_run(int fd, const char *name, const struct worker_task *tasks, void *context, struct error *err)
{
        struct worker w = { .fd = fd, .context = context };
        struct ipc_message ready = { .kind = IPC_READY };

        set_name(&ready, name);
        if (packet_send(fd, &ready, -1, err) < 0)
                return -1;
        for (;;) {
                cleanup(ipc_message_done) struct ipc_message m = { 0 };
                cleanup(close_p) int blob = -1;
                int r = recv_retry(fd, &m, &blob, err);

                if (r <= 0)
                        return r;
                if (m.kind != IPC_DO)
                        return err_own(err, ERR_BUG, REASON_INTERNAL, "a task was expected");
                if (serve(&w, tasks, &m, blob, err) < 0)
                        return -1;
        }
}

int worker_child_setup(struct error *err)
{
        (void)umask(0077);
        (void)signal(SIGPIPE, SIG_IGN);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
            fcntl(WORKER_FD, F_SETFD, FD_CLOEXEC) < 0)
                return err_set(err, ERR_BUG, ORIGIN_OS, (uint32_t)errno, REASON_INTERNAL, "not started by the core: %s",
                               strerror(errno));
        return 0;
}
