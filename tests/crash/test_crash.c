/* SPDX-License-Identifier: Apache-2.0
 * What is acknowledged stays: a process with writers, a vacuum, snapshots and changes of indexes is
 * killed or loses power at random moments, or a writer meets a full disk, and the database is opened
 * again. A point's payload and vector are functions of its id and its
 * generation, so that a half-written or mixed-up point shows. LT_SEED replays a run, LT_LONG=1 kills
 * more often. */
#include <base/clock.h>
#include <base/rng.h>
#include <ftw.h>
#include <latent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "lt_cmocka.h"

enum { DIMS = 24, IDS = 400, WRITERS = 3, BATCH = 8 };

typedef struct world {
    char dir[64];
    bool mounted;           /* dir is a small file system of its own */
    uint64_t acked[IDS]; /* the newest generation acknowledged of each id; 0: none */
    uint64_t sent[IDS];  /* the newest that may have been written */
} world;

/* What a writer tells: "begin" before the call, "end" behind it. */
typedef struct note {
    uint32_t id;
    uint32_t end;
    uint64_t generation;
} note;
_Static_assert(sizeof(note) * BATCH <= 512, "a batch of notes is one atomic write to a pipe");

static void vector_of(uint64_t id, uint64_t generation, float out[DIMS])
{
    lt_rng rng = {id * 1000003 + generation};

    for (int i = 0; i < DIMS; i++)
        out[i] = lt_rng_normal(&rng);
}

static int payload_of(uint64_t id, uint64_t generation, char out[96])
{
    return snprintf(out, 96, "{\"id\":%llu,\"generation\":%llu,\"even\":%s}", (unsigned long long)id,
                    (unsigned long long)generation, generation % 2 ? "false" : "true");
}

/* ---- the child ----------------------------------------------------------------------------- */

typedef struct writer {
    lt_collection *c;
    int pipe;
    uint64_t seed;
    unsigned number;
    uint64_t generation; /* the first to write */
} writer;

static void tell(const writer *w, const uint32_t ids[BATCH], uint64_t generation, bool end)
{
    note notes[BATCH];

    for (int i = 0; i < BATCH; i++)
        notes[i] = (note){ids[i], end, generation};
    if (write(w->pipe, notes, sizeof notes) != (ssize_t)sizeof notes)
        _exit(3);
}

/* Each writer has its own ids (id % WRITERS), so that the order of generations is known. */
static void *write_on(void *arg)
{
    writer *w = arg;
    lt_rng rng = {w->seed + w->number};
    float vectors[BATCH][DIMS];
    char payloads[BATCH][96];
    lt_point points[BATCH];
    uint32_t ids[BATCH];
    lt_error err;

    for (uint64_t generation = w->generation;; generation++) {
        uint32_t first = (uint32_t)lt_rng_below(&rng, IDS / WRITERS - BATCH);

        for (int i = 0; i < BATCH; i++) {
            ids[i] = (first + (uint32_t)i) * WRITERS + w->number;
            vector_of(ids[i], generation, vectors[i]);
            points[i] = (lt_point){.id = lt_id_from_num(ids[i]),
                                   .vector = vectors[i],
                                   .payload = payloads[i],
                                   .payload_len = (size_t)payload_of(ids[i], generation, payloads[i])};
        }
        tell(w, ids, generation, false);
        if (lt_points_upsert(w->c, points, BATCH, DIMS, &err) != LT_OK) {
            fprintf(stderr, "writer: %s\n", err.message);
            _exit(4);
        }
        tell(w, ids, generation, true);
    }
    return NULL;
}

/* What else goes on; the vacuum comes by itself. */
static void *change_on(void *arg)
{
    lt_collection *c = arg;
    lt_error err;

    for (;;) {
        lt_snapshot_file *f;

        if (lt_collection_create_index(c, "even", "\"bool\"", 6, NULL, &err) ||
            lt_snapshots_create(c, &f, &err) ||
            lt_collection_drop_index(c, "even", NULL, &err)) {
            fprintf(stderr, "changes: %s\n", err.message);
            _exit(8);
        }
        lt_snapshots_free(f, 1);
    }
    return NULL;
}

static void child(const char *dir, int pipe, uint64_t seed, uint64_t generation,
                  const fault_plan *plan)
{
    pthread_t threads[WRITERS + 1];
    writer writers[WRITERS];
    lt_db *db;
    lt_collection *c;
    lt_error err;

    if (plan)
        fault_begin(plan);
    if (lt_db_open(dir, NULL, &db, &err) || lt_collection_open(db, "c", &c, &err)) {
        fprintf(stderr, "child: %s\n", err.message);
        _exit(5);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (writer){c, pipe, seed, i, generation};
        if (pthread_create(&threads[i], NULL, write_on, &writers[i]))
            _exit(6);
    }
    if (pthread_create(&threads[WRITERS], NULL, change_on, c))
        _exit(6);
    pthread_join(threads[0], NULL);
    _exit(7);
}

/* ---- the parent ---------------------------------------------------------------------------- */

/* Reads notes until the child is gone; it dies as planned, or without a plan is killed after `ms`.
 * Returns how many batches ended. */
static size_t run_and_kill(world *w, uint64_t seed, uint64_t generation, double ms,
                           const fault_plan *plan)
{
    int ends[2];
    size_t n_ended = 0;
    int status;
    note n;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child(w->dir, ends[1], seed, generation, plan);
    }
    close(ends[1]);
    if (!plan) {
        usleep((useconds_t)(ms * 1000));
        kill(pid, SIGKILL);
    }
    while (read(ends[0], &n, sizeof n) == (ssize_t)sizeof n) {
        assert_true(n.id < IDS);
        w->sent[n.id] = n.generation;
        if (n.end) {
            w->acked[n.id] = n.generation;
            n_ended++;
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return n_ended / BATCH;
}

static bool close_enough(const float *a, const float *b)
{
    double dot = 0, aa = 0, bb = 0;

    for (int i = 0; i < DIMS; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return dot * dot > 0.99999 * aa * bb;
}

/* Everything acknowledged is there, whole; nothing is there that was not sent. */
static void check(world *w, lt_collection *c)
{
    for (uint32_t id = 0; id < IDS; id++) {
        lt_id want = lt_id_from_num(id);
        unsigned long long got_id, generation;
        float vector[DIMS];
        char payload[96];
        lt_hits *hits;
        lt_error err;

        assert_ok(lt_points_get(c, &want, 1, true, true, &hits, &err), &err);
        if (hits->n_items == 0) {
            assert_int_equal(w->acked[id], 0);
            lt_hits_free(hits);
            continue;
        }
        assert_int_equal(sscanf(hits->items[0].payload, "{\"id\":%llu,\"generation\":%llu", &got_id,
                                &generation), 2);
        assert_int_equal(got_id, id);
        assert_in_range(generation, w->acked[id], w->sent[id]);
        payload_of(id, generation, payload);
        assert_string_equal(hits->items[0].payload, payload);
        vector_of(id, generation, vector);
        assert_true(close_enough(vector, hits->items[0].vector));
        w->acked[id] = generation; /* it is on disk, so it must stay */
        lt_hits_free(hits);
    }
}

/* A search meets every living point exactly once. */
static void check_search(lt_collection *c)
{
    lt_collection_info info = LT_COLLECTION_INFO_INIT;
    lt_query q = LT_QUERY_INIT;
    float vector[DIMS];
    bool seen[IDS] = {false};
    lt_hits *hits;
    lt_error err;

    vector_of(1, 1, vector);
    q.vector = vector;
    q.dims = DIMS;
    q.k = IDS * 2;
    assert_ok(lt_collection_get_info(c, &info, &err), &err);
    assert_ok(lt_points_query(c, &q, &hits, &err), &err);
    assert_int_equal(hits->n_items, info.n_points);
    for (size_t i = 0; i < hits->n_items; i++) {
        assert_false(seen[hits->items[i].id.num]);
        seen[hits->items[i].id.num] = true;
    }
    lt_hits_free(hits);
}

static void print_fault(void *context, const char *what)
{
    (void)context;
    print_message("%s\n", what);
}

static void reopen_and_check(world *w)
{
    lt_check_result result = LT_CHECK_RESULT_INIT;
    lt_db *db;
    lt_collection *c;
    lt_error err;

    assert_ok(lt_db_open(w->dir, NULL, &db, &err), &err);
    assert_ok(lt_collection_open(db, "c", &c, &err), &err);
    check(w, c);
    check_search(c);
    assert_ok(lt_collection_check(c, print_fault, NULL, &result, &err), &err);
    assert_int_equal(result.n_faults, 0);
    lt_collection_close(c);
    lt_db_close(db);
}

static uint64_t seed_of_run(void)
{
    const char *given = getenv("LT_SEED");

    return given ? strtoull(given, NULL, 10) : (uint64_t)lt_clock_unix();
}

static void killed_writers_lose_nothing(void **state)
{
    world *w = *state;
    uint64_t seed = seed_of_run();
    int rounds = getenv("LT_LONG") ? 500 : 60;
    lt_rng rng = {seed};
    size_t ended = 0;

    print_message("seed %llu, %d kills\n", (unsigned long long)seed, rounds);
    for (int i = 0; i < rounds; i++) {
        ended += run_and_kill(w, lt_rng_next(&rng), (uint64_t)i * 1000000 + 1,
                              5 + lt_rng_unit(&rng) * 60, NULL);
        reopen_and_check(w);
    }
    print_message("%zu batches were acknowledged\n", ended);
    assert_true(ended > (size_t)rounds);
}

/* Syncs are not done but modelled, and what was not synced is lost in part. */
static void lost_power_loses_nothing(void **state)
{
    world *w = *state;
    uint64_t seed = seed_of_run();
    int rounds = getenv("LT_LONG") ? 500 : 40;
    lt_rng rng = {seed};
    size_t ended = 0;

    print_message("seed %llu, %d losses of power\n", (unsigned long long)seed, rounds);
    for (int i = 0; i < rounds; i++) {
        fault_plan plan = {.dir = w->dir,
                           .kind = FAULT_POWER,
                           .at = 10 + lt_rng_below(&rng, 400),
                           .seed = lt_rng_next(&rng)};

        ended += run_and_kill(w, lt_rng_next(&rng), (uint64_t)i * 1000000 + 1, 0, &plan);
        reopen_and_check(w);
    }
    print_message("%zu batches were acknowledged\n", ended);
    assert_true(ended > (size_t)rounds);
}

/* ---- a full disk: a small file system where we may mount one, else a limit on files' size ---- */

enum { DISK_BYTES = 8 << 20 };

static bool mount_small(const char *dir)
{
    return mount("tmpfs", dir, "tmpfs", 0, "size=8m") == 0;
}

static void enlarge(const char *dir, bool mounted)
{
    struct rlimit limit;

    if (mounted) {
        assert_int_equal(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=64m"), 0);
        return;
    }
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static lt_status put_one(lt_collection *c, world *w, uint32_t id, uint64_t generation, lt_error *err)
{
    static char payload[200000];
    float vector[DIMS];
    int n = payload_of(id, generation, payload);
    lt_point p = {.id = lt_id_from_num(id), .vector = vector, .payload = payload};

    /* Padded with spaces: large, and the same text to sscanf. */
    p.payload_len = sizeof payload - 1;
    memset(payload + n, ' ', sizeof payload - 1 - (size_t)n);
    vector_of(id, generation, vector);
    w->sent[id] = generation;
    lt_status st = lt_points_upsert(c, &p, 1, DIMS, err);

    if (st == LT_OK)
        w->acked[id] = generation;
    return st;
}

static uint64_t generation_of(lt_collection *c, uint32_t id)
{
    lt_id want = lt_id_from_num(id);
    unsigned long long got_id, generation = 0;
    lt_hits *hits;
    lt_error err;

    assert_ok(lt_points_get(c, &want, 1, true, true, &hits, &err), &err);
    if (hits->n_items)
        assert_int_equal(sscanf(hits->items[0].payload, "{\"id\":%llu,\"generation\":%llu", &got_id,
                                &generation), 2);
    lt_hits_free(hits);
    return generation;
}

static void full_disk_is_an_error_and_passes(void **state)
{
    world *w = *state;
    lt_db *db;
    lt_collection *c;
    lt_error err;
    uint32_t id = 0;
    bool mounted = w->mounted;

    print_message("on %s\n", mounted ? "a full file system" : "a limit on the size of files");
    assert_ok(lt_db_open(w->dir, NULL, &db, &err), &err);
    assert_ok(lt_collection_open(db, "c", &c, &err), &err);
    if (!mounted)
        limit_files(DISK_BYTES);
    while (id < IDS && put_one(c, w, id, 1, &err) == LT_OK)
        id++;
    assert_in_range(id, 5, IDS - 1); /* it did fill up */
    assert_int_equal(err.code, LT_EIO);
    if (mounted)
        assert_non_null(strstr(err.message, "No space left on device"));
    for (uint32_t i = 0; i < id; i++)
        assert_int_equal(generation_of(c, i), 1); /* reads go on */
    assert_int_equal(put_one(c, w, id, 1, &err), LT_EIO);
    enlarge(w->dir, mounted);
    assert_ok(put_one(c, w, id, 2, &err), &err); /* and writing works again */
    assert_ok(put_one(c, w, 0, 2, &err), &err);
    lt_collection_close(c);
    lt_db_close(db);

    assert_ok(lt_db_open(w->dir, NULL, &db, &err), &err);
    assert_ok(lt_collection_open(db, "c", &c, &err), &err);
    assert_int_equal(generation_of(c, 0), 2);
    assert_int_equal(generation_of(c, id), 2);
    for (uint32_t i = 1; i < id; i++)
        assert_int_equal(generation_of(c, i), 1);
    check_search(c);
    lt_collection_close(c);
    lt_db_close(db);
}

/* ---- fixture ------------------------------------------------------------------------------- */

static int setup_in(void **state, bool small)
{
    world *w = calloc(1, sizeof *w);
    const char *config = "{\"vectors\":{\"size\":24,\"distance\":\"Dot\"},"
                         "\"optimizers_config\":{\"vacuum_min_vector_number\":100}}";
    lt_db *db;
    lt_error err;

    strcpy(w->dir, "/tmp/lt-crash-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->mounted = small && mount_small(w->dir);
    assert_ok(lt_db_open(w->dir, NULL, &db, &err), &err);
    assert_ok(lt_collection_create_json(db, "c", config, strlen(config), &err), &err);
    lt_db_close(db);
    *state = w;
    return 0;
}

static int setup(void **state)
{
    return setup_in(state, false);
}

static int setup_small(void **state)
{
    return setup_in(state, true);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    world *w = *state;
    char kept[80];

    if (w->mounted)
        umount2(w->dir, MNT_DETACH);
    snprintf(kept, sizeof kept, "%s.kept", w->dir);
    nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    nftw(kept, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_writers_lose_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_power_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk_is_an_error_and_passes, setup_small, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
