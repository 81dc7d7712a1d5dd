/* SPDX-License-Identifier: Apache-2.0
 * What this CPU and this operating system can run. CPUID alone is not enough: a kernel that does not
 * save the wide registers would let them be destroyed at the next context switch, so XCR0 is asked
 * too. */
#if defined(__x86_64__)
#include <cpuid.h>

#include "levels.h"

static bool has(unsigned reg, int bit)
{
    return reg >> bit & 1;
}

/* XCR0, the register sets that the operating system saves. Needs OSXSAVE. */
static unsigned saved_registers(void)
{
    unsigned low, high;

    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

lt_cpu lt_cpu_detect(void)
{
    enum { YMM = 0x06, ZMM = 0xe6 };
    unsigned a, b, c, d, b7, c7, d7;
    lt_cpu cpu = {0};

    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, 27)) /* OSXSAVE */
        return cpu;
    unsigned saved = saved_registers();
    bool base = has(c, 12) && has(c, 23) && has(c, 28) && has(c, 29); /* FMA POPCNT AVX F16C */

    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7))
        return cpu;
    cpu.avx2 = base && has(b7, 5) && (saved & YMM) == YMM;
    cpu.avx512 = cpu.avx2 && has(b7, 16) && has(b7, 17) && has(b7, 30) && has(b7, 31) &&
                 (saved & ZMM) == ZMM; /* F DQ BW VL */
    cpu.avx512vnni = cpu.avx512 && has(c7, 11) && has(c7, 14); /* VNNI VPOPCNTDQ */
    return cpu;
}
#else
typedef int lt_cpu_other; /* every level of other architectures is part of their baseline */
#endif
