/* SPDX-License-Identifier: Apache-2.0
 * A snapshot from elsewhere, hostile: restored as it is, and again with the checksums of the file, its
 * headers and its records made right. Whatever comes of it, the check finds no fault in it. */
#include <base/file.h>
#include <base/mem.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fix_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 512, SUM_AT = 148, SIZE_AT = 124, SIZE_LIMIT = 1 << 20 };

static char dir[] = "/tmp/lt-fuzz-XXXXXX";
static lt_db *db;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void done(void)
{
    lt_db_close(db);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
{
    lt_db_options options = LT_DB_OPTIONS_INIT;

    options.no_sync = true;
    if (!mkdtemp(dir) || lt_db_open(dir, &options, &db, NULL) != LT_OK)
        __builtin_trap();
    atexit(done);
}

static void fix_header(uint8_t *h)
{
    unsigned sum = 0;
    char digits[8];

    memcpy(h + 257, "ustar", 5);
    memset(h + SUM_AT, ' ', 8);
    for (int i = 0; i < BLOCK; i++)
        sum += h[i];
    snprintf(digits, sizeof digits, "%06o", sum);
    memcpy(h + SUM_AT, digits, 7);
}

static void fix_points(uint8_t *p, size_t n)
{
    for (size_t at = 0; n - at >= 8;) {
        uint32_t lengths[2];

        memcpy(lengths, p + at, 8);
        at += 8;
        if (lengths[0] > n - at || lengths[1] > n - at - lengths[0])
            return;
        fix_record(p + at, lengths[0], p + at + lengths[0], lengths[1]);
        at += (size_t)lengths[0] + lengths[1];
    }
}

static void fix(uint8_t *file, size_t n)
{
    for (size_t at = 0; n - at >= BLOCK;) {
        char digits[13] = {0};

        memcpy(digits, file + at + SIZE_AT, 12);
        size_t len = strtoul(digits, NULL, 8);

        fix_header(file + at);
        if (len > n - at - BLOCK)
            return;
        if (strncmp((const char *)file + at, "points", 7) == 0)
            fix_points(file + at + BLOCK, len);
        if (strncmp((const char *)file + at, "checksum", 9) == 0 && len == 32) {
            char text[33];
            uint8_t hash[16];

            lt_hash128(file, at, hash);
            lt_hex(hash, sizeof hash, text);
            memcpy(file + at + BLOCK, text, 32);
            return;
        }
        at += BLOCK + (len + BLOCK - 1) / BLOCK * BLOCK;
        if (at > n)
            return;
    }
}

static void on_fault(void *context, const char *what)
{
    (void)context;
    fprintf(stderr, "%s\n", what);
    __builtin_trap();
}

static void restore(const uint8_t *bytes, size_t n)
{
    lt_check_result result = LT_CHECK_RESULT_INIT;
    lt_collection *c;
    char path[40];
    lt_error err;
    int fd = memfd_create("snapshot", MFD_CLOEXEC);

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        __builtin_trap();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (lt_snapshots_restore(db, "c", path, NULL, &err) != LT_OK) {
        if (err.message[0] == '\0')
            __builtin_trap();
    } else if (lt_collection_open(db, "c", &c, &err) != LT_OK ||
               lt_collection_check(c, on_fault, NULL, &result, &err) != LT_OK) {
        __builtin_trap();
    } else {
        lt_collection_close(c);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SIZE_LIMIT)
        return 0;
    if (!db)
        begin();
    LT_AUTOFREE uint8_t *copy = lt_malloc(size);

    if (!copy)
        return 0;
    memcpy(copy, data, size);
    restore(copy, size);
    fix(copy, size);
    restore(copy, size);
    return 0;
}
