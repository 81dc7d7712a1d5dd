/* SPDX-License-Identifier: Apache-2.0
 * One compiled graph with its pool of inference requests. A graph of one tower takes tokens or
 * pictures; a joint one takes both and computes both each time (OpenVINO's C API cannot cut it),
 * with zeros for the side that is not asked for.
 *
 * Immutable after opening but for the pool, so any number of threads may embed at once; those
 * beyond the number of streams wait. */
#ifndef LT_EMBED_TOWER_H
#define LT_EMBED_TOWER_H

#include <base/error.h>

typedef struct lt_tower lt_tower;

typedef struct lt_tower_spec {
    const char *graph;         /* path of the ONNX file */
    const char *digest;        /* of its content */
    const char *cache_dir;     /* of compiled graphs; NULL: none */
    bool text, image;          /* what it must give */
    unsigned width, height;    /* of the pictures, where it takes them */
    size_t tokens;             /* every text has so many; 0: any number */
    unsigned streams, threads; /* requests computed at once, and threads for all of them */
} lt_tower_spec;

/* Compiles the graph or takes it from the cache. LT_EINVAL, LT_EUNSUPPORTED: the file's name and
 * what is wrong with it. */
lt_status lt_tower_open(const lt_tower_spec *spec, lt_tower **out, lt_error *err) LT_NODISCARD;
void lt_tower_close(lt_tower *t);

size_t lt_tower_text_dims(const lt_tower *t); /* 0 where it gives none */
size_t lt_tower_image_dims(const lt_tower *t);
unsigned lt_tower_streams(const lt_tower *t);
size_t lt_tower_tokens(const lt_tower *t); /* the length each text must have; 0: any */
size_t lt_tower_rows(const lt_tower *t);   /* the most texts of one call; 0: any number */
bool lt_tower_has_mask(const lt_tower *t); /* padding is masked out */

/* `rows` texts of `cols` tokens each; mask holds 1 for a token and 0 for padding. `out` gets
 * rows * text_dims floats as the graph gives them. */
lt_status lt_tower_embed_tokens(lt_tower *t, int64_t *ids, int64_t *mask, size_t rows, size_t cols,
                                float *out, lt_error *err) LT_NODISCARD;
/* One picture of 3 * height * width floats; `out` gets image_dims floats. */
lt_status lt_tower_embed_pixels(lt_tower *t, const float *pixels, float *out, lt_error *err)
    LT_NODISCARD;

#endif
