/* Repeatable numbers (splitmix64): the same seed makes the same applicants and the same faces. */
#pragma once
#include <stdint.h>

struct rng {
        uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
        uint64_t z = rng->state += 0x9E3779B97F4A7C15u;

        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
}

/* low..high inclusive */
static inline int64_t rng_int(struct rng *rng, int64_t low, int64_t high)
{
        return low + (int64_t)(rng_next(rng) % (uint64_t)(high - low + 1));
}

static inline double rng_real(struct rng *rng, double low, double high)
{
        return low + (high - low) * (double)(rng_next(rng) >> 11) / 9007199254740992.0;
}
