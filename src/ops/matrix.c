/* SPDX-License-Identifier: Apache-2.0
 * Distances within a random sample: for each of its points the nearest others. */
#include <base/mem.h>
#include <stdlib.h>

#include "run.h"

typedef struct member {
    lt_id id;
    uint32_t slot;
} member;

static int by_id(const void *a, const void *b)
{
    return lt_id_compare(&((const member *)a)->id, &((const member *)b)->id);
}

static lt_status draw(lt_asking *a, const lt_matrix_request *q, const lt_vector_schema *schema,
                      member **out, size_t *n_out, lt_error *err)
{
    const lt_pool pool = {.filter = q->filter};
    const uint32_t *slots;
    size_t n;

    LT_TRY(lt_pool_slots(a, &pool, schema, &slots, &n, err));
    const lt_pool having = {.listed = slots, .n_listed = n};
    lt_ranking drawn;

    LT_TRY(lt_rank_sample(a, NULL, &having, q->sample, &drawn, err));
    *out = lt_arena_alloc(a->arena, drawn.n, sizeof **out);
    if (!*out)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < drawn.n; i++) {
        (*out)[i].slot = drawn.items[i].slot;
        LT_TRY(lt_reader_id(a->r, (*out)[i].slot, &(*out)[i].id, err));
    }
    if (drawn.n)
        qsort(*out, drawn.n, sizeof **out, by_id);
    *n_out = drawn.n;
    return LT_OK;
}

/* Members in order of id, so that ties are broken by place. */
typedef struct near {
    float similarity;
    uint32_t place;
} near;

static int nearer_first(const void *a, const void *b)
{
    const near *x = a, *y = b;

    if (x->similarity != y->similarity)
        return x->similarity > y->similarity ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

typedef struct matrix {
    lt_asking *a;
    const lt_vector_schema *schema;
    size_t limit;
    uint32_t *slots;
    float *similarity;
    near *nearest;
    lt_matrix *out;
} matrix;

/* The similarities of all members to one of them, which was drawn from those with the vector. */
static lt_status compare_row(matrix *m, uint32_t row, lt_error *err)
{
    lt_reader *r = m->a->r;
    lt_prepared *prepared;
    lt_vector vector;
    bool present;

    LT_TRY(lt_reader_vector(r, m->slots[row], m->schema, &vector, &present, err));
    LT_TRY(lt_prepare(m->a, m->schema, &vector, &prepared, err));
    LT_TRY(lt_reader_weigh(r, prepared, NULL, err));
    return lt_reader_similarities(r, prepared, m->slots, m->out->n, m->similarity, err);
}

static lt_status add_row(matrix *m, uint32_t row, lt_error *err)
{
    lt_matrix *out = m->out;
    size_t n = 0;

    LT_TRY(compare_row(m, row, err));
    for (uint32_t i = 0; i < out->n; i++)
        if (i != row && m->similarity[i] == m->similarity[i])
            m->nearest[n++] = (near){m->similarity[i], i};
    if (n)
        qsort(m->nearest, n, sizeof *m->nearest, nearer_first);
    for (size_t i = 0; i < n && i < m->limit; i++) {
        out->rows[out->n_pairs] = row;
        out->cols[out->n_pairs] = m->nearest[i].place;
        out->scores[out->n_pairs++] =
            lt_user_score(m->schema->distance, m->nearest[i].similarity);
    }
    return LT_OK;
}

static lt_status alloc_matrix(matrix *m, const member *members, size_t n, lt_error *err)
{
    lt_arena *arena = m->a->arena;
    lt_matrix *out = m->out;

    if (m->limit > n)
        m->limit = n;
    m->slots = lt_arena_alloc(arena, n, sizeof *m->slots);
    m->similarity = lt_arena_alloc(arena, n, sizeof *m->similarity);
    m->nearest = lt_arena_alloc(arena, n, sizeof *m->nearest);
    out->ids = lt_arena_alloc(arena, n, sizeof *out->ids);
    out->rows = lt_arena_alloc(arena, n * m->limit, sizeof *out->rows);
    out->cols = lt_arena_alloc(arena, n * m->limit, sizeof *out->cols);
    out->scores = lt_arena_alloc(arena, n * m->limit, sizeof *out->scores);
    if (!m->slots || !m->similarity || !m->nearest || !out->ids || !out->rows || !out->cols ||
        !out->scores)
        return lt_fail_nomem(err);
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        out->ids[i] = members[i].id;
        m->slots[i] = members[i].slot;
    }
    return LT_OK;
}

lt_status lt_run_matrix(lt_asking *a, const lt_matrix_request *q, lt_matrix *out, lt_error *err)
{
    matrix m = {.a = a, .limit = q->limit, .out = out};
    member *members = NULL;
    size_t n = 0;

    *out = (lt_matrix){0};
    LT_TRY(lt_find_schema(a->r, q->using, &m.schema, err));
    LT_TRY(draw(a, q, m.schema, &members, &n, err));
    if (n < 2)
        return LT_OK;
    LT_TRY(alloc_matrix(&m, members, n, err));
    for (uint32_t row = 0; row < n; row++) {
        LT_TRY(lt_asking_check(a, err));
        LT_TRY(add_row(&m, row, err));
    }
    return LT_OK;
}
