/* SPDX-License-Identifier: Apache-2.0 */
#include <base/error.h>
#include <base/mem.h>
#include <latent.h>
#include <string.h>

static lt_status read_query(const lt_gallery_query *query, lt_gallery_query *out, lt_error *err)
{
    *out = (lt_gallery_query)LT_GALLERY_QUERY_INIT;
    if (query->size < sizeof(size_t))
        return lt_fail(err, LT_EINVAL, "gallery query: 'size' is not set");
    memcpy(out, query, query->size < sizeof *out ? query->size : sizeof *out);
    return LT_OK;
}

lt_status lt_gallery_search(lt_collection *collection, lt_model *model,
                            const lt_gallery_query *query, lt_hits **out, lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;
    lt_query nearest = LT_QUERY_INIT;
    lt_gallery_query q;

    if (!collection || !model || !query || !out)
        return lt_fail(err, LT_EINVAL, "collection, model, query and out are required");
    LT_TRY(read_query(query, &q, err));
    LT_TRY(lt_model_get_info(model, &info, err));
    LT_AUTOFREE float *vector = lt_calloc(info.dims, sizeof *vector);

    if (!vector)
        return lt_fail_nomem(err);
    LT_TRY(lt_model_embed_parts(model, q.parts, q.n_parts, vector, err));
    nearest.vector = vector;
    nearest.dims = info.dims;
    nearest.k = q.k;
    nearest.filter = q.filter;
    nearest.has_threshold = q.has_threshold;
    nearest.score_threshold = q.score_threshold;
    return lt_points_query(collection, &nearest, out, err);
}

static lt_status search_one(lt_collection *collection, lt_model *model, const lt_query_part *part,
                            size_t k, const char *filter, lt_hits **out, lt_error *err)
{
    lt_gallery_query q = LT_GALLERY_QUERY_INIT;

    q.parts = part;
    q.n_parts = 1;
    q.k = k;
    q.filter = filter;
    return lt_gallery_search(collection, model, &q, out, err);
}

lt_status lt_gallery_search_text(lt_collection *collection, lt_model *model, const char *text,
                                 size_t k, const char *filter, lt_hits **out, lt_error *err)
{
    return search_one(collection, model, &(lt_query_part){.text = text, .weight = 1}, k, filter,
                      out, err);
}

lt_status lt_gallery_search_picture(lt_collection *collection, lt_model *model,
                                    const lt_picture *picture, size_t k, const char *filter,
                                    lt_hits **out, lt_error *err)
{
    return search_one(collection, model, &(lt_query_part){.picture = picture, .weight = 1}, k,
                      filter, out, err);
}
