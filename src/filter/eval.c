/* SPDX-License-Identifier: Apache-2.0
 * Yes or no for one payload. A condition on a key holds when any value there satisfies it; the
 * semantics follow Qdrant's documentation of filtering. */
#include <math.h>
#include <string.h>

#include "tree.h"

typedef struct point_view {
    const lt_id *id;
    yyjson_val *payload;
} point_view;

static bool clause_holds(const lt_clause *c, const point_view *p);

/* ---- values ---------------------------------------------------------------------------------- */

static bool same_keyword(yyjson_val *a, yyjson_val *b)
{
    if (yyjson_is_str(a) && yyjson_is_str(b))
        return yyjson_get_len(a) == yyjson_get_len(b) &&
               memcmp(yyjson_get_str(a), yyjson_get_str(b), yyjson_get_len(a)) == 0;
    if (yyjson_is_bool(a) && yyjson_is_bool(b))
        return yyjson_get_bool(a) == yyjson_get_bool(b);
    if (!yyjson_is_int(a) || !yyjson_is_int(b))
        return false;
    /* A number is unsigned or negative, so equal numbers have equal bits and kinds. */
    return yyjson_is_sint(a) == yyjson_is_sint(b)
               ? yyjson_get_uint(a) == yyjson_get_uint(b)
               : yyjson_get_sint(a) >= 0 && yyjson_get_sint(b) >= 0 &&
                     yyjson_get_uint(a) == yyjson_get_uint(b);
}

static bool in_values(yyjson_val *v, yyjson_val *values)
{
    size_t i, n;
    yyjson_val *item;

    if (!yyjson_is_arr(values))
        return same_keyword(v, values);
    yyjson_arr_foreach(values, i, n, item)
    {
        if (same_keyword(v, item))
            return true;
    }
    return false;
}

static bool in_range(const lt_range *r, double x)
{
    return (!r->has_gt || x > r->gt) && (!r->has_gte || x >= r->gte) && (!r->has_lt || x < r->lt) &&
           (!r->has_lte || x <= r->lte);
}

static bool in_date_range(const lt_range *r, yyjson_val *v)
{
    int64_t us;

    if (!yyjson_is_str(v) || !lt_datetime_parse(yyjson_get_str(v), yyjson_get_len(v), &us))
        return false;
    return (!r->has_gt || us > r->gt_us) && (!r->has_gte || us >= r->gte_us) &&
           (!r->has_lt || us < r->lt_us) && (!r->has_lte || us <= r->lte_us);
}

static bool value_begins(yyjson_val *v, const char *prefix)
{
    return yyjson_is_str(v) && strncmp(yyjson_get_str(v), prefix, strlen(prefix)) == 0;
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* The next word at or behind *s; its length, 0 at the end. */
static size_t next_word(const char **s)
{
    while (**s && !word_byte(**s))
        ++*s;
    size_t n = 0;

    while (word_byte((*s)[n]))
        n++;
    return n;
}

static bool same_word(const char *a, const char *b, size_t n)
{
    return strncasecmp(a, b, n) == 0;
}

static bool has_word(const char *text, const char *word, size_t n)
{
    for (size_t len; (len = next_word(&text)) > 0; text += len)
        if (len == n && same_word(text, word, n))
            return true;
    return false;
}

static bool has_words(const char *text, const char *words, bool all)
{
    bool any = false;

    for (size_t n; (n = next_word(&words)) > 0; words += n) {
        bool here = has_word(text, words, n);

        if (all && !here)
            return false;
        if (!all && here)
            return true;
        any = true;
    }
    return all && any;
}

/* Do the words at `text` begin with all of `phrase`, in a row? */
static bool phrase_here(const char *text, const char *phrase)
{
    for (size_t n; (n = next_word(&phrase)) > 0; phrase += n) {
        size_t len = next_word(&text);

        if (len != n || !same_word(text, phrase, n))
            return false;
        text += len;
    }
    return true;
}

static bool has_phrase(const char *text, const char *phrase)
{
    for (size_t len; (len = next_word(&text)) > 0; text += len)
        if (phrase_here(text, phrase))
            return true;
    return false;
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool read_place(yyjson_val *v, double *lat, double *lon)
{
    yyjson_val *a = yyjson_obj_get(v, "lat"), *o = yyjson_obj_get(v, "lon");

    if (!yyjson_is_num(a) || !yyjson_is_num(o))
        return false;
    *lat = yyjson_get_num(a);
    *lon = yyjson_get_num(o);
    return true;
}

static bool in_box(const lt_cond *c, double lat, double lon)
{
    /* A box whose left edge is east of its right edge crosses the 180th meridian. */
    bool across = c->left > c->right;
    bool lon_in = across ? lon >= c->left || lon <= c->right : lon >= c->left && lon <= c->right;

    return lat <= c->top && lat >= c->bottom && lon_in;
}

/* Even-odd rule (Shimrat 1962). */
static bool in_ring(yyjson_val *ring, double lat, double lon)
{
    yyjson_val *points = yyjson_obj_get(ring, "points");
    size_t n = yyjson_arr_size(points);
    bool inside = false;
    double lat1, lon1, lat2, lon2;

    for (size_t i = 0; i + 1 < n; i++) {
        if (!read_place(yyjson_arr_get(points, i), &lat1, &lon1) ||
            !read_place(yyjson_arr_get(points, i + 1), &lat2, &lon2))
            return false;
        if ((lat1 > lat) != (lat2 > lat) &&
            lon < (lon2 - lon1) * (lat - lat1) / (lat2 - lat1) + lon1)
            inside = !inside;
    }
    return inside;
}

static bool in_polygon(const lt_cond *c, double lat, double lon)
{
    size_t i, n;
    yyjson_val *hole;

    if (!in_ring(c->exterior, lat, lon))
        return false;
    yyjson_arr_foreach(c->interiors, i, n, hole)
    {
        if (in_ring(hole, lat, lon))
            return false;
    }
    return true;
}

static bool place_holds(const lt_cond *c, yyjson_val *v)
{
    double lat, lon;

    if (!read_place(v, &lat, &lon))
        return false;
    if (c->kind == LT_COND_GEO_BOX)
        return in_box(c, lat, lon);
    if (c->kind == LT_COND_GEO_POLYGON)
        return in_polygon(c, lat, lon);
    return lt_geo_distance_m(c->lat, c->lon, lat, lon) <= c->radius_m;
}

/* ---- conditions ------------------------------------------------------------------------------ */

static bool value_holds(void *context, yyjson_val *v)
{
    const lt_cond *c = context;

    switch (c->kind) {
    case LT_COND_MATCH:
        return in_values(v, c->values);
    case LT_COND_EXCEPT:
        return !in_values(v, c->values);
    case LT_COND_PREFIX:
        return value_begins(v, c->text);
    case LT_COND_TEXT:
        return yyjson_is_str(v) && has_words(yyjson_get_str(v), c->text, true);
    case LT_COND_TEXT_ANY:
        return yyjson_is_str(v) && has_words(yyjson_get_str(v), c->text, false);
    case LT_COND_PHRASE:
        return yyjson_is_str(v) && has_phrase(yyjson_get_str(v), c->text);
    case LT_COND_RANGE:
        return yyjson_is_num(v) && in_range(&c->range, yyjson_get_num(v));
    case LT_COND_DATE_RANGE:
        return in_date_range(&c->range, v);
    case LT_COND_GEO_RADIUS:
    case LT_COND_GEO_BOX:
    case LT_COND_GEO_POLYGON:
        return place_holds(c, v);
    default:
        return false;
    }
}

static bool not_empty(void *context, yyjson_val *v)
{
    (void)context;
    return !yyjson_is_null(v) && !(yyjson_is_arr(v) && yyjson_arr_size(v) == 0);
}

static bool is_null(void *context, yyjson_val *v)
{
    (void)context;
    return yyjson_is_null(v);
}

static bool count_values(void *context, yyjson_val *v)
{
    size_t *n = context;

    if (yyjson_is_arr(v))
        *n += yyjson_arr_size(v);
    else if (!yyjson_is_null(v))
        ++*n;
    return false;
}

static bool id_listed(const lt_cond *c, const lt_id *id)
{
    for (size_t i = 0; i < c->n_ids; i++) {
        const lt_id *other = &c->ids[i];

        if (other->kind == id->kind && (id->kind == LT_ID_NUM
                                            ? other->num == id->num
                                            : memcmp(other->uuid, id->uuid, 16) == 0))
            return true;
    }
    return false;
}

typedef struct nested_view {
    const lt_clause *clause;
    const lt_id *id;
} nested_view;

static bool element_holds(void *context, yyjson_val *v)
{
    const nested_view *n = context;
    point_view p = {n->id, v};

    return yyjson_is_obj(v) && clause_holds(n->clause, &p);
}

static bool cond_holds(const lt_cond *c, const point_view *p)
{
    nested_view nested = {c->clause, p->id};
    size_t count = 0;

    switch (c->kind) {
    case LT_COND_CLAUSE:
        return clause_holds(c->clause, p);
    case LT_COND_HAS_ID:
        return id_listed(c, p->id);
    case LT_COND_HAS_VECTOR:
        return c->text[0] == '\0'; /* every point has the one, unnamed vector */
    case LT_COND_NESTED:
        return lt_value_at(p->payload, c->key, false, element_holds, &nested);
    case LT_COND_IS_EMPTY:
        return !lt_value_at(p->payload, c->key, true, not_empty, NULL);
    case LT_COND_IS_NULL:
        return lt_value_at(p->payload, c->key, false, is_null, NULL);
    case LT_COND_VALUES_COUNT:
        (void)lt_value_at(p->payload, c->key, true, count_values, &count);
        return in_range(&c->range, (double)count);
    default:
        return lt_value_at(p->payload, c->key, false, value_holds, (void *)(uintptr_t)c);
    }
}

static size_t count_holding(const lt_conds *conds, const point_view *p, size_t enough)
{
    size_t n = 0;

    for (size_t i = 0; i < conds->n && n < enough; i++)
        n += cond_holds(&conds->items[i], p);
    return n;
}

static bool clause_holds(const lt_clause *c, const point_view *p)
{
    for (size_t i = 0; i < c->must.n; i++)
        if (!cond_holds(&c->must.items[i], p))
            return false;
    if (count_holding(&c->must_not, p, 1) > 0)
        return false;
    if (c->has_should && count_holding(&c->should, p, 1) == 0)
        return false;
    return !c->has_min_should || count_holding(&c->min_should, p, c->min_count) >= c->min_count;
}

bool lt_filter_match(const lt_filter *f, const lt_id *id, yyjson_val *payload)
{
    point_view p = {id, payload};

    return clause_holds(f->root, &p);
}
