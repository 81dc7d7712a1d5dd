/* SPDX-License-Identifier: Apache-2.0
 * Chooses the kernels once. The compiler's __builtin_cpu_supports checks CPUID and, for the AVX
 * levels, that the operating system saves their registers (XGETBV). */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kern.h"

static bool can_run(const lt_kern *k)
{
#if defined(__x86_64__)
    if (k == &lt_kern_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (k == &lt_kern_avx512)
        return __builtin_cpu_supports("avx512f");
#endif
    (void)k;
    return true;
}

/* Best first. */
static const lt_kern *const levels[] = {
#if defined(__x86_64__)
    &lt_kern_avx512,
    &lt_kern_avx2,
#endif
#if defined(__aarch64__)
    &lt_kern_neon,
#endif
    &lt_kern_scalar,
};

const lt_kern *lt_kern_named(const char *name)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i]->name, name) == 0)
            return can_run(levels[i]) ? levels[i] : NULL;
    return NULL;
}

static const lt_kern *choose(void)
{
    const char *asked = getenv("LT_CPU");
    const lt_kern *k = asked ? lt_kern_named(asked) : NULL;

    for (size_t i = 0; !k; i++)
        if (can_run(levels[i]))
            k = levels[i];
    return k;
}

const lt_kern *lt_kern_get(void)
{
    static _Atomic(const lt_kern *) chosen;
    const lt_kern *k = atomic_load_explicit(&chosen, memory_order_acquire);

    if (!k) {
        k = choose();
        atomic_store_explicit(&chosen, k, memory_order_release);
    }
    return k;
}
