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
 *   --quant KIND   int8, 1bit, 1.5bit, 2bit, pq4 ... pq64 (src/quant): codes in memory are measured, the
 *                  nearest --oversample (2) times k again in float32, from the mapped file
 *   --scan         no graph: all vectors or codes are measured, for the first --ef alone
 *   --allowed FILE only these may be found: a bit a vector, the lowest of a byte first
 * And of build:
 *   --metric ip|cosine|l2|l1
 * Options may stand before build or search too, where a benchmark adds its own behind. */
#include <base/buf.h>
#include <base/clock.h>
#include <base/file.h>
#include <base/mem.h>
#include <base/thread.h>
#include <errno.h>
#include <fcntl.h>
#include <index/hnsw.h>
#include <quant/quant.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <store/vecfile.h>
#include <time.h>
#include <unistd.h>

typedef struct options {
    const char *base, *query, *index, *out, *ef, *metric, *quant, *allowed;
    unsigned m, ef_construct, threads, repeat;
    size_t k, oversample;
    bool mapped, scan;
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
                 {"--quant", &o->quant},
                 {"--allowed", &o->allowed}};

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

static bool is_phase(const char *word)
{
    return strcmp(word, "build") == 0 || strcmp(word, "search") == 0;
}

static options read_options(int argc, char **argv)
{
    options o = {.metric = "ip", .ef = "64", .m = 16, .ef_construct = 100, .threads = 1,
                 .repeat = 3, .k = 10, .oversample = 2};

    for (int i = 1; i < argc; i++) {
        if (is_phase(argv[i]))
            continue;
        if (strcmp(argv[i], "--mapped") == 0) {
            o.mapped = true;
            continue;
        }
        if (strcmp(argv[i], "--scan") == 0) {
            o.scan = true;
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

    must(lt_vecfile_create(path, LT_VEC_F32, (uint32_t)f->dims, &e), &e, "vectors");
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
    size_t n, k, n_ask; /* n_ask: candidates of a walk over codes, to be measured again */
    bool scan;
    const void **rows; /* chunks of the vectors: read into memory or mapped */
    lt_space space;
    lt_hnsw *g;
    lt_quant *quant; /* NULL: none */
    const void **codes;
    size_t code_stride;
    uint64_t *allowed; /* NULL: all */
    uint32_t n_allowed;
    lt_scored *found;
} engine;

/* Chunks of rows in memory, in one piece on huge pages. */
static const void **make_chunks(size_t n_chunks, size_t stride)
{
    enum { HUGE_PAGE = 2 << 20 };
    size_t bytes = n_chunks * LT_VEC_CHUNK_SLOTS * stride;
    const void **chunks = must_have(lt_calloc(n_chunks, sizeof *chunks));
    char *p = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        die("out of memory", NULL);
    p += (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    madvise(p, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < n_chunks; i++)
        chunks[i] = p + i * LT_VEC_CHUNK_SLOTS * stride;
    return chunks;
}

static void *at_slot(const void *const *chunks, size_t stride, size_t slot)
{
    return (char *)(uintptr_t)chunks[slot / LT_VEC_CHUNK_SLOTS] + slot % LT_VEC_CHUNK_SLOTS * stride;
}

static const float *stored_row(const engine *e, size_t i)
{
    return at_slot((const void *const *)e->vectors.chunks, e->vectors.stride, i);
}

static void read_rows(engine *e, bool mapped)
{
    if (mapped) {
        e->rows = must_have(lt_calloc(e->vectors.n_chunks, sizeof *e->rows));
        memcpy(e->rows, e->vectors.chunks, e->vectors.n_chunks * sizeof *e->rows);
        return;
    }
    e->rows = make_chunks(e->vectors.n_chunks, e->vectors.stride);
    for (size_t i = 0; i < e->n; i++)
        memcpy(at_slot(e->rows, e->vectors.stride, i), stored_row(e, i), e->vectors.stride);
}

static lt_quant_config quant_config(const char *name)
{
    static const struct {
        const char *name;
        lt_quant_config config;
    } kinds[] = {{"int8", {LT_QUANT_SCALAR, 1, 0, 0, 0}},    {"1bit", {LT_QUANT_BINARY, 0, 2, 8, 0}},
                 {"1.5bit", {LT_QUANT_BINARY, 0, 3, 8, 0}},  {"2bit", {LT_QUANT_BINARY, 0, 4, 8, 0}},
                 {"pq4", {LT_QUANT_PRODUCT, 0, 0, 0, 4}},    {"pq8", {LT_QUANT_PRODUCT, 0, 0, 0, 8}},
                 {"pq16", {LT_QUANT_PRODUCT, 0, 0, 0, 16}},  {"pq32", {LT_QUANT_PRODUCT, 0, 0, 0, 32}},
                 {"pq64", {LT_QUANT_PRODUCT, 0, 0, 0, 64}}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(name, kinds[i].name) == 0)
            return kinds[i].config;
    die("--quant is int8, 1bit, 1.5bit, 2bit, pq4, pq8, pq16, pq32 or pq64", NULL);
}

static void make_codes(engine *e, const char *kind)
{
    enum { SAMPLE = 8192 };
    size_t dims = e->space.dims, n = e->n < SAMPLE ? e->n : SAMPLE;
    LT_AUTOFREE float *sample = must_have(lt_calloc(n * dims, sizeof *sample));
    lt_quant_config config = quant_config(kind);
    lt_error err;

    for (size_t i = 0; i < n; i++)
        memcpy(sample + i * dims, stored_row(e, i * (e->n / n)), dims * sizeof *sample);
    must(lt_quant_train(&config, e->space.distance, dims, sample, n, &e->quant, &err), &err, "train");
    e->code_stride = (lt_quant_code_bytes(e->quant) + 7) / 8 * 8;
    e->codes = make_chunks(e->vectors.n_chunks, e->code_stride);
    for (size_t i = 0; i < e->n; i++)
        lt_quant_encode(e->quant, stored_row(e, i), at_slot(e->codes, e->code_stride, i));
}

static void read_allowed(engine *e, const char *path)
{
    LT_CLEANUP(lt_buf_done) lt_buf bytes = {0};
    size_t n = (e->n + 7) / 8;
    lt_error err;

    must(lt_file_read(path, n, &bytes, &err), &err, "allowed");
    if (bytes.len != n)
        die("--allowed: a bit a vector is expected", NULL);
    e->allowed = must_have(lt_calloc(e->n / 64 + 1, sizeof *e->allowed));
    memcpy(e->allowed, bytes.data, n);
    for (size_t i = 0; i <= e->n / 64; i++)
        e->n_allowed += (uint32_t)__builtin_popcountll(e->allowed[i]);
}

static void open_vectors(engine *e, const options *o, lt_distance *distance)
{
    LT_AUTOFREE char *vectors = in(o->index, "vectors"), *facts_path = in(o->index, "facts");
    LT_CLEANUP(lt_buf_done) lt_buf bytes = {0};
    lt_error err;
    facts known;

    must(lt_file_read(facts_path, sizeof known, &bytes, &err), &err, "facts");
    if (bytes.len != sizeof known)
        die("facts: damaged", NULL);
    memcpy(&known, bytes.data, sizeof known);
    must(lt_vecfile_open(&e->vectors, vectors, true, &err), &err, "vectors");
    must(lt_vecfile_map(&e->vectors, known.n, &err), &err, "vectors");
    e->n = known.n;
    *distance = (lt_distance)known.distance;
}

static void open_engine(engine *e, const options *o)
{
    LT_AUTOFREE char *graph = in(o->index, "graph");
    lt_hnsw_open_options how = {.in_memory = !o->mapped};
    lt_distance distance;
    lt_error err;

    open_vectors(e, o, &distance);
    must(lt_space_init(&e->space, e->vectors.dims, distance, LT_ELEMENT_F32, &err), &err, "vectors");
    read_rows(e, o->mapped || o->quant);
    if (o->quant)
        make_codes(e, o->quant);
    lt_hnsw_vectors hv = vectors_of(&e->vectors, e->rows, distance);

    e->scan = o->scan;
    if (!e->scan)
        must(lt_hnsw_open(graph, &hv, &how, &e->g, &err), &err, "graph");
    e->k = o->k;
    e->n_ask = o->quant ? o->k * o->oversample : o->k;
    e->found = must_have(lt_calloc(e->n_ask, sizeof *e->found));
}

static void close_engine(engine *e)
{
    lt_hnsw_free(e->g);
    lt_quant_free(e->quant);
    lt_free(e->rows);
    lt_free(e->codes);
    lt_free(e->allowed);
    lt_free(e->found);
    lt_vecfile_close(&e->vectors);
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

        lt_space_distances(&e->space, query, &row, 1, &d);
        e->found[i].score = -d;
    }
    qsort(e->found, n, sizeof *e->found, better);
}

static void measure_codes(const void *context, const void *query, const void *const *rows, size_t n,
                          float *out)
{
    (void)query;
    lt_quant_distances(context, rows, n, out);
}

/* Into e->found, at most n_ask. */
static size_t scan_all(engine *e, const float *query, const lt_quant_query *coded)
{
    lt_flat flat = {.measure = coded ? measure_codes : lt_space_measure,
                    .context = coded ? (const void *)coded : &e->space,
                    .chunks = coded ? e->codes : e->rows,
                    .chunk_slots = LT_VEC_CHUNK_SLOTS,
                    .stride = coded ? e->code_stride : e->vectors.stride,
                    .n_slots = e->n,
                    .allowed = e->allowed};
    LT_AUTOFREE lt_scored *all = NULL;
    lt_error err;
    size_t n;

    must(lt_flat_search(&flat, query, e->n_ask, &all, &n, &err), &err, "scan");
    n = n < e->n_ask ? n : e->n_ask;
    memcpy(e->found, all, n * sizeof *all);
    return n;
}

static size_t walk(engine *e, const float *query, size_t ef, const lt_quant_query *coded)
{
    lt_hnsw_query q = LT_HNSW_QUERY_INIT;
    lt_hnsw_copies copies = {e->codes, (uint32_t)e->n, e->code_stride, e->code_stride, measure_codes,
                             coded};
    lt_error err;
    size_t n;

    q.vector = query;
    q.k = e->n_ask;
    q.ef = ef > e->n_ask ? ef : e->n_ask;
    q.copies = coded ? &copies : NULL;
    q.allowed = e->allowed;
    q.n_allowed = e->n_allowed;
    if (e->allowed)
        q.n_slots = (uint32_t)e->n;
    must(lt_hnsw_search(e->g, &q, e->found, &n, &err), &err, "search");
    return n;
}

static void answer(engine *e, const float *query, size_t ef, int32_t *ids)
{
    lt_quant_query *coded = NULL;
    lt_error err;

    if (e->quant)
        must(lt_quant_query_new(e->quant, query, &coded, &err), &err, "query");
    size_t n = e->scan ? scan_all(e, query, coded) : walk(e, query, ef, coded);

    if (coded)
        rescore(e, query, n);
    lt_quant_query_free(coded);
    for (size_t i = 0; i < e->k; i++)
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
    size_t dims = e->space.dims, n_lat = n < LATENCIES ? n : LATENCIES;
    LT_AUTOFREE int32_t *ids = must_have(lt_calloc(n * o->k, sizeof *ids));
    LT_AUTOFREE int32_t *room = must_have(lt_calloc(o->k, sizeof *room));
    LT_AUTOFREE double *wall = must_have(lt_calloc(o->repeat, sizeof *wall));
    LT_AUTOFREE double *cpu = must_have(lt_calloc(o->repeat, sizeof *cpu));
    double lat[LATENCIES];

    for (size_t i = 0; i < WARM && i < n; i++)
        answer(e, queries + i * dims, ef, room);
    for (unsigned r = 0; r < o->repeat; r++) {
        double t = lt_clock_s(), c = cpu_s();

        for (size_t i = 0; i < n; i++)
            answer(e, queries + i * dims, ef, ids + i * o->k);
        wall[r] = lt_clock_s() - t;
        cpu[r] = cpu_s() - c;
    }
    write_ids(o, ef, ids, n);
    for (size_t i = 0; i < n_lat; i++) {
        double t = lt_clock_s();

        answer(e, queries + i * dims, ef, room);
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
    if (f.dims != e.space.dims)
        die("the queries have another number of dimensions", NULL);
    double loaded = lt_clock_s();

    answer(&e, queries, 64, ids);
    double first = lt_clock_s();

    if (o->allowed)
        read_allowed(&e, o->allowed);
    for (const char *p = o->ef; *p;) {
        char *end;
        size_t ef = strtoul(p, &end, 10);

        if (end == p || ef == 0)
            die("--ef is a list of numbers", NULL);
        measure_ef(&e, o, queries, f.n, ef);
        p = *end == ',' && !o->scan ? end + 1 : "";
    }
    printf("{\"load_s\": %.6f, \"first_query_ms\": %.4f, \"mem_bytes\": %ld}\n", loaded - t,
           (first - loaded) * 1e3, rss_bytes() - before);
    close_engine(&e);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!is_phase(argv[i]))
            continue;
        options o = read_options(argc, argv);

        if (strcmp(argv[i], "build") == 0)
            build(&o);
        else
            search(&o);
        return 0;
    }
    fprintf(stderr, "latent-ann: build or search; see the head of bench/latent-ann.c\n");
    return 2;
}
