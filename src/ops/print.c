/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <base/error.h>
#include <base/mem.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <value/value.h>

/* ---- scalars --------------------------------------------------------------------------------- */

enum { NUMBER_ROOM = 512 }; /* what yyjson takes for one number */

static lt_status print_real(double d, yyjson_write_flag flags, lt_buf *out, lt_error *err)
{
    char room[NUMBER_ROOM];
    yyjson_alc alc;
    yyjson_val v = {0};
    size_t n;

    yyjson_set_real(&v, d);
    yyjson_alc_pool_init(&alc, room, sizeof room);
    char *text =
        yyjson_val_write_opts(&v, flags | YYJSON_WRITE_INF_AND_NAN_AS_NULL, &alc, &n, NULL);

    return text ? lt_buf_add(out, text, n, err) : lt_fail_nomem(err);
}

lt_status lt_print_f32(float f, lt_buf *out, lt_error *err)
{
    return print_real((double)f, YYJSON_WRITE_FP_TO_FLOAT, out, err);
}

lt_status lt_print_f64(double d, lt_buf *out, lt_error *err)
{
    return print_real(d, 0, out, err);
}

lt_status lt_print_floats(const float *f, size_t n, lt_buf *out, lt_error *err)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *list = yyjson_mut_arr_with_float(doc, f, n);
    size_t len;
    char *text = yyjson_mut_val_write_opts(
        list, YYJSON_WRITE_FP_TO_FLOAT | YYJSON_WRITE_INF_AND_NAN_AS_NULL, NULL, &len, NULL);
    lt_status st = text ? lt_buf_add(out, text, len, err) : lt_fail_nomem(err);

    free(text); /* yyjson's, so from libc */
    yyjson_mut_doc_free(doc);
    return st;
}

lt_status lt_print_text(const char *s, size_t n, lt_buf *out, lt_error *err)
{
    yyjson_val v = {0};

    yyjson_set_strn(&v, s, n);
    return lt_json_write(&v, out, err);
}

lt_status lt_print_id(const lt_id *id, lt_buf *out, lt_error *err)
{
    char text[LT_ID_TEXT_MAX];

    if (id->kind == LT_ID_NUM)
        return lt_buf_add_u64(out, id->num, err);
    LT_TRY(lt_buf_addc(out, '"', err));
    LT_TRY(lt_buf_adds(out, lt_id_format(id, text), err));
    return lt_buf_addc(out, '"', err);
}

lt_status lt_print_value(const lt_answer_value *v, lt_buf *out, lt_error *err)
{
    switch (v->kind) {
    case LT_ANSWER_TEXT:
        return lt_print_text(v->text, v->n_text, out, err);
    case LT_ANSWER_INT:
        return lt_buf_addf(out, err, "%" PRId64, v->i);
    case LT_ANSWER_UINT:
        return lt_buf_add_u64(out, v->u, err);
    default:
        return lt_buf_adds(out, v->i ? "true" : "false", err);
    }
}

/* ---- points ---------------------------------------------------------------------------------- */

static lt_status print_multi(const lt_vector *v, lt_buf *out, lt_error *err)
{
    size_t dims = v->n_rows ? v->n_values / v->n_rows : 0;

    LT_TRY(lt_buf_addc(out, '[', err));
    for (size_t i = 0; i < v->n_rows; i++) {
        if (i)
            LT_TRY(lt_buf_addc(out, ',', err));
        LT_TRY(lt_print_floats(v->values + i * dims, dims, out, err));
    }
    return lt_buf_addc(out, ']', err);
}

static lt_status print_integers(const uint32_t *list, size_t n, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_addc(out, '[', err));
    for (size_t i = 0; i < n; i++) {
        if (i)
            LT_TRY(lt_buf_addc(out, ',', err));
        LT_TRY(lt_buf_add_u64(out, list[i], err));
    }
    return lt_buf_addc(out, ']', err);
}

static lt_status print_vector(const lt_vector *v, lt_buf *out, lt_error *err)
{
    if (v->kind == LT_VECTOR_DENSE)
        return lt_print_floats(v->values, v->n_values, out, err);
    if (v->kind == LT_VECTOR_MULTI)
        return print_multi(v, out, err);
    LT_TRY(lt_buf_adds(out, "{\"indices\":", err));
    LT_TRY(print_integers(v->indices, v->n_values, out, err));
    LT_TRY(lt_buf_adds(out, ",\"values\":", err));
    LT_TRY(lt_print_floats(v->values, v->n_values, out, err));
    return lt_buf_addc(out, '}', err);
}

/* The unnamed vector alone stands by itself, else there is a map by name. */
static lt_status print_vectors(const lt_row *row, lt_buf *out, lt_error *err)
{
    if (row->n_vectors == 1 && row->vectors[0].name[0] == '\0')
        return print_vector(&row->vectors[0], out, err);
    LT_TRY(lt_buf_addc(out, '{', err));
    for (size_t i = 0; i < row->n_vectors; i++) {
        const char *name = row->vectors[i].name;

        if (i)
            LT_TRY(lt_buf_addc(out, ',', err));
        LT_TRY(lt_print_text(name, strlen(name), out, err));
        LT_TRY(lt_buf_addc(out, ':', err));
        LT_TRY(print_vector(&row->vectors[i], out, err));
    }
    return lt_buf_addc(out, '}', err);
}

static lt_status print_row(const lt_row *row, bool scored, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "{\"id\":", err));
    LT_TRY(lt_print_id(&row->id, out, err));
    if (scored) {
        LT_TRY(lt_buf_adds(out, ",\"version\":", err));
        LT_TRY(lt_buf_add_u64(out, row->version, err));
        LT_TRY(lt_buf_adds(out, ",\"score\":", err));
        LT_TRY(lt_print_f32(row->score, out, err));
    }
    if (row->payload) {
        LT_TRY(lt_buf_adds(out, ",\"payload\":", err));
        LT_TRY(lt_buf_add(out, row->payload, row->payload_len, err));
    }
    if (row->has_vectors) {
        LT_TRY(lt_buf_adds(out, ",\"vector\":", err));
        LT_TRY(print_vectors(row, out, err));
    }
    if (row->order.kind != LT_ORDER_NONE) {
        LT_TRY(lt_buf_adds(out, ",\"order_value\":", err));
        LT_TRY(row->order.kind == LT_ORDER_INT
                   ? lt_buf_addf(out, err, "%" PRId64, row->order.i)
                   : lt_print_f64(row->order.d, out, err));
    }
    return lt_buf_addc(out, '}', err);
}

lt_status lt_print_rows(const lt_rows *rows, bool scored, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_addc(out, '[', err));
    for (size_t i = 0; i < rows->n; i++) {
        if (i)
            LT_TRY(lt_buf_addc(out, ',', err));
        LT_TRY(print_row(&rows->items[i], scored, out, err));
    }
    return lt_buf_addc(out, ']', err);
}

lt_status lt_print_page(const lt_page *page, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "{\"points\":", err));
    LT_TRY(lt_print_rows(&page->rows, false, out, err));
    LT_TRY(lt_buf_adds(out, ",\"next_page_offset\":", err));
    LT_TRY(page->has_next ? lt_print_id(&page->next, out, err) : lt_buf_adds(out, "null", err));
    return lt_buf_addc(out, '}', err);
}

/* ---- the rest -------------------------------------------------------------------------------- */

lt_status lt_print_facet(const lt_facet *facet, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "{\"hits\":[", err));
    for (size_t i = 0; i < facet->n; i++) {
        LT_TRY(lt_buf_adds(out, i ? ",{\"value\":" : "{\"value\":", err));
        LT_TRY(lt_print_value(&facet->hits[i].value, out, err));
        LT_TRY(lt_buf_addf(out, err, ",\"count\":%" PRIu64 "}", facet->hits[i].count));
    }
    return lt_buf_adds(out, "]}", err);
}

static lt_status print_group(const lt_group *group, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "{\"hits\":", err));
    LT_TRY(lt_print_rows(&group->hits, true, out, err));
    LT_TRY(lt_buf_adds(out, ",\"id\":", err));
    LT_TRY(lt_print_value(&group->id, out, err));
    if (group->lookup) {
        LT_TRY(lt_buf_adds(out, ",\"lookup\":", err));
        LT_TRY(print_row(group->lookup, false, out, err));
    }
    return lt_buf_addc(out, '}', err);
}

lt_status lt_print_groups(const lt_groups *groups, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "{\"groups\":[", err));
    for (size_t i = 0; i < groups->n; i++) {
        if (i)
            LT_TRY(lt_buf_addc(out, ',', err));
        LT_TRY(print_group(&groups->items[i], out, err));
    }
    return lt_buf_adds(out, "]}", err);
}

lt_status lt_print_pairs(const lt_matrix *m, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "{\"pairs\":[", err));
    for (size_t i = 0; i < m->n_pairs; i++) {
        LT_TRY(lt_buf_adds(out, i ? ",{\"a\":" : "{\"a\":", err));
        LT_TRY(lt_print_id(&m->ids[m->rows[i]], out, err));
        LT_TRY(lt_buf_adds(out, ",\"b\":", err));
        LT_TRY(lt_print_id(&m->ids[m->cols[i]], out, err));
        LT_TRY(lt_buf_adds(out, ",\"score\":", err));
        LT_TRY(lt_print_f32(m->scores[i], out, err));
        LT_TRY(lt_buf_addc(out, '}', err));
    }
    return lt_buf_adds(out, "]}", err);
}

lt_status lt_print_offsets(const lt_matrix *m, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_adds(out, "{\"offsets_row\":", err));
    LT_TRY(print_integers(m->rows, m->n_pairs, out, err));
    LT_TRY(lt_buf_adds(out, ",\"offsets_col\":", err));
    LT_TRY(print_integers(m->cols, m->n_pairs, out, err));
    LT_TRY(lt_buf_adds(out, ",\"scores\":", err));
    LT_TRY(lt_print_floats(m->scores, m->n_pairs, out, err));
    LT_TRY(lt_buf_adds(out, ",\"ids\":[", err));
    for (size_t i = 0; i < m->n; i++) {
        if (i)
            LT_TRY(lt_buf_addc(out, ',', err));
        LT_TRY(lt_print_id(&m->ids[i], out, err));
    }
    return lt_buf_adds(out, "]}", err);
}
