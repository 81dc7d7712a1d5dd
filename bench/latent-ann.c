/* SPDX-License-Identifier: Apache-2.0
 * latent-ann: the library's vector index as an engine of the peers benchmark
 * (../shared/bench-peers/README.md has the protocol):
 *
 *   latent-ann build  --base B.fvecs --index DIR --metric ip --m 16 --ef-construct 100 --threads T
 *   latent-ann search --index DIR --query Q.fvecs --k 10 --ef 32,64 --threads 1 --repeat 3 --out OUT
 *
 * DIR holds what a collection holds: a vector file (src/store/vecfile.h) and a checkpoint of the
 * graph. More options of search:
 *   --mapped       vectors and graph stay in mapped files; default: both are read into memory, as
 *                  the peers do
 *   --walk ELEMENT i8 or f16: the walk measures a smaller copy of the vectors, the nearest
 *                  --oversample (2) times k are measured again in float32
 * And of build:
 *   --metric ip|cosine|l2|l1 */
#include <base/buf.h>
#include <base/clock.h>
#include <base/file.h>
#include <base/mem.h>
#include <base/thread.h>
#include <errno.h>
#include <fcntl.h>
#include <index/hnsw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <store/vecfile.h>
#include <time.h>
#include <unistd.h>

typedef struct options {
    const char *base, *query, *index, *out, *ef, *metric, *walk;
    unsigned m, ef_construct, threads, repeat;
    size_t k, oversample;
    bool mapped;
} options;

static _Noreturn void die(const char *what, const lt_error *err)
{
    fprintf(stderr, "latent-ann: %s%s%s\n", what, err ? ": " : "", err ? err->message : "");
    exit(1);
}

static void must(lt_status st, const lt_error *err, const char *what)
{
    if (st != LT_OK)
        die(what, err);
}

static void *must_have(void *p)
{
    if (!p)
        die("out of memory", NULL);
    return p;
}

/* ---- options --------------------------------------------------------------------------------- */

static unsigned number(const char *name, const char *text)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);

    if (*end || end == text || v > 1000000) {
        fprintf(stderr, "latent-ann: %s wants a number, not '%s'\n", name, text);
        exit(2);
    }
    return (unsigned)v;
}

static bool text_option(options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {{"--base", &o->base},   {"--query", &o->query},   {"--index", &o->index},
                 {"--out", &o->out},     {"--ef", &o->ef},         {"--metric", &o->metric},
                 {"--walk", &o->walk}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].to = value;
            return true;
        }
    return false;
}

static bool number_option(options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        unsigned *to;
    } numbers[] = {{"--m", &o->m},
                   {"--ef-construct", &o->ef_construct},
                   {"--threads", &o->threads},
                   {"--repeat", &o->repeat}};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].to = number(name, value);
            return true;
        }
    if (strcmp(name, "--k") == 0)
        o->k = number(name, value);
    else if (strcmp(name, "--oversample") == 0)
        o->oversample = number(name, value);
    else
        return false;
    return true;
}

static options read_options(int argc, char **argv)
{
    options o = {.metric = "ip", .ef = "64", .m = 16, .ef_construct = 100, .threads = 1,
                 .repeat = 3, .k = 10, .oversample = 2};

    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--mapped") == 0) {
            o.mapped = true;
            continue;
        }
        if (i + 1 == argc ||
            (!text_option(&o, argv[i], argv[i + 1]) && !number_option(&o, argv[i], argv[i + 1]))) {
            fprintf(stderr, "latent-ann: unknown option '%s', or it lacks its value\n", argv[i]);
            exit(2);
        }
        i++;
    }
    return o;
}

static lt_distance distance_of(const char *metric)
{
    static const char *const names[] = {"cosine", "ip", "l2", "l1"};

    for (size_t i = 0; i < 4; i++)
        if (strcmp(metric, names[i]) == 0)
            return (lt_distance)i;
    die("--metric is ip, cosine, l2 or l1", NULL);
}

/* ---- fvecs ----------------------------------------------------------------------------------- */

typedef struct fvecs {
    const char *bytes;
    size_t size, n, dims;
} fvecs;

static fvecs read_fvecs(const char *path)
{
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;
    int32_t dims = 0;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 4)
        die("cannot read the fvecs file", NULL);
    fvecs f = {.size = (size_t)st.st_size};
    void *p = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);

    close(fd);
    if (p == MAP_FAILED)
        die("cannot map the fvecs file", NULL);
    f.bytes = p;
    memcpy(&dims, f.bytes, 4);
    if (dims < 1 || f.size % (4 + 4 * (size_t)dims))
        die("is not an fvecs file", NULL);
    f.dims = (size_t)dims;
    f.n = f.size / (4 + 4 * f.dims);
    return f;
}

static const char *fvec(const fvecs *f, size_t i)
{
    return f->bytes + i * (4 + 4 * f->dims) + 4;
}

/* ---- clocks and memory ----------------------------------------------------------------------- */

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long rss_bytes(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    long kb = 0;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb * 1024;
}

/* ---- build ----------------------------------------------------------------------------------- */

static void store_vectors(const char *path, const fvecs *f, lt_vecfile *v)
{
    enum { BATCH = 256 };
    lt_error e;

    must(lt_vecfile_create(path, (uint32_t)f->dims, &e), &e, "vectors");
    must(lt_vecfile_open(v, path, false, &e), &e, "vectors");
    LT_AUTOFREE char *rows = must_have(lt_calloc(BATCH, v->stride));

    for (size_t i = 0; i < f->n; i += BATCH) {
        size_t n = f->n - i < BATCH ? f->n - i : BATCH;

        for (size_t k = 0; k < n; k++)
            memcpy(rows + k * v->stride, fvec(f, i + k), f->dims * 4);
        must(lt_vecfile_write(v, i, rows, n, &e), &e, "vectors");
    }
    must(lt_vecfile_sync(v, &e), &e, "vectors");
    must(lt_vecfile_map(v, f->n, &e), &e, "vectors");
}

static lt_hnsw_vectors vectors_of(const lt_vecfile *v, const void *const *chunks, lt_distance d)
{
    return (lt_hnsw_vectors){.chunks = chunks,
                             .n_chunks = v->n_chunks,
                             .chunk_slots = LT_VEC_CHUNK_SLOTS,
                             .stride = v->stride,
                             .dims = v->dims,
                             .distance = d,
                             .element = LT_ELEMENT_F32};
}

/* What the search must know and neither file says. */
typedef struct facts {
    uint64_t n;
    int distance;
} facts;

static char *in(const char *dir, const char *name)
{
    return must_have(lt_path_join(dir, name));
}

static void build(const options *o)
{
    fvecs f = read_fvecs(o->base);
    LT_AUTOFREE char *vectors = in(o->index, "vectors"), *graph = in(o->index, "graph");
    LT_AUTOFREE char *facts_path = in(o->index, "facts");
    facts known = {f.n, (int)distance_of(o->metric)};
    lt_vecfile v;
    lt_hnsw *g;
    lt_error e;
    double start = lt_clock_s();

    store_vectors(vectors, &f, &v);
    double stored = lt_clock_s(), cpu = cpu_s();
    lt_hnsw_vectors hv = vectors_of(&v, (const void *const *)v.chunks, (lt_distance)known.distance);
    lt_hnsw_config config = {o->m, o->ef_construct, 1};

    must(lt_hnsw_new(&hv, &config, &g, &e), &e, "graph");
    must(lt_hnsw_insert_range(g, 0, (uint32_t)f.n, NULL, o->threads, &e), &e, "insert");
    double built = lt_clock_s(), built_cpu = cpu_s();

    must(lt_hnsw_save(g, graph, &e), &e, "save");
    must(lt_file_write_atomic(facts_path, &known, sizeof known, &e), &e, "facts");
    double saved = lt_clock_s();
    lt_hnsw_stats s;

    must(lt_hnsw_get_stats(g, &s, &e), &e, "stats");
    printf("{\"build_s\": %.3f, \"build_cpu_s\": %.3f, \"store_s\": %.3f, \"save_s\": %.3f, "
           "\"links\": %.2f, \"levels\": %u, \"unreachable\": %u}\n",
           built - stored, built_cpu - cpu, stored - start, saved - built,
           (double)s.n_links / (double)(s.n_present ? s.n_present : 1), s.levels, s.n_unreachable);
    lt_hnsw_free(g);
    lt_vecfile_close(&v);
}

/* ---- search ---------------------------------------------------------------------------------- */

/* An opened index. */
typedef struct engine {
    lt_vecfile vectors;
    const void **chunks; /* what the graph measures */
    lt_hnsw *g;
    lt_element walk;
    lt_space exact; /* float32, for measuring again */
    float scale;    /* i8: elements per unit */
    void *query_room;
    lt_scored *found;
    size_t n_ask;
} engine;

static void *huge_pages(size_t bytes)
{
    enum { HUGE_PAGE = 2 << 20 };
    char *p = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        die("out of memory", NULL);
    p += (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

static const float *stored_row(const engine *e, size_t i)
{
    const char *chunk = e->vectors.chunks[i / LT_VEC_CHUNK_SLOTS];

    return (const float *)(const void *)(chunk + i % LT_VEC_CHUNK_SLOTS * e->vectors.stride);
}

static float quantise(const float *in, int8_t *out, size_t n, float scale)
{
    float worst = 0;

    for (size_t i = 0; i < n; i++) {
        float x = in[i] * scale;

        worst = fabsf(in[i]) > worst ? fabsf(in[i]) : worst;
        out[i] = (int8_t)lrintf(x > 127 ? 127 : x < -127 ? -127 : x);
    }
    return worst;
}

/* The scale that clips one element in a thousand of a sample. */
static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static float find_scale(const engine *e, size_t n, size_t dims)
{
    size_t rows = n < 1000 ? n : 1000, m = rows * dims;
    LT_AUTOFREE float *sizes = must_have(lt_calloc(m, sizeof *sizes));

    for (size_t i = 0; i < rows; i++)
        for (size_t d = 0; d < dims; d++)
            sizes[i * dims + d] = fabsf(stored_row(e, i * (n / rows))[d]);
    qsort(sizes, m, sizeof *sizes, by_size);
    return 127 / sizes[m - 1 - m / 1000];
}

static size_t walk_stride(const engine *e, size_t dims)
{
    if (e->walk == LT_ELEMENT_F32)
        return e->vectors.stride;
    return (dims * (e->walk == LT_ELEMENT_F16 ? 2 : 1) + 31) / 32 * 32;
}

/* The copy that the walk measures, in memory on huge pages. */
static void copy_vectors(engine *e, size_t n, size_t dims)
{
    size_t stride = walk_stride(e, dims), n_chunks = e->vectors.n_chunks;
    char *all = huge_pages(stride * n_chunks * LT_VEC_CHUNK_SLOTS);

    e->chunks = must_have(lt_calloc(n_chunks, sizeof *e->chunks));
    for (size_t c = 0; c < n_chunks; c++)
        e->chunks[c] = all + c * LT_VEC_CHUNK_SLOTS * stride;
    if (e->walk == LT_ELEMENT_I8)
        e->scale = find_scale(e, n, dims);
    for (size_t i = 0; i < n; i++) {
        char *to = all + i * stride;

        if (e->walk == LT_ELEMENT_F32)
            memcpy(to, stored_row(e, i), dims * 4);
        else if (e->walk == LT_ELEMENT_F16)
            e->exact.kern->f16_from_f32(stored_row(e, i), (uint16_t *)(void *)to, dims);
        else
            quantise(stored_row(e, i), (int8_t *)to, dims, e->scale);
    }
}

static void open_engine(engine *e, const options *o)
{
    LT_AUTOFREE char *vectors = in(o->index, "vectors"), *graph = in(o->index, "graph");
    LT_AUTOFREE char *facts_path = in(o->index, "facts");
    LT_CLEANUP(lt_buf_done) lt_buf bytes = {0};
    lt_error err;
    facts known;

    must(lt_file_read(facts_path, sizeof known, &bytes, &err), &err, "facts");
    if (bytes.len != sizeof known)
        die("facts: damaged", NULL);
    memcpy(&known, bytes.data, sizeof known);
    must(lt_vecfile_open(&e->vectors, vectors, true, &err), &err, "vectors");
    must(lt_vecfile_map(&e->vectors, known.n, &err), &err, "vectors");
    size_t dims = e->vectors.dims;
    lt_distance distance = (lt_distance)known.distance;

    must(lt_space_init(&e->exact, dims, distance, LT_ELEMENT_F32, &err), &err, "vectors");
    e->walk = !o->walk ? LT_ELEMENT_F32 : strcmp(o->walk, "i8") == 0 ? LT_ELEMENT_I8 : LT_ELEMENT_F16;
    bool copy = !o->mapped || e->walk != LT_ELEMENT_F32;

    if (copy)
        copy_vectors(e, known.n, dims);
    lt_hnsw_vectors hv = vectors_of(
        &e->vectors, copy ? e->chunks : (const void *const *)e->vectors.chunks, distance);

    hv.element = e->walk;
    hv.stride = walk_stride(e, dims);
    lt_hnsw_open_options how = {.in_memory = !o->mapped, .other_element = true};

    must(lt_hnsw_open(graph, &hv, &how, &e->g, &err), &err, "graph");
    e->n_ask = e->walk == LT_ELEMENT_F32 ? o->k : o->k * o->oversample;
    e->query_room = must_have(lt_calloc(dims, 4));
    e->found = must_have(lt_calloc(e->n_ask, sizeof *e->found));
}

static int better(const void *a, const void *b)
{
    const lt_scored *x = a, *y = b;

    return (x->score < y->score) - (x->score > y->score);
}

static void rescore(engine *e, const float *query, size_t n)
{
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(stored_row(e, e->found[i].slot));
    for (size_t i = 0; i < n; i++) {
        const void *row = stored_row(e, e->found[i].slot);
        float d;

        lt_space_distances(&e->exact, query, &row, 1, &d);
        e->found[i].score = -d;
    }
    qsort(e->found, n, sizeof *e->found, better);
}

static void answer(engine *e, const float *query, size_t k, size_t ef, int32_t *ids)
{
    lt_hnsw_query q = LT_HNSW_QUERY_INIT;
    lt_error err;
    size_t n;

    q.vector = query;
    if (e->walk == LT_ELEMENT_I8) {
        quantise(query, e->query_room, e->exact.dims, e->scale);
        q.vector = e->query_room;
    }
    q.k = e->n_ask;
    q.ef = ef;
    must(lt_hnsw_search(e->g, &q, e->found, &n, &err), &err, "search");
    if (e->walk != LT_ELEMENT_F32)
        rescore(e, query, n);
    for (size_t i = 0; i < k; i++)
        ids[i] = i < n ? (int32_t)e->found[i].slot : -1;
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_list(const char *name, const double *v, unsigned n)
{
    printf("\"%s\": [", name);
    for (unsigned i = 0; i < n; i++)
        printf("%s%.6f", i ? ", " : "", v[i]);
    printf("], ");
}

static void write_ids(const options *o, size_t ef, const int32_t *ids, size_t n)
{
    LT_CLEANUP(lt_buf_done) lt_buf name = {0}, bytes = {0};
    int32_t k = (int32_t)o->k;
    lt_error e;

    must(lt_buf_addf(&name, &e, "%s/ef%zu.ivecs", o->out, ef), &e, "out");
    for (size_t i = 0; i < n; i++) {
        must(lt_buf_add(&bytes, &k, 4, &e), &e, "out");
        must(lt_buf_add(&bytes, ids + i * o->k, o->k * 4, &e), &e, "out");
    }
    must(lt_file_write_atomic(name.data, bytes.data, bytes.len, &e), &e, "out");
}

static void measure_ef(engine *e, const options *o, const float *queries, size_t n, size_t ef)
{
    enum { LATENCIES = 300, WARM = 50 };
    size_t dims = e->exact.dims, n_lat = n < LATENCIES ? n : LATENCIES;
    LT_AUTOFREE int32_t *ids = must_have(lt_calloc(n * o->k, sizeof *ids));
    LT_AUTOFREE double *wall = must_have(lt_calloc(o->repeat, sizeof *wall));
    LT_AUTOFREE double *cpu = must_have(lt_calloc(o->repeat, sizeof *cpu));
    double lat[LATENCIES];

    for (size_t i = 0; i < WARM && i < n; i++)
        answer(e, queries + i * dims, o->k, ef, ids);
    for (unsigned r = 0; r < o->repeat; r++) {
        double t = lt_clock_s(), c = cpu_s();

        for (size_t i = 0; i < n; i++)
            answer(e, queries + i * dims, o->k, ef, ids + i * o->k);
        wall[r] = lt_clock_s() - t;
        cpu[r] = cpu_s() - c;
    }
    write_ids(o, ef, ids, n);
    for (size_t i = 0; i < n_lat; i++) {
        double t = lt_clock_s();

        answer(e, queries + i * dims, o->k, ef, ids);
        lat[i] = lt_clock_s() - t;
    }
    qsort(lat, n_lat, sizeof *lat, by_time);
    printf("{\"ef\": %zu, \"queries\": %zu, ", ef, n);
    print_list("seconds", wall, o->repeat);
    print_list("cpu_seconds", cpu, o->repeat);
    printf("\"p50_us\": %.1f, \"p99_us\": %.1f}\n", lat[n_lat / 2] * 1e6, lat[n_lat * 99 / 100] * 1e6);
}

static void search(const options *o)
{
    fvecs f = read_fvecs(o->query);
    LT_AUTOFREE float *queries = must_have(lt_calloc(f.n * f.dims, sizeof *queries));
    LT_AUTOFREE int32_t *ids = must_have(lt_calloc(o->k, sizeof *ids));
    engine e = {0};

    for (size_t i = 0; i < f.n; i++)
        memcpy(queries + i * f.dims, fvec(&f, i), f.dims * 4);
    long before = rss_bytes();
    double t = lt_clock_s();

    open_engine(&e, o);
    if (f.dims != e.exact.dims)
        die("the queries have another number of dimensions", NULL);
    double loaded = lt_clock_s();

    answer(&e, queries, o->k, 64, ids);
    double first = lt_clock_s();

    for (const char *p = o->ef; *p;) {
        char *end;
        size_t ef = strtoul(p, &end, 10);

        if (end == p || ef == 0)
            die("--ef is a list of numbers", NULL);
        measure_ef(&e, o, queries, f.n, ef);
        p = *end == ',' ? end + 1 : end;
    }
    printf("{\"load_s\": %.6f, \"first_query_ms\": %.4f, \"mem_bytes\": %ld}\n", loaded - t,
           (first - loaded) * 1e3, rss_bytes() - before);
    lt_hnsw_free(e.g);
    lt_free(e.chunks);
    lt_free(e.query_room);
    lt_free(e.found);
    lt_vecfile_close(&e.vectors);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "build") == 0) {
        options o = read_options(argc, argv);

        build(&o);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "search") == 0) {
        options o = read_options(argc, argv);

        search(&o);
        return 0;
    }
    fprintf(stderr, "latent-ann: build or search; see the head of bench/latent-ann.c\n");
    return 2;
}
