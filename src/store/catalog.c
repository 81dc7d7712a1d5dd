/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include <base/mem.h>
#include <string.h>

#include "env.h"

struct lt_catalog {
    lt_env env;
    MDB_dbi collections;
};

static lt_status open_table(lt_catalog *c, lt_error *err)
{
    bool write = !c->env.read_only;
    MDB_txn *txn;

    LT_TRY(lt_env_begin(&c->env, write, &txn, err));
    int code = mdb_dbi_open(txn, "collections", write ? MDB_CREATE : 0, &c->collections);

    if (code == 0)
        return lt_env_commit(&c->env, txn, err);
    lt_env_end(&c->env, txn);
    if (code == MDB_NOTFOUND)
        return lt_fail(err, LT_ENOTFOUND, "%s: holds no collections yet", c->env.path);
    return lt_env_fail(&c->env, code, "opening its table", err);
}

lt_status lt_catalog_open(const char *path, bool read_only, bool no_sync, lt_catalog **out,
                          lt_error *err)
{
    lt_catalog *c = lt_calloc(1, sizeof *c);

    if (!c)
        return lt_fail_nomem(err);
    lt_status st = lt_env_open(&c->env, path, read_only, no_sync, 16, err);

    if (st == LT_OK)
        st = open_table(c, err);
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

lt_status lt_catalog_get(lt_catalog *c, const char *name, lt_buf *folder, lt_error *err)
{
    MDB_val k = {strlen(name), (void *)(uintptr_t)name}, v;
    MDB_txn *txn;

    LT_TRY(lt_env_begin(&c->env, false, &txn, err));
    int code = mdb_get(txn, c->collections, &k, &v);
    lt_status st = code == MDB_NOTFOUND
                       ? lt_fail(err, LT_ENOTFOUND, "collection '%s' not found", name)
                   : code ? lt_env_fail(&c->env, code, "reading", err)
                          : lt_buf_add(folder, v.mv_data, v.mv_size, err);

    lt_env_end(&c->env, txn);
    return st;
}

/* One entry written or (folder NULL) removed. The map never fills: names are few and short. */
static lt_status change(lt_catalog *c, const char *name, const char *folder, lt_error *err)
{
    MDB_val k = {strlen(name), (void *)(uintptr_t)name}, v = {0};
    MDB_txn *txn;

    LT_TRY(lt_env_begin(&c->env, true, &txn, err));
    if (folder)
        v = (MDB_val){strlen(folder), (void *)(uintptr_t)folder};
    int code = folder ? mdb_put(txn, c->collections, &k, &v, 0)
                      : mdb_del(txn, c->collections, &k, NULL);

    if (code == 0)
        return lt_env_commit(&c->env, txn, err);
    lt_env_end(&c->env, txn);
    if (code == MDB_NOTFOUND)
        return lt_fail(err, LT_ENOTFOUND, "collection '%s' not found", name);
    return lt_env_fail(&c->env, code, "writing", err);
}

lt_status lt_catalog_put(lt_catalog *c, const char *name, const char *folder, lt_error *err)
{
    return change(c, name, folder, err);
}

lt_status lt_catalog_remove(lt_catalog *c, const char *name, lt_error *err)
{
    return change(c, name, NULL, err);
}

lt_status lt_catalog_each(lt_catalog *c,
                          lt_status (*visit)(void *context, const char *name, size_t n_name,
                                             const char *folder, size_t n_folder, lt_error *err),
                          void *context, lt_error *err)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    MDB_txn *txn;
    lt_status st = LT_OK;

    LT_TRY(lt_env_begin(&c->env, false, &txn, err));
    int code = mdb_cursor_open(txn, c->collections, &cursor);

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
