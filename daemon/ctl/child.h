/* A worker started by the command itself for one task, without the core: doctor and verify. Blocking. */
#pragma once
#include "daemon/ctl/ctl.h"

enum { CHILD_PARTS_MAX = 4 };

struct child_part {
        char name[33];
        uint8_t *p;
        size_t n;
};
struct child_answer {
        json_t *args;
        struct child_part parts[CHILD_PARTS_MAX];
        size_t n_parts;
};
void child_answer_done(struct child_answer *a); /* accepts a zeroed one */

/* Starts argv (env: NULL-terminated "NAME=value", may be NULL), gives it the task and waits at most limit_ms for the
 * answer. args is TAKEN. 0 and *ret, or -1 and *err: the worker's refusal, worker_lost, or why it could not start. The
 * process is gone afterwards. progress (may be NULL) is told each step. */
int child_ask(const char *const *argv, const char *const *env, const char *verb, json_t *args, int limit_ms,
              void (*progress)(const char *step), struct child_answer *ret, struct error *err);
/* The path of a worker program: programs_dir of the configuration when that can be read, else the installed one. */
void child_program(struct ctl *c, const char *name, char *ret, size_t max);
enum { CHILD_PEM_MAX = 16384 };
/* A CA certificate's file as text. 0, or -1 and *err (INPUT, bad_config). */
int child_read_pem(const char *file, char ret[CHILD_PEM_MAX], struct error *err);
