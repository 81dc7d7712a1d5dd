/* SPDX-License-Identifier: Apache-2.0
 * bench_filter [N]   counting N points by filters, without and with payload indexes
 *
 * The database is made below $TMPDIR and left there. Prints JSON: for each filter the points that
 * pass and the median milliseconds of a count, from the payloads and from the index; how long the
 * indexes took to build and to follow an update of 1,000 points. */
#include <base/buf.h>
#include <base/clock.h>
#include <base/mem.h>
#include <base/rng.h>
#include <latent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000, SLOW_ROUNDS = 3, FAST_ROUNDS = 51 };

static struct {
    const char *name, *filter;
} cases[] = {
    {"keyword, 0.1 %", "{\"must\":{\"key\":\"k\",\"match\":{\"value\":\"k7\"}}}"},
    {"keyword, any of 100", NULL}, /* the two are written at the start */
    {"bool, 50 %", "{\"must\":{\"key\":\"b\",\"match\":{\"value\":true}}}"},
    {"integer range, 10 %", "{\"must\":{\"key\":\"i\",\"range\":{\"lt\":100000}}}"},
    {"float range, 1 %", "{\"must\":{\"key\":\"f\",\"range\":{\"gte\":0.99}}}"},
    {"date range, 50 %", "{\"must\":{\"key\":\"d\",\"range\":{\"gte\":\"2015-01-01T00:00:00Z\"}}}"},
    {"text, two words", "{\"must\":{\"key\":\"t\",\"match\":{\"text\":\"w1 w2\"}}}"},
    {"geo radius, 100 km", "{\"must\":{\"key\":\"g\",\"geo_radius\":{\"center\":{\"lat\":50,"
                           "\"lon\":10},\"radius\":100000}}}"},
    {"geo box, a quarter", "{\"must\":{\"key\":\"g\",\"geo_bounding_box\":{\"top_left\":{\"lat\":80,"
                           "\"lon\":-90},\"bottom_right\":{\"lat\":0,\"lon\":90}}}}"},
    {"prefix, 1.1 %", "{\"must\":{\"key\":\"k\",\"match\":{\"prefix\":\"k77\"}}}"},
    {"not empty", "{\"must_not\":{\"is_empty\":{\"key\":\"k\"}}}"},
    {"keyword and no index", "{\"must\":[{\"key\":\"k\",\"match\":{\"value\":\"k7\"}},{\"key\":\"x\","
                             "\"match\":{\"value\":1}}]}"},
    {"100 ids", NULL},
};
enum { N_CASES = sizeof cases / sizeof *cases, ANY = 1, IDS = N_CASES - 1 };

static lt_error err;

static void check(lt_status st)
{
    if (st != LT_OK) {
        fprintf(stderr, "bench_filter: %s\n", err.message);
        exit(1);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void write_payload(lt_buf *b, lt_rng *r)
{
    lt_buf_clear(b);
    check(lt_buf_addf(b, &err,
                      "{\"k\":\"k%d\",\"b\":%s,\"i\":%d,\"f\":%.6f,\"x\":%d,\"d\":\"20%02d-%02d-%02dT"
                      "12:00:00Z\",\"g\":{\"lat\":%.4f,\"lon\":%.4f},\"t\":\"",
                      (int)lt_rng_below(r, 1000), lt_rng_below(r, 2) ? "true" : "false",
                      (int)lt_rng_below(r, 1000000), lt_rng_unit(r), (int)lt_rng_below(r, 2),
                      (int)lt_rng_below(r, 30), (int)lt_rng_below(r, 12) + 1,
                      (int)lt_rng_below(r, 28) + 1, lt_rng_unit(r) * 160 - 80,
                      lt_rng_unit(r) * 360 - 180));
    for (int i = 0; i < 8; i++)
        check(lt_buf_addf(b, &err, "w%d ", (int)(lt_rng_unit(r) * lt_rng_unit(r) * 2000)));
    check(lt_buf_adds(b, "\"}", &err));
}

static void put_points(lt_collection *c, uint64_t first, size_t n, lt_rng *r)
{
    lt_point *points = lt_calloc(n, sizeof *points);
    lt_buf *texts = lt_calloc(n, sizeof *texts);
    float vector[4] = {1, 0, 0, 0};

    if (!points || !texts)
        check(LT_ENOMEM);
    for (size_t i = 0; i < n; i++) {
        write_payload(&texts[i], r);
        points[i] = (lt_point){lt_id_from_num(first + i), vector, texts[i].data, texts[i].len};
    }
    check(lt_points_upsert(c, points, n, 4, &err));
    for (size_t i = 0; i < n; i++)
        lt_buf_done(&texts[i]);
    lt_free(texts);
    lt_free(points);
}

static double count_ms(lt_collection *c, const char *filter, int rounds, uint64_t *n)
{
    double times[FAST_ROUNDS];

    for (int i = 0; i < rounds; i++) {
        double start = lt_clock_s();

        check(lt_points_count(c, filter, n, &err));
        times[i] = (lt_clock_s() - start) * 1e3;
    }
    qsort(times, (size_t)rounds, sizeof *times, by_value);
    return times[rounds / 2];
}

static char *list_of(const char *head, const char *item, const char *tail)
{
    lt_buf b = {0};

    check(lt_buf_adds(&b, head, &err));
    for (int i = 0; i < 100; i++) {
        if (i)
            check(lt_buf_addc(&b, ',', &err));
        check(lt_buf_addf(&b, &err, item[0] == '"' ? "\"k%d\"" : "%d", i * 7));
    }
    check(lt_buf_adds(&b, tail, &err));
    return lt_buf_steal(&b);
}

static lt_collection *make(lt_db *db, size_t n, lt_rng *r)
{
    const char *config = "{\"vectors\":{\"size\":4,\"distance\":\"Dot\"}}";
    lt_collection *c;

    check(lt_collection_create_json(db, "f", config, strlen(config), &err));
    check(lt_collection_open(db, "f", &c, &err));
    for (uint64_t first = 0; first < n; first += BATCH)
        put_points(c, first, n - first < BATCH ? (size_t)(n - first) : BATCH, r);
    return c;
}

static void index_all(lt_collection *c)
{
    static const char *const indexes[][2] = {
        {"k", "\"keyword\""}, {"b", "\"bool\""},     {"i", "\"integer\""}, {"f", "\"float\""},
        {"d", "\"datetime\""}, {"g", "\"geo\""},     {"t", "\"text\""}};

    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++)
        check(lt_collection_create_index(c, indexes[i][0], indexes[i][1], strlen(indexes[i][1]),
                                         NULL, &err));
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    const char *tmp = getenv("TMPDIR");
    char path[512];
    lt_db_options options = LT_DB_OPTIONS_INIT;
    double slow[N_CASES], start;
    uint64_t count;
    lt_rng r = {1};
    lt_db *db;

    snprintf(path, sizeof path, "%s/bench_filter_XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(path)) {
        perror("bench_filter");
        return 1;
    }
    options.no_sync = true;
    check(lt_db_open(path, &options, &db, &err));
    lt_collection *c = make(db, n, &r);

    cases[ANY].filter = list_of("{\"must\":{\"key\":\"k\",\"match\":{\"any\":[", "\"", "]}}}");
    cases[IDS].filter = list_of("{\"must\":{\"has_id\":[", "7", "]}}");
    for (size_t i = 0; i < N_CASES; i++)
        slow[i] = count_ms(c, cases[i].filter, SLOW_ROUNDS, &count);
    start = lt_clock_s();
    put_points(c, 0, BATCH, &r);
    double update_before = (lt_clock_s() - start) * 1e3;

    index_all(c);
    start = lt_clock_s();
    check(lt_points_count(c, cases[0].filter, &count, &err));
    printf("{\"n\": %zu, \"build_ms\": %.1f, \"update_1000_ms\": {\"without\": %.1f, ", n,
           (lt_clock_s() - start) * 1e3, update_before);
    start = lt_clock_s();
    put_points(c, 0, BATCH, &r);
    printf("\"with\": %.1f},\n \"counts\": [", (lt_clock_s() - start) * 1e3);
    for (size_t i = 0; i < N_CASES; i++) {
        double fast = count_ms(c, cases[i].filter, FAST_ROUNDS, &count);

        printf("%s\n  {\"filter\": \"%s\", \"passed\": %llu, \"without_ms\": %.2f, \"with_ms\": %.4f}",
               i ? "," : "", cases[i].name, (unsigned long long)count, slow[i], fast);
    }
    printf("]}\n");
    lt_free((void *)(uintptr_t)cases[ANY].filter);
    lt_free((void *)(uintptr_t)cases[IDS].filter);
    lt_collection_close(c);
    lt_db_close(db);
    return 0;
}
