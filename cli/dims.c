/* SPDX-License-Identifier: Apache-2.0 */
#include "dims.h"

#include <base/error.h>
#include <math.h>

lt_status cli_check_dims(const lt_model_info *model, size_t keep, lt_error *err)
{
    if (keep == 0 || keep == model->dims)
        return LT_OK;
    if (keep > model->dims)
        return lt_fail(err, LT_EINVAL, "--dims: the model '%s' makes %zu dimensions, not %zu",
                       model->name, model->dims, keep);
    if (!model->dims_ordered)
        return lt_fail(err, LT_EUNSUPPORTED,
                       "--dims: the dimensions of the model '%s' are not ordered by importance, "
                       "so its vectors cannot be shortened",
                       model->name);
    return LT_OK;
}

void cli_cut_vectors(float *rows, size_t n_rows, size_t dims, size_t keep)
{
    if (keep == 0 || keep >= dims)
        return;
    for (size_t r = 0; r < n_rows; r++) {
        const float *from = rows + r * dims;
        float *to = rows + r * keep;
        double sum = 0;

        for (size_t i = 0; i < keep; i++)
            sum += (double)from[i] * (double)from[i];
        double scale = sum > 0 ? 1 / sqrt(sum) : 0;

        for (size_t i = 0; i < keep; i++)
            to[i] = (float)((double)from[i] * scale);
    }
}
