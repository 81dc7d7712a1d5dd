/* SPDX-License-Identifier: Apache-2.0
 * UUID version 5 (RFC 9562, 5.5) over SHA-1 (FIPS 180-4). SHA-1 names things here and guards
 * nothing; a library for these 60 lines would be the only use of it. */
#include <string.h>

#include "hash.h"

typedef struct sha1 {
    uint32_t h[5];
    uint8_t block[64];
    uint64_t n_bytes;
} sha1;

static uint32_t rotl(uint32_t x, int n)
{
    return (x << n) | (x >> (32 - n));
}

static void sha1_block(sha1 *s)
{
    uint32_t w[80], a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3], e = s->h[4];

    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 |
               (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;

        if (i < 20)
            f = (b & c) | (~b & d), k = 0x5a827999u;
        else if (i < 40)
            f = b ^ c ^ d, k = 0x6ed9eba1u;
        else if (i < 60)
            f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdcu;
        else
            f = b ^ c ^ d, k = 0xca62c1d6u;
        uint32_t t = rotl(a, 5) + f + e + k + w[i];

        e = d;
        d = c;
        c = rotl(b, 30);
        b = a;
        a = t;
    }
    s->h[0] += a;
    s->h[1] += b;
    s->h[2] += c;
    s->h[3] += d;
    s->h[4] += e;
}

static void sha1_add(sha1 *s, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->block[s->n_bytes++ % 64] = bytes[i];
        if (s->n_bytes % 64 == 0)
            sha1_block(s);
    }
}

static void sha1_finish(sha1 *s, uint8_t out[20])
{
    uint64_t bits = s->n_bytes * 8;
    uint8_t tail[8];

    sha1_add(s, (const uint8_t[]){0x80}, 1);
    while (s->n_bytes % 64 != 56)
        sha1_add(s, (const uint8_t[]){0}, 1);
    for (int i = 0; i < 8; i++)
        tail[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha1_add(s, tail, 8);
    for (int i = 0; i < 20; i++)
        out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void lt_uuid5(const uint8_t namespace_uuid[16], const void *name, size_t n, uint8_t out[16])
{
    sha1 s = {.h = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u}};
    uint8_t digest[20];

    sha1_add(&s, namespace_uuid, 16);
    sha1_add(&s, name, n);
    sha1_finish(&s, digest);
    memcpy(out, digest, 16);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x50);
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}
