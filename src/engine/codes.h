/* SPDX-License-Identifier: Apache-2.0
 * Quantised copies of a dense vector's rows, which searches measure instead of the rows themselves.
 *
 * They are made by the indexing thread, for slots 0.. in order: first a quantiser is trained with a
 * sample, then every row gets its code. Slots behind `covered` have none yet and are measured as
 * they are. Another config, or four times the vectors that few were trained with, makes new codes
 * beside the old ones, which serve meanwhile. Like a graph, codes are a hint: what is found is
 * measured again with the rows, unless the caller declines. */
#ifndef LT_ENGINE_CODES_H
#define LT_ENGINE_CODES_H

#include <quant/quant.h>

#include "indexer.h"

/* Slots of one chunk are those of a chunk of a vector file. */
struct lt_codes {
    atomic_int refs;
    lt_quant *quant;
    uint32_t number;     /* of the vector */
    size_t stride;       /* bytes from one code to the next */
    uint64_t n_trained;  /* vectors that there were then */
    uint32_t saved;      /* slots in the file; the indexing thread's */
    _Atomic uint32_t covered; /* slots that have a code; stored with release after them */
    const void **chunks; /* never moves; those below `covered` are there */
    size_t n_chunks;     /* the indexing thread's */
    size_t n_mapped;     /* the first ones, that lie in the mapped file */
    void *map;
    size_t map_bytes;
};

/* The codes of a vector with a reference, or NULL. */
lt_codes *lt_codes_get(lt_collection *c, uint32_t number);
void lt_codes_unref(lt_codes *codes); /* NULL allowed */
/* Frees what the collection has, writing it to its file where much is new. */
void lt_codes_done(lt_collection *c);

/* ---- for the indexing thread ---- */

/* Whether codes of the i-th vector have to be made, extended or taken away. */
bool lt_codes_have_work(lt_collection *c, const struct lt_view *v, size_t i);
/* Does it. */
lt_status lt_codes_work(lt_collection *c, uint32_t number, lt_error *err) LT_NODISCARD;
/* Reads the file of the i-th vector, where there is one that fits. */
lt_status lt_codes_load(lt_collection *c, const struct lt_view *v, size_t i,
                        lt_error *err) LT_NODISCARD;
/* Takes the codes of a vector away, with their file. */
void lt_codes_drop(lt_collection *c, uint32_t number);

/* ---- codes_file.c ---- */

lt_status lt_codes_write(const lt_codes *codes, const char *path, lt_error *err) LT_NODISCARD;
/* LT_ENOTFOUND, LT_ECORRUPT, LT_EVERSION. */
lt_status lt_codes_read(const char *path, bool in_memory, lt_codes **out,
                        lt_error *err) LT_NODISCARD;
/* Without a code; takes the quantiser over. */
lt_status lt_codes_new(lt_quant *quant, lt_codes **out, lt_error *err) LT_NODISCARD;
/* Room for one more chunk. */
lt_status lt_codes_add_chunk(lt_codes *codes, lt_error *err) LT_NODISCARD;

/* A row as floats in the form that is compared, for training, encoding and asking. */
void lt_codes_floats(const lt_vector_schema *schema, const void *row, float *out);

#endif
