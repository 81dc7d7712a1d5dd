/* SPDX-License-Identifier: Apache-2.0
 * Every cap on sizes that come from outside, in one list. */
#ifndef LT_BASE_LIMITS_H
#define LT_BASE_LIMITS_H

#define LT_LIMIT_DIMS 65536u                       /* dimensions of a vector */
#define LT_LIMIT_PAYLOAD_BYTES (32u << 20)         /* JSON text of one payload */
#define LT_LIMIT_SLOTS 0x7ffffffeu                 /* of a collection: those of one graph */
#define LT_LIMIT_BATCH_UPDATES 10000u              /* updates of one call */
#define LT_LIMIT_BATCH_POINTS 1000000u             /* points of one upsert or delete */
#define LT_LIMIT_COLLECTION_NAME 255u              /* bytes */
#define LT_LIMIT_VECTOR_NAME 200u                  /* bytes */
#define LT_LIMIT_VECTORS 256u                      /* named vectors of a collection */
#define LT_LIMIT_VECTORS_EVER 1024u                /* those that were dropped counted too */
#define LT_LIMIT_PAYLOAD_INDEXES 256u              /* of a collection */
#define LT_LIMIT_MULTI_VALUES (1u << 20)           /* floats of one multivector */
#define LT_LIMIT_SPARSE_VALUES (1u << 20)          /* floats of one sparse vector */
#define LT_LIMIT_CONFIG_BYTES (16u << 20)          /* JSON text of a collection's config */
#define LT_LIMIT_OPEN_COLLECTIONS 128u             /* kept open while nobody uses them */
#define LT_LIMIT_K 1000000u                        /* hits of one query */
#define LT_LIMIT_FILTER_BYTES (16u << 20)          /* JSON text of a filter */
#define LT_LIMIT_FILTER_DEPTH 64u                  /* nested clauses */
#define LT_LIMIT_FILTER_TOKENS 1024u               /* words of one text condition */
#define LT_LIMIT_TOKEN_BYTES 1024u                 /* of a word of a full-text index; the rest is cut */
#define LT_LIMIT_STOP_WORDS 65536u                 /* custom stop words of one index */
#define LT_LIMIT_TEXT_BYTES (1u << 20)             /* one text to embed */
#define LT_LIMIT_NORMALISED_BYTES (8u << 20)       /* what normalisers may blow a text up to */
#define LT_LIMIT_PIECE_BYTES 1024u                 /* an entry of a vocabulary: bounds a search */
#define LT_LIMIT_IMAGE_BYTES (256u << 20)          /* a picture's file */
#define LT_LIMIT_IMAGE_PIXELS (256u * 1000u * 1000u) /* width times height of a picture */
#define LT_LIMIT_IMAGE_SIDE 100000u                  /* width or height of a picture */
#define LT_LIMIT_TOKENIZER_BYTES (256u << 20)      /* tokenizer.json */
#define LT_LIMIT_MODEL_CONFIG_BYTES (16u << 20)    /* config.json and its kin */
#define LT_LIMIT_MODEL_SIDE 4096u                  /* pixels a side that a model takes */
#define LT_LIMIT_HNSW_M 128u                       /* links of a node on the upper layers of a graph */
#define LT_LIMIT_HNSW_EF 65536u                    /* candidates kept by one search */
#define LT_LIMIT_HNSW_SLOTS 0x7ffffffeu            /* slots of one graph */
#define LT_LIMIT_BODY_BYTES (256u << 20)           /* JSON text of one question */
#define LT_LIMIT_QUESTION_BYTES (1u << 30)         /* memory that one question may take */
#define LT_LIMIT_ANSWER_BYTES (1u << 30)           /* JSON text of one answer */
#define LT_LIMIT_EXAMPLES 65536u                   /* in each list of examples of one query */
#define LT_LIMIT_FEEDBACK 4096u                    /* examples of relevance feedback, all paired */
#define LT_LIMIT_PREFETCH_DEPTH 64u                /* prefetches within prefetches */
#define LT_LIMIT_FORMULA_DEPTH 64u                 /* nested expressions */
#define LT_LIMIT_MMR_CANDIDATES 16384u             /* points to choose among for diversity */
#define LT_LIMIT_MATRIX_SAMPLE 16384u              /* points of a distance matrix */
#define LT_LIMIT_GROUPS 65536u                     /* groups of one answer */
#define LT_LIMIT_SELECT_DEPTH 128u                 /* steps of a payload path */
#define LT_LIMIT_PATH_BYTES 4096u

#endif
