/* SPDX-License-Identifier: Apache-2.0
 * Text conditions on one string. With a text index they compare tokens; without one they look for
 * the text itself. The query's tokens are few, so each token of the text is compared with all of
 * them; which were met, or how far phrases have come, is kept in bits. */
#include <base/limits.h>
#include <string.h>

#include "tree.h"

enum { N_WORDS = (LT_LIMIT_FILTER_TOKENS + 63) / 64 };

static const char *token_at(const lt_term *t, size_t i, size_t *n)
{
    size_t start = i ? t->ends[i - 1] : 0;

    *n = t->ends[i] - start;
    return t->bytes + start;
}

typedef struct meeting {
    const lt_term *term;
    uint64_t bits[N_WORDS];
    size_t n_met, enough;
} meeting;

static bool same_token(const lt_term *t, size_t i, const char *token, size_t n)
{
    size_t len;
    const char *other = token_at(t, i, &len);

    return len == n && memcmp(other, token, n) == 0;
}

/* Notes which of the query's tokens the text has; stops when they are enough. */
static bool meet(void *context, const char *token, size_t n)
{
    meeting *m = context;

    for (size_t i = 0; i < m->term->n_tokens; i++) {
        uint64_t bit = (uint64_t)1 << (i % 64);

        if (!(m->bits[i / 64] & bit) && same_token(m->term, i, token, n)) {
            m->bits[i / 64] |= bit;
            m->n_met++;
        }
    }
    return m->n_met < m->enough;
}

/* Shift-And (Baeza-Yates and Gonnet 1992) over tokens instead of letters: bit i says that the last
 * i + 1 tokens of the text were the first i + 1 of the phrase. */
static bool follow(void *context, const char *token, size_t n)
{
    meeting *m = context;
    size_t n_tokens = m->term->n_tokens;
    uint64_t carry = 1;

    for (size_t w = 0; w * 64 < n_tokens; w++) {
        uint64_t next = m->bits[w] << 1 | carry, left = next;

        carry = m->bits[w] >> 63;
        for (; left; left &= left - 1) {
            size_t i = w * 64 + (size_t)__builtin_ctzll(left);

            if (i >= n_tokens || !same_token(m->term, i, token, n))
                next &= ~(left & -left);
        }
        m->bits[w] = next;
    }
    return !(m->bits[(n_tokens - 1) / 64] >> ((n_tokens - 1) % 64) & 1);
}

static bool tokens_hold(const lt_cond *c, const lt_term *t, const char *text, size_t n)
{
    meeting m = {.term = t, .enough = c->kind == LT_COND_TEXT ? t->n_tokens : 1};

    if (t->n_tokens == 0)
        return false;
    /* A visit that stops says that the condition holds. */
    return !lt_analyzer_each(t->field->analyzer, text, n, false,
                             c->kind == LT_COND_PHRASE ? follow : meet, &m);
}

static bool blank_byte(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Any of the blank-separated words of `words` occurs in the text. */
static bool any_occurs(const char *text, size_t n, const char *words, size_t n_words)
{
    for (size_t i = 0; i < n_words;) {
        size_t len = 0;

        if (blank_byte(words[i])) {
            i++;
            continue;
        }
        while (i + len < n_words && !blank_byte(words[i + len]))
            len++;
        if (memmem(text, n, words + i, len))
            return true;
        i += len;
    }
    return false;
}

bool lt_words_hold(const lt_cond *c, const lt_term *term, const char *text, size_t n)
{
    if (term && term->field && term->field->type == LT_PAYLOAD_TEXT)
        return tokens_hold(c, term, text, n);
    if (c->kind == LT_COND_TEXT_ANY)
        return any_occurs(text, n, c->text, c->text_len);
    return memmem(text, n, c->text, c->text_len) != NULL;
}
