/* SPDX-License-Identifier: Apache-2.0
 * Writing a snapshot. It reads one commit through a read transaction and a view, as any reader does:
 * writers go on meanwhile, and all that is written was checked against its checksums. */
#include <base/clock.h>
#include <base/hash.h>
#include <base/mem.h>
#include <endian.h>
#include <stdio.h>
#include <store/tar.h>
#include <string.h>

#include "read.h"
#include "snapshot.h"

void lt_snapshot_rows_name(uint32_t number, char out[32])
{
    snprintf(out, 32, "vectors-%u", number);
}

typedef struct writing {
    lt_reader *r;
    lt_tar_writer tar;
    size_t i; /* the vector whose rows are written */
    uint64_t n_bytes, n_points;
} writing;

static lt_status check_record(const writing *w, const void *key, size_t n_key, const void *record,
                              size_t n, lt_record *out, lt_error *err)
{
    LT_TRY(lt_record_decode(key, n_key, record, n, out, err));
    return out->slot < w->r->s.view->n_slots
               ? LT_OK
               : lt_fail(err, LT_ECORRUPT, "collection '%s': a point has a slot that does not exist",
                         w->r->c->name);
}

/* ---- the head -------------------------------------------------------------------------------- */

static lt_status write_head(writing *w, lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf text = {0}, metadata = {0};
    LT_CLEANUP(lt_value_free) yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_obj(doc) : NULL;
    lt_counts counts;

    if (!root)
        return lt_fail_nomem(err);
    yyjson_mut_doc_set_root(doc, root);
    LT_TRY(lt_txn_counts(w->r->s.txn, &counts, err));
    LT_TRY(lt_txn_meta(w->r->s.txn, "metadata", &metadata, err));
    const char *config = w->r->schema->config;

    if (!yyjson_mut_obj_add_uint(doc, root, "format", LT_SNAPSHOT_FORMAT) ||
        !yyjson_mut_obj_add_str(doc, root, "collection", w->r->c->name) ||
        !yyjson_mut_obj_add_sint(doc, root, "created", w->tar.time) ||
        !yyjson_mut_obj_add_uint(doc, root, "points", counts.n_points) ||
        !yyjson_mut_obj_add_uint(doc, root, "operations", counts.operations) ||
        !yyjson_mut_obj_add_val(doc, root, "config", yyjson_mut_raw(doc, config)) ||
        !yyjson_mut_obj_add_val(doc, root, "metadata",
                                yyjson_mut_raw(doc, metadata.len ? metadata.data : "null")))
        return lt_fail_nomem(err);
    LT_TRY(lt_value_print(doc, &text, err));
    LT_TRY(lt_tar_member(&w->tar, LT_SNAPSHOT_HEAD, text.len, err));
    return lt_tar_add(&w->tar, text.data, text.len, err);
}

/* ---- points ---------------------------------------------------------------------------------- */

static lt_status add_size(void *context, const void *key, size_t n_key, const void *record,
                          size_t n, lt_error *err)
{
    writing *w = context;

    (void)key;
    (void)record;
    (void)err;
    w->n_bytes += LT_SNAPSHOT_PREFIX + n_key + n;
    return LT_OK;
}

static lt_status write_point(void *context, const void *key, size_t n_key, const void *record,
                             size_t n, lt_error *err)
{
    writing *w = context;
    uint32_t lengths[2] = {htole32((uint32_t)n_key), htole32((uint32_t)n)};
    lt_record r;

    _Static_assert(sizeof lengths == LT_SNAPSHOT_PREFIX, "what stands before a key");
    LT_TRY(check_record(w, key, n_key, record, n, &r, err));
    w->n_points++;
    LT_TRY(lt_tar_add(&w->tar, lengths, sizeof lengths, err));
    LT_TRY(lt_tar_add(&w->tar, key, n_key, err));
    return lt_tar_add(&w->tar, record, n, err);
}

static lt_status write_points(writing *w, lt_error *err)
{
    lt_txn *txn = w->r->s.txn;

    LT_TRY(lt_txn_each_point(txn, NULL, add_size, w, err));
    LT_TRY(lt_tar_member(&w->tar, LT_SNAPSHOT_POINTS, w->n_bytes, err));
    LT_TRY(lt_txn_each_point(txn, NULL, write_point, w, err));
    return w->n_points == w->r->s.view->n_points
               ? LT_OK
               : lt_fail(err, LT_ECORRUPT, "collection '%s': it holds %llu points, %llu are expected",
                         w->r->c->name, (unsigned long long)w->n_points,
                         (unsigned long long)w->r->s.view->n_points);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static lt_status write_row(void *context, const void *key, size_t n_key, const void *record,
                           size_t n, lt_error *err)
{
    writing *w = context;
    const lt_schema_vector *s = &w->r->schema->vectors[w->i];
    lt_key k = {.n = n_key};
    lt_record_vector v;
    lt_record r;

    LT_TRY(check_record(w, key, n_key, record, n, &r, err));
    if (!lt_record_find(&r, s->number, &v))
        return LT_OK;
    const void *row = lt_view_row(w->r->s.view, w->i, r.slot);

    memcpy(k.bytes, key, n_key);
    if (v.is_inline || lt_hash64(row, s->stride) != v.hash)
        return lt_point_damaged(w->r, &k, "its vector fails its checksum", err);
    if (w->tar.left < s->stride)
        return lt_point_damaged(w->r, &k, "its slot does not tell of its vector", err);
    return lt_tar_add(&w->tar, row, s->stride, err);
}

static lt_status write_rows(writing *w, size_t i, lt_error *err)
{
    const lt_schema_vector *s = &w->r->schema->vectors[i];
    char name[32];

    w->i = i;
    lt_snapshot_rows_name(s->number, name);
    LT_TRY(lt_tar_member(&w->tar, name, w->r->s.view->vectors[i].n_present * s->stride, err));
    LT_TRY(lt_txn_each_point(w->r->s.txn, NULL, write_row, w, err));
    return w->tar.left == 0 ? LT_OK
                            : lt_fail(err, LT_ECORRUPT,
                                      "collection '%s': slots tell of vectors that no point has",
                                      w->r->c->name);
}

static void writing_done(writing *w)
{
    lt_tar_writer_done(&w->tar);
    lt_reader_close(w->r);
}

lt_status lt_snapshot_write(lt_collection *c, int fd, const char *path,
                            char sha256[LT_SHA256_HEX], lt_error *err)
{
    LT_CLEANUP(writing_done) writing w = {0};

    LT_TRY(lt_reader_open(c, &w.r, err));
    LT_TRY(lt_tar_begin(&w.tar, fd, path, lt_clock_unix(), err));
    LT_TRY(write_head(&w, err));
    LT_TRY(write_points(&w, err));
    for (size_t i = 0; i < w.r->schema->n_vectors; i++)
        if (w.r->schema->vectors[i].vecs)
            LT_TRY(write_rows(&w, i, err));
    return lt_tar_finish(&w.tar, sha256, err);
}
