/* SPDX-License-Identifier: Apache-2.0
 * Query vectors and their similarity to points. */
#include <base/limits.h>
#include <base/mem.h>
#include <math.h>
#include <string.h>

#include "read.h"

/* ---- inverse document frequency -------------------------------------------------------------- */

typedef struct counting {
    uint32_t number;
    const uint32_t *indices;
    size_t n;
    uint64_t *df;
} counting;

/* Both lists ascend. */
static lt_status count_terms(void *context, const lt_key *key, const lt_record *record,
                             lt_error *err)
{
    counting *c = context;
    lt_record_vector v;

    (void)key;
    (void)err;
    if (!lt_record_find(record, c->number, &v))
        return LT_OK;
    for (size_t i = 0, k = 0; i < v.n / 8 && k < c->n;) {
        uint32_t index;

        memcpy(&index, (const char *)v.bytes + i * 4, 4);
        if (index == c->indices[k])
            c->df[k]++;
        i += index <= c->indices[k];
        k += index >= c->indices[k];
    }
    return LT_OK;
}

lt_status lt_reader_weigh(lt_reader *r, lt_prepared *p, const lt_filter *corpus, lt_error *err)
{
    LT_AUTOFREE uint64_t *points = NULL;
    LT_AUTOFREE uint64_t *df = NULL;
    uint64_t n;

    if (!p->schema->idf)
        return LT_OK;
    df = lt_calloc(p->n, sizeof *df);
    if (!df)
        return lt_fail_nomem(err);
    counting c = {r->schema->vectors[lt_reader_index_of(r, p->schema)].number, p->indices, p->n, df};

    LT_TRY(lt_reader_select(r, corpus, p->schema, &points, &n, err));
    LT_TRY(lt_reader_each_in(r, points, count_terms, &c, err));
    for (size_t i = 0; i < p->n; i++) {
        double d = (double)df[i];

        p->values[i] *= (float)log(((double)n - d + 0.5) / (d + 0.5) + 1);
    }
    return LT_OK;
}

/* ---- preparing ------------------------------------------------------------------------------- */

static lt_status prepare_sparse(const lt_vector *v, lt_prepared *p, lt_error *err)
{
    LT_AUTOFREE uint32_t *order = lt_calloc(v->n_values, sizeof *order);

    p->indices = lt_calloc(v->n_values, sizeof *p->indices);
    p->values = lt_calloc(v->n_values, sizeof *p->values);
    if (!order || !p->indices || !p->values)
        return lt_fail_nomem(err);
    p->n = v->n_values;
    lt_sparse_order(v->indices, p->n, order);
    for (size_t i = 0; i < p->n; i++) {
        p->indices[i] = v->indices[order[i]];
        p->values[i] = v->values[order[i]];
    }
    return LT_OK;
}

/* float16 is compared to float32 queries, bytes to bytes; the rows of multivectors are floats. */
static lt_status prepare_rows(const lt_vector *v, lt_prepared *p, lt_error *err)
{
    const lt_vector_schema *s = p->schema;
    size_t dims = s->dims;
    bool bytes = s->element == LT_ELEMENT_U8 && s->kind == LT_VECTOR_DENSE;
    lt_element element = s->kind == LT_VECTOR_DENSE ? s->element : LT_ELEMENT_F32;

    LT_TRY(lt_space_init(&p->space, dims, s->distance, element, err));
    p->n_rows = v->n_values / dims;
    p->row_bytes = (bytes ? dims : dims * 4) + 63;
    p->row_bytes -= p->row_bytes % 64;
    p->rows = lt_alloc_aligned(p->n_rows, p->row_bytes);
    LT_AUTOFREE float *floats = lt_calloc(dims, sizeof *floats);

    if (!p->rows || !floats)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < p->n_rows; i++) {
        char *row = (char *)p->rows + i * p->row_bytes;

        lt_to_space(s, v->values + i * dims, 1, floats);
        if (bytes)
            lt_to_element(s, floats, row);
        else
            memcpy(row, floats, dims * sizeof *floats);
    }
    return LT_OK;
}

lt_status lt_reader_prepare(lt_reader *r, const lt_vector_schema *schema, const lt_vector *vector,
                            lt_prepared **out, lt_error *err)
{
    (void)r; /* so far the schema says all that matters */
    LT_TRY(lt_vector_check(schema, vector, err));
    lt_prepared *p = lt_calloc(1, sizeof *p);

    if (!p)
        return lt_fail_nomem(err);
    p->schema = schema;
    lt_status st = schema->kind == LT_VECTOR_SPARSE ? prepare_sparse(vector, p, err)
                                                    : prepare_rows(vector, p, err);

    if (st != LT_OK) {
        lt_prepared_free(p);
        return st;
    }
    *out = p;
    return LT_OK;
}

void lt_prepared_free(lt_prepared *p)
{
    if (!p)
        return;
    lt_free(p->rows);
    lt_free(p->indices);
    lt_free(p->values);
    lt_free(p);
}

/* ---- similarities ---------------------------------------------------------------------------- */

static bool common_index(const lt_sparse *a, const lt_sparse *b)
{
    for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
        if (a->index[i] == b->index[k])
            return true;
        if (a->index[i] < b->index[k])
            i++;
        else
            k++;
    }
    return false;
}

static float sparse_similarity(const lt_prepared *p, const void *bytes, size_t n)
{
    lt_sparse a = {p->indices, p->values, p->n};
    lt_sparse b = {bytes, (const float *)bytes + n / 8, n / 8};
    float score = lt_kern_get()->dot_sparse(&a, &b);

    /* A product of zero is a score; nothing in common is none. */
    return score != 0 || common_index(&a, &b) ? score : NAN;
}

/* For each row of the query the best row of the point. */
static float max_sim(const lt_prepared *p, const float *rows, size_t n_rows)
{
    enum { BATCH = 32 };
    const void *at[BATCH];
    float distances[BATCH];
    double sum = 0;

    for (size_t q = 0; q < p->n_rows; q++) {
        float best = INFINITY;

        for (size_t i = 0; i < n_rows; i += BATCH) {
            size_t n = n_rows - i < BATCH ? n_rows - i : BATCH;

            for (size_t k = 0; k < n; k++)
                at[k] = rows + (i + k) * p->schema->dims;
            lt_space_distances(&p->space, (const char *)p->rows + q * p->row_bytes, at, n,
                               distances);
            for (size_t k = 0; k < n; k++)
                best = distances[k] < best ? distances[k] : best;
        }
        sum -= (double)best;
    }
    return (float)sum;
}

lt_status lt_inline_similarity(const lt_prepared *p, const lt_record_vector *v, lt_buf *scratch,
                               float *out, lt_error *err)
{
    lt_buf_clear(scratch);
    LT_TRY(lt_buf_reserve(scratch, v->n, err));
    memcpy(scratch->data, v->bytes, v->n);
    *out = p->schema->kind == LT_VECTOR_SPARSE
               ? sparse_similarity(p, scratch->data, v->n)
               : max_sim(p, (const float *)(const void *)scratch->data,
                         v->n / sizeof(float) / p->schema->dims);
    return LT_OK;
}

static lt_status inline_one(lt_reader *r, const lt_prepared *p, size_t i, uint32_t slot,
                            lt_buf *scratch, float *out, lt_error *err)
{
    lt_record_vector v;
    lt_record record;
    lt_key key;

    LT_TRY(lt_reader_record(r, slot, &key, &r->record, &record, err));
    if (!lt_record_find(&record, r->schema->vectors[i].number, &v) || !v.is_inline)
        return lt_point_damaged(r, &key, "its record lacks a vector", err);
    return lt_inline_similarity(p, &v, scratch, out, err);
}

lt_status lt_reader_similarities(lt_reader *r, const lt_prepared *vector, const uint32_t *slots,
                                 size_t n, float *out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf scratch = {0};
    size_t i = lt_reader_index_of(r, vector->schema);
    const uint64_t *present = r->s.view->vectors[i].present;

    for (size_t k = 0; k < n; k++) {
        if (!lt_bit_get(present, slots[k])) {
            out[k] = NAN;
        } else if (vector->schema->kind == LT_VECTOR_DENSE) {
            const void *row = lt_view_row(r->s.view, i, slots[k]);
            float distance;

            lt_space_distances(&vector->space, vector->rows, &row, 1, &distance);
            out[k] = -distance;
        } else {
            LT_TRY(inline_one(r, vector, i, slots[k], &scratch, &out[k], err));
        }
    }
    return LT_OK;
}

float lt_user_score(lt_distance distance, float similarity)
{
    if (distance == LT_DISTANCE_EUCLID)
        return sqrtf(fabsf(similarity));
    return distance == LT_DISTANCE_MANHATTAN ? fabsf(similarity) : similarity;
}
