/* SPDX-License-Identifier: Apache-2.0 */
#include "env.h"

#include <base/mem.h>
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

static const size_t MAP_MAX = (size_t)64 << 30; /* address space, not disk or memory */
static const size_t MAP_MIN = (size_t)64 << 20;
enum { WRITES_A_CHECK = 64 }; /* how often dead readers are looked for */

/* LMDB tells a write that was cut short by a full disk as EIO. */
static int true_cause(const lt_env *env, int code)
{
    struct statvfs fs;

    if (code == EIO && statvfs(env->path, &fs) == 0 && fs.f_bavail == 0)
        return ENOSPC;
    return code;
}

lt_status lt_env_fail(lt_env *env, int code, const char *doing, lt_error *err)
{
    switch (code) {
    case MDB_MAP_FULL:
        env->full = true;
        return lt_fail(err, LT_ELIMIT, "%s: the map is full", env->path);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_PANIC:
        return lt_fail(err, LT_ECORRUPT, "%s: damaged while %s: %s", env->path, doing,
                       mdb_strerror(code));
    case MDB_VERSION_MISMATCH:
        return lt_fail(err, LT_EVERSION, "%s: another version of LMDB wrote it", env->path);
    case MDB_READERS_FULL:
        return lt_fail(err, LT_ELIMIT, "%s: too many readers at once", env->path);
    case ENOMEM:
        return lt_fail_nomem(err);
    case ENOENT:
        return lt_fail(err, LT_ENOTFOUND, "%s: does not exist", env->path);
    default:
        return lt_fail(err, LT_EIO, "%s: %s: %s", env->path, doing,
                       mdb_strerror(true_cause(env, code)));
    }
}

/* An LMDB environment that could not be opened cannot be tried again: each attempt gets a new one. */
static int open_with_map(lt_env *env, size_t map, unsigned n_tables, unsigned flags)
{
    int code = mdb_env_create(&env->mdb);

    if (code)
        return code;
    code = mdb_env_set_maxdbs(env->mdb, n_tables);
    if (code == 0)
        code = mdb_env_set_maxreaders(env->mdb, 1022);
    if (code == 0)
        code = mdb_env_set_mapsize(env->mdb, map);
    if (code == 0)
        code = mdb_env_open(env->mdb, env->path, flags, 0666);
    if (code) {
        mdb_env_close(env->mdb);
        env->mdb = NULL;
    }
    return code;
}

/* Under a limit on address space (ulimit -v) a smaller map must do; it grows when needed. */
static int create_and_open(lt_env *env, unsigned n_tables, unsigned flags)
{
    int code = ENOMEM;

    for (size_t map = MAP_MAX; map >= MAP_MIN && code == ENOMEM; map /= 4)
        code = open_with_map(env, map, n_tables, flags);
    return code;
}

lt_status lt_env_open(lt_env *env, const char *path, bool read_only, bool no_sync, unsigned n_tables,
                      lt_error *err)
{
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | (read_only ? MDB_RDONLY : 0) |
                     (no_sync ? MDB_NOSYNC : 0);

    *env = (lt_env){.path = lt_strdup(path), .read_only = read_only};
    if (!env->path)
        return lt_fail_nomem(err);
    pthread_rwlock_init(&env->resize, NULL);
    int code = create_and_open(env, n_tables, flags);

    if (code == 0)
        return LT_OK;
    lt_status st = lt_env_fail(env, code, "opening", err);

    lt_env_close(env);
    return st;
}

void lt_env_close(lt_env *env)
{
    if (!env->path)
        return;
    if (env->mdb)
        mdb_env_close(env->mdb);
    pthread_rwlock_destroy(&env->resize);
    lt_free(env->path);
    *env = (lt_env){0};
}

/* Another process made the file larger than our map: take its size over. */
static int adopt_size(lt_env *env)
{
    pthread_rwlock_unlock(&env->resize);
    pthread_rwlock_wrlock(&env->resize);
    int code = mdb_env_set_mapsize(env->mdb, 0);

    pthread_rwlock_unlock(&env->resize);
    pthread_rwlock_rdlock(&env->resize);
    return code;
}

/* A reading process that was killed leaves its place in the table of readers behind, and the pages
 * of its commit would be kept for it for ever: the file would only grow. */
static int forget_dead_readers(lt_env *env)
{
    int n_dead;

    return mdb_reader_check(env->mdb, &n_dead);
}

static int begin(lt_env *env, unsigned flags, MDB_txn **out)
{
    int code = mdb_txn_begin(env->mdb, NULL, flags, out);

    if (code == MDB_MAP_RESIZED && (code = adopt_size(env)) == 0)
        code = mdb_txn_begin(env->mdb, NULL, flags, out);
    if (code == MDB_READERS_FULL && (code = forget_dead_readers(env)) == 0)
        code = mdb_txn_begin(env->mdb, NULL, flags, out);
    return code;
}

lt_status lt_env_begin(lt_env *env, bool write, MDB_txn **out, lt_error *err)
{
    MDB_txn *txn;
    int code = 0;

    pthread_rwlock_rdlock(&env->resize);
    if (write && env->n_writes++ % WRITES_A_CHECK == 0)
        code = forget_dead_readers(env);
    if (code == 0)
        code = begin(env, write ? 0 : MDB_RDONLY, &txn);
    if (code) {
        pthread_rwlock_unlock(&env->resize);
        return lt_env_fail(env, code, "beginning a transaction", err);
    }
    *out = txn;
    return LT_OK;
}

lt_status lt_env_commit(lt_env *env, MDB_txn *txn, lt_error *err)
{
    int code = mdb_txn_commit(txn); /* frees txn in any case */

    pthread_rwlock_unlock(&env->resize);
    return code ? lt_env_fail(env, code, "committing", err) : LT_OK;
}

void lt_env_end(lt_env *env, MDB_txn *txn)
{
    if (!txn)
        return;
    mdb_txn_abort(txn);
    pthread_rwlock_unlock(&env->resize);
}

lt_status lt_env_grow(lt_env *env, lt_error *err)
{
    MDB_envinfo info;

    env->full = false;
    pthread_rwlock_wrlock(&env->resize);
    int code = mdb_env_info(env->mdb, &info);

    if (code == 0)
        code = mdb_env_set_mapsize(env->mdb, info.me_mapsize * 2);
    pthread_rwlock_unlock(&env->resize);
    return code ? lt_env_fail(env, code, "growing the map", err) : LT_OK;
}
