/* What cairo writes, collected in memory: bounded, because a hostile task must not fill the machine. */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include <cairo.h>

enum { OUTPUT_MAX = 8 << 20 };

struct output {
        uint8_t *data; /* owned */
        size_t n, max;
};

void output_done(struct output *out); /* accepts a zeroed one */
/* A cairo_write_func_t; closure is a struct output. */
cairo_status_t output_collect(void *closure, const unsigned char *data, unsigned n);
/* One that keeps nothing. */
cairo_status_t output_discard(void *closure, const unsigned char *data, unsigned n);
/* 0, or -1 and *err (BUG) for any status but success. */
int output_check(cairo_status_t status, struct error *err);
/* Hands the bytes over; the caller frees ret->p. Answers 0. */
int output_take(struct output *out, struct bytes *ret);
