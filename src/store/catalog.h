/* SPDX-License-Identifier: Apache-2.0
 * Which collections a data directory holds: the file catalog.mdb, two tables
 *
 *   collections   name  -> name of its folder below collections/
 *   aliases       alias -> name of a collection that exists; absent in old files
 *
 * A collection exists once its entry is committed here; a folder without an entry is the rest of an
 * interrupted create or drop. */
#ifndef LT_STORE_CATALOG_H
#define LT_STORE_CATALOG_H

#include <base/buf.h>

typedef struct lt_catalog lt_catalog;

lt_status lt_catalog_open(const char *path, bool read_only, bool no_sync, lt_catalog **out,
                          lt_error *err) LT_NODISCARD;
void lt_catalog_close(lt_catalog *c);

/* Appends the folder's name. LT_ENOTFOUND when there is no such collection. */
lt_status lt_catalog_get(lt_catalog *c, const char *name, lt_buf *folder, lt_error *err) LT_NODISCARD;
/* LT_EEXISTS when the name is taken, LT_EINVAL when an alias has it. */
lt_status lt_catalog_put(lt_catalog *c, const char *name, const char *folder,
                         lt_error *err) LT_NODISCARD;
/* The same, but a collection that has the name gives it up. */
lt_status lt_catalog_replace(lt_catalog *c, const char *name, const char *folder,
                             lt_error *err) LT_NODISCARD;
/* Also removes the collection's aliases. */
lt_status lt_catalog_remove(lt_catalog *c, const char *name, lt_error *err) LT_NODISCARD;
/* In order of name. */
typedef lt_status (*lt_catalog_visit)(void *context, const char *name, size_t n_name,
                                      const char *value, size_t n_value, lt_error *err);
lt_status lt_catalog_each(lt_catalog *c, lt_catalog_visit visit, void *context,
                          lt_error *err) LT_NODISCARD;

/* Appends the name of the alias's collection. LT_ENOTFOUND when there is no such alias. */
lt_status lt_catalog_alias(lt_catalog *c, const char *alias, lt_buf *name,
                           lt_error *err) LT_NODISCARD;
/* All of the actions in order, or none. */
lt_status lt_catalog_change_aliases(lt_catalog *c, const lt_alias_action *actions, size_t n,
                                    lt_error *err) LT_NODISCARD;
/* In order of alias; the value is the collection's name. */
lt_status lt_catalog_each_alias(lt_catalog *c, lt_catalog_visit visit, void *context,
                                lt_error *err) LT_NODISCARD;

#endif
