/* The one home of keys and PINs: locked against swapping, left out of core dumps, wiped on every path.
 * There is no formatter for it, and nothing in the project logs its bytes. */
#pragma once
#include "proto/base/bytes.h"

enum { SECRET_MAX = 64 };

struct secret {
        size_t n;
        uint8_t bytes[SECRET_MAX];
};

/* Sets n bytes (asserted <= SECRET_MAX); the caller wipes its own copy. */
void secret_set(struct secret *s, struct bytes from);
struct bytes secret_bytes(const struct secret *s);
/* Zeroes it; accepts a zeroed one. Fits cleanup(). */
void secret_done(struct secret *s);
/* Locks [p, p + n) in memory and excludes it from dumps. False when the system refuses: the caller decides. */
bool secret_lock(void *p, size_t n);
