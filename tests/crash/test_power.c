/* SPDX-License-Identifier: Apache-2.0
 * Death at every operation on a file, and loss of power at random ones.
 *
 * A script does all that changes files: collections, points, config, indexes, vacuum, snapshots. Its
 * steps are told through a pipe when they are acknowledged. The process is killed at one operation;
 * then the database must hold what the acknowledged steps made, whole, or that and all of the next.
 * LT_SEED replays, LT_LONG=1 hits every operation and loses power 500 times. */
#include <base/clock.h>
#include <base/mem.h>
#include <base/rng.h>
#include <engine/engine.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "lt_cmocka.h"

enum { DIMS = 8, IDS = 60 };
static const char CONFIG[] = "{\"vectors\":{\"size\":8,\"distance\":\"Dot\"}}";

typedef struct world {
    char dir[64];
    lt_db *db;
    lt_collection *c;
    lt_error err;
} world;

#define OK(call) assert_ok(call, &w->err)

/* In a child nothing may be asserted: it ends with a code and a word. */
#define MUST(call)                                                        \
    do {                                                                  \
        if ((call) != LT_OK) {                                            \
            fprintf(stderr, "child: %s: %s\n", #call, w->err.message);    \
            _exit(9);                                                     \
        }                                                                 \
    } while (0)

/* ---- points that tell their id and generation -------------------------------------------------- */

static void row_of(uint64_t id, unsigned generation, float out[DIMS])
{
    for (int i = 0; i < DIMS; i++)
        out[i] = (float)(id * 100 + generation * 10000 + (unsigned)i);
}

/* Points first, first + step, ... below `end`. */
static lt_status put_points(lt_collection *c, uint64_t first, uint64_t end, uint64_t step,
                            unsigned generation, lt_error *err)
{
    float rows[IDS][DIMS];
    char payloads[IDS][48];
    lt_point points[IDS];
    size_t n = 0;

    for (uint64_t id = first; id < end; id += step, n++) {
        row_of(id, generation, rows[n]);
        int len = snprintf(payloads[n], sizeof payloads[n], "{\"id\":%lu,\"generation\":%u}",
                           (unsigned long)id, generation);

        points[n] = (lt_point){lt_id_from_num(id), rows[n], payloads[n], (size_t)len};
    }
    return lt_points_upsert(c, points, n, DIMS, err);
}

/* The generations of all points, 0: not there. Each must be whole. */
static void read_points(world *w, unsigned out[IDS])
{
    lt_hits *hits;

    memset(out, 0, IDS * sizeof *out);
    OK(lt_points_scroll(w->c, NULL, IDS * 2, NULL, true, true, &hits, &w->err));
    for (size_t i = 0; i < hits->n_items; i++) {
        const lt_hit *h = &hits->items[i];
        float row[DIMS];
        unsigned long id;

        assert_true(h->id.num < IDS);
        assert_int_equal(sscanf(h->payload, "{\"id\":%lu,\"generation\":%u", &id, &out[h->id.num]), 2);
        assert_int_equal(id, h->id.num);
        row_of(id, out[id], row);
        assert_memory_equal(row, h->vector, sizeof row);
    }
    lt_hits_free(hits);
}

/* ---- the script ------------------------------------------------------------------------------ */

enum { STEPS = 14 };

static void delete_some(world *w)
{
    lt_id ids[IDS / 6];

    for (uint64_t i = 0; i < IDS / 6; i++)
        ids[i] = lt_id_from_num(i * 6);
    MUST(lt_points_delete(w->c, ids, IDS / 6, NULL, &w->err));
}

static void restore_last(world *w, const char *name)
{
    lt_snapshot_file *files;
    size_t n;

    MUST(lt_snapshots_list(w->db, "c", &files, &n, &w->err));
    if (n == 0)
        _exit(10);
    MUST(lt_snapshots_restore(w->db, name, files[n - 1].path, files[n - 1].sha256, &w->err));
    lt_snapshots_free(files, n);
}

static void reopen_collection(world *w)
{
    lt_collection_close(w->c);
    MUST(lt_collection_open(w->db, "c", &w->c, &w->err));
}

static void take_step(world *w, int step)
{
    static const char more[] = "{\"dense\":{\"size\":4,\"distance\":\"Dot\"}}";
    lt_snapshot_file *f;

    switch (step) {
    case 0:
        MUST(lt_collection_create_json(w->db, "c", CONFIG, sizeof CONFIG - 1, &w->err));
        MUST(lt_collection_open(w->db, "c", &w->c, &w->err));
        return;
    case 1:
        MUST(put_points(w->c, 0, IDS, 1, 1, &w->err));
        return;
    case 2:
        MUST(put_points(w->c, 0, IDS, 2, 2, &w->err));
        return;
    case 3:
        delete_some(w);
        return;
    case 4:
        MUST(lt_collection_create_index(w->c, "id", "\"integer\"", 9, NULL, &w->err));
        return;
    case 5:
        MUST(lt_collection_add_vector(w->c, "more", more, sizeof more - 1, &w->err));
        return;
    case 6:
        MUST(lt_vacuum_run(w->c, &w->err));
        return;
    case 7:
        MUST(lt_snapshots_create(w->c, &f, &w->err));
        lt_snapshots_free(f, 1);
        return;
    case 8:
        MUST(put_points(w->c, 0, IDS, 3, 3, &w->err));
        return;
    case 9:
        restore_last(w, "c");
        reopen_collection(w);
        return;
    case 10:
        MUST(lt_collection_drop_vector(w->c, "more", &w->err));
        return;
    case 11:
        MUST(put_points(w->c, 0, IDS, 1, 4, &w->err));
        return;
    case 12:
        MUST(lt_vacuum_run(w->c, &w->err));
        return;
    default:
        restore_last(w, "copy");
        MUST(lt_collection_drop(w->db, "copy", &w->err));
    }
}

/* What the points are when `n_steps` steps were done. */
static void expect(int n_steps, unsigned out[IDS])
{
    for (uint64_t id = 0; id < IDS; id++) {
        unsigned g = n_steps > 1 ? 1 : 0;

        if (n_steps > 2 && id % 2 == 0)
            g = 2;
        if (n_steps > 3 && id % 6 == 0)
            g = 0;
        if (n_steps == 9 && id % 3 == 0) /* undone by the restore behind it */
            g = 3;
        if (n_steps > 11)
            g = 4;
        out[id] = g;
    }
}

static void run_script(world *w, int pipe_end, const fault_plan *plan)
{
    fault_begin(plan);
    MUST(lt_db_open(w->dir, NULL, &w->db, &w->err));
    for (int step = 0; step < STEPS; step++) {
        char byte = (char)step;

        take_step(w, step);
        if (write(pipe_end, &byte, 1) != 1)
            _exit(11);
    }
    lt_collection_close(w->c);
    lt_db_close(w->db);
    unsigned long n = fault_end();

    if (write(pipe_end, &n, sizeof n) != (ssize_t)sizeof n)
        _exit(12);
    _exit(0);
}

/* Returns how many steps were acknowledged; *n_operations: of a whole run, 0 where it was killed. */
static int run_child(world *w, const fault_plan *plan, unsigned long *n_operations)
{
    int ends[2], status, steps = 0;
    char bytes[STEPS + sizeof *n_operations];
    size_t n = 0;
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        run_script(w, ends[1], plan);
    }
    close(ends[1]);
    while (n < sizeof bytes && (got = read(ends[0], bytes + n, sizeof bytes - n)) > 0)
        n += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *n_operations = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        memcpy(n_operations, bytes + STEPS, sizeof *n_operations);
    else
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (; steps < STEPS && (size_t)steps < n; steps++)
        assert_int_equal(bytes[steps], steps);
    return steps;
}

static void print_fault(void *context, const char *what)
{
    (void)context;
    print_message("%s\n", what);
}

/* The state after `steps` steps, or after one more, and nothing between; and all of it sound. */
static void check_state(world *w, int steps)
{
    lt_check_result result = LT_CHECK_RESULT_INIT;
    unsigned got[IDS], before[IDS], after[IDS];

    OK(lt_db_open(w->dir, NULL, &w->db, &w->err));
    lt_status st = lt_collection_open(w->db, "c", &w->c, &w->err);

    if (st == LT_ENOTFOUND && steps == 0) {
        lt_db_close(w->db);
        return;
    }
    assert_ok(st, &w->err);
    read_points(w, got);
    expect(steps, before);
    expect(steps < STEPS ? steps + 1 : steps, after);
    if (memcmp(got, before, sizeof got) != 0 && memcmp(got, after, sizeof got) != 0)
        fail_msg("the points are neither those of step %d nor of the next", steps);
    OK(lt_collection_check(w->c, print_fault, NULL, &result, &w->err));
    assert_int_equal(result.n_faults, 0);
    OK(put_points(w->c, 0, 10, 1, 9, &w->err)); /* and it can be written */
    lt_collection_close(w->c);
    lt_db_close(w->db);
    w->c = NULL;
    w->db = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void clear(world *w)
{
    char kept[80];

    snprintf(kept, sizeof kept, "%s.kept", w->dir);
    nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    nftw(kept, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool is_long(void)
{
    return getenv("LT_LONG") != NULL;
}

static uint64_t seed_of_run(void)
{
    const char *given = getenv("LT_SEED");

    return given ? strtoull(given, NULL, 10) : (uint64_t)lt_clock_unix();
}

/* One run of the script that ends at an operation, and what is there then. */
static void die_at(world *w, fault_kind kind, unsigned long at, uint64_t seed)
{
    fault_plan plan = {.dir = w->dir, .kind = kind, .at = at, .seed = seed};
    unsigned long n;

    clear(w);
    int steps = run_child(w, &plan, &n);

    check_state(w, steps);
}

static unsigned long count_operations(world *w)
{
    fault_plan count = {.dir = w->dir};
    unsigned long n;

    clear(w);
    assert_int_equal(run_child(w, &count, &n), STEPS);
    assert_true(n > 100);
    check_state(w, STEPS);
    return n;
}

static void killed_at_every_operation(void **state)
{
    world *w = *state;
    unsigned long n = count_operations(w), step = is_long() ? 1 : n / 60 + 1;
    lt_rng rng = {seed_of_run()};
    unsigned long from = 1 + lt_rng_below(&rng, step);

    print_message("%lu operations, killed at each %lu from %lu on\n", n, step, from);
    for (unsigned long at = from; at <= n; at += step)
        die_at(w, FAULT_KILL, at, 0);
}

static void power_lost_at_any_operation(void **state)
{
    world *w = *state;
    unsigned long n = count_operations(w);
    uint64_t seed = seed_of_run();
    lt_rng rng = {seed};
    int rounds = is_long() ? 500 : 60;

    print_message("seed %lu, %d losses of power\n", (unsigned long)seed, rounds);
    for (int i = 0; i < rounds; i++) {
        unsigned long at = 1 + lt_rng_below(&rng, (uint32_t)n);
        uint64_t how = lt_rng_next(&rng);

        die_at(w, FAULT_POWER, at, how);
    }
}

/* ---- calls that fail ------------------------------------------------------------------------- */

static void open_filled(world *w)
{
    clear(w);
    OK(lt_db_open(w->dir, NULL, &w->db, &w->err));
    OK(lt_collection_create_json(w->db, "c", CONFIG, sizeof CONFIG - 1, &w->err));
    OK(lt_collection_open(w->db, "c", &w->c, &w->err));
    OK(put_points(w->c, 0, IDS, 1, 1, &w->err));
}

typedef struct failure {
    const char *match;
    int errnum;
    const char *file, *reason; /* what the message has to name */
} failure;

/* The write fails and says why, all reads go on, and when the fault is over writing works again. */
static void failing_calls_are_errors_and_pass(void **state)
{
    static const failure all[] = {
        {"pwrite vectors.f32", ENOSPC, "vectors.f32", "No space left on device"},
        {"pwrite vectors.f32", EIO, "vectors.f32", "Input/output error"},
        {"fdatasync vectors.f32", EIO, "vectors.f32", "Input/output error"},
        {" points.mdb", ENOSPC, "points.mdb", "No space left on device"}, /* its data pages */
        {"fdatasync points.mdb", EIO, "points.mdb", "Input/output error"},
    };
    world *w = *state;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fault_plan plan = {.kind = FAULT_ERROR, .match = all[i].match, .at = 1, .n = 1000,
                           .errnum = all[i].errnum};
        unsigned got[IDS], expected[IDS];

        open_filled(w);
        plan.dir = w->dir;
        fault_begin(&plan);
        lt_status st = put_points(w->c, 0, IDS, 2, 2, &w->err);

        print_message("%s: %s\n", fault_hit(), w->err.message);
        assert_int_equal(st, LT_EIO);
        assert_non_null(strstr(w->err.message, all[i].file));
        assert_non_null(strstr(w->err.message, all[i].reason));
        read_points(w, got);
        expect(2, expected);
        assert_memory_equal(got, expected, sizeof got);
        assert_int_equal(put_points(w->c, 0, IDS, 2, 2, &w->err), LT_EIO);
        assert_true(fault_end() >= 2);
        OK(put_points(w->c, 0, IDS, 2, 2, &w->err));
        lt_collection_close(w->c);
        lt_db_close(w->db);
        check_state(w, 3);
    }
}

/* ---- fixture --------------------------------------------------------------------------------- */

static int setup(void **state)
{
    world *w = calloc(1, sizeof *w);

    strcpy(w->dir, "/tmp/lt-power-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    clear(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_at_every_operation, setup, teardown),
        cmocka_unit_test_setup_teardown(power_lost_at_any_operation, setup, teardown),
        cmocka_unit_test_setup_teardown(failing_calls_are_errors_and_pass, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
