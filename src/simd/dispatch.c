/* SPDX-License-Identifier: Apache-2.0
 * Chooses the kernels once. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "levels.h"

const char *const lt_kern_names[] = {"avx512vnni", "avx512", "avx2", "neon", "scalar", NULL};

static bool can_run(const lt_kern *k)
{
#if defined(__x86_64__)
    lt_cpu cpu = lt_cpu_detect();

    if (k == &lt_kern_avx2)
        return cpu.avx2;
    if (k == &lt_kern_avx512)
        return cpu.avx512;
    if (k == &lt_kern_avx512vnni)
        return cpu.avx512vnni;
#endif
    (void)k;
    return true;
}

/* Best first. */
static const lt_kern *const levels[] = {
#if defined(__x86_64__)
    &lt_kern_avx512vnni,
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
