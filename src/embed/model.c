/* SPDX-License-Identifier: Apache-2.0
 * lt_model_* of latent.h: what a model directory holds, loaded piece by piece when it is first
 * needed, so that a query never loads the picture tower.
 *
 * Threads: `lock` is held while something is loaded; what is loaded stays as it is until the model
 * is closed, so users only read the atomic pointer. */
#include "model.h"

#include <base/error.h>
#include <base/mem.h>
#include <base/thread.h>
#include <math.h>
#include <string.h>

#include "blob.h"
#include "modeldir.h"
#include "parallel.h"
#include "texts.h"
#include "tower.h"

/* More threads make one query no faster, and starting them takes its time. */
enum { LATENCY_THREADS_MAX = 8, THREADS_MAX = 256 };

struct lt_model {
    lt_modeldir dir;
    lt_model_use use;
    unsigned threads;
    char *cache_dir; /* NULL: none */
    pthread_mutex_t lock;
    _Atomic(lt_tower *) text_tower;
    _Atomic(lt_tower *) image_tower; /* the same as text_tower for a joint graph */
    _Atomic(lt_texts *) texts;
    /* Guarded by lock: */
    bool digested;
    lt_digests digests;
    size_t dims; /* 0: not known yet */
};

/* ---- opening --------------------------------------------------------------------------------- */

static lt_status read_options(const lt_model_options *options, lt_model *m, lt_error *err)
{
    lt_model_options o = LT_MODEL_OPTIONS_INIT;

    if (options) {
        if (options->size < sizeof(size_t))
            return lt_fail(err, LT_EINVAL, "model options: 'size' is not set");
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    }
    if (o.use != LT_USE_LATENCY && o.use != LT_USE_THROUGHPUT)
        return lt_fail(err, LT_EINVAL, "model options: %d is no use", (int)o.use);
    m->use = o.use;
    m->threads = o.threads ? o.threads : lt_cores();
    if (m->threads > THREADS_MAX)
        m->threads = THREADS_MAX;
    if (o.use == LT_USE_LATENCY && m->threads > LATENCY_THREADS_MAX)
        m->threads = LATENCY_THREADS_MAX;
    if (o.cache_dir && !*o.cache_dir)
        return LT_OK;
    m->cache_dir = o.cache_dir ? lt_strdup(o.cache_dir) : lt_blob_default_dir();
    return o.cache_dir && !m->cache_dir ? lt_fail_nomem(err) : LT_OK;
}

static lt_status read_directory(const char *dir, lt_model *m, lt_error *err)
{
    LT_AUTOFREE char *builtin = NULL;

    if (!dir)
        LT_TRY(lt_modeldir_builtin(&builtin, err));
    LT_TRY(lt_modeldir_read(dir ? dir : builtin, &m->dir, err));
    m->dims = m->dir.dims;
    return LT_OK;
}

lt_status lt_model_open(const char *dir, const lt_model_options *options, lt_model **out,
                        lt_error *err)
{
    if (!out)
        return lt_fail(err, LT_EINVAL, "out is required");
    lt_model *m = lt_calloc(1, sizeof *m);

    if (!m)
        return lt_fail_nomem(err);
    pthread_mutex_init(&m->lock, NULL);
    lt_status st = read_options(options, m, err);

    if (st == LT_OK)
        st = read_directory(dir, m, err);
    if (st != LT_OK) {
        lt_model_close(m);
        return st;
    }
    *out = m;
    return LT_OK;
}

void lt_model_close(lt_model *model)
{
    if (!model)
        return;
    lt_tower *text = atomic_load(&model->text_tower), *image = atomic_load(&model->image_tower);

    lt_tower_close(text);
    if (image != text)
        lt_tower_close(image);
    lt_texts_close(atomic_load(&model->texts));
    lt_modeldir_done(&model->dir);
    lt_free(model->cache_dir);
    pthread_mutex_destroy(&model->lock);
    lt_free(model);
}

/* ---- loading at first use; `lock` is held in all of these ------------------------------------ */

static lt_status need_digests(lt_model *m, lt_error *err)
{
    if (m->digested)
        return LT_OK;
    LT_TRY(lt_digest_modeldir(&m->dir, &m->digests, err));
    m->digested = true;
    return LT_OK;
}

static lt_status check_dims(lt_model *m, const char *graph, size_t dims, lt_error *err)
{
    if (m->dims && m->dims != dims)
        return lt_fail(err, LT_EINVAL, "%s: gives %zu dimensions, %s %zu", graph, dims,
                       m->dir.dims ? "latent.json says" : "the other tower gives", m->dims);
    m->dims = dims;
    return LT_OK;
}

static lt_status check_tower(lt_model *m, const lt_tower_spec *spec, const lt_tower *tower,
                             lt_error *err)
{
    if (spec->text)
        LT_TRY(check_dims(m, spec->graph, lt_tower_text_dims(tower), err));
    if (spec->image)
        LT_TRY(check_dims(m, spec->graph, lt_tower_image_dims(tower), err));
    return LT_OK;
}

/* `texts` may be NULL: a tower for pictures alone. */
static lt_status open_tower(lt_model *m, bool image, const lt_texts *texts, lt_tower **out,
                            lt_error *err)
{
    lt_tower *tower = NULL;
    lt_tower_spec spec = {
        .graph = texts ? m->dir.text_graph : m->dir.image_graph,
        .digest = texts ? m->digests.text : m->digests.image,
        .cache_dir = m->cache_dir,
        .text = texts != NULL,
        .image = image,
        .width = image ? m->dir.prep.out_width : 0,
        .height = image ? m->dir.prep.out_height : 0,
        .tokens = texts ? lt_texts_pad_to(texts) : 0,
        .streams = m->use == LT_USE_THROUGHPUT ? m->threads : 1,
        .threads = m->threads,
    };

    LT_TRY(lt_tower_open(&spec, &tower, err));
    lt_status st = check_tower(m, &spec, tower, err);

    if (st != LT_OK) {
        lt_tower_close(tower);
        return st;
    }
    *out = tower;
    return LT_OK;
}

typedef struct loader {
    lt_texts *texts;
    lt_status status;
    lt_error why;
} loader;

static void *load_texts(void *arg)
{
    loader *l = arg;

    l->status = lt_texts_load(l->texts, &l->why);
    return NULL;
}

/* Tokenizer and tower at the same time. */
static lt_status open_text_tower(lt_model *m, loader *l, lt_tower **out, lt_error *err)
{
    pthread_t thread;

    LT_TRY(lt_texts_open(&m->dir, &l->texts, err));
    bool threaded = pthread_create(&thread, NULL, load_texts, l) == 0;
    lt_status st = open_tower(m, m->dir.joint, l->texts, out, err);

    if (threaded)
        pthread_join(thread, NULL);
    else
        load_texts(l);
    if (st == LT_OK && l->status != LT_OK) {
        lt_tower_close(*out);
        if (err)
            *err = l->why;
        return l->status;
    }
    return st;
}

static lt_status need_text_tower(lt_model *m, lt_error *err)
{
    lt_tower *tower = NULL;
    loader l = {0};
    lt_status st = open_text_tower(m, &l, &tower, err);

    if (st != LT_OK) {
        lt_texts_close(l.texts);
        return st;
    }
    /* Who finds the tower must find the tokenizer. */
    atomic_store(&m->texts, l.texts);
    if (m->dir.joint)
        atomic_store(&m->image_tower, tower);
    atomic_store(&m->text_tower, tower);
    return LT_OK;
}

static lt_status need_tower(lt_model *m, bool text, lt_error *err)
{
    lt_tower *tower = NULL;

    if (atomic_load(text ? &m->text_tower : &m->image_tower))
        return LT_OK;
    LT_TRY(need_digests(m, err));
    if (text || m->dir.joint)
        return need_text_tower(m, err);
    LT_TRY(open_tower(m, true, NULL, &tower, err));
    atomic_store(&m->image_tower, tower);
    return LT_OK;
}

/* ---- what the public functions begin with ---------------------------------------------------- */

static lt_status get_tower(lt_model *m, bool text, lt_tower **out, lt_error *err)
{
    _Atomic(lt_tower *) *place = text ? &m->text_tower : &m->image_tower;

    *out = atomic_load(place);
    if (*out)
        return LT_OK;
    if (!(text ? m->dir.text_graph : m->dir.image_graph))
        return lt_fail(err, LT_EUNSUPPORTED, "the model '%s' cannot embed %s", m->dir.name,
                       text ? "texts" : "pictures");
    pthread_mutex_lock(&m->lock);
    lt_status st = need_tower(m, text, err);

    pthread_mutex_unlock(&m->lock);
    *out = atomic_load(place);
    return st;
}

lt_status lt_model_load(lt_model *model, bool texts, bool pictures, lt_error *err)
{
    lt_tower *tower;

    if (!model)
        return lt_fail(err, LT_EINVAL, "model is required");
    if (texts)
        LT_TRY(get_tower(model, true, &tower, err));
    if (!pictures)
        return LT_OK;
    LT_TRY(lt_image_init(err));
    return get_tower(model, false, &tower, err);
}

/* Both numbers a description needs; the dimensions may have to be asked from a tower. */
static lt_status get_facts(lt_model *m, size_t *dims, lt_error *err)
{
    pthread_mutex_lock(&m->lock);
    lt_status st = need_digests(m, err);

    if (st == LT_OK && m->dims == 0)
        st = need_tower(m, m->dir.text_graph != NULL, err);
    *dims = m->dims;
    pthread_mutex_unlock(&m->lock);
    return st;
}

lt_status lt_model_get_info(lt_model *model, lt_model_info *out, lt_error *err)
{
    size_t dims;

    if (!model || !out || out->size < sizeof(size_t))
        return lt_fail(err, LT_EINVAL, "model and out, with its size set, are required");
    LT_TRY(get_facts(model, &dims, err));
    lt_model_info info = {
        .size = out->size,
        .name = model->dir.name,
        .directory = model->dir.path,
        .languages = model->dir.languages,
        .hash = model->digests.model,
        .dims = dims,
        .dims_ordered = model->dir.dims_ordered,
        .has_text = model->dir.text_graph != NULL,
        .has_image = model->dir.image_graph != NULL,
    };

    memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return LT_OK;
}

const lt_image_prep *lt_model_image_prep(const lt_model *model)
{
    return &model->dir.prep;
}

const lt_curve *lt_model_curve(const lt_model *model, const lt_query_part *parts, size_t n_parts)
{
    if (n_parts != 1 || !(parts->weight > 0))
        return NULL;
    const lt_curve *curve = parts->text ? &model->dir.text_curve : &model->dir.picture_curve;

    return curve->known ? curve : NULL;
}

/* Scales to unit length. Sums in double: the square of a float may not fit a float. */
static lt_status normalize(float *v, size_t dims, const char *graph, lt_error *err)
{
    double sum = 0.0;

    for (size_t i = 0; i < dims; i++)
        sum += (double)v[i] * (double)v[i];
    if (!isfinite(sum))
        return lt_fail(err, LT_EINVAL, "%s: gives numbers that are not finite", graph);
    if (sum < 1e-24)
        return lt_fail(err, LT_EINVAL, "%s: gives a vector of zeros", graph);
    double scale = 1.0 / sqrt(sum);

    for (size_t i = 0; i < dims; i++)
        v[i] = (float)((double)v[i] * scale);
    return LT_OK;
}

/* ---- texts ----------------------------------------------------------------------------------- */

lt_status lt_model_embed_texts(lt_model *model, const char *const *texts, size_t n_texts,
                               float *out, lt_error *err)
{
    lt_tower *tower;

    if (!model || (n_texts && (!texts || !out)))
        return lt_fail(err, LT_EINVAL, "model, texts and out are required");
    if (n_texts == 0)
        return LT_OK;
    LT_TRY(get_tower(model, true, &tower, err));
    size_t dims = lt_tower_text_dims(tower);

    LT_TRY(lt_texts_embed(atomic_load(&model->texts), tower, texts, n_texts, out, err));
    for (size_t i = 0; i < n_texts; i++)
        LT_TRY(normalize(out + i * dims, dims, model->dir.text_graph, err));
    return LT_OK;
}

/* ---- tokens ---------------------------------------------------------------------------------- */

static lt_status get_tokenizer(lt_model *m, const lt_tokenizer **out, lt_error *err)
{
    lt_tower *tower;

    LT_TRY(get_tower(m, true, &tower, err));
    *out = lt_texts_tokenizer(atomic_load(&m->texts));
    return LT_OK;
}

lt_status lt_model_tokenize(lt_model *model, const char *text, int64_t **ids, size_t *n_ids,
                            lt_error *err)
{
    LT_CLEANUP(lt_tokens_done) lt_tokens tokens = {0};
    const lt_tokenizer *t;

    if (!model || !text || !ids || !n_ids)
        return lt_fail(err, LT_EINVAL, "model, text, ids and n_ids are required");
    LT_TRY(get_tokenizer(model, &t, err));
    LT_TRY(lt_tokenizer_encode(t, text, strlen(text), false, 0, &tokens, err));
    *n_ids = tokens.n;
    *ids = lt_steal(&tokens.ids);
    return LT_OK;
}

void lt_token_ids_free(int64_t *ids)
{
    lt_free(ids);
}

lt_status lt_model_count_tokens(lt_model *model, const char *text, size_t *n_tokens, lt_error *err)
{
    lt_tower *tower;

    if (!model || !text || !n_tokens)
        return lt_fail(err, LT_EINVAL, "model, text and n_tokens are required");
    LT_TRY(get_tower(model, true, &tower, err));
    return lt_texts_count(atomic_load(&model->texts), text, n_tokens, err);
}

const char *lt_model_token(lt_model *model, int64_t id)
{
    const lt_tokenizer *t;

    return model && get_tokenizer(model, &t, NULL) == LT_OK ? lt_tokenizer_piece(t, id) : NULL;
}

lt_status lt_model_detokenize(lt_model *model, const int64_t *ids, size_t n_ids, char **text,
                              lt_error *err)
{
    LT_CLEANUP(lt_buf_done) lt_buf out = {0};
    const lt_tokenizer *t;

    if (!model || (n_ids && !ids) || !text)
        return lt_fail(err, LT_EINVAL, "model, ids and text are required");
    LT_TRY(get_tokenizer(model, &t, err));
    LT_TRY(lt_tokenizer_decode(t, ids, n_ids, &out, err));
    LT_TRY(lt_buf_adds(&out, "", err)); /* so that there is a text at all */
    *text = lt_buf_steal(&out);
    return LT_OK;
}

/* ---- pictures -------------------------------------------------------------------------------- */

typedef struct tensor_job {
    lt_model *model;
    lt_tower *tower;
    const float *in;
    size_t n_in; /* floats of one */
    float *out;
} tensor_job;

static lt_status embed_tensor(const lt_model *m, lt_tower *tower, const float *in, float *out,
                              lt_error *err)
{
    LT_TRY(lt_tower_embed_pixels(tower, in, out, err));
    return normalize(out, lt_tower_image_dims(tower), m->dir.image_graph, err);
}

static lt_status embed_nth_tensor(void *context, unsigned worker, size_t i, lt_error *err)
{
    const tensor_job *t = context;

    (void)worker;
    return embed_tensor(t->model, t->tower, t->in + i * t->n_in,
                        t->out + i * lt_tower_image_dims(t->tower), err);
}

static size_t tensor_len(const lt_model *m)
{
    return (size_t)3 * m->dir.prep.out_width * m->dir.prep.out_height;
}

lt_status lt_model_embed_tensors(lt_model *model, const float *in, size_t n, float *out,
                                 const atomic_bool *cancel, lt_error *err)
{
    tensor_job t = {.model = model, .in = in, .out = out};

    if (!model || (n && (!in || !out)))
        return lt_fail(err, LT_EINVAL, "model, tensors and out are required");
    if (n == 0)
        return LT_OK;
    LT_TRY(get_tower(model, false, &t.tower, err));
    t.n_in = tensor_len(model);
    return lt_parallel(n, lt_tower_streams(t.tower), embed_nth_tensor, &t, cancel, err);
}

typedef struct picture_job {
    lt_model *model;
    lt_tower *tower;
    const lt_picture *in;
    float *tensors; /* one for each worker */
    float *out;
    lt_error *each; /* NULL: the first failure ends it */
} picture_job;

/* Only what is the picture's own fault goes to each[i]. */
static lt_status embed_picture(void *context, unsigned worker, size_t i, lt_error *err)
{
    const picture_job *p = context;
    size_t dims = lt_tower_image_dims(p->tower);
    float *tensor = p->tensors + worker * tensor_len(p->model), *out = p->out + i * dims;
    lt_error why = {LT_OK, ""};
    lt_status st = lt_image_load(&p->in[i], &p->model->dir.prep, tensor, NULL, &why);

    if (st == LT_OK)
        st = embed_tensor(p->model, p->tower, tensor, out, &why);
    if (st == LT_OK) {
        if (p->each)
            p->each[i] = (lt_error){LT_OK, ""};
        return LT_OK;
    }
    if (!p->each || st == LT_ENOMEM) {
        if (err)
            *err = why;
        return st;
    }
    memset(out, 0, dims * sizeof *out);
    p->each[i] = why;
    return LT_OK;
}

lt_status lt_model_embed_pictures(lt_model *model, const lt_picture *in, size_t n_pictures,
                                  float *out, lt_error *each, lt_error *err)
{
    picture_job p = {.model = model, .in = in, .out = out, .each = each};
    size_t n_floats;

    if (!model || (n_pictures && (!in || !out)))
        return lt_fail(err, LT_EINVAL, "model, pictures and out are required");
    if (n_pictures == 0)
        return LT_OK;
    LT_TRY(lt_image_init(err));
    LT_TRY(get_tower(model, false, &p.tower, err));
    unsigned workers = lt_tower_streams(p.tower);

    if (workers > n_pictures)
        workers = (unsigned)n_pictures;
    if (!lt_mul_size(workers, tensor_len(model), &n_floats))
        return lt_fail_nomem(err);
    LT_AUTOFREE float *tensors = lt_alloc_aligned(n_floats, sizeof *tensors);

    if (!tensors)
        return lt_fail_nomem(err);
    p.tensors = tensors;
    return lt_parallel(n_pictures, workers, embed_picture, &p, NULL, err);
}
