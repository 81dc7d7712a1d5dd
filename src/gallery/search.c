/* SPDX-License-Identifier: Apache-2.0 */
#include <base/error.h>
#include <base/mem.h>
#include <latent.h>

static lt_status query(lt_collection *collection, const float *vector, size_t dims, size_t k,
                       const char *filter, lt_hits **out, lt_error *err)
{
    lt_query q = LT_QUERY_INIT;

    q.vector = vector;
    q.dims = dims;
    q.k = k;
    q.filter = filter;
    return lt_points_query(collection, &q, out, err);
}

static lt_status new_vector(lt_model *model, float **vector, size_t *dims, lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;

    LT_TRY(lt_model_get_info(model, &info, err));
    *vector = lt_calloc(info.dims, sizeof **vector);
    *dims = info.dims;
    return *vector ? LT_OK : lt_fail_nomem(err);
}

lt_status lt_gallery_search_text(lt_collection *collection, lt_model *model, const char *text,
                                 size_t k, const char *filter, lt_hits **out, lt_error *err)
{
    LT_AUTOFREE float *vector = NULL;
    size_t dims;

    if (!collection || !model || !text || !out)
        return lt_fail(err, LT_EINVAL, "collection, model, text and out are required");
    LT_TRY(new_vector(model, &vector, &dims, err));
    LT_TRY(lt_model_embed_texts(model, &text, 1, vector, err));
    return query(collection, vector, dims, k, filter, out, err);
}

lt_status lt_gallery_search_picture(lt_collection *collection, lt_model *model,
                                    const lt_picture *picture, size_t k, const char *filter,
                                    lt_hits **out, lt_error *err)
{
    LT_AUTOFREE float *vector = NULL;
    size_t dims;

    if (!collection || !model || !picture || !out)
        return lt_fail(err, LT_EINVAL, "collection, model, picture and out are required");
    LT_TRY(new_vector(model, &vector, &dims, err));
    LT_TRY(lt_model_embed_pictures(model, picture, 1, vector, NULL, err));
    return query(collection, vector, dims, k, filter, out, err);
}
