/* SPDX-License-Identifier: Apache-2.0
 * Binds a filter to the indexes of a collection: text conditions get their tokens, matches on a
 * UUID index compare UUIDs. Inside `nested`, the index at "key[].inner" counts. */
#include <base/buf.h>
#include <base/limits.h>
#include <base/mem.h>
#include <string.h>

#include "tree.h"

typedef struct binder {
    lt_payload_field_lookup lookup;
    void *context;
    lt_buf prefix; /* path of the nested conditions we are in, with a dot behind it */
    lt_filter_binding *out;
    bool changes;
} binder;

typedef struct token_list {
    lt_buf bytes;
    uint32_t *ends;
    size_t n, cap;
    lt_status status;
} token_list;

static bool same_as_earlier(const token_list *l, const char *token, size_t n)
{
    for (size_t i = 0, start = 0; i < l->n; start = l->ends[i++])
        if (l->ends[i] - start == n && memcmp(l->bytes.data + start, token, n) == 0)
            return true;
    return false;
}

static lt_status add_token(token_list *l, const char *token, size_t n)
{
    if (l->n == LT_LIMIT_FILTER_TOKENS)
        return LT_ELIMIT;
    uint32_t *more = lt_grow(l->ends, l->n, &l->cap, sizeof *more);

    if (!more)
        return LT_ENOMEM;
    l->ends = more;
    LT_TRY(lt_buf_add(&l->bytes, token, n, NULL));
    l->ends[l->n++] = (uint32_t)l->bytes.len;
    return LT_OK;
}

static bool collect_all(void *context, const char *token, size_t n)
{
    token_list *l = context;

    l->status = add_token(l, token, n);
    return l->status == LT_OK;
}

static bool collect_distinct(void *context, const char *token, size_t n)
{
    token_list *l = context;

    return same_as_earlier(l, token, n) || collect_all(context, token, n);
}

static lt_status bind_text(const lt_cond *c, const lt_payload_field *field, lt_term *t, lt_error *err)
{
    token_list l = {.status = LT_OK};
    bool phrase = c->kind == LT_COND_PHRASE;

    (void)lt_analyzer_each(field->analyzer, c->text, c->text_len, true,
                           phrase ? collect_all : collect_distinct, &l);
    t->ends = l.ends;
    t->bytes = l.bytes.data;
    t->n_tokens = l.n;
    t->field = lt_payload_field_ref(field);
    if (l.status == LT_ELIMIT)
        return lt_fail(err, LT_ELIMIT, "filter: more than %u words in one text condition",
                       LT_LIMIT_FILTER_TOKENS);
    return l.status == LT_OK ? LT_OK : lt_fail_nomem(err);
}

static lt_status bind_clause(binder *b, const lt_clause *c, lt_error *err);

static lt_status bind_term(binder *b, const lt_cond *c, lt_error *err)
{
    bool text = c->kind == LT_COND_TEXT || c->kind == LT_COND_TEXT_ANY || c->kind == LT_COND_PHRASE;
    size_t len = b->prefix.len;

    LT_TRY(lt_buf_adds(&b->prefix, c->key, err));
    const lt_payload_field *field = b->lookup(b->context, b->prefix.data);
    lt_term *t = &b->out->terms[c->term];

    b->prefix.len = len;
    if (!field || field->type != (text ? LT_PAYLOAD_TEXT : LT_PAYLOAD_UUID))
        return LT_OK;
    b->changes = true;
    if (text)
        return bind_text(c, field, t, err);
    t->field = lt_payload_field_ref(field);
    return LT_OK;
}

static lt_status bind_nested(binder *b, const lt_cond *c, lt_error *err)
{
    size_t len = b->prefix.len, n = strlen(c->key);
    bool each = n > 2 && strcmp(c->key + n - 2, "[]") == 0;

    LT_TRY(lt_buf_adds(&b->prefix, c->key, err));
    LT_TRY(lt_buf_adds(&b->prefix, each ? "." : "[].", err));
    LT_TRY(bind_clause(b, c->clause, err));
    b->prefix.len = len;
    return LT_OK;
}

static lt_status bind_conds(binder *b, const lt_conds *conds, lt_error *err)
{
    for (size_t i = 0; i < conds->n; i++) {
        const lt_cond *c = &conds->items[i];

        if (c->kind == LT_COND_CLAUSE)
            LT_TRY(bind_clause(b, c->clause, err));
        else if (c->kind == LT_COND_NESTED)
            LT_TRY(bind_nested(b, c, err));
        else if (c->kind == LT_COND_MATCH || c->kind == LT_COND_EXCEPT ||
                 c->kind == LT_COND_TEXT || c->kind == LT_COND_TEXT_ANY ||
                 c->kind == LT_COND_PHRASE)
            LT_TRY(bind_term(b, c, err));
    }
    return LT_OK;
}

static lt_status bind_clause(binder *b, const lt_clause *c, lt_error *err)
{
    LT_TRY(bind_conds(b, &c->must, err));
    LT_TRY(bind_conds(b, &c->should, err));
    LT_TRY(bind_conds(b, &c->must_not, err));
    return bind_conds(b, &c->min_should, err);
}

lt_status lt_filter_bind(const lt_filter *f, lt_payload_field_lookup lookup, void *context,
                         lt_filter_binding **out, lt_error *err)
{
    binder b = {.lookup = lookup, .context = context};

    *out = NULL;
    if (f->n_terms == 0)
        return LT_OK;
    b.out = lt_calloc(1, sizeof *b.out + f->n_terms * sizeof *b.out->terms);
    if (!b.out)
        return lt_fail_nomem(err);
    b.out->n_terms = f->n_terms;
    lt_status st = bind_clause(&b, f->root, err);

    lt_buf_done(&b.prefix);
    if (st != LT_OK || !b.changes) {
        lt_filter_binding_free(b.out);
        return st;
    }
    *out = b.out;
    return LT_OK;
}

void lt_filter_binding_free(lt_filter_binding *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n_terms; i++) {
        lt_free(b->terms[i].bytes);
        lt_free(b->terms[i].ends);
        lt_payload_field_unref(b->terms[i].field);
    }
    lt_free(b);
}
