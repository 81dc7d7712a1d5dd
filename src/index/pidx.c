/* SPDX-License-Identifier: Apache-2.0
 * Filling a payload index: which values a payload has at the path, and where they go. */
#include "pidx.h"

#include <base/error.h>
#include <base/mem.h>
#include <string.h>

#include "pidx_parts.h"

static bool has_terms(lt_payload_type type)
{
    return type == LT_PAYLOAD_KEYWORD || type == LT_PAYLOAD_BOOL || type == LT_PAYLOAD_UUID ||
           type == LT_PAYLOAD_TEXT;
}

lt_status lt_pidx_new(const lt_payload_field *field, lt_pidx **out, lt_error *err)
{
    lt_pidx *x = lt_calloc(1, sizeof *x);

    if (!x)
        return lt_fail_nomem(err);
    x->field = lt_payload_field_ref(field);
    if (has_terms(field->type))
        x->terms = lt_terms_new(field->type == LT_PAYLOAD_KEYWORD);
    else
        x->order = lt_order_new();
    x->typed = roaring_bitmap_create();
    x->other = roaring_bitmap_create();
    x->multi = roaring_bitmap_create();
    x->nonempty = roaring_bitmap_create();
    x->null = roaring_bitmap_create();
    if ((!x->terms && !x->order) || !x->typed || !x->other || !x->multi || !x->nonempty ||
        !x->null) {
        lt_pidx_free(x);
        return lt_fail_nomem(err);
    }
    *out = x;
    return LT_OK;
}

void lt_pidx_free(lt_pidx *x)
{
    if (!x)
        return;
    roaring_bitmap_t *const sets[] = {x->typed, x->other, x->multi, x->nonempty, x->null};

    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (sets[i])
            roaring_bitmap_free(sets[i]);
    lt_terms_free(x->terms);
    lt_order_free(x->order);
    lt_payload_field_unref(x->field);
    lt_free(x);
}

size_t lt_pidx_n_points(const lt_pidx *x)
{
    return (size_t)roaring_bitmap_get_cardinality(x->typed);
}

size_t lt_pidx_bytes(const lt_pidx *x)
{
    const roaring_bitmap_t *const sets[] = {x->typed, x->other, x->multi, x->nonempty, x->null};
    size_t bytes = sizeof *x;

    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        bytes += roaring_bitmap_portable_size_in_bytes(sets[i]);
    return bytes + (x->terms ? lt_terms_bytes(x->terms) : lt_order_bytes(x->order));
}

/* ---- one value ------------------------------------------------------------------------------- */

bool lt_pidx_term_of(lt_payload_type type, yyjson_val *v, lt_term_bytes *out)
{
    if (type == LT_PAYLOAD_KEYWORD && yyjson_is_str(v)) {
        out->bytes = yyjson_get_str(v);
        out->n = yyjson_get_len(v);
        return true;
    }
    out->bytes = (const char *)out->own;
    if (type == LT_PAYLOAD_BOOL && yyjson_is_bool(v)) {
        out->own[0] = yyjson_get_bool(v);
        out->n = 1;
        return true;
    }
    out->n = 16;
    return type == LT_PAYLOAD_UUID && lt_uuid_read(v, out->own);
}

bool lt_pidx_key_of(lt_payload_type type, yyjson_val *v, uint64_t *out)
{
    double lat, lon;
    int64_t us;

    switch (type) {
    case LT_PAYLOAD_INTEGER:
        if (!yyjson_is_sint(v) && !(yyjson_is_uint(v) && yyjson_get_uint(v) <= INT64_MAX))
            return false;
        *out = lt_key_of_int(yyjson_get_sint(v));
        return true;
    case LT_PAYLOAD_FLOAT:
        if (!yyjson_is_num(v))
            return false;
        *out = lt_key_of_float(yyjson_get_num(v));
        return true;
    case LT_PAYLOAD_DATETIME:
        if (!yyjson_is_str(v) || !lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), &us))
            return false;
        *out = lt_key_of_int(us);
        return true;
    case LT_PAYLOAD_GEO:
        if (!lt_place_read(v, &lat, &lon))
            return false;
        *out = lt_key_of_place(lat, lon);
        return true;
    default:
        return false;
    }
}

/* ---- one payload ----------------------------------------------------------------------------- */

typedef struct filling {
    lt_pidx *x;
    uint32_t slot;
    bool removing;
    size_t n_values, n_typed;
    bool nonempty, null;
    lt_status status;
    lt_error *err;
} filling;

static void fill_term(filling *f, const char *bytes, size_t n)
{
    if (f->removing)
        lt_terms_remove(f->x->terms, bytes, n, f->slot);
    else if (f->status == LT_OK)
        f->status = lt_terms_add(f->x->terms, bytes, n, f->slot, f->err);
}

static bool fill_token(void *context, const char *token, size_t n)
{
    fill_term(context, token, n);
    return true;
}

static void fill_key(filling *f, uint64_t key)
{
    if (f->removing)
        lt_order_remove(f->x->order, key, f->slot);
    else if (f->status == LT_OK)
        f->status = lt_order_add(f->x->order, key, f->slot, f->err);
}

static bool fill_typed(filling *f, yyjson_val *v)
{
    const lt_payload_field *field = f->x->field;
    lt_term_bytes term;
    uint64_t key;

    if (field->type == LT_PAYLOAD_TEXT) {
        if (yyjson_is_str(v))
            (void)lt_analyzer_each(field->analyzer, yyjson_get_str(v), yyjson_get_len(v), false,
                                   fill_token, f);
        return yyjson_is_str(v);
    }
    if (lt_pidx_term_of(field->type, v, &term)) {
        fill_term(f, term.bytes, term.n);
        return true;
    }
    if (!lt_pidx_key_of(field->type, v, &key))
        return false;
    fill_key(f, key);
    return true;
}

static bool fill_value(void *context, yyjson_val *v)
{
    filling *f = context;

    if (yyjson_is_null(v))
        return false;
    f->n_values++;
    f->n_typed += fill_typed(f, v);
    return false;
}

static bool fill_whole(void *context, yyjson_val *v)
{
    filling *f = context;
    size_t i, n;
    yyjson_val *item;

    f->nonempty |= !yyjson_is_null(v) && !(yyjson_is_arr(v) && yyjson_arr_size(v) == 0);
    f->null |= yyjson_is_null(v);
    yyjson_arr_foreach(v, i, n, item)
    {
        f->null |= yyjson_is_null(item);
    }
    return false;
}

lt_status lt_pidx_add(lt_pidx *x, uint32_t slot, yyjson_val *payload, lt_error *err)
{
    filling f = {.x = x, .slot = slot, .err = err};

    (void)lt_value_at(payload, x->field->path, false, fill_value, &f);
    (void)lt_value_at(payload, x->field->path, true, fill_whole, &f);
    if (f.n_typed > 0)
        roaring_bitmap_add(x->typed, slot);
    if (f.n_values > f.n_typed)
        roaring_bitmap_add(x->other, slot);
    if (f.n_values > 1)
        roaring_bitmap_add(x->multi, slot);
    if (f.nonempty)
        roaring_bitmap_add(x->nonempty, slot);
    if (f.null)
        roaring_bitmap_add(x->null, slot);
    return f.status;
}

void lt_pidx_remove(lt_pidx *x, uint32_t slot, yyjson_val *payload)
{
    filling f = {.x = x, .slot = slot, .removing = true};

    (void)lt_value_at(payload, x->field->path, false, fill_value, &f);
    roaring_bitmap_remove(x->typed, slot);
    roaring_bitmap_remove(x->other, slot);
    roaring_bitmap_remove(x->multi, slot);
    roaring_bitmap_remove(x->nonempty, slot);
    roaring_bitmap_remove(x->null, slot);
}
