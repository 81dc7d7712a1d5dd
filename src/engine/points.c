/* SPDX-License-Identifier: Apache-2.0
 * The simple questions of latent.h, for collections with the one unnamed dense vector: answered by
 * the reader. Each hit owns a block with its payload and vector. What is returned was checked
 * against its checksums first, so damage is named instead of served. */
#include <base/limits.h>
#include <base/mem.h>
#include <math.h>
#include <string.h>

#include "engine.h"

/* ---- hits ------------------------------------------------------------------------------------ */

typedef struct builder {
    lt_hits hits; /* first, so that lt_hits_free gets the builder back */
    lt_hit *items;
    size_t cap;
} builder;

void lt_hits_free(lt_hits *hits)
{
    builder *b = (builder *)hits;

    if (!b)
        return;
    for (size_t i = 0; i < b->hits.n_items; i++) {
        lt_free((void *)(uintptr_t)b->items[i].payload);
        lt_free((void *)(uintptr_t)b->items[i].vector);
    }
    lt_free(b->items);
    lt_free(b);
}

static lt_status grow(builder *b, lt_error *err)
{
    lt_hit *items = lt_grow(b->items, b->hits.n_items, &b->cap, sizeof *items);

    if (!items)
        return lt_fail_nomem(err);
    b->items = items;
    b->hits.items = items;
    return LT_OK;
}

/* What goes into a hit. */
typedef struct wants {
    bool payload, vector;
} wants;

static lt_status add_hit(builder *b, lt_reader *r, const lt_stored *s, float score, wants want,
                         lt_error *err)
{
    const lt_vector_schema *schema = lt_reader_schema(r, "");
    lt_hit *hit;
    lt_vector v;
    bool present = false;

    LT_TRY(grow(b, err));
    if (schema && schema->kind == LT_VECTOR_DENSE) /* also checks it */
        LT_TRY(lt_reader_vector(r, s->slot, schema, &v, &present, err));
    hit = &b->items[b->hits.n_items];
    *hit = (lt_hit){.id = s->id, .score = score};
    b->hits.n_items++;
    if (want.payload) {
        hit->payload = lt_strndup(s->payload, s->payload_len);
        hit->payload_len = s->payload_len;
        if (!hit->payload)
            return lt_fail_nomem(err);
    }
    if (want.vector && present) {
        float *copy = lt_alloc_aligned(v.n_values, sizeof *copy);

        if (!copy)
            return lt_fail_nomem(err);
        memcpy(copy, v.values, v.n_values * sizeof *copy);
        hit->vector = copy;
    }
    return LT_OK;
}

/* ---- one question ---------------------------------------------------------------------------- */

typedef struct question {
    lt_reader *r;
    lt_filter *filter;
    builder *b;
} question;

static void question_done(question *q)
{
    lt_reader_close(q->r);
    lt_filter_free(q->filter);
    if (q->b)
        lt_hits_free(&q->b->hits);
}

static lt_status begin(lt_collection *c, const char *filter, question *q, lt_error *err)
{
    if (filter && filter[0])
        LT_TRY(lt_filter_parse(filter, strlen(filter), &q->filter, err));
    q->b = lt_calloc(1, sizeof *q->b);
    if (!q->b)
        return lt_fail_nomem(err);
    return lt_reader_open(c, &q->r, err);
}

static lt_status finish(question *q, lt_hits **out)
{
    *out = &lt_steal(&q->b)->hits;
    return LT_OK;
}

/* ---- nearest --------------------------------------------------------------------------------- */

static lt_status check_query(const lt_collection *c, const lt_vector_schema *schema,
                             const lt_query *q, lt_error *err)
{
    if (!schema || schema->kind != LT_VECTOR_DENSE)
        return lt_fail(err, LT_EINVAL, "the collection '%s' has no unnamed dense vector", c->name);
    if (!q->vector || q->dims != schema->dims)
        return lt_fail(err, LT_EINVAL,
                       "the query has %zu dimensions, the collection '%s' has %u", q->dims, c->name,
                       schema->dims);
    if (q->k > LT_LIMIT_K || q->offset > LT_LIMIT_K)
        return lt_fail(err, LT_ELIMIT, "k and offset are at most %u", LT_LIMIT_K);
    for (size_t i = 0; i < q->dims; i++)
        if (!isfinite(q->vector[i]))
            return lt_fail(err, LT_EINVAL, "the query's component %zu is not a finite number", i);
    return LT_OK;
}

static bool passes_threshold(lt_distance distance, const lt_query *q, float score)
{
    if (!q->has_threshold)
        return true;
    return distance >= LT_DISTANCE_EUCLID ? score <= q->score_threshold
                                          : score >= q->score_threshold;
}

static lt_status collect(question *k, const lt_query *q, lt_distance distance,
                         const lt_scored *found, size_t n, lt_error *err)
{
    wants want = {q->with_payload, q->with_vector};

    for (size_t i = q->offset; i < n; i++) {
        LT_CLEANUP(lt_stored_done) lt_stored s = {0};
        float score = lt_user_score(distance, found[i].score);

        if (!passes_threshold(distance, q, score))
            break;
        LT_TRY(lt_reader_load(k->r, found[i].slot, &s, err));
        LT_TRY(add_hit(k->b, k->r, &s, score, want, err));
    }
    return LT_OK;
}

static void free_prepared(lt_prepared **p)
{
    lt_prepared_free(*p);
}

/* The query, checked and prepared; its parts lie in `k` and `vector`. */
static lt_status begin_nearest(lt_collection *c, const lt_query *query, question *k,
                               lt_prepared **vector, lt_nearest *out, lt_error *err)
{
    if (query->size != sizeof *query)
        return lt_fail(err, LT_EINVAL, "lt_query: start it with LT_QUERY_INIT");
    LT_TRY(begin(c, query->filter, k, err));
    const lt_vector_schema *schema = lt_reader_schema(k->r, "");
    lt_vector v = {.name = "", .values = query->vector, .n_values = query->dims};

    LT_TRY(check_query(c, schema, query, err));
    LT_TRY(lt_reader_prepare(k->r, schema, &v, vector, err));
    out->vector = *vector;
    out->k = query->k + query->offset;
    out->filter = k->filter;
    return LT_OK;
}

lt_status lt_points_query(lt_collection *collection, const lt_query *query, lt_hits **out,
                          lt_error *err)
{
    LT_CLEANUP(question_done) question k = {0};
    LT_CLEANUP(free_prepared) lt_prepared *vector = NULL;
    LT_AUTOFREE lt_scored *found = NULL;
    lt_nearest nearest = LT_NEAREST_INIT;
    size_t n;

    if (!collection || !query || !out)
        return lt_fail(err, LT_EINVAL, "collection, query and out are required");
    LT_TRY(begin_nearest(collection, query, &k, &vector, &nearest, err));
    LT_TRY(lt_reader_nearest(k.r, &nearest, &found, &n, err));
    LT_TRY(collect(&k, query, lt_reader_schema(k.r, "")->distance, found, n, err));
    return finish(&k, out);
}

lt_status lt_points_explain(lt_collection *collection, const lt_query *query, char **json,
                            lt_error *err)
{
    LT_CLEANUP(question_done) question k = {0};
    LT_CLEANUP(free_prepared) lt_prepared *vector = NULL;
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    lt_nearest nearest = LT_NEAREST_INIT;

    if (!collection || !query || !json)
        return lt_fail(err, LT_EINVAL, "collection, query and json are required");
    LT_TRY(begin_nearest(collection, query, &k, &vector, &nearest, err));
    LT_TRY(lt_reader_explain_nearest(k.r, &nearest, &text, err));
    *json = lt_buf_steal(&text);
    return LT_OK;
}

/* ---- by id, by page, counts ------------------------------------------------------------------ */

lt_status lt_points_get(lt_collection *collection, const lt_id *ids, size_t n_ids,
                        bool with_payload, bool with_vector, lt_hits **out, lt_error *err)
{
    LT_CLEANUP(question_done) question k = {0};
    uint32_t slot;

    if (!collection || (!ids && n_ids) || !out)
        return lt_fail(err, LT_EINVAL, "collection, ids and out are required");
    LT_TRY(begin(collection, NULL, &k, err));
    for (size_t i = 0; i < n_ids; i++) {
        LT_CLEANUP(lt_stored_done) lt_stored s = {0};
        lt_status st = lt_reader_slot(k.r, &ids[i], &slot, err);

        if (st == LT_ENOTFOUND)
            continue;
        LT_TRY(st);
        LT_TRY(lt_reader_load(k.r, slot, &s, err));
        LT_TRY(add_hit(k.b, k.r, &s, 0, (wants){with_payload, with_vector}, err));
    }
    return finish(&k, out);
}

typedef struct page {
    question *k;
    const lt_id *after;
    size_t limit;
    wants want;
    const uint64_t *sure; /* slots that need no look at the filter */
    bool full;
} page;

static lt_status page_point(void *context, const lt_stored *s, lt_error *err)
{
    page *p = context;
    bool passes = true;

    if (p->k->b->hits.n_items >= p->limit) {
        p->full = true;
        return LT_ECANCELED; /* ends the walk; not an error */
    }
    if (p->after && lt_id_compare(p->after, &s->id) == 0)
        return LT_OK;
    if (p->k->filter && !lt_bits_has(p->sure, s->slot))
        LT_TRY(lt_reader_passes(p->k->r, p->k->filter, s, &passes, err));
    return passes ? add_hit(p->k->b, p->k->r, s, 0, p->want, err) : LT_OK;
}

lt_status lt_points_scroll(lt_collection *collection, const lt_id *after, size_t limit,
                           const char *filter, bool with_payload, bool with_vector, lt_hits **out,
                           lt_error *err)
{
    LT_CLEANUP(question_done) question k = {0};
    LT_AUTOFREE uint64_t *sure = NULL, *possible = NULL;
    page p = {.k = &k, .after = after, .limit = limit, .want = {with_payload, with_vector}};

    if (!collection || !out)
        return lt_fail(err, LT_EINVAL, "collection and out are required");
    LT_TRY(begin(collection, filter, &k, err));
    if (k.filter)
        LT_TRY(lt_reader_narrow(k.r, k.filter, &sure, &possible, err));
    p.sure = sure;
    lt_status st = lt_reader_each(k.r, after, possible, page_point, &p, err);

    return st == LT_OK || p.full ? finish(&k, out) : st;
}

lt_status lt_points_count(lt_collection *collection, const char *filter, uint64_t *out,
                          lt_error *err)
{
    LT_CLEANUP(question_done) question k = {0};
    LT_AUTOFREE uint64_t *bits = NULL;

    if (!collection || !out)
        return lt_fail(err, LT_EINVAL, "collection and out are required");
    LT_TRY(begin(collection, filter, &k, err));
    if (!k.filter) {
        *out = lt_reader_n_points(k.r);
        return LT_OK;
    }
    return lt_reader_select(k.r, k.filter, NULL, &bits, out, err);
}
