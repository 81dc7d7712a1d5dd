/* SPDX-License-Identifier: Apache-2.0
 * Databases: a directory with a lock, a catalog and the folders of its collections. */
#include <base/file.h>
#include <base/mem.h>
#include <dirent.h>
#include <errno.h>
#include <store/lock.h>
#include <string.h>

#include "snapshot.h"

static void db_free(lt_db *db)
{
    if (!db)
        return;
    lt_catalog_close(db->catalog);
    lt_fd_close(&db->lock_fd);
    lt_indexer_done(&db->indexer);
    pthread_cond_destroy(&db->closed);
    pthread_mutex_destroy(&db->snapshots);
    pthread_mutex_destroy(&db->lock);
    lt_free(db->path);
    lt_free(db);
}

/* ---- folders that no entry names: the rest of an interrupted create or drop ------------------ */

typedef struct known {
    const char *folder;
    bool found;
} known;

static lt_status is_known(void *context, const char *name, size_t n_name, const char *folder,
                          size_t n_folder, lt_error *err)
{
    known *k = context;

    (void)name;
    (void)n_name;
    (void)err;
    if (strlen(k->folder) == n_folder && memcmp(k->folder, folder, n_folder) == 0)
        k->found = true;
    return LT_OK;
}

/* Without a catalog every folder would be cleared away: somebody lost or forgot to copy it. */
static lt_status refuse_orphans(const lt_db *db, const char *catalog, lt_error *err)
{
    LT_AUTOFREE char *parent = lt_path_join(db->path, "collections");
    DIR *dir = parent ? opendir(parent) : NULL;
    bool found = false;

    if (!parent)
        return lt_fail_nomem(err);
    for (struct dirent *e; dir && !found && (e = readdir(dir)) != NULL;)
        found = e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return found ? lt_fail(err, LT_ECORRUPT, "%s is missing, but there are collections beside it",
                           catalog)
                 : LT_OK;
}

static lt_status clear_away(lt_db *db, lt_error *err)
{
    LT_AUTOFREE char *parent = lt_path_join(db->path, "collections");
    DIR *dir = parent ? opendir(parent) : NULL;
    lt_status st = parent ? LT_OK : lt_fail_nomem(err);

    for (struct dirent *e; dir && st == LT_OK && (e = readdir(dir)) != NULL;) {
        known k = {.folder = e->d_name};

        if (e->d_name[0] == '.')
            continue;
        st = lt_catalog_each(db->catalog, is_known, &k, err);
        if (st != LT_OK || k.found)
            continue;
        LT_AUTOFREE char *path = lt_path_join(parent, e->d_name);

        st = path ? lt_dir_remove(path, err) : lt_fail_nomem(err);
    }
    if (dir)
        closedir(dir);
    return st;
}

/* ---- opening --------------------------------------------------------------------------------- */

static lt_status prepare_directory(lt_db *db, const char *catalog, lt_error *err)
{
    LT_AUTOFREE char *collections = lt_path_join(db->path, "collections");

    if (!collections)
        return lt_fail_nomem(err);
    if ((db->options.read_only || db->options.no_create) && !lt_path_exists(catalog))
        return lt_fail(err, LT_ENOTFOUND, "%s holds no database yet", db->path);
    if (db->options.read_only)
        return LT_OK;
    LT_TRY(lt_dir_make(collections, err));
    return lt_dir_lock(db->path, &db->lock_fd, err);
}

static lt_status open_in(lt_db *db, lt_error *err)
{
    LT_AUTOFREE char *catalog = lt_path_join(db->path, "catalog.mdb");

    if (!catalog)
        return lt_fail_nomem(err);
    LT_TRY(prepare_directory(db, catalog, err));
    if (!lt_path_exists(catalog))
        LT_TRY(refuse_orphans(db, catalog, err));
    LT_TRY(lt_catalog_open(catalog, db->options.read_only, db->options.no_sync, &db->catalog, err));
    if (db->options.read_only)
        return LT_OK;
    LT_TRY(lt_dir_sync(db->path, err));
    lt_snapshots_clear_away(db);
    return clear_away(db, err);
}

lt_status lt_db_open(const char *path, const lt_db_options *options, lt_db **out, lt_error *err)
{
    static const lt_db_options defaults = LT_DB_OPTIONS_INIT;

    if (!path || !path[0] || !out)
        return lt_fail(err, LT_EINVAL, "a path and out are required");
    if (options && options->size != sizeof *options)
        return lt_fail(err, LT_EINVAL, "lt_db_options: start it with LT_DB_OPTIONS_INIT");
    lt_db *db = lt_calloc(1, sizeof *db);

    if (!db)
        return lt_fail_nomem(err);
    db->lock_fd = -1;
    db->options = options ? *options : defaults;
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->closed, NULL);
    pthread_mutex_init(&db->snapshots, NULL);
    lt_indexer_init(&db->indexer);
    db->path = lt_strdup(path);
    lt_status st = db->path ? open_in(db, err) : lt_fail_nomem(err);

    if (st != LT_OK) {
        db_free(db);
        return st;
    }
    *out = db;
    return LT_OK;
}

void lt_db_close(lt_db *db)
{
    if (!db)
        return;
    lt_indexer_stop(db);
    lt_collections_close(db);
    db_free(db);
}
