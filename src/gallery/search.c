/* SPDX-License-Identifier: Apache-2.0
 * Questions to a gallery: parts to one vector, the nearest, copies to the front, scores as
 * relevance. */
#include <base/error.h>
#include <base/mem.h>
#include <embed/model.h>
#include <latent.h>
#include <string.h>

#include "copies.h"

/* ---- by vectors -------------------------------------------------------------------------------- */

static lt_status find_nearest(lt_collection *collection, lt_model *model, const lt_gallery_query *q,
                              size_t k, lt_hits **out, lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;
    lt_query nearest = LT_QUERY_INIT;

    LT_TRY(lt_model_get_info(model, &info, err));
    LT_AUTOFREE float *vector = lt_calloc(info.dims, sizeof *vector);

    if (!vector)
        return lt_fail_nomem(err);
    LT_TRY(lt_model_embed_parts(model, q->parts, q->n_parts, vector, err));
    nearest.vector = vector;
    nearest.dims = info.dims;
    nearest.k = k;
    nearest.filter = q->filter;
    nearest.has_threshold = q->has_threshold;
    nearest.score_threshold = q->score_threshold;
    return lt_points_query(collection, &nearest, out, err);
}

static lt_status search_one(lt_collection *collection, lt_model *model, const lt_query_part *part,
                            size_t k, const char *filter, lt_hits **out, lt_error *err)
{
    lt_gallery_query q = LT_GALLERY_QUERY_INIT;

    if (!collection || !model || !out)
        return lt_fail(err, LT_EINVAL, "collection, model and out are required");
    q.parts = part;
    q.n_parts = 1;
    q.filter = filter;
    return find_nearest(collection, model, &q, k, out, err);
}

lt_status lt_gallery_search_text(lt_collection *collection, lt_model *model, const char *text,
                                 size_t k, const char *filter, lt_hits **out, lt_error *err)
{
    lt_query_part part = {.text = text, .weight = 1};

    return search_one(collection, model, &part, k, filter, out, err);
}

lt_status lt_gallery_search_picture(lt_collection *collection, lt_model *model,
                                    const lt_picture *picture, size_t k, const char *filter,
                                    lt_hits **out, lt_error *err)
{
    lt_query_part part = {.picture = picture, .weight = 1};

    return search_one(collection, model, &part, k, filter, out, err);
}

/* ---- matches ----------------------------------------------------------------------------------- */

/* What lt_matches_free gets is the first member. */
typedef struct answer {
    lt_matches matches;
    lt_hits *found;
    lt_hit *items; /* found's, in the order of the matches */
    float *relevance;
} answer;

void lt_matches_free(lt_matches *matches)
{
    answer *a = (answer *)matches;

    if (!a)
        return;
    lt_hits_free(a->found);
    lt_free(a->items);
    lt_free(a->relevance);
    lt_free(a);
}

static bool asks_for_copies(const lt_gallery_query *q)
{
    return q->n_parts == 1 && q->parts->picture && q->parts->weight > 0 && !q->by_vectors_only;
}

/* Moves what the picture was made of to the front. *found_one tells whether there is such. */
static lt_status put_copy_first(const lt_picture *picture, answer *a, bool *found_one,
                                lt_error *err)
{
    size_t n = a->found->n_items, at;

    LT_TRY(lt_copies_find(picture, a->items, n, &at, err));
    *found_one = at < n;
    if (at < n) {
        lt_hit copy = a->items[at];

        memmove(a->items + 1, a->items, at * sizeof *a->items);
        a->items[0] = copy;
    }
    return LT_OK;
}

static lt_status rate(const lt_curve *curve, bool first_is_copy, float min, answer *a,
                      lt_error *err)
{
    size_t n = a->matches.hits.n_items, kept = 0;

    if (!curve)
        return LT_OK;
    a->relevance = lt_calloc(n, sizeof *a->relevance);
    if (!a->relevance)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        float r = i == 0 && first_is_copy ? 1 : lt_curve_at(curve, a->items[i].score);

        if (r < min)
            continue;
        a->items[kept] = a->items[i];
        a->relevance[kept++] = r;
    }
    a->matches.hits.n_items = kept;
    a->matches.relevance = a->relevance;
    a->matches.least_relevance = curve->least;
    return LT_OK;
}

static lt_status answer_query(lt_collection *collection, lt_model *model, const lt_gallery_query *q,
                              answer *a, lt_error *err)
{
    const lt_curve *curve = lt_model_curve(model, q->parts, q->n_parts);
    bool copies = asks_for_copies(q), first_is_copy = false;

    if (q->min_relevance > 0 && !curve)
        return lt_fail(err, LT_EUNSUPPORTED,
                       "relevance is known for one text or one picture, with a model that was "
                       "calibrated: leave the least relevance out");
    LT_TRY(find_nearest(collection, model, q,
                        copies && q->k < LT_COPIES_TRIED ? LT_COPIES_TRIED : q->k, &a->found, err));
    size_t n = a->found->n_items;

    a->items = lt_calloc(n, sizeof *a->items);
    if (!a->items)
        return lt_fail_nomem(err);
    if (n)
        memcpy(a->items, a->found->items, n * sizeof *a->items);
    if (copies)
        LT_TRY(put_copy_first(q->parts->picture, a, &first_is_copy, err));
    a->matches.hits = (lt_hits){a->items, n < q->k ? n : q->k};
    return rate(curve, first_is_copy, q->min_relevance, a, err);
}

static lt_status read_query(const lt_gallery_query *query, lt_gallery_query *out, lt_error *err)
{
    *out = (lt_gallery_query)LT_GALLERY_QUERY_INIT;
    if (query->size < sizeof(size_t))
        return lt_fail(err, LT_EINVAL, "gallery query: 'size' is not set");
    memcpy(out, query, query->size < sizeof *out ? query->size : sizeof *out);
    return LT_OK;
}

lt_status lt_gallery_search(lt_collection *collection, lt_model *model,
                            const lt_gallery_query *query, lt_matches **out, lt_error *err)
{
    lt_gallery_query q;

    if (!collection || !model || !query || !out)
        return lt_fail(err, LT_EINVAL, "collection, model, query and out are required");
    LT_TRY(read_query(query, &q, err));
    if (!q.parts)
        return lt_fail(err, LT_EINVAL, "gallery query: there are no parts");
    answer *a = lt_calloc(1, sizeof *a);

    if (!a)
        return lt_fail_nomem(err);
    lt_status st = answer_query(collection, model, &q, a, err);

    if (st != LT_OK) {
        lt_matches_free(&a->matches);
        return st;
    }
    *out = &a->matches;
    return LT_OK;
}
