/* Scoped release of what a variable owns (dbus-broker's manner): the attribute stands at the declaration, steal() hands
 * over. */
#pragma once
#include <stdlib.h>
#include <unistd.h>

#define cleanup(fn) __attribute__((cleanup(fn)))
#define steal(p)                           \
        (__extension__({                   \
                __typeof__(p) p_ = (p);    \
                __typeof__(*(p)) v_ = *p_; \
                *p_ = NULL;                \
                v_;                        \
        }))
/* For a type whose free function takes the pointer: defines fn_p for cleanup(). NULL is left alone. */
#define DEFINE_CLEANUP(type, fn)           \
        static inline void fn##_p(type *p) \
        {                                  \
                if (*p)                    \
                        fn(*p);            \
        }
#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))
/* The struct that holds a member. */
#define owner_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

static inline void free_p(void *p)
{
        free(*(void **)p);
}

static inline void close_p(const int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

/* Hands a descriptor over: the variable is -1 afterwards. */
static inline int steal_fd(int *fd)
{
        int ret = *fd;

        *fd = -1;
        return ret;
}
