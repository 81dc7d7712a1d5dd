/* SPDX-License-Identifier: Apache-2.0
 *
 * latent.h - search pictures by meaning: the whole public interface.
 *
 * Three kinds of object:
 *   lt_db / lt_collection   a directory on disk with named collections of points
 *                           (id, vector, JSON payload), durable and searchable;
 *   lt_model                turns texts and pictures into vectors of one space;
 *   lt_gallery_*            joins both: folders of pictures in, matching pictures out.
 *
 * Conventions
 *   - Fallible functions return lt_status: LT_OK (0) or a negative LT_E... code, and fill the
 *     caller's lt_error (which may be NULL). Out parameters are written only on success.
 *   - Every options and config struct begins with its own size; start it with its _INIT macro, so
 *     that a program compiled against an older header keeps working.
 *   - Strings are UTF-8. A returned pointer is borrowed unless its comment says who frees it.
 *   - Objects named lt_db, lt_collection and lt_model may be shared between threads.
 *   - Vectors are arrays of float32, `dims` long. Cosine vectors are normalised on the way in.
 */
#ifndef LATENT_H
#define LATENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LT_API __attribute__((visibility("default")))
#define LT_NODISCARD __attribute__((warn_unused_result))
#else
#define LT_API
#define LT_NODISCARD
#endif

#define LT_VERSION_MAJOR 0
#define LT_VERSION_MINOR 1
#define LT_VERSION_PATCH 0

/* The version of the library at run time, e.g. "0.1.0". Static storage. */
LT_API const char *lt_version(void);

/* ---- errors ---------------------------------------------------------------------------- */

typedef int lt_status;
enum {
    LT_OK = 0,
    LT_EINVAL = -1,        /* an argument or an input is not valid */
    LT_ENOTFOUND = -2,     /* the thing named does not exist */
    LT_EEXISTS = -3,       /* the thing to create exists already */
    LT_ECONFLICT = -4,     /* valid, but at odds with what is stored (dims, model) */
    LT_ELIMIT = -5,        /* a limit on size or number was passed */
    LT_ENOMEM = -6,        /* no memory */
    LT_EIO = -7,           /* the operating system refused to read or write */
    LT_ECORRUPT = -8,      /* stored bytes fail their checks */
    LT_EVERSION = -9,      /* written by a newer format */
    LT_EBUSY = -10,        /* another process owns it */
    LT_ECANCELED = -11,    /* the caller asked to stop */
    LT_EUNSUPPORTED = -12, /* known, but not built in or not possible here */
    LT_EVALIDATION = -13   /* well-formed, but a field's value is outside what is allowed */
};

/* An error: its code and one line of text without a newline. Caller's storage. */
typedef struct lt_error {
    lt_status code;
    char message[508];
} lt_error;

/* The name of a code, e.g. "LT_ENOTFOUND"; "LT_?" for an unknown one. Static storage. */
LT_API const char *lt_status_name(lt_status code);

/* ---- ids ------------------------------------------------------------------------------- */

typedef enum lt_id_kind { LT_ID_NUM = 0, LT_ID_UUID = 1 } lt_id_kind;

/* A point's id: an unsigned 64-bit number or a UUID (16 bytes in text order). */
typedef struct lt_id {
    lt_id_kind kind;
    uint64_t num;
    uint8_t uuid[16];
} lt_id;

#define LT_ID_TEXT_MAX 40

LT_API lt_id lt_id_from_num(uint64_t num);
/* Reads "42" or a UUID (hyphenated, 32 hex digits, braces or urn:uuid:). LT_EINVAL otherwise. */
LT_API LT_NODISCARD lt_status lt_id_parse(const char *text, lt_id *out, lt_error *err);
/* Writes the id as decimal digits or as a hyphenated UUID. Returns `text`. */
LT_API const char *lt_id_format(const lt_id *id, char text[LT_ID_TEXT_MAX]);

/* ---- database -------------------------------------------------------------------------- */

typedef struct lt_db lt_db;
typedef struct lt_collection lt_collection;

typedef enum lt_distance {
    LT_DISTANCE_COSINE = 0,
    LT_DISTANCE_DOT = 1,
    LT_DISTANCE_EUCLID = 2,
    LT_DISTANCE_MANHATTAN = 3
} lt_distance;

typedef struct lt_db_options {
    size_t size;
    bool read_only;  /* never writes; may be open beside the one process that owns the directory */
    bool no_create;  /* LT_ENOTFOUND where there is no database yet (read_only implies it) */
    bool no_sync;    /* an acknowledged write may be lost on power loss (not on a crash) */
} lt_db_options;
#define LT_DB_OPTIONS_INIT { sizeof(lt_db_options), false, false, false }

/* Opens (or creates) the database in directory `path`. One process owns a directory for
 * writing: a second one gets LT_EBUSY with the owner's process id in the message. */
LT_API LT_NODISCARD lt_status lt_db_open(const char *path, const lt_db_options *options,
                                         lt_db **out, lt_error *err);
/* Closes the database. Close its collections first. NULL is allowed. */
LT_API void lt_db_close(lt_db *db);

typedef struct lt_collection_config {
    size_t size;
    size_t dims;           /* 1..65536 */
    lt_distance distance;
    const char *metadata;  /* JSON object kept with the collection, or NULL */
} lt_collection_config;
#define LT_COLLECTION_CONFIG_INIT { sizeof(lt_collection_config), 0, LT_DISTANCE_COSINE, NULL }

/* Creates collection `name` (1..255 bytes, none of <>:"/\|?* and no control characters). LT_EEXISTS
 * if there. */
LT_API LT_NODISCARD lt_status lt_collection_create(lt_db *db, const char *name,
                                                   const lt_collection_config *config,
                                                   lt_error *err);
/* Opens a collection; every open is ended by one lt_collection_close. */
LT_API LT_NODISCARD lt_status lt_collection_open(lt_db *db, const char *name, lt_collection **out,
                                                 lt_error *err);
LT_API void lt_collection_close(lt_collection *collection);
/* Deletes a collection with all its points and aliases. Its name is free at once; what has it open
 * can go on reading, and its files go with the last lt_collection_close. */
LT_API LT_NODISCARD lt_status lt_collection_drop(lt_db *db, const char *name, lt_error *err);
/* The names of all collections, sorted; free with lt_names_free. */
LT_API LT_NODISCARD lt_status lt_collection_list(lt_db *db, char ***names, size_t *n_names,
                                                 lt_error *err);
LT_API void lt_names_free(char **names, size_t n_names);

typedef struct lt_collection_info {
    size_t size;
    size_t dims;
    lt_distance distance;
    uint64_t n_points;
    uint64_t n_deleted;      /* slots that hold no living point */
    uint64_t bytes_on_disk;
    const char *metadata;    /* JSON object; borrowed until the collection is closed or changed */
} lt_collection_info;
#define LT_COLLECTION_INFO_INIT \
    { sizeof(lt_collection_info), 0, LT_DISTANCE_COSINE, 0, 0, 0, NULL }

LT_API LT_NODISCARD lt_status lt_collection_get_info(lt_collection *collection,
                                                     lt_collection_info *out, lt_error *err);
/* Replaces the metadata object (JSON text) durably. */
LT_API LT_NODISCARD lt_status lt_collection_set_metadata(lt_collection *collection,
                                                         const char *metadata, lt_error *err);

/* One point to store. `payload` is the text of a JSON object or NULL for {}. */
typedef struct lt_point {
    lt_id id;
    const float *vector;  /* dims floats; finite */
    const char *payload;
    size_t payload_len;
} lt_point;

/* Inserts or replaces points, all or none. On return they are on disk (see no_sync). Of two points
 * with one id in a batch the last wins. */
LT_API LT_NODISCARD lt_status lt_points_upsert(lt_collection *collection, const lt_point *points,
                                               size_t n_points, size_t dims, lt_error *err);
/* Deletes points by id; absent ids are ignored. `n_deleted` (may be NULL) gets how many were there. */
LT_API LT_NODISCARD lt_status lt_points_delete(lt_collection *collection, const lt_id *ids,
                                               size_t n_ids, size_t *n_deleted, lt_error *err);

/* A point found. Pointers belong to the lt_hits they came in. */
typedef struct lt_hit {
    lt_id id;
    float score;          /* cosine, dot: larger is nearer; distances: smaller is nearer */
    const char *payload;  /* JSON text, zero-terminated; NULL unless asked for */
    size_t payload_len;
    const float *vector;  /* dims floats; NULL unless asked for */
} lt_hit;

typedef struct lt_hits {
    const lt_hit *items;
    size_t n_items;
} lt_hits;

LT_API void lt_hits_free(lt_hits *hits);

typedef struct lt_query {
    size_t size;
    const float *vector;
    size_t dims;            /* must be the collection's */
    size_t k;               /* how many hits at most */
    size_t offset;          /* how many of the best to leave out */
    const char *filter;     /* JSON in the form of Qdrant's filters, or NULL */
    bool with_payload;
    bool with_vector;
    bool has_threshold;
    float score_threshold;  /* leave out hits worse than this */
} lt_query;
#define LT_QUERY_INIT { sizeof(lt_query), NULL, 0, 10, 0, NULL, true, false, false, 0.0f }

/* The k nearest points, best first; equal scores in order of id. Free with lt_hits_free. */
LT_API LT_NODISCARD lt_status lt_points_query(lt_collection *collection, const lt_query *query,
                                              lt_hits **out, lt_error *err);
/* How lt_points_query would go about it, as a JSON object: what the payload indexes estimate, how
 * each condition is evaluated, how many points pass, and under "search" whether these are scanned or
 * the graph is walked, and why. Free with lt_text_free. */
LT_API LT_NODISCARD lt_status lt_points_explain(lt_collection *collection, const lt_query *query,
                                                char **json, lt_error *err);
/* The points with these ids, in their order; absent ids are left out. */
LT_API LT_NODISCARD lt_status lt_points_get(lt_collection *collection, const lt_id *ids,
                                            size_t n_ids, bool with_payload, bool with_vector,
                                            lt_hits **out, lt_error *err);
/* Up to `limit` points in order of id (numbers before UUIDs), beginning behind `after` (NULL: at
 * the first), that pass `filter` (may be NULL). */
LT_API LT_NODISCARD lt_status lt_points_scroll(lt_collection *collection, const lt_id *after,
                                               size_t limit, const char *filter, bool with_payload,
                                               bool with_vector, lt_hits **out, lt_error *err);
/* How many points pass `filter` (NULL: all). */
LT_API LT_NODISCARD lt_status lt_points_count(lt_collection *collection, const char *filter,
                                              uint64_t *out, lt_error *err);

/* ---- collections and points in full ------------------------------------------------------
 *
 * The calls above serve one unnamed dense vector a point. A collection may have any number of named
 * vectors (dense, multi, sparse), any of them absent in a point; "" is the unnamed one. Where an
 * argument is JSON, it has the form of Qdrant's REST interface: the same text works over HTTP. */

/* Creates a collection from the body of Qdrant's "create collection" (vectors, sparse_vectors,
 * hnsw_config, quantization_config, optimizers_config, ..., metadata). */
LT_API LT_NODISCARD lt_status lt_collection_create_json(lt_db *db, const char *name,
                                                        const char *json, size_t n_json,
                                                        lt_error *err);
/* Changes its configuration: the body of "update collection". */
LT_API LT_NODISCARD lt_status lt_collection_update_json(lt_collection *collection,
                                                        const char *json, size_t n_json,
                                                        lt_error *err);
/* What "get collection" answers: status, counts, config, payload_schema. Free with lt_text_free. */
LT_API LT_NODISCARD lt_status lt_collection_describe(lt_collection *collection, char **json,
                                                     lt_error *err);
/* Adds a named vector ({"dense": {...}} or {"sparse": {...}}), or takes one away with what points
 * hold of it. LT_EEXISTS, LT_ENOTFOUND. */
LT_API LT_NODISCARD lt_status lt_collection_add_vector(lt_collection *collection, const char *name,
                                                       const char *json, size_t n_json,
                                                       lt_error *err);
LT_API LT_NODISCARD lt_status lt_collection_drop_vector(lt_collection *collection,
                                                        const char *name, lt_error *err);
/* Indexes the payload at `path` (schema: "keyword" or {"type": "text", ...}, as JSON). The same
 * again changes nothing, another replaces it. `operation` (may be NULL) as in lt_update_result. */
LT_API LT_NODISCARD lt_status lt_collection_create_index(lt_collection *collection,
                                                         const char *path, const char *schema,
                                                         size_t n_schema, uint64_t *operation,
                                                         lt_error *err);
/* An absent index is no error. */
LT_API LT_NODISCARD lt_status lt_collection_drop_index(lt_collection *collection, const char *path,
                                                       uint64_t *operation, lt_error *err);

/* Aliases: other names that lt_collection_open takes. */
typedef enum lt_alias_action_kind {
    LT_ALIAS_CREATE, /* `alias` for `collection`; replaces an alias of that name */
    LT_ALIAS_DELETE,
    LT_ALIAS_RENAME  /* `alias` becomes `new_alias` */
} lt_alias_action_kind;

typedef struct lt_alias_action {
    lt_alias_action_kind kind;
    const char *alias, *collection, *new_alias;
} lt_alias_action;

/* All of the actions in order, or none. */
LT_API LT_NODISCARD lt_status lt_aliases_change(lt_db *db, const lt_alias_action *actions,
                                                size_t n_actions, lt_error *err);

typedef struct lt_alias {
    const char *alias, *collection;
} lt_alias;

/* The aliases of one collection, or of all (NULL), sorted; free with lt_aliases_free. */
LT_API LT_NODISCARD lt_status lt_aliases_list(lt_db *db, const char *collection, lt_alias **out,
                                              size_t *n_out, lt_error *err);
LT_API void lt_aliases_free(lt_alias *aliases, size_t n_aliases);

typedef enum lt_vector_kind {
    LT_VECTOR_DENSE = 0,
    LT_VECTOR_MULTI = 1, /* rows compared by max_sim */
    LT_VECTOR_SPARSE = 2
} lt_vector_kind;

/* One vector of a point or a query. */
typedef struct lt_vector {
    const char *name; /* "" for the unnamed; a query's is ignored */
    lt_vector_kind kind;
    const float *values;     /* dense: the components; multi: n_rows rows; sparse: the values */
    size_t n_values;         /* how many floats that are, all rows together */
    size_t n_rows;           /* multi only */
    const uint32_t *indices; /* sparse only: n_values of them, no two alike */
} lt_vector;

typedef struct lt_full_point {
    lt_id id;
    const lt_vector *vectors;
    size_t n_vectors;
    const char *payload; /* text of a JSON object, or NULL for {} */
    size_t payload_len;
} lt_full_point;

typedef enum lt_update_kind {
    LT_UPDATE_UPSERT,            /* points: replaced whole */
    LT_UPDATE_DELETE,            /* selected points */
    LT_UPDATE_SET_PAYLOAD,       /* selected points: payload merged; null deletes a key */
    LT_UPDATE_OVERWRITE_PAYLOAD, /* selected points: payload replaced */
    LT_UPDATE_DELETE_PAYLOAD,    /* selected points: `names` are payload paths */
    LT_UPDATE_CLEAR_PAYLOAD,     /* selected points */
    LT_UPDATE_SET_VECTORS,       /* points: their vectors set, the others and payload kept */
    LT_UPDATE_DELETE_VECTORS     /* selected points: `names` are vectors */
} lt_update_kind;

typedef enum lt_upsert_mode {
    LT_UPSERT_ANY = 0,
    LT_UPSERT_INSERT_ONLY = 1, /* points that exist are left alone */
    LT_UPSERT_UPDATE_ONLY = 2  /* points that do not exist are left out */
} lt_upsert_mode;

/* One change. Points are selected by `ids` or, where there are none, by `filter`. */
typedef struct lt_update {
    size_t size;
    lt_update_kind kind;
    const lt_full_point *points;
    size_t n_points;
    lt_upsert_mode mode;
    const char *update_filter; /* upsert, set vectors: change existing points only if they pass */
    const lt_id *ids;
    size_t n_ids;
    const char *filter;
    const char *payload; /* text of a JSON object */
    size_t payload_len;
    const char *key; /* set: the path inside which, or NULL */
    const char *const *names;
    size_t n_names;
} lt_update;
#define LT_UPDATE_INIT                                                                             \
    { sizeof(lt_update), LT_UPDATE_UPSERT, NULL, 0, LT_UPSERT_ANY, NULL, NULL, 0, NULL, NULL, 0,   \
      NULL, NULL, 0 }

typedef struct lt_update_result {
    uint64_t operation; /* grows by one an update of the collection; the version of what it wrote */
    size_t n_changed;
    bool has_missing; /* an id was listed that no point has (delete: ignored) */
    lt_id missing;    /* the first such */
} lt_update_result;

/* Applies the updates in order, each durable when the call returns. The first that fails ends the
 * call; `results` (n_updates of them, may be NULL) tells of those before it. An update is applied
 * whole or not at all; listed ids that are absent are reported, not an error. */
LT_API LT_NODISCARD lt_status lt_points_update(lt_collection *collection, const lt_update *updates,
                                               size_t n_updates, lt_update_result *results,
                                               size_t *n_applied, lt_error *err);

/* What may be asked in JSON: the bodies of these paths of Qdrant's REST interface. */
typedef enum lt_ask_kind {
    LT_ASK_GET,             /* points */
    LT_ASK_SCROLL,          /* points/scroll */
    LT_ASK_COUNT,           /* points/count */
    LT_ASK_FACET,           /* facet */
    LT_ASK_QUERY,           /* points/query */
    LT_ASK_QUERY_BATCH,     /* points/query/batch */
    LT_ASK_QUERY_GROUPS,    /* points/query/groups */
    LT_ASK_SEARCH,          /* points/search and its kin */
    LT_ASK_SEARCH_BATCH,
    LT_ASK_SEARCH_GROUPS,
    LT_ASK_RECOMMEND,
    LT_ASK_RECOMMEND_BATCH,
    LT_ASK_RECOMMEND_GROUPS,
    LT_ASK_DISCOVER,
    LT_ASK_DISCOVER_BATCH,
    LT_ASK_MATRIX_PAIRS,    /* points/search/matrix/pairs */
    LT_ASK_MATRIX_OFFSETS
} lt_ask_kind;

/* Turns what stands where a vector may stand ({"text": ..., "model": ...}, {"image": ...}) into one.
 * `object` is its JSON text. The vector goes to *values (n_values floats), which the
 * callback allocates with malloc and the library frees. May be called from any thread. */
typedef lt_status (*lt_infer)(void *context, const char *object, size_t n_object, float **values,
                              size_t *n_values, lt_error *err);

typedef struct lt_ask_options {
    size_t size;
    lt_infer infer; /* NULL: such objects are refused */
    void *context;
    double deadline_s; /* seconds from the call; 0: none. LT_ECANCELED when it has passed */
} lt_ask_options;
#define LT_ASK_OPTIONS_INIT { sizeof(lt_ask_options), NULL, NULL, 0 }

/* Answers a question. `json` is the body; *out gets the text of Qdrant's `result`; free it with
 * lt_text_free. `options` may be NULL. */
LT_API LT_NODISCARD lt_status lt_collection_ask(lt_collection *collection, lt_ask_kind kind,
                                                const char *json, size_t n_json,
                                                const lt_ask_options *options, char **out,
                                                size_t *n_out, lt_error *err);

/* What may be changed in JSON. */
typedef enum lt_tell_kind {
    LT_TELL_UPSERT,            /* PUT points */
    LT_TELL_DELETE,            /* points/delete */
    LT_TELL_SET_PAYLOAD,       /* POST points/payload */
    LT_TELL_OVERWRITE_PAYLOAD, /* PUT points/payload */
    LT_TELL_DELETE_PAYLOAD,    /* points/payload/delete */
    LT_TELL_CLEAR_PAYLOAD,     /* points/payload/clear */
    LT_TELL_SET_VECTORS,       /* PUT points/vectors */
    LT_TELL_DELETE_VECTORS,    /* points/vectors/delete */
    LT_TELL_BATCH              /* points/batch */
} lt_tell_kind;

/* Applies a change, durable on return. `json` is the body; results as in lt_points_update, an array
 * of *n_results to be freed with lt_results_free (also filled when a later operation of a batch
 * failed). A listed id that no point has is LT_ENOTFOUND, after the others were changed. */
LT_API LT_NODISCARD lt_status lt_collection_tell(lt_collection *collection, lt_tell_kind kind,
                                                 const char *json, size_t n_json,
                                                 const lt_ask_options *options,
                                                 lt_update_result **results, size_t *n_results,
                                                 lt_error *err);
LT_API void lt_results_free(lt_update_result *results);
LT_API void lt_text_free(char *text);

/* ---- snapshots: a collection as one file --------------------------------------------------------
 *
 * A snapshot holds one commit of a collection: config, metadata, points with payloads and vectors
 * (graphs and payload indexes are built anew). It is a tar file with checksums, and lies in the
 * database's directory under snapshots/<collection>/; it stays when the collection is dropped. */

typedef struct lt_snapshot_file {
    size_t size;
    const char *name;   /* "photos-2026-11-25-14-30-05.snapshot" (UTC) */
    const char *path;   /* where it lies */
    const char *sha256; /* 64 hex digits; NULL: not known */
    uint64_t n_bytes;
    int64_t created; /* seconds since 1970 */
} lt_snapshot_file;

/* Writes a snapshot, while readers and writers go on; one at a time in a database. Its data are
 * checked on the way: damage is LT_ECORRUPT and no snapshot. Free *out with lt_snapshots_free(out, 1). */
LT_API LT_NODISCARD lt_status lt_snapshots_create(lt_collection *collection,
                                                  lt_snapshot_file **out, lt_error *err);
/* Those of a collection (which need not exist any more), sorted by name. */
LT_API LT_NODISCARD lt_status lt_snapshots_list(lt_db *db, const char *collection,
                                                lt_snapshot_file **out, size_t *n_out,
                                                lt_error *err);
LT_API void lt_snapshots_free(lt_snapshot_file *files, size_t n_files);
/* LT_ENOTFOUND: there is none of that name. */
LT_API LT_NODISCARD lt_status lt_snapshots_delete(lt_db *db, const char *collection,
                                                  const char *name, lt_error *err);
/* Makes `collection` what the file at `path` (anywhere) holds: creates it, or replaces all of it at
 * once and keeps its aliases. Until then, and after any failure, it is what it was; whoever has it
 * open can go on reading that, writes get LT_ENOTFOUND: open it anew. The file is not trusted:
 * LT_ECORRUPT names it and what is wrong, LT_EVERSION a newer format. `sha256` (may be NULL) must be
 * the file's, else LT_EINVAL. */
LT_API LT_NODISCARD lt_status lt_snapshots_restore(lt_db *db, const char *collection,
                                                   const char *path, const char *sha256,
                                                   lt_error *err);

/* ---- looking inside ---------------------------------------------------------------------------- */

typedef struct lt_check_result {
    size_t size;
    uint64_t n_points, n_vectors; /* read and held against their checksums */
    uint64_t n_graphs;            /* checkpoints read and checked */
    uint64_t n_faults;
} lt_check_result;
#define LT_CHECK_RESULT_INIT { sizeof(lt_check_result), 0, 0, 0, 0 }

/* Whether the pages of a collection's table hang together, so that it can be opened without harm: to
 * be asked before lt_collection_open where damage is feared. LT_EBUSY: this process has it open. */
LT_API LT_NODISCARD lt_status lt_collection_check_file(lt_db *db, const char *name, lt_error *err);
/* Reads all of a collection: every record, payload and vector is held against its checksum and what
 * it must look like, ids against slots and back, payload indexes against the payloads, checkpoints of
 * graphs against their rules and the points. Calls on_fault for each fault, with a line that names
 * it, valid during the call. LT_OK: all was looked at, faults or not. */
LT_API LT_NODISCARD lt_status lt_collection_check(lt_collection *collection,
                                                  void (*on_fault)(void *context,
                                                                   const char *what),
                                                  void *context, lt_check_result *out,
                                                  lt_error *err);
/* Figures of a collection as a JSON object: points, slots, vectors with their files and graphs,
 * payload indexes, bytes of each file. Free with lt_text_free. */
LT_API LT_NODISCARD lt_status lt_collection_statistics(lt_collection *collection, char **json,
                                                       lt_error *err);

/* ---- models ---------------------------------------------------------------------------- */

typedef struct lt_model lt_model;

/* What a model will mostly be used for; sets threads and streams. */
typedef enum lt_model_use { LT_USE_LATENCY = 0, LT_USE_THROUGHPUT = 1 } lt_model_use;

typedef struct lt_model_options {
    size_t size;
    lt_model_use use;
    unsigned threads;       /* 0: all the cores this process may use */
    const char *cache_dir;  /* compiled models; NULL: $XDG_CACHE_HOME/latent; "": none */
} lt_model_options;
#define LT_MODEL_OPTIONS_INIT { sizeof(lt_model_options), LT_USE_LATENCY, 0, NULL }

/* Opens a model directory (hub layout). NULL finds the built-in model: $LATENT_MODEL, then the
 * place where `make install` put it, then the build tree. The towers are loaded at first use. */
LT_API LT_NODISCARD lt_status lt_model_open(const char *dir, const lt_model_options *options,
                                            lt_model **out, lt_error *err);
LT_API void lt_model_close(lt_model *model);

typedef struct lt_model_info {
    size_t size;
    const char *name;
    const char *directory;
    const char *languages;  /* comma-separated codes, "" where unknown */
    const char *hash;       /* hex digest of the directory's content */
    size_t dims;
    bool dims_ordered;      /* a prefix of a vector is a usable, shorter vector */
    bool has_text;
    bool has_image;
} lt_model_info;
#define LT_MODEL_INFO_INIT { sizeof(lt_model_info), NULL, NULL, NULL, NULL, 0, false, false, false }

/* Borrowed strings, valid until the model is closed. */
LT_API LT_NODISCARD lt_status lt_model_get_info(lt_model *model, lt_model_info *out,
                                                lt_error *err);

/* Embeds n texts: out gets n * dims floats, each row of unit length. LT_EINVAL for an empty text. */
LT_API LT_NODISCARD lt_status lt_model_embed_texts(lt_model *model, const char *const *texts,
                                                   size_t n_texts, float *out, lt_error *err);

/* Loads now what would be loaded at the first text or picture, so that none waits for it. */
LT_API LT_NODISCARD lt_status lt_model_load(lt_model *model, bool texts, bool pictures,
                                            lt_error *err);

/* The model's own tokens. All ids of a text, without the special ones that are put around it, and
 * not cut to what the model reads. Free with lt_token_ids_free. */
LT_API LT_NODISCARD lt_status lt_model_tokenize(lt_model *model, const char *text, int64_t **ids,
                                                size_t *n_ids, lt_error *err);
LT_API void lt_token_ids_free(int64_t *ids);
/* How many tokens the model reads of a text: with the special ones, cut to its length. */
LT_API LT_NODISCARD lt_status lt_model_count_tokens(lt_model *model, const char *text,
                                                    size_t *n_tokens, lt_error *err);
/* The piece of text that an id stands for; NULL: no such id, or no model of texts. Borrowed until
 * the model is closed. */
LT_API const char *lt_model_token(lt_model *model, int64_t id);
/* The text that ids stand for, special ones left out. LT_EINVAL for an id that the model does not
 * have. Free with lt_text_free. */
LT_API LT_NODISCARD lt_status lt_model_detokenize(lt_model *model, const int64_t *ids, size_t n_ids,
                                                  char **text, lt_error *err);

/* A picture: a file's path, or the bytes of a file in memory (then path is only for messages). A
 * part of it may be asked for, in pixels of the upright picture (after EXIF orientation); it must
 * lie within the picture. */
typedef struct lt_picture {
    const char *path;
    const void *bytes;
    size_t n_bytes;
    uint32_t crop_x, crop_y;
    uint32_t crop_width, crop_height; /* 0: the whole picture */
} lt_picture;

/* Embeds n pictures: out gets n * dims floats, rows of unit length. A picture that cannot be read
 * gets a row of zeros and its reason in each[i] (code LT_OK for the others); `each` may be NULL,
 * then the first bad picture fails the call. */
LT_API LT_NODISCARD lt_status lt_model_embed_pictures(lt_model *model, const lt_picture *pictures,
                                                      size_t n_pictures, float *out, lt_error *each,
                                                      lt_error *err);

/* ---- vectors made of vectors ---- */

#define LT_QUERY_PARTS_MAX 64

/* What a question is made of: texts and pictures, each with a weight. A negative one takes away. */
typedef struct lt_query_part {
    const char *text;          /* either this */
    const lt_picture *picture; /* or this; the other is NULL */
    float weight;
} lt_query_part;

/* The rule for all that is mixed, here, in `latent search` and in the server's prompts: the unit
 * vectors' sum, each times its weight, made unit length. LT_EINVAL where nothing is left of it.
 * `rows`: n_rows rows of dims floats; out gets dims floats. */
LT_API LT_NODISCARD lt_status lt_vectors_mix(const float *rows, const float *weights, size_t n_rows,
                                             size_t dims, float *out, lt_error *err);
/* The same of parts that are embedded first: out gets the model's dims floats. */
LT_API LT_NODISCARD lt_status lt_model_embed_parts(lt_model *model, const lt_query_part *parts,
                                                   size_t n_parts, float *out, lt_error *err);
/* Cuts the model's vectors to their first `keep` dimensions and makes them unit length again, in
 * place: rows lie model->dims apart and come to lie `keep` apart. With n_rows 0 it only says
 * whether that is possible: LT_EUNSUPPORTED for a model whose dimensions are not ordered. */
LT_API LT_NODISCARD lt_status lt_vectors_cut(const lt_model_info *model, float *rows, size_t n_rows,
                                             size_t keep, lt_error *err);

/* A small copy of a picture, upright, within max_width x max_height, its shape kept: 8-bit RGB
 * rows without padding. Free *pixels with lt_bytes_free. */
LT_API LT_NODISCARD lt_status lt_picture_thumbnail(const lt_picture *picture, unsigned max_width,
                                                   unsigned max_height, uint8_t **pixels,
                                                   unsigned *width, unsigned *height,
                                                   lt_error *err);
/* The same as the bytes of a JPEG file. Free *bytes with lt_bytes_free. */
LT_API LT_NODISCARD lt_status lt_picture_thumbnail_jpeg(const lt_picture *picture,
                                                        unsigned max_width, unsigned max_height,
                                                        uint8_t **bytes, size_t *n_bytes,
                                                        lt_error *err);
LT_API void lt_bytes_free(uint8_t *bytes);

/* ---- gallery: folders of pictures ------------------------------------------------------- */

typedef struct lt_gallery_progress {
    size_t n_found;      /* pictures seen so far */
    size_t n_done;       /* of them finished: stored, unchanged or failed */
    size_t n_added;      /* embedded and stored in this run */
    size_t n_unchanged;
    size_t n_failed;
    size_t n_removed;
    bool walking;        /* n_found still grows */
    double seconds;      /* since the start */
} lt_gallery_progress;

typedef struct lt_gallery_options {
    size_t size;
    const char *const *exclude;  /* glob patterns matched against names and relative paths */
    size_t n_exclude;
    bool prune;                  /* delete points of files that are gone */
    bool follow_links;           /* descend into linked directories (loops are detected) */
    unsigned threads;            /* decoders; 0: all cores */
    size_t batch;                /* pictures per model call; 0: chosen */
    /* Called from one thread at a time, a few times a second and at the end. May be NULL.
     * Return false to stop: what was stored stays, the call returns LT_ECANCELED. */
    bool (*on_progress)(void *context, const lt_gallery_progress *progress);
    /* Called for each file that could not be indexed, as it happens. May be NULL. */
    void (*on_failure)(void *context, const char *path, const lt_error *why);
    /* Called after a picture has been stored durably. May be NULL. */
    void (*on_stored)(void *context, const char *path);
    void *context;
} lt_gallery_options;
#define LT_GALLERY_OPTIONS_INIT \
    { sizeof(lt_gallery_options), NULL, 0, false, false, 0, 0, NULL, NULL, NULL, NULL }

/* Opens collection `name` of `db` for pictures embedded by `model`, creating it if needed (in a
 * read-only database: LT_ENOTFOUND). A collection that another model filled gives LT_ECONFLICT with
 * both names. */
LT_API LT_NODISCARD lt_status lt_gallery_open(lt_db *db, const char *name, lt_model *model,
                                              lt_collection **out, lt_error *err);
/* Indexes files and folders: embeds what is new or changed and stores it. Payload: filename (the
 * absolute path), folders (all above it), size, mtime, width, height, format, hash, and from EXIF
 * taken, camera, location. */
LT_API LT_NODISCARD lt_status lt_gallery_index(lt_collection *collection, lt_model *model,
                                               const char *const *paths, size_t n_paths,
                                               const lt_gallery_options *options,
                                               lt_gallery_progress *out, lt_error *err);
/* As lt_gallery_index, then keeps watching the paths (inotify) and indexes what changes until
 * on_progress returns false. */
LT_API LT_NODISCARD lt_status lt_gallery_watch(lt_collection *collection, lt_model *model,
                                               const char *const *paths, size_t n_paths,
                                               const lt_gallery_options *options,
                                               lt_gallery_progress *out, lt_error *err);
/* A question to a gallery. */
typedef struct lt_gallery_query {
    size_t size;
    const lt_query_part *parts; /* what to look for, mixed as lt_model_embed_parts does */
    size_t n_parts;
    size_t k;
    const char *filter; /* as in lt_query, may be NULL */
    bool has_threshold;
    float score_threshold; /* leave out hits with a lower cosine */
    float min_relevance;   /* leave out hits with a lower relevance */
    bool by_vectors_only;  /* do not read files to find copies */
} lt_gallery_query;
#define LT_GALLERY_QUERY_INIT                                                                      \
    {                                                                                              \
        sizeof(lt_gallery_query), NULL, 0, 10, NULL, false, 0.0f, 0.0f, false                      \
    }

/* Pictures found. All of it belongs to the lt_matches. */
typedef struct lt_matches {
    lt_hits hits; /* best first; not for lt_hits_free */
    /* One a hit, 0..1: how likely a best hit of this score is a right one, as measured for the
     * model. 1 for a picture that the question's was made of. NULL where it is not known: for a
     * mix, and for models that were not calibrated. */
    const float *relevance;
    float least_relevance; /* below it even the best hit is hardly one */
} lt_matches;

LT_API void lt_matches_free(lt_matches *matches);

/* The pictures nearest to a mix of texts (several languages) and pictures. A question of one
 * picture also looks at the files of the nearest: one that it is a copy or a part of comes first.
 * LT_EUNSUPPORTED: min_relevance where relevance is not known. Free with lt_matches_free. */
LT_API LT_NODISCARD lt_status lt_gallery_search(lt_collection *collection, lt_model *model,
                                                const lt_gallery_query *query, lt_matches **out,
                                                lt_error *err);
/* The k pictures nearest to a text. `filter` as in lt_query, may be NULL. */
LT_API LT_NODISCARD lt_status lt_gallery_search_text(lt_collection *collection, lt_model *model,
                                                     const char *text, size_t k, const char *filter,
                                                     lt_hits **out, lt_error *err);
/* The k pictures nearest to a picture, by their vectors only. */
LT_API LT_NODISCARD lt_status lt_gallery_search_picture(lt_collection *collection, lt_model *model,
                                                        const lt_picture *picture, size_t k,
                                                        const char *filter, lt_hits **out,
                                                        lt_error *err);

#ifdef __cplusplus
}
#endif
#endif
