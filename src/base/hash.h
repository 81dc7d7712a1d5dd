/* SPDX-License-Identifier: Apache-2.0
 * Checksums (XXH3) and UUIDs made from names. */
#ifndef LT_BASE_HASH_H
#define LT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t lt_hash64(const void *bytes, size_t n);
uint64_t lt_hash64_seeded(const void *bytes, size_t n, uint64_t seed);
void lt_hash128(const void *bytes, size_t n, uint8_t out[16]);
void lt_hex(const uint8_t *bytes, size_t n, char *out); /* 2n digits and a zero */
int lt_hex_digit(char c); /* 0..15; -1: it is none */

/* A running lt_hash128 over pieces. */
typedef struct lt_hasher lt_hasher;
lt_hasher *lt_hasher_new(void); /* NULL without memory */
void lt_hasher_add(lt_hasher *h, const void *bytes, size_t n);
void lt_hasher_get(const lt_hasher *h, uint8_t out[16]);
void lt_hasher_free(lt_hasher *h);

/* UUID version 5 (RFC 9562): SHA-1 of a namespace UUID and a name. */
void lt_uuid5(const uint8_t namespace_uuid[16], const void *name, size_t n, uint8_t out[16]);
extern const uint8_t lt_uuid_ns_url[16];

#endif
