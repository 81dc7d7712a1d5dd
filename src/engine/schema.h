/* SPDX-License-Identifier: Apache-2.0
 * What a collection's config says, as the engine uses it: vectors with the files of the dense ones,
 * payload indexes, settings. Made from the stored JSON (config.h says how that looks), immutable,
 * refcounted; each view has one. */
#ifndef LT_ENGINE_SCHEMA_H
#define LT_ENGINE_SCHEMA_H

#include <index/hnsw.h>
#include <quant/quant.h>
#include <stdatomic.h>
#include <store/vecfile.h>
#include <value/edit.h>

#include "reader.h"

/* The file of one dense vector. The chunks of `file` are changed by the leader of writes alone
 * (read-only: under view_lock). */
typedef struct lt_vecs {
    atomic_int refs;
    lt_vecfile file;
    atomic_bool dropped; /* the file goes with the last reference */
} lt_vecs;

/* One vector: what users see of it comes first. */
typedef struct lt_schema_vector {
    lt_vector_schema seen;
    uint32_t number; /* in records and file names; never used again */
    size_t stride;   /* dense: bytes a row */
    lt_vecs *vecs;   /* dense: its file; NULL otherwise */
    lt_hnsw_config hnsw;     /* dense: of its graph; m 0: it gets none */
    unsigned threads;        /* that build it; 0: all cores */
    uint64_t full_scan_rows; /* so few are scanned; 0: chosen */
    lt_quant_config quant;   /* of the copies that searches measure; kind NONE: none */
    bool quant_in_memory;    /* these are read into memory, not mapped */
    bool on_disk;            /* dense: rows need not stay in memory */
} lt_schema_vector;

typedef struct lt_index_def {
    char *path;
    const char *type; /* "keyword", ...: static text */
    const char *json; /* {"data_type": ..., "params": ...} */
    lt_payload_field *field; /* shared with the schema before, where nothing changed */
} lt_index_def;

typedef struct lt_schema {
    atomic_int refs;
    char *config; /* the stored JSON */
    yyjson_doc *doc;
    lt_schema_vector *vectors; /* in order of name */
    size_t n_vectors;
    lt_index_def *indexes; /* in order of path */
    size_t n_indexes;
    uint32_t next_number;
    uint64_t indexing_bytes; /* so large a dense vector's rows get a graph; 0: never */
    double dead_part;        /* of the slots; with more the collection is vacuumed */
    uint64_t vacuum_min;     /* slots; with fewer it is not */
} lt_schema;

/* Reads a stored config; files of vectors that `old` (may be NULL) has too are shared, the others
 * opened in `dir`. */
lt_status lt_schema_load(const char *dir, const char *config, size_t n, bool read_only,
                         const lt_schema *old, lt_schema **out, lt_error *err) LT_NODISCARD;
lt_schema *lt_schema_ref(lt_schema *s);
void lt_schema_unref(lt_schema *s); /* NULL allowed */

/* NULL: no such vector. */
const lt_schema_vector *lt_schema_find(const lt_schema *s, const char *name);
/* The position of a vector in `vectors` by its number; n_vectors where there is none. */
size_t lt_schema_by_number(const lt_schema *s, uint32_t number);
/* "Not existing vector name error: x". */
lt_status lt_no_vector(const char *name, lt_error *err);

/* "vectors.f32" for number 0 as float32, else "vectors-7.f16"; below `dir`. NULL without memory. */
char *lt_vectors_path(const char *dir, uint32_t number, lt_element element);
/* "graph-7.hnsw" below `dir`: the checkpoint of that vector's graph. NULL without memory. */
char *lt_graph_path(const char *dir, uint32_t number);
/* "codes-7.quant": its quantised copies. */
char *lt_codes_path(const char *dir, uint32_t number);
lt_vecs *lt_vecs_ref(lt_vecs *v); /* NULL allowed, as below */
void lt_vecs_unref(lt_vecs *v);
/* Creates the files of the dense vectors of a config in `dir`. */
lt_status lt_schema_create_files(const char *dir, const char *config, size_t n,
                                 lt_error *err) LT_NODISCARD;
/* Removes vector files, graphs and codes that the schema does not name: rests of an interrupted change. */
void lt_schema_clear_files(const char *dir, const lt_schema *s);

#endif
