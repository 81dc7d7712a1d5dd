/* SPDX-License-Identifier: Apache-2.0
 * Long lists of a condition, sorted once so that each point costs a binary search: the ids of
 * has_id, the strings or integers of any and except. */
#include <base/error.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

/* ---- ids ------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    return lt_id_compare(a, b);
}

void lt_ids_sort(lt_id *ids, size_t n)
{
    if (n)
        qsort(ids, n, sizeof *ids, by_id);
}

bool lt_ids_have(const lt_id *ids, size_t n, const lt_id *id)
{
    return n && bsearch(id, ids, n, sizeof *ids, by_id);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Strings by length and bytes, behind them integers that fit int64. */
static int by_value(const void *a, const void *b)
{
    yyjson_val *x = *(yyjson_val *const *)a, *y = *(yyjson_val *const *)b;

    if (yyjson_is_str(x) != yyjson_is_str(y))
        return yyjson_is_str(x) ? -1 : 1;
    if (!yyjson_is_str(x)) {
        int64_t i = yyjson_get_sint(x), j = yyjson_get_sint(y);

        return (i > j) - (i < j);
    }
    size_t n = yyjson_get_len(x), m = yyjson_get_len(y);

    return n != m ? (n < m ? -1 : 1) : memcmp(yyjson_get_str(x), yyjson_get_str(y), n);
}

lt_status lt_values_sort(yyjson_val *list, yyjson_val ***out, lt_error *err)
{
    size_t i, n;
    yyjson_val *item, **sorted = lt_calloc(yyjson_arr_size(list), sizeof(yyjson_val *));

    if (!sorted)
        return lt_fail_nomem(err);
    yyjson_arr_foreach(list, i, n, item)
        sorted[i] = item;
    if (n)
        qsort(sorted, n, sizeof(yyjson_val *), by_value);
    *out = sorted;
    return LT_OK;
}

bool lt_values_have(yyjson_val *const *sorted, size_t n, yyjson_val *v)
{
    bool fits = yyjson_is_str(v) || yyjson_is_sint(v) ||
                (yyjson_is_uint(v) && yyjson_get_uint(v) <= INT64_MAX);

    return fits && n && bsearch(&v, sorted, n, sizeof(yyjson_val *), by_value);
}
