/* SPDX-License-Identifier: Apache-2.0
 * A dictionary from byte strings (keywords, UUIDs, booleans, tokens of texts) to the slots that have
 * them. Not safe for use by several threads while one of them changes it. */
#ifndef LT_INDEX_PIDX_TERMS_H
#define LT_INDEX_PIDX_TERMS_H

#include <latent.h>
#include <roaring/roaring.h>

/* One term. Most terms of a large dictionary have one slot, which takes no bitmap. */
typedef struct lt_posting {
    char *bytes;
    uint32_t n_bytes;
    uint32_t count; /* slots; 0: the term is out of use */
    union {
        uint32_t slot;          /* the one, when count is 1 */
        roaring_bitmap_t *many; /* when count is more */
    };
} lt_posting;

typedef struct lt_terms lt_terms;

/* `sorted`: terms can be found by their beginning. NULL without memory. */
lt_terms *lt_terms_new(bool sorted);
void lt_terms_free(lt_terms *t); /* NULL allowed */
lt_status lt_terms_add(lt_terms *t, const char *bytes, size_t n, uint32_t slot,
                       lt_error *err) LT_NODISCARD;
void lt_terms_remove(lt_terms *t, const char *bytes, size_t n, uint32_t slot);
/* NULL: nobody has it. Pointers are valid until the next change. */
const lt_posting *lt_terms_find(const lt_terms *t, const char *bytes, size_t n);
/* All terms, those out of use among them. */
size_t lt_terms_n(const lt_terms *t);
const lt_posting *lt_terms_at(const lt_terms *t, size_t i);
/* Calls visit for the terms that begin with `prefix`; the dictionary is sorted. */
void lt_terms_each_prefix(const lt_terms *t, const char *prefix, size_t n,
                          void (*visit)(void *context, const lt_posting *p), void *context);
size_t lt_terms_bytes(const lt_terms *t);

/* Sets the bits of the slots below n_slots. */
void lt_posting_mark(const lt_posting *p, uint64_t *bits, size_t n_slots);
/* How many of its slots below n_slots are in `bits`. */
size_t lt_posting_count_in(const lt_posting *p, const uint64_t *bits, size_t n_slots);
void lt_roaring_mark(const roaring_bitmap_t *r, uint64_t *bits, size_t n_slots);

#endif
