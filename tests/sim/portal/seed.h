/* Filling the portal with applicants: names, skills and centres of tests/data/samples.json, five confirmations in the
 * past weeks, the fee paid after the director's, a drawn photo. Repeatable per seed and number but for the times. */
#pragma once
#include "portal.h"

struct seed_options {
        const char *samples;
        const char *province_fa, *province_en;
        int64_t n, seed, n_odd;
        const char *odd_kind; /* NULL: in_chain, unpaid, paid_too_early, withdrawn in turn */
};

/* Prints one JSON line {id, kind} per application. The odd ones come last. */
void seed_run(struct portal *portal, const struct seed_options *options);
