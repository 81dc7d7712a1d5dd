/* SPDX-License-Identifier: Apache-2.0
 * One pass over folders: what is new or changed is decoded, embedded and stored.
 *
 *   caller's thread   walks, compares with what is stored, hands out jobs   -> jobs queue
 *   N workers         read file, hash, decode, fit, embed (one stream each) -> done queue
 *   caller's thread   stores finished pictures in groups, reports progress
 *
 * Each worker decodes and embeds one picture at a time. With as many inference streams as workers
 * every core is always busy with one or the other, without a buffer of decoded tensors between two
 * kinds of threads whose speeds would have to be balanced: memory is bounded by one tensor a worker.
 * Storing is done by the caller's thread because a group of pictures shares one sync.
 *
 * What is stored stays whatever happens next: a pass that is stopped or killed is taken up by the
 * next one, which finds those files unchanged. */
#include <base/clock.h>
#include <base/file.h>
#include <base/hash.h>
#include <base/limits.h>
#include <base/mem.h>
#include <base/thread.h>
#include <embed/model.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <value/value.h>

#include "entry.h"
#include "pass.h"
#include "walk.h"

enum {
    PENDING_MAX = 256, /* files compared with the store in one read */
    STORE_GROUP = 64,  /* pictures stored with one sync */
};
static const double STORE_WAIT_S = 0.5;     /* a finished picture waits at most so long */
static const double PROGRESS_EVERY_S = 0.1;

/* A picture on its way through the pass. Owned by whoever took it from a queue. */
typedef struct job {
    char *path;
    lt_id id;
    struct stat st;
    bool had_point;       /* a point with this id is stored */
    lt_entry_known known; /* what it says, if it is one of ours */
    /* The result: */
    bool same_content; /* only the file's times changed: the stored vector stays */
    uint8_t hash[16];
    lt_buf payload;
    float *vector;
    lt_error why; /* code LT_OK, or the reason of failure */
} job;

typedef struct pass {
    lt_collection *collection;
    lt_model *model;
    const lt_gallery_options *options;
    const lt_image_prep *prep;
    size_t dims;
    lt_queue *jobs, *done;
    atomic_bool cancel;
    lt_gallery_progress *progress;
    double started, reported, stored;
    void (*directory)(void *context, const char *path);
    void *dir_context;

    job *pending[PENDING_MAX]; /* walked, not yet compared */
    size_t n_pending;
    size_t in_flight; /* handed to the workers, not yet taken back */
    job *group[STORE_GROUP];
    size_t n_group;
    lt_status status; /* of the first failure that ends the pass */
    lt_error why;
} pass;

static void job_free(job *j)
{
    if (!j)
        return;
    lt_buf_done(&j->payload);
    lt_free(j->vector);
    lt_free(j->path);
    lt_free(j);
}

/* ---- the workers ------------------------------------------------------------------------- */

static size_t tensor_len(const lt_image_prep *prep)
{
    return (size_t)3 * prep->out_width * prep->out_height;
}

/* Reads, compares and embeds one picture. */
static lt_status embed_job(pass *p, job *j, float *tensor, lt_buf *file, lt_error *err)
{
    lt_picture picture = {.path = j->path};
    lt_image_info info;
    char digest[33];

    lt_buf_clear(file);
    LT_TRY(lt_file_read(j->path, LT_LIMIT_IMAGE_BYTES, file, err));
    picture.bytes = file->data;
    picture.n_bytes = file->len;
    lt_hash128(file->data, file->len, j->hash);
    lt_hex(j->hash, 16, digest);
    j->same_content = j->had_point && strcmp(digest, j->known.hash) == 0;
    if (j->same_content) {
        LT_TRY(lt_image_probe(&picture, &info, err));
    } else {
        LT_TRY(lt_image_load(&picture, p->prep, tensor, &info, err));
        j->vector = lt_calloc(p->dims, sizeof *j->vector);
        if (!j->vector)
            return lt_fail_nomem(err);
        LT_TRY(lt_model_embed_tensors(p->model, tensor, 1, j->vector, &p->cancel, err));
    }
    return lt_entry_payload(j->path, &j->st, &info, j->hash, &j->payload, err);
}

static void *worker(void *arg)
{
    pass *p = arg;
    float *tensor = lt_alloc_aligned(tensor_len(p->prep), sizeof *tensor);
    lt_buf file = {0};

    for (job *j; (j = lt_queue_pop(p->jobs)) != NULL;) {
        if (!tensor)
            (void)lt_fail_nomem(&j->why);
        else if (atomic_load(&p->cancel))
            (void)lt_fail(&j->why, LT_ECANCELED, "stopped");
        else if (embed_job(p, j, tensor, &file, &j->why) == LT_OK)
            j->why.code = LT_OK;
        /* A file much larger than the usual must not stay allocated. */
        if (file.cap > (8u << 20))
            lt_buf_done(&file);
        if (!lt_queue_push(p->done, j))
            job_free(j);
    }
    lt_buf_done(&file);
    lt_free(tensor);
    return NULL;
}

/* ---- the caller's thread ----------------------------------------------------------------- */

static void stop(pass *p, lt_status status, const lt_error *why)
{
    if (p->status == LT_OK) {
        p->status = status;
        p->why = *why;
    }
    atomic_store(&p->cancel, true);
}

static void report_progress(pass *p, bool now)
{
    double t = lt_clock_s();

    if (!now && t - p->reported < PROGRESS_EVERY_S)
        return;
    p->reported = t;
    p->progress->seconds = t - p->started;
    if (p->options->on_progress && !p->options->on_progress(p->options->context, p->progress)) {
        lt_error why;
        lt_status st = lt_fail(&why, LT_ECANCELED, "stopped");

        stop(p, st, &why);
    }
}

static void report_failure(pass *p, const char *path, const lt_error *why)
{
    p->progress->n_failed++;
    p->progress->n_done++;
    if (p->options->on_failure)
        p->options->on_failure(p->options->context, path, why);
}

/* The vectors of the jobs whose content is the same are fetched from the store. */
static lt_status fetch_vector(pass *p, job *j, lt_error *err)
{
    lt_hits *hits = NULL;

    LT_TRY(lt_points_get(p->collection, &j->id, 1, false, true, &hits, err));
    lt_status st = LT_OK;

    j->vector = lt_calloc(p->dims, sizeof *j->vector);
    if (!j->vector)
        st = lt_fail_nomem(err);
    else if (hits->n_items != 1)
        st = lt_fail(err, LT_ENOTFOUND, "%s: its point vanished meanwhile", j->path);
    else
        memcpy(j->vector, hits->items[0].vector, p->dims * sizeof *j->vector);
    lt_hits_free(hits);
    return st;
}

static lt_status store_points(pass *p, lt_error *err)
{
    lt_point points[STORE_GROUP];

    for (size_t i = 0; i < p->n_group; i++) {
        job *j = p->group[i];

        if (!j->vector)
            LT_TRY(fetch_vector(p, j, err));
        points[i] = (lt_point){.id = j->id,
                               .vector = j->vector,
                               .payload = j->payload.data,
                               .payload_len = j->payload.len};
    }
    return lt_points_upsert(p->collection, points, p->n_group, p->dims, err);
}

static void store_group(pass *p)
{
    lt_error err;

    p->stored = lt_clock_s();
    if (p->n_group == 0)
        return;
    lt_status st = store_points(p, &err);

    if (st != LT_OK)
        stop(p, st, &err);
    for (size_t i = 0; i < p->n_group; i++) {
        job *j = p->group[i];

        if (st == LT_OK) {
            p->progress->n_done++;
            if (j->same_content)
                p->progress->n_unchanged++;
            else
                p->progress->n_added++;
            if (p->options->on_stored)
                p->options->on_stored(p->options->context, j->path);
        }
        job_free(j);
    }
    p->n_group = 0;
}

static void take_back(pass *p, job *j)
{
    p->in_flight--;
    if (j->why.code == LT_OK) {
        p->group[p->n_group++] = j;
        if (p->n_group == STORE_GROUP)
            store_group(p);
        return;
    }
    if (j->why.code == LT_ENOMEM)
        stop(p, LT_ENOMEM, &j->why);
    else if (j->why.code != LT_ECANCELED)
        report_failure(p, j->path, &j->why);
    job_free(j);
}

/* Takes back what is finished; waits for something when `wait`. */
static void collect(pass *p, bool wait)
{
    job *j = wait && p->in_flight ? lt_queue_pop_wait(p->done, 100) : lt_queue_try_pop(p->done);

    for (; j; j = lt_queue_try_pop(p->done))
        take_back(p, j);
    if (p->n_group && lt_clock_s() - p->stored > STORE_WAIT_S)
        store_group(p);
    report_progress(p, false);
}

static void hand_out(pass *p, job *j, size_t in_flight_max)
{
    while (p->in_flight >= in_flight_max && !atomic_load(&p->cancel))
        collect(p, true);
    if (atomic_load(&p->cancel)) {
        job_free(j);
        return;
    }
    p->in_flight++;
    LT_ASSERT(lt_queue_push(p->jobs, j));
    collect(p, false);
}

static bool unchanged(const job *j)
{
    char mtime[40];

    lt_entry_time(&j->st.st_mtim, mtime);
    return j->had_point && j->known.size == (uint64_t)j->st.st_size &&
           strcmp(j->known.mtime, mtime) == 0;
}

/* Fills in what is stored of the pending files. Hits come in the order of the ids asked for. */
static lt_status compare_pending(pass *p, lt_error *err)
{
    lt_id ids[PENDING_MAX];
    lt_hits *hits = NULL;
    size_t at = 0;

    for (size_t i = 0; i < p->n_pending; i++)
        ids[i] = p->pending[i]->id;
    LT_TRY(lt_points_get(p->collection, ids, p->n_pending, true, false, &hits, err));
    for (size_t i = 0; i < p->n_pending && at < hits->n_items; i++) {
        job *j = p->pending[i];
        const lt_hit *hit = &hits->items[at];

        if (lt_id_compare(&j->id, &hit->id) != 0)
            continue;
        j->had_point = lt_entry_read(hit->payload, hit->payload_len, &j->known);
        at++;
    }
    lt_hits_free(hits);
    return LT_OK;
}

static void flush_pending(pass *p, size_t in_flight_max)
{
    lt_error err;
    lt_status st = p->n_pending && !atomic_load(&p->cancel) ? compare_pending(p, &err) : LT_OK;

    if (st != LT_OK)
        stop(p, st, &err);
    for (size_t i = 0; i < p->n_pending; i++) {
        job *j = p->pending[i];

        if (!atomic_load(&p->cancel) && !unchanged(j)) {
            hand_out(p, j, in_flight_max);
            continue;
        }
        if (!atomic_load(&p->cancel)) {
            p->progress->n_done++;
            p->progress->n_unchanged++;
        }
        job_free(j);
    }
    p->n_pending = 0;
    report_progress(p, false);
}

static size_t in_flight_max(void)
{
    return (size_t)lt_cores() * 4;
}

static bool on_file(void *context, const char *path, const struct stat *st)
{
    pass *p = context;
    job *j = lt_calloc(1, sizeof *j);

    if (j)
        j->path = lt_strdup(path);
    if (!j || !j->path) {
        lt_error why;

        job_free(j);
        (void)lt_fail_nomem(&why);
        stop(p, LT_ENOMEM, &why);
        return false;
    }
    j->id = lt_entry_id(path);
    j->st = *st;
    p->progress->n_found++;
    p->pending[p->n_pending++] = j;
    if (p->n_pending == PENDING_MAX)
        flush_pending(p, in_flight_max());
    return !atomic_load(&p->cancel);
}

static void on_directory(void *context, const char *path)
{
    pass *p = context;

    if (p->directory)
        p->directory(p->dir_context, path);
}

static void on_walk_failure(void *context, const char *path, const lt_error *why)
{
    pass *p = context;

    p->progress->n_found++;
    report_failure(p, path, why);
}

static void walk_all(pass *p, const char *const *paths, size_t n_paths)
{
    lt_walk_visitor visitor = {on_file, on_directory, on_walk_failure, p};

    for (size_t i = 0; i < n_paths && !atomic_load(&p->cancel); i++) {
        lt_error err;
        lt_status st = lt_walk(paths[i], p->options, &visitor, &err);

        if (st != LT_OK)
            stop(p, st, &err);
    }
    p->progress->walking = false;
    flush_pending(p, in_flight_max());
    while (p->in_flight)
        collect(p, true);
    store_group(p);
}

static size_t start_workers(pass *p, pthread_t *threads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int errnum = pthread_create(&threads[i], NULL, worker, p);

        if (errnum) {
            if (i == 0) {
                lt_error why;
                lt_status st = lt_fail_errno(&why, LT_EIO, errnum, "cannot start a thread");

                stop(p, st, &why);
            }
            return i;
        }
    }
    return n;
}

lt_status lt_gallery_pass(lt_collection *collection, lt_model *model, const char *const *paths,
                          size_t n_paths, const lt_gallery_options *options,
                          void (*directory)(void *context, const char *path), void *dir_context,
                          lt_gallery_progress *total, lt_error *err)
{
    lt_model_info info = LT_MODEL_INFO_INIT;
    pthread_t threads[256];

    LT_TRY(lt_image_init(err));
    LT_TRY(lt_model_get_info(model, &info, err));
    size_t n_workers = options->threads ? options->threads : lt_cores();
    pass *p = lt_calloc(1, sizeof *p);

    if (!p)
        return lt_fail_nomem(err);
    n_workers = n_workers > 256 ? 256 : n_workers;
    p->collection = collection;
    p->model = model;
    p->options = options;
    p->prep = lt_model_image_prep(model);
    p->dims = info.dims;
    p->progress = total;
    p->directory = directory;
    p->dir_context = dir_context;
    p->started = p->stored = lt_clock_s() - total->seconds;
    p->jobs = lt_queue_new(in_flight_max());
    p->done = lt_queue_new(in_flight_max());
    total->walking = true;
    lt_status st = LT_ENOMEM;

    if (p->jobs && p->done) {
        size_t n = start_workers(p, threads, n_workers);

        walk_all(p, paths, n_paths);
        lt_queue_close(p->jobs);
        for (size_t i = 0; i < n; i++)
            pthread_join(threads[i], NULL);
        report_progress(p, true);
        st = p->status;
        if (st != LT_OK && err)
            *err = p->why;
    } else {
        st = lt_fail_nomem(err);
    }
    lt_queue_free(p->jobs);
    lt_queue_free(p->done);
    lt_free(p);
    return st;
}

/* ---- prune ------------------------------------------------------------------------------- */

static bool under_any(const char *path, char *const *roots, size_t n_roots)
{
    for (size_t i = 0; i < n_roots; i++) {
        size_t n = strlen(roots[i]);

        if (strncmp(path, roots[i], n) == 0 &&
            (path[n] == '\0' || path[n] == '/' || (n == 1 && roots[i][0] == '/')))
            return true;
    }
    return false;
}

static bool is_gone(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static lt_status prune_roots(lt_collection *collection, char *const *roots, size_t n_roots,
                             lt_gallery_progress *total, lt_error *err)
{
    enum { PAGE = 512 };
    lt_id after, gone[PAGE];
    bool more = true, first = true;

    while (more) {
        lt_hits *hits = NULL;
        size_t n_gone = 0, n_deleted = 0;

        LT_TRY(lt_points_scroll(collection, first ? NULL : &after, PAGE, NULL, true, false, &hits,
                                err));
        for (size_t i = 0; i < hits->n_items; i++) {
            const lt_hit *hit = &hits->items[i];
            LT_AUTOFREE char *path = lt_entry_path(hit->payload, hit->payload_len);

            if (path && under_any(path, roots, n_roots) && is_gone(path))
                gone[n_gone++] = hit->id;
        }
        more = hits->n_items == PAGE;
        if (hits->n_items)
            after = hits->items[hits->n_items - 1].id;
        first = false;
        lt_hits_free(hits);
        if (n_gone)
            LT_TRY(lt_points_delete(collection, gone, n_gone, &n_deleted, err));
        total->n_removed += n_deleted;
    }
    return LT_OK;
}

lt_status lt_gallery_prune(lt_collection *collection, const char *const *paths, size_t n_paths,
                           lt_gallery_progress *total, lt_error *err)
{
    char **roots = lt_calloc(n_paths, sizeof *roots);
    lt_status st = roots ? LT_OK : lt_fail_nomem(err);

    for (size_t i = 0; i < n_paths && st == LT_OK; i++) {
        roots[i] = lt_path_absolute(paths[i]);
        if (!roots[i])
            st = lt_fail_nomem(err);
    }
    if (st == LT_OK)
        st = prune_roots(collection, roots, n_paths, total, err);
    for (size_t i = 0; roots && i < n_paths; i++)
        lt_free(roots[i]);
    lt_free(roots);
    return st;
}
