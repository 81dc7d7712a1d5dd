/* SPDX-License-Identifier: Apache-2.0
 * Qdrant's REST interface: snapshots of a collection. With wait=false the work is done all the same
 * before the answer, which then is 202. */
#include <base/buf.h>
#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <value/value.h>

#include "qdrant.h"

/* ---- what handlers have in common ------------------------------------------------------------ */

static lt_status read_wait(const lt_http_request *r, bool *wait, lt_error *err)
{
    *wait = true;
    return lt_qdrant_flag(r, "wait", wait, err);
}

static void answer_done(const lt_http_request *r, lt_http_answer *a, bool wait)
{
    if (wait)
        lt_qdrant_true(r, a, true);
    else
        lt_qdrant_accepted(r, a);
}

typedef struct snapshots {
    lt_snapshot_file *items;
    size_t n;
} snapshots;

static void snapshots_done(snapshots *s)
{
    lt_snapshots_free(s->items, s->n);
}

/* The snapshots of the collection that the path names, by its name or an alias. */
static lt_status list(lt_service *s, const lt_route_args *args, snapshots *out, lt_error *err)
{
    lt_shelf_entry *entry = NULL;

    LT_TRY(lt_shelf_take(s->shelf, args->name, &entry, err));
    lt_status st = lt_snapshots_list(lt_shelf_db(s->shelf), lt_shelf_name(entry), &out->items,
                                     &out->n, err);

    lt_shelf_give(s->shelf, entry);
    return st;
}

static bool describe(yyjson_mut_doc *doc, yyjson_mut_val *out, const lt_snapshot_file *f)
{
    time_t created = (time_t)f->created;
    char text[32];
    struct tm utc;

    gmtime_r(&created, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    return yyjson_mut_obj_add_strcpy(doc, out, "name", f->name) &&
           yyjson_mut_obj_add_strcpy(doc, out, "creation_time", text) &&
           yyjson_mut_obj_add_uint(doc, out, "size", f->n_bytes) &&
           (f->sha256 ? yyjson_mut_obj_add_strcpy(doc, out, "checksum", f->sha256)
                      : yyjson_mut_obj_add_null(doc, out, "checksum"));
}

/* ---- making, listing, handing out, deleting -------------------------------------------------- */

LT_QDRANT_HANDLER(list_snapshots)
{
    LT_CLEANUP(snapshots_done) snapshots all = {0};

    LT_TRY(list(s, args, &all, err));
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = doc ? yyjson_mut_arr(doc) : NULL;

    if (root)
        yyjson_mut_doc_set_root(doc, root);
    for (size_t i = 0; root && i < all.n; i++)
        if (!describe(doc, yyjson_mut_arr_add_obj(doc, root), &all.items[i])) {
            yyjson_mut_doc_free(doc);
            return lt_fail_nomem(err);
        }
    return lt_qdrant_doc(r, a, doc, err);
}

LT_QDRANT_HANDLER(create_snapshot)
{
    LT_CLEANUP(snapshots_done) snapshots made = {.n = 1};
    lt_shelf_entry *entry = NULL;
    bool wait;

    LT_TRY(read_wait(r, &wait, err));
    LT_TRY(lt_quota_check(s->quota, err));
    LT_TRY(lt_shelf_take(s->shelf, args->name, &entry, err));
    lt_status st = lt_snapshots_create(lt_shelf_collection(entry), &made.items, err);

    lt_shelf_give(s->shelf, entry);
    if (st != LT_OK)
        return st;
    if (!wait) {
        lt_qdrant_accepted(r, a);
        return LT_OK;
    }
    yyjson_mut_val *root;
    yyjson_mut_doc *doc = lt_reply_new(&root);

    if (doc && !describe(doc, root, made.items)) {
        yyjson_mut_doc_free(doc);
        doc = NULL;
    }
    return lt_qdrant_doc(r, a, doc, err);
}

LT_QDRANT_HANDLER(get_snapshot)
{
    LT_CLEANUP(snapshots_done) snapshots all = {0};
    const char *name = args->names[1];

    LT_TRY(list(s, args, &all, err));
    for (size_t i = 0; i < all.n; i++) {
        if (strcmp(all.items[i].name, name) != 0)
            continue;
        a->file = open(all.items[i].path, O_RDONLY | O_CLOEXEC);
        if (a->file < 0)
            return lt_fail_errno(err, LT_EIO, errno, "%s", all.items[i].path);
        a->content_type = "application/octet-stream";
        return LT_OK;
    }
    return lt_fail(err, LT_ENOTFOUND, "Snapshot %s not found", name);
}

LT_QDRANT_HANDLER(delete_snapshot)
{
    lt_shelf_entry *entry = NULL;
    bool wait;

    LT_TRY(read_wait(r, &wait, err));
    LT_TRY(lt_shelf_take(s->shelf, args->name, &entry, err));
    lt_status st = lt_snapshots_delete(lt_shelf_db(s->shelf), lt_shelf_name(entry), args->names[1],
                                       err);

    lt_shelf_give(s->shelf, entry);
    if (st == LT_OK)
        answer_done(r, a, wait);
    return st;
}

/* ---- recovering ------------------------------------------------------------------------------ */

static const char *const priorities[] = {"no_sync", "snapshot", "replica"};
static const char PRIORITIES[] = "`no_sync`, `snapshot` or `replica`";

/* A file that is no snapshot is the client's mistake, and where it lay meanwhile not its business. */
static lt_status as_input(lt_status st, const char *path, lt_error *err)
{
    size_t n = strlen(path);
    lt_error why = *err;

    if ((st != LT_ECORRUPT && st != LT_EVERSION) || strncmp(why.message, path, n) != 0)
        return st;
    return lt_fail(err, LT_EINVAL, "the snapshot%s", why.message + n);
}

static lt_status restore(lt_service *s, const lt_route_args *args, const char *path,
                         const char *checksum, lt_error *err)
{
    lt_shelf_entry *there = NULL;

    LT_TRY(lt_quota_check(s->quota, err));
    if (lt_shelf_take(s->shelf, args->name, &there, NULL) == LT_OK)
        lt_shelf_give(s->shelf, there);
    else
        LT_TRY(lt_qdrant_check_name(args->name, err));
    return as_input(lt_shelf_restore(s->shelf, args->name, path, checksum, err), path, err);
}

LT_QDRANT_HANDLER(upload_snapshot)
{
    const char *path = NULL;
    bool wait;

    LT_TRY(read_wait(r, &wait, err));
    LT_TRY(lt_qdrant_word(r, "priority", priorities, 3, PRIORITIES, err));
    LT_TRY(lt_upload_path(r->upload, &path, err));
    LT_TRY(restore(s, args, path, lt_http_query(r, "checksum"), err));
    answer_done(r, a, wait);
    return LT_OK;
}

/* The real path of a "file://" location, if it lies among the snapshots; NULL: it does not. */
static char *path_within(const lt_service *s, char *location)
{
    LT_AUTOFREE char *among = lt_path_join(s->config->data_dir, "snapshots");
    char *root = among ? realpath(among, NULL) : NULL, *path = NULL;

    lt_http_decode(location);
    if (root)
        path = realpath(location + strlen("file://"), NULL);
    size_t n = root ? strlen(root) : 0;

    if (path && (strncmp(path, root, n) != 0 || path[n] != '/')) {
        free(path);
        path = NULL;
    }
    free(root);
    return path;
}

typedef struct recovery {
    yyjson_doc *doc;
    char *location;
    const char *checksum; /* NULL: none */
} recovery;

static void recovery_done(recovery *q)
{
    yyjson_doc_free(q->doc);
    lt_free(q->location);
}

static lt_status read_recovery(const lt_http_request *r, recovery *out, lt_error *err)
{
    LT_TRY(lt_qdrant_parse_body(r, &out->doc, err));
    yyjson_val *root = yyjson_doc_get_root(out->doc);
    yyjson_val *location = yyjson_obj_get(root, "location");
    yyjson_val *checksum = yyjson_obj_get(root, "checksum");
    yyjson_val *priority = yyjson_obj_get(root, "priority");
    bool known = !priority || yyjson_is_null(priority);

    for (size_t i = 0; i < 3; i++)
        known |= yyjson_equals_str(priority, priorities[i]);
    if (!yyjson_is_str(location))
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: missing field `location`");
    if (checksum && !yyjson_is_null(checksum) && !yyjson_is_str(checksum))
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: checksum: a string is expected");
    if (!known)
        return lt_fail(err, LT_EINVAL, "Format error in JSON body: priority: %s is expected",
                       PRIORITIES);
    out->checksum = yyjson_get_str(checksum);
    out->location = lt_strdup(yyjson_get_str(location));
    return out->location ? LT_OK : lt_fail_nomem(err);
}

/* What is outside is not fetched: a server that opens what it is told to could be sent anywhere. */
LT_QDRANT_HANDLER(recover_snapshot)
{
    LT_CLEANUP(recovery_done) recovery q = {0};
    bool wait;

    LT_TRY(read_wait(r, &wait, err));
    LT_TRY(read_recovery(r, &q, err));
    if (strncmp(q.location, "file://", 7) != 0)
        return lt_fail(err, LT_EUNSUPPORTED,
                       "location: snapshots are not fetched from URLs: upload the file, or name "
                       "one of the snapshots here as file:///...");
    char *path = path_within(s, q.location);

    if (!path) {
        lt_answer_error(a, LT_ERRORS_QDRANT, 403, "",
                        "Forbidden: location: there is no such file among the snapshots");
        return LT_OK;
    }
    lt_status st = restore(s, args, path, q.checksum, err);

    free(path);
    if (st == LT_OK)
        answer_done(r, a, wait);
    return st;
}
