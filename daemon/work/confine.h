/* The rights a worker gives up before the first untrusted byte: it talks to its device and its core, nothing else.
 *
 * seccomp(2): starting programs, tracing, mounting, loading code and changing identity end the process. landlock(7),
 * where the kernel has it: no file is written, created or removed but below one folder, when the worker has one.
 * mohr-render has a stricter filter of its own (daemon/work/render/sandbox.h). */
#pragma once
#include "proto/base/error.h"

/* Irreversible, also for threads started later. writable: the one folder that may be written to, or NULL. 0, or -1 and
 * *err (BUG): the caller must end then. A kernel without Landlock is no fault. */
int confine_worker(const char *writable, struct error *err);
/* The system calls alone: for mohr-key, whose token module writes where its maker pleases. */
int confine_calls(struct error *err);
