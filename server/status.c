/* SPDX-License-Identifier: Apache-2.0
 * lt codes as HTTP statuses, the two plain forms of an answer, and on what terms to embed. */
#include <base/error.h>
#include <base/mem.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

unsigned lt_http_status(lt_status st)
{
    switch (st) {
    case LT_OK:
        return 200;
    case LT_EINVAL:
    case LT_ELIMIT:
    case LT_EUNSUPPORTED:
        return 400;
    case LT_ENOTFOUND:
        return 404;
    case LT_EEXISTS:
    case LT_ECONFLICT:
        return 409;
    case LT_ECANCELED:
        return 408;
    case LT_EBUSY:
        return 503;
    case LT_ENOMEM:
    case LT_EIO:
    case LT_ECORRUPT:
    case LT_EVERSION:
    default:
        return 500;
    }
}

void lt_answer_json(lt_http_answer *a, unsigned status, yyjson_mut_doc *doc)
{
    size_t n = 0;
    char *text = doc ? yyjson_mut_write(doc, 0, &n) : NULL;

    yyjson_mut_doc_free(doc);
    lt_buf_clear(&a->body);
    a->content_type = "application/json";
    a->status = status;
    if (!text || lt_buf_add(&a->body, text, n, NULL) != LT_OK) {
        a->status = 500;
        a->content_type = NULL;
        lt_buf_clear(&a->body);
    }
    free(text);
}

void lt_answer_text(lt_http_answer *a, unsigned status, const char *text)
{
    lt_buf_clear(&a->body);
    a->status = status;
    a->content_type = "text/plain; charset=utf-8";
    if (lt_buf_adds(&a->body, text, NULL) != LT_OK)
        a->status = 500;
}

lt_embed_terms lt_service_terms(const lt_service *s, const lt_http_request *r)
{
    const char *nice = lt_http_query(r, "nice");

    return (lt_embed_terms){.deadline = r->arrived_s + s->config->deadline_s,
                            .nice = nice && strcmp(nice, "false") != 0};
}
