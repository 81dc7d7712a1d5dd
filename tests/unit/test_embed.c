/* SPDX-License-Identifier: Apache-2.0
 * Models: what lt_model_* promises. Vectors, directories and damage on tests/data/models, whose
 * numbers can be computed by hand (tests/python/tiny_models.py makes it); the rest on the built-in
 * model ($LT_TEST_MODEL names another directory), skipped visibly where there is none. */
#include <base/buf.h>
#include <base/file.h>
#include <base/hash.h>
#include <base/mem.h>
#include <base/thread.h>
#include <dirent.h>
#include <embed/blob.h>
#include <embed/model.h>
#include <embed/modeldir.h>
#include <embed/parallel.h>
#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lt_cmocka.h"

typedef struct fixture {
    char dir[64];    /* scratch, removed at the end */
    char cache[80];  /* compiled graphs, shared by all tests of a run */
    lt_model *model; /* for latency */
    lt_model_info info;
    lt_error err;
} fixture;

static const char *model_dir(void)
{
    const char *named = getenv("LT_TEST_MODEL");
    static char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s",
                   named && *named ? named : LT_SOURCE_DIR "/build/model/builtin");
    return access(path, R_OK) == 0 ? path : NULL;
}

static void need_model(const fixture *f)
{
    if (!f->model) {
        print_message("skipped: no model in build/model/builtin (make setup makes it)\n");
        skip();
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static lt_status open_with(const fixture *f, lt_model_use use, lt_model **out, lt_error *err)
{
    lt_model_options options = LT_MODEL_OPTIONS_INIT;

    options.use = use;
    options.threads = 2;
    options.cache_dir = f->cache;
    return lt_model_open(model_dir(), &options, out, err);
}

static int setup_all(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    strcpy(f->dir, "/tmp/lt-embed-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->cache, sizeof f->cache, "%s/cache", f->dir);
    f->info = (lt_model_info)LT_MODEL_INFO_INIT;
    *state = f;
    if (!model_dir())
        return 0;
    assert_ok(open_with(f, LT_USE_LATENCY, &f->model, &f->err), &f->err);
    assert_ok(lt_model_get_info(f->model, &f->info, &f->err), &f->err);
    return 0;
}

static int teardown_all(void **state)
{
    fixture *f = *state;

    lt_model_close(f->model);
    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static double max_difference(const float *a, const float *b, size_t n)
{
    double most = 0.0;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

static float *new_vectors(const fixture *f, size_t n)
{
    float *v = calloc(n, f->info.dims * sizeof *v);

    assert_non_null(v);
    return v;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

/* ---- what a model says ----------------------------------------------------------------------- */

static void test_info(void **state)
{
    fixture *f = *state;
    lt_model_info again = LT_MODEL_INFO_INIT;
    lt_model *other;

    need_model(f);
    assert_true(f->info.dims >= 64 && f->info.dims <= 4096);
    assert_int_equal(strlen(f->info.hash), 32);
    assert_true(f->info.has_text && f->info.has_image);
    assert_true(strlen(f->info.name) > 0);
    assert_int_equal(f->info.directory[0], '/');
    assert_ok(open_with(f, LT_USE_THROUGHPUT, &other, &f->err), &f->err);
    assert_ok(lt_model_get_info(other, &again, &f->err), &f->err);
    assert_string_equal(again.hash, f->info.hash);
    lt_model_close(other);
    lt_model_close(NULL);
}

static void test_bad_arguments(void **state)
{
    fixture *f = *state;
    lt_model_options options = LT_MODEL_OPTIONS_INIT;
    lt_model *m;
    float v[1];

    assert_int_equal(lt_model_open("/nowhere/at all", NULL, &m, &f->err), LT_ENOTFOUND);
    assert_non_null(strstr(f->err.message, "/nowhere/at all"));
    assert_int_equal(lt_model_open("/etc/passwd", NULL, &m, &f->err), LT_EINVAL);
    assert_int_equal(lt_model_open("/etc", NULL, NULL, &f->err), LT_EINVAL);
    options.use = (lt_model_use)7;
    assert_int_equal(lt_model_open("/etc", &options, &m, &f->err), LT_EINVAL);
    assert_int_equal(lt_model_embed_texts(NULL, NULL, 1, v, &f->err), LT_EINVAL);
    assert_int_equal(lt_model_embed_pictures(NULL, NULL, 1, v, NULL, &f->err), LT_EINVAL);
    need_model(f);
    assert_ok(lt_model_embed_texts(f->model, NULL, 0, NULL, &f->err), &f->err);
    assert_ok(lt_model_embed_pictures(f->model, NULL, 0, NULL, NULL, &f->err), &f->err);
    assert_ok(lt_model_embed_tensors(f->model, NULL, 0, NULL, NULL, &f->err), &f->err);
}

static void test_environment_names_the_model(void **state)
{
    fixture *f = *state;
    lt_model *m;

    assert_int_equal(setenv("LATENT_MODEL", "/no/such/model", 1), 0);
    assert_int_equal(lt_model_open(NULL, NULL, &m, &f->err), LT_ENOTFOUND);
    assert_non_null(strstr(f->err.message, "/no/such/model"));
    need_model(f);
    assert_int_equal(setenv("LATENT_MODEL", model_dir(), 1), 0);
    assert_ok(lt_model_open(NULL, NULL, &m, &f->err), &f->err);
    lt_model_close(m);
    assert_int_equal(unsetenv("LATENT_MODEL"), 0);
}

/* ---- texts ----------------------------------------------------------------------------------- */

static const char *const TEXTS[] = {
    "dog",
    "a photo of a dog that runs over wet grass with a stick in its mouth",
    "Hund",
    "surfing",
    "zwei Kinder spielen im Sand",
    "une femme lit un livre sur un banc dans un parc, l'automne, avec son chat",
    "a",
    "pizza",
    "Ein Mann mit einem orangefarbenen Hut starrt etwas an.",
    "un perro negro y un perro marr\xc3\xb3n corren por la nieve",
    "two dogs",
    "\xf0\x9f\x8f\x84",
    "boat on a lake at sunset; mountains behind; nobody there",
    "1234567890",
    "gatto",
    "dog",
    "bicycle",
    "red car",
    "red car in front of a house with a green door and a cat in the window",
    "!?",
};
enum { N_TEXTS = sizeof TEXTS / sizeof *TEXTS };

static void test_texts(void **state)
{
    fixture *f = *state;

    need_model(f);
    size_t dims = f->info.dims;
    float *all = new_vectors(f, N_TEXTS), *one = new_vectors(f, 1),
          *again = new_vectors(f, N_TEXTS);

    assert_ok(lt_model_embed_texts(f->model, TEXTS, N_TEXTS, all, &f->err), &f->err);
    assert_ok(lt_model_embed_texts(f->model, TEXTS, N_TEXTS, again, &f->err), &f->err);
    assert_memory_equal(all, again, N_TEXTS * dims * sizeof *all);
    for (size_t i = 0; i < N_TEXTS; i++) {
        const float *v = all + i * dims;

        assert_true(fabs(dot(v, v, dims) - 1.0) < 1e-6);
        assert_ok(lt_model_embed_texts(f->model, &TEXTS[i], 1, one, &f->err), &f->err);
        assert_true(max_difference(v, one, dims) < 1e-5);
    }
    /* The same text gives the same vector wherever it stands, another a different one. */
    assert_true(max_difference(all, all + 15 * dims, dims) < 1e-5);
    assert_true(dot(all, all + 7 * dims, dims) < 0.98);
    free(all);
    free(one);
    free(again);
}

static void test_texts_in_streams(void **state)
{
    fixture *f = *state;
    lt_model *m;

    need_model(f);
    float *a = new_vectors(f, N_TEXTS), *b = new_vectors(f, N_TEXTS);

    assert_ok(open_with(f, LT_USE_THROUGHPUT, &m, &f->err), &f->err);
    assert_ok(lt_model_embed_texts(f->model, TEXTS, N_TEXTS, a, &f->err), &f->err);
    assert_ok(lt_model_embed_texts(m, TEXTS, N_TEXTS, b, &f->err), &f->err);
    assert_true(max_difference(a, b, N_TEXTS * f->info.dims) < 1e-5);
    lt_model_close(m);
    free(a);
    free(b);
}

static void test_odd_texts(void **state)
{
    fixture *f = *state;
    static const char *const blank[] = {"", " ", "\t\r\n ", "\xe3\x80\x80\xc2\xa0", "\xe2\x80\x8b"};
    static const char *const broken[] = {"dog \xff\xfe on a \xe2\x82 boat", "\xff", "\xed\xa0\x80"};
    const char *second_is_empty[] = {"dog", ""};
    char *text = malloc((2u << 20) + 1);
    const char *p = text;

    need_model(f);
    assert_non_null(text);
    float *v = new_vectors(f, 2);

    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++)
        assert_int_equal(lt_model_embed_texts(f->model, &blank[i], 1, v, &f->err), LT_EINVAL);
    assert_string_equal(f->err.message, "the text is empty");
    assert_int_equal(lt_model_embed_texts(f->model, second_is_empty, 2, v, &f->err), LT_EINVAL);
    assert_string_equal(f->err.message, "text 2 of 2 is empty");
    second_is_empty[0] = NULL;
    assert_int_equal(lt_model_embed_texts(f->model, second_is_empty, 2, v, &f->err), LT_EINVAL);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_ok(lt_model_embed_texts(f->model, &broken[i], 1, v, &f->err), &f->err);
        assert_true(fabs(dot(v, v, f->info.dims) - 1.0) < 1e-6);
    }
    for (size_t i = 0; i < 100000; i++)
        text[i] = "surf ing "[i % 9];
    text[100000] = '\0';
    assert_ok(lt_model_embed_texts(f->model, &p, 1, v, &f->err), &f->err);
    assert_true(fabs(dot(v, v, f->info.dims) - 1.0) < 1e-6);
    memset(text, 'x', 2u << 20);
    text[2u << 20] = '\0';
    assert_int_equal(lt_model_embed_texts(f->model, &p, 1, v, &f->err), LT_ELIMIT);
    free(text);
    free(v);
}

/* ---- tensors and pictures -------------------------------------------------------------------- */

/* Smooth patterns that differ, in the range this model's pictures have. */
static float *new_tensors(const lt_model *m, size_t n)
{
    const lt_image_prep *p = lt_model_image_prep(m);
    size_t plane = (size_t)p->out_width * p->out_height;
    float *t = malloc(n * 3 * plane * sizeof *t);

    assert_non_null(t);
    for (size_t i = 0; i < n * 3 * plane; i++) {
        size_t picture = i / (3 * plane), c = i / plane % 3, x = i % p->out_width;
        double wave = 0.5 + 0.5 * sin((double)x * 0.02 * (double)(picture + 1) + (double)c);

        t[i] = ((float)(wave * 255.0) * p->rescale - p->mean[c]) / p->std[c];
    }
    return t;
}

static void test_tensors(void **state)
{
    fixture *f = *state;
    enum { N = 5 };
    lt_model *m;

    need_model(f);
    size_t dims = f->info.dims;
    float *in = new_tensors(f->model, N), *a = new_vectors(f, N), *b = new_vectors(f, N);
    const lt_image_prep *p = lt_model_image_prep(f->model);
    size_t one = (size_t)3 * p->out_width * p->out_height;

    assert_ok(lt_model_embed_tensors(f->model, in, N, a, NULL, &f->err), &f->err);
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs(dot(a + i * dims, a + i * dims, dims) - 1.0) < 1e-6);
        assert_ok(lt_model_embed_tensors(f->model, in + i * one, 1, b, NULL, &f->err), &f->err);
        assert_memory_equal(a + i * dims, b, dims * sizeof *b);
    }
    assert_true(max_difference(a, a + dims, dims) > 1e-3);
    assert_ok(open_with(f, LT_USE_THROUGHPUT, &m, &f->err), &f->err);
    assert_ok(lt_model_embed_tensors(m, in, N, b, NULL, &f->err), &f->err);
    assert_true(max_difference(a, b, N * dims) < 1e-5);
    lt_model_close(m);
    free(in);
    free(a);
    free(b);
}

static void *raise_flag(void *arg)
{
    usleep(30000);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void test_cancel(void **state)
{
    fixture *f = *state;
    enum { N = 400 };
    atomic_bool cancel = true;
    pthread_t thread;

    need_model(f);
    float *in = new_tensors(f->model, 1), *v = new_vectors(f, 1);

    assert_int_equal(lt_model_embed_tensors(f->model, in, 1, v, &cancel, &f->err), LT_ECANCELED);
    free(v);
    v = new_vectors(f, N);
    const lt_image_prep *p = lt_model_image_prep(f->model);
    float *many = calloc((size_t)N * 3 * p->out_width, p->out_height * sizeof *many);

    assert_non_null(many);
    atomic_store(&cancel, false);
    assert_int_equal(pthread_create(&thread, NULL, raise_flag, &cancel), 0);
    /* Far longer than the flag takes: it must be seen between pictures. */
    assert_int_equal(lt_model_embed_tensors(f->model, many, N, v, &cancel, &f->err), LT_ECANCELED);
    pthread_join(thread, NULL);
    free(many);
    free(in);
    free(v);
}

static void add_u32(lt_buf *b, uint32_t v)
{
    const uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
                              (uint8_t)v};

    assert_int_equal(lt_buf_add(b, bytes, 4, NULL), LT_OK);
}

static void add_chunk(lt_buf *b, const char *type, const void *bytes, size_t n)
{
    uint32_t crc = 0xffffffffu;

    add_u32(b, (uint32_t)n);
    size_t start = b->len;

    assert_int_equal(lt_buf_add(b, type, 4, NULL), LT_OK);
    assert_int_equal(lt_buf_add(b, bytes, n, NULL), LT_OK);
    for (size_t i = start; i < b->len; i++) {
        crc ^= (uint8_t)b->data[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
    }
    add_u32(b, ~crc);
}

/* A small RGB picture as PNG, its data stored uncompressed. */
static void make_png(lt_buf *out, uint8_t red, uint8_t green, uint8_t blue)
{
    enum { SIDE = 64, ROW = 1 + 3 * SIDE, ALL = SIDE * ROW };
    static uint8_t raw[ALL];
    LT_CLEANUP(lt_buf_done) lt_buf z = {0};
    const uint8_t header[13] = {0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 2, 0, 0, 0};
    const uint8_t open[7] = {0x78, 0x01, 1, ALL & 0xff, ALL >> 8, ~ALL & 0xff, (~ALL >> 8) & 0xff};
    uint32_t s1 = 1, s2 = 0;

    for (int y = 0; y < SIDE; y++) {
        raw[y * ROW] = 0;
        for (int x = 0; x < SIDE; x++) {
            uint8_t *p = raw + y * ROW + 1 + 3 * x;

            p[0] = x > y ? red : 255;
            p[1] = x > 2 * y ? green : 128;
            p[2] = x > 3 * y ? blue : 20;
        }
    }
    for (int i = 0; i < ALL; i++) {
        s1 = (s1 + raw[i]) % 65521;
        s2 = (s2 + s1) % 65521;
    }
    assert_int_equal(lt_buf_add(&z, open, sizeof open, NULL), LT_OK);
    assert_int_equal(lt_buf_add(&z, raw, ALL, NULL), LT_OK);
    add_u32(&z, s2 << 16 | s1);
    assert_int_equal(lt_buf_add(out, "\x89PNG\r\n\x1a\n", 8, NULL), LT_OK);
    add_chunk(out, "IHDR", header, sizeof header);
    add_chunk(out, "IDAT", z.data, z.len);
    add_chunk(out, "IEND", "", 0);
}

static void test_pictures(void **state)
{
    fixture *f = *state;
    LT_CLEANUP(lt_buf_done) lt_buf one = {0}, two = {0};
    lt_error each[5];

    need_model(f);
    size_t dims = f->info.dims;
    float *v = new_vectors(f, 5), *w = new_vectors(f, 1), zero = 0.0f;

    make_png(&one, 10, 200, 30);
    make_png(&two, 240, 20, 200);
    lt_picture in[5] = {
        {.path = "one.png", .bytes = one.data, .n_bytes = one.len},
        {.path = "empty.png", .bytes = "", .n_bytes = 0},
        {.path = "two.png", .bytes = two.data, .n_bytes = two.len},
        {.path = "/no/such/file.jpg", .bytes = NULL, .n_bytes = 0},
        {.path = "text.jpg", .bytes = "this is no picture", .n_bytes = 18},
    };

    assert_ok(lt_model_embed_pictures(f->model, in, 5, v, each, &f->err), &f->err);
    assert_int_equal(each[0].code, LT_OK);
    assert_int_equal(each[1].code, LT_EINVAL);
    assert_int_equal(each[2].code, LT_OK);
    assert_int_equal(each[3].code, LT_ENOTFOUND);
    assert_int_equal(each[4].code, LT_EINVAL);
    assert_non_null(strstr(each[3].message, "/no/such/file.jpg"));
    for (size_t i = 0; i < 5; i++) {
        double norm = dot(v + i * dims, v + i * dims, dims);

        assert_true(each[i].code == LT_OK ? fabs(norm - 1.0) < 1e-6 : norm == (double)zero);
    }
    assert_true(max_difference(v, v + 2 * dims, dims) > 1e-3);
    assert_ok(lt_model_embed_pictures(f->model, in + 2, 1, w, NULL, &f->err), &f->err);
    assert_memory_equal(v + 2 * dims, w, dims * sizeof *w);
    assert_int_equal(lt_model_embed_pictures(f->model, in, 5, v, NULL, &f->err), LT_EINVAL);
    assert_non_null(strstr(f->err.message, "empty.png"));
    free(v);
    free(w);
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef struct crowd {
    const fixture *f;
    lt_model *model;
    const float *tensors, *texts_want, *tensors_want;
    atomic_size_t next;
    atomic_int wrong;
} crowd;

static void *crowd_member(void *arg)
{
    crowd *c = arg;
    size_t dims = c->f->info.dims, me = atomic_fetch_add(&c->next, 1);
    const lt_image_prep *p = lt_model_image_prep(c->model);
    size_t one = (size_t)3 * p->out_width * p->out_height;
    float *v = malloc(dims * sizeof *v);

    for (size_t i = 0; v && i < 6; i++) {
        size_t text = (me * 5 + i) % N_TEXTS, tensor = (me + i) % 3;

        if (lt_model_embed_texts(c->model, &TEXTS[text], 1, v, NULL) != LT_OK ||
            max_difference(v, c->texts_want + text * dims, dims) > 1e-5)
            atomic_fetch_add(&c->wrong, 1);
        if (lt_model_embed_tensors(c->model, c->tensors + tensor * one, 1, v, NULL, NULL) !=
                LT_OK ||
            max_difference(v, c->tensors_want + tensor * dims, dims) > 1e-5)
            atomic_fetch_add(&c->wrong, 1);
    }
    free(v);
    return NULL;
}

static void test_threads(void **state)
{
    fixture *f = *state;
    enum { N = 8 };
    pthread_t threads[N];

    need_model(f);
    float *tensors = new_tensors(f->model, 3), *a = new_vectors(f, N_TEXTS), *b = new_vectors(f, 3);

    assert_ok(lt_model_embed_texts(f->model, TEXTS, N_TEXTS, a, &f->err), &f->err);
    assert_ok(lt_model_embed_tensors(f->model, tensors, 3, b, NULL, &f->err), &f->err);
    for (int use = LT_USE_LATENCY; use <= LT_USE_THROUGHPUT; use++) {
        crowd c = {.f = f, .tensors = tensors, .texts_want = a, .tensors_want = b};

        /* A fresh model, so that the first use of both towers is raced for as well. */
        assert_ok(open_with(f, (lt_model_use)use, &c.model, &f->err), &f->err);
        for (int i = 0; i < N; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &c), 0);
        for (int i = 0; i < N; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&c.wrong), 0);
        lt_model_close(c.model);
    }
    free(tensors);
    free(a);
    free(b);
}

static lt_status fail_some(void *context, unsigned worker, size_t i, lt_error *err)
{
    atomic_fetch_add((atomic_size_t *)context, 1);
    (void)worker;
    if (i >= 20)
        return lt_fail(err, LT_EIO, "item %zu", i);
    return LT_OK;
}

static void test_parallel(void **state)
{
    fixture *f = *state;
    atomic_size_t n_calls = 0;

    /* Of several failures that of the lowest item is told, every time. */
    for (int i = 0; i < 200; i++) {
        assert_int_equal(lt_parallel(1000, 8, fail_some, &n_calls, NULL, &f->err), LT_EIO);
        assert_string_equal(f->err.message, "item 20");
    }
    assert_true(atomic_load(&n_calls) < (size_t)200 * 100);
    n_calls = 0;
    assert_ok(lt_parallel(20, 500, fail_some, &n_calls, NULL, &f->err), &f->err);
    assert_int_equal(atomic_load(&n_calls), 20);
    assert_ok(lt_parallel(0, 4, fail_some, &n_calls, NULL, &f->err), &f->err);
}

/* ---- the cache of compiled graphs ------------------------------------------------------------ */

static size_t count_blobs(const char *dir, char *last, size_t cap)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    if (!d)
        return 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strstr(e->d_name, ".blob")) {
            n++;
            (void)snprintf(last, cap, "%s/%s", dir, e->d_name);
        } else {
            assert_null(strstr(e->d_name, "new-"));
        }
    }
    closedir(d);
    return n;
}

static void embed_dog(const fixture *f, const char *cache, float *v)
{
    lt_model_options options = LT_MODEL_OPTIONS_INIT;
    const char *text = "dog";
    lt_error err;
    lt_model *m;

    (void)f;
    options.threads = 2;
    options.cache_dir = cache;
    assert_ok(lt_model_open(model_dir(), &options, &m, &err), &err);
    assert_ok(lt_model_embed_texts(m, &text, 1, v, &err), &err);
    lt_model_close(m);
}

static void test_cache(void **state)
{
    fixture *f = *state;
    char dir[96], blob[PATH_MAX] = "", again[PATH_MAX] = "";
    struct stat st;

    need_model(f);
    float *want = new_vectors(f, 1), *v = new_vectors(f, 1);
    size_t n = f->info.dims * sizeof *v;

    (void)snprintf(dir, sizeof dir, "%s/made/here", f->dir);
    embed_dog(f, "", want);
    embed_dog(f, dir, v);
    assert_memory_equal(want, v, n);
    assert_int_equal(count_blobs(dir, blob, sizeof blob), 1);
    assert_int_equal(stat(blob, &st), 0);
    assert_int_equal(st.st_mode & 0077, 0);
    embed_dog(f, dir, v);
    assert_memory_equal(want, v, n);

    /* A changed byte, a cut end, an empty file: found out and made again. */
    for (int i = 0; i < 3; i++) {
        if (i == 0) {
            FILE *file = fopen(blob, "r+b");

            assert_non_null(file);
            assert_int_equal(fseek(file, st.st_size / 2, SEEK_SET), 0);
            assert_true(fputs("damaged", file) >= 0);
            assert_int_equal(fclose(file), 0);
        } else {
            assert_int_equal(truncate(blob, i == 1 ? st.st_size / 3 : 0), 0);
        }
        embed_dog(f, dir, v);
        assert_memory_equal(want, v, n);
        assert_int_equal(count_blobs(dir, again, sizeof again), 1);
        assert_string_equal(again, blob);
        assert_int_equal(stat(blob, &st), 0);
    }
    /* What others could have written is not taken. */
    assert_int_equal(chmod(blob, 0666), 0);
    embed_dog(f, dir, v);
    assert_memory_equal(want, v, n);
    assert_int_equal(stat(blob, &st), 0);
    assert_int_equal(st.st_mode & 0077, 0);
    free(want);
    free(v);
}

static void test_no_cache(void **state)
{
    fixture *f = *state;
    char dir[96];

    need_model(f);
    float *v = new_vectors(f, 1);

    /* A file stands where the folder should be made: no cache, no failure. */
    (void)snprintf(dir, sizeof dir, "%s/plain", f->dir);
    write_text(dir, "x");
    strcat(dir, "/sub");
    embed_dog(f, dir, v);
    assert_true(fabs(dot(v, v, f->info.dims) - 1.0) < 1e-6);
    embed_dog(f, "/proc/nothing/here", v);
    free(v);
}

static void test_cache_folder(void **state)
{
    char *home = strdup(getenv("HOME") ? getenv("HOME") : ""), *path;

    (void)state;
    assert_int_equal(setenv("XDG_CACHE_HOME", "/a/b", 1), 0);
    path = lt_blob_default_dir();
    assert_string_equal(path, "/a/b/latent");
    lt_free(path);
    assert_int_equal(setenv("XDG_CACHE_HOME", "relative", 1), 0);
    assert_int_equal(setenv("HOME", "/home/x", 1), 0);
    path = lt_blob_default_dir();
    assert_string_equal(path, "/home/x/.cache/latent");
    lt_free(path);
    assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_null(lt_blob_default_dir());
    assert_int_equal(setenv("HOME", home, 1), 0);
    free(home);
}

static void test_cache_is_bounded(void **state)
{
    fixture *f = *state;
    char dir[96], last[PATH_MAX];
    lt_blob blob;

    (void)snprintf(dir, sizeof dir, "%s/many", f->dir);
    for (int i = 0; i < 40; i++) {
        uint8_t key[LT_BLOB_KEY] = {(uint8_t)i, 1};
        char *temporary = lt_blob_begin(dir);

        assert_non_null(temporary);
        write_text(temporary, "some compiled graph");
        lt_blob_commit(dir, key, temporary);
        assert_true(lt_blob_open(dir, key, &blob));
        assert_int_equal(blob.len, 19);
        assert_memory_equal(blob.map, "some compiled graph", 19);
        lt_blob_close(&blob);
        key[1] = 2;
        assert_false(lt_blob_open(dir, key, &blob));
        free(temporary);
    }
    assert_int_equal(count_blobs(dir, last, sizeof last), 16);
}

/* ---- the tiny model: vectors computed by hand ------------------------------------------------ */

#define MODELS LT_SOURCE_DIR "/tests/data/models"
enum { TINY_DIMS = 4 };

static const char *const FILES[] = {"config.json",          "preprocessor_config.json",
                                    "tokenizer.json",       "latent.json",
                                    "onnx/text_model.onnx", "onnx/vision_model.onnx"};
enum { N_FILES = sizeof FILES / sizeof *FILES };

/* A copy of the tiny model's directory, made of links. */
static void make_tiny(const fixture *f, char *dir, size_t cap)
{
    static int serial;
    char sub[PATH_MAX], from[PATH_MAX * 2], to[PATH_MAX * 2];

    (void)snprintf(dir, cap, "%s/model%d", f->dir, serial++);
    (void)snprintf(sub, sizeof sub, "%s/onnx", dir);
    assert_int_equal(lt_dir_make(sub, NULL), LT_OK);
    for (size_t i = 0; i < N_FILES; i++) {
        (void)snprintf(from, sizeof from, MODELS "/tiny/%s", FILES[i]);
        (void)snprintf(to, sizeof to, "%s/%s", dir, FILES[i]);
        assert_int_equal(symlink(from, to), 0);
    }
}

/* Puts other bytes, or none, in a file's place. */
static void replace_file(const char *dir, const char *name, const void *bytes, size_t n)
{
    char path[PATH_MAX * 2];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)unlink(path);
    if (!bytes)
        return;
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void replace_text(const char *dir, const char *name, const char *text)
{
    replace_file(dir, name, text, strlen(text));
}

static void put_graph(const char *dir, const char *name, const char *graph)
{
    LT_CLEANUP(lt_buf_done) lt_buf whole = {0};
    char path[PATH_MAX];
    lt_error err;

    (void)snprintf(path, sizeof path, MODELS "/%s", graph);
    assert_ok(lt_file_read(path, 1u << 20, &whole, &err), &err);
    replace_file(dir, name, whole.data, whole.len);
}

static lt_status open_tiny(const fixture *f, const char *dir, lt_model **out, lt_error *err)
{
    lt_model_options options = LT_MODEL_OPTIONS_INIT;

    options.threads = 2;
    options.cache_dir = f->cache;
    return lt_model_open(dir, &options, out, err);
}

/* The numbers of tests/python/tiny_models.py. */
static double table_at(int row, int column)
{
    return (row * 7 + column * 3) % 11 - 4;
}

static void unit(double *v)
{
    double sum = 0.0;

    for (int d = 0; d < TINY_DIMS; d++)
        sum += v[d] * v[d];
    for (int d = 0; d < TINY_DIMS; d++)
        v[d] /= sqrt(sum);
}

static void assert_near(const float *v, const double *want, double tolerance)
{
    for (int d = 0; d < TINY_DIMS; d++) {
        if (!(fabs((double)v[d] - want[d]) < tolerance))
            fail_msg("dimension %d is %.7f, not %.7f", d, (double)v[d], want[d]);
    }
}

/* Mean of the table's rows for `ids`, plus `add`, of unit length. */
static void want_text(const int *ids, int n, double add, double *want)
{
    for (int d = 0; d < TINY_DIMS; d++) {
        want[d] = add;
        for (int i = 0; i < n; i++)
            want[d] += table_at(ids[i], d) / n;
    }
    unit(want);
}

/* <s>, then the words' tokens, then </s>, whatever graph there is. */
static const char *const TINY_TEXTS[] = {"a b", "c", "a a a d", "b", "d c b a d c b"};
static const int TINY_IDS[][9] = {
    {0, 4, 5, 2}, {0, 6, 2}, {0, 4, 4, 4, 7, 2}, {0, 5, 2}, {0, 7, 6, 5, 4, 7, 6, 5, 2}};
static const int TINY_LEN[] = {4, 3, 6, 3, 9};
enum { N_TINY = 5 };

static void check_tiny_texts(const fixture *f, const char *dir, double add, double tolerance)
{
    float all[N_TINY * TINY_DIMS], one[TINY_DIMS];
    lt_error err;
    lt_model *m;

    assert_ok(open_tiny(f, dir, &m, &err), &err);
    assert_ok(lt_model_embed_texts(m, TINY_TEXTS, N_TINY, all, &err), &err);
    for (int i = 0; i < N_TINY; i++) {
        double want[TINY_DIMS];
        /* The largest position, where the graph adds it, is that of the padded length. */
        double most = add > 0 ? (TINY_LEN[i] > 8 ? 10 : 8) - 1 : 0;

        want_text(TINY_IDS[i], TINY_LEN[i], most, want);
        assert_near(all + i * TINY_DIMS, want, tolerance);
        assert_ok(lt_model_embed_texts(m, &TINY_TEXTS[i], 1, one, &err), &err);
        assert_near(one, want, tolerance);
    }
    lt_model_close(m);
}

static void check_tiny_pictures(const fixture *f, const char *dir)
{
    enum { PLANE = 64 };
    static const float colours[3][3] = {{1, 0, 0}, {0.5f, 2, -1}, {100, 50, 200}};
    static float in[3 * 3 * PLANE];
    float out[3 * TINY_DIMS];
    lt_error err;
    lt_model *m;

    for (int i = 0; i < 3 * 3 * PLANE; i++)
        in[i] = colours[i / (3 * PLANE)][i / PLANE % 3];
    assert_ok(open_tiny(f, dir, &m, &err), &err);
    assert_ok(lt_model_embed_tensors(m, in, 3, out, NULL, &err), &err);
    for (int i = 0; i < 3; i++) {
        double want[TINY_DIMS] = {0};

        for (int d = 0; d < TINY_DIMS; d++) {
            for (int c = 0; c < 3; c++)
                want[d] += (double)colours[i][c] * table_at(c, d);
        }
        unit(want);
        assert_near(out + i * TINY_DIMS, want, 1e-5);
    }
    lt_model_close(m);
}

static void test_tiny(void **state)
{
    fixture *f = *state;
    lt_model_info info = LT_MODEL_INFO_INIT;
    lt_model *m;

    assert_ok(open_tiny(f, MODELS "/tiny", &m, &f->err), &f->err);
    assert_ok(lt_model_get_info(m, &info, &f->err), &f->err);
    assert_string_equal(info.name, "tiny");
    assert_string_equal(info.languages, "en,de");
    assert_int_equal(info.dims, TINY_DIMS);
    assert_false(info.dims_ordered);
    lt_model_close(m);
    check_tiny_texts(f, MODELS "/tiny", 0, 1e-5);
    check_tiny_pictures(f, MODELS "/tiny");
}

/* The same model as other exporters would have written it. */
static void test_exporters(void **state)
{
    fixture *f = *state;
    char dir[PATH_MAX];

    make_tiny(f, dir, sizeof dir);
    replace_file(dir, "onnx/text_model.onnx", NULL, 0);
    replace_file(dir, "onnx/vision_model.onnx", NULL, 0);
    replace_file(dir, "latent.json", NULL, 0);
    put_graph(dir, "onnx/model.onnx", "graphs/joint.onnx");
    check_tiny_pictures(f, dir);
    check_tiny_texts(f, dir, 0, 1e-5);

    make_tiny(f, dir, sizeof dir);
    put_graph(dir, "onnx/text_model.onnx", "graphs/text_no_mask.onnx");
    put_graph(dir, "onnx/vision_model.onnx", "graphs/vision_other_name.onnx");
    check_tiny_texts(f, dir, 0, 1e-5);
    check_tiny_pictures(f, dir);

    make_tiny(f, dir, sizeof dir);
    put_graph(dir, "onnx/text_model.onnx", "graphs/text_int32.onnx");
    check_tiny_texts(f, dir, 1, 3e-3);

    /* Variants and places, the better one first. */
    make_tiny(f, dir, sizeof dir);
    replace_file(dir, "onnx/text_model.onnx", NULL, 0);
    replace_file(dir, "onnx/vision_model.onnx", NULL, 0);
    put_graph(dir, "onnx/text_model_quantized.onnx", "graphs/text_other_name.onnx");
    replace_text(dir, "onnx/text_model_uint8.onnx", "never read");
    put_graph(dir, "vision_model_fp16.onnx", "tiny/onnx/vision_model.onnx");
    check_tiny_texts(f, dir, 0, 1e-5);
    check_tiny_pictures(f, dir);
}

static void test_lengths(void **state)
{
    fixture *f = *state;
    const char *text = "a b";
    char dir[PATH_MAX], many[200] = "";
    const char *p = many;
    float v[TINY_DIMS], w[TINY_DIMS];
    double want[TINY_DIMS];
    lt_model *m;

    /* Padding that counts, since no mask takes it out. */
    make_tiny(f, dir, sizeof dir);
    put_graph(dir, "onnx/text_model.onnx", "graphs/text_no_mask.onnx");
    replace_text(dir, "latent.json", "{\"pad_to\": 6}");
    assert_ok(open_tiny(f, dir, &m, &f->err), &f->err);
    assert_ok(lt_model_embed_texts(m, &text, 1, v, &f->err), &f->err);
    want_text((const int[]){0, 4, 5, 2, 1, 1}, 6, 0, want);
    assert_near(v, want, 1e-5);
    lt_model_close(m);

    /* config.json allows ten tokens; the last stays </s>. */
    for (int i = 0; i < 90; i++)
        strcat(many, i % 2 ? " " : "a");
    assert_ok(open_tiny(f, MODELS "/tiny", &m, &f->err), &f->err);
    assert_ok(lt_model_embed_texts(m, &p, 1, v, &f->err), &f->err);
    want_text((const int[]){0, 4, 4, 4, 4, 4, 4, 4, 4, 2}, 10, 0, want);
    assert_near(v, want, 1e-5);
    lt_model_close(m);

    /* A prefix is part of the text. */
    make_tiny(f, dir, sizeof dir);
    replace_text(dir, "latent.json", "{\"text_prefix\": \"c \"}");
    assert_ok(open_tiny(f, dir, &m, &f->err), &f->err);
    assert_ok(lt_model_embed_texts(m, &text, 1, w, &f->err), &f->err);
    want_text((const int[]){0, 6, 4, 5, 2}, 5, 0, want);
    assert_near(w, want, 1e-5);
    lt_model_close(m);
}

/* ---- damaged directories --------------------------------------------------------------------- */

/* Opens and uses both towers; the first failure. */
static lt_status use_model(const fixture *f, const char *dir, lt_error *err)
{
    const char *text = "a";
    lt_model_info info = LT_MODEL_INFO_INIT;
    lt_model *m = NULL;
    lt_status st = open_tiny(f, dir, &m, err);

    if (st == LT_OK)
        st = lt_model_get_info(m, &info, err);
    if (st == LT_OK) {
        float *v = calloc(info.dims, sizeof *v), *tensor = new_tensors(m, 1);

        st = lt_model_embed_texts(m, &text, 1, v, err);
        if (st == LT_OK)
            st = lt_model_embed_tensors(m, tensor, 1, v, NULL, err);
        free(v);
        free(tensor);
    }
    lt_model_close(m);
    return st;
}

static void expect_failure(const fixture *f, const char *dir, lt_status code, const char *name,
                           const char *what)
{
    lt_error err = {0};
    lt_status st = use_model(f, dir, &err);

    if (st == LT_OK)
        fail_msg("a directory with a wrong %s was accepted", name);
    if (st != code)
        fail_msg("%s: %s instead of %s: %s", name, lt_status_name(st), lt_status_name(code),
                 err.message);
    if (!strstr(err.message, name) || (what && !strstr(err.message, what)))
        fail_msg("%s, %s: not in: %s", name, what ? what : "", err.message);
    if (strchr(err.message, '\n'))
        fail_msg("more than one line: %s", err.message);
}

static void test_missing_files(void **state)
{
    fixture *f = *state;
    lt_model_info info = LT_MODEL_INFO_INIT;
    const char *text = "a";
    char dir[PATH_MAX];
    float v[TINY_DIMS];
    lt_model *m;

    make_tiny(f, dir, sizeof dir);
    assert_ok(use_model(f, dir, &f->err), &f->err);
    for (size_t i = 0; i < 3; i++) {
        make_tiny(f, dir, sizeof dir);
        replace_file(dir, FILES[i], NULL, 0);
        expect_failure(f, dir, LT_ENOTFOUND, FILES[i], NULL);
    }
    /* One tower is a model too; none is not. */
    make_tiny(f, dir, sizeof dir);
    replace_file(dir, "onnx/text_model.onnx", NULL, 0);
    assert_ok(open_tiny(f, dir, &m, &f->err), &f->err);
    assert_ok(lt_model_get_info(m, &info, &f->err), &f->err);
    assert_true(info.has_image && !info.has_text);
    assert_int_equal(lt_model_embed_texts(m, &text, 1, v, &f->err), LT_EUNSUPPORTED);
    lt_model_close(m);
    replace_file(dir, "onnx/vision_model.onnx", NULL, 0);
    expect_failure(f, dir, LT_ENOTFOUND, "onnx/vision_model.onnx", NULL);
}

static void test_broken_files(void **state)
{
    static const char *const garbage[] = {
        "[1, 2, 3]",
        "{\"a\": \"\xff\"",
        "\x08\x08",
        "\x08\x08:\5abc",
        ":\xff\xff\xff\xff\xff\x7f",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\n"};
    fixture *f = *state;
    char dir[PATH_MAX];

    for (size_t i = 0; i < N_FILES; i++) {
        LT_CLEANUP(lt_buf_done) lt_buf whole = {0};
        const char *name = lt_path_name(FILES[i]);
        char path[PATH_MAX];

        (void)snprintf(path, sizeof path, MODELS "/tiny/%s", FILES[i]);
        assert_ok(lt_file_read(path, 1u << 20, &whole, &f->err), &f->err);
        make_tiny(f, dir, sizeof dir);
        replace_file(dir, FILES[i], "", 0);
        expect_failure(f, dir, LT_EINVAL, name, "is empty");
        for (size_t cut = 1; cut < whole.len - 1; cut += whole.len / 7) {
            replace_file(dir, FILES[i], whole.data, cut);
            expect_failure(f, dir, LT_EINVAL, name, NULL);
        }
        for (size_t g = 0; g < sizeof garbage / sizeof *garbage; g++) {
            replace_text(dir, FILES[i], garbage[g]);
            expect_failure(f, dir, LT_EINVAL, name, NULL);
        }
    }
    /* Whole by its outermost lengths, but not within. */
    LT_CLEANUP(lt_buf_done) lt_buf whole = {0};

    assert_ok(lt_file_read(MODELS "/tiny/onnx/vision_model.onnx", 1u << 20, &whole, &f->err),
              &f->err);
    memset(whole.data + 40, 0xff, 60);
    make_tiny(f, dir, sizeof dir);
    replace_file(dir, "onnx/vision_model.onnx", whole.data, whole.len);
    expect_failure(f, dir, LT_EINVAL, "vision_model.onnx", NULL);
}

static void test_wrong_values(void **state)
{
    static const struct {
        const char *file, *text, *name, *what;
        lt_status code;
    } cases[] = {
        {"latent.json", "{\"dims\": \"many\"}", "latent.json", "'dims'", LT_EINVAL},
        {"latent.json", "{\"dims\": 0}", "latent.json", "'dims'", LT_EINVAL},
        {"latent.json", "{\"dims\": 77}", "text_model.onnx", "latent.json says 77", LT_EINVAL},
        {"latent.json", "{\"languages\": \"en\"}", "latent.json", "'languages'", LT_EINVAL},
        {"latent.json", "{\"languages\": [1]}", "latent.json", "'languages'", LT_EINVAL},
        {"latent.json", "{\"name\": 5}", "latent.json", "'name'", LT_EINVAL},
        {"latent.json", "{\"dims_ordered\": 1}", "latent.json", "'dims_ordered'", LT_EINVAL},
        {"relevance.json", "{\"text\": 3}", "relevance.json", "'text'", LT_EINVAL},
        {"relevance.json", "{\"picture\": {\"center\": 1}}", "relevance.json", "'slope'",
         LT_EINVAL},
        {"relevance.json", "{\"text\": {\"center\": 0.2, \"slope\": -1, \"least\": 0}}",
         "relevance.json", "slope above 0", LT_EINVAL},
        {"relevance.json", "{\"text\": {\"center\": 0.2, \"slope\": 1, \"least\": 1}}",
         "relevance.json", "least from 0 to 1", LT_EINVAL},
        {"config.json", "{\"text_config\": 3}", "config.json", "'text_config'", LT_EINVAL},
        {"config.json", "{\"max_position_embeddings\": -4}", "config.json",
         "'max_position_embeddings'", LT_EINVAL},
        {"preprocessor_config.json", "{}", "preprocessor_config.json", "'size' is missing",
         LT_EINVAL},
        {"preprocessor_config.json", "{\"size\": 64}", "preprocessor_config.json", "'image_mean'",
         LT_EINVAL},
        {"tokenizer.json", "{\"truncation\": {\"max_length\": \"x\"}}", "tokenizer.json",
         "'max_length'", LT_EINVAL},
    };
    fixture *f = *state;
    char dir[PATH_MAX];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_tiny(f, dir, sizeof dir);
        replace_text(dir, cases[i].file, cases[i].text);
        expect_failure(f, dir, cases[i].code, cases[i].name, cases[i].what);
    }
}

static void test_wrong_graphs(void **state)
{
    static const struct {
        const char *place, *graph, *what;
        lt_status code;
    } cases[] = {
        {"text_model.onnx", "text_hidden_only.onnx", "has no output 'text_embeds'",
         LT_EUNSUPPORTED},
        {"text_model.onnx", "text_three_dims.onnx", "gives 3 dimensions", LT_EINVAL},
        {"text_model.onnx", "vision_other_name.onnx", "has no input 'input_ids'", LT_EUNSUPPORTED},
        {"vision_model.onnx", "text_no_mask.onnx", "has no input 'pixel_values'", LT_EUNSUPPORTED},
        {"vision_model.onnx", "vision_extra.onnx", "'noise'", LT_EUNSUPPORTED},
        {"vision_model.onnx", "vision_static.onnx", "16 x 16", LT_EINVAL},
        {"vision_model.onnx", "vision_nan.onnx", "not finite", LT_EINVAL},
        {"vision_model.onnx", "vision_zero.onnx", "zeros", LT_EINVAL},
    };
    fixture *f = *state;
    char dir[PATH_MAX], place[64], graph[64];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(place, sizeof place, "onnx/%s", cases[i].place);
        (void)snprintf(graph, sizeof graph, "graphs/%s", cases[i].graph);
        make_tiny(f, dir, sizeof dir);
        put_graph(dir, place, graph);
        expect_failure(f, dir, cases[i].code, cases[i].place, cases[i].what);
    }
    /* Towers at odds with each other, where no file says who is right. */
    make_tiny(f, dir, sizeof dir);
    replace_file(dir, "latent.json", NULL, 0);
    put_graph(dir, "onnx/text_model.onnx", "graphs/text_three_dims.onnx");
    expect_failure(f, dir, LT_EINVAL, "vision_model.onnx", "the other tower gives 3");
}

/* Another content is another model, the same content elsewhere is the same. */
static void test_hash(void **state)
{
    fixture *f = *state;
    static const char *const changes[][2] = {{"config.json", "{\"x\": 1}"},
                                             {"latent.json", "{\"name\": \"x\"}"},
                                             {"tokenizer_config.json", "{}"}};
    lt_model_info info = LT_MODEL_INFO_INIT;
    char dir[PATH_MAX], first[40] = "";
    lt_model *m;

    make_tiny(f, dir, sizeof dir);
    for (size_t i = 0; i < 5; i++) {
        if (i >= 2)
            replace_text(dir, changes[i - 2][0], changes[i - 2][1]);
        assert_ok(open_tiny(f, i == 0 ? MODELS "/tiny" : dir, &m, &f->err), &f->err);
        assert_ok(lt_model_get_info(m, &info, &f->err), &f->err);
        assert_int_equal(strlen(info.hash), 32);
        if (i == 1)
            assert_string_equal(first, info.hash);
        else
            assert_string_not_equal(first, info.hash);
        (void)snprintf(first, sizeof first, "%s", info.hash);
        lt_model_close(m);
    }
}

/* ---- no memory ------------------------------------------------------------------------------- */

/* Every allocation of ours fails in turn: an error or, where it was for the cache alone, success;
 * never a leak (the address sanitizer looks) or a crash. */
static void test_no_memory(void **state)
{
    enum { TRIES_MAX = 2000 };
    fixture *f = *state;
    lt_model_info info = LT_MODEL_INFO_INIT;
    float v[N_TINY * TINY_DIMS], want[N_TINY * TINY_DIMS];
    static float tensor[3 * 64] = {1.0f, 2.0f};
    lt_model *m = NULL;
    int tries = 0;

    for (lt_status st = LT_ENOMEM; st != LT_OK; tries++) {
        assert_true(tries < TRIES_MAX);
        lt_mem_fail_at(tries, true);
        st = open_tiny(f, MODELS "/tiny", &m, &f->err);
        if (st == LT_OK)
            st = lt_model_get_info(m, &info, &f->err);
        lt_mem_fail_at(-1, false);
        assert_true(st == LT_OK || st == LT_ENOMEM);
        lt_model_close(m);
        m = NULL;
    }
    assert_true(tries > 10);
    assert_ok(open_tiny(f, MODELS "/tiny", &m, &f->err), &f->err);
    assert_ok(lt_model_embed_texts(m, TINY_TEXTS, N_TINY, want, &f->err), &f->err);
    tries = 0;
    for (lt_status st = LT_ENOMEM; st != LT_OK; tries++) {
        assert_true(tries < TRIES_MAX);
        lt_mem_fail_at(tries, true);
        st = lt_model_embed_texts(m, TINY_TEXTS, N_TINY, v, &f->err);
        if (st == LT_OK)
            st = lt_model_embed_tensors(m, tensor, 1, want, NULL, &f->err);
        lt_mem_fail_at(-1, false);
        assert_true(st == LT_OK || st == LT_ENOMEM);
    }
    assert_true(tries > 5);
    lt_model_close(m);
}

/* ---- preprocessor_config.json ---------------------------------------------------------------- */

#define VALUES "\"image_mean\": [0.5, 0.25, 0], \"image_std\": [0.5, 0.25, 1]"

static void test_prep(void **state)
{
    static const struct {
        const char *json;
        lt_status code;
        lt_resize_mode resize;
        unsigned resize_width, out_width, out_height;
        lt_resample resample;
        bool crop;
    } cases[] = {
        {"{\"size\": 224, \"crop_size\": 200, " VALUES "}", LT_OK, LT_RESIZE_SHORTEST, 224, 200,
         200, LT_RESAMPLE_BICUBIC, true},
        {"{\"size\": {\"shortest_edge\": 256}, \"crop_size\": {\"height\": 224, \"width\": 192}, "
         "\"resample\": 2, " VALUES "}",
         LT_OK, LT_RESIZE_SHORTEST, 256, 192, 224, LT_RESAMPLE_BILINEAR, true},
        {"{\"size\": {\"height\": 260, \"width\": 240}, \"do_center_crop\": null, " VALUES "}",
         LT_OK, LT_RESIZE_EXACT, 240, 240, 260, LT_RESAMPLE_BICUBIC, false},
        {"{\"size\": 224, \"do_center_crop\": false, \"image_processor_type\": "
         "\"ViTImageProcessor\", " VALUES "}",
         LT_OK, LT_RESIZE_EXACT, 224, 224, 224, LT_RESAMPLE_BILINEAR, false},
        {"{\"size\": 224, \"crop_size\": 224, \"do_center_crop\": false, \"resample\": 1, " VALUES
         "}",
         LT_OK, LT_RESIZE_EXACT, 224, 224, 224, LT_RESAMPLE_LANCZOS, false},
        {"{\"do_resize\": false, \"crop_size\": 100, \"resample\": 0, " VALUES "}", LT_OK,
         LT_RESIZE_NONE, 0, 100, 100, LT_RESAMPLE_NEAREST, true},
        {"{\"size\": {\"shortest_edge\": 256}, " VALUES "}", LT_EUNSUPPORTED, 0, 0, 0, 0, 0, false},
        {"{\"size\": {\"longest_edge\": 256}, " VALUES "}", LT_EUNSUPPORTED, 0, 0, 0, 0, 0, false},
        {"{\"size\": {}, " VALUES "}", LT_EINVAL, 0, 0, 0, 0, 0, false},
        {"{\"size\": [224], " VALUES "}", LT_EINVAL, 0, 0, 0, 0, 0, false},
        {"{\"size\": 224, \"resample\": 5, " VALUES "}", LT_EUNSUPPORTED, 0, 0, 0, 0, 0, false},
        {"{\"size\": 224, \"resample\": \"x\", " VALUES "}", LT_EINVAL, 0, 0, 0, 0, 0, false},
        {"{\"size\": 224, \"do_pad\": true, " VALUES "}", LT_EUNSUPPORTED, 0, 0, 0, 0, 0, false},
        {"{\"size\": 224, \"image_mean\": [1, 2], \"image_std\": [1, 1, 1]}", LT_EINVAL, 0, 0, 0, 0,
         0, false},
        {"{\"size\": 224, \"image_mean\": [1, 2, 3], \"image_std\": [1, 0, 1]}", LT_EINVAL, 0, 0, 0,
         0, 0, false},
        {"{\"size\": 224, \"rescale_factor\": -1, " VALUES "}", LT_EINVAL, 0, 0, 0, 0, 0, false},
    };
    fixture *f = *state;
    char dir[96], path[128];

    (void)snprintf(dir, sizeof dir, "%s/prep", f->dir);
    (void)snprintf(path, sizeof path, "%s/preprocessor_config.json", dir);
    assert_int_equal(lt_dir_make(dir, NULL), LT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lt_image_prep p = {0};

        write_text(path, cases[i].json);
        lt_status st = lt_prep_read(dir, &p, &f->err);

        if (st != cases[i].code)
            fail_msg("%s: %s %s", cases[i].json, lt_status_name(st), st ? f->err.message : "");
        if (st != LT_OK)
            continue;
        assert_int_equal(p.resize, cases[i].resize);
        assert_int_equal(p.resize_width, cases[i].resize_width);
        assert_int_equal(p.out_width, cases[i].out_width);
        assert_int_equal(p.out_height, cases[i].out_height);
        assert_int_equal(p.resample, cases[i].resample);
        assert_int_equal(p.center_crop, cases[i].crop);
        assert_true(p.mean[1] == 0.25f && p.std[2] == 1.0f && p.rescale == 1.0f / 255.0f);
    }
    write_text(path, "{\"size\": 10, \"do_rescale\": false, \"do_normalize\": false}");
    lt_image_prep p = {0};

    assert_ok(lt_prep_read(dir, &p, &f->err), &f->err);
    assert_true(p.rescale == 1.0f && p.mean[0] == 0.0f && p.std[0] == 1.0f);
    /* The newer place of the same. */
    assert_int_equal(remove(path), 0);
    assert_int_equal(lt_prep_read(dir, &p, &f->err), LT_ENOTFOUND);
    (void)snprintf(path, sizeof path, "%s/processor_config.json", dir);
    write_text(path, "{\"image_processor\": {\"size\": 30, " VALUES "}}");
    assert_ok(lt_prep_read(dir, &p, &f->err), &f->err);
    assert_int_equal(p.out_width, 30);
}

/* ---- meaning --------------------------------------------------------------------------------- */

/* A photo of a dog in snow is nearer to words for it than to words for something else. */
static void test_meaning(void **state)
{
    fixture *f = *state;
    static const char photo[] =
        LT_SOURCE_DIR "/../shared/data/flickr8k-224/101654506_8eb26cfb60.jpg";
    static const char *const texts[] = {"a dog running in the snow", "Ein Hund im Schnee",
                                        "a kitchen with a stove", "ein Flugzeug am Himmel"};
    lt_picture picture = {.path = photo};

    need_model(f);
    if (access(photo, R_OK) != 0) {
        print_message("skipped: ../shared/data is not there\n");
        skip();
    }
    size_t dims = f->info.dims;
    float *t = new_vectors(f, 4), *v = new_vectors(f, 1);

    assert_ok(lt_model_embed_pictures(f->model, &picture, 1, v, NULL, &f->err), &f->err);
    assert_ok(lt_model_embed_texts(f->model, texts, 4, t, &f->err), &f->err);
    for (size_t right = 0; right < 2; right++) {
        for (size_t wrong = 2; wrong < 4; wrong++)
            assert_true(dot(v, t + right * dims, dims) > dot(v, t + wrong * dims, dims) + 0.05);
    }
    free(t);
    free(v);
}

int main(void)
{
    /* TBB loads a helper library in a way that sanitizers cannot follow, unless it is told so. */
    (void)setenv("TBB_ENABLE_SANITIZERS", "1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_environment_names_the_model),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_texts_in_streams),
        cmocka_unit_test(test_odd_texts),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_no_cache),
        cmocka_unit_test(test_cache_is_bounded),
        cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_exporters),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_broken_files),
        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_wrong_graphs),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_cache_folder),
        cmocka_unit_test(test_prep),
        cmocka_unit_test(test_meaning),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
