/* What a renderer may still do once it has its layouts and fonts: compute, and talk on the descriptors it holds.
 *
 * seccomp(2): every system call that is not on the list ends the process (SECCOMP_RET_KILL_PROCESS), so no socket, no
 * exec, no fork, no file opened for writing. Opening or looking at a file for reading is answered EACCES, because
 * libraries probe for optional files. Limits: SANDBOX_MEMORY of address space, SANDBOX_CPU_S of processor time, no
 * core file. */
#pragma once
#include "proto/base/error.h"

/* AddressSanitizer keeps terabytes of shadow; there, and only there, the address space is not limited. */
#define SANDBOX_LIMITS_MEMORY 1
#if defined(__SANITIZE_ADDRESS__)
#undef SANDBOX_LIMITS_MEMORY
#define SANDBOX_LIMITS_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef SANDBOX_LIMITS_MEMORY
#define SANDBOX_LIMITS_MEMORY 0
#endif
#endif

enum { SANDBOX_MEMORY = 512 << 20, SANDBOX_CPU_S = 10 };

/* Irreversible, for all threads of the process. 0, or -1 and *err (BUG): the caller must end then. */
int sandbox_enter(struct error *err);
