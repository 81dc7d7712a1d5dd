/* SPDX-License-Identifier: Apache-2.0
 * A piece goes through all the steps before the next one starts, depth first, so nothing is kept
 * but one text a step. */
#include "pretokenizer.h"

#include <base/mem.h>
#include <base/utf8.h>
#include <string.h>

#include "unicode.h"

enum { DEPTH_MAX = 16 };

typedef enum step_kind { STEP_METASPACE, STEP_WHITESPACE, STEP_WHITESPACE_SPLIT } step_kind;
typedef enum prepend_scheme { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER } prepend_scheme;

typedef struct step {
    step_kind kind;
    char mark[4]; /* STEP_METASPACE: what stands for a space */
    size_t mark_len;
    prepend_scheme prepend;
    bool split; /* before every mark */
} step;

struct lt_pretokenizer {
    step steps[LT_PRETOKENIZER_STEPS_MAX];
    size_t n_steps;
};

/* ---- reading --------------------------------------------------------------------------------- */

static lt_status read_mark(yyjson_val *json, step *s, const lt_part *where, lt_error *err)
{
    const char *mark;
    size_t n;
    uint32_t cp;

    LT_TRY(lt_field_string(json, "replacement", where, &mark, &n, err));
    if (n == 0 || lt_utf8_decode(mark, n, &cp, NULL) != n)
        return lt_fail(err, LT_EINVAL, "%s: %s: 'replacement' is not one character", where->file,
                       where->part);
    memcpy(s->mark, mark, n);
    s->mark_len = n;
    return LT_OK;
}

/* prepend_scheme; older files have add_prefix_space alone. */
static lt_status read_prepend(yyjson_val *json, step *s, const lt_part *where, lt_error *err)
{
    static const char *const names[] = {"always", "first", "never"};
    yyjson_val *scheme = yyjson_obj_get(json, "prepend_scheme");
    bool add;

    LT_TRY(lt_field_bool(json, "add_prefix_space", true, where, &add, err));
    s->prepend = add ? PREPEND_ALWAYS : PREPEND_NEVER;
    if (!scheme)
        return LT_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!yyjson_equals_str(scheme, names[i]))
            continue;
        s->prepend = (prepend_scheme)i;
        if (!add && s->prepend != PREPEND_NEVER)
            break;
        return LT_OK;
    }
    return lt_fail(err, LT_EINVAL, "%s: %s: 'prepend_scheme' is not always, first or never%s",
                   where->file, where->part, add ? "" : ", or contradicts 'add_prefix_space'");
}

static lt_status read_step(lt_pretokenizer *p, yyjson_val *json, const lt_part *where,
                           unsigned depth, lt_error *err);

static lt_status read_sequence(lt_pretokenizer *p, yyjson_val *json, const lt_part *where,
                               unsigned depth, lt_error *err)
{
    yyjson_val *list, *item;
    size_t i, max;

    if (depth == DEPTH_MAX)
        return lt_fail(err, LT_ELIMIT, "%s: %s: sequences nest too deeply", where->file,
                       where->part);
    LT_TRY(lt_field_array(json, "pretokenizers", where, &list, err));
    yyjson_arr_foreach(list, i, max, item) LT_TRY(read_step(p, item, where, depth + 1, err));
    return LT_OK;
}

static lt_status read_step(lt_pretokenizer *p, yyjson_val *json, const lt_part *where,
                           unsigned depth, lt_error *err)
{
    const char *type;
    size_t len;
    step s = {0};

    LT_TRY(lt_field_string(json, "type", where, &type, &len, err));
    if (strcmp(type, "Sequence") == 0)
        return read_sequence(p, json, where, depth, err);
    if (strcmp(type, "Metaspace") == 0) {
        s.kind = STEP_METASPACE;
        LT_TRY(read_mark(json, &s, where, err));
        LT_TRY(read_prepend(json, &s, where, err));
        LT_TRY(lt_field_bool(json, "split", true, where, &s.split, err));
    } else if (strcmp(type, "Whitespace") == 0) {
        s.kind = STEP_WHITESPACE;
    } else if (strcmp(type, "WhitespaceSplit") == 0) {
        s.kind = STEP_WHITESPACE_SPLIT;
    } else {
        return lt_unsupported_type(where, type, err);
    }
    if (p->n_steps == LT_PRETOKENIZER_STEPS_MAX)
        return lt_fail(err, LT_ELIMIT, "%s: %s: more than %d steps", where->file, where->part,
                       LT_PRETOKENIZER_STEPS_MAX);
    p->steps[p->n_steps++] = s;
    return LT_OK;
}

lt_status lt_pretokenizer_open(yyjson_val *json, const char *file, lt_pretokenizer **out,
                               lt_error *err)
{
    const lt_part where = {file, "pre_tokenizer"};
    lt_pretokenizer *p = lt_calloc(1, sizeof *p);

    if (!p)
        return lt_fail_nomem(err);
    lt_status st = !json || yyjson_is_null(json) ? LT_OK : read_step(p, json, &where, 0, err);

    if (st != LT_OK) {
        lt_pretokenizer_close(p);
        return st;
    }
    *out = p;
    return LT_OK;
}

void lt_pretokenizer_close(lt_pretokenizer *p)
{
    lt_free(p);
}

void lt_pretokenizer_work_done(lt_pretokenizer_work *w)
{
    for (size_t i = 0; i < LT_PRETOKENIZER_STEPS_MAX; i++)
        lt_ntext_done(&w->texts[i]);
}

/* ---- applying -------------------------------------------------------------------------------- */

typedef struct run {
    const lt_pretokenizer *pretokenizer;
    lt_pretokenizer_work *work;
    lt_piece_sink sink;
    void *context;
} run;

static lt_status run_step(const run *r, size_t at, const char *text, const char *first, size_t n,
                          lt_error *err);

/* Cuts before every mark. */
static lt_status split_at_marks(const run *r, size_t at, const step *s, const lt_ntext *t,
                                lt_error *err)
{
    size_t begin = 0, n = t->text.len;

    for (size_t i = 0; i < n;) {
        size_t step_len = 1;

        if (n - i >= s->mark_len && memcmp(t->text.data + i, s->mark, s->mark_len) == 0) {
            LT_TRY(
                run_step(r, at + 1, t->text.data + begin, t->first.data + begin, i - begin, err));
            begin = i;
            step_len = s->mark_len;
        }
        i += step_len;
    }
    return run_step(r, at + 1, t->text.data + begin, t->first.data + begin, n - begin, err);
}

static lt_status run_metaspace(const run *r, size_t at, const char *text, const char *first,
                               size_t n, lt_error *err)
{
    const step *s = &r->pretokenizer->steps[at];
    lt_ntext *t = &r->work->texts[at];
    size_t copied = 0;

    LT_TRY(lt_ntext_set(t, text, first, n, err));
    for (size_t i = 0; i < n; i++) {
        if (text[i] != ' ')
            continue;
        LT_TRY(lt_ntext_copy(t, copied, i, err));
        LT_TRY(lt_ntext_insert(t, s->mark, s->mark_len, first[i], err));
        copied = i + 1;
    }
    LT_TRY(lt_ntext_copy(t, copied, n, err));
    lt_ntext_swap(t);
    bool wanted = s->prepend == PREPEND_ALWAYS || (s->prepend == PREPEND_FIRST && first[0]);

    if (wanted && (t->text.len < s->mark_len || memcmp(t->text.data, s->mark, s->mark_len) != 0))
        LT_TRY(lt_ntext_prepend(t, s->mark, s->mark_len, err));
    if (s->split)
        return split_at_marks(r, at, s, t, err);
    return run_step(r, at + 1, t->text.data, t->first.data, t->text.len, err);
}

/* WhitespaceSplit: runs without white space. Whitespace: runs of word characters, and of what is
 * neither those nor white space. */
static lt_status run_whitespace(const run *r, size_t at, const char *text, const char *first,
                                size_t n, lt_error *err)
{
    bool by_word = r->pretokenizer->steps[at].kind == STEP_WHITESPACE;
    size_t begin = 0;
    int class = 0; /* of the run since `begin`: 0 white space, 1 and 2 to keep */

    for (size_t i = 0; i < n;) {
        uint32_t cp;
        size_t used = lt_utf8_decode(text + i, n - i, &cp, NULL);
        int next = by_word && lt_unicode_is_word(cp) ? 2 : !lt_unicode_is_space(cp);

        if (next != class) {
            if (class)
                LT_TRY(run_step(r, at + 1, text + begin, first + begin, i - begin, err));
            begin = i;
            class = next;
        }
        i += used;
    }
    return class ? run_step(r, at + 1, text + begin, first + begin, n - begin, err) : LT_OK;
}

static lt_status run_step(const run *r, size_t at, const char *text, const char *first, size_t n,
                          lt_error *err)
{
    if (n == 0)
        return LT_OK;
    if (at == r->pretokenizer->n_steps)
        return r->sink(r->context, text, n, err);
    if (r->pretokenizer->steps[at].kind == STEP_METASPACE)
        return run_metaspace(r, at, text, first, n, err);
    return run_whitespace(r, at, text, first, n, err);
}

lt_status lt_pretokenizer_apply(const lt_pretokenizer *p, lt_pretokenizer_work *w, const char *text,
                                const char *first, size_t n, lt_piece_sink sink, void *context,
                                lt_error *err)
{
    const run r = {p, w, sink, context};

    return run_step(&r, 0, text, first, n, err);
}
