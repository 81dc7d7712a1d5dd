/* SPDX-License-Identifier: Apache-2.0
 * Slices of the space of ids: SipHash-2-4 (Aumasson and Bernstein 2012) with a zero key, so that
 * anyone can compute them. */
#include "tree.h"

typedef struct sip {
    uint64_t a, b, c, d;
} sip;

static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static void rounds(sip *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        s->a += s->b;
        s->c += s->d;
        s->b = rotate(s->b, 13) ^ s->a;
        s->d = rotate(s->d, 16) ^ s->c;
        s->a = rotate(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = rotate(s->b, 17) ^ s->c;
        s->d = rotate(s->d, 21) ^ s->a;
        s->c = rotate(s->c, 32);
    }
}

static void absorb(sip *s, uint64_t word)
{
    s->d ^= word;
    rounds(s, 2);
    s->a ^= word;
}

static uint64_t read_le(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

uint32_t lt_id_slice(const lt_id *id, uint32_t total)
{
    sip s = {0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261, 0x7465646279746573};
    bool number = id->kind == LT_ID_NUM;

    absorb(&s, number ? id->num : read_le(id->uuid));
    if (!number)
        absorb(&s, read_le(id->uuid + 8));
    absorb(&s, (uint64_t)(number ? 8 : 16) << 56);
    s.c ^= 0xff;
    rounds(&s, 4);
    return (uint32_t)((s.a ^ s.b ^ s.c ^ s.d) % total);
}
