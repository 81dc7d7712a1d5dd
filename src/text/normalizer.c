/* SPDX-License-Identifier: Apache-2.0
 * The small steps live here; Precompiled, Replace and the normal forms have files of their own. */
#include "normalizer.h"

#include <base/mem.h>
#include <base/utf8.h>
#include <string.h>

#include "normal_form.h"
#include "precompiled.h"
#include "replace.h"
#include "unicode.h"

enum { STEPS_MAX = 64, DEPTH_MAX = 16 };

typedef enum step_kind {
    STEP_PRECOMPILED,
    STEP_REPLACE,
    STEP_PREPEND,
    STEP_STRIP,
    STEP_STRIP_ACCENTS,
    STEP_LOWERCASE,
    STEP_NMT,
    STEP_NFC,
    STEP_NFD,
    STEP_NFKC,
    STEP_NFKD
} step_kind;

typedef struct step {
    step_kind kind;
    lt_precompiled precompiled; /* STEP_PRECOMPILED */
    lt_replace *replace;        /* STEP_REPLACE */
    char *prepend;              /* STEP_PREPEND */
    size_t prepend_len;
    bool left, right; /* STEP_STRIP: which ends */
} step;

struct lt_normalizer {
    step *steps;
    size_t n_steps, cap_steps;
};

/* ---- reading --------------------------------------------------------------------------------- */

static lt_status add_step(lt_normalizer *n, step_kind kind, const lt_part *where, step **out,
                          lt_error *err)
{
    if (n->n_steps == STEPS_MAX)
        return lt_fail(err, LT_ELIMIT, "%s: %s: more than %d steps", where->file, where->part,
                       STEPS_MAX);
    step *more = lt_grow(n->steps, n->n_steps, &n->cap_steps, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    n->steps = more;
    *out = &n->steps[n->n_steps++];
    **out = (step){.kind = kind};
    return LT_OK;
}

static lt_status read_prepend(yyjson_val *json, step *s, const lt_part *where, lt_error *err)
{
    const char *text;

    LT_TRY(lt_field_string(json, "prepend", where, &text, &s->prepend_len, err));
    s->prepend = lt_strndup(text, s->prepend_len);
    return s->prepend ? LT_OK : lt_fail_nomem(err);
}

static lt_status read_precompiled(yyjson_val *json, step *s, const lt_part *where, lt_error *err)
{
    const char *map;
    size_t len;

    LT_TRY(lt_field_string(json, "precompiled_charsmap", where, &map, &len, err));
    return lt_precompiled_open(&s->precompiled, map, len, where, err);
}

static lt_status read_strip(yyjson_val *json, step *s, const lt_part *where, lt_error *err)
{
    LT_TRY(lt_field_bool(json, "strip_left", true, where, &s->left, err));
    return lt_field_bool(json, "strip_right", true, where, &s->right, err);
}

static bool kind_of(const char *type, step_kind *kind)
{
    static const struct {
        const char *type;
        step_kind kind;
    } kinds[] = {{"Precompiled", STEP_PRECOMPILED},
                 {"Replace", STEP_REPLACE},
                 {"Prepend", STEP_PREPEND},
                 {"Strip", STEP_STRIP},
                 {"StripAccents", STEP_STRIP_ACCENTS},
                 {"Lowercase", STEP_LOWERCASE},
                 {"Nmt", STEP_NMT},
                 {"NFC", STEP_NFC},
                 {"NFD", STEP_NFD},
                 {"NFKC", STEP_NFKC},
                 {"NFKD", STEP_NFKD}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].type, type) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static lt_status read_step(lt_normalizer *n, yyjson_val *json, const lt_part *where, unsigned depth,
                           lt_error *err);

static lt_status read_sequence(lt_normalizer *n, yyjson_val *json, const lt_part *where,
                               unsigned depth, lt_error *err)
{
    yyjson_val *list, *item;
    size_t i, max;

    if (depth == DEPTH_MAX)
        return lt_fail(err, LT_ELIMIT, "%s: %s: sequences nest too deeply", where->file,
                       where->part);
    LT_TRY(lt_field_array(json, "normalizers", where, &list, err));
    yyjson_arr_foreach(list, i, max, item) LT_TRY(read_step(n, item, where, depth + 1, err));
    return LT_OK;
}

static lt_status read_step(lt_normalizer *n, yyjson_val *json, const lt_part *where, unsigned depth,
                           lt_error *err)
{
    const char *type;
    size_t len;
    step_kind kind;
    step *s = NULL;

    LT_TRY(lt_field_string(json, "type", where, &type, &len, err));
    if (strcmp(type, "Sequence") == 0)
        return read_sequence(n, json, where, depth, err);
    if (!kind_of(type, &kind))
        return lt_unsupported_type(where, type, err);
    LT_TRY(add_step(n, kind, where, &s, err));
    if (kind == STEP_PRECOMPILED)
        return read_precompiled(json, s, where, err);
    if (kind == STEP_REPLACE)
        return lt_replace_open(json, where, &s->replace, err);
    if (kind == STEP_PREPEND)
        return read_prepend(json, s, where, err);
    if (kind == STEP_STRIP)
        return read_strip(json, s, where, err);
    return LT_OK;
}

lt_status lt_normalizer_open(yyjson_val *json, const char *file, lt_normalizer **out, lt_error *err)
{
    const lt_part where = {file, "normalizer"};
    lt_normalizer *n = lt_calloc(1, sizeof *n);

    if (!n)
        return lt_fail_nomem(err);
    lt_status st = !json || yyjson_is_null(json) ? LT_OK : read_step(n, json, &where, 0, err);

    if (st != LT_OK) {
        lt_normalizer_close(n);
        return st;
    }
    *out = n;
    return LT_OK;
}

void lt_normalizer_close(lt_normalizer *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->n_steps; i++) {
        lt_precompiled_done(&n->steps[i].precompiled);
        lt_replace_close(n->steps[i].replace);
        lt_free(n->steps[i].prepend);
    }
    lt_free(n->steps);
    lt_free(n);
}

/* ---- applying -------------------------------------------------------------------------------- */

static lt_status lowercase(lt_ntext *t, lt_error *err)
{
    for (size_t i = 0; i < t->text.len;) {
        uint32_t cp, lower[2];

        i += lt_utf8_decode(t->text.data + i, t->text.len - i, &cp, NULL);
        size_t n = lt_unicode_lower(cp, lower);

        for (size_t k = 0; k < n; k++)
            LT_TRY(lt_ntext_change(t, lower[k], k > 0, err));
    }
    return lt_ntext_apply(t, 0, err);
}

/* Keeps the characters that `keep` wants, each perhaps as another. Those left out count as
 * swallowed by the one kept before; at the beginning they are gone without a trace. */
static lt_status filter(lt_ntext *t, bool (*keep)(uint32_t *cp), lt_error *err)
{
    size_t n_removed = 0;

    for (size_t i = 0; i < t->text.len;) {
        uint32_t cp;

        i += lt_utf8_decode(t->text.data + i, t->text.len - i, &cp, NULL);
        if (keep(&cp))
            LT_TRY(lt_ntext_change(t, cp, 0, err));
        else if (t->n_changes > 0)
            t->changes[t->n_changes - 1].change--;
        else
            n_removed++;
    }
    return lt_ntext_apply(t, n_removed, err);
}

static bool keep_base(uint32_t *cp)
{
    return !lt_unicode_is_mark(*cp);
}

/* SentencePiece's "nmt" rules: no controls, one kind of space. */
static bool keep_nmt(uint32_t *cp)
{
    uint32_t c = *cp;

    if ((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f ||
        c == 0x9f)
        return false;
    if (c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
        c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd)
        *cp = ' ';
    return true;
}

static lt_status strip(lt_ntext *t, bool left, bool right, lt_error *err)
{
    size_t begin = 0, end = 0, n = t->text.len;
    bool leading = left;

    for (size_t i = 0; i < n;) {
        uint32_t cp;

        i += lt_utf8_decode(t->text.data + i, n - i, &cp, NULL);
        if (!lt_unicode_is_space(cp)) {
            leading = false;
            end = i;
        } else if (leading) {
            begin = i;
        }
    }
    if (!right)
        end = n;
    LT_TRY(lt_ntext_copy(t, begin, end > begin ? end : begin, err));
    lt_ntext_swap(t);
    return LT_OK;
}

static lt_status apply_step(const step *s, lt_ntext *t, lt_error *err)
{
    switch (s->kind) {
    case STEP_PRECOMPILED:
        return lt_precompiled_apply(&s->precompiled, t, err);
    case STEP_REPLACE:
        return lt_replace_apply(s->replace, t, err);
    case STEP_PREPEND:
        return lt_ntext_prepend(t, s->prepend, s->prepend_len, err);
    case STEP_STRIP:
        return strip(t, s->left, s->right, err);
    case STEP_STRIP_ACCENTS:
        return filter(t, keep_base, err);
    case STEP_LOWERCASE:
        return lowercase(t, err);
    case STEP_NMT:
        return filter(t, keep_nmt, err);
    case STEP_NFC:
        return lt_normal_form(t, false, true, err);
    case STEP_NFD:
        return lt_normal_form(t, false, false, err);
    case STEP_NFKC:
        return lt_normal_form(t, true, true, err);
    case STEP_NFKD:
        return lt_normal_form(t, true, false, err);
    }
    return LT_OK;
}

lt_status lt_normalizer_apply(const lt_normalizer *n, lt_ntext *t, lt_error *err)
{
    for (size_t i = 0; i < n->n_steps && t->text.len > 0; i++)
        LT_TRY(apply_step(&n->steps[i], t, err));
    return LT_OK;
}
