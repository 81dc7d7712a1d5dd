/* SPDX-License-Identifier: Apache-2.0
 * Opening and closing collections. A collection that nobody uses stays open, so that opening it for
 * each request costs a look at a list; the longest unused are closed when there are many. */
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <dirent.h>
#include <store/pages.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "engine.h"

lt_status lt_check_writable(const lt_db *db, lt_error *err)
{
    return db->options.read_only ? lt_fail(err, LT_EINVAL, "%s is open for reading only", db->path)
                                 : LT_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The half that ends what a later opening of the same files could meet. */
static void close_files(lt_collection *c)
{
    lt_indexing_done(c);
    lt_view_unref(c->view);
    lt_table_close(c->table);
    lt_status removed = atomic_load(&c->dropped) ? lt_dir_remove(c->dir, NULL) : LT_OK;

    (void)removed; /* what stays behind is cleared away when the database is opened the next time */
}

static void free_closed(lt_collection *c)
{
    pthread_mutex_destroy(&c->view_lock);
    pthread_mutex_destroy(&c->write_lock);
    pthread_mutex_destroy(&c->meta_lock);
    pthread_cond_destroy(&c->write_done);
    lt_free(c->metadata);
    lt_free(c->name);
    lt_free(c->dir);
    lt_free(c);
}

static void collection_free(lt_collection *c)
{
    if (!c)
        return;
    close_files(c);
    free_closed(c);
}

static lt_status load_view(lt_collection *c, lt_txn *txn, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf config = {0};
    bool read_only = c->db->options.read_only;
    lt_schema *schema;

    LT_TRY(lt_txn_meta(txn, "config", &config, err));
    LT_TRY(lt_schema_load(c->dir, config.data ? config.data : "", config.len, read_only, NULL,
                          &schema, err));
    if (!read_only)
        lt_schema_clear_files(c->dir, schema);
    lt_view *v;

    LT_TRY(lt_view_load(c, txn, schema, &v, err));
    lt_view_publish(c, v);
    return LT_OK;
}

static lt_status load(lt_collection *c, lt_error *err)
{
    LT_AUTOFREE char *points = lt_path_join(c->dir, "points.mdb");
    const lt_db_options *o = &c->db->options;
    lt_txn *txn = NULL;

    if (!points)
        return lt_fail_nomem(err);
    LT_TRY(lt_table_open(points, o->read_only, o->no_sync, &c->table, err));
    /* The owner may take files of the commit away that is being opened: then there is a newer one. */
    for (uint64_t failed = 0;;) {
        LT_TRY(lt_table_read(c->table, &txn, err));
        uint64_t number = lt_txn_number(txn);
        lt_status st = load_view(c, txn, err);

        lt_txn_end(txn);
        if (st == LT_OK || number == failed)
            return st;
        failed = number;
    }
}

static lt_collection *new_collection(lt_db *db)
{
    lt_collection *c = lt_calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->db = db;
    pthread_mutex_init(&c->view_lock, NULL);
    pthread_mutex_init(&c->write_lock, NULL);
    pthread_mutex_init(&c->meta_lock, NULL);
    pthread_cond_init(&c->write_done, NULL);
    lt_indexing_init(&c->indexing);
    return c;
}

lt_status lt_collection_open_apart(lt_db *db, const char *name, const char *dir,
                                   lt_collection **out, lt_error *err)
{
    lt_collection *c = new_collection(db);

    if (!c)
        return lt_fail_nomem(err);
    c->name = lt_strdup(name);
    c->dir = lt_strdup(dir);
    lt_status st = c->name && c->dir ? load(c, err) : lt_fail_nomem(err);

    if (st != LT_OK) {
        collection_free(c);
        return st;
    }
    *out = c;
    return LT_OK;
}

void lt_collection_close_apart(lt_collection *c)
{
    collection_free(c);
}

static lt_status open_new(lt_db *db, const char *name, lt_collection **out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf dir = {0};

    LT_TRY(lt_buf_addf(&dir, err, "%s/collections/", db->path));
    LT_TRY(lt_catalog_get(db->catalog, name, &dir, err));
    return lt_collection_open_apart(db, name, dir.data, out, err);
}

/* ---- the list of what is open; db->lock is held ---------------------------------------------- */

/* Takes the collection out of the list. */
static lt_collection *take_out(lt_db *db, const char *name)
{
    for (lt_collection **p = &db->open; *p; p = &(*p)->next) {
        lt_collection *c = *p;

        if (strcmp(c->name, name) != 0)
            continue;
        *p = c->next;
        c->next = NULL;
        return c;
    }
    return NULL;
}

/* Takes the collection out of the list; the caller frees it with free_closing. */
static lt_collection *take_to_close(lt_db *db, lt_collection *c)
{
    c->next_closing = db->closing;
    db->closing = c;
    return c;
}

/* LMDB's locks are the process's: two environments of one file must not be open at once. A dropped
 * collection is in nobody's way, for its files are no other's. */
static void wait_until_closed(lt_db *db, const char *name)
{
    lt_collection *c = db->closing;

    while (c) {
        if (strcmp(c->name, name) != 0 || atomic_load(&c->dropped)) {
            c = c->next_closing;
            continue;
        }
        pthread_cond_wait(&db->closed, &db->lock);
        c = db->closing;
    }
}

static void put_first(lt_db *db, lt_collection *c)
{
    c->next = db->open;
    db->open = c;
}

/* Takes out the longest unused where more are open than may be: a list to be freed. */
static lt_collection *take_surplus(lt_db *db)
{
    lt_collection *surplus = NULL;
    size_t n = 0;

    for (lt_collection **p = &db->open; *p;) {
        lt_collection *c = *p;

        if (c->refs > 0 || ++n <= LT_LIMIT_OPEN_COLLECTIONS) {
            p = &c->next;
            continue;
        }
        *p = c->next;
        c->next = surplus;
        surplus = take_to_close(db, c);
    }
    return surplus;
}

static void leave_closing(lt_db *db, const lt_collection *c)
{
    lt_collection **p = &db->closing;

    while (*p != c)
        p = &(*p)->next_closing;
    *p = c->next_closing;
    pthread_cond_broadcast(&db->closed);
}

/* A list of such that are closing. db->lock is not held. */
static void free_closing(lt_db *db, lt_collection *c)
{
    for (lt_collection *next; c; c = next) {
        next = c->next;
        close_files(c);
        pthread_mutex_lock(&db->lock);
        leave_closing(db, c);
        pthread_mutex_unlock(&db->lock);
        free_closed(c);
    }
}

static lt_status open_named(lt_db *db, const char *name, lt_collection **out, lt_error *err)
{
    wait_until_closed(db, name);
    lt_collection *c = take_out(db, name);

    if (!c)
        LT_TRY(open_new(db, name, &c, err));
    c->refs++;
    put_first(db, c);
    *out = c;
    return LT_OK;
}

/* By its name, or by an alias. */
static lt_status open_locked(lt_db *db, const char *name, lt_collection **out, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf real = {0};
    lt_error why;
    lt_status st = open_named(db, name, out, err);

    if (st != LT_ENOTFOUND || lt_catalog_alias(db->catalog, name, &real, &why) != LT_OK)
        return st;
    return open_named(db, real.data, out, err);
}

lt_status lt_collection_open(lt_db *db, const char *name, lt_collection **out, lt_error *err)
{
    if (!db || !out || !name)
        return lt_fail(err, LT_EINVAL, "database, name and out are required");
    if (!name[0] || strlen(name) > LT_LIMIT_COLLECTION_NAME)
        return lt_fail(err, LT_EINVAL, "a collection's name has 1 to %u bytes",
                       LT_LIMIT_COLLECTION_NAME);
    pthread_mutex_lock(&db->lock);
    lt_status st = open_locked(db, name, out, err);
    lt_collection *surplus = take_surplus(db);

    pthread_mutex_unlock(&db->lock);
    free_closing(db, surplus);
    return st;
}

void lt_collection_close(lt_collection *collection)
{
    if (!collection)
        return;
    lt_db *db = collection->db;

    pthread_mutex_lock(&db->lock);
    bool unused = --collection->refs == 0;
    bool gone = unused && atomic_load(&collection->dropped);

    /* Another process may drop what a reader has open and make it anew: readers do not keep it. */
    if (unused && db->options.read_only)
        gone = take_out(db, collection->name) != NULL;
    if (gone)
        take_to_close(db, collection);
    pthread_mutex_unlock(&db->lock);
    if (gone)
        free_closing(db, collection);
}

void lt_collections_close(lt_db *db)
{
    for (lt_collection *c = db->open; c; c = c->next)
        LT_ASSERT(c->refs == 0);
    while (db->open) {
        lt_collection *c = db->open;

        db->open = c->next;
        collection_free(c);
    }
}

/* ---- before opening -------------------------------------------------------------------------- */

/* db->lock is held. */
static lt_status check_file(lt_db *db, const char *name, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf path = {0};

    wait_until_closed(db, name);
    for (const lt_collection *c = db->open; c; c = c->next)
        if (strcmp(c->name, name) == 0)
            return lt_fail(err, LT_EBUSY, "collection '%s' is open", name);
    LT_TRY(lt_buf_addf(&path, err, "%s/collections/", db->path));
    LT_TRY(lt_catalog_get(db->catalog, name, &path, err));
    LT_TRY(lt_buf_adds(&path, "/points.mdb", err));
    return lt_pages_check(path.data, err);
}

lt_status lt_collection_check_file(lt_db *db, const char *name, lt_error *err)
{
    if (!db || !name)
        return lt_fail(err, LT_EINVAL, "database and name are required");
    pthread_mutex_lock(&db->lock);
    lt_status st = check_file(db, name, err);

    pthread_mutex_unlock(&db->lock);
    return st;
}

/* ---- dropping -------------------------------------------------------------------------------- */

/* What a name has lost: the files go with the last reference. db->lock is held. */
static lt_status let_go(lt_db *db, const char *name, const char *dir, lt_collection **unused,
                        lt_error *err)
{
    lt_collection *c = take_out(db, name);

    if (!c)
        return lt_dir_remove(dir, err);
    atomic_store(&c->dropped, true);
    if (c->refs == 0)
        *unused = c;
    return LT_OK;
}

static lt_status drop_locked(lt_db *db, const char *name, lt_collection **unused, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf dir = {0};

    wait_until_closed(db, name);
    LT_TRY(lt_buf_addf(&dir, err, "%s/collections/", db->path));
    LT_TRY(lt_catalog_get(db->catalog, name, &dir, err));
    LT_TRY(lt_catalog_remove(db->catalog, name, err));
    return let_go(db, name, dir.data, unused, err);
}

static lt_status put_locked(lt_db *db, const char *name, const char *folder,
                            lt_collection **unused, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf dir = {0};
    lt_error why;

    wait_until_closed(db, name);
    LT_TRY(lt_buf_addf(&dir, err, "%s/collections/", db->path));
    lt_status there = lt_catalog_get(db->catalog, name, &dir, &why);

    LT_TRY(lt_catalog_replace(db->catalog, name, folder, err));
    if (there == LT_OK)
        there = let_go(db, name, dir.data, unused, &why);
    return LT_OK; /* what could not be removed is cleared away the next time */
}

lt_status lt_collection_put(lt_db *db, const char *name, const char *folder, lt_error *err)
{
    lt_collection *unused = NULL;

    pthread_mutex_lock(&db->lock);
    lt_status st = put_locked(db, name, folder, &unused, err);

    pthread_mutex_unlock(&db->lock);
    collection_free(unused);
    return st;
}

lt_status lt_collection_drop(lt_db *db, const char *name, lt_error *err)
{
    lt_collection *unused = NULL;

    if (!db || !name || !name[0])
        return lt_fail(err, LT_EINVAL, "a database and a name are required");
    LT_TRY(lt_check_writable(db, err));
    pthread_mutex_lock(&db->lock);
    lt_status st = drop_locked(db, name, &unused, err);

    pthread_mutex_unlock(&db->lock);
    collection_free(unused);
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
    const lt_schema_vector *v = lt_schema_find(s.view->schema, "");

    pthread_mutex_lock(&collection->meta_lock);
    if (!collection->metadata || strcmp(collection->metadata, metadata.data) != 0) {
        lt_free(collection->metadata);
        collection->metadata = lt_buf_steal(&metadata);
    }
    *out = (lt_collection_info){.size = sizeof *out,
                                .dims = v ? v->seen.dims : 0,
                                .distance = v ? v->seen.distance : LT_DISTANCE_COSINE,
                                .n_points = s.view->n_points,
                                .n_deleted = s.view->n_slots - s.view->n_points,
                                .bytes_on_disk = bytes_in(collection->dir),
                                .metadata = collection->metadata};
    pthread_mutex_unlock(&collection->meta_lock);
    return LT_OK;
}
