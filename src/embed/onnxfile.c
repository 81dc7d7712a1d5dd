/* SPDX-License-Identifier: Apache-2.0 */
#include "onnxfile.h"

#include <base/file.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FIELD_VERSION = 1, /* ModelProto.ir_version, a number */
    FIELD_GRAPH = 7,   /* ModelProto.graph, a message */
    FIELD_MAX = 64,    /* ModelProto's numbers end far below */
    FIELDS_MAX = 4096, /* fields of one file; the usual are about ten */
};

typedef struct cursor {
    int fd;
    uint64_t at, size;
} cursor;

/* A protobuf number: seven bits a byte, the lowest first. false at the end or when too long. */
static bool read_number(cursor *c, uint64_t *out)
{
    uint8_t bytes[10];
    ssize_t n = pread(c->fd, bytes, sizeof bytes, (off_t)c->at);
    uint64_t value = 0;

    for (ssize_t i = 0; i < n; i++) {
        value |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
        if (!(bytes[i] & 0x80)) {
            c->at += (uint64_t)i + 1;
            *out = value;
            return true;
        }
    }
    return false;
}

typedef enum verdict { GOOD, CUT_OFF, FOREIGN } verdict;

/* Reads one field and stands behind it. */
static verdict skip_field(cursor *c, bool *graph)
{
    uint64_t tag, value;

    if (!read_number(c, &tag))
        return CUT_OFF;
    uint64_t field = tag >> 3, kind = tag & 7;

    if (field == 0 || field > FIELD_MAX || (field == FIELD_GRAPH && kind != 2) ||
        (field == FIELD_VERSION && kind != 0))
        return FOREIGN;
    if (kind != 0 && kind != 2)
        return FOREIGN;
    if (!read_number(c, &value))
        return CUT_OFF;
    if (kind == 0)
        return GOOD;
    if (value > c->size - c->at)
        return field == FIELD_GRAPH ? CUT_OFF : FOREIGN;
    *graph = *graph || field == FIELD_GRAPH;
    c->at += value;
    return GOOD;
}

static verdict walk(cursor *c)
{
    bool graph = false;

    for (int i = 0; c->at < c->size; i++) {
        verdict v = i < FIELDS_MAX ? skip_field(c, &graph) : FOREIGN;

        if (v != GOOD)
            return v;
    }
    return graph ? GOOD : FOREIGN;
}

static bool is_lfs_pointer(int fd)
{
    static const char head[] = "version https://git-lfs";
    char start[sizeof head] = "";

    return pread(fd, start, sizeof head - 1, 0) == (ssize_t)sizeof head - 1 &&
           strcmp(start, head) == 0;
}

lt_status lt_onnx_check(const char *path, lt_error *err)
{
    LT_CLEANUP(lt_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return lt_fail_errno(err, errno == ENOENT ? LT_ENOTFOUND : LT_EIO, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return lt_fail(err, LT_EINVAL, "%s: is no plain file", path);
    if (st.st_size == 0)
        return lt_fail(err, LT_EINVAL, "%s: is empty", path);
    if (is_lfs_pointer(fd))
        return lt_fail(err, LT_EINVAL, "%s: is a Git LFS pointer, the graph itself is not here",
                       path);
    cursor c = {fd, 0, (uint64_t)st.st_size};
    verdict v = walk(&c);

    if (v == CUT_OFF)
        return lt_fail(err, LT_EINVAL, "%s: is cut off after %llu bytes", path,
                       (unsigned long long)c.size);
    return v == GOOD ? LT_OK : lt_fail(err, LT_EINVAL, "%s: is no ONNX file", path);
}
