/* SPDX-License-Identifier: Apache-2.0
 * The collections of one database, all open while the server runs, by name and by alias.
 *
 * Threads: a request takes a collection, uses it, gives it back; a collection that is being deleted
 * is taken off first and closed once its last user has given it back. Creating, deleting and
 * renaming go one at a time, without holding up requests. */
#ifndef LT_SERVER_SHELF_H
#define LT_SERVER_SHELF_H

#include <latent.h>

typedef struct lt_shelf lt_shelf;
typedef struct lt_shelf_entry lt_shelf_entry;

/* Opens the database in `path` and its collections. One that cannot be opened does not keep the
 * others from being served: requests for it get its error. */
lt_status lt_shelf_open(const char *path, lt_shelf **out, lt_error *err) LT_NODISCARD;
/* No collection may be in use. NULL allowed. */
void lt_shelf_close(lt_shelf *s);
lt_db *lt_shelf_db(lt_shelf *s);

/* The collection of that name or alias. Give *entry back. LT_ENOTFOUND in Qdrant's words. */
lt_status lt_shelf_take(lt_shelf *s, const char *name, lt_shelf_entry **entry,
                        lt_error *err) LT_NODISCARD;
void lt_shelf_give(lt_shelf *s, lt_shelf_entry *entry);
lt_collection *lt_shelf_collection(const lt_shelf_entry *entry);
/* The collection's own name, also when it was taken by an alias. */
const char *lt_shelf_name(const lt_shelf_entry *entry);

/* `json`: the body of "create collection". */
lt_status lt_shelf_create(lt_shelf *s, const char *name, const char *json, size_t n_json,
                          lt_error *err) LT_NODISCARD;
/* Waits for requests that use it. *dropped: whether there was one. An alias is no name here. */
lt_status lt_shelf_drop(lt_shelf *s, const char *name, bool *dropped, lt_error *err) LT_NODISCARD;
/* The collection of that name or alias becomes what the snapshot at `path` holds; without one a
 * collection of that name is created. Requests that use the old one end with it. */
lt_status lt_shelf_restore(lt_shelf *s, const char *name, const char *path, const char *sha256,
                           lt_error *err) LT_NODISCARD;
lt_status lt_shelf_alias(lt_shelf *s, const lt_alias_action *actions, size_t n_actions,
                         lt_error *err) LT_NODISCARD;

/* Counts an answer to a request about the collection of that name or alias, if there is one. */
void lt_shelf_count(lt_shelf *s, const char *name, unsigned status, uint64_t micros);

typedef struct lt_shelf_usage {
    uint64_t by_class[6]; /* answers 1xx..5xx by their hundred; [0] unused */
    uint64_t micros;      /* that they took together */
} lt_shelf_usage;

lt_shelf_usage lt_shelf_usage_of(lt_shelf *s, const lt_shelf_entry *entry);

/* Calls visit for each collection in order of name, as if it had been taken; the collection of one
 * that cannot be opened is NULL. */
typedef lt_status (*lt_shelf_visit)(void *context, const lt_shelf_entry *entry, lt_error *err);
lt_status lt_shelf_each(lt_shelf *s, lt_shelf_visit visit, void *context,
                        lt_error *err) LT_NODISCARD;

#endif
