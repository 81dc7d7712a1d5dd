/* SPDX-License-Identifier: Apache-2.0
 * Faults of the outside world, for tests: this program's own definitions of libc's calls that change
 * files stand before libc's, for our code and for LMDB alike. Below one directory each call is an
 * operation with a name, "pwrite vectors.f32"; at a chosen one the process dies, loses power, or the
 * call fails.
 *
 * Syncs are not done but modelled: what was written since the last one of its file may be lost when
 * the power goes, sector by sector, and names that were made, changed or taken away since the last
 * sync of their directory may be lost in the reverse order. */
#ifndef LT_TESTS_FAULTS_H
#define LT_TESTS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum fault_kind {
    FAULT_NONE,  /* operations are counted */
    FAULT_KILL,  /* SIGKILL; a write is done to its half */
    FAULT_POWER, /* what is not synced is lost at random, then SIGKILL */
    FAULT_ERROR  /* the call fails with errnum */
} fault_kind;

typedef struct fault_plan {
    const char *dir;
    fault_kind kind;
    const char *match; /* only operations with this in their name count; NULL: all */
    unsigned long at;  /* the first such operation that is hit, from 1 */
    unsigned long n;   /* FAULT_ERROR: how many are hit */
    int errnum;
    uint64_t seed; /* FAULT_POWER */
} fault_plan;

/* From now on, in this process. The plan is copied, its texts are not. */
void fault_begin(const fault_plan *plan);
/* Back to normal; tells how many operations there were, those that match alone. */
unsigned long fault_end(void);
/* The name of the operation that was hit last; "" where none was. */
const char *fault_hit(void);

/* ---- faults_power.c: the model of what is durable --------------------------------------------- */

/* What names had is kept in a folder beside `dir`, which the test removes. */
void power_reset(const char *dir);
/* Before a write to `fd`, and behind a successful one to a file that is open with O_DSYNC. */
void power_before_write(int fd, uint64_t offset, uint64_t n);
void power_written(int fd, uint64_t offset, uint64_t n);
/* A file was synced, or a directory. */
void power_synced(int fd);
/* Before the change of a name. */
void power_before_create(const char *path);
void power_before_rename(const char *from, const char *to);
void power_before_unlink(const char *path);
/* Takes back at random what is not durable. */
void power_lose(uint64_t seed);

#endif
