/* SPDX-License-Identifier: Apache-2.0
 * Places: circles, boxes and polygons, none of which includes its own edge. */
#include "tree.h"

bool lt_place_read(yyjson_val *v, double *lat, double *lon)
{
    yyjson_val *a = yyjson_obj_get(v, "lat"), *o = yyjson_obj_get(v, "lon");

    if (!yyjson_is_num(a) || !yyjson_is_num(o))
        return false;
    *lat = yyjson_get_num(a);
    *lon = yyjson_get_num(o);
    return *lat >= -90 && *lat <= 90 && *lon >= -180 && *lon <= 180;
}

static bool in_box(const lt_cond *c, double lat, double lon)
{
    /* A box whose left edge is east of its right edge crosses the 180th meridian. */
    bool across = c->left > c->right;
    bool lon_in = across ? lon > c->left || lon < c->right : lon > c->left && lon < c->right;

    return lat < c->top && lat > c->bottom && lon_in;
}

typedef struct edge {
    double lat1, lon1, lat2, lon2;
} edge;

static bool on_edge(const edge *e, double lat, double lon)
{
    return lon * (e->lat1 - e->lat2) + e->lon1 * (e->lat2 - lat) + e->lon2 * (lat - e->lat1) == 0 &&
           (e->lat1 - lat) * (e->lat2 - lat) <= 0 && (e->lon1 - lon) * (e->lon2 - lon) <= 0;
}

/* Even-odd rule (Shimrat 1962); the ring itself counts as outside or inside as `edges_in` says. */
static bool in_ring(yyjson_val *ring, double lat, double lon, bool edges_in)
{
    yyjson_val *points = yyjson_obj_get(ring, "points"), *p;
    bool inside = false;
    size_t i, n;
    edge e;

    yyjson_arr_foreach(points, i, n, p)
    {
        e.lat2 = e.lat1;
        e.lon2 = e.lon1;
        if (!lt_place_read(p, &e.lat1, &e.lon1))
            return false;
        if (i == 0)
            continue;
        if (on_edge(&e, lat, lon))
            return edges_in;
        if ((e.lon1 > lon) != (e.lon2 > lon) &&
            lat < (e.lat2 - e.lat1) * (lon - e.lon1) / (e.lon2 - e.lon1) + e.lat1)
            inside = !inside;
    }
    return inside;
}

static bool in_polygon(const lt_cond *c, double lat, double lon)
{
    size_t i, n;
    yyjson_val *hole;

    if (!in_ring(c->exterior, lat, lon, false))
        return false;
    if (!c->interiors)
        return true;
    yyjson_arr_foreach(c->interiors, i, n, hole)
    {
        if (in_ring(hole, lat, lon, true))
            return false;
    }
    return true;
}

bool lt_place_holds(const lt_cond *c, double lat, double lon)
{
    if (c->kind == LT_COND_GEO_BOX)
        return in_box(c, lat, lon);
    if (c->kind == LT_COND_GEO_POLYGON)
        return in_polygon(c, lat, lon);
    return lt_geo_distance_m(c->lat, c->lon, lat, lon) < c->radius_m;
}
