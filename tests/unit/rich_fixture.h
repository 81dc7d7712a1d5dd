/* SPDX-License-Identifier: Apache-2.0
 * A collection with every kind of vector and a history, and what is in it as text. */
#ifndef LT_TESTS_RICH_FIXTURE_H
#define LT_TESTS_RICH_FIXTURE_H

#include <base/rng.h>

#include "engine_fixture.h"

static const char RICH_CONFIG[] =
    "{\"vectors\":{\"f\":{\"size\":5,\"distance\":\"Cosine\"},"
    "\"h\":{\"size\":3,\"distance\":\"Euclid\",\"datatype\":\"float16\"},"
    "\"b\":{\"size\":40,\"distance\":\"Dot\",\"datatype\":\"uint8\"},"
    "\"m\":{\"size\":2,\"distance\":\"Cosine\",\"multivector_config\":{\"comparator\":\"max_sim\"}}},"
    "\"sparse_vectors\":{\"s\":{\"modifier\":\"idf\"}},"
    "\"hnsw_config\":{\"m\":7},\"on_disk_payload\":false,\"metadata\":{\"model\":\"x\"}}";
enum { RICH_POINTS = 300 };

/* ---- what is in a collection, as text -------------------------------------------------------- */

static inline char *rich_points(world *w, lt_collection *c)
{
    const char *body = "{\"limit\":100000,\"with_payload\":true,\"with_vector\":true}";
    char *text;
    size_t n;

    OK(lt_collection_ask(c, LT_ASK_SCROLL, body, strlen(body), NULL, &text, &n, &w->err));
    return text;
}

static inline char *rich_points_of(world *w, const char *name)
{
    lt_collection *c;

    OK(lt_collection_open(w->db, name, &c, &w->err));
    char *text = rich_points(w, c);

    lt_collection_close(c);
    return text;
}

static inline void rich_put(world *w, uint64_t id, lt_rng *r)
{
    float f[5], h[3], b[40], m[4], s[3];
    uint32_t indices[3] = {70, 3, (uint32_t)id + 100};
    lt_vector all[5];
    char payload[80];
    size_t n = 0;

    for (int i = 0; i < 5; i++)
        f[i] = lt_rng_normal(r);
    for (int i = 0; i < 3; i++)
        h[i] = s[i] = lt_rng_normal(r);
    for (int i = 0; i < 40; i++)
        b[i] = (float)lt_rng_below(r, 256);
    for (int i = 0; i < 4; i++)
        m[i] = lt_rng_normal(r);
    all[n++] = fix_dense("f", f, 5);
    if (id % 2)
        all[n++] = fix_dense("h", h, 3);
    if (id % 3)
        all[n++] = fix_dense("b", b, 40);
    if (id % 5)
        all[n++] = (lt_vector){.name = "m", .kind = LT_VECTOR_MULTI, .values = m, .n_values = 4, .n_rows = 2};
    if (id % 7)
        all[n++] = (lt_vector){.name = "s", .kind = LT_VECTOR_SPARSE, .values = s, .n_values = 3, .indices = indices};
    snprintf(payload, sizeof payload, "{\"n\":%lu,\"word\":\"w%lu\"}", (unsigned long)id,
             (unsigned long)id % 9);
    OK(fix_put(w, id, all, n, payload));
}

/* Points that were written over, deleted, given and robbed of vectors. */
static inline void rich_fill(world *w)
{
    lt_rng r = {5};
    const char *more = "{\"dense\":{\"size\":4,\"distance\":\"Dot\"}}";
    float v[4] = {1, 2, 3, 4};
    lt_vector late = fix_dense("late", v, 4);
    lt_id gone[10];
    lt_update set = LT_UPDATE_INIT;
    lt_full_point p = {lt_id_from_num(20), &late, 1, NULL, 0};

    fix_create(w, RICH_CONFIG);
    OK(lt_collection_add_vector(w->c, "away", more, strlen(more), &w->err));
    OK(lt_collection_drop_vector(w->c, "away", &w->err));
    OK(lt_collection_add_vector(w->c, "late", more, strlen(more), &w->err));
    for (uint64_t id = 0; id < RICH_POINTS; id++)
        rich_put(w, id, &r);
    for (uint64_t id = 0; id < RICH_POINTS; id += 4)
        rich_put(w, id, &r);
    for (uint64_t i = 0; i < 10; i++)
        gone[i] = lt_id_from_num(i * 17);
    OK(lt_points_delete(w->c, gone, 10, NULL, &w->err));
    set.kind = LT_UPDATE_SET_VECTORS;
    set.points = &p;
    set.n_points = 1;
    OK(fix_update(w, &set, NULL));
    OK(lt_collection_create_index(w->c, "word", "\"keyword\"", 9, NULL, &w->err));
}

#endif
