/* Starting a child of the core: posix_spawn(3) with an empty signal mask, default signals, its own process group, the
 * socket as descriptor 3, /dev/null as standard input, no other descriptor but 1 and 2, and exactly this environment.
 */
#pragma once
#include "proto/base/error.h"
#include <sys/types.h>

/* *ret_fd is the core's end: non-blocking, CLOEXEC (the child's end blocks); the caller closes it and reaps *ret_pid.
 * 0, or -1 and *err (RETRY without resources, OPERATOR when the program cannot be started). */
int launch_worker(const char *const *argv, const char *const *env, pid_t *ret_pid, int *ret_fd, struct error *err);
