#define _GNU_SOURCE
#include "proto/base/secret.h"
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void secret_set(struct secret *s, struct bytes from)
{
        assert(from.n <= SECRET_MAX);
        secret_done(s);
        if (from.n > 0)
                memcpy(s->bytes, from.p, from.n);
        s->n = from.n;
}

struct bytes secret_bytes(const struct secret *s)
{
        return (struct bytes){ s->bytes, s->n };
}

void secret_done(struct secret *s)
{
        explicit_bzero(s, sizeof *s);
}

bool secret_lock(void *p, size_t n)
{
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)p & ~(page - 1);
        size_t length = (uintptr_t)p + n - start;

        if (mlock(p, n) < 0)
                return false;
        return madvise((void *)start, (length + page - 1) & ~(page - 1), MADV_DONTDUMP) == 0;
}
