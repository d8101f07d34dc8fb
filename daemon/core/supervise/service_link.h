/* Connecting to a service's unix socket (SOCK_SEQPACKET); never blocks. */
#pragma once
#include "proto/base/error.h"

/* *ret_fd: connected, non-blocking, CLOEXEC; the caller closes it. 0, or -1 and *err (RETRY). */
int service_connect(const char *path, int *ret_fd, struct error *err);
