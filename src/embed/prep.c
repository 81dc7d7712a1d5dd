/* SPDX-License-Identifier: Apache-2.0
 * preprocessor_config.json to lt_image_prep. The file has grown over years: "size" is a number, a
 * width and height, or a shortest edge; switches that are absent mean their class's default. What
 * would change the pixels and is not done here is refused, never ignored. */
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <math.h>
#include <string.h>

#include "jsonfile.h"
#include "modeldir.h"

/* Reads width and height of `key`: a number (square), {"height","width"} or {"shortest_edge"}. */
typedef struct extent {
    bool found, shortest;
    uint64_t width, height;
} extent;

static lt_status read_extent(const lt_jsonfile *f, yyjson_val *object, const char *key, extent *out,
                             lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(object, key);
    uint64_t w = 0, h = 0, edge = 0;

    *out = (extent){0};
    if (!v || yyjson_is_null(v))
        return LT_OK;
    if (yyjson_is_num(v)) {
        LT_TRY(lt_jsonfile_uint(f, object, key, 1, LT_LIMIT_MODEL_SIDE, &w, err));
        *out = (extent){.found = true, .width = w, .height = w};
        return LT_OK;
    }
    if (!yyjson_is_obj(v))
        return lt_jsonfile_wrong(f, key, "a number or an object", v, err);
    LT_TRY(lt_jsonfile_uint(f, v, "width", 1, LT_LIMIT_MODEL_SIDE, &w, err));
    LT_TRY(lt_jsonfile_uint(f, v, "height", 1, LT_LIMIT_MODEL_SIDE, &h, err));
    LT_TRY(lt_jsonfile_uint(f, v, "shortest_edge", 1, LT_LIMIT_MODEL_SIDE, &edge, err));
    if (yyjson_obj_get(v, "longest_edge"))
        return lt_fail(err, LT_EUNSUPPORTED, "%s: '%s' with 'longest_edge' is not supported",
                       f->path, key);
    if (!(w && h) && !edge)
        return lt_fail(err, LT_EINVAL, "%s: '%s' has neither height and width nor shortest_edge",
                       f->path, key);
    *out = w && h ? (extent){.found = true, .width = w, .height = h}
                  : (extent){.found = true, .shortest = true, .width = edge, .height = edge};
    return LT_OK;
}

static lt_status refuse_flag(const lt_jsonfile *f, yyjson_val *object, const char *key,
                             lt_error *err)
{
    bool on = false;

    LT_TRY(lt_jsonfile_bool(f, object, key, &on, err));
    if (on)
        return lt_fail(err, LT_EUNSUPPORTED, "%s: '%s' is not supported", f->path, key);
    return LT_OK;
}

static lt_status read_geometry(const lt_jsonfile *f, yyjson_val *o, lt_image_prep *p, lt_error *err)
{
    extent size, crop;
    bool resize = true;

    LT_TRY(read_extent(f, o, "size", &size, err));
    LT_TRY(read_extent(f, o, "crop_size", &crop, err));
    bool do_crop = crop.found;

    LT_TRY(lt_jsonfile_bool(f, o, "do_resize", &resize, err));
    LT_TRY(lt_jsonfile_bool(f, o, "do_center_crop", &do_crop, err));
    if (do_crop && !crop.found)
        crop = size;
    if (resize && !size.found)
        return lt_fail(err, LT_EINVAL, "%s: 'size' is missing", f->path);
    if (do_crop && !crop.found)
        return lt_fail(err, LT_EINVAL, "%s: 'crop_size' is missing", f->path);
    /* A bare number was the shorter edge for classes that crop, and a square for the others. */
    if (do_crop && yyjson_is_num(yyjson_obj_get(o, "size")))
        size.shortest = true;
    if (!do_crop && (!resize || size.shortest))
        return lt_fail(err, LT_EUNSUPPORTED,
                       "%s: pictures of varying size (no crop, no fixed size) are not supported",
                       f->path);
    p->resize = !resize ? LT_RESIZE_NONE : size.shortest ? LT_RESIZE_SHORTEST : LT_RESIZE_EXACT;
    p->resize_width = resize ? (unsigned)size.width : 0;
    p->resize_height = resize ? (unsigned)size.height : 0;
    p->center_crop = do_crop;
    p->out_width = (unsigned)(do_crop ? crop.width : size.width);
    p->out_height = (unsigned)(do_crop ? crop.height : size.height);
    return LT_OK;
}

static lt_status read_resample(const lt_jsonfile *f, yyjson_val *o, lt_image_prep *p, lt_error *err)
{
    const char *class = "";

    LT_TRY(lt_jsonfile_string(f, o, "image_processor_type", &class, err));
    if (!*class)
        LT_TRY(lt_jsonfile_string(f, o, "feature_extractor_type", &class, err));
    /* ViT's class is bilinear where it says nothing; those of CLIP and SigLIP are bicubic. */
    uint64_t resample = strncmp(class, "ViT", 3) == 0 ? LT_RESAMPLE_BILINEAR : LT_RESAMPLE_BICUBIC;

    LT_TRY(lt_jsonfile_uint(f, o, "resample", 0, 5, &resample, err));
    if (resample > LT_RESAMPLE_BICUBIC)
        return lt_fail(err, LT_EUNSUPPORTED,
                       "%s: 'resample' %llu (box or Hamming) is not supported", f->path,
                       (unsigned long long)resample);
    p->resample = (lt_resample)resample;
    return LT_OK;
}

static lt_status read_values(const lt_jsonfile *f, yyjson_val *o, lt_image_prep *p, lt_error *err)
{
    bool rescale = true, normalize = true, found;
    float factor = 1.0f / 255.0f;
    yyjson_val *v = yyjson_obj_get(o, "rescale_factor");

    LT_TRY(lt_jsonfile_bool(f, o, "do_rescale", &rescale, err));
    LT_TRY(lt_jsonfile_bool(f, o, "do_normalize", &normalize, err));
    if (v && !yyjson_is_null(v)) {
        if (!yyjson_is_num(v))
            return lt_jsonfile_wrong(f, "rescale_factor", "a number", v, err);
        factor = (float)yyjson_get_num(v);
    }
    if (!isfinite(factor) || factor <= 0.0f)
        return lt_fail(err, LT_EINVAL, "%s: 'rescale_factor' must be above 0", f->path);
    p->rescale = rescale ? factor : 1.0f;
    for (int c = 0; c < 3; c++) {
        p->mean[c] = 0.0f;
        p->std[c] = 1.0f;
    }
    if (!normalize)
        return LT_OK;
    LT_TRY(lt_jsonfile_floats(f, o, "image_mean", p->mean, 3, &found, err));
    if (!found)
        return lt_fail(err, LT_EINVAL, "%s: 'image_mean' is missing", f->path);
    LT_TRY(lt_jsonfile_floats(f, o, "image_std", p->std, 3, &found, err));
    if (!found)
        return lt_fail(err, LT_EINVAL, "%s: 'image_std' is missing", f->path);
    for (int c = 0; c < 3; c++) {
        if (p->std[c] <= 0.0f)
            return lt_fail(err, LT_EINVAL, "%s: 'image_std' must be above 0", f->path);
    }
    return LT_OK;
}

static lt_status read_object(const lt_jsonfile *f, yyjson_val *o, lt_image_prep *out, lt_error *err)
{
    lt_image_prep p = {0};

    LT_TRY(refuse_flag(f, o, "do_pad", err));
    LT_TRY(refuse_flag(f, o, "do_flip_channel_order", err));
    LT_TRY(read_geometry(f, o, &p, err));
    LT_TRY(read_resample(f, o, &p, err));
    LT_TRY(read_values(f, o, &p, err));
    *out = p;
    return LT_OK;
}

lt_status lt_prep_read(const char *dir, lt_image_prep *out, lt_error *err)
{
    LT_CLEANUP(lt_jsonfile_done) lt_jsonfile f = {0}, g = {0};
    yyjson_val *inner = NULL;
    lt_status st = lt_jsonfile_read(dir, "preprocessor_config.json", &f, err);

    if (st == LT_OK)
        return read_object(&f, f.root, out, err);
    /* Newer exports keep it within processor_config.json; if not, the first failure tells more. */
    if (st != LT_ENOTFOUND || lt_jsonfile_read(dir, "processor_config.json", &g, NULL) != LT_OK)
        return st;
    LT_TRY(lt_jsonfile_object(&g, g.root, "image_processor", &inner, err));
    return inner ? read_object(&g, inner, out, err)
                 : lt_fail(err, LT_ENOTFOUND,
                           "%s: no preprocessor_config.json, which says how pictures are fitted",
                           dir);
}
