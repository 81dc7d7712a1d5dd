/* SPDX-License-Identifier: Apache-2.0
 * How many points have each value of a payload key. */
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static lt_status show_value(lt_asking *a, const lt_index_value *v, lt_answer_value *out,
                            lt_error *err)
{
    char text[LT_ID_TEXT_MAX];
    lt_id id = {.kind = LT_ID_UUID};

    switch (v->kind) {
    case LT_VALUE_BOOL:
        *out = (lt_answer_value){.kind = LT_ANSWER_BOOL, .i = v->flag};
        return LT_OK;
    case LT_VALUE_INT:
        *out = (lt_answer_value){.kind = LT_ANSWER_INT, .i = v->number};
        return LT_OK;
    case LT_VALUE_TEXT: /* the reader's, which outlives the answer */
        *out = (lt_answer_value){.kind = LT_ANSWER_TEXT, .text = v->text, .n_text = v->n_text};
        return LT_OK;
    default:
        memcpy(id.uuid, v->uuid, sizeof id.uuid);
        lt_id_format(&id, text);
        *out = (lt_answer_value){.kind = LT_ANSWER_TEXT, .n_text = strlen(text)};
        out->text = lt_arena_text(a->arena, text, out->n_text);
        return out->text ? LT_OK : lt_fail_nomem(err);
    }
}

static int more_first(const void *a, const void *b)
{
    const lt_valued *x = a, *y = b;

    if (x->number != y->number)
        return x->number > y->number ? -1 : 1;
    return lt_index_value_compare(&x->value, &y->value);
}

lt_status lt_run_facet(lt_asking *a, const lt_facet_request *q, lt_facet *out, lt_error *err)
{
    LT_AUTOFREE lt_valued *counts = NULL;
    const lt_pool pool = {.filter = q->filter};
    const uint64_t *bits;
    size_t n;

    LT_TRY(lt_pool_bits(a, &pool, &bits, err));
    lt_status st = lt_reader_facet(a->r, q->key, bits, &counts, &n, err);

    if (st == LT_ENOTFOUND || st == LT_EINVAL)
        return lt_fail(err, LT_EINVAL,
                       "No appropriate index for faceting: `%s`. Please create one to facet on "
                       "this field (keyword, integer, bool or uuid)",
                       q->key);
    LT_TRY(st);
    if (n)
        qsort(counts, n, sizeof *counts, more_first);
    out->n = n < q->limit ? n : q->limit;
    out->hits = lt_arena_alloc(a->arena, out->n, sizeof *out->hits);
    if (!out->hits)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < out->n; i++) {
        out->hits[i].count = counts[i].number;
        LT_TRY(show_value(a, &counts[i].value, &out->hits[i].value, err));
    }
    return LT_OK;
}
