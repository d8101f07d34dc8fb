/* A worker that is a service: its own process under its own user, listening on a unix socket (SOCK_SEQPACKET) and
 * serving one peer, the core's uid (SO_PEERCRED), one connection at a time. */
#pragma once
#include "daemon/work/worker.h"
#include <sys/types.h>

/* Binds path (a stale socket there is replaced; mode 0660), then accepts for ever: a peer of another uid is closed at
 * once, one of uid `peer` is served by worker_run until it leaves. A broken connection is told on standard error and
 * the next one awaited. Returns only -1 and *err: the socket cannot be made, or accept(2) fails. Call service_setup
 * first. */
int service_run(const char *path, uid_t peer, const char *name, const struct worker_task *tasks, void *context,
                struct error *err);
/* A uid from its digits or from a user's name (getpwnam(3)), or -1. Call before any confinement: it reads files. */
long service_uid(const char *text);
/* No core dump, umask 0077, SIGPIPE ignored. Call first in main. */
int service_setup(struct error *err);
