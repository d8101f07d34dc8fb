/* Reads one small file. */
#pragma once
#include "proto/base/error.h"
#include <stddef.h>

/* The whole file, 1 to max bytes. 0, or -1 and *err (INPUT, bad_config) naming the path. */
int file_read(const char *path, uint8_t *ret, size_t max, size_t *ret_n, struct error *err);
