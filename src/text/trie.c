/* SPDX-License-Identifier: Apache-2.0 */
#include "trie.h"

#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

/* The first eight bytes as a number that sorts as they do: most comparisons end here. */
static uint64_t head_of(const char *bytes, size_t len)
{
    uint64_t head = 0;

    for (size_t i = 0; i < 8; i++)
        head = head << 8 | (i < len ? (uint8_t)bytes[i] : 0u);
    return head;
}

static int by_bytes(const void *a, const void *b)
{
    const lt_trie_key *x = a, *y = b;

    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);

    if (order != 0)
        return order;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* Nodes of sorted keys: each adds the bytes that it does not share with the one before. */
static size_t count_nodes(const lt_trie_key *keys, size_t n_keys)
{
    size_t n = 1;

    for (size_t i = 0; i < n_keys; i++) {
        size_t shared = 0;

        while (i > 0 && shared < keys[i].len && shared < keys[i - 1].len &&
               keys[i].bytes[shared] == keys[i - 1].bytes[shared])
            shared++;
        n += keys[i].len - shared;
    }
    return n;
}

typedef struct key_range {
    uint32_t low, high;
} key_range;

/* Fills the arrays level by level; ranges[k] are the keys below node k. */
static void fill(lt_trie *t, const lt_trie_key *keys, size_t n_keys, key_range *ranges)
{
    size_t n = 1, level_end = 1;
    uint32_t depth = 0;

    ranges[0] = (key_range){0, (uint32_t)n_keys};
    for (size_t k = 0; k < n; k++) {
        if (k == level_end) {
            depth++;
            level_end = n;
        }
        uint32_t i = ranges[k].low, high = ranges[k].high;

        t->values[k] = -1;
        for (; i < high && keys[i].len == depth; i++)
            t->values[k] = (int32_t)keys[i].value;
        t->first[k] = (uint32_t)n;
        while (i < high) {
            uint32_t j = i + 1;

            while (j < high && keys[j].bytes[depth] == keys[i].bytes[depth])
                j++;
            t->labels[n] = (uint8_t)keys[i].bytes[depth];
            ranges[n++] = (key_range){i, j};
            i = j;
        }
    }
    t->first[n] = (uint32_t)n;
    t->n_nodes = n;
}

lt_status lt_trie_build(lt_trie *t, lt_trie_key *keys, size_t n_keys, lt_error *err)
{
    *t = (lt_trie){0};
    for (size_t i = 0; i < n_keys; i++)
        keys[i].head = head_of(keys[i].bytes, keys[i].len);
    if (n_keys > 1)
        qsort(keys, n_keys, sizeof *keys, by_bytes);
    size_t n = count_nodes(keys, n_keys);

    if (n >= INT32_MAX || n_keys >= INT32_MAX)
        return lt_fail(err, LT_ELIMIT, "a vocabulary of more than %d bytes", INT32_MAX);
    LT_AUTOFREE key_range *ranges = lt_calloc(n, sizeof *ranges);

    t->labels = lt_calloc(n, sizeof *t->labels);
    t->first = lt_calloc(n + 1, sizeof *t->first);
    t->values = lt_calloc(n, sizeof *t->values);
    if (!ranges || !t->labels || !t->first || !t->values) {
        lt_trie_done(t);
        return lt_fail_nomem(err);
    }
    fill(t, keys, n_keys, ranges);
    LT_ASSERT(t->n_nodes == n);
    return LT_OK;
}

void lt_trie_done(lt_trie *t)
{
    lt_free(t->labels);
    lt_free(t->first);
    lt_free(t->values);
    *t = (lt_trie){0};
}

int64_t lt_trie_find(const lt_trie *t, const char *bytes, size_t len)
{
    uint32_t node = 0;

    if (t->n_nodes == 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        node = lt_trie_step(t, node, (uint8_t)bytes[i]);
        if (node == 0)
            return -1;
    }
    return t->values[node];
}
