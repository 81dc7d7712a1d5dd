/* SPDX-License-Identifier: Apache-2.0
 * What the files of a model directory say, read without loading a graph. The layout is the hub's:
 *
 *   config.json                  model type, context length
 *   preprocessor_config.json     how pictures are fitted (else processor_config.json's
 *                                image_processor); needed where there is a picture graph
 *   tokenizer.json               needed where there is a text graph
 *   tokenizer_config.json        optional: padding token, context length
 *   onnx/vision_model.onnx       the picture tower, and
 *   onnx/text_model.onnx         the text tower; or
 *   onnx/model.onnx              both in one
 *   latent.json                  optional, ours: what those files cannot say
 *   relevance.json               optional, ours: how scores are to be read (relevance.c)
 *
 * Graphs may also lie at the top. Of several variants the first of: plain, _fp16, _int8,
 * _quantized, _uint8 is taken, in onnx/ before the top; a joint graph only where there is no tower.
 *
 * latent.json: {"name": text, "languages": [codes], "text_prefix": text put before every text,
 * "lowercase_all_caps": bool (a text in capitals alone is lowercased: their pieces are rare),
 * "dims": n, "dims_ordered": bool, "max_tokens": n, "pad_to": n (all texts padded to so many
 * tokens)}; every key is optional and others are ignored. */
#ifndef LT_EMBED_MODELDIR_H
#define LT_EMBED_MODELDIR_H

#include <image/image.h>

#define LT_TOKENS_DEFAULT 512u /* context length where no file says one */

/* How likely a best hit is a right one, by its cosine: 1 / (1 + exp(-slope * (cosine - center))).
 */
typedef struct lt_curve {
    bool known;
    float center, slope;
    float least; /* the relevance that nearly all right ones reach */
} lt_curve;

typedef struct lt_modeldir {
    char *path; /* absolute */
    char *name;
    char *languages;   /* comma-separated, "" where unknown */
    char *text_prefix; /* "" where none */
    char *text_graph;  /* NULL: no texts */
    char *image_graph; /* NULL: no pictures; the same path as text_graph for a joint graph */
    bool joint;
    char *tokenizer; /* path; NULL without texts */
    char *pad_token; /* what tokenizer_config.json names; NULL where it does not */
    bool has_pad_id;
    int64_t pad_id;    /* config.json's */
    size_t max_tokens; /* the least of those the files name; 0: none does */
    size_t pad_to;     /* 0: texts need no fixed length */
    size_t dims;       /* 0: only the graph knows */
    bool dims_ordered;
    bool lowercase_all_caps;
    lt_curve text_curve, picture_curve; /* of questions that are a text, a picture */
    lt_image_prep prep;                 /* zero without pictures */
} lt_modeldir;

/* Reads directory `path`. Errors name the file and what is missing or wrong: LT_ENOTFOUND,
 * LT_EINVAL, LT_EUNSUPPORTED. */
lt_status lt_modeldir_read(const char *path, lt_modeldir *out, lt_error *err) LT_NODISCARD;
void lt_modeldir_done(lt_modeldir *d);

/* Reads relevance.json, where there is one (relevance.c): {"text": {"center": x, "slope": x,
 * "least": x}, "picture": {...}}, both optional. */
lt_status lt_relevance_read(lt_modeldir *d, lt_error *err) LT_NODISCARD;
float lt_curve_at(const lt_curve *curve, float cosine);

/* Reads how pictures are fitted (prep.c). */
lt_status lt_prep_read(const char *dir, lt_image_prep *out, lt_error *err) LT_NODISCARD;

/* The built-in model's directory (builtin.c); the caller frees *out. LT_ENOTFOUND says what to do.
 */
lt_status lt_modeldir_builtin(char **out, lt_error *err) LT_NODISCARD;

/* Hex digests of contents (digest.c): of all files that shape a vector, and of the graphs ("" where
 * there is none). */
enum { LT_DIGEST_TEXT = 33 };
typedef struct lt_digests {
    char model[LT_DIGEST_TEXT], text[LT_DIGEST_TEXT], image[LT_DIGEST_TEXT];
} lt_digests;
lt_status lt_digest_modeldir(const lt_modeldir *d, lt_digests *out, lt_error *err) LT_NODISCARD;

#endif
