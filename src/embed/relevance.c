/* SPDX-License-Identifier: Apache-2.0
 * What a model's relevance.json says. It lies beside latent.json and not in it, since a collection
 * remembers the hash of what shapes a vector, and a better calibration shapes none. */
#include <base/error.h>
#include <base/mem.h>
#include <math.h>

#include "jsonfile.h"
#include "modeldir.h"

static lt_status read_curve(const lt_jsonfile *f, const char *key, lt_curve *out, lt_error *err)
{
    static const char *const names[] = {"center", "slope", "least"};
    yyjson_val *object;
    float values[3];

    LT_TRY(lt_jsonfile_object(f, f->root, key, &object, err));
    if (!object)
        return LT_OK;
    for (size_t i = 0; i < 3; i++) {
        yyjson_val *v = yyjson_obj_get(object, names[i]);

        if (!yyjson_is_num(v) || !isfinite((float)yyjson_get_num(v)))
            return lt_jsonfile_wrong(f, names[i], "a number", v, err);
        values[i] = (float)yyjson_get_num(v);
    }
    if (!(values[1] > 0) || !(values[2] >= 0 && values[2] < 1))
        return lt_fail(err, LT_EINVAL, "%s: '%s' needs a slope above 0 and a least from 0 to 1",
                       f->path, key);
    *out = (lt_curve){.known = true, .center = values[0], .slope = values[1], .least = values[2]};
    return LT_OK;
}

lt_status lt_relevance_read(lt_modeldir *d, lt_error *err)
{
    LT_CLEANUP(lt_jsonfile_done) lt_jsonfile f = {0};
    lt_status st = lt_jsonfile_read(d->path, "relevance.json", &f, err);

    if (st == LT_ENOTFOUND)
        return LT_OK;
    LT_TRY(st);
    LT_TRY(read_curve(&f, "text", &d->text_curve, err));
    return read_curve(&f, "picture", &d->picture_curve, err);
}

float lt_curve_at(const lt_curve *curve, float cosine)
{
    return 1 / (1 + expf(-curve->slope * (cosine - curve->center)));
}
