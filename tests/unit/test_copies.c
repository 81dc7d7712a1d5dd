/* SPDX-License-Identifier: Apache-2.0
 * Is a picture a part of another? On pictures made here: blobs of light at random places. */
#include <base/rng.h>
#include <gallery/copies.h>
#include <math.h>
#include <string.h>

#include "lt_cmocka.h"

enum { SIDE = LT_COPIES_SIDE, BLOBS = 12, DRAWS = 40 };

typedef struct scene {
    double x[BLOBS], y[BLOBS], size[BLOBS], light[BLOBS];
} scene;

static void draw_scene(lt_rng *rng, scene *s)
{
    for (int i = 0; i < BLOBS; i++) {
        s->x[i] = lt_rng_unit(rng);
        s->y[i] = lt_rng_unit(rng);
        s->size[i] = 0.05 + 0.15 * lt_rng_unit(rng);
        s->light[i] = 200 * lt_rng_unit(rng) - 100;
    }
}

/* The part of a scene from (left, top), width x height of it, as SIDE x SIDE pixels. */
static void take_photo(const scene *s, double left, double top, double width, double height,
                       float *out)
{
    for (int i = 0; i < SIDE * SIDE; i++) {
        double x = left + width * (i % SIDE + 0.5) / SIDE,
               y = top + height * (i / SIDE + 0.5) / SIDE;
        double v = 128;

        for (int b = 0; b < BLOBS; b++) {
            double dx = (x - s->x[b]) / s->size[b], dy = (y - s->y[b]) / s->size[b];

            v += s->light[b] * exp(-(dx * dx + dy * dy) / 2);
        }
        out[i] = (float)v;
    }
}

static void test_parts_are_alike(void **state)
{
    lt_rng rng = {1};
    float whole[SIDE * SIDE], part[SIDE * SIDE];
    scene s;

    (void)state;
    for (int n = 0; n < DRAWS; n++) {
        double width = 0.55 + 0.45 * lt_rng_unit(&rng), height = 0.55 + 0.45 * lt_rng_unit(&rng);

        draw_scene(&rng, &s);
        take_photo(&s, 0, 0, 1, 1, whole);
        take_photo(&s, (1 - width) * lt_rng_unit(&rng), (1 - height) * lt_rng_unit(&rng), width,
                   height, part);
        assert_true(lt_copies_likeness(part, whole) > 0.95);
        for (int i = 0; i < SIDE * SIDE; i++)
            part[i] = 20 + 0.5f * part[i];
        assert_true(lt_copies_likeness(part, whole) > 0.95);
    }
}

static void test_others_are_not(void **state)
{
    lt_rng rng = {2};
    float whole[SIDE * SIDE], other[SIDE * SIDE];
    int alike = 0;
    scene s;

    (void)state;
    for (int n = 0; n < DRAWS; n++) {
        draw_scene(&rng, &s);
        take_photo(&s, 0, 0, 1, 1, whole);
        draw_scene(&rng, &s);
        take_photo(&s, 0, 0, 1, 1, other);
        alike += lt_copies_likeness(other, whole) > 0.9;
    }
    assert_in_range(alike, 0, DRAWS / 20);
}

static void test_flat_pictures(void **state)
{
    float flat[SIDE * SIDE], other[SIDE * SIDE];

    (void)state;
    for (int i = 0; i < SIDE * SIDE; i++) {
        flat[i] = 200;
        other[i] = (float)(i % 7 * 30);
    }
    assert_true(lt_copies_likeness(flat, other) == 0);
    assert_true(lt_copies_likeness(other, flat) == 0);
    assert_true(lt_copies_likeness(flat, flat) == 0);
    assert_true(lt_copies_likeness(other, other) > 0.999);
}

static void test_hits_that_cannot_be_read(void **state)
{
    static const char gone[] = "{\"filename\":\"/no/such.jpg\"}", nothing[] = "{}";
    lt_hit hits[] = {{.payload = gone, .payload_len = sizeof gone - 1},
                     {.payload = nothing, .payload_len = sizeof nothing - 1}};
    lt_picture picture = {.path = "/no/such.jpg"};
    size_t found = 7;
    lt_error err;

    (void)state;
    assert_int_equal(lt_copies_find(&picture, hits, 2, &found, &err), LT_ENOTFOUND);
    assert_int_equal(found, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_alike),
        cmocka_unit_test(test_others_are_not),
        cmocka_unit_test(test_flat_pictures),
        cmocka_unit_test(test_hits_that_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
