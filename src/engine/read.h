/* SPDX-License-Identifier: Apache-2.0
 * The reader's inside, shared by reader.c, score.c and nearest.c. */
#ifndef LT_ENGINE_READ_H
#define LT_ENGINE_READ_H

#include "engine.h"

struct lt_reader {
    lt_collection *c;
    lt_snapshot s;
    const lt_schema *schema; /* the view's */
    lt_arena arena;          /* what lives until the reader is closed */
    lt_buf record;           /* the last record read */
};

void lt_reader_done(lt_reader **r); /* for LT_CLEANUP */
lt_status lt_point_damaged(const lt_reader *r, const lt_key *key, const char *why, lt_error *err);
/* The key of the point in a living slot. */
lt_status lt_reader_key(lt_reader *r, uint32_t slot, lt_key *out, lt_error *err) LT_NODISCARD;
/* Its record, decoded from `bytes`. */
lt_status lt_reader_record(lt_reader *r, uint32_t slot, lt_key *key, lt_buf *bytes, lt_record *out,
                           lt_error *err) LT_NODISCARD;
/* The position of a schema that the reader gave out. */
size_t lt_reader_index_of(const lt_reader *r, const lt_vector_schema *schema);

/* As lt_reader_each, with records; these are valid during the call. */
typedef lt_status (*lt_record_visit)(void *context, const lt_key *key, const lt_record *record,
                                     lt_error *err);
lt_status lt_reader_each_record(lt_reader *r, const lt_key *from, const uint64_t *bits,
                                lt_record_visit visit, void *context, lt_error *err) LT_NODISCARD;

/* As lt_reader_each_record, but in no order: one by one where few are asked for. */
lt_status lt_reader_each_in(lt_reader *r, const uint64_t *bits, lt_record_visit visit,
                            void *context, lt_error *err) LT_NODISCARD;

/* ---- select.c ---- */

/* Builds the payload indexes, unless that was done or does not pay. */
lt_status lt_reader_build_indexes(lt_reader *r, lt_error *err) LT_NODISCARD;
/* As lt_pidx_select, for the points of the reader. */
lt_status lt_reader_bounds(lt_reader *r, const lt_filter *filter, const lt_vector_schema *having,
                           const lt_filter_binding *binding, uint64_t *sure, uint64_t *possible,
                           lt_pidx_explain *explain, lt_error *err) LT_NODISCARD;

typedef struct lt_selection {
    uint64_t *bits; /* to be freed */
    uint64_t n;
    uint64_t n_sure, n_looked; /* known from indexes; read and evaluated */
    lt_pidx_explain explain;
} lt_selection;

lt_status lt_reader_select_explained(lt_reader *r, const lt_filter *filter,
                                     const lt_vector_schema *having, lt_selection *out,
                                     lt_error *err) LT_NODISCARD;

/* ---- nearest.c ---- */

/* Leaves of n bits those that the question is restricted to; how many. */
uint64_t lt_reader_keep_within(const lt_reader *r, const lt_nearest *q, uint64_t *bits, uint64_t n);

/* A query vector in the form that is compared. */
struct lt_prepared {
    const lt_vector_schema *schema;
    lt_space space;
    void *rows;      /* dense: one; multi: n_rows; row_bytes apart, 64-byte aligned */
    size_t n_rows, row_bytes;
    uint32_t *indices; /* sparse: ascending */
    float *values;
    size_t n;
};

/* The similarity to a vector that is inline in a record; NAN: no index in common. `scratch` keeps
 * an aligned copy. */
lt_status lt_inline_similarity(const lt_prepared *p, const lt_record_vector *v, lt_buf *scratch,
                               float *out, lt_error *err) LT_NODISCARD;

#endif
