/* SPDX-License-Identifier: Apache-2.0
 * Vectors made of a model's vectors: weighted sums, and prefixes. One rule for the command line,
 * the library and the server. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <latent.h>
#include <math.h>
#include <string.h>

/* What is left of unit vectors when their sum is rounding and nothing else. */
static const double NOTHING = 1e-6;

static double norm_of(const float *v, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    return sqrt(sum);
}

static void scale_to(const double *v, size_t n, double scale, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(v[i] * scale);
}

lt_status lt_vectors_mix(const float *rows, const float *weights, size_t n_rows, size_t dims,
                         float *out, lt_error *err)
{
    if (!rows || !weights || !out || n_rows == 0 || dims == 0 || dims > LT_LIMIT_DIMS)
        return lt_fail(err, LT_EINVAL, "rows, weights and out are required");
    LT_AUTOFREE double *sum = lt_calloc(dims, sizeof *sum);
    double norm = 0;

    if (!sum)
        return lt_fail_nomem(err);
    for (size_t r = 0; r < n_rows; r++) {
        if (!isfinite(weights[r]))
            return lt_fail(err, LT_EINVAL, "weight %zu is not a finite number", r);
        for (size_t i = 0; i < dims; i++)
            sum[i] += (double)weights[r] * (double)rows[r * dims + i];
    }
    for (size_t i = 0; i < dims; i++)
        norm += sum[i] * sum[i];
    norm = sqrt(norm);
    if (!(norm > NOTHING))
        return lt_fail(err, LT_EINVAL, "the weights leave nothing to search for");
    scale_to(sum, dims, 1 / norm, out);
    return LT_OK;
}

static lt_status check_cut(const lt_model_info *model, size_t keep, lt_error *err)
{
    if (keep == 0 || keep > model->dims)
        return lt_fail(err, LT_EINVAL, "the model '%s' makes %zu dimensions, not %zu", model->name,
                       model->dims, keep);
    if (!model->dims_ordered)
        return lt_fail(err, LT_EUNSUPPORTED,
                       "the dimensions of the model '%s' are not ordered by importance, so its "
                       "vectors cannot be shortened",
                       model->name);
    return LT_OK;
}

lt_status lt_vectors_cut(const lt_model_info *model, float *rows, size_t n_rows, size_t keep,
                         lt_error *err)
{
    if (!model || (n_rows && !rows))
        return lt_fail(err, LT_EINVAL, "model and rows are required");
    if (keep == model->dims)
        return LT_OK;
    LT_TRY(check_cut(model, keep, err));
    for (size_t r = 0; r < n_rows; r++) {
        float *to = rows + r * keep;

        memmove(to, rows + r * model->dims, keep * sizeof *to);
        double norm = norm_of(to, keep), scale = norm > 0 ? 1 / norm : 0;

        for (size_t i = 0; i < keep; i++)
            to[i] = (float)((double)to[i] * scale);
    }
    return LT_OK;
}

/* ---- the parts of a query ---------------------------------------------------------------------- */

static lt_status embed_part(lt_model *model, const lt_query_part *part, float *out, lt_error *err)
{
    if (!part->text == !part->picture)
        return lt_fail(err, LT_EINVAL, "a part is a text or a picture");
    if (part->text)
        return lt_model_embed_texts(model, &part->text, 1, out, err);
    return lt_model_embed_pictures(model, part->picture, 1, out, NULL, err);
}

lt_status lt_model_embed_parts(lt_model *model, const lt_query_part *parts, size_t n_parts,
                               float *out, lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;
    float weights[LT_QUERY_PARTS_MAX];

    if (!model || !parts || !out || n_parts == 0 || n_parts > LT_QUERY_PARTS_MAX)
        return lt_fail(err, LT_EINVAL, "model, 1 to %d parts and out are required",
                       LT_QUERY_PARTS_MAX);
    LT_TRY(lt_model_get_info(model, &info, err));
    LT_AUTOFREE float *rows = lt_calloc(n_parts * info.dims, sizeof *rows);

    if (!rows)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n_parts; i++) {
        LT_TRY(embed_part(model, &parts[i], rows + i * info.dims, err));
        weights[i] = parts[i].weight;
    }
    return lt_vectors_mix(rows, weights, n_parts, info.dims, out, err);
}
