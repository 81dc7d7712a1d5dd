/* SPDX-License-Identifier: Apache-2.0 */
#include "tower.h"

#include <pthread.h>
#include <string.h>

#include "compile.h"
#include "ports.h"

/* One inference at a time. Owned by whoever took it from the pool. */
typedef struct request {
    ov_infer_request_t *ov;
    ov_tensor_t *pixels_tensor; /* the request's own input; NULL where it takes no pictures */
    float *pixels;              /* its memory */
} request;

struct lt_tower {
    lt_compiled compiled;
    lt_ports ports;
    char *graph;     /* for messages */
    size_t n_pixels; /* floats of one picture */
    request *requests;
    unsigned n_requests;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t freed;
    request **idle;
    unsigned n_idle;
};

/* ---- the pool -------------------------------------------------------------------------------- */

static request *take(lt_tower *t)
{
    pthread_mutex_lock(&t->lock);
    while (t->n_idle == 0)
        pthread_cond_wait(&t->freed, &t->lock);
    request *r = t->idle[--t->n_idle];

    pthread_mutex_unlock(&t->lock);
    return r;
}

static void give_back(lt_tower *t, request *r)
{
    pthread_mutex_lock(&t->lock);
    t->idle[t->n_idle++] = r;
    pthread_cond_signal(&t->freed);
    pthread_mutex_unlock(&t->lock);
}

/* ---- opening --------------------------------------------------------------------------------- */

static lt_status bind_pixels(const lt_tower *t, request *r, lt_error *err)
{
    size_t index = (size_t)t->ports.input[LT_INPUT_PIXELS];
    void *data = NULL;
    size_t n = 0;

    LT_TRY(lt_ov_check(ov_infer_request_get_input_tensor_by_index(r->ov, index, &r->pixels_tensor),
                       LT_EUNSUPPORTED, t->graph, err));
    LT_TRY(lt_ov_check(ov_tensor_get_size(r->pixels_tensor, &n), LT_EUNSUPPORTED, t->graph, err));
    LT_TRY(lt_ov_check(ov_tensor_data(r->pixels_tensor, &data), LT_EUNSUPPORTED, t->graph, err));
    if (n != t->n_pixels)
        return lt_fail(err, LT_EINVAL, "%s: takes %zu numbers a picture, %zu are made", t->graph, n,
                       t->n_pixels);
    r->pixels = data;
    memset(r->pixels, 0, n * sizeof *r->pixels);
    return LT_OK;
}

static lt_status fill_pool(lt_tower *t, unsigned n, lt_error *err)
{
    t->requests = lt_calloc(n, sizeof *t->requests);
    t->idle = lt_calloc(n, sizeof(request *));
    if (!t->requests || !t->idle)
        return lt_fail_nomem(err);
    for (unsigned i = 0; i < n; i++) {
        request *r = &t->requests[i];

        LT_TRY(lt_ov_check(ov_compiled_model_create_infer_request(t->compiled.model, &r->ov),
                           LT_EUNSUPPORTED, t->graph, err));
        t->n_requests++;
        if (t->ports.input[LT_INPUT_PIXELS] >= 0)
            LT_TRY(bind_pixels(t, r, err));
        t->idle[t->n_idle++] = r;
    }
    return LT_OK;
}

static lt_status check_tokens(const lt_tower *t, lt_error *err)
{
    for (int role = LT_INPUT_IDS; role <= LT_INPUT_POSITIONS; role++) {
        const lt_port *p = &t->ports.in[role];

        if (t->ports.input[role] >= 0 && (p->rank != 2 || (p->dims[0] >= 0 && p->dims[0] != 1)))
            return lt_fail(err, LT_EUNSUPPORTED, "%s: its input '%s' is not texts x tokens",
                           t->graph, p->name);
    }
    return LT_OK;
}

static lt_status open_tower(const lt_tower_spec *spec, lt_tower *t, lt_error *err)
{
    t->graph = lt_strdup(spec->graph);
    if (!t->graph)
        return lt_fail_nomem(err);
    t->n_pixels = (size_t)3 * spec->width * spec->height;
    LT_TRY(lt_compile(spec, &t->compiled, err));
    LT_TRY(lt_ports_read(t->compiled.model, t->graph, spec->text, spec->image, &t->ports, err));
    LT_TRY(check_tokens(t, err));
    return fill_pool(t, spec->streams ? spec->streams : 1, err);
}

lt_status lt_tower_open(const lt_tower_spec *spec, lt_tower **out, lt_error *err)
{
    lt_tower *t = lt_calloc(1, sizeof *t);

    if (!t)
        return lt_fail_nomem(err);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->freed, NULL);
    lt_status st = open_tower(spec, t, err);

    if (st != LT_OK) {
        lt_tower_close(t);
        return st;
    }
    *out = t;
    return LT_OK;
}

void lt_tower_close(lt_tower *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < t->n_requests; i++) {
        lt_ov_tensor_done(&t->requests[i].pixels_tensor);
        ov_infer_request_free(t->requests[i].ov);
    }
    lt_free(t->requests);
    lt_free(t->idle);
    lt_compiled_done(&t->compiled);
    pthread_cond_destroy(&t->freed);
    pthread_mutex_destroy(&t->lock);
    lt_free(t->graph);
    lt_free(t);
}

/* ---- facts ----------------------------------------------------------------------------------- */

size_t lt_tower_text_dims(const lt_tower *t)
{
    return t->ports.text_dims;
}

size_t lt_tower_image_dims(const lt_tower *t)
{
    return t->ports.image_dims;
}

unsigned lt_tower_streams(const lt_tower *t)
{
    return t->n_requests;
}

bool lt_tower_has_mask(const lt_tower *t)
{
    return t->ports.input[LT_INPUT_MASK] >= 0;
}

size_t lt_tower_tokens(const lt_tower *t)
{
    int64_t n = t->ports.input[LT_INPUT_IDS] >= 0 ? t->ports.in[LT_INPUT_IDS].dims[1] : -1;

    return n > 0 ? (size_t)n : 0;
}

size_t lt_tower_rows(const lt_tower *t)
{
    int64_t n = t->ports.input[LT_INPUT_IDS] >= 0 ? t->ports.in[LT_INPUT_IDS].dims[0] : -1;

    return n > 0 ? (size_t)n : 0;
}

/* ---- inference ------------------------------------------------------------------------------- */

/* Lends `rows` x `cols` numbers to an input until the next inference of this request. */
static lt_status lend(const lt_tower *t, const request *r, lt_input role, int64_t *data,
                      size_t rows, size_t cols, lt_error *err)
{
    LT_CLEANUP(lt_ov_tensor_done) ov_tensor_t *tensor = NULL;
    int64_t dims[2] = {(int64_t)rows, (int64_t)cols};
    ov_shape_t shape = {2, dims};

    if (t->ports.input[role] < 0)
        return LT_OK;
    LT_TRY(lt_ov_check(ov_tensor_create_from_host_ptr(I64, shape, data, &tensor), LT_ENOMEM,
                       t->graph, err));
    return lt_ov_check(
        ov_infer_request_set_input_tensor_by_index(r->ov, (size_t)t->ports.input[role], tensor),
        LT_EINVAL, t->graph, err);
}

static lt_status infer(const lt_tower *t, const request *r, int output, size_t n, float *out,
                       lt_error *err)
{
    LT_CLEANUP(lt_ov_tensor_done) ov_tensor_t *tensor = NULL;
    size_t made = 0;
    void *data = NULL;

    LT_TRY(lt_ov_check(ov_infer_request_infer(r->ov), LT_EINVAL, t->graph, err));
    LT_TRY(lt_ov_check(ov_infer_request_get_output_tensor_by_index(r->ov, (size_t)output, &tensor),
                       LT_EINVAL, t->graph, err));
    LT_TRY(lt_ov_check(ov_tensor_get_size(tensor, &made), LT_EINVAL, t->graph, err));
    LT_TRY(lt_ov_check(ov_tensor_data(tensor, &data), LT_EINVAL, t->graph, err));
    if (made != n)
        return lt_fail(err, LT_EINVAL, "%s: gave %zu numbers where %zu were expected", t->graph,
                       made, n);
    memcpy(out, data, n * sizeof *out);
    return LT_OK;
}

/* `rest` is rows * cols * 2 numbers: zeros for token types, then positions. */
static lt_status lend_tokens(const lt_tower *t, const request *r, int64_t *ids, int64_t *mask,
                             int64_t *rest, size_t rows, size_t cols, lt_error *err)
{
    int64_t *positions = rest + rows * cols;

    for (size_t i = 0; i < rows * cols; i++)
        positions[i] = (int64_t)(i % cols);
    LT_TRY(lend(t, r, LT_INPUT_IDS, ids, rows, cols, err));
    LT_TRY(lend(t, r, LT_INPUT_MASK, mask, rows, cols, err));
    LT_TRY(lend(t, r, LT_INPUT_TYPES, rest, rows, cols, err));
    return lend(t, r, LT_INPUT_POSITIONS, positions, rows, cols, err);
}

lt_status lt_tower_embed_tokens(lt_tower *t, int64_t *ids, int64_t *mask, size_t rows, size_t cols,
                                float *out, lt_error *err)
{
    LT_AUTOFREE int64_t *rest = lt_calloc(rows * cols, 2 * sizeof *rest);

    if (!rest)
        return lt_fail_nomem(err);
    request *r = take(t);
    lt_status st = lend_tokens(t, r, ids, mask, rest, rows, cols, err);

    if (st == LT_OK)
        st = infer(t, r, t->ports.text, rows * t->ports.text_dims, out, err);
    give_back(t, r);
    return st;
}

/* A joint graph wants a text beside the picture: padding of the length it asks for. */
static lt_status embed_joint(lt_tower *t, request *r, float *out, lt_error *err)
{
    size_t cols = lt_tower_tokens(t) ? lt_tower_tokens(t) : 2;
    LT_AUTOFREE int64_t *tokens = lt_calloc(cols, 4 * sizeof *tokens);

    if (!tokens)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < cols; i++)
        tokens[cols + i] = 1;
    LT_TRY(lend_tokens(t, r, tokens, tokens + cols, tokens + 2 * cols, 1, cols, err));
    return infer(t, r, t->ports.image, t->ports.image_dims, out, err);
}

lt_status lt_tower_embed_pixels(lt_tower *t, const float *pixels, float *out, lt_error *err)
{
    request *r = take(t);
    lt_status st;

    memcpy(r->pixels, pixels, t->n_pixels * sizeof *pixels);
    st = t->ports.input[LT_INPUT_IDS] >= 0
             ? embed_joint(t, r, out, err)
             : infer(t, r, t->ports.image, t->ports.image_dims, out, err);
    give_back(t, r);
    return st;
}
