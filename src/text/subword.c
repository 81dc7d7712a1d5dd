/* SPDX-License-Identifier: Apache-2.0 */
#include "subword.h"

#include <base/mem.h>
#include <string.h>

/* Files from before types were written: only Unigram's vocabulary is a list of pairs. */
static const char *guess_type(yyjson_val *json)
{
    if (yyjson_is_arr(yyjson_obj_get(json, "vocab")))
        return "Unigram";
    if (yyjson_obj_get(json, "merges"))
        return "BPE";
    return "WordPiece";
}

lt_status lt_subword_open(yyjson_val *json, const char *file, lt_subword **out, lt_error *err)
{
    const lt_part where = {file, "model"};
    yyjson_val *named = yyjson_obj_get(json, "type");

    if (!yyjson_is_obj(json))
        return lt_fail(err, LT_EINVAL, "%s: 'model' %s", file,
                       json ? "is not an object" : "is missing");
    if (named && !yyjson_is_str(named))
        return lt_fail(err, LT_EINVAL, "%s: model: 'type' is not a string", file);
    const char *type = named ? yyjson_get_str(named) : guess_type(json);

    if (strcmp(type, "Unigram") == 0)
        return lt_unigram_open(json, &where, out, err);
    return lt_unsupported_type(&where, type, err);
}

void lt_subword_close(lt_subword *m)
{
    if (m)
        m->ops->close(m);
}

lt_status lt_tokens_add(lt_tokens *t, int64_t id, lt_error *err)
{
    int64_t *more = lt_grow(t->ids, t->n, &t->cap, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    t->ids = more;
    t->ids[t->n++] = id;
    return LT_OK;
}
