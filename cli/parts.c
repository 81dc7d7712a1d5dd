/* SPDX-License-Identifier: Apache-2.0 */
#include "parts.h"

#include <base/buf.h>
#include <base/error.h>
#include <base/mem.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS, IMAGE, MINUS, N_KINDS };

static const char *const kinds[N_KINDS] = {"words", "image", "minus"};
static const double WEIGHT_MAX = 1000;

/* Half of it takes away nearly as much as all of it, and costs less of what is looked for
 * (docs/MODEL.md). */
static const double usual[N_KINDS] = {1, 1, 0.5};

/* One "image=0.5". */
static lt_status read_weight(const char *text, double weights[N_KINDS], lt_error *err)
{
    const char *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : 0, kind = 0;
    char *end = NULL;

    while (kind < N_KINDS && (strlen(kinds[kind]) != n || memcmp(kinds[kind], text, n) != 0))
        kind++;
    errno = 0;
    double value = equals ? strtod(equals + 1, &end) : 0;

    if (kind == N_KINDS || end == equals + 1 || *end || errno || !(value >= 0) ||
        value > WEIGHT_MAX)
        return lt_fail(err, LT_EINVAL,
                       "--weight: '%s' is not words=X, image=X or minus=X with X from 0 to %.0f",
                       text, WEIGHT_MAX);
    weights[kind] = value;
    return LT_OK;
}

static lt_status join_words(const cli_list *words, char **out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};

    for (size_t i = 0; i < words->n; i++) {
        LT_TRY(lt_buf_adds(&text, i ? " " : "", err));
        LT_TRY(lt_buf_adds(&text, words->items[i], err));
    }
    if (text.len == 0 || strspn(text.data, " \t\r\n") == text.len)
        return lt_fail(err, LT_EINVAL,
                       "the query is empty; say what to look for, as in: latent "
                       "search \"a red boat\"");
    *out = lt_buf_steal(&text);
    return LT_OK;
}

static lt_status check(const cli_list *words, const cli_list *images, const cli_list *minus,
                       lt_error *err)
{
    if (words->n == 0 && images->n == 0 && minus->n)
        return lt_fail(err, LT_EINVAL,
                       "--minus takes away from what is looked for: give words or "
                       "--image too");
    if (images->n + minus->n + 1 > LT_QUERY_PARTS_MAX)
        return lt_fail(err, LT_EINVAL, "at most %d pictures and --minus together",
                       LT_QUERY_PARTS_MAX - 1);
    return LT_OK;
}

static void add(cli_parts *p, lt_query_part part, double weight)
{
    part.weight = (float)weight;
    p->items[p->n++] = part;
}

lt_status cli_parts_read(const cli_list *words, const cli_list *images, const cli_list *minus,
                         const cli_list *weights, cli_parts *out, lt_error *err)
{
    double weight[N_KINDS];

    memcpy(weight, usual, sizeof weight);
    LT_TRY(check(words, images, minus, err));
    for (size_t i = 0; i < weights->n; i++)
        LT_TRY(read_weight(weights->items[i], weight, err));
    if (words->n || images->n == 0) {
        LT_TRY(join_words(words, &out->words, err));
        add(out, (lt_query_part){.text = out->words}, weight[WORDS]);
    }
    for (size_t i = 0; i < images->n; i++) {
        out->pictures[i] = (lt_picture){.path = images->items[i]};
        add(out, (lt_query_part){.picture = &out->pictures[i]}, weight[IMAGE]);
    }
    for (size_t i = 0; i < minus->n; i++)
        add(out, (lt_query_part){.text = minus->items[i]}, -weight[MINUS]);
    return LT_OK;
}

void cli_parts_done(cli_parts *p)
{
    lt_free(p->words);
    *p = (cli_parts){0};
}
