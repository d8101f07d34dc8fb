/* Reads tests/data/vectors.json: published bytes with their sources. Any fault ends the test. */
#pragma once
#include "proto/base/bytes.h"
#include <jansson.h>

/* The whole file, or a file beside it; folder = tests/data. */
json_t *vectors_load(const char *folder, const char *name);
/* The hexadecimal text under key, decoded into a buffer that lives until the program ends; {NULL, 0} when absent. */
struct bytes vectors_hex(const json_t *object, const char *key);
const char *vectors_text(const json_t *object, const char *key); /* "" when absent */
bool vectors_group_is(const json_t *vector, const char *group);
