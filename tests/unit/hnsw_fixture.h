/* SPDX-License-Identifier: Apache-2.0
 * Vectors for the tests of the graph: clustered, in chunks as the engine has them, and what the
 * exact scan says about them. */
#ifndef LT_TESTS_HNSW_FIXTURE_H
#define LT_TESTS_HNSW_FIXTURE_H

#include <base/mem.h>
#include <base/rng.h>
#include <index/hnsw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lt_cmocka.h"

enum { FIX_CHUNK = 1024 };

typedef struct fixture {
    size_t n, dims, stride, n_chunks;
    void **chunks;
    float *centres;
    size_t n_centres;
    uint32_t *cluster; /* of each vector */
    lt_distance distance;
    lt_element element;
} fixture;

static inline void *fix_at(const fixture *f, size_t i)
{
    return (char *)f->chunks[i / FIX_CHUNK] + i % FIX_CHUNK * f->stride;
}

/* A centre and noise of nearly its size; unit length where the distance is cosine. */
static inline void fix_draw(const fixture *f, lt_rng *r, size_t cluster, float *out)
{
    double size = 0;

    for (size_t d = 0; d < f->dims; d++) {
        out[d] = f->centres[cluster * f->dims + d] + 0.8f * lt_rng_normal(r);
        size += (double)out[d] * (double)out[d];
    }
    float scale = f->distance == LT_DISTANCE_COSINE || f->distance == LT_DISTANCE_DOT
                      ? (float)(1 / sqrt(size)) : 1;

    if (f->distance == LT_DISTANCE_DOT) /* lengths differ by a tenth */
        scale *= 0.95f + 0.1f * (float)lt_rng_unit(r);
    for (size_t d = 0; d < f->dims; d++)
        out[d] *= scale;
}

static inline void fix_store(const fixture *f, const float *v, void *to)
{
    const lt_kern *k = lt_kern_get();

    if (f->element == LT_ELEMENT_F32)
        memcpy(to, v, f->dims * 4);
    else if (f->element == LT_ELEMENT_F16)
        k->f16_from_f32(v, to, f->dims);
    else
        for (size_t d = 0; d < f->dims; d++) {
            float x = f->element == LT_ELEMENT_I8 ? v[d] * 300 : v[d] * 30 + 128;

            if (f->element == LT_ELEMENT_I8)
                ((int8_t *)to)[d] = (int8_t)(x > 127 ? 127 : x < -127 ? -127 : x);
            else
                ((uint8_t *)to)[d] = (uint8_t)(x > 255 ? 255 : x < 0 ? 0 : x);
        }
}

static inline void fix_init(fixture *f, lt_rng *r, size_t n, size_t dims, lt_distance distance,
                            lt_element element)
{
    static const size_t sizes[] = {0, 4, 2, 1, 1};

    *f = (fixture){.n = n, .dims = dims, .distance = distance, .element = element};
    f->stride = (dims * sizes[element] + 31) / 32 * 32;
    f->n_chunks = (n + FIX_CHUNK - 1) / FIX_CHUNK;
    f->chunks = lt_calloc(f->n_chunks, sizeof *f->chunks);
    for (size_t c = 0; c < f->n_chunks; c++)
        f->chunks[c] = lt_alloc_aligned(FIX_CHUNK, f->stride);
    f->n_centres = n / 100 + 1;
    f->centres = lt_calloc(f->n_centres * dims, sizeof *f->centres);
    f->cluster = lt_calloc(n, sizeof *f->cluster);
    for (size_t i = 0; i < f->n_centres * dims; i++)
        f->centres[i] = lt_rng_normal(r);
    LT_AUTOFREE float *v = lt_calloc(dims, sizeof *v);

    for (size_t i = 0; i < n; i++) {
        f->cluster[i] = (uint32_t)lt_rng_below(r, f->n_centres);
        fix_draw(f, r, f->cluster[i], v);
        fix_store(f, v, fix_at(f, i));
    }
}

static inline void fix_done(fixture *f)
{
    for (size_t c = 0; c < f->n_chunks; c++)
        lt_free(f->chunks[c]);
    lt_free(f->chunks);
    lt_free(f->centres);
    lt_free(f->cluster);
}

static inline lt_hnsw_vectors fix_vectors(const fixture *f)
{
    return (lt_hnsw_vectors){(const void *const *)f->chunks, f->n_chunks, FIX_CHUNK, f->stride,
                             f->dims, f->distance, f->element};
}

static inline lt_hnsw *fix_graph(const fixture *f, unsigned m, unsigned ef_construct)
{
    lt_hnsw_vectors v = fix_vectors(f);
    lt_hnsw_config c = {m, ef_construct, 1};
    lt_hnsw *g = NULL;
    lt_error e;

    assert_ok(lt_hnsw_new(&v, &c, &g, &e), &e);
    return g;
}

static inline void fix_check(lt_hnsw *g)
{
    const char *reason = "";

    if (!lt_hnsw_check(g, &reason))
        fail_msg("the graph has %s", reason);
}

static inline bool bit_of(const uint64_t *bits, size_t i)
{
    return !bits || (bits[i / 64] >> (i % 64) & 1);
}

static inline void set_bit(uint64_t *bits, size_t i, bool on)
{
    bits[i / 64] = on ? bits[i / 64] | (uint64_t)1 << (i % 64)
                      : bits[i / 64] & ~((uint64_t)1 << (i % 64));
}

/* The exact answer through lt_space_distances, for any element; how many, at most k. */
static inline size_t fix_exact(const fixture *f, const void *query, size_t n, const uint64_t *allowed,
                               size_t k, lt_scored *out)
{
    lt_space s;
    lt_error e;
    size_t found = 0;

    assert_ok(lt_space_init(&s, f->dims, f->distance, f->element, &e), &e);
    for (size_t i = 0; i < n; i++) {
        const void *row = fix_at(f, i);
        float d;

        if (!bit_of(allowed, i))
            continue;
        lt_space_distances(&s, query, &row, 1, &d);
        if (found == k && -d <= out[k - 1].score)
            continue;
        size_t at = found < k ? found++ : k - 1;

        for (; at > 0 && out[at - 1].score < -d; at--)
            out[at] = out[at - 1];
        out[at] = (lt_scored){-d, (uint32_t)i};
    }
    return found;
}

#endif
