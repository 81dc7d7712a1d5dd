/* SPDX-License-Identifier: Apache-2.0
 * The lock file of a data directory: one process owns it for writing. */
#ifndef LT_STORE_LOCK_H
#define LT_STORE_LOCK_H

#include <base/error.h>

/* Takes the lock; *fd is held until closed. The kernel releases it when the process ends, however
 * it ends. LT_EBUSY names the owner's process id. */
lt_status lt_dir_lock(const char *dir, int *fd, lt_error *err) LT_NODISCARD;

#endif
