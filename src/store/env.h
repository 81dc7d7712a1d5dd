/* SPDX-License-Identifier: Apache-2.0
 * An LMDB environment whose map grows by itself. Only store/ sees LMDB's types.
 *
 * LMDB's map size can only change while no transaction of the process is active, so every
 * transaction holds `resize` shared and growing holds it exclusively. */
#ifndef LT_STORE_ENV_H
#define LT_STORE_ENV_H

#include <base/error.h>
#include <lmdb.h>
#include <pthread.h>

typedef struct lt_env {
    MDB_env *mdb;
    pthread_rwlock_t resize;
    char *path;
    bool read_only;
    bool full; /* the map was too small for the last write; set and cleared by the one writer */
    unsigned n_writes; /* transactions begun by the one writer */
} lt_env;

/* Opens the file `path` (created unless read_only). */
lt_status lt_env_open(lt_env *env, const char *path, bool read_only, bool no_sync, unsigned n_tables,
                      lt_error *err) LT_NODISCARD;
void lt_env_close(lt_env *env);

/* A transaction. Ended by lt_env_commit (write) or lt_env_end (read, or a write to undo). */
lt_status lt_env_begin(lt_env *env, bool write, MDB_txn **out, lt_error *err) LT_NODISCARD;
/* MDB_MAP_FULL on commit or put sets env->full: call lt_env_grow and do it again. */
lt_status lt_env_commit(lt_env *env, MDB_txn *txn, lt_error *err) LT_NODISCARD;
void lt_env_end(lt_env *env, MDB_txn *txn);
lt_status lt_env_grow(lt_env *env, lt_error *err) LT_NODISCARD;

/* An LMDB code as ours, with the file's name. */
lt_status lt_env_fail(lt_env *env, int code, const char *doing, lt_error *err);

#endif
