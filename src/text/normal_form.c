/* SPDX-License-Identifier: Apache-2.0
 * Written out rather than left to utf8proc's one call because each code point carries its change
 * (ntext.h) through sorting and composing. */
#include "normal_form.h"

#include <base/mem.h>
#include <base/utf8.h>
#include <string.h>

#include "unicode.h"

static lt_status decompose(lt_ntext *t, bool compatible, lt_error *err)
{
    const char *text = t->text.data;
    size_t n = t->text.len;

    for (size_t i = 0; i < n;) {
        uint32_t cp, parts[LT_DECOMPOSED_MAX];

        i += lt_utf8_decode(text + i, n - i, &cp, NULL);
        size_t n_parts = lt_unicode_decompose(cp, compatible, parts);

        for (size_t k = 0; k < n_parts; k++)
            LT_TRY(lt_ntext_change(t, parts[k], k > 0, err));
    }
    return LT_OK;
}

/* Stable, in linear time: a hostile text may be one run of marks. */
static lt_status sort_long_run(lt_change *marks, size_t n, lt_error *err)
{
    LT_AUTOFREE lt_change *sorted = lt_malloc(n * sizeof *sorted);
    size_t start[257] = {0};

    if (!sorted)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++)
        start[lt_unicode_combining_class(marks[i].cp) + 1]++;
    for (size_t i = 1; i < 257; i++)
        start[i] += start[i - 1];
    for (size_t i = 0; i < n; i++)
        sorted[start[lt_unicode_combining_class(marks[i].cp)]++] = marks[i];
    memcpy(marks, sorted, n * sizeof *sorted);
    return LT_OK;
}

/* Puts a run of marks into canonical order. */
static lt_status sort_run(lt_change *marks, size_t n, lt_error *err)
{
    enum { SHORT = 32 };

    if (n > SHORT)
        return sort_long_run(marks, n, err);
    for (size_t i = 1; i < n; i++) {
        lt_change mark = marks[i];
        unsigned class = lt_unicode_combining_class(mark.cp);
        size_t j = i;

        for (; j > 0 && lt_unicode_combining_class(marks[j - 1].cp) > class; j--)
            marks[j] = marks[j - 1];
        marks[j] = mark;
    }
    return LT_OK;
}

static lt_status order_marks(lt_ntext *t, lt_error *err)
{
    size_t run = 0; /* where the run of marks begins */

    for (size_t i = 0; i <= t->n_changes; i++) {
        if (i < t->n_changes && lt_unicode_combining_class(t->changes[i].cp) != 0)
            continue;
        if (i - run > 1)
            LT_TRY(sort_run(t->changes + run, i - run, err));
        run = i + 1;
    }
    return LT_OK;
}

/* Joins marks with their starters, in place: what is written never overtakes what is read. */
static void compose_all(lt_ntext *t)
{
    lt_change *c = t->changes;
    size_t n = 0, starter = SIZE_MAX;
    int last_class = -1; /* of the marks kept behind the starter; -1: there are none */

    for (size_t i = 0; i < t->n_changes; i++) {
        lt_change next = c[i];
        int class = (int)lt_unicode_combining_class(next.cp);

        if (starter != SIZE_MAX && last_class < class) {
            uint32_t joined = lt_unicode_compose(c[starter].cp, next.cp);

            if (joined) {
                c[starter] = (lt_change){joined, c[starter].change + next.change - 1};
                continue;
            }
        }
        if (class == 0)
            starter = n;
        last_class = class == 0 ? -1 : class;
        c[n++] = next;
    }
    t->n_changes = n;
}

lt_status lt_normal_form(lt_ntext *t, bool compatible, bool compose, lt_error *err)
{
    LT_TRY(decompose(t, compatible, err));
    LT_TRY(order_marks(t, err));
    if (compose)
        compose_all(t);
    return lt_ntext_apply(t, 0, err);
}
