/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include <string.h>
#include <xxhash.h>

#include "mem.h"

const uint8_t lt_uuid_ns_url[16] = {0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
                                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

uint64_t lt_hash64(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}

uint64_t lt_hash64_seeded(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n, seed);
}

void lt_hash128(const void *bytes, size_t n, uint8_t out[16])
{
    XXH128_canonical_t c;

    XXH128_canonicalFromHash(&c, XXH3_128bits(bytes, n));
    memcpy(out, c.digest, 16);
}

void lt_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

int lt_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct lt_hasher {
    XXH3_state_t *state;
};

lt_hasher *lt_hasher_new(void)
{
    lt_hasher *h = lt_calloc(1, sizeof *h);

    if (!h)
        return NULL;
    h->state = XXH3_createState();
    if (!h->state) {
        lt_free(h);
        return NULL;
    }
    XXH3_128bits_reset(h->state);
    return h;
}

void lt_hasher_add(lt_hasher *h, const void *bytes, size_t n)
{
    XXH3_128bits_update(h->state, bytes, n);
}

void lt_hasher_get(const lt_hasher *h, uint8_t out[16])
{
    XXH128_canonical_t c;

    XXH128_canonicalFromHash(&c, XXH3_128bits_digest(h->state));
    memcpy(out, c.digest, 16);
}

void lt_hasher_free(lt_hasher *h)
{
    if (!h)
        return;
    XXH3_freeState(h->state);
    lt_free(h);
}
