/* SPDX-License-Identifier: Apache-2.0
 * Pairs of a 64-bit key and a slot, kept in order: what the indexes of numbers, dates and places
 * are made of. Not safe for use by several threads while one of them changes it. */
#ifndef LT_INDEX_PIDX_ORDER_H
#define LT_INDEX_PIDX_ORDER_H

#include <latent.h>

typedef struct lt_order lt_order;

lt_order *lt_order_new(void); /* NULL without memory */
void lt_order_free(lt_order *o); /* NULL allowed */
/* Adding a pair that is there, or removing one that is not, changes nothing. */
lt_status lt_order_add(lt_order *o, uint64_t key, uint32_t slot, lt_error *err) LT_NODISCARD;
void lt_order_remove(lt_order *o, uint64_t key, uint32_t slot);
size_t lt_order_bytes(const lt_order *o);

/* A place between pairs: that of the pair behind it, (number of blocks, 0) at the end. Valid until
 * the order changes. */
typedef struct lt_order_at {
    size_t block, i;
} lt_order_at;

/* Before the first pair whose key is not below `key`. */
lt_order_at lt_order_seek(const lt_order *o, uint64_t key);
/* Before the first pair for whose key `below` is false; it is true up to there and false behind. */
lt_order_at lt_order_seek_if(const lt_order *o, bool (*below)(const void *context, uint64_t key),
                             const void *context);
lt_order_at lt_order_end(const lt_order *o);
/* Reads the pair behind the place and goes over it; false at the end. */
bool lt_order_next(const lt_order *o, lt_order_at *at, uint64_t *key, uint32_t *slot);
/* Goes back over the pair before the place and reads it; false at the start. */
bool lt_order_back(const lt_order *o, lt_order_at *at, uint64_t *key, uint32_t *slot);
/* How many pairs there are between two places. Cost: one step a block of pairs. */
size_t lt_order_between(const lt_order *o, lt_order_at from, lt_order_at to);

/* Keys that keep the order of signed integers and of floats. */
static inline uint64_t lt_key_of_int(int64_t x)
{
    return (uint64_t)x ^ (uint64_t)1 << 63;
}

static inline int64_t lt_int_of_key(uint64_t key)
{
    return (int64_t)(key ^ (uint64_t)1 << 63);
}

uint64_t lt_key_of_float(double x);
double lt_float_of_key(uint64_t key);

#endif
