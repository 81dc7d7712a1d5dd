/* SPDX-License-Identifier: Apache-2.0
 * A list of sorted blocks (an unrolled list with an array on top) rather than a tree: an insert moves
 * at most one block of 3 KB, the array on top has a pointer for some hundred pairs, and walking is a
 * walk over arrays. */
#include "pidx_order.h"

#include <base/error.h>
#include <base/mem.h>
#include <string.h>

enum { BLOCK = 256 };

typedef struct block {
    uint32_t n;
    uint32_t slots[BLOCK];
    uint64_t keys[BLOCK];
} block;

struct lt_order {
    block **blocks; /* none is empty */
    size_t n_blocks, cap;
    size_t n;
};

lt_order *lt_order_new(void)
{
    return lt_calloc(1, sizeof(lt_order));
}

void lt_order_free(lt_order *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n_blocks; i++)
        lt_free(o->blocks[i]);
    lt_free(o->blocks);
    lt_free(o);
}

size_t lt_order_bytes(const lt_order *o)
{
    return sizeof *o + o->cap * sizeof *o->blocks + o->n_blocks * sizeof(block);
}

static bool pair_below(uint64_t key, uint32_t slot, uint64_t key2, uint32_t slot2)
{
    return key < key2 || (key == key2 && slot < slot2);
}

/* The first pair of the block that is not below (key, slot). */
static size_t place_in_block(const block *b, uint64_t key, uint32_t slot)
{
    size_t low = 0, high = b->n;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (pair_below(b->keys[mid], b->slots[mid], key, slot))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The last block whose first pair is not above (key, slot), or the first block. */
static size_t block_for(const lt_order *o, uint64_t key, uint32_t slot)
{
    size_t low = 0, high = o->n_blocks;

    while (low < high) {
        size_t mid = (low + high) / 2;
        const block *b = o->blocks[mid];

        if (pair_below(key, slot, b->keys[0], b->slots[0]))
            high = mid;
        else
            low = mid + 1;
    }
    return low ? low - 1 : 0;
}

static lt_status add_block(lt_order *o, size_t at, lt_error *err)
{
    block **more = lt_grow(o->blocks, o->n_blocks, &o->cap, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    o->blocks = more;
    block *b = lt_malloc(sizeof *b);

    if (!b)
        return lt_fail_nomem(err);
    b->n = 0;
    memmove(o->blocks + at + 1, o->blocks + at, (o->n_blocks - at) * sizeof *o->blocks);
    o->blocks[at] = b;
    o->n_blocks++;
    return LT_OK;
}

static void move_pairs(block *to, size_t at, const block *from, size_t first, size_t n)
{
    memmove(to->keys + at, from->keys + first, n * sizeof *to->keys);
    memmove(to->slots + at, from->slots + first, n * sizeof *to->slots);
}

/* Makes room in the full block `at`. Pairs that come in order leave full blocks behind. */
static lt_status split(lt_order *o, size_t at, size_t place, lt_error *err)
{
    size_t keep = at + 1 == o->n_blocks && place == BLOCK ? BLOCK : BLOCK / 2;

    LT_TRY(add_block(o, at + 1, err));
    block *b = o->blocks[at], *next = o->blocks[at + 1];

    move_pairs(next, 0, b, keep, BLOCK - keep);
    next->n = (uint32_t)(BLOCK - keep);
    b->n = (uint32_t)keep;
    return LT_OK;
}

lt_status lt_order_add(lt_order *o, uint64_t key, uint32_t slot, lt_error *err)
{
    if (o->n_blocks == 0)
        LT_TRY(add_block(o, 0, err));
    size_t at = block_for(o, key, slot);
    size_t place = place_in_block(o->blocks[at], key, slot);
    block *b = o->blocks[at];

    if (place < b->n && b->keys[place] == key && b->slots[place] == slot)
        return LT_OK;
    if (b->n == BLOCK) {
        LT_TRY(split(o, at, place, err));
        if (place > b->n || b->n == BLOCK) {
            place -= b->n;
            b = o->blocks[at + 1];
        }
    }
    move_pairs(b, place + 1, b, place, b->n - place);
    b->keys[place] = key;
    b->slots[place] = slot;
    b->n++;
    o->n++;
    return LT_OK;
}

static void drop_block(lt_order *o, size_t at)
{
    lt_free(o->blocks[at]);
    o->n_blocks--;
    memmove(o->blocks + at, o->blocks + at + 1, (o->n_blocks - at) * sizeof *o->blocks);
}

/* Keeps blocks from thinning out. */
static void join_next(lt_order *o, size_t at)
{
    if (at + 1 >= o->n_blocks)
        return;
    block *b = o->blocks[at], *next = o->blocks[at + 1];

    if (b->n + next->n > BLOCK / 2)
        return;
    move_pairs(b, b->n, next, 0, next->n);
    b->n += next->n;
    drop_block(o, at + 1);
}

void lt_order_remove(lt_order *o, uint64_t key, uint32_t slot)
{
    if (o->n_blocks == 0)
        return;
    size_t at = block_for(o, key, slot);
    block *b = o->blocks[at];
    size_t place = place_in_block(b, key, slot);

    if (place == b->n || b->keys[place] != key || b->slots[place] != slot)
        return;
    move_pairs(b, place, b, place + 1, b->n - place - 1);
    b->n--;
    o->n--;
    if (b->n == 0) {
        drop_block(o, at);
    } else {
        join_next(o, at);
        if (at > 0)
            join_next(o, at - 1);
    }
}

/* ---- walking --------------------------------------------------------------------------------- */

lt_order_at lt_order_seek(const lt_order *o, uint64_t key)
{
    lt_order_at at = {0, 0};

    if (o->n_blocks == 0)
        return at;
    at.block = block_for(o, key, 0);
    at.i = place_in_block(o->blocks[at.block], key, 0);
    if (at.i == o->blocks[at.block]->n)
        at = (lt_order_at){at.block + 1, 0};
    return at;
}

lt_order_at lt_order_seek_if(const lt_order *o, bool (*below)(const void *context, uint64_t key),
                             const void *context)
{
    size_t low = 0, high = o->n_blocks;

    while (low < high) { /* the first block whose last pair is not below */
        size_t mid = (low + high) / 2;
        const block *b = o->blocks[mid];

        if (below(context, b->keys[b->n - 1]))
            low = mid + 1;
        else
            high = mid;
    }
    lt_order_at at = {low, 0};

    if (low == o->n_blocks)
        return at;
    for (high = o->blocks[low]->n, low = 0; low < high;) {
        size_t mid = (low + high) / 2;

        if (below(context, o->blocks[at.block]->keys[mid]))
            low = mid + 1;
        else
            high = mid;
    }
    at.i = low;
    return at;
}

lt_order_at lt_order_end(const lt_order *o)
{
    return (lt_order_at){o->n_blocks, 0};
}

bool lt_order_next(const lt_order *o, lt_order_at *at, uint64_t *key, uint32_t *slot)
{
    if (at->block >= o->n_blocks)
        return false;
    const block *b = o->blocks[at->block];

    *key = b->keys[at->i];
    *slot = b->slots[at->i];
    if (++at->i == b->n)
        *at = (lt_order_at){at->block + 1, 0};
    return true;
}

bool lt_order_back(const lt_order *o, lt_order_at *at, uint64_t *key, uint32_t *slot)
{
    if (at->i == 0) {
        if (at->block == 0)
            return false;
        at->block--;
        at->i = o->blocks[at->block]->n;
    }
    at->i--;
    *key = o->blocks[at->block]->keys[at->i];
    *slot = o->blocks[at->block]->slots[at->i];
    return true;
}

size_t lt_order_between(const lt_order *o, lt_order_at from, lt_order_at to)
{
    size_t n = 0;

    if (to.block < from.block || (to.block == from.block && to.i <= from.i))
        return 0;
    for (size_t b = from.block; b < to.block && b < o->n_blocks; b++)
        n += o->blocks[b]->n;
    return n + to.i - from.i;
}

/* ---- keys ------------------------------------------------------------------------------------ */

uint64_t lt_key_of_float(double x)
{
    uint64_t bits;

    x = x == 0 ? 0 : x; /* -0 and 0 are one number */
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

double lt_float_of_key(uint64_t key)
{
    uint64_t bits = key >> 63 ? key & ~((uint64_t)1 << 63) : ~key;
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}
