/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 (FIPS 180-4), for checksums that other programs compute too. */
#ifndef LT_BASE_SHA256_H
#define LT_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum {
    LT_SHA256_BYTES = 32,
    LT_SHA256_HEX = 65 /* 64 digits and a zero */
};

typedef struct lt_sha256 {
    uint32_t state[8];
    uint64_t n; /* bytes so far */
    uint8_t block[64];
} lt_sha256;

void lt_sha256_init(lt_sha256 *s);
void lt_sha256_add(lt_sha256 *s, const void *bytes, size_t n);
/* End it. */
void lt_sha256_end(lt_sha256 *s, uint8_t out[LT_SHA256_BYTES]);
void lt_sha256_hex(lt_sha256 *s, char out[LT_SHA256_HEX]);

#endif
