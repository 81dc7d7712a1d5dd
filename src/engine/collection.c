/* SPDX-License-Identifier: Apache-2.0
 * Creating, opening and writing to collections. */
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <value/value.h>

#include "engine.h"

static const char *const distance_names[] = {"Cosine", "Dot", "Euclid", "Manhattan"};

/* ---- configuration --------------------------------------------------------------------------- */

static lt_status check_name(const char *name, lt_error *err)
{
    size_t n = name ? strlen(name) : 0;

    if (n == 0 || n > LT_LIMIT_COLLECTION_NAME)
        return lt_fail(err, LT_EINVAL, "a collection's name has 1 to %u bytes",
                       LT_LIMIT_COLLECTION_NAME);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || name[i] == '/' || name[i] == '\\')
            return lt_fail(err, LT_EINVAL,
                           "'%s' cannot name a collection: slashes and control characters are not "
                           "allowed",
                           name);
    return LT_OK;
}

static lt_status check_config(const lt_collection_config *config, lt_error *err)
{
    if (config->size != sizeof *config)
        return lt_fail(err, LT_EINVAL,
                       "lt_collection_config: start it with LT_COLLECTION_CONFIG_INIT");
    if (config->dims == 0 || config->dims > LT_LIMIT_DIMS)
        return lt_fail(err, LT_EINVAL, "%zu dimensions: 1 to %u are possible", config->dims,
                       LT_LIMIT_DIMS);
    if ((unsigned)config->distance > LT_DISTANCE_MANHATTAN)
        return lt_fail(err, LT_EINVAL, "unknown distance %d", (int)config->distance);
    return LT_OK;
}

static lt_status check_metadata(const char *metadata, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    return metadata ? lt_json_parse_object(metadata, strlen(metadata), "metadata", &doc, err)
                    : LT_OK;
}

static lt_status read_config(lt_collection *c, lt_txn *txn, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0};
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    LT_TRY(lt_txn_meta(txn, "config", &text, err));
    LT_TRY(lt_json_parse_object(text.data ? text.data : "", text.len, "the collection's config",
                                &doc, err));
    yyjson_val *vector = yyjson_obj_get(yyjson_obj_get(yyjson_doc_get_root(doc), "vectors"), "");
    const char *distance = yyjson_get_str(yyjson_obj_get(vector, "distance"));

    for (unsigned i = 0; distance && i < 4; i++) {
        if (strcmp(distance, distance_names[i]) != 0)
            continue;
        c->distance = (lt_distance)i;
        c->dims = (uint32_t)yyjson_get_uint(yyjson_obj_get(vector, "size"));
        return LT_OK;
    }
    return lt_fail(err, LT_ECORRUPT, "collection '%s': its config cannot be read", c->name);
}

/* ---- opening and closing --------------------------------------------------------------------- */

static void collection_free(lt_collection *c)
{
    if (!c)
        return;
    lt_view_unref(c->view);
    lt_table_close(c->table);
    lt_vecfile_close(&c->vectors);
    pthread_mutex_destroy(&c->view_lock);
    pthread_mutex_destroy(&c->write_lock);
    pthread_mutex_destroy(&c->meta_lock);
    pthread_cond_destroy(&c->write_done);
    lt_free(c->metadata);
    lt_free(c->name);
    lt_free(c->dir);
    lt_free(c);
}

static lt_status load(lt_collection *c, lt_error *err)
{
    LT_AUTOFREE char *points = lt_path_join(c->dir, "points.mdb");
    LT_AUTOFREE char *vectors = lt_path_join(c->dir, "vectors.f32");
    const lt_db_options *o = &c->db->options;
    lt_txn *txn = NULL;

    if (!points || !vectors)
        return lt_fail_nomem(err);
    LT_TRY(lt_table_open(points, o->read_only, o->no_sync, &c->table, err));
    LT_TRY(lt_vecfile_open(&c->vectors, vectors, o->read_only, err));
    LT_TRY(lt_table_read(c->table, &txn, err));
    lt_status st = read_config(c, txn, err);

    if (st == LT_OK && c->dims != c->vectors.dims)
        st = lt_fail(err, LT_ECORRUPT, "collection '%s': config says %u dimensions, its vectors %u",
                     c->name, c->dims, c->vectors.dims);
    c->stride = c->vectors.stride;
    if (st == LT_OK)
        st = lt_view_load(c, txn, &c->view, err);
    lt_txn_end(txn);
    return st;
}

/* db->lock is held. */
static lt_status open_new(lt_db *db, const char *name, lt_collection **out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf folder = {0};
    lt_collection *c = lt_calloc(1, sizeof *c);

    if (!c)
        return lt_fail_nomem(err);
    c->db = db;
    c->refs = 1;
    c->vectors.fd = -1;
    pthread_mutex_init(&c->view_lock, NULL);
    pthread_mutex_init(&c->write_lock, NULL);
    pthread_mutex_init(&c->meta_lock, NULL);
    pthread_cond_init(&c->write_done, NULL);
    lt_status st = lt_buf_addf(&folder, err, "%s/collections/", db->path);

    if (st == LT_OK)
        st = lt_catalog_get(db->catalog, name, &folder, err);
    if (st == LT_OK) {
        c->name = lt_strdup(name);
        c->dir = lt_buf_steal(&folder);
        st = c->name ? load(c, err) : lt_fail_nomem(err);
    }
    if (st != LT_OK) {
        collection_free(c);
        return st;
    }
    *out = c;
    return LT_OK;
}

static lt_collection *find_open(lt_db *db, const char *name)
{
    lt_collection *c = db->open;

    while (c && strcmp(c->name, name) != 0)
        c = c->next;
    return c;
}

lt_status lt_collection_open(lt_db *db, const char *name, lt_collection **out, lt_error *err)
{
    lt_status st = LT_OK;

    if (!db || !out)
        return lt_fail(err, LT_EINVAL, "database and out are required");
    LT_TRY(check_name(name, err));
    pthread_mutex_lock(&db->lock);
    lt_collection *c = find_open(db, name);

    if (c) {
        c->refs++;
    } else {
        st = open_new(db, name, &c, err);
        if (st == LT_OK) {
            c->next = db->open;
            db->open = c;
        }
    }
    pthread_mutex_unlock(&db->lock);
    if (st == LT_OK)
        *out = c;
    return st;
}

void lt_collection_close(lt_collection *collection)
{
    if (!collection)
        return;
    lt_db *db = collection->db;

    pthread_mutex_lock(&db->lock);
    bool last = --collection->refs == 0;

    for (lt_collection **p = &db->open; last && *p; p = &(*p)->next) {
        if (*p == collection) {
            *p = collection->next;
            break;
        }
    }
    pthread_mutex_unlock(&db->lock);
    if (last)
        collection_free(collection);
}

/* ---- creating and dropping ------------------------------------------------------------------- */

/* 32 random hex digits. */
static lt_status random_name(char out[33], lt_error *err)
{
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return lt_fail(err, LT_EIO, "the system gives no random numbers");
    for (int i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return LT_OK;
}

static lt_status write_files(lt_db *db, const char *dir, const lt_collection_config *config,
                             lt_error *err)
{
    LT_AUTOFREE char *points = lt_path_join(dir, "points.mdb");
    LT_AUTOFREE char *vectors = lt_path_join(dir, "vectors.f32");
    char text[160];

    if (!points || !vectors)
        return lt_fail_nomem(err);
    snprintf(text, sizeof text,
             "{\"vectors\":{\"\":{\"size\":%zu,\"distance\":\"%s\",\"datatype\":\"float32\"}}}",
             config->dims, distance_names[config->distance]);
    LT_TRY(lt_vecfile_create(vectors, (uint32_t)config->dims, err));
    LT_TRY(lt_table_create(points, text, config->metadata, db->options.no_sync, err));
    return lt_dir_sync(dir, err);
}

/* db->lock is held. */
static lt_status create_locked(lt_db *db, const char *name, const lt_collection_config *config,
                               lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf folder = {0}, parent = {0};
    lt_buf there = {0};
    char unique[33];
    lt_status st = lt_catalog_get(db->catalog, name, &there, err);

    lt_buf_done(&there);
    if (st == LT_OK)
        return lt_fail(err, LT_EEXISTS, "collection '%s' already exists", name);
    if (st != LT_ENOTFOUND)
        return st;
    LT_TRY(random_name(unique, err));
    LT_TRY(lt_buf_addf(&parent, err, "%s/collections", db->path));
    LT_TRY(lt_buf_addf(&folder, err, "%s/%s", parent.data, unique));
    LT_TRY(lt_dir_make(folder.data, err));
    st = write_files(db, folder.data, config, err);
    if (st == LT_OK)
        st = lt_dir_sync(parent.data, err);
    if (st == LT_OK)
        st = lt_catalog_put(db->catalog, name, unique, err);
    if (st != LT_OK && lt_dir_remove(folder.data, NULL) != LT_OK)
        return st; /* the next open clears it away */
    return st;
}

static lt_status check_writable(const lt_db *db, lt_error *err)
{
    return db->options.read_only ? lt_fail(err, LT_EINVAL, "%s is open for reading only", db->path)
                                 : LT_OK;
}

lt_status lt_collection_create(lt_db *db, const char *name, const lt_collection_config *config,
                               lt_error *err)
{
    if (!db || !config)
        return lt_fail(err, LT_EINVAL, "database and config are required");
    LT_TRY(check_name(name, err));
    LT_TRY(check_config(config, err));
    LT_TRY(check_metadata(config->metadata, err));
    LT_TRY(check_writable(db, err));
    pthread_mutex_lock(&db->lock);
    lt_status st = create_locked(db, name, config, err);

    pthread_mutex_unlock(&db->lock);
    return st;
}

static lt_status drop_locked(lt_db *db, const char *name, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf folder = {0};

    if (find_open(db, name))
        return lt_fail(err, LT_EBUSY, "collection '%s' is open", name);
    LT_TRY(lt_buf_addf(&folder, err, "%s/collections/", db->path));
    LT_TRY(lt_catalog_get(db->catalog, name, &folder, err));
    LT_TRY(lt_catalog_remove(db->catalog, name, err));
    return lt_dir_remove(folder.data, err);
}

lt_status lt_collection_drop(lt_db *db, const char *name, lt_error *err)
{
    if (!db)
        return lt_fail(err, LT_EINVAL, "a database is required");
    LT_TRY(check_name(name, err));
    LT_TRY(check_writable(db, err));
    pthread_mutex_lock(&db->lock);
    lt_status st = drop_locked(db, name, err);

    pthread_mutex_unlock(&db->lock);
    return st;
}

/* ---- info ------------------------------------------------------------------------------------ */

static uint64_t bytes_in(const char *dir)
{
    uint64_t total = 0;
    struct stat st;
    DIR *d = opendir(dir);

    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
            total += (uint64_t)st.st_blocks * 512;
    if (d)
        closedir(d);
    return total;
}

lt_status lt_collection_get_info(lt_collection *collection, lt_collection_info *out, lt_error *err)
{
    LT_CLEANUP(lt_snapshot_done) lt_snapshot s = {0};
    LT_CLEANUP(lt_buf_done) lt_buf metadata = {0};

    if (!collection || !out || out->size != sizeof *out)
        return lt_fail(err, LT_EINVAL,
                       "a collection and an lt_collection_info begun with its INIT are required");
    LT_TRY(lt_snapshot_take(collection, &s, err));
    LT_TRY(lt_txn_meta(s.txn, "metadata", &metadata, err));
    if (metadata.len == 0)
        LT_TRY(lt_buf_adds(&metadata, "{}", err));
    pthread_mutex_lock(&collection->meta_lock);
    if (!collection->metadata || strcmp(collection->metadata, metadata.data) != 0) {
        lt_free(collection->metadata);
        collection->metadata = lt_buf_steal(&metadata);
    }
    *out = (lt_collection_info){.size = sizeof *out,
                                .dims = collection->dims,
                                .distance = collection->distance,
                                .n_points = s.view->n_points,
                                .n_deleted = s.view->n_slots - s.view->n_points,
                                .bytes_on_disk = bytes_in(collection->dir),
                                .metadata = collection->metadata};
    pthread_mutex_unlock(&collection->meta_lock);
    return LT_OK;
}

lt_status lt_collection_set_metadata(lt_collection *collection, const char *metadata, lt_error *err)
{
    lt_write w = {.metadata = metadata};

    if (!collection || !metadata)
        return lt_fail(err, LT_EINVAL, "collection and metadata are required");
    LT_TRY(check_metadata(metadata, err));
    LT_TRY(check_writable(collection->db, err));
    return lt_write_submit(collection, &w, err);
}

/* ---- writing --------------------------------------------------------------------------------- */

static lt_status check_point(const lt_collection *c, const lt_point *p, size_t i, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;
    char what[48];

    if (!p->vector)
        return lt_fail(err, LT_EINVAL, "point %zu has no vector", i);
    for (uint32_t k = 0; k < c->dims; k++)
        if (!isfinite(p->vector[k]))
            return lt_fail(err, LT_EINVAL, "point %zu: component %u is not a finite number", i, k);
    if (!p->payload)
        return LT_OK;
    if (p->payload_len > LT_LIMIT_PAYLOAD_BYTES)
        return lt_fail(err, LT_ELIMIT, "point %zu: a payload of %zu bytes, at most %u are possible",
                       i, p->payload_len, LT_LIMIT_PAYLOAD_BYTES);
    snprintf(what, sizeof what, "payload of point %zu", i);
    return lt_json_parse_object(p->payload, p->payload_len, what, &doc, err);
}

/* The row as it is stored: of unit length for cosine, zeros behind it. Sums in double, so that
 * normalising a unit vector gives the same bits again. */
static void fill_row(const lt_collection *c, const float *vector, float *row)
{
    double norm = 0;

    memcpy(row, vector, c->dims * sizeof *row);
    if (c->distance != LT_DISTANCE_COSINE)
        return;
    for (uint32_t i = 0; i < c->dims; i++)
        norm += (double)vector[i] * (double)vector[i];
    norm = sqrt(norm);
    if (norm == 0 || fabs(norm - 1) < 1e-7)
        return;
    for (uint32_t i = 0; i < c->dims; i++)
        row[i] = (float)((double)vector[i] / norm);
}

lt_status lt_points_upsert(lt_collection *collection, const lt_point *points, size_t n_points,
                           size_t dims, lt_error *err)
{
    size_t bytes;

    if (!collection || (!points && n_points))
        return lt_fail(err, LT_EINVAL, "collection and points are required");
    LT_TRY(check_writable(collection->db, err));
    if (n_points == 0)
        return LT_OK;
    if (dims != collection->dims)
        return lt_fail(err, LT_EINVAL, "the points have %zu dimensions, the collection '%s' has %u",
                       dims, collection->name, collection->dims);
    if (n_points > LT_LIMIT_BATCH_POINTS || !lt_mul_size(n_points, collection->stride, &bytes))
        return lt_fail(err, LT_ELIMIT, "%zu points in one batch, at most %u are possible", n_points,
                       LT_LIMIT_BATCH_POINTS);
    for (size_t i = 0; i < n_points; i++)
        LT_TRY(check_point(collection, &points[i], i, err));
    LT_AUTOFREE char *rows = lt_alloc_aligned(bytes, 1);

    if (!rows)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n_points; i++)
        fill_row(collection, points[i].vector,
                 (float *)(void *)(rows + i * collection->stride));
    lt_write w = {.points = points, .rows = rows, .n_points = n_points};

    return lt_write_submit(collection, &w, err);
}

lt_status lt_points_delete(lt_collection *collection, const lt_id *ids, size_t n_ids,
                           size_t *n_deleted, lt_error *err)
{
    lt_write w = {.deletes = ids, .n_deletes = n_ids};

    if (!collection || (!ids && n_ids))
        return lt_fail(err, LT_EINVAL, "collection and ids are required");
    LT_TRY(check_writable(collection->db, err));
    if (n_ids > LT_LIMIT_BATCH_POINTS)
        return lt_fail(err, LT_ELIMIT, "%zu ids in one batch, at most %u are possible", n_ids,
                       LT_LIMIT_BATCH_POINTS);
    if (n_ids)
        LT_TRY(lt_write_submit(collection, &w, err));
    if (n_deleted)
        *n_deleted = w.n_deleted;
    return LT_OK;
}
