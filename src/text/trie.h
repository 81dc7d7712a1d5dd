/* SPDX-License-Identifier: Apache-2.0
 * A static trie over byte strings. The nodes lie in breadth-first order, so the children of a node
 * are neighbours sorted by label: nine bytes a node, built in linear time behind one sort, and no
 * input makes it grow or loop (a double array is faster to walk, but its size depends on luck). */
#ifndef LT_TEXT_TRIE_H
#define LT_TEXT_TRIE_H

#include <base/error.h>

typedef struct lt_trie {
    uint8_t *labels; /* of node k: the byte that leads to it */
    uint32_t *first; /* the children of node k are first[k] .. first[k + 1] - 1 */
    int32_t *values; /* of the key that ends at node k; -1: none does */
    size_t n_nodes;  /* node 0 is the root; 0 nodes: an empty trie */
} lt_trie;

typedef struct lt_trie_key {
    const char *bytes;
    uint32_t len;
    uint32_t value; /* below 2^31 */
    uint64_t head;  /* the builder's */
} lt_trie_key;

/* Builds a trie and sorts the keys on the way. Of equal keys the one with the largest value stays.
 * *t must be zero or done; on failure it is empty. */
lt_status lt_trie_build(lt_trie *t, lt_trie_key *keys, size_t n_keys, lt_error *err) LT_NODISCARD;
void lt_trie_done(lt_trie *t);
/* The value of a key; -1: not there. */
int64_t lt_trie_find(const lt_trie *t, const char *bytes, size_t len);

/* The child of a node by a byte; 0 (the root is nobody's child): none. The trie must have nodes. */
static inline uint32_t lt_trie_step(const lt_trie *t, uint32_t node, uint8_t byte)
{
    uint32_t low = t->first[node], high = t->first[node + 1];

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (t->labels[mid] < byte)
            low = mid + 1;
        else if (t->labels[mid] > byte)
            high = mid;
        else
            return mid;
    }
    return 0;
}

#endif
