/* mohr-once: a CUPS backend (backend(7)) that lets each print start at most once.
 *
 * Device URI mohr-once:REAL-URI. cupsd prints a job again after each restart of its own (measured, CUPS 2.4.2); this
 * gate consumes the token named by the job's name (the intent) before it starts the real backend, and refuses every
 * further start with 5 CANCEL. Rules and exit map: proto/gate.h. Token directory: MOHR_ONCE_DIR (cupsd's SetEnv), else
 * the one compiled in. */
#define _GNU_SOURCE
#include "drivers/once/token.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* argv of backend(7): uri job-id user title copies options [file] */
enum { ARG_TITLE = 3, ARG_COPIES = 4, ARGS_MIN = 6, ARGS_MAX = 7 };
enum { PATH_MAX_LEN = 512, EXEC_FAILED = 126 };

struct start {
        const char *intent, *real_uri;
        char program[PATH_MAX_LEN];
};

/* The reason stays on the queue until the next start is let through; CUPS keeps STATE lines for ever. */
static int refuse(const char *intent, const char *why)
{
        fprintf(stderr, "STATE: +mohr-once-refused-error\n");
        fprintf(stderr, "ERROR: print %s refused: %s\n", intent, why);
        return GATE_EXIT_CANCEL;
}

static const char *find_program(const char *scheme, char ret[PATH_MAX_LEN])
{
        const char *base = getenv("CUPS_SERVERBIN");

        if (!base || base[0] != '/' || snprintf(ret, PATH_MAX_LEN, "%s/backend/%s", base, scheme) >= PATH_MAX_LEN)
                return "CUPS_SERVERBIN is not set";
        return access(ret, X_OK) < 0 ? "the real backend is not there or not executable for this user" : NULL;
}

static const char *check_start(int argc, char **argv, struct start *ret)
{
        const char *uri = getenv("DEVICE_URI");
        char scheme[GATE_SCHEME_MAX];

        if (argc < ARGS_MIN || argc > ARGS_MAX)
                return "wrong number of arguments";
        if (!gate_intent_ok(argv[ARG_TITLE]))
                return "the job's name is no intent id";
        ret->intent = argv[ARG_TITLE];
        if (strcmp(argv[ARG_COPIES], "1") != 0)
                return "more than one copy";
        ret->real_uri = gate_real_uri(uri ? uri : argv[0], scheme);
        return ret->real_uri ? find_program(scheme, ret->program) : "the device URI is not mohr-once:REAL-URI";
}

static void block_signals(sigset_t *ret_set, sigset_t *ret_old)
{
        sigemptyset(ret_set);
        sigaddset(ret_set, SIGTERM);
        sigaddset(ret_set, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, ret_set, ret_old);
}

static bool told_to_stop(void)
{
        sigset_t pending;

        return sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1;
}

static void become_real(const struct start *start, char **argv, const sigset_t *old)
{
        argv[0] = (char *)(uintptr_t)start->real_uri; /* backend(7): argv[0] is the device URI */
        (void)sigprocmask(SIG_SETMASK, old, NULL);
        if (setenv("DEVICE_URI", start->real_uri, 1) == 0)
                (void)execv(start->program, argv);
        _exit(EXEC_FAILED);
}

/* Waits for the real backend, passing SIGTERM on; its result in the terms of proto/gate.h. */
static int wait_real(pid_t child, const sigset_t *set)
{
        bool stopped = false;
        int status = 0, signal_number = 0;

        while (waitpid(child, &status, WNOHANG) == 0) {
                if (sigwait(set, &signal_number) == 0 && signal_number == SIGTERM) {
                        stopped = true;
                        (void)kill(child, SIGTERM);
                }
        }
        if (WIFSIGNALED(status))
                return 128 + WTERMSIG(status);
        return stopped && WEXITSTATUS(status) == 0 ? GATE_RESULT_TERMINATED : WEXITSTATUS(status);
}

static int run_real(const struct start *start, char **argv, const sigset_t *set, const sigset_t *old)
{
        pid_t child = FAULT_ERRNO("once.start.before") ? -1 : fork();

        if (child == 0)
                become_real(start, argv, old);
        FAULT_POINT("once.start.after");
        return child < 0 ? EXEC_FAILED : wait_real(child, set);
}

/* Without its record the print stays "consumed", which the station reads as unknown. */
static int pass(const struct start *start, char **argv, int dir, const sigset_t *set, const sigset_t *old)
{
        const char *why = NULL;
        int result;

        fprintf(stderr, "STATE: -mohr-once-refused-error\n");
        result = run_real(start, argv, set, old);
        FAULT_POINT("once.end.after");
        if (token_record(dir, start->intent, result, &why) < 0) {
                fprintf(stderr, "ERROR: print %s: %s\n", start->intent, why);
                return GATE_EXIT_CANCEL;
        }
        return gate_exit(result);
}

static int gate(int argc, char **argv)
{
        struct start start = { .intent = "(unnamed)" };
        const char *path = getenv("MOHR_ONCE_DIR"), *why = check_start(argc, argv, &start);
        cleanup(close_p) int dir = -1, lock = -1;
        sigset_t set, old;

        block_signals(&set, &old);
        if (why)
                return refuse(start.intent, why);
        dir = token_dir_open(path ? path : GATE_DIR_DEFAULT, &why);
        if (dir < 0)
                return refuse(start.intent, why);
        if (told_to_stop())
                return refuse(start.intent, "called off before it began");
        lock = token_consume(dir, start.intent, &why);
        if (lock < 0)
                return refuse(start.intent, why);
        return pass(&start, argv, dir, &set, &old);
}

int main(int argc, char **argv)
{
        (void)setvbuf(stderr, NULL, _IOLBF, 0);
        if (argc == 1) { /* backend(7), device discovery */
                printf("network mohr-once \"Unknown\" \"Mohr print gate (each print starts at most once)\"\n");
                return 0;
        }
        return gate(argc, argv);
}
