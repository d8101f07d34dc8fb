/* Named places where a test build can end this process, or make the step there fail: DESIGN 1, tests/crash/points.
 *
 * A point stands before and after each intent's commit and each outside effect; its name is unit.step.before or .after.
 * In a release build every macro is empty and no name is left in the program. With meson's -Dfault_points=true the
 * names are collected in the linker section fault_points (`PROGRAM --fault-points` prints them) and tests/crash/fault.c
 * acts on them as the environment says:
 *
 *     MOHR_FAULT=NAME[:N][:kill|eio|enospc|sleep:MS][,...]   at the N-th pass (default 1): SIGKILL (default), an
 *                             error, a wait; up to four orders
 *     MOHR_FAULT_ONCE=FILE    a name that stands in FILE does not act again; it is written there first
 *     MOHR_FAULT_TRACE=FILE   appends the name of each point passed
 *
 * Only this header belongs to proto: it names no system call, so that every layer may use it. */
#pragma once
#ifdef MOHR_FAULT_POINTS
#include "proto/base/error.h"

/* A point whose step cannot fail: an armed error ends the process too. */
void fault_pass(const char *name);
/* True: errno is set, the step fails. */
bool fault_errno(const char *name);
/* True: *err is set (kind, ORIGIN_OS, errno, reason), the step fails. */
bool fault_error(const char *name, enum error_kind kind, enum reason reason, struct error *err);
/* The points of the next commit, and passing them; reason becomes DISK_FULL for ENOSPC. */
void fault_name_commit(const char *before, const char *after);
bool fault_commit(bool after, enum error_kind kind, struct error *err);
/* What a child must be told: "NAME=value" of the variables above, owned by the environment, then NULL. */
enum { FAULT_ENV_MAX = 3 };
void fault_env(char *ret[]);

#define FAULT_NAME(name)                                                                                      \
        __extension__({                                                                                       \
                static const char *const fault_place __attribute__((section("fault_points"), used)) = (name); \
                fault_place;                                                                                  \
        })
#define FAULT_POINT(name) fault_pass(FAULT_NAME(name))
#define FAULT_ERRNO(name) fault_errno(FAULT_NAME(name))
#define FAULT_ERROR(name, kind, reason, err) fault_error(FAULT_NAME(name), (kind), (reason), (err))
#define FAULT_COMMIT(step) fault_name_commit(FAULT_NAME(step ".before"), FAULT_NAME(step ".after"))
#define FAULT_COMMIT_FAILS(after, kind, err) fault_commit((after), (kind), (err))
/* One of several points that share a line of code: passes name when a and b are the same text. */
#define FAULT_CASE(a, b, name) (strcmp((a), (b)) == 0 ? fault_pass(FAULT_NAME(name)) : (void)0)
#else
#define FAULT_POINT(name) ((void)0)
#define FAULT_ERRNO(name) (0)
#define FAULT_ERROR(name, kind, reason, err) (0)
#define FAULT_COMMIT(step) ((void)0)
#define FAULT_COMMIT_FAILS(after, kind, err) (0)
#define FAULT_CASE(a, b, name) ((void)0)
#define FAULT_ENV_MAX 0
#define fault_env(ret) ((void)0)
#endif
