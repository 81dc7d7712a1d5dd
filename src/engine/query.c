/* SPDX-License-Identifier: Apache-2.0
 * Reading: nearest points, points by id, pages of points, counts. */
#include <base/limits.h>
#include <base/mem.h>
#include <filter/filter.h>
#include <index/flat.h>
#include <math.h>
#include <simd/kern.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

static void free_filter(lt_filter **f)
{
    lt_filter_free(*f);
}

static lt_status parse_filter(const char *json, lt_filter **out, lt_error *err)
{
    *out = NULL;
    return json && json[0] ? lt_filter_parse(json, strlen(json), out, err) : LT_OK;
}

/* Does a stored record pass? Gives its id and the decoded record too. */
static lt_status record_passes(const lt_filter *filter, const void *key, size_t n_key,
                               const void *bytes, size_t n, lt_id *id, lt_record *record,
                               bool *passes, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    LT_TRY(lt_record_decode(key, n_key, bytes, n, record, err));
    if (!lt_key_id(key, n_key, id))
        return lt_fail(err, LT_ECORRUPT, "a point has an unreadable id");
    *passes = true;
    if (!filter)
        return LT_OK;
    LT_TRY(lt_json_parse(record->payload, record->payload_len, "payload", &doc, err));
    *passes = lt_filter_match(filter, id, yyjson_doc_get_root(doc));
    return LT_OK;
}

/* ---- filter to bitset ------------------------------------------------------------------------ */

typedef struct marking {
    const lt_filter *filter;
    const lt_view *view;
    uint64_t *bits;
    uint64_t n;
} marking;

static lt_status mark_point(void *context, const void *key, size_t n_key, const void *bytes,
                            size_t n, lt_error *err)
{
    marking *m = context;
    lt_record r;
    lt_id id;
    bool passes;

    LT_TRY(record_passes(m->filter, key, n_key, bytes, n, &id, &r, &passes, err));
    if (!passes)
        return LT_OK;
    m->n++;
    if (m->bits && r.slot < m->view->n_slots)
        m->bits[r.slot / 64] |= (uint64_t)1 << (r.slot % 64);
    return LT_OK;
}

/* ---- nearest --------------------------------------------------------------------------------- */

typedef struct candidate {
    float score;
    lt_key key;
} candidate;

static int compare_keys(const lt_key *a, const lt_key *b)
{
    int c = memcmp(a->bytes, b->bytes, a->n < b->n ? a->n : b->n);

    return c ? c : a->n < b->n ? -1 : a->n > b->n;
}

static int better_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return compare_keys(&x->key, &y->key);
}

static bool passes_threshold(const lt_collection *c, const lt_query *q, float user_score)
{
    if (!q->has_threshold)
        return true;
    bool distance = c->distance == LT_DISTANCE_EUCLID || c->distance == LT_DISTANCE_MANHATTAN;

    return distance ? user_score <= q->score_threshold : user_score >= q->score_threshold;
}

/* Names the scored slots' points and orders ties by id. */
static lt_status name_candidates(lt_collection *c, lt_snapshot *s, const lt_scored *scored,
                                 size_t n, candidate *out, lt_error *err)
{
    for (size_t i = 0; i < n; i++) {
        lt_status st = lt_txn_slot_key(s->txn, scored[i].slot, &out[i].key, err);

        if (st == LT_ENOTFOUND)
            return lt_fail(err, LT_ECORRUPT, "collection '%s': slot %u names no point", c->name,
                           scored[i].slot);
        LT_TRY(st);
        out[i].score = scored[i].score;
    }
    qsort(out, n, sizeof *out, better_first);
    return LT_OK;
}

static lt_status add_point(lt_collection *c, lt_snapshot *s, const lt_key *key, float score,
                           bool with_payload, bool with_vector, lt_hit_builder *out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf bytes = {0};
    lt_record r;
    lt_id id;

    LT_TRY(lt_txn_get(s->txn, key, &bytes, err));
    LT_TRY(lt_record_decode(key->bytes, key->n, bytes.data, bytes.len, &r, err));
    if (!lt_key_id(key->bytes, key->n, &id))
        return lt_fail(err, LT_ECORRUPT, "a point has an unreadable id");
    return lt_hits_add(out, c, s->view, &id, &r, score, with_payload, with_vector, err);
}

static lt_status collect(lt_collection *c, lt_snapshot *s, const lt_query *q,
                         const lt_scored *scored, size_t n, lt_hit_builder *out, lt_error *err)
{
    LT_AUTOFREE candidate *found = lt_calloc(n, sizeof *found);

    if (!found)
        return lt_fail_nomem(err);
    LT_TRY(name_candidates(c, s, scored, n, found, err));
    for (size_t i = q->offset; i < n && i - q->offset < q->k; i++) {
        float score = lt_flat_user_score(c->distance, found[i].score);

        if (!passes_threshold(c, q, score))
            break;
        lt_status st = add_point(c, s, &found[i].key, score, q->with_payload, q->with_vector, out,
                                 err);

        if (st == LT_ENOTFOUND)
            return lt_fail(err, LT_ECORRUPT, "collection '%s': a slot names a point that is gone",
                           c->name);
        LT_TRY(st);
    }
    return LT_OK;
}

static lt_status search(lt_collection *c, lt_snapshot *s, const lt_query *q, const float *vector,
                        const lt_filter *filter, lt_hit_builder *out, lt_error *err)
{
    LT_AUTOFREE uint64_t *bits = NULL;
    LT_AUTOFREE lt_scored *scored = NULL;
    size_t n = 0;

    if (filter) {
        bits = lt_calloc((size_t)(s->view->n_slots + 63) / 64, sizeof *bits);
        if (!bits)
            return lt_fail_nomem(err);
        marking m = {filter, s->view, bits, 0};

        LT_TRY(lt_txn_each_point(s->txn, NULL, mark_point, &m, err));
    }
    lt_flat flat = {.chunks = s->view->chunks,
                    .chunk_slots = LT_VEC_CHUNK_SLOTS,
                    .stride = c->stride,
                    .dims = c->dims,
                    .n_slots = (size_t)s->view->n_slots,
                    .allowed = filter ? bits : s->view->living,
                    .distance = c->distance};

    LT_TRY(lt_flat_search(&flat, vector, q->k + q->offset, &scored, &n, err));
    return collect(c, s, q, scored, n, out, err);
}

static lt_status check_query(const lt_collection *c, const lt_query *q, lt_error *err)
{
    if (q->size != sizeof *q)
        return lt_fail(err, LT_EINVAL, "lt_query: start it with LT_QUERY_INIT");
    if (!q->vector || q->dims != c->dims)
        return lt_fail(err, LT_EINVAL,
                       "the query has %zu dimensions, the collection '%s' has %u", q->dims, c->name,
                       c->dims);
    if (q->k > LT_LIMIT_K || q->offset > LT_LIMIT_K)
        return lt_fail(err, LT_ELIMIT, "k and offset are at most %u", LT_LIMIT_K);
    for (size_t i = 0; i < q->dims; i++)
        if (!isfinite(q->vector[i]))
            return lt_fail(err, LT_EINVAL, "the query's component %zu is not a finite number", i);
    return LT_OK;
}

/* The query as it is compared: of unit length for cosine. */
static void prepare_vector(const lt_collection *c, const lt_query *q, float *out)
{
    double norm = 0;

    memcpy(out, q->vector, q->dims * sizeof *out);
    if (c->distance != LT_DISTANCE_COSINE)
        return;
    for (size_t i = 0; i < q->dims; i++)
        norm += (double)out[i] * (double)out[i];
    norm = sqrt(norm);
    for (size_t i = 0; norm > 0 && i < q->dims; i++)
        out[i] = (float)((double)out[i] / norm);
}

lt_status lt_points_query(lt_collection *collection, const lt_query *query, lt_hits **out,
                          lt_error *err)
{
    if (!collection || !query || !out)
        return lt_fail(err, LT_EINVAL, "collection, query and out are required");
    LT_TRY(check_query(collection, query, err));
    LT_CLEANUP(free_filter) lt_filter *filter = NULL;
    LT_AUTOFREE float *vector = lt_alloc_aligned(query->dims, sizeof *vector);
    LT_CLEANUP(lt_snapshot_done) lt_snapshot s = {0};
    lt_hit_builder *b = NULL;

    if (!vector)
        return lt_fail_nomem(err);
    LT_TRY(parse_filter(query->filter, &filter, err));
    prepare_vector(collection, query, vector);
    LT_TRY(lt_snapshot_take(collection, &s, err));
    LT_TRY(lt_hits_new(collection->dims, &b, err));
    lt_status st = search(collection, &s, query, vector, filter, b, err);

    if (st != LT_OK) {
        lt_hits_free(&b->hits);
        return st;
    }
    *out = &b->hits;
    return LT_OK;
}

/* ---- by id, by page -------------------------------------------------------------------------- */

static lt_status get_points(lt_collection *c, lt_snapshot *s, const lt_id *ids, size_t n_ids,
                            bool with_payload, bool with_vector, lt_hit_builder *b, lt_error *err)
{
    for (size_t i = 0; i < n_ids; i++) {
        lt_key key;

        lt_key_of(&ids[i], &key);
        lt_status st = add_point(c, s, &key, 0, with_payload, with_vector, b, err);

        if (st != LT_OK && st != LT_ENOTFOUND)
            return st;
    }
    return LT_OK;
}

lt_status lt_points_get(lt_collection *collection, const lt_id *ids, size_t n_ids,
                        bool with_payload, bool with_vector, lt_hits **out, lt_error *err)
{
    LT_CLEANUP(lt_snapshot_done) lt_snapshot s = {0};
    lt_hit_builder *b = NULL;

    if (!collection || (!ids && n_ids) || !out)
        return lt_fail(err, LT_EINVAL, "collection, ids and out are required");
    LT_TRY(lt_snapshot_take(collection, &s, err));
    LT_TRY(lt_hits_new(collection->dims, &b, err));
    lt_status st = get_points(collection, &s, ids, n_ids, with_payload, with_vector, b, err);

    if (st != LT_OK) {
        lt_hits_free(&b->hits);
        return st;
    }
    *out = &b->hits;
    return LT_OK;
}

typedef struct paging {
    lt_collection *c;
    lt_snapshot *s;
    const lt_filter *filter;
    size_t limit;
    bool with_payload, with_vector, full;
    lt_hit_builder *b;
} paging;

static lt_status page_point(void *context, const void *key, size_t n_key, const void *bytes,
                            size_t n, lt_error *err)
{
    paging *p = context;
    lt_record r;
    lt_id id;
    bool passes;

    if (p->b->hits.n_items >= p->limit) {
        p->full = true;
        return LT_ECANCELED; /* ends the walk; not an error */
    }
    LT_TRY(record_passes(p->filter, key, n_key, bytes, n, &id, &r, &passes, err));
    if (!passes)
        return LT_OK;
    return lt_hits_add(p->b, p->c, p->s->view, &id, &r, 0, p->with_payload, p->with_vector, err);
}

lt_status lt_points_scroll(lt_collection *collection, const lt_id *after, size_t limit,
                           const char *filter, bool with_payload, bool with_vector, lt_hits **out,
                           lt_error *err)
{
    LT_CLEANUP(lt_snapshot_done) lt_snapshot s = {0};
    LT_CLEANUP(free_filter) lt_filter *parsed = NULL;
    paging p = {.c = collection, .s = &s, .limit = limit, .with_payload = with_payload,
                .with_vector = with_vector};
    lt_key from = {0};

    if (!collection || !out)
        return lt_fail(err, LT_EINVAL, "collection and out are required");
    LT_TRY(parse_filter(filter, &parsed, err));
    p.filter = parsed;
    if (after)
        lt_key_of(after, &from);
    LT_TRY(lt_snapshot_take(collection, &s, err));
    LT_TRY(lt_hits_new(collection->dims, &p.b, err));
    lt_status st = lt_txn_each_point(s.txn, after ? &from : NULL, page_point, &p, err);

    if (st != LT_OK && !p.full) {
        lt_hits_free(&p.b->hits);
        return st;
    }
    *out = &p.b->hits;
    return LT_OK;
}

lt_status lt_points_count(lt_collection *collection, const char *filter, uint64_t *out,
                          lt_error *err)
{
    LT_CLEANUP(lt_snapshot_done) lt_snapshot s = {0};
    LT_CLEANUP(free_filter) lt_filter *parsed = NULL;

    if (!collection || !out)
        return lt_fail(err, LT_EINVAL, "collection and out are required");
    LT_TRY(parse_filter(filter, &parsed, err));
    LT_TRY(lt_snapshot_take(collection, &s, err));
    marking m = {.filter = parsed, .view = s.view};

    if (parsed)
        LT_TRY(lt_txn_each_point(s.txn, NULL, mark_point, &m, err));
    *out = parsed ? m.n : s.view->n_points;
    return LT_OK;
}
