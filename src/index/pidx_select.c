/* SPDX-License-Identifier: Apache-2.0
 * A whole filter over the payload indexes, in three-valued logic: each condition gives the slots
 * that satisfy it for sure and those that may; and, or and not keep that meaning. What no index
 * knows is "may" for every point, so that a condition with an index narrows what is looked at for
 * the ones without. */
#include <base/error.h>
#include <base/mem.h>
#include <stdio.h>
#include <string.h>

#include "pidx_parts.h"

typedef struct selecting {
    const lt_pidx_source *source;
    const lt_filter_binding *binding;
    lt_pidx_explain *explain;
    size_t n_words;
    lt_error *err;
} selecting;

/* Lower and upper bound of a set of slots; one block of memory. */
typedef struct bounds {
    uint64_t *sure, *possible;
} bounds;

/* Path of the nested conditions we are in; "" outside. */
typedef struct nest {
    char prefix[4097];
    size_t n;
} nest;

static void bounds_done(bounds *b)
{
    lt_free(b->sure);
    *b = (bounds){NULL, NULL};
}

static lt_status bounds_new(const selecting *s, size_t n_sets, bounds *out)
{
    size_t n;

    if (!lt_mul_size(s->n_words, n_sets, &n) || !(out->sure = lt_calloc(n, sizeof *out->sure)))
        return lt_fail_nomem(s->err);
    out->possible = out->sure + s->n_words;
    return LT_OK;
}

static size_t bytes_of(const selecting *s)
{
    return s->n_words * sizeof(uint64_t);
}

/* ---- one condition --------------------------------------------------------------------------- */

static const char *name_of(lt_cond_kind kind)
{
    static const char *const names[] = {
        "filter",        "match",       "match except",     "match prefix", "match text",
        "match text_any", "match phrase", "range",           "range",        "geo_radius",
        "geo_bounding_box", "geo_polygon", "values_count",   "is_empty",     "is_null",
        "has_id",        "has_vector",  "slice",            "nested",
    };
    _Static_assert(sizeof names / sizeof *names == LT_COND_NESTED + 1, "a name for each kind");

    return names[kind];
}

static void note_step(const selecting *s, const lt_cond *c, const char *index, const bounds *b)
{
    lt_pidx_explain *e = s->explain;

    if (!e)
        return;
    e->n_conditions++;
    if (e->n_steps == LT_PIDX_STEPS)
        return;
    size_t n_sure = lt_bits_count(b->sure, s->n_words);

    e->steps[e->n_steps++] = (lt_pidx_step){
        .kind = name_of(c->kind),
        .key = c->key ? c->key : "",
        .index = index,
        .n_sure = n_sure,
        .n_maybe = lt_bits_count(b->possible, s->n_words) - n_sure,
    };
}

static const lt_pidx *index_of(const selecting *s, const nest *in, const lt_cond *c)
{
    char path[sizeof in->prefix];

    if (!c->key || !s->source->index_at)
        return NULL;
    if (in->n == 0)
        return s->source->index_at(s->source->context, c->key);
    if (in->n + strlen(c->key) >= sizeof path)
        return NULL;
    memcpy(path, in->prefix, in->n);
    strcpy(path + in->n, c->key);
    return s->source->index_at(s->source->context, path);
}

static void unknown(const selecting *s, bounds *out)
{
    memset(out->sure, 0, bytes_of(s));
    memcpy(out->possible, s->source->living, bytes_of(s));
}

/* Inside `nested`, other elements of the array may be why the index knows the point. */
static void only_possible(const selecting *s, bounds *out)
{
    lt_bits_or(out->possible, out->sure, s->n_words);
    memset(out->sure, 0, bytes_of(s));
}

static bool is_absence(const lt_cond *c)
{
    return (c->kind == LT_COND_IS_EMPTY && !c->negated) ||
           (c->kind == LT_COND_IS_NULL && c->negated) ||
           (c->kind == LT_COND_VALUES_COUNT && lt_range_holds(&c->range, 0));
}

static lt_status select_by_index(const selecting *s, const nest *in, const lt_cond *c,
                                 const lt_pidx *x, bounds *out)
{
    LT_CLEANUP(bounds_done) bounds spare = {NULL, NULL};
    const lt_term *term = s->binding ? &s->binding->terms[c->term] : NULL;

    LT_TRY(bounds_new(s, 1, &spare));
    memset(out->sure, 0, bytes_of(s));
    memset(out->possible, 0, bytes_of(s));
    lt_answer a = {out->sure, out->possible, spare.sure, s->source->n_slots};

    /* What one element of the array lacks, another may have. */
    if ((in->n && is_absence(c)) || !lt_pidx_answer(x, c, term, &a)) {
        unknown(s, out);
        note_step(s, c, NULL, out);
        return LT_OK;
    }
    lt_bits_or(out->possible, out->sure, s->n_words);
    lt_bits_and(out->possible, s->source->living, s->n_words);
    lt_bits_and(out->sure, s->source->living, s->n_words);
    if (in->n)
        only_possible(s, out);
    note_step(s, c, lt_payload_type_name(x->field->type), out);
    return LT_OK;
}

static void select_ids(const selecting *s, const lt_cond *c, bounds *out)
{
    uint32_t slot;

    memset(out->sure, 0, bytes_of(s));
    for (size_t i = 0; i < c->n_ids; i++)
        if (s->source->slot_of(s->source->context, &c->ids[i], &slot) && slot < s->source->n_slots)
            lt_bits_set(out->sure, slot);
    lt_bits_and(out->sure, s->source->living, s->n_words);
    memcpy(out->possible, out->sure, bytes_of(s));
    note_step(s, c, "ids", out);
}

static bool select_having(const selecting *s, const lt_cond *c, bounds *out)
{
    const uint64_t *having =
        s->source->having ? s->source->having(s->source->context, c->text) : NULL;

    if (!having)
        return false;
    memcpy(out->sure, having, bytes_of(s));
    lt_bits_and(out->sure, s->source->living, s->n_words);
    memcpy(out->possible, out->sure, bytes_of(s));
    note_step(s, c, "vectors", out);
    return true;
}

static lt_status select_clause(const selecting *s, const nest *in, const lt_clause *c,
                               bounds *out);

static lt_status select_nested(const selecting *s, const nest *in, const lt_cond *c, bounds *out)
{
    size_t n = strlen(c->key);
    bool each = n > 2 && strcmp(c->key + n - 2, "[]") == 0;
    nest inner = {.n = 0};
    int len = snprintf(inner.prefix, sizeof inner.prefix, "%.*s%s%s", (int)in->n, in->prefix,
                       c->key, each ? "." : "[].");

    if (len < 0 || (size_t)len >= sizeof inner.prefix) {
        unknown(s, out);
        return LT_OK;
    }
    inner.n = (size_t)len;
    LT_TRY(select_clause(s, &inner, c->clause, out));
    memset(out->sure, 0, bytes_of(s));
    return LT_OK;
}

static lt_status select_cond(const selecting *s, const nest *in, const lt_cond *c, bounds *out)
{
    const lt_pidx *x;

    if (c->kind == LT_COND_CLAUSE)
        return select_clause(s, in, c->clause, out);
    if (c->kind == LT_COND_NESTED)
        return select_nested(s, in, c, out);
    if (c->kind == LT_COND_HAS_ID && in->n == 0 && s->source->slot_of) {
        select_ids(s, c, out);
        return LT_OK;
    }
    if (c->kind == LT_COND_HAS_VECTOR && in->n == 0 && select_having(s, c, out))
        return LT_OK;
    x = index_of(s, in, c);
    if (x)
        return select_by_index(s, in, c, x, out);
    unknown(s, out);
    note_step(s, c, NULL, out);
    return LT_OK;
}

/* ---- clauses --------------------------------------------------------------------------------- */

static lt_status select_must(const selecting *s, const nest *in, const lt_conds *conds, bounds *one,
                             bounds *out)
{
    for (size_t i = 0; i < conds->n; i++) {
        LT_TRY(select_cond(s, in, &conds->items[i], one));
        lt_bits_and(out->sure, one->sure, s->n_words);
        lt_bits_and(out->possible, one->possible, s->n_words);
    }
    return LT_OK;
}

/* Inside `nested` that one element satisfies a condition does not say that all do. */
static lt_status select_must_not(const selecting *s, const nest *in, const lt_conds *conds,
                                 bounds *one, bounds *out)
{
    for (size_t i = 0; i < conds->n && in->n == 0; i++) {
        LT_TRY(select_cond(s, in, &conds->items[i], one));
        lt_bits_and_not(out->sure, one->possible, s->n_words);
        lt_bits_and_not(out->possible, one->sure, s->n_words);
    }
    return LT_OK;
}

/* At least `min` of the conditions: level k of a set of bounds holds the slots for which k + 1 of
 * the conditions so far hold. */
static lt_status select_some(const selecting *s, const nest *in, const lt_conds *conds, size_t min,
                             bounds *one, bounds *out)
{
    LT_CLEANUP(bounds_done) bounds levels = {NULL, NULL};
    size_t w = s->n_words;

    LT_TRY(bounds_new(s, 2 * min, &levels));
    for (size_t i = 0; i < conds->n; i++) {
        LT_TRY(select_cond(s, in, &conds->items[i], one));
        for (size_t k = min; k-- > 0;) {
            uint64_t *sure = levels.sure + 2 * k * w, *possible = sure + w;

            for (size_t j = 0; j < w; j++) {
                sure[j] |= one->sure[j] & (k ? sure[j - 2 * w] : UINT64_MAX);
                possible[j] |= one->possible[j] & (k ? possible[j - 2 * w] : UINT64_MAX);
            }
        }
    }
    lt_bits_and(out->sure, levels.sure + 2 * (min - 1) * w, w);
    lt_bits_and(out->possible, levels.sure + (2 * (min - 1) + 1) * w, w);
    return LT_OK;
}

/* More levels than this take more memory than they save work: then all stays possible. */
enum { MAX_LEVELS = 16 };

static lt_status select_min_should(const selecting *s, const nest *in, const lt_clause *c,
                                   bounds *one, bounds *out)
{
    if (c->min_count > c->min_should.n) {
        memset(out->sure, 0, bytes_of(s));
        memset(out->possible, 0, bytes_of(s));
        return LT_OK;
    }
    if (c->min_count > MAX_LEVELS) {
        memset(out->sure, 0, bytes_of(s));
        return LT_OK;
    }
    return select_some(s, in, &c->min_should, c->min_count, one, out);
}

static lt_status select_clause(const selecting *s, const nest *in, const lt_clause *c, bounds *out)
{
    LT_CLEANUP(bounds_done) bounds one = {NULL, NULL};

    LT_TRY(bounds_new(s, 2, &one));
    memcpy(out->sure, s->source->living, bytes_of(s));
    memcpy(out->possible, s->source->living, bytes_of(s));
    LT_TRY(select_must(s, in, &c->must, &one, out));
    LT_TRY(select_must_not(s, in, &c->must_not, &one, out));
    if (in->n && c->must_not.n)
        memset(out->sure, 0, bytes_of(s));
    if (c->has_should)
        LT_TRY(select_some(s, in, &c->should, 1, &one, out));
    return c->has_min_should ? select_min_should(s, in, c, &one, out) : LT_OK;
}

lt_status lt_pidx_select(const lt_filter *filter, const lt_filter_binding *binding,
                         const lt_pidx_source *source, uint64_t *sure, uint64_t *possible,
                         lt_pidx_explain *explain, lt_error *err)
{
    selecting s = {source, binding, explain, lt_bits_words(source->n_slots), err};
    bounds out = {sure, possible};
    nest top = {.n = 0};

    if (explain)
        *explain = (lt_pidx_explain){.n_steps = 0};
    return select_clause(&s, &top, filter->root, &out);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static lt_estimate estimate_clause(const selecting *s, const nest *in, const lt_clause *c,
                                   size_t n);

static lt_estimate anything(size_t n)
{
    return (lt_estimate){0, n / 2, n};
}

static lt_estimate estimate_nested(const selecting *s, const nest *in, const lt_cond *c, size_t n)
{
    nest inner = *in;
    size_t len = strlen(c->key);
    bool each = len > 2 && strcmp(c->key + len - 2, "[]") == 0;

    if (in->n + len + 4 > sizeof inner.prefix)
        return anything(n);
    inner.n += (size_t)sprintf(inner.prefix + in->n, "%s%s", c->key, each ? "." : "[].");
    lt_estimate e = estimate_clause(s, &inner, c->clause, n);

    e.min = 0;
    return e;
}

static lt_estimate estimate_cond(const selecting *s, const nest *in, const lt_cond *c, size_t n)
{
    const lt_pidx *x;
    lt_estimate e;

    if (c->kind == LT_COND_CLAUSE)
        return estimate_clause(s, in, c->clause, n);
    if (c->kind == LT_COND_NESTED)
        return estimate_nested(s, in, c, n);
    if (c->kind == LT_COND_HAS_ID && in->n == 0) {
        size_t listed = c->n_ids < n ? c->n_ids : n;

        return (lt_estimate){0, listed, listed};
    }
    if (c->kind == LT_COND_SLICE)
        return (lt_estimate){0, n / c->slice_total, n};
    x = index_of(s, in, c);
    if (!x || (in->n && is_absence(c)) ||
        !lt_pidx_count(x, c, s->binding ? &s->binding->terms[c->term] : NULL, n, &e))
        return anything(n);
    if (in->n)
        e.min = 0;
    return e;
}

/* Conditions are taken as independent of each other for what is expected. */
static lt_estimate both(lt_estimate a, lt_estimate b, size_t n)
{
    return lt_estimate_in_order(
        (lt_estimate){a.min + b.min > n ? a.min + b.min - n : 0,
                      n ? (size_t)((double)a.expected * (double)b.expected / (double)n) : 0,
                      a.max < b.max ? a.max : b.max});
}

static lt_estimate opposite(lt_estimate a, size_t n)
{
    return (lt_estimate){n - a.max, n - a.expected, n - a.min};
}

static lt_estimate either(lt_estimate a, lt_estimate b, size_t n)
{
    return opposite(both(opposite(a, n), opposite(b, n), n), n);
}

static lt_estimate estimate_min_should(const selecting *s, const nest *in, const lt_clause *c,
                                       size_t n)
{
    lt_estimate all = {n, n, n};
    double total = 0;

    for (size_t i = 0; i < c->min_should.n; i++) {
        lt_estimate e = estimate_cond(s, in, &c->min_should.items[i], n);

        all = both(all, e, n);
        total += (double)e.max;
    }
    if (c->min_count > c->min_should.n)
        return (lt_estimate){0, 0, 0};
    /* Each point counted takes min_count of what the conditions have together. */
    size_t max = (size_t)(total / (double)c->min_count);

    max = max < n ? max : n;
    size_t expected = all.expected < max ? (all.expected + max) / 2 : max;

    return lt_estimate_in_order((lt_estimate){all.min, expected, max});
}

static lt_estimate estimate_clause(const selecting *s, const nest *in, const lt_clause *c, size_t n)
{
    lt_estimate out = {n, n, n}, any = {0, 0, 0};

    for (size_t i = 0; i < c->must.n; i++)
        out = both(out, estimate_cond(s, in, &c->must.items[i], n), n);
    for (size_t i = 0; i < c->must_not.n; i++) {
        lt_estimate e = estimate_cond(s, in, &c->must_not.items[i], n);

        out = both(out, in->n ? anything(n) : opposite(e, n), n);
    }
    for (size_t i = 0; i < c->should.n; i++)
        any = either(any, estimate_cond(s, in, &c->should.items[i], n), n);
    if (c->has_should)
        out = both(out, any, n);
    return c->has_min_should ? both(out, estimate_min_should(s, in, c, n), n) : out;
}

lt_estimate lt_pidx_estimate(const lt_filter *filter, const lt_filter_binding *binding,
                             const lt_pidx_source *source, size_t n_points)
{
    selecting s = {source, binding, NULL, 0, NULL};
    nest top = {.n = 0};

    return estimate_clause(&s, &top, filter->root, n_points);
}
