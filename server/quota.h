/* SPDX-License-Identifier: Apache-2.0
 * Limits on what the process and its disk may fill up, as Qdrant's /quotas sets them. Kept in
 * DATA/quotas.json. Thread-safe. */
#ifndef LT_SERVER_QUOTA_H
#define LT_SERVER_QUOTA_H

#include <base/buf.h>
#include <latent.h>

typedef struct lt_quota lt_quota;

/* Reads what was set before. `data`: the data directory. */
lt_status lt_quota_open(const char *data, lt_quota **out, lt_error *err) LT_NODISCARD;
void lt_quota_close(lt_quota *q); /* NULL allowed */

/* Appends {"config": ..., "usage": ...}. */
lt_status lt_quota_show(lt_quota *q, lt_buf *out, lt_error *err) LT_NODISCARD;
/* Takes the JSON object {"enabled", "max_resident_memory_percent", "max_disk_usage_percent",
 * "release_margin_percent"} as a whole and keeps it durably. */
lt_status lt_quota_set(lt_quota *q, const char *json, size_t n_json, lt_error *err) LT_NODISCARD;
/* LT_ELIMIT "Insufficient storage: ..." while a limit is passed. */
lt_status lt_quota_check(lt_quota *q, lt_error *err) LT_NODISCARD;

#endif
