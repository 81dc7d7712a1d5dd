/* SPDX-License-Identifier: Apache-2.0
 * bench_parts gallery DIR [ROUNDS]   how near indexing comes to what its parts allow
 * bench_parts scan N DIMS [ROUNDS]   one exact scan of N vectors, one thread
 *
 * Databases are made below $TMPDIR and left there: bench/run.sh gives it a folder that it removes.
 *
 * Prints JSON, one object. `gallery` measures, on all cores: decoding and fitting alone, inference
 * alone, and indexing the same pictures into a fresh database. When both parts take all the cores,
 * nothing can index faster than 1 / (1 / decode + 1 / inference): `of_limit` is the part of that
 * which indexing reaches. */
#include <base/buf.h>
#include <base/clock.h>
#include <base/error.h>
#include <base/file.h>
#include <base/mem.h>
#include <base/rng.h>
#include <base/thread.h>
#include <embed/model.h>
#include <gallery/walk.h>
#include <index/flat.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ROUNDS_MAX = 100, THREADS_MAX = 256, TENSORS = 16 };

typedef struct samples {
    double items[ROUNDS_MAX];
    size_t n;
} samples;

typedef struct part {
    lt_model *model;
    const lt_image_prep *prep;
    size_t dims;
    char **paths;
    size_t n_paths;
    atomic_size_t next;
    float *tensors; /* TENSORS of them, for inference alone */
    bool decode;
} part;

static void die(const lt_error *err)
{
    fprintf(stderr, "bench_parts: %s\n", err->message);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(samples *s)
{
    qsort(s->items, s->n, sizeof *s->items, by_value);
    return s->items[s->n / 2];
}

static void print_samples(const char *name, samples *s)
{
    double m = median(s);

    printf("\"%s\": {\"min\": %.4g, \"median\": %.4g, \"max\": %.4g}", name, s->items[0], m,
           s->items[s->n - 1]);
}

static size_t tensor_len(const lt_image_prep *p)
{
    return (size_t)3 * p->out_width * p->out_height;
}

static void *run_part(void *arg)
{
    part *p = arg;
    size_t len = tensor_len(p->prep);
    float *tensor = lt_alloc_aligned(len, sizeof *tensor), *vector = lt_calloc(p->dims, sizeof *vector);
    lt_buf file = {0};
    lt_error err = {0};

    for (size_t i; tensor && vector && (i = atomic_fetch_add(&p->next, 1)) < p->n_paths;) {
        if (!p->decode) {
            if (lt_model_embed_tensors(p->model, p->tensors + i % TENSORS * len, 1, vector, NULL,
                                       &err) != LT_OK)
                die(&err);
            continue;
        }
        lt_buf_clear(&file);
        if (lt_file_read(p->paths[i], (size_t)1 << 30, &file, &err) != LT_OK)
            continue;
        lt_picture picture = {p->paths[i], file.data, file.len};

        /* A picture that cannot be read costs what it costs; indexing meets it too. */
        if (lt_image_load(&picture, p->prep, tensor, NULL, &err) != LT_OK)
            continue;
    }
    lt_buf_done(&file);
    lt_free(tensor);
    lt_free(vector);
    return NULL;
}

/* Pictures a second of one part on all cores. */
static double time_part(part *p, bool decode)
{
    pthread_t threads[THREADS_MAX];
    unsigned n = lt_cores() > THREADS_MAX ? THREADS_MAX : lt_cores();
    double t = lt_clock_s();

    atomic_store(&p->next, 0);
    p->decode = decode;
    for (unsigned i = 0; i < n; i++)
        LT_ASSERT(pthread_create(&threads[i], NULL, run_part, p) == 0);
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    return (double)p->n_paths / (lt_clock_s() - t);
}

static double time_index(part *p, const char *dir, lt_gallery_progress *out)
{
    const char *tmp = getenv("TMPDIR");
    char data[512];
    lt_db *db = NULL;
    lt_collection *c = NULL;
    lt_error err;
    double t;

    snprintf(data, sizeof data, "%s/latent-bench-XXXXXX", tmp ? tmp : "/tmp");
    LT_ASSERT(mkdtemp(data));
    if (lt_db_open(data, NULL, &db, &err) || lt_gallery_open(db, "photos", p->model, &c, &err))
        die(&err);
    t = lt_clock_s();
    if (lt_gallery_index(c, p->model, &dir, 1, NULL, out, &err))
        die(&err);
    t = lt_clock_s() - t;
    lt_collection_close(c);
    lt_db_close(db);
    return (double)(out->n_added + out->n_failed) / t;
}

static bool add_path(void *context, const char *path, const struct stat *st)
{
    part *p = context;

    (void)st;
    p->paths = lt_realloc(p->paths, p->n_paths + 1, sizeof *p->paths);
    LT_ASSERT(p->paths);
    p->paths[p->n_paths++] = lt_strdup(path);
    return true;
}

static void fill_tensors(part *p)
{
    size_t len = tensor_len(p->prep);
    lt_error err;

    p->tensors = lt_alloc_aligned(TENSORS * len, sizeof *p->tensors);
    LT_ASSERT(p->tensors);
    for (size_t i = 0, done = 0; i < p->n_paths && done < TENSORS; i++) {
        lt_picture picture = {.path = p->paths[i]};

        done += lt_image_load(&picture, p->prep, p->tensors + done * len, NULL, &err) == LT_OK;
    }
}

static int bench_gallery(const char *dir, size_t rounds)
{
    lt_model_options options = LT_MODEL_OPTIONS_INIT;
    lt_gallery_options gallery = LT_GALLERY_OPTIONS_INIT;
    lt_model_info info = LT_MODEL_INFO_INIT;
    lt_gallery_progress progress;
    lt_error err;
    part p = {0};
    lt_walk_visitor visitor = {add_path, NULL, NULL, &p};
    samples decode = {0}, inference = {0}, index = {0}, of_limit = {0};
    struct rusage usage;

    options.use = LT_USE_THROUGHPUT;
    if (lt_image_init(&err) || lt_model_open(NULL, &options, &p.model, &err) ||
        lt_model_get_info(p.model, &info, &err) || lt_walk(dir, &gallery, &visitor, &err))
        die(&err);
    p.prep = lt_model_image_prep(p.model);
    p.dims = info.dims;
    fill_tensors(&p);
    (void)time_part(&p, false); /* compiles the model */
    for (size_t i = 0; i < rounds; i++) {
        double d = time_part(&p, true), n = time_part(&p, false),
               x = time_index(&p, dir, &progress);

        decode.items[decode.n++] = d;
        inference.items[inference.n++] = n;
        index.items[index.n++] = x;
        of_limit.items[of_limit.n++] = x / (1 / (1 / d + 1 / n));
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"bench\": \"gallery\", \"pictures\": %zu, \"failed\": %zu, \"cores\": %u, ", p.n_paths,
           progress.n_failed, lt_cores());
    print_samples("decode_per_s", &decode);
    printf(", ");
    print_samples("inference_per_s", &inference);
    printf(", ");
    print_samples("index_per_s", &index);
    printf(", ");
    print_samples("of_limit", &of_limit);
    printf(", \"peak_mb\": %ld}\n", usage.ru_maxrss / 1024);
    lt_model_close(p.model);
    return 0;
}

static int bench_scan(size_t n, size_t dims, size_t rounds)
{
    size_t stride = (dims * sizeof(float) + 31) / 32 * 32, row = stride / sizeof(float);
    float *base = lt_alloc_aligned(n * row, sizeof *base), *query = lt_alloc_aligned(row, sizeof *query);
    lt_rng rng = {42};
    samples ms = {0};
    lt_error err;

    LT_ASSERT(base && query);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < dims; k++)
            base[i * row + k] = lt_rng_normal(&rng);
    for (size_t k = 0; k < dims; k++)
        query[k] = lt_rng_normal(&rng);
    const void *chunk = base;
    lt_space space;
    lt_flat flat = {.space = &space,
                    .chunks = &chunk,
                    .chunk_slots = n,
                    .stride = stride,
                    .n_slots = n};

    if (lt_space_init(&space, dims, LT_DISTANCE_COSINE, LT_ELEMENT_F32, &err))
        die(&err);

    for (size_t i = 0; i < rounds; i++) {
        lt_scored *found = NULL;
        size_t n_found;
        double t = lt_clock_s();

        if (lt_flat_search(&flat, query, 10, &found, &n_found, &err))
            die(&err);
        ms.items[ms.n++] = (lt_clock_s() - t) * 1e3;
        lt_free(found);
    }
    printf("{\"bench\": \"scan\", \"vectors\": %zu, \"dims\": %zu, ", n, dims);
    print_samples("ms", &ms);
    printf("}\n");
    lt_free(base);
    lt_free(query);
    return 0;
}

int main(int argc, char **argv)
{
    bool gallery = argc >= 3 && strcmp(argv[1], "gallery") == 0;
    bool scan = argc >= 4 && strcmp(argv[1], "scan") == 0;
    int at = gallery ? 3 : 4;
    size_t rounds = argc > at ? (size_t)strtoul(argv[at], NULL, 10) : gallery ? 3 : 50;

    if (rounds == 0 || rounds > ROUNDS_MAX || (!gallery && !scan)) {
        fprintf(stderr, "usage: bench_parts gallery DIR [ROUNDS] | scan N DIMS [ROUNDS]\n");
        return 2;
    }
    return gallery ? bench_gallery(argv[2], rounds)
                   : bench_scan(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10), rounds);
}
