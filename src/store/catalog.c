/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include <base/file.h>
#include <base/mem.h>
#include <string.h>
#include <unistd.h>

#include "env.h"

enum { N_TABLES = 16 };

struct lt_catalog {
    lt_env env;
    MDB_dbi collections, aliases;
    bool has_aliases; /* false: a file of an older latent, open for reading */
};

static lt_status open_tables(lt_catalog *c, lt_error *err)
{
    bool write = !c->env.read_only;
    MDB_txn *txn;

    LT_TRY(lt_env_begin(&c->env, write, &txn, err));
    int code = mdb_dbi_open(txn, "collections", write ? MDB_CREATE : 0, &c->collections);

    if (code == 0) {
        code = mdb_dbi_open(txn, "aliases", write ? MDB_CREATE : 0, &c->aliases);
        c->has_aliases = code == 0;
        if (code == MDB_NOTFOUND)
            code = 0;
    }
    if (code == 0)
        return lt_env_commit(&c->env, txn, err);
    lt_env_end(&c->env, txn);
    if (code == MDB_NOTFOUND)
        return lt_fail(err, LT_ENOTFOUND, "%s: holds no collections yet", c->env.path);
    return lt_env_fail(&c->env, code, "opening its tables", err);
}

/* A new file gets its name when it is whole: LMDB's own first write is not atomic. */
static lt_status create_file(const char *path, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf temp = {0}, lock = {0};
    lt_catalog c = {0};

    LT_TRY(lt_buf_addf(&temp, err, "%s.new", path));
    LT_TRY(lt_buf_addf(&lock, err, "%s-lock", temp.data));
    (void)unlink(temp.data); /* the rest of an attempt that was interrupted */
    LT_TRY(lt_env_open(&c.env, temp.data, false, false, N_TABLES, err));
    lt_status st = open_tables(&c, err);

    lt_env_close(&c.env);
    (void)unlink(lock.data);
    LT_TRY(st);
    return lt_file_rename(temp.data, path, err);
}

lt_status lt_catalog_open(const char *path, bool read_only, bool no_sync, lt_catalog **out,
                          lt_error *err)
{
    if (!read_only && !lt_path_exists(path))
        LT_TRY(create_file(path, err));
    lt_catalog *c = lt_calloc(1, sizeof *c);

    if (!c)
        return lt_fail_nomem(err);
    lt_status st = lt_env_open(&c->env, path, read_only, no_sync, N_TABLES, err);

    if (st == LT_OK)
        st = open_tables(c, err);
    if (st != LT_OK) {
        lt_catalog_close(c);
        return st;
    }
    *out = c;
    return LT_OK;
}

void lt_catalog_close(lt_catalog *c)
{
    if (!c)
        return;
    lt_env_close(&c->env);
    lt_free(c);
}

/* ---- entries --------------------------------------------------------------------------------- */

static MDB_val val_of(const char *text)
{
    return (MDB_val){strlen(text), (void *)(uintptr_t)text};
}

static lt_status no_collection(const char *name, lt_error *err)
{
    return lt_fail(err, LT_ENOTFOUND, "Collection `%s` doesn't exist!", name);
}

static int get(MDB_txn *txn, MDB_dbi table, const char *name, MDB_val *out)
{
    MDB_val k = val_of(name);

    return mdb_get(txn, table, &k, out);
}

static int put(MDB_txn *txn, MDB_dbi table, const char *name, const char *value)
{
    MDB_val k = val_of(name), v = val_of(value);

    return mdb_put(txn, table, &k, &v, 0);
}

static int del(MDB_txn *txn, MDB_dbi table, const char *name)
{
    MDB_val k = val_of(name);

    return mdb_del(txn, table, &k, NULL);
}

/* Ends a writing transaction: commits where all went well. The map never fills: names are few and
 * short. */
static lt_status finish(lt_catalog *c, MDB_txn *txn, lt_status st, lt_error *err)
{
    if (st == LT_OK)
        return lt_env_commit(&c->env, txn, err);
    lt_env_end(&c->env, txn);
    return st;
}

static lt_status code_status(lt_catalog *c, int code, lt_error *err)
{
    return code ? lt_env_fail(&c->env, code, "writing", err) : LT_OK;
}

lt_status lt_catalog_get(lt_catalog *c, const char *name, lt_buf *folder, lt_error *err)
{
    MDB_val v;
    MDB_txn *txn;

    LT_TRY(lt_env_begin(&c->env, false, &txn, err));
    int code = get(txn, c->collections, name, &v);
    lt_status st = code == MDB_NOTFOUND ? no_collection(name, err)
                   : code               ? lt_env_fail(&c->env, code, "reading", err)
                                        : lt_buf_add(folder, v.mv_data, v.mv_size, err);

    lt_env_end(&c->env, txn);
    return st;
}

static lt_status put_collection(lt_catalog *c, MDB_txn *txn, const char *name, const char *folder,
                                lt_error *err)
{
    MDB_val v;

    if (get(txn, c->collections, name, &v) == 0)
        return lt_fail(err, LT_EEXISTS, "Collection `%s` already exists!", name);
    if (get(txn, c->aliases, name, &v) == 0)
        return lt_fail(err, LT_EINVAL,
                       "Can't create collection with name %s. Alias with the same name already "
                       "exists",
                       name);
    return code_status(c, put(txn, c->collections, name, folder), err);
}

lt_status lt_catalog_put(lt_catalog *c, const char *name, const char *folder, lt_error *err)
{
    MDB_txn *txn;

    LT_TRY(lt_env_begin(&c->env, true, &txn, err));
    return finish(c, txn, put_collection(c, txn, name, folder, err), err);
}

static lt_status replace_collection(lt_catalog *c, MDB_txn *txn, const char *name,
                                    const char *folder, lt_error *err)
{
    MDB_val v;

    if (get(txn, c->collections, name, &v) != 0)
        return put_collection(c, txn, name, folder, err);
    return code_status(c, put(txn, c->collections, name, folder), err);
}

lt_status lt_catalog_replace(lt_catalog *c, const char *name, const char *folder, lt_error *err)
{
    MDB_txn *txn;

    LT_TRY(lt_env_begin(&c->env, true, &txn, err));
    return finish(c, txn, replace_collection(c, txn, name, folder, err), err);
}

static int drop_aliases_of(lt_catalog *c, MDB_txn *txn, const char *name)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    int code = mdb_cursor_open(txn, c->aliases, &cursor);

    if (code)
        return code;
    code = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    for (; code == 0; code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
        if (v.mv_size == strlen(name) && memcmp(v.mv_data, name, v.mv_size) == 0 &&
            (code = mdb_cursor_del(cursor, 0)) != 0)
            break;
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

lt_status lt_catalog_remove(lt_catalog *c, const char *name, lt_error *err)
{
    MDB_txn *txn;

    LT_TRY(lt_env_begin(&c->env, true, &txn, err));
    int code = del(txn, c->collections, name);
    lt_status st = code == MDB_NOTFOUND ? no_collection(name, err) : code_status(c, code, err);

    if (st == LT_OK)
        st = code_status(c, drop_aliases_of(c, txn, name), err);
    return finish(c, txn, st, err);
}

static lt_status each(lt_catalog *c, MDB_dbi table, lt_catalog_visit visit, void *context,
                      lt_error *err)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    MDB_txn *txn;
    lt_status st = LT_OK;

    LT_TRY(lt_env_begin(&c->env, false, &txn, err));
    int code = mdb_cursor_open(txn, table, &cursor);

    if (code == 0) {
        code = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
        for (; code == 0 && st == LT_OK; code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
            st = visit(context, k.mv_data, k.mv_size, v.mv_data, v.mv_size, err);
        mdb_cursor_close(cursor);
    }
    if (st == LT_OK && code != MDB_NOTFOUND)
        st = lt_env_fail(&c->env, code, "reading", err);
    lt_env_end(&c->env, txn);
    return st;
}

lt_status lt_catalog_each(lt_catalog *c, lt_catalog_visit visit, void *context, lt_error *err)
{
    return each(c, c->collections, visit, context, err);
}

/* ---- aliases --------------------------------------------------------------------------------- */

lt_status lt_catalog_alias(lt_catalog *c, const char *alias, lt_buf *name, lt_error *err)
{
    MDB_val v;
    MDB_txn *txn;

    if (!c->has_aliases)
        return no_collection(alias, err);
    LT_TRY(lt_env_begin(&c->env, false, &txn, err));
    int code = get(txn, c->aliases, alias, &v);
    lt_status st = code == MDB_NOTFOUND ? no_collection(alias, err)
                   : code               ? lt_env_fail(&c->env, code, "reading", err)
                                        : lt_buf_add(name, v.mv_data, v.mv_size, err);

    lt_env_end(&c->env, txn);
    return st;
}

lt_status lt_catalog_each_alias(lt_catalog *c, lt_catalog_visit visit, void *context, lt_error *err)
{
    return c->has_aliases ? each(c, c->aliases, visit, context, err) : LT_OK;
}

static lt_status create_alias(lt_catalog *c, MDB_txn *txn, const lt_alias_action *a, lt_error *err)
{
    MDB_val v;

    if (get(txn, c->collections, a->collection, &v) != 0)
        return no_collection(a->collection, err);
    if (get(txn, c->collections, a->alias, &v) == 0)
        return lt_fail(err, LT_EEXISTS, "Collection `%s` already exists!", a->alias);
    return code_status(c, put(txn, c->aliases, a->alias, a->collection), err);
}

static lt_status rename_alias(lt_catalog *c, MDB_txn *txn, const lt_alias_action *a, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf name = {0};
    MDB_val v;

    if (get(txn, c->aliases, a->alias, &v) != 0)
        return lt_fail(err, LT_ENOTFOUND, "Alias %s does not exists!", a->alias);
    LT_TRY(lt_buf_add(&name, v.mv_data, v.mv_size, err));
    if (get(txn, c->collections, a->new_alias, &v) == 0)
        return lt_fail(err, LT_EEXISTS, "Collection `%s` already exists!", a->new_alias);
    int code = del(txn, c->aliases, a->alias);

    return code_status(c, code ? code : put(txn, c->aliases, a->new_alias, name.data), err);
}

static lt_status change_alias(lt_catalog *c, MDB_txn *txn, const lt_alias_action *a, lt_error *err)
{
    int code;

    switch (a->kind) {
    case LT_ALIAS_CREATE:
        return create_alias(c, txn, a, err);
    case LT_ALIAS_RENAME:
        return rename_alias(c, txn, a, err);
    case LT_ALIAS_DELETE:
        code = del(txn, c->aliases, a->alias);
        return code_status(c, code == MDB_NOTFOUND ? 0 : code, err);
    }
    return lt_fail(err, LT_EINVAL, "unknown alias action %d", (int)a->kind);
}

lt_status lt_catalog_change_aliases(lt_catalog *c, const lt_alias_action *actions, size_t n,
                                    lt_error *err)
{
    MDB_txn *txn;
    lt_status st = LT_OK;

    LT_TRY(lt_env_begin(&c->env, true, &txn, err));
    for (size_t i = 0; i < n && st == LT_OK; i++)
        st = change_alias(c, txn, &actions[i], err);
    return finish(c, txn, st, err);
}
