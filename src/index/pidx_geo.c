/* SPDX-License-Identifier: Apache-2.0
 * Places in Z-order (Morton 1966): 32 bits of latitude and of longitude, interleaved, so that a
 * square of the map is a range of keys. A shape is covered by such squares; the places in them are
 * judged by their keys, which are cells of some millimetres. Where the edge of the shape is nearer
 * than the size of a cell, the point itself has to be looked at. */
#include <math.h>

#include "pidx_parts.h"

static uint64_t spread(uint32_t x)
{
    uint64_t v = x;

    v = (v | v << 16) & 0x0000ffff0000ffff;
    v = (v | v << 8) & 0x00ff00ff00ff00ff;
    v = (v | v << 4) & 0x0f0f0f0f0f0f0f0f;
    v = (v | v << 2) & 0x3333333333333333;
    return (v | v << 1) & 0x5555555555555555;
}

static uint32_t gather(uint64_t v)
{
    v &= 0x5555555555555555;
    v = (v | v >> 1) & 0x3333333333333333;
    v = (v | v >> 2) & 0x0f0f0f0f0f0f0f0f;
    v = (v | v >> 4) & 0x00ff00ff00ff00ff;
    v = (v | v >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(v | v >> 16);
}

/* A share of the way from `low`, in 2^32 steps. */
static uint32_t step_of(double x, double low, double size)
{
    double step = floor((x - low) / size * 4294967296.0);

    return step <= 0 ? 0 : step >= 4294967295.0 ? UINT32_MAX : (uint32_t)step;
}

uint64_t lt_key_of_place(double lat, double lon)
{
    return spread(step_of(lat, -90, 180)) << 1 | spread(step_of(lon, -180, 360));
}

typedef struct box {
    double south, north, west, east; /* edges included */
} box;

/* ---- judging one cell ------------------------------------------------------------------------ */

typedef enum verdict { OUTSIDE, INSIDE, UNCLEAR } verdict;

static const double CELL_DEG = 1e-7;   /* more than a cell and the error of its computation */
static const double NEAR_DEG = 1e-6;   /* no nearer to an edge is the cell's centre judged */
static const double NEAR_M = 1;        /* the same in metres; haversine errs by less */

static verdict judge_box(const lt_cond *c, double lat, double lon)
{
    int held = 0;

    if (c->top - c->bottom < NEAR_DEG || fabs(c->right - c->left) < NEAR_DEG)
        return UNCLEAR;
    for (int corner = 0; corner < 4; corner++)
        held += lt_place_holds(c, lat + (corner & 1 ? CELL_DEG : -CELL_DEG),
                               lon + (corner & 2 ? CELL_DEG : -CELL_DEG));
    return held == 4 ? INSIDE : held == 0 ? OUTSIDE : UNCLEAR;
}

static verdict judge_circle(const lt_cond *c, double lat, double lon)
{
    double d = lt_geo_distance_m(c->lat, c->lon, lat, lon);

    return d + NEAR_M < c->radius_m ? INSIDE : d - NEAR_M > c->radius_m ? OUTSIDE : UNCLEAR;
}

/* Squared distance of (x, y) to the segment from (x1, y1) to (x2, y2). */
static double distance2(double x, double y, double x1, double y1, double x2, double y2)
{
    double dx = x2 - x1, dy = y2 - y1, length2 = dx * dx + dy * dy;
    double t = length2 > 0 ? ((x - x1) * dx + (y - y1) * dy) / length2 : 0;

    t = t < 0 ? 0 : t > 1 ? 1 : t;
    dx = x1 + t * dx - x;
    dy = y1 + t * dy - y;
    return dx * dx + dy * dy;
}

static bool near_ring(yyjson_val *ring, double lat, double lon)
{
    yyjson_val *points = yyjson_obj_get(ring, "points"), *p;
    double lat1 = 0, lon1 = 0, lat0, lon0;
    size_t i, n;

    yyjson_arr_foreach(points, i, n, p)
    {
        lat0 = lat1;
        lon0 = lon1;
        if (!lt_place_read(p, &lat1, &lon1))
            return true;
        if (i > 0 && distance2(lat, lon, lat0, lon0, lat1, lon1) < NEAR_DEG * NEAR_DEG)
            return true;
    }
    return false;
}

static verdict judge_polygon(const lt_cond *c, double lat, double lon)
{
    size_t i, n;
    yyjson_val *hole;

    if (near_ring(c->exterior, lat, lon))
        return UNCLEAR;
    yyjson_arr_foreach(c->interiors, i, n, hole)
    {
        if (near_ring(hole, lat, lon))
            return UNCLEAR;
    }
    return lt_place_holds(c, lat, lon) ? INSIDE : OUTSIDE;
}

static verdict judge(const lt_cond *c, uint64_t key)
{
    double lat = (gather(key >> 1) + 0.5) / 4294967296.0 * 180 - 90;
    double lon = (gather(key) + 0.5) / 4294967296.0 * 360 - 180;

    return c->kind == LT_COND_GEO_BOX      ? judge_box(c, lat, lon)
           : c->kind == LT_COND_GEO_RADIUS ? judge_circle(c, lat, lon)
                                           : judge_polygon(c, lat, lon);
}

/* ---- covering a box -------------------------------------------------------------------------- */

typedef struct cover {
    const lt_order *order;
    const lt_cond *cond;
    lt_answer *out;
    box area;
    unsigned depth_max;
} cover;

/* All places whose keys begin with the 2 * depth bits of `prefix`. */
static void take_range(const cover *c, uint64_t prefix, unsigned depth)
{
    unsigned rest = 64 - 2 * depth;
    uint64_t first = rest < 64 ? prefix << rest : 0, key;
    uint64_t last = rest < 64 ? first | (((uint64_t)1 << rest) - 1) : UINT64_MAX;
    lt_order_at at = lt_order_seek(c->order, first);
    uint32_t slot;

    while (lt_order_next(c->order, &at, &key, &slot) && key <= last) {
        if (slot >= c->out->n_slots)
            continue;
        verdict v = judge(c->cond, key);

        if (v != OUTSIDE)
            lt_bits_set(v == INSIDE ? c->out->sure : c->out->maybe, slot);
    }
}

/* The square `prefix` of the map spans `size` of both axes from (lat, lon) on, in units of it. */
static void descend(const cover *c, uint64_t prefix, unsigned depth, box square)
{
    if (square.south > c->area.north || square.north < c->area.south ||
        square.west > c->area.east || square.east < c->area.west)
        return;
    bool covered = square.south >= c->area.south && square.north <= c->area.north &&
                   square.west >= c->area.west && square.east <= c->area.east;

    if (covered || depth == c->depth_max) {
        take_range(c, prefix, depth);
        return;
    }
    double lat = (square.south + square.north) / 2, lon = (square.west + square.east) / 2;

    for (unsigned quarter = 0; quarter < 4; quarter++) {
        box part = {quarter & 2 ? lat : square.south, quarter & 2 ? square.north : lat,
                    quarter & 1 ? lon : square.west, quarter & 1 ? square.east : lon};

        descend(c, prefix << 2 | quarter, depth + 1, part);
    }
}

/* Squares of about an eighth of the box's longer side: a hundred of them at most. */
static void answer_box(const lt_order *o, const lt_cond *cond, box area, lt_answer *out)
{
    cover c = {o, cond, out, area, 0};
    double side = fmax((area.north - area.south) / 180, (area.east - area.west) / 360);

    if (!(area.north >= area.south && area.east >= area.west))
        return;
    while (c.depth_max < 28 && ldexp(1, -(int)c.depth_max) > side / 8)
        c.depth_max++;
    descend(&c, 0, 0, (box){-90, 90, -180, 180});
}

/* A box that may reach over the 180th meridian. */
static void answer_wrapped(const lt_order *o, const lt_cond *cond, box area, lt_answer *out)
{
    box west = area, east = area;

    if (area.west < -180) {
        west.west = area.west + 360;
        west.east = 180;
        east.west = -180;
    } else if (area.east > 180) {
        west.east = 180;
        east.west = -180;
        east.east = area.east - 360;
    } else {
        answer_box(o, cond, area, out);
        return;
    }
    answer_box(o, cond, west, out);
    answer_box(o, cond, east, out);
}

static box box_of_circle(const lt_cond *c)
{
    const double deg = 180 / 3.14159265358979323846, radius_m = 6371008.8;
    double angle = c->radius_m / radius_m;
    box b = {c->lat - angle * deg - NEAR_DEG, c->lat + angle * deg + NEAR_DEG, -180, 180};

    /* Over a pole, the circle meets every meridian. */
    if (b.south > -90 && b.north < 90) {
        double reach = asin(fmin(1, sin(angle) / cos(c->lat / deg))) * deg + 2 * NEAR_DEG;

        b.west = c->lon - reach;
        b.east = c->lon + reach;
    }
    return b;
}

static box box_of_polygon(const lt_cond *c)
{
    box b = {90, -90, 180, -180};
    double lat, lon;
    size_t i, n;
    yyjson_val *p;

    yyjson_arr_foreach(yyjson_obj_get(c->exterior, "points"), i, n, p)
    {
        if (lt_place_read(p, &lat, &lon))
            b = (box){fmin(b.south, lat), fmax(b.north, lat), fmin(b.west, lon), fmax(b.east, lon)};
    }
    return b;
}

void lt_pidx_answer_place(const lt_order *o, const lt_cond *c, lt_answer *out)
{
    if (c->kind == LT_COND_GEO_RADIUS) {
        answer_wrapped(o, c, box_of_circle(c), out);
    } else if (c->kind == LT_COND_GEO_POLYGON) {
        answer_box(o, c, box_of_polygon(c), out);
    } else {
        box b = {c->bottom, c->top, c->left, c->right < c->left ? c->right + 360 : c->right};

        answer_wrapped(o, c, b, out);
    }
}
