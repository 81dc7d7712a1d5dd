/* SPDX-License-Identifier: Apache-2.0
 * Gives a record the checksum of its bytes, so that what is fuzzed is what stands behind the check. */
#ifndef LT_FUZZ_FIX_RECORD_H
#define LT_FUZZ_FIX_RECORD_H

#include <base/hash.h>
#include <store/record.h>
#include <string.h>

static inline void fix_record(const void *key, size_t n_key, uint8_t *record, size_t n)
{
    if (n < LT_RECORD_HEAD)
        return;
    uint64_t sum = lt_hash64(key, n_key);

    sum = lt_hash64_seeded(record, 16, sum);
    sum = lt_hash64_seeded(record + LT_RECORD_HEAD, n - LT_RECORD_HEAD, sum);
    memcpy(record + 16, &sum, sizeof sum);
}

#endif
