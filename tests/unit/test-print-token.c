/* drivers/once and drivers/print: the two sides of the token, on a real directory; of two racing processes one wins. */
#include "drivers/once/token.h"
#include "drivers/print/token.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[] = "/tmp/mohr-token-XXXXXX";
static struct token_dir *station;
static int gate = -1;

static const char *new_intent(void)
{
        static unsigned n;
        static char intent[GATE_INTENT_LEN + 1];

        (void)snprintf(intent, sizeof intent, "0b9d3c52-6f1e-4a57-9d0c-%012u", ++n);
        return intent;
}

static enum gate_phase phase(const char *intent, bool *ret_running)
{
        struct gate_state state;
        struct error err;

        CHECK(token_look(station, intent, &state, ret_running, &err) == 0);
        return state.phase;
}

static void test_life(void)
{
        const char *intent = new_intent(), *why = "";
        struct gate_state state;
        struct error err;
        bool running;
        int lock;

        CHECK(phase(intent, &running) == GATE_NONE && token_consume(gate, intent, &why) < 0);
        CHECK(token_issue(station, intent, &err) == 0 && phase(intent, &running) == GATE_ISSUED && !running);
        CHECK(token_issue(station, intent, &err) < 0 && err.code == EEXIST);
        lock = token_consume(gate, intent, &why);
        CHECK(lock > 4); /* 3 and 4 are a backend's own channels */
        CHECK(phase(intent, &running) == GATE_CONSUMED && running);
        CHECK(token_consume(gate, intent, &why) < 0 && strcmp(why, "it was already started once") == 0);
        CHECK(token_revoke(station, intent, &state, &err) == 0 && state.phase == GATE_CONSUMED);
        CHECK(token_record(gate, intent, 7, &why) == 0);
        (void)close(lock);
        CHECK(token_look(station, intent, &state, &running, &err) == 0 && !running);
        CHECK(state.phase == GATE_DONE && state.result == 7);
        CHECK(token_issue(station, intent, &err) < 0 && token_consume(gate, intent, &why) < 0);
}

static void test_death_without_result(void)
{
        const char *intent = new_intent(), *why = "";
        struct error err;
        bool running;
        int lock;

        CHECK(token_issue(station, intent, &err) == 0);
        lock = token_consume(gate, intent, &why);
        CHECK(lock >= 0);
        (void)close(lock);
        CHECK(phase(intent, &running) == GATE_CONSUMED && !running);
}

static void test_revoked(void)
{
        const char *intent = new_intent(), *why = "";
        struct gate_state state;
        struct error err;
        bool running;

        CHECK(token_issue(station, intent, &err) == 0);
        CHECK(token_revoke(station, intent, &state, &err) == 0 && state.phase == GATE_REVOKED);
        CHECK(token_revoke(station, intent, &state, &err) == 0 && state.phase == GATE_REVOKED);
        CHECK(token_consume(gate, intent, &why) < 0 && phase(intent, &running) == GATE_REVOKED);
        intent = new_intent(); /* never issued: still it can never be */
        CHECK(token_revoke(station, intent, &state, &err) == 0 && state.phase == GATE_REVOKED);
        CHECK(token_issue(station, intent, &err) < 0 && err.code == EEXIST);
}

static void test_spoilt_result(void)
{
        const char *intent = new_intent(), *why = "";
        struct gate_state state;
        struct error err;
        char path[128];
        bool running;
        FILE *f;
        int lock;

        CHECK(token_issue(station, intent, &err) == 0);
        lock = token_consume(gate, intent, &why);
        CHECK(lock >= 0);
        (void)close(lock);
        (void)snprintf(path, sizeof path, "%s/%s.done", folder, intent);
        f = fopen(path, "w");
        CHECK(f && fputs("done zero\n", f) >= 0 && fclose(f) == 0);
        CHECK(token_look(station, intent, &state, &running, &err) < 0 && err.code == EBADMSG);
}

/* A child consumes while we revoke, many times: exactly one of both wins each time. */
static void test_race(void)
{
        int n_gate = 0, n_station = 0;

        for (int i = 0; i < 60; i++) {
                const char *intent = new_intent(), *why = "";
                struct gate_state state;
                struct error err;
                int status, go[2];
                pid_t child;

                CHECK(token_issue(station, intent, &err) == 0 && pipe(go) == 0);
                child = fork();
                if (child == 0) {
                        char byte;

                        (void)!read(go[0], &byte, 1);
                        _exit(token_consume(gate, intent, &why) >= 0 ? 0 : 1);
                }
                CHECK(child > 0 && write(go[1], "g", 1) == 1);
                if (i % 3)
                        (void)usleep((useconds_t)(i % 3) * 100);
                CHECK(token_revoke(station, intent, &state, &err) == 0);
                CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
                CHECK((WEXITSTATUS(status) == 0) == (state.phase == GATE_CONSUMED));
                CHECK((WEXITSTATUS(status) == 1) == (state.phase == GATE_REVOKED));
                n_gate += WEXITSTATUS(status) == 0;
                n_station += WEXITSTATUS(status) == 1;
                (void)close(go[0]);
                (void)close(go[1]);
        }
        CHECK(n_gate + n_station == 60);
}

static void leave(const char *name)
{
        char path[128];
        int fd;

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        CHECK(fd >= 0);
        (void)close(fd);
}

static void test_check(void)
{
        struct error err;

        CHECK(chmod(folder, 0700) == 0 && token_dir_check(station, &err) < 0 && err.kind == ERR_OPERATOR);
        CHECK(chmod(folder, 02770) == 0 && token_dir_check(station, &err) == 0);
        leave("check.new"); /* as a check that was killed does */
        leave("check.done");
        CHECK(token_dir_check(station, &err) == 0 && token_dir_check(station, &err) == 0);
}

int main(void)
{
        const char *why;
        struct error err;
        char command[64];

        CHECK(mkdtemp(folder) && chmod(folder, 02770) == 0);
        CHECK(token_dir_new(folder, &station, &err) == 0);
        gate = token_dir_open(folder, &why);
        CHECK(gate >= 0);
        test_check();
        test_life();
        test_death_without_result();
        test_revoked();
        test_spoilt_result();
        test_race();
        token_dir_free(station);
        (void)close(gate);
        (void)snprintf(command, sizeof command, "rm -r %s", folder);
        return system(command) == 0 ? 0 : 1;
}
