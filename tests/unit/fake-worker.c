/* A worker that does what a good or a broken one may do; started by test-supervise.
 * fake-worker [good|mute|die] on descriptor 3, or: fake-worker serve SOCKET */
#define _GNU_SOURCE
#include "daemon/work/worker.h"
#include "proto/base/cleanup.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define RUN(name)                                                                                         \
        static int name(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, \
                        struct error *err)
#define UNUSED (void)w, (void)args, (void)blob, (void)ret_args, (void)ret_blob, (void)err

static void nap(long ms)
{
        const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

        (void)nanosleep(&t, NULL);
}

static void say_done(struct worker *w, int64_t id)
{
        struct ipc_message m = { .kind = IPC_DONE, .id = id };
        struct error err;

        (void)packet_send(w->fd, &m, -1, &err);
}

/* Answers with what it was given: the args, the blob, an environment variable, and what it inherited. */
RUN(answer)
{
        const char *server = getenv("CUPS_SERVER");
        sigset_t mask;
        int signals = 0, extra = 0;

        UNUSED;
        for (int fd = 4; fd < 64; fd++)
                extra |= fd != blob && fcntl(fd, F_GETFD) >= 0;
        (void)sigprocmask(SIG_BLOCK, NULL, &mask);
        for (int s = 1; s < 32; s++)
                signals += sigismember(&mask, s) == 1;
        *ret_args = json_pack("{s:O,s:s,s:i,s:b,s:i,s:b}", "args", args, "server", server ? server : "", "masked",
                              signals, "extra_fd", extra, "pid", (int)getpid(), "blocking",
                              (fcntl(w->fd, F_GETFL) & O_NONBLOCK) == 0);
        *ret_blob = blob >= 0 ? dup(blob) : -1;
        return *ret_args ? 0 : err_own(err, ERR_BUG, REASON_INTERNAL, "no memory");
}

RUN(refuse)
{
        UNUSED;
        return err_set(err, ERR_CARD, ORIGIN_SW, 0x6982, REASON_CHIP_STATUS, "refused");
}

__attribute__((noreturn)) RUN(hang)
{
        UNUSED;
        for (;;)
                (void)pause();
}

RUN(crash)
{
        UNUSED;
        (void)raise(SIGKILL);
        return 0;
}

/* Answers, then dies at once: the answer must count. */
RUN(late)
{
        UNUSED;
        worker_progress(w, "step", 1, 2);
        say_done(w, w->id);
        (void)raise(SIGKILL);
        return 0;
}

/* Dies with unread input, so that ECONNRESET stands before its queued answers. */
RUN(unread)
{
        struct ipc_message m = { .kind = IPC_CHECKPOINT, .id = w->id, .name = "here" };

        UNUSED;
        (void)packet_send(w->fd, &m, -1, err);
        nap(60); /* the word "go" arrives and is left lying */
        for (int i = 0; i < 40; i++)
                worker_progress(w, "step", i, 40);
        return late(w, args, blob, ret_args, ret_blob, err);
}

RUN(garbage)
{
        UNUSED;
        (void)send(w->fd, "{\"say\":", 7, MSG_NOSIGNAL);
        return hang(w, args, blob, ret_args, ret_blob, err);
}

RUN(stray)
{
        UNUSED;
        say_done(w, w->id + 1);
        return hang(w, args, blob, ret_args, ret_blob, err);
}

__attribute__((noreturn)) RUN(flood)
{
        UNUSED;
        for (;;)
                worker_progress(w, "step", 1, 2);
}

RUN(checkpoints)
{
        UNUSED;
        if (worker_checkpoint(w, "one", json_pack("{s:i}", "n", 1), -1, NULL, NULL, err) < 0)
                return -1;
        return worker_checkpoint(w, "two", NULL, -1, ret_args, ret_blob, err);
}

/* Slower than the limit as a whole, but never silent for so long. */
RUN(slow)
{
        UNUSED;
        for (int i = 0; i < 6; i++) {
                nap(50);
                worker_progress(w, "step", i, 6);
        }
        return 0;
}

RUN(parts)
{
        UNUSED;
        return worker_part(w, "first", BYTES_STR("one"), err) < 0 || worker_part(w, "second", BYTES_STR("two"), err) < 0
                       ? -1
                       : 0;
}

static const struct worker_task tasks[] = {
        { "answer", answer }, { "refuse", refuse },           { "hang", hang },       { "crash", crash },
        { "late", late },     { "unread", unread },           { "garbage", garbage }, { "stray", stray },
        { "flood", flood },   { "checkpoints", checkpoints }, { "slow", slow },       { "parts", parts },
        { NULL, NULL },
};

static int serve(const char *path)
{
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), peer;
        struct error err;

        (void)strncpy(at.sun_path, path, sizeof at.sun_path - 1);
        if (bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 4) < 0)
                return 1;
        while ((peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                (void)worker_run(peer, "fake", tasks, NULL, &err);
                (void)close(peer);
        }
        return 1;
}

int main(int argc, char **argv)
{
        struct error err;

        if (argc == 3 && strcmp(argv[1], "serve") == 0)
                return serve(argv[2]);
        if (worker_child_setup(&err) < 0 || (argc == 2 && strcmp(argv[1], "die") == 0))
                return 1;
        if (argc == 2 && strcmp(argv[1], "mute") == 0)
                for (;;)
                        (void)pause();
        return worker_run(WORKER_FD, "fake", tasks, NULL, &err) < 0;
}
