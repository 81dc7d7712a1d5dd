/* SPDX-License-Identifier: Apache-2.0 */
#include "rng.h"

#include <math.h>

uint64_t lt_rng_next(lt_rng *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t lt_rng_below(lt_rng *r, uint64_t n)
{
    return (uint64_t)((unsigned __int128)lt_rng_next(r) * n >> 64);
}

double lt_rng_unit(lt_rng *r)
{
    return (double)(lt_rng_next(r) >> 11) * 0x1p-53;
}

float lt_rng_normal(lt_rng *r)
{
    double u = 1.0 - lt_rng_unit(r), v = lt_rng_unit(r); /* Box and Muller 1958 */

    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}
