/* SPDX-License-Identifier: Apache-2.0
 * Which collections a data directory holds: the file catalog.mdb, one table
 *
 *   collections   name -> name of its folder below collections/
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
lt_status lt_catalog_put(lt_catalog *c, const char *name, const char *folder,
                         lt_error *err) LT_NODISCARD;
lt_status lt_catalog_remove(lt_catalog *c, const char *name, lt_error *err) LT_NODISCARD;
/* In order of name. */
lt_status lt_catalog_each(lt_catalog *c,
                          lt_status (*visit)(void *context, const char *name, size_t n_name,
                                             const char *folder, size_t n_folder, lt_error *err),
                          void *context, lt_error *err) LT_NODISCARD;

#endif
