/* SPDX-License-Identifier: Apache-2.0
 * What the layers above see of a collection: one committed state of it, to read from.
 *
 * Points are named by slot (u32) while a reader is open; a slot means the same point, with the same
 * vectors and payload, for as long. Scores here are inner similarities: larger is nearer whatever
 * the distance (cosine and dot: the product; Euclid: minus the squared distance; Manhattan: minus
 * the distance; sparse: the product; multi: sum over the query's rows of the best row).
 * lt_user_score makes of them what users see.
 *
 * One reader belongs to one thread at a time. Open it for one request and close it soon: it holds
 * an LMDB read transaction. */
#ifndef LT_ENGINE_READER_H
#define LT_ENGINE_READER_H

#include <base/buf.h>
#include <filter/filter.h>
#include <index/flat.h>
#include <index/pidx.h>
#include <index/space.h>
#include <latent.h>

typedef struct lt_reader lt_reader;

lt_status lt_reader_open(lt_collection *c, lt_reader **out, lt_error *err) LT_NODISCARD;
void lt_reader_close(lt_reader *r); /* NULL allowed */
lt_db *lt_reader_db(const lt_reader *r);
const char *lt_reader_collection_name(const lt_reader *r);

/* ---- schema ---- */
typedef struct lt_vector_schema {
    const char *name;
    lt_vector_kind kind;
    uint32_t dims; /* 0 for sparse */
    lt_distance distance; /* dot for sparse */
    lt_element element;
    bool idf; /* sparse: weights are multiplied by the inverse document frequency */
} lt_vector_schema;

size_t lt_reader_n_schemas(const lt_reader *r);
const lt_vector_schema *lt_reader_schema_at(const lt_reader *r, size_t i);
/* NULL: no such vector. */
const lt_vector_schema *lt_reader_schema(const lt_reader *r, const char *name);
/* The type of the payload index at `path` ("keyword", "integer", ...), or NULL. */
const char *lt_reader_index_type(const lt_reader *r, const char *path);

/* ---- points ---- */
uint64_t lt_reader_n_points(const lt_reader *r);
uint32_t lt_reader_n_slots(const lt_reader *r); /* slots are below it */

/* LT_ENOTFOUND without a message when absent. */
lt_status lt_reader_slot(lt_reader *r, const lt_id *id, uint32_t *slot, lt_error *err) LT_NODISCARD;
lt_status lt_reader_id(lt_reader *r, uint32_t slot, lt_id *id, lt_error *err) LT_NODISCARD;

/* A point as it is stored, checked against its checksums. */
typedef struct lt_stored {
    lt_id id;
    uint32_t slot;
    uint64_t version;
    const char *payload; /* JSON text, not zero-terminated */
    size_t payload_len;
    lt_buf bytes; /* what the pointers point into */
} lt_stored;

lt_status lt_reader_load(lt_reader *r, uint32_t slot, lt_stored *out, lt_error *err) LT_NODISCARD;
void lt_stored_done(lt_stored *s);

/* Whether the point has the vector. */
bool lt_reader_has(const lt_reader *r, uint32_t slot, const lt_vector_schema *schema);
/* A vector of a point: *present tells whether it has it. The floats are as stored (unit length for
 * cosine) and stay valid until lt_reader_forget; `out->name` is the schema's. */
lt_status lt_reader_vector(lt_reader *r, uint32_t slot, const lt_vector_schema *schema,
                           lt_vector *out, bool *present, lt_error *err) LT_NODISCARD;
/* Gives back the memory of vectors and values that were handed out; closing does too. */
void lt_reader_forget(lt_reader *r);

/* Calls visit for the points in order of id, from `from` on (inclusive; NULL: the first), those in
 * `bits` alone (NULL: all), until it returns other than LT_OK, which is returned. `s` is valid
 * during the call. */
typedef lt_status (*lt_stored_visit)(void *context, const lt_stored *s, lt_error *err);
lt_status lt_reader_each(lt_reader *r, const lt_id *from, const uint64_t *bits,
                         lt_stored_visit visit, void *context, lt_error *err) LT_NODISCARD;

/* ---- filters ---- */
/* The slots of the points that pass (NULL: all), as a bitset of lt_reader_n_slots bits; free with
 * lt_free. `having` (may be NULL): only points that have this vector. */
lt_status lt_reader_select(lt_reader *r, const lt_filter *filter, const lt_vector_schema *having,
                           uint64_t **bits, uint64_t *n, lt_error *err) LT_NODISCARD;
/* What no point needs to be read for: those in `sure` pass, those outside `possible` do not.
 * Bitsets of lt_reader_n_slots bits, free with lt_free. For walks that stop early. */
lt_status lt_reader_narrow(lt_reader *r, const lt_filter *filter, uint64_t **sure,
                           uint64_t **possible, lt_error *err) LT_NODISCARD;
/* Selects, and appends a JSON object that tells how: {"points", "estimate": {"min", "expected",
 * "max"}, "conditions": [{"condition", "key", "by", "sure", "to_check"}], "sure", "checked",
 * "passed"}. `filter` and `having` may be NULL. */
lt_status lt_reader_explain(lt_reader *r, const lt_filter *filter, const lt_vector_schema *having,
                            lt_buf *json, lt_error *err) LT_NODISCARD;
/* Whether one point passes. */
lt_status lt_reader_passes(lt_reader *r, const lt_filter *filter, const lt_stored *s, bool *passes,
                           lt_error *err) LT_NODISCARD;

/* ---- values of indexed paths ---- */
/* A value with a number: of points that have it, or of the slot that does. */
typedef struct lt_valued {
    lt_index_value value; /* texts are valid until lt_reader_forget, and zero-terminated */
    uint64_t number;
} lt_valued;

/* The values at `path` with the number of points that have them, among those in `bits` (NULL: all),
 * in order of value; free with lt_free. LT_ENOTFOUND: no index there. LT_EINVAL: its type does not
 * count (keyword, integer, bool and uuid do). */
lt_status lt_reader_facet(lt_reader *r, const char *path, const uint64_t *bits, lt_valued **out,
                          size_t *n_out, lt_error *err) LT_NODISCARD;
/* The first `limit` pairs of a value at `path` and the slot that has it, in order of value and then
 * of id, from `from` on (inclusive, a number or a date; NULL: the first), among the points in `bits`
 * (NULL: all). A point comes once for each of its values. LT_ENOTFOUND: no index there. LT_EINVAL:
 * its type has no order (float, datetime, and integer unless declared without `range` have). */
lt_status lt_reader_order(lt_reader *r, const char *path, bool descending,
                          const lt_index_value *from, const uint64_t *bits, size_t limit,
                          lt_valued **out, size_t *n_out, lt_error *err) LT_NODISCARD;

/* ---- scores ---- */
/* Whether a vector suits the schema: kind, dims, finite numbers, unique indices. The messages are
 * Qdrant's. */
lt_status lt_vector_check(const lt_vector_schema *schema, const lt_vector *v,
                          lt_error *err) LT_NODISCARD;
/* Checks a query vector and brings it into the form that is compared: unit length for cosine. Free
 * with lt_prepared_free. */
typedef struct lt_prepared lt_prepared;
lt_status lt_reader_prepare(lt_reader *r, const lt_vector_schema *schema, const lt_vector *vector,
                            lt_prepared **out, lt_error *err) LT_NODISCARD;
/* Where the schema says idf: multiplies each weight by the inverse document frequency of its index
 * among the points of the corpus (NULL: all) that have the vector. Otherwise does nothing. */
lt_status lt_reader_weigh(lt_reader *r, lt_prepared *p, const lt_filter *corpus,
                          lt_error *err) LT_NODISCARD;
void lt_prepared_free(lt_prepared *p);

/* Similarities of a prepared vector to the points in `slots`; NAN where a point lacks the vector or
 * (sparse) shares no index with it. */
lt_status lt_reader_similarities(lt_reader *r, const lt_prepared *vector, const uint32_t *slots,
                                 size_t n, float *out, lt_error *err) LT_NODISCARD;

typedef struct lt_nearest {
    const lt_prepared *vector;
    size_t k;
    const lt_filter *filter; /* NULL: all */
    const uint64_t *within;  /* only these slots; NULL: all */
    size_t ef;               /* 0: chosen */
    bool exact, indexed_only;
    bool quant_ignore;         /* measure the vectors, not their quantised copies */
    int quant_rescore;         /* 0: scores stay those of the copies; -1: chosen (1) */
    double quant_oversampling; /* so many times k are measured again; 0: chosen */
} lt_nearest;
#define LT_NEAREST_INIT {NULL, 10, NULL, NULL, 0, false, false, false, -1, 0}

/* The k nearest points, best first (ties by id), into an array to be freed with lt_free. */
lt_status lt_reader_nearest(lt_reader *r, const lt_nearest *q, lt_scored **out, size_t *n_out,
                            lt_error *err) LT_NODISCARD;

/* Plans without answering, and appends what lt_reader_explain tells with a member "search": {"by":
 * "scan" | "graph" | "filtered graph", "because", "among": how many pass, "scan_max": up to how many
 * are scanned; of quantised copies "codes": their kind, "rescored": how many are measured again; of a
 * graph "candidates", "scanned_tail": slots it does not know yet}. */
lt_status lt_reader_explain_nearest(lt_reader *r, const lt_nearest *q, lt_buf *json,
                                    lt_error *err) LT_NODISCARD;

float lt_user_score(lt_distance distance, float similarity);

#endif
