/* SPDX-License-Identifier: Apache-2.0
 * Whether a vector as it is stored can be one: what restoring and checking ask. */
#include <base/mem.h>
#include <string.h>

#include "engine.h"

static bool all_zero(const char *p, const char *end)
{
    while (p < end)
        if (*p++)
            return false;
    return true;
}

static lt_status check_row(const lt_schema_vector *s, const char *row, lt_arena *arena,
                           lt_error *err)
{
    static const size_t sizes[] = {[LT_ELEMENT_F32] = 4, [LT_ELEMENT_F16] = 2, [LT_ELEMENT_U8] = 1};
    float *floats = lt_arena_take(arena, s->seen.dims, sizeof *floats);
    lt_vector v = {.kind = LT_VECTOR_DENSE, .values = floats, .n_values = s->seen.dims};

    if (!floats)
        return lt_fail_nomem(err);
    if (!all_zero(row + s->seen.dims * sizes[s->seen.element], row + s->stride))
        return lt_fail(err, LT_ECORRUPT, "there are bytes behind its vector '%s'", s->seen.name);
    lt_from_element(&s->seen, row, floats);
    return lt_vector_check(&s->seen, &v, err);
}

/* Indices are stored in order; lt_vector_check sees that no two are alike. */
static bool ascending(const uint32_t *indices, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (indices[i] < indices[i - 1])
            return false;
    return true;
}

static lt_status check_inline(const lt_schema_vector *s, const lt_record_vector *v,
                              lt_arena *arena, lt_error *err)
{
    bool sparse = s->seen.kind == LT_VECTOR_SPARSE;
    size_t unit = sparse ? 8 : s->seen.dims * sizeof(float);
    float *copy = lt_arena_alloc(arena, v->n, 1); /* aligned */
    lt_vector seen = {.kind = s->seen.kind, .values = copy, .n_values = v->n / sizeof *copy};

    if (!copy)
        return lt_fail_nomem(err);
    if (v->n % unit != 0)
        return lt_fail(err, LT_ECORRUPT, "its vector '%s' is cut off", s->seen.name);
    memcpy(copy, v->bytes, v->n);
    seen.n_rows = v->n / unit;
    if (sparse) {
        seen.n_values = v->n / 8;
        seen.indices = (const uint32_t *)(const void *)copy;
        seen.values = copy + seen.n_values;
        if (!ascending(seen.indices, seen.n_values))
            return lt_fail(err, LT_ECORRUPT, "its sparse vector '%s' is not in order", s->seen.name);
    }
    return lt_vector_check(&s->seen, &seen, err);
}

lt_status lt_stored_check(const lt_schema_vector *s, const lt_record_vector *v, lt_arena *arena,
                          lt_error *err)
{
    if (v->is_inline != (s->seen.kind != LT_VECTOR_DENSE))
        return lt_fail(err, LT_ECORRUPT, "its vector '%s' is of another kind than the config says",
                       s->seen.name);
    return v->is_inline ? check_inline(s, v, arena, err) : check_row(s, v->bytes, arena, err);
}
