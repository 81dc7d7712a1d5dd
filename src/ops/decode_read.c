/* SPDX-License-Identifier: Apache-2.0
 * The bodies that are not queries: points by id, scroll, count, facet, distance matrix. */
#include <base/error.h>
#include <base/limits.h>

#include "decode.h"

lt_status lt_decode_get(lt_body *b, yyjson_val *v, lt_get_request *out, lt_error *err)
{
    const lt_at at = {NULL, "ids", 0};
    yyjson_val *ids;

    *out = (lt_get_request){.shown.payload.kind = LT_PICK_ALL};
    LT_TRY(lt_body_object(v, NULL, err));
    LT_TRY(lt_body_need(v, "ids", NULL, &ids, err));
    LT_TRY(lt_body_ids(b, ids, &at, &out->ids, &out->n_ids, err));
    return lt_decode_shown(b, v, NULL, &out->shown, err);
}

lt_status lt_decode_scroll(lt_body *b, yyjson_val *v, lt_scroll_request *out, lt_error *err)
{
    const lt_at offset_at = {NULL, "offset", 0}, order_at = {NULL, "order_by", 0};

    *out = (lt_scroll_request){.limit = 10, .shown.payload.kind = LT_PICK_ALL};
    LT_TRY(lt_body_object(v, NULL, err));
    yyjson_val *offset = lt_body_field(v, "offset"), *order = lt_body_field(v, "order_by");

    if (offset)
        LT_TRY(lt_body_id(offset, &offset_at, &out->offset, err));
    out->has_offset = offset != NULL;
    LT_TRY(lt_body_size(b, v, "limit", NULL, 1, SIZE_MAX, &out->limit, NULL, err));
    LT_TRY(lt_body_filter(b, v, "filter", &out->filter, err));
    if (order)
        LT_TRY(lt_decode_order(order, &order_at, &out->order, err));
    return lt_decode_shown(b, v, NULL, &out->shown, err);
}

lt_status lt_decode_count(lt_body *b, yyjson_val *v, lt_count_request *out, lt_error *err)
{
    bool exact; /* we always count exactly */

    LT_TRY(lt_body_object(v, NULL, err));
    LT_TRY(lt_body_bool(v, "exact", NULL, &exact, err));
    return lt_body_filter(b, v, "filter", &out->filter, err);
}

lt_status lt_decode_facet(lt_body *b, yyjson_val *v, lt_facet_request *out, lt_error *err)
{
    const lt_at at = {NULL, "key", 0};
    yyjson_val *key;
    bool exact;

    *out = (lt_facet_request){.limit = 10};
    LT_TRY(lt_body_object(v, NULL, err));
    LT_TRY(lt_body_need(v, "key", NULL, &key, err));
    LT_TRY(lt_body_text(v, "key", NULL, &out->key, err));
    LT_TRY(lt_body_path(out->key, &at, err));
    LT_TRY(lt_body_size(b, v, "limit", NULL, 1, SIZE_MAX, &out->limit, NULL, err));
    LT_TRY(lt_body_bool(v, "exact", NULL, &exact, err));
    return lt_body_filter(b, v, "filter", &out->filter, err);
}

lt_status lt_decode_matrix(lt_body *b, yyjson_val *v, lt_matrix_request *out, lt_error *err)
{
    *out = (lt_matrix_request){.sample = 10, .limit = 3, .using = ""};
    LT_TRY(lt_body_object(v, NULL, err));
    LT_TRY(lt_body_size(b, v, "sample", NULL, 2, LT_LIMIT_MATRIX_SAMPLE, &out->sample, NULL, err));
    LT_TRY(lt_body_size(b, v, "limit", NULL, 1, SIZE_MAX, &out->limit, NULL, err));
    LT_TRY(lt_body_text(v, "using", NULL, &out->using, err));
    return lt_body_filter(b, v, "filter", &out->filter, err);
}
