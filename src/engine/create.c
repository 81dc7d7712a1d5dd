/* SPDX-License-Identifier: Apache-2.0
 * Creating collections, and the list of their names. */
#include <base/file.h>
#include <base/limits.h>
#include <base/mem.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "config.h"
#include "engine.h"

/* ---- names ----------------------------------------------------------------------------------- */

lt_status lt_check_name(const char *name, const char *what, lt_error *err)
{
    size_t n = name ? strlen(name) : 0;

    if (n == 0 || n > LT_LIMIT_COLLECTION_NAME)
        return lt_fail(err, LT_EINVAL, "%s name has %zu bytes, must be from 1 to %u", what, n,
                       LT_LIMIT_COLLECTION_NAME);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return lt_fail(err, LT_EINVAL, "%s name cannot contain the control character 0x%02x",
                           what, (unsigned char)name[i]);
        if (strchr("<>:\"/\\|?*", name[i]))
            return lt_fail(err, LT_EINVAL, "%s name cannot contain \"%c\" char", what, name[i]);
    }
    return LT_OK;
}

typedef struct name_list {
    char **items;
    size_t n, cap;
} name_list;

static lt_status add_name(void *context, const char *name, size_t n_name, const char *folder,
                          size_t n_folder, lt_error *err)
{
    name_list *l = context;

    (void)folder;
    (void)n_folder;
    char **more = lt_grow(l->items, l->n, &l->cap, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    l->items = more;
    l->items[l->n] = lt_strndup(name, n_name);
    if (!l->items[l->n])
        return lt_fail_nomem(err);
    l->n++;
    return LT_OK;
}

lt_status lt_collection_list(lt_db *db, char ***names, size_t *n_names, lt_error *err)
{
    name_list l = {0};

    if (!db || !names || !n_names)
        return lt_fail(err, LT_EINVAL, "database, names and n_names are required");
    lt_status st = lt_catalog_each(db->catalog, add_name, &l, err);

    if (st != LT_OK) {
        lt_names_free(l.items, l.n);
        return st;
    }
    *names = l.items;
    *n_names = l.n;
    return LT_OK;
}

void lt_names_free(char **names, size_t n_names)
{
    for (size_t i = 0; names && i < n_names; i++)
        lt_free(names[i]);
    lt_free(names);
}

/* ---- creating -------------------------------------------------------------------------------- */

/* 32 random hex digits. */
static lt_status random_name(char out[LT_FOLDER_NAME], lt_error *err)
{
    uint8_t bytes[16];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return lt_fail(err, LT_EIO, "the system gives no random numbers");
    for (int i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return LT_OK;
}

static lt_status write_files(lt_db *db, const char *dir, const char *config, const char *metadata,
                             lt_error *err)
{
    LT_AUTOFREE char *points = lt_path_join(dir, "points.mdb");

    if (!points)
        return lt_fail_nomem(err);
    LT_TRY(lt_schema_create_files(dir, config, strlen(config), err));
    LT_TRY(lt_table_create(points, config, metadata, db->options.no_sync, err));
    return lt_dir_sync(dir, err);
}

/* Is the name free? db->lock is held. */
static lt_status check_free(lt_db *db, const char *name, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf there = {0};
    lt_error why;
    lt_status st = lt_catalog_get(db->catalog, name, &there, &why);

    if (st == LT_OK)
        return lt_fail(err, LT_EEXISTS, "Collection `%s` already exists!", name);
    if (st != LT_ENOTFOUND && err)
        *err = why;
    return st == LT_ENOTFOUND ? LT_OK : st;
}

lt_status lt_folder_create(lt_db *db, const char *config, const char *metadata,
                           char name[LT_FOLDER_NAME], lt_buf *path, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf parent = {0};

    LT_TRY(random_name(name, err));
    LT_TRY(lt_buf_addf(&parent, err, "%s/collections", db->path));
    LT_TRY(lt_buf_addf(path, err, "%s/%s", parent.data, name));
    LT_TRY(lt_dir_make(path->data, err));
    lt_status st = write_files(db, path->data, config, metadata, err);

    if (st != LT_OK && lt_dir_remove(path->data, NULL) != LT_OK)
        return st; /* the next open clears it away */
    return st;
}

/* db->lock is held. */
static lt_status create_locked(lt_db *db, const char *name, const char *config,
                               const char *metadata, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf path = {0};
    char folder[LT_FOLDER_NAME];

    LT_TRY(check_free(db, name, err));
    LT_TRY(lt_folder_create(db, config, metadata, folder, &path, err));
    lt_status st = lt_catalog_put(db->catalog, name, folder, err);

    if (st != LT_OK && lt_dir_remove(path.data, NULL) != LT_OK)
        return st; /* the next open clears it away */
    return st;
}

lt_status lt_collection_create_json(lt_db *db, const char *name, const char *json, size_t n_json,
                                    lt_error *err)
{
    LT_AUTOFREE char *config = NULL, *metadata = NULL;

    if (!db || !json)
        return lt_fail(err, LT_EINVAL, "a database and a config are required");
    LT_TRY(lt_check_name(name, "collection", err));
    LT_TRY(lt_check_writable(db, err));
    if (n_json > LT_LIMIT_CONFIG_BYTES)
        return lt_fail(err, LT_ELIMIT, "a config of %zu bytes, at most %u are possible", n_json,
                       LT_LIMIT_CONFIG_BYTES);
    LT_TRY(lt_config_create(json, n_json, &config, &metadata, err));
    pthread_mutex_lock(&db->lock);
    lt_status st = create_locked(db, name, config, metadata, err);

    pthread_mutex_unlock(&db->lock);
    return st;
}

lt_status lt_collection_create(lt_db *db, const char *name, const lt_collection_config *config,
                               lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf json = {0};
    LT_CLEANUP(lt_json_free) yyjson_doc *doc = NULL;

    if (!db || !config)
        return lt_fail(err, LT_EINVAL, "database and config are required");
    if (config->size != sizeof *config)
        return lt_fail(err, LT_EINVAL,
                       "lt_collection_config: start it with LT_COLLECTION_CONFIG_INIT");
    if (config->dims == 0 || config->dims > LT_LIMIT_DIMS)
        return lt_fail(err, LT_EINVAL, "%zu dimensions: 1 to %u are possible", config->dims,
                       LT_LIMIT_DIMS);
    if ((unsigned)config->distance > LT_DISTANCE_MANHATTAN)
        return lt_fail(err, LT_EINVAL, "unknown distance %d", (int)config->distance);
    if (config->metadata)
        LT_TRY(lt_json_parse_object(config->metadata, strlen(config->metadata), "metadata", &doc,
                                    err));
    LT_TRY(lt_buf_addf(&json, err, "{\"vectors\":{\"size\":%zu,\"distance\":\"%s\"}%s%s}",
                       config->dims, lt_distance_names[config->distance],
                       config->metadata ? ",\"metadata\":" : "",
                       config->metadata ? config->metadata : ""));
    return lt_collection_create_json(db, name, json.data, json.len, err);
}

/* ---- aliases --------------------------------------------------------------------------------- */

static lt_status check_action(const lt_alias_action *a, lt_error *err)
{
    if (!a->alias || (a->kind == LT_ALIAS_CREATE && !a->collection))
        return lt_fail(err, LT_EINVAL, "an alias and its collection are required");
    if (a->kind == LT_ALIAS_CREATE)
        return lt_check_name(a->alias, "alias", err);
    return a->kind == LT_ALIAS_RENAME ? lt_check_name(a->new_alias, "alias", err) : LT_OK;
}

lt_status lt_aliases_change(lt_db *db, const lt_alias_action *actions, size_t n_actions,
                            lt_error *err)
{
    if (!db || (!actions && n_actions))
        return lt_fail(err, LT_EINVAL, "database and actions are required");
    LT_TRY(lt_check_writable(db, err));
    for (size_t i = 0; i < n_actions; i++)
        LT_TRY(check_action(&actions[i], err));
    pthread_mutex_lock(&db->lock);
    lt_status st = lt_catalog_change_aliases(db->catalog, actions, n_actions, err);

    pthread_mutex_unlock(&db->lock);
    return st;
}

typedef struct alias_list {
    const char *collection; /* NULL: all */
    lt_alias *items;
    size_t n, cap;
} alias_list;

static lt_status add_alias(void *context, const char *alias, size_t n_alias, const char *name,
                           size_t n_name, lt_error *err)
{
    alias_list *l = context;

    if (l->collection &&
        (strlen(l->collection) != n_name || memcmp(l->collection, name, n_name) != 0))
        return LT_OK;
    lt_alias *more = lt_grow(l->items, l->n, &l->cap, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    l->items = more;
    lt_alias *a = &l->items[l->n++];

    a->alias = lt_strndup(alias, n_alias);
    a->collection = lt_strndup(name, n_name);
    return a->alias && a->collection ? LT_OK : lt_fail_nomem(err);
}

lt_status lt_aliases_list(lt_db *db, const char *collection, lt_alias **out, size_t *n_out,
                          lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf folder = {0};
    alias_list l = {.collection = collection};

    if (!db || !out || !n_out)
        return lt_fail(err, LT_EINVAL, "database, out and n_out are required");
    if (collection)
        LT_TRY(lt_catalog_get(db->catalog, collection, &folder, err));
    lt_status st = lt_catalog_each_alias(db->catalog, add_alias, &l, err);

    if (st != LT_OK) {
        lt_aliases_free(l.items, l.n);
        return st;
    }
    *out = l.items;
    *n_out = l.n;
    return LT_OK;
}

void lt_aliases_free(lt_alias *aliases, size_t n_aliases)
{
    for (size_t i = 0; aliases && i < n_aliases; i++) {
        lt_free((void *)(uintptr_t)aliases[i].alias);
        lt_free((void *)(uintptr_t)aliases[i].collection);
    }
    lt_free(aliases);
}
