/* SPDX-License-Identifier: Apache-2.0 */
#include "ntext.h"

#include <base/limits.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <string.h>

void lt_ntext_done(lt_ntext *t)
{
    lt_buf_done(&t->text);
    lt_buf_done(&t->first);
    lt_buf_done(&t->new_text);
    lt_buf_done(&t->new_first);
    lt_free(t->changes);
    *t = (lt_ntext){0};
}

lt_status lt_ntext_set(lt_ntext *t, const char *text, const char *first, size_t n, lt_error *err)
{
    lt_buf_clear(&t->text);
    lt_buf_clear(&t->first);
    lt_buf_clear(&t->new_text);
    lt_buf_clear(&t->new_first);
    t->n_changes = 0;
    LT_TRY(lt_buf_add(&t->text, text, n, err));
    return lt_buf_add(&t->first, first, n, err);
}

lt_status lt_ntext_change(lt_ntext *t, uint32_t cp, int change, lt_error *err)
{
    if (t->n_changes == t->cap_changes && t->n_changes >= LT_LIMIT_NORMALISED_BYTES)
        return lt_fail(err, LT_ELIMIT, "the text grows beyond %u characters when normalised",
                       LT_LIMIT_NORMALISED_BYTES);
    lt_change *more = lt_grow(t->changes, t->n_changes, &t->cap_changes, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    t->changes = more;
    t->changes[t->n_changes++] = (lt_change){cp, change};
    return LT_OK;
}

lt_status lt_ntext_copy(lt_ntext *t, size_t from, size_t to, lt_error *err)
{
    LT_TRY(lt_buf_add(&t->new_text, t->text.data + from, to - from, err));
    return lt_buf_add(&t->new_first, t->first.data + from, to - from, err);
}

lt_status lt_ntext_insert(lt_ntext *t, const char *text, size_t n, char mark, lt_error *err)
{
    if (t->new_text.len > LT_LIMIT_NORMALISED_BYTES ||
        n > LT_LIMIT_NORMALISED_BYTES - t->new_text.len)
        return lt_fail(err, LT_ELIMIT, "the text grows beyond %u bytes when normalised",
                       LT_LIMIT_NORMALISED_BYTES);
    LT_TRY(lt_buf_add(&t->new_text, text, n, err));
    LT_TRY(lt_buf_reserve(&t->new_first, n, err));
    if (n)
        memset(t->new_first.data + t->new_first.len, mark, n);
    t->new_first.len += n;
    return LT_OK;
}

void lt_ntext_swap(lt_ntext *t)
{
    lt_buf text = t->text, first = t->first;

    t->text = t->new_text;
    t->first = t->new_first;
    t->new_text = text;
    t->new_first = first;
    lt_buf_clear(&t->new_text);
    lt_buf_clear(&t->new_first);
}

/* The length of the character at `pos` of the old text; 0 at its end. */
static size_t old_len(const lt_ntext *t, size_t pos)
{
    uint32_t cp;

    return pos < t->text.len ? lt_utf8_decode(t->text.data + pos, t->text.len - pos, &cp, NULL) : 0;
}

lt_status lt_ntext_apply(lt_ntext *t, size_t n_removed, lt_error *err)
{
    size_t pos = 0;

    for (size_t i = 0; i < n_removed; i++)
        pos += old_len(t, pos);
    for (size_t i = 0; i < t->n_changes; i++) {
        int change = t->changes[i].change;
        size_t from = change > 0 && pos > 0 ? pos - 1 : pos;
        char mark = from < t->first.len ? t->first.data[from] : '\0';
        char bytes[4];
        size_t n = lt_utf8_encode(t->changes[i].cp, bytes);

        if (change <= 0)
            pos += old_len(t, pos);
        for (; change < 0; change++)
            pos += old_len(t, pos);
        LT_TRY(lt_ntext_insert(t, bytes, n, mark, err));
    }
    t->n_changes = 0;
    lt_ntext_swap(t);
    return LT_OK;
}

lt_status lt_ntext_prepend(lt_ntext *t, const char *text, size_t n, lt_error *err)
{
    if (t->text.len == 0)
        return LT_OK;
    LT_TRY(lt_ntext_insert(t, text, n, t->first.data[0], err));
    LT_TRY(lt_ntext_copy(t, 0, t->text.len, err));
    lt_ntext_swap(t);
    return LT_OK;
}
