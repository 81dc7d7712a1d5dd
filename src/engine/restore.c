/* SPDX-License-Identifier: Apache-2.0
 * Restoring a snapshot: a new collection is filled beside, by the writers' own path, and takes the
 * name in one transaction of the catalog when it is whole. Nothing in the file is believed: config,
 * ids, records, vectors and payloads are checked as if a client had sent them. */
#include <base/file.h>
#include <base/hash.h>
#include <base/limits.h>
#include <base/mem.h>
#include <endian.h>
#include <store/tar.h>
#include <string.h>

#include "config.h"
#include "snapshot.h"

enum { BATCH_BYTES = 8 << 20, BATCH_POINTS = 10000 };

/* Where a vector of the new schema comes from. */
typedef struct source {
    uint32_t number; /* in the snapshot's records */
    const char *rows;
    size_t left; /* bytes of them */
} source;

/* How far a restore has come. */
typedef struct cursor {
    const char *at;
    size_t left;
    uint64_t n_points;
    lt_key last;
    source sources[LT_LIMIT_VECTORS]; /* in the schema's order */
} cursor;

typedef struct restoring {
    lt_tar tar;
    yyjson_doc *head;
    char *config, *metadata;
    uint64_t n_points, operations;
    cursor done, next; /* committed; by the batch that is being committed */
    lt_arena arena;    /* of a batch */
} restoring;

static void restoring_done(restoring *x)
{
    lt_tar_close(&x->tar);
    yyjson_doc_free(x->head);
    lt_free(x->config);
    lt_free(x->metadata);
    lt_arena_done(&x->arena);
}

/* ---- the head -------------------------------------------------------------------------------- */

static lt_status damaged(const restoring *x, const char *why, lt_error *err)
{
    return lt_fail(err, LT_ECORRUPT, "%s: %s", x->tar.path, why);
}

/* What is wrong with a part of the file, said with the file's name. */
static lt_status within(const restoring *x, lt_status st, const lt_error *why, lt_error *err)
{
    if (st == LT_ENOMEM || st == LT_EIO || st == LT_OK) {
        if (err)
            *err = *why;
        return st;
    }
    return lt_fail(err, LT_ECORRUPT, "%s: %s", x->tar.path, why->message);
}

static lt_status read_config(restoring *x, yyjson_val *root, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf config = {0}, metadata = {0};
    yyjson_val *m = yyjson_obj_get(root, "metadata");
    lt_error why;

    if (!yyjson_is_obj(yyjson_obj_get(root, "config")))
        return damaged(x, "has no config", err);
    if (m && !yyjson_is_null(m) && !yyjson_is_obj(m))
        return damaged(x, "its metadata is not an object", err);
    LT_TRY(lt_json_write(yyjson_obj_get(root, "config"), &config, err));
    if (yyjson_is_obj(m)) {
        LT_TRY(lt_json_write(m, &metadata, err));
        x->metadata = lt_buf_steal(&metadata);
    }
    return within(x, lt_config_adopt(config.data, config.len, &x->config, &why), &why, err);
}

static lt_status read_head(restoring *x, lt_error *err)
{
    const lt_tar_part *part = lt_tar_find(&x->tar, LT_SNAPSHOT_HEAD);

    if (!part || part->n > 2 * LT_LIMIT_CONFIG_BYTES)
        return damaged(x, "is not a snapshot of latent", err);
    lt_error why;

    LT_TRY(within(x, lt_json_parse_object(part->bytes, part->n, LT_SNAPSHOT_HEAD, &x->head, &why),
                  &why, err));
    yyjson_val *root = yyjson_doc_get_root(x->head);
    uint64_t format = yyjson_get_uint(yyjson_obj_get(root, "format"));

    if (format > LT_SNAPSHOT_FORMAT)
        return lt_fail(err, LT_EVERSION, "%s: format %llu is newer than this latent knows (%d)",
                       x->tar.path, (unsigned long long)format, LT_SNAPSHOT_FORMAT);
    if (format == 0)
        return damaged(x, "has no format", err);
    x->n_points = yyjson_get_uint(yyjson_obj_get(root, "points"));
    x->operations = yyjson_get_uint(yyjson_obj_get(root, "operations"));
    return read_config(x, root, err);
}

/* The number of a vector in the snapshot, by its name. */
static uint32_t number_in(const restoring *x, const char *name)
{
    yyjson_val *config = yyjson_obj_get(yyjson_doc_get_root(x->head), "config");
    yyjson_val *v = yyjson_obj_get(yyjson_obj_get(config, "vectors"), name);

    v = v ? v : yyjson_obj_get(yyjson_obj_get(config, "sparse_vectors"), name);
    return (uint32_t)yyjson_get_uint(yyjson_obj_get(v, "number"));
}

static lt_status find_parts(restoring *x, const lt_schema *schema, lt_error *err)
{
    const lt_tar_part *points = lt_tar_find(&x->tar, LT_SNAPSHOT_POINTS);

    if (!points)
        return damaged(x, "has no points", err);
    x->done.at = points->bytes;
    x->done.left = points->n;
    for (size_t i = 0; i < schema->n_vectors; i++) {
        source *s = &x->done.sources[i];
        char name[32];

        s->number = number_in(x, schema->vectors[i].seen.name);
        lt_snapshot_rows_name(s->number, name);
        const lt_tar_part *rows = lt_tar_find(&x->tar, name);

        if (!schema->vectors[i].vecs)
            continue;
        if (!rows)
            return lt_fail(err, LT_ECORRUPT, "%s: %s is missing", x->tar.path, name);
        s->rows = rows->bytes;
        s->left = rows->n;
    }
    return LT_OK;
}

/* ---- one vector ------------------------------------------------------------------------------ */

/* The next row is this vector's. */
static lt_status take_row(source *from, const lt_schema_vector *s, lt_record_vector *v,
                          lt_error *err)
{
    const char *row = from->rows;

    if (from->left < s->stride)
        return lt_fail(err, LT_ECORRUPT, "its vector is missing");
    from->rows += s->stride;
    from->left -= s->stride;
    if (lt_hash64(row, s->stride) != v->hash)
        return lt_fail(err, LT_ECORRUPT, "its vector fails its checksum");
    v->bytes = row;
    v->n = s->stride;
    return LT_OK;
}

static lt_status take_vectors(restoring *x, const lt_schema *schema, const lt_record *r,
                              lt_encoded *out, size_t *n, lt_error *err)
{
    *n = 0;
    for (size_t i = 0; i < schema->n_vectors; i++) {
        const lt_schema_vector *s = &schema->vectors[i];
        lt_encoded *e = &out[*n];

        *e = (lt_encoded){.name = s->seen.name, .number = s->number};
        if (!lt_record_find(r, x->next.sources[i].number, &e->stored))
            continue;
        if (s->vecs && !e->stored.is_inline)
            LT_TRY(take_row(&x->next.sources[i], s, &e->stored, err));
        LT_TRY(lt_stored_check(s, &e->stored, &x->arena, err));
        e->stored.number = (uint16_t)s->number;
        (*n)++;
    }
    return LT_OK;
}

/* ---- points ---------------------------------------------------------------------------------- */

/* Keys come in order, so none comes twice. */
static bool is_next_key(const cursor *c, const lt_key *key)
{
    size_t n = c->last.n < key->n ? c->last.n : key->n;
    int order = memcmp(c->last.bytes, key->bytes, n);

    return order < 0 || (order == 0 && c->last.n < key->n);
}

static lt_status read_point(cursor *c, lt_key *key, lt_record *out, lt_error *err)
{
    uint32_t lengths[2];
    lt_id id;

    if (c->left < LT_SNAPSHOT_PREFIX)
        return lt_fail(err, LT_ECORRUPT, "a point is cut off");
    memcpy(lengths, c->at, sizeof lengths);
    size_t n_key = le32toh(lengths[0]), n = le32toh(lengths[1]);

    if (n_key > LT_KEY_MAX || n_key + n > c->left - LT_SNAPSHOT_PREFIX)
        return lt_fail(err, LT_ECORRUPT, "a point is cut off");
    key->n = n_key;
    memcpy(key->bytes, c->at + LT_SNAPSHOT_PREFIX, n_key);
    if (!lt_key_id(key->bytes, key->n, &id) || !is_next_key(c, key))
        return lt_fail(err, LT_ECORRUPT, "a point's id is not one, or out of order");
    LT_TRY(lt_record_decode(key->bytes, n_key, c->at + LT_SNAPSHOT_PREFIX + n_key, n, out, err));
    c->at += LT_SNAPSHOT_PREFIX + n_key + n;
    c->left -= LT_SNAPSHOT_PREFIX + n_key + n;
    c->last = *key;
    c->n_points++;
    return LT_OK;
}

static lt_status check_payload(const lt_record *r, lt_error *err)
{
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    if (r->payload_len > LT_LIMIT_PAYLOAD_BYTES)
        return lt_fail(err, LT_ELIMIT, "a payload of %zu bytes, at most %u are possible",
                       r->payload_len, LT_LIMIT_PAYLOAD_BYTES);
    return lt_json_parse_object(r->payload, r->payload_len, "payload", &doc, err);
}

/* The same as what lt_update would do of a point, but under the number of its old update. */
static lt_status add_point(restoring *x, lt_group *g, lt_error *err)
{
    lt_encoded vectors[LT_LIMIT_VECTORS];
    lt_key key;
    lt_record r;
    size_t n;

    LT_TRY(read_point(&x->next, &key, &r, err));
    LT_TRY(check_payload(&r, err));
    LT_TRY(take_vectors(x, g->schema, &r, vectors, &n, err));
    g->counts.operations = r.operation;
    return lt_group_put_new(g, &key, vectors, n, r.payload, r.payload_len, err);
}

/* A batch; done again from where the last one ended if the group is. */
static lt_status add_batch(lt_group *g, void *context, lt_error *err)
{
    restoring *x = context;
    const char *begin = x->done.at;

    x->next = x->done;
    for (int i = 0; i < BATCH_POINTS && x->next.left && x->next.at - begin < BATCH_BYTES; i++) {
        LT_TRY(add_point(x, g, err));
        lt_arena_done(&x->arena);
    }
    g->counts.operations = x->operations;
    return LT_OK;
}

static lt_status check_end(const restoring *x, size_t n_vectors, lt_error *err)
{
    if (x->done.n_points != x->n_points)
        return damaged(x, "it holds more or fewer points than it says", err);
    for (size_t i = 0; i < n_vectors; i++)
        if (x->done.sources[i].left)
            return damaged(x, "it holds vectors of no point", err);
    return LT_OK;
}

static lt_status fill(restoring *x, lt_collection *c, lt_error *err)
{
    const lt_schema *schema = c->view->schema; /* nobody else knows of the collection */
    lt_write w = {.change = add_batch, .context = x};
    lt_error why;

    LT_TRY(find_parts(x, schema, err));
    do {
        lt_status st = lt_write_submit(c, &w, &why);

        if (st != LT_OK)
            return within(x, st, &why, err);
        x->done = x->next;
    } while (x->done.left);
    return check_end(x, c->view->schema->n_vectors, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static lt_status fill_folder(restoring *x, lt_db *db, const char *name, const char *dir,
                             lt_error *err)
{
    lt_collection *c;

    LT_TRY(lt_collection_open_apart(db, name, dir, &c, err));
    lt_status st = fill(x, c, err);

    lt_collection_close_apart(c);
    return st;
}

lt_status lt_snapshots_restore(lt_db *db, const char *collection, const char *path,
                               const char *sha256, lt_error *err)
{
    LT_AUTOFREE restoring *x = lt_calloc(1, sizeof *x); /* too large for a stack */
    LT_CLEANUP(lt_buf_done) lt_buf dir = {0};
    char folder[LT_FOLDER_NAME];

    if (!db || !collection || !path)
        return lt_fail(err, LT_EINVAL, "database, collection and path are required");
    if (!x)
        return lt_fail_nomem(err);
    LT_TRY(lt_check_writable(db, err));
    LT_TRY(lt_check_name(collection, "collection", err));
    LT_TRY(lt_tar_open(&x->tar, path, sha256, err));
    lt_status st = read_head(x, err);

    if (st == LT_OK)
        st = lt_folder_create(db, x->config, x->metadata, folder, &dir, err);
    if (st == LT_OK) {
        st = fill_folder(x, db, collection, dir.data, err);
        if (st == LT_OK)
            st = lt_collection_put(db, collection, folder, err);
        if (st != LT_OK && lt_dir_remove(dir.data, NULL) != LT_OK)
            lt_buf_clear(&dir); /* the next open clears it away */
    }
    restoring_done(x);
    return st;
}
