/* SPDX-License-Identifier: Apache-2.0
 * A collection three times the memory that its process may use still answers: vectors on disk,
 * quantised copies in memory. Where a memory control group can be made (root, version 1 or 2) the
 * kernel holds the limit, page cache included, and kills whoever passes it; elsewhere the memory that
 * cannot be given back is measured against it. With sanitizers, whose own memory is many times that,
 * only the answers are checked, of fewer points: tools/test.sh runs the release build of this one
 * too. Prints what it measures. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { DIMS = 512, CENTRES = 400, QUERIES = 100, K = 10, BATCH = 1000 };

#include "../recall/recall_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1, N = 5000 };
#else
enum { SANITIZED = 0, N = 60000 };
#endif

enum { LIMIT = N * DIMS * 4 / 3 };

/* ---- a group with a limit -------------------------------------------------------------------- */

static bool write_text(const char *dir, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return written;
}

/* Makes one and writes its folder; false where that is not possible. */
static bool make_group(char dir[128])
{
    static const char *const roots[][2] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
                                           {"/sys/fs/cgroup", "memory.max"}};
    char limit[32];

    snprintf(limit, sizeof limit, "%d", LIMIT);
    for (size_t i = 0; i < 2; i++) {
        snprintf(dir, 128, "%s/latent-test-%ld", roots[i][0], (long)getpid());
        if (mkdir(dir, 0755) != 0)
            continue;
        if (write_text(dir, roots[i][1], limit))
            return true;
        rmdir(dir);
    }
    return false;
}

static uint64_t number_in(const char *dir, const char *name)
{
    char path[256], text[64] = "";

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "re");

    if (!f)
        return 0;
    if (!fgets(text, sizeof text, f))
        text[0] = 0;
    fclose(f);
    return strtoull(text, NULL, 10);
}

/* kB of /proc/self/status. */
static long status_kb(const char *name)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    long kb = 0;

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name), NULL, 10);
    if (f)
        fclose(f);
    return kb;
}

/* ---- the collection -------------------------------------------------------------------------- */

static void build(world *w)
{
    lt_rng r = {1};

    fix_create(w, "{\"vectors\":{\"size\":512,\"distance\":\"Cosine\",\"on_disk\":true},"
                  "\"quantization_config\":{\"binary\":{\"encoding\":\"two_bits\",\"always_ram\":true}},"
                  "\"hnsw_config\":{\"on_disk\":true,\"m\":8,\"ef_construct\":48},"
                  "\"optimizers_config\":{\"indexing_threshold\":1000}}");
    put_range(w, &r, 0, N);
    wait_green(w);
    fix_close(w);
}

/* What the cache holds was charged to who read it first: not to the child. */
static int forget(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    (void)st;
    (void)ftw;
    if (fd >= 0) {
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        close(fd);
    }
    return 0;
}

/* The true nearest, found while there is memory. */
typedef struct truth {
    uint64_t ids[QUERIES][K];
} truth;

static void find(world *w, bool exact, truth *out)
{
    lt_rng r = {4711};

    for (int q = 0; q < QUERIES; q++) {
        uint32_t slots[K];
        float query[DIMS];
        asking a;

        draw(&r, query);
        ask(&a, w, query, NULL);
        a.q.ef = 128;
        a.q.quant_oversampling = 10;
        size_t n = search(&a, exact, slots);

        assert_int_equal(n, K);
        for (size_t i = 0; i < n; i++) {
            lt_id id;

            OK(lt_reader_id(a.r, slots[i], &id, &w->err));
            out->ids[q][i] = id.num;
        }
        ask_done(&a);
    }
}

static double recall(const truth *want, const truth *got)
{
    size_t hits = 0;

    for (int q = 0; q < QUERIES; q++)
        for (int i = 0; i < K; i++)
            for (int k = 0; k < K; k++)
                hits += want->ids[q][i] == got->ids[q][k];
    return (double)hits / (QUERIES * K);
}

static void wait_for_codes(world *w)
{
    float query[DIMS] = {1};
    bool there = false;

    for (double limit = lt_clock_s() + 120; !there;) {
        asking a;
        uint32_t slots[K];

        ask(&a, w, query, NULL);
        search(&a, false, slots);
        there = explains(&a, "\"codes\":\"binary\"") && explains(&a, "\"by\":\"graph\"");
        ask_done(&a);
        assert_true(lt_clock_s() < limit);
        usleep(10000);
    }
}

static void truth_file(const char *dir, const char *mode, truth *t)
{
    char path[128];

    snprintf(path, sizeof path, "%s.truth", dir);
    FILE *f = fopen(path, mode);

    assert_non_null(f);
    assert_int_equal(mode[0] == 'r' ? fread(t, sizeof *t, 1, f) : fwrite(t, sizeof *t, 1, f), 1);
    fclose(f);
    if (mode[0] == 'r')
        assert_int_equal(unlink(path), 0);
}

/* In a process of its own, which has nothing of the one that built. Its status: 0, or which check
 * failed. */
static int answer_within_limit(const char *dir)
{
    world here = {.c = NULL}, *w = &here;
    lt_rng r = {2};
    static truth want, got;

    snprintf(w->dir, sizeof w->dir, "%s", dir);
    truth_file(dir, "r", &want);
    fix_open(w, "c");
    wait_for_codes(w);    double start = lt_clock_s();

    find(w, false, &got);
    double each_ms = (lt_clock_s() - start) * 1e3 / QUERIES, found = recall(&want, &got);

    put_range(w, &r, 1000000, 1000000 + BATCH); /* and writing goes on */
    long held = status_kb("RssAnon:") * 1024;

    printf("vectors %.0f MB, limit %.0f MB: recall@10 %.3f, %.2f ms a question, %.1f MB of memory that "
           "cannot be given back\n",
           N * DIMS * 4 / 1e6, LIMIT / 1e6, found, each_ms, (double)held / 1e6);
    fflush(stdout);
    fix_close(w);
    return found < 0.9 ? 2 : !SANITIZED && held > LIMIT ? 3 : 0;
}

static void three_times_the_memory(void **state)
{
    world *w = *state;
    static truth want;
    char group[128] = "", self[32];
    int status;

    build(w);
    fix_open(w, "c");
    find(w, true, &want);
    fix_close(w);
    truth_file(w->dir, "w", &want);
    nftw(w->dir, forget, 16, FTW_PHYS);
    bool limited = !SANITIZED && make_group(group);

    fflush(stdout);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        snprintf(self, sizeof self, "%ld", (long)getpid());
        if (limited && !write_text(group, "cgroup.procs", self))
            _exit(4);
        execl("/proc/self/exe", "test_larger_than_memory", w->dir, (char *)NULL);
        _exit(5);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (limited) {
        printf("held by a control group; at most %.1f MB were used, page cache included\n",
               (double)(number_in(group, "memory.max_usage_in_bytes") |
                        number_in(group, "memory.peak")) / 1e6);
        rmdir(group);
    } else {
        printf("no control group can be made here: the limit was not held by the kernel\n");
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return answer_within_limit(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_times_the_memory, fix_setup, fix_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
