/* SPDX-License-Identifier: Apache-2.0
 * SplitMix64 (Steele, Lea, Flood 2014): small, seedable, not for secrets. */
#ifndef LT_BASE_RNG_H
#define LT_BASE_RNG_H

#include <stdint.h>

typedef struct lt_rng {
    uint64_t state;
} lt_rng;

uint64_t lt_rng_next(lt_rng *r);
uint64_t lt_rng_below(lt_rng *r, uint64_t n); /* 0..n-1, n > 0 */
double lt_rng_unit(lt_rng *r);                /* [0, 1) */
float lt_rng_normal(lt_rng *r);

#endif
