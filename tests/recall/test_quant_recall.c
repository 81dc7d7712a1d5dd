/* SPDX-License-Identifier: Apache-2.0
 * Quantised copies in the engine: recall@10 against the exact scan for each kind, changed on a live
 * collection, by the graph and by scans, with and without rescoring; points at once after their ack;
 * files read, missing, damaged. Prints what it measures. LT_LONG=1: more points. */
enum { DIMS = 64, CENTRES = 200, QUERIES = 40, K = 10, BATCH = 1000 };

#include "recall_fixture.h"

static uint64_t n_points;

/* What is asked of the copies beside the vector. */
typedef struct how {
    bool ignore;
    int rescore;
    double oversampling;
} how;
static const how AS_PLANNED = {false, -1, 0};

static double recall(world *w, const char *filter, how h)
{
    lt_rng r = {4711};
    size_t hits = 0, all = 0;

    for (int q = 0; q < QUERIES; q++) {
        uint32_t exact[K], found[K];
        float query[DIMS];
        asking a;

        draw(&r, query);
        ask(&a, w, query, filter);
        a.q.quant_ignore = h.ignore;
        a.q.quant_rescore = h.rescore;
        a.q.quant_oversampling = h.oversampling;
        size_t n = search(&a, true, exact), m = search(&a, false, found);

        ask_done(&a);
        assert_int_equal(n, m);
        all += n;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < m; k++)
                hits += exact[i] == found[k];
    }
    return all ? (double)hits / (double)all : 1;
}

static void expect(world *w, const char *what, const char *filter, how h, double floor)
{
    double got = recall(w, filter, h);

    printf("  %-44s recall %.4f (floor %.2f)\n", what, got, floor);
    if (got < floor)
        fail_msg("%s: recall %.4f is below %.2f", what, got, floor);
}

static bool plans(world *w, how h, const char *part)
{
    float query[DIMS];
    lt_rng r = {99};
    asking a;

    draw(&r, query);
    ask(&a, w, query, NULL);
    a.q.quant_ignore = h.ignore;
    a.q.quant_rescore = h.rescore;
    a.q.quant_oversampling = h.oversampling;
    bool found = explains(&a, part);

    ask_done(&a);
    return found;
}

static void quantise(world *w, const char *config)
{
    char patch[256];

    snprintf(patch, sizeof patch, "{\"quantization_config\":%s}", config);
    OK(lt_collection_update_json(w->c, patch, strlen(patch), &w->err));
    wait_green(w);
}

static void create(world *w, const char *vectors, uint64_t n)
{
    char config[512];
    lt_rng r = {1};

    snprintf(config, sizeof config,
             "{\"vectors\":%s,\"quantization_config\":{\"scalar\":{\"type\":\"int8\"}},"
             "\"optimizers_config\":{\"indexing_threshold\":100}}",
             vectors);
    n_points = n;
    fix_create(w, config);
    OK(lt_collection_create_index(w->c, "chance", "\"integer\"", 9, NULL, &w->err));
    put_range(w, &r, 0, n_points);
    wait_green(w);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

static void every_kind_finds(void **state)
{
    static const struct {
        const char *config, *codes;
        double floor, unrescored; /* as planned; by the codes alone */
    } kinds[] = {
        {"{\"scalar\":{\"type\":\"int8\"}}", "scalar", 0.97, 0.95},
        {"{\"scalar\":{\"type\":\"int8\",\"quantile\":0.99,\"always_ram\":true}}", "scalar", 0.97, 0.90},
        {"{\"binary\":{}}", "binary", 0.92, 0.45},
        {"{\"binary\":{\"query_encoding\":\"binary\"}}", "binary", 0.80, 0.35},
        {"{\"binary\":{\"query_encoding\":\"scalar4bits\"}}", "binary", 0.92, 0.45},
        {"{\"binary\":{\"encoding\":\"one_and_half_bits\"}}", "binary", 0.93, 0.5},
        {"{\"binary\":{\"encoding\":\"two_bits\"}}", "binary", 0.95, 0.58},
        {"{\"product\":{\"compression\":\"x16\"}}", "product", 0.97, 0.65},
        {"{\"product\":{\"compression\":\"x64\",\"always_ram\":true}}", "product", 0.90, 0.45},
    };
    world *w = *state;

    create(w, "{\"size\":64,\"distance\":\"Cosine\"}", getenv("LT_LONG") ? 80000 : 4000);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char part[64];

        if (i > 0)
            quantise(w, kinds[i].config);
        snprintf(part, sizeof part, "\"codes\":\"%s\"", kinds[i].codes);
        assert_true(plans(w, AS_PLANNED, "\"by\":\"graph\""));
        assert_true(plans(w, AS_PLANNED, part));
        printf("%s\n", kinds[i].config);
        expect(w, "as planned", NULL, AS_PLANNED, kinds[i].floor);
        expect(w, "by the codes alone", NULL, (how){false, 0, 0}, kinds[i].unrescored);
        expect(w, "20 times oversampled", NULL, (how){false, 1, 20}, 0.90);
    }
}

static void questions_choose(void **state)
{
    world *w = *state;

    create(w, "{\"size\":64,\"distance\":\"Cosine\"}", 14000);
    assert_true(plans(w, AS_PLANNED, "\"codes\":\"scalar\",\"rescored\":20"));
    assert_true(plans(w, (how){false, 1, 3.5}, "\"rescored\":35"));
    assert_true(plans(w, (how){false, 0, 3.5}, "\"rescored\":0"));
    assert_false(plans(w, (how){true, -1, 0}, "\"codes\""));
    expect(w, "ignored", NULL, (how){true, -1, 0}, 0.95);
    expect(w, "half pass", "{\"must\":{\"key\":\"chance\",\"range\":{\"lt\":500}}}", AS_PLANNED, 0.95);
    expect(w, "a tenth passes", "{\"must\":{\"key\":\"chance\",\"range\":{\"lt\":100}}}", AS_PLANNED, 0.99);
    expect(w, "few pass", "{\"must\":{\"key\":\"chance\",\"range\":{\"lt\":2}}}", AS_PLANNED, 1);
    quantise(w, "\"Disabled\"");
    assert_false(plans(w, AS_PLANNED, "\"codes\""));
    expect(w, "disabled", NULL, AS_PLANNED, 0.95);
    quantise(w, "{\"binary\":{}}");
    OK(lt_collection_update_json(w->c, "{\"hnsw_config\":{\"m\":0}}", 23, &w->err));
    wait_green(w);
    assert_true(plans(w, AS_PLANNED, "\"by\":\"scan\""));
    assert_true(plans(w, AS_PLANNED, "\"codes\":\"binary\",\"rescored\":80"));
    expect(w, "no graph, binary, scanned", NULL, AS_PLANNED, 0.90);
}

static void every_distance_and_element(void **state)
{
    static const char *const vectors[] = {
        "{\"size\":64,\"distance\":\"Dot\"}",
        "{\"size\":64,\"distance\":\"Euclid\"}",
        "{\"size\":64,\"distance\":\"Manhattan\"}",
        "{\"size\":64,\"distance\":\"Cosine\",\"datatype\":\"float16\"}",
    };
    world *w = *state;

    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        printf("%s\n", vectors[i]);
        create(w, vectors[i], 2500);
        assert_true(plans(w, AS_PLANNED, "\"codes\":\"scalar\""));
        expect(w, "scalar", NULL, AS_PLANNED, 0.95);
        expect(w, "scalar, codes alone", NULL, (how){false, 0, 0}, 0.85);
        quantise(w, "{\"binary\":{\"encoding\":\"two_bits\"}}");
        expect(w, "2 bits", NULL, AS_PLANNED, 0.85);
        quantise(w, "{\"product\":{\"compression\":\"x8\"}}");
        expect(w, "product x8", NULL, AS_PLANNED, 0.95);
        lt_collection_close(w->c);
        OK(lt_collection_drop(w->db, "c", &w->err));
    }
    w->c = NULL;
}

/* ---- new points, files ----------------------------------------------------------------------- */

static void points_are_found_at_once(void **state)
{
    world *w = *state;
    lt_rng r = {77}, again = {77};

    create(w, "{\"size\":64,\"distance\":\"Cosine\"}", 3000);
    put_range(w, &r, 50000, 50000 + BATCH);
    for (int i = 0; i < 20; i++) {
        uint32_t exact[K], found[K];
        float query[DIMS];
        asking a;

        draw(&again, query);
        (void)lt_rng_below(&again, 1000); /* the payload's */
        ask(&a, w, query, NULL);
        assert_true(search(&a, true, exact) > 0 && search(&a, false, found) > 0);
        assert_true(exact[0] >= 3000 && exact[0] == found[0]);
        ask_done(&a);
    }
}

static char *codes_file(world *w)
{
    char command[128], path[256] = "";

    snprintf(command, sizeof command, "find %s -name codes-0.quant", w->dir);
    FILE *f = popen(command, "r");

    assert_true(f && fgets(path, sizeof path, f));
    pclose(f);
    path[strcspn(path, "\n")] = 0;
    return lt_strdup(path);
}

static struct timespec written_at(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mtim;
}

/* Opened again, the two first searches wake the thread that reads the file. */
static void reopen(world *w)
{
    fix_reopen(w, "c");
    expect(w, "reopened", NULL, AS_PLANNED, 0.95);
    for (double limit = lt_clock_s() + 60; !plans(w, AS_PLANNED, "\"codes\":\"scalar\"");) {
        assert_true(lt_clock_s() < limit);
        usleep(10000);
    }
    wait_green(w);
    expect(w, "with codes", NULL, AS_PLANNED, 0.95);
}

static void files_are_read_or_made_again(void **state)
{
    world *w = *state;

    create(w, "{\"size\":64,\"distance\":\"Cosine\"}", 17000); /* more than one chunk */
    fix_close(w);
    fix_open(w, "c");
    LT_AUTOFREE char *path = codes_file(w);
    struct timespec before = written_at(path), after;

    reopen(w);
    fix_reopen(w, "c");
    after = written_at(path); /* it was read: there was nothing to write */
    assert_memory_equal(&before, &after, sizeof before);
    quantise(w, "{\"scalar\":{\"type\":\"int8\",\"always_ram\":true}}");
    reopen(w);
    fix_close(w);
    FILE *f = fopen(path, "r+");

    assert_non_null(f);
    assert_int_equal(fseek(f, 300000, SEEK_SET), 0);
    assert_int_equal(fwrite("damage", 1, 6, f), 6);
    fclose(f);
    fix_open(w, "c");
    reopen(w);
    fix_close(w);
    after = written_at(path); /* it was refused: made and written anew */
    assert_memory_not_equal(&before, &after, sizeof before);
    assert_int_equal(truncate(path, 50), 0);
    fix_open(w, "c");
    reopen(w);
    fix_close(w);
    assert_int_equal(unlink(path), 0);
    fix_open(w, "c");
    reopen(w);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, fix_setup, fix_teardown)
    const struct CMUnitTest tests[] = {
        T(every_kind_finds),
        T(questions_choose),
        T(every_distance_and_element),
        T(points_are_found_at_once),
        T(files_are_read_or_made_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
