/* The paths of the contract, with the schema and the rule of each. */
#pragma once
#include "call.h"

struct route {
        const char *method, *prefix, *suffix; /* path = prefix + id + suffix; without id: suffix NULL */
        const char *id_pattern;
        const struct field *fields;
        size_t n_fields;
        struct outcome (*rule)(const struct call *call); /* mutating calls */
        json_t *(*list)(const struct call *call);        /* lists; neither: the photo */
};

/* NULL: no such path and method. ret_id gets the variable part. */
const struct route *route_find(const char *method, const char *path, char ret_id[80]);
