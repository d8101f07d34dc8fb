/* The little that unit tests need: a failed check tells file, line and text, and ends the program with 1. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                      \
        do {                                                                                                  \
                if (!(condition)) {                                                                           \
                        fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition); \
                        exit(1);                                                                              \
                }                                                                                             \
        } while (0)
