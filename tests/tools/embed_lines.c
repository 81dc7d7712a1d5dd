/* SPDX-License-Identifier: Apache-2.0
 * Embeds texts or pictures named on standard input, one a line, for tests/python/embed_reference.py
 * and for measuring:
 *
 *   embed_lines MODEL {text|image|tensor} [--full] [--throughput] [--threads N] [--cache DIR]
 *               [--time]
 *
 * Prints dims floats a line (native order) on stdout; a line that fails gives its message on stderr
 * and status 1. `tensor` decodes apart from embedding, as the gallery does, one input at a time;
 * --full decodes JPEGs without shrinking while loading (tensor only). --time prints, instead of
 * vectors, the milliseconds until the model was open, until the first vector was there, of the best
 * and the mean input after that, and the peak memory. */
#include <base/clock.h>
#include <base/mem.h>
#include <embed/model.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct tool {
    const char *kind;
    bool full, time;
    lt_model *model;
    size_t dims;
    float *vector, *tensor;
} tool;

static lt_status embed_tensor(tool *t, const char *line, lt_error *err)
{
    lt_image_prep prep = *lt_model_image_prep(t->model);
    lt_picture picture = {.path = line};
    size_t n = (size_t)3 * prep.out_width * prep.out_height;

    prep.full_decode = t->full;
    if (!t->tensor)
        t->tensor = lt_alloc_aligned(n, sizeof *t->tensor);
    if (!t->tensor)
        return lt_fail_nomem(err);
    LT_TRY(lt_image_init(err));
    LT_TRY(lt_image_load(&picture, &prep, t->tensor, NULL, err));
    return lt_model_embed_tensors(t->model, t->tensor, 1, t->vector, NULL, err);
}

static lt_status embed(tool *t, const char *line, lt_error *err)
{
    lt_picture picture = {.path = line};

    if (strcmp(t->kind, "text") == 0)
        return lt_model_embed_texts(t->model, &line, 1, t->vector, err);
    if (strcmp(t->kind, "image") == 0)
        return lt_model_embed_pictures(t->model, &picture, 1, t->vector, NULL, err);
    return embed_tensor(t, line, err);
}

static int run(tool *t, double start)
{
    double opened = lt_clock_s(), first = 0, best = 1e9, sum = 0;
    char *line = NULL;
    size_t cap = 0, n = 0;
    int status = 0;

    for (ssize_t len; (len = getline(&line, &cap, stdin)) > 0;) {
        double before = lt_clock_s();
        lt_error err;

        line[strcspn(line, "\n")] = '\0';
        if (embed(t, line, &err) != LT_OK) {
            fprintf(stderr, "%s\n", err.message);
            status = 1;
            memset(t->vector, 0, t->dims * sizeof *t->vector);
        }
        double now = lt_clock_s();

        if (n == 0)
            first = now - opened;
        else
            sum += now - before;
        if (n && now - before < best)
            best = now - before;
        n++;
        if (!t->time && fwrite(t->vector, sizeof *t->vector, t->dims, stdout) != t->dims)
            status = 1;
    }
    free(line);
    if (t->time) {
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        printf("open %.1f ms, first %.1f ms, best %.2f ms, mean %.2f ms of %zu, peak %ld MB\n",
               (opened - start) * 1e3, first * 1e3, n > 1 ? best * 1e3 : 0,
               n > 1 ? sum / (double)(n - 1) * 1e3 : 0, n, usage.ru_maxrss / 1024);
    }
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"full", 0, NULL, 'f'},  {"throughput", 0, NULL, 'p'}, {"threads", 1, NULL, 'n'},
        {"cache", 1, NULL, 'c'}, {"time", 0, NULL, 't'},       {NULL, 0, NULL, 0},
    };
    double start = lt_clock_s();
    lt_model_options o = LT_MODEL_OPTIONS_INIT;
    lt_model_info info = LT_MODEL_INFO_INIT;
    tool t = {0};
    lt_error err;

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'f')
            t.full = true;
        else if (c == 'p')
            o.use = LT_USE_THROUGHPUT;
        else if (c == 'n')
            o.threads = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'c')
            o.cache_dir = optarg;
        else if (c == 't')
            t.time = true;
        else
            return 2;
    }
    if (argc - optind != 2)
        return 2;
    t.kind = argv[optind + 1];
    if (lt_model_open(argv[optind], &o, &t.model, &err) != LT_OK ||
        lt_model_get_info(t.model, &info, &err) != LT_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    t.dims = info.dims;
    t.vector = lt_calloc(t.dims, sizeof *t.vector);
    int status = t.vector ? run(&t, start) : 1;

    lt_free(t.vector);
    lt_free(t.tensor);
    lt_model_close(t.model);
    return status;
}
