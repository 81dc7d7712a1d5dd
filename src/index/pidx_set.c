/* SPDX-License-Identifier: Apache-2.0
 * States carry the number of their commit. With `lock` held for reading, the indexes are those of
 * number `newest` once `applied` says so too; during a commit they are between two numbers, and the
 * slots it changes are in `stale` already. A reader whose state is not the newest, or who comes
 * during a commit, looks at the stale slots itself. */
#include "pidx_set.h"

#include <base/error.h>
#include <base/mem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "pidx_parts.h"

enum { AT_ONCE = 256 }; /* changes made under one hold of the lock */

typedef enum phase { UNBUILT, BUILDING, BUILT } phase;

typedef struct index_set {
    atomic_int refs; /* of states */
    pthread_rwlock_t lock; /* guards all below */
    phase phase;
    uint64_t newest;   /* number of the last state made */
    bool settled;      /* no commit is half applied */
    uint64_t oldest;   /* states before it cannot be answered for */
    uint64_t build;    /* number of the build that was begun last */
    lt_pidx **indexes; /* NULL unless built */
    roaring_bitmap_t *stale;
    lt_pidx_change *log; /* what was committed while it is built; owns its texts */
    size_t n_log, cap_log;
    /* Set once: */
    size_t n_fields;
    lt_payload_field *fields[];
} index_set;

struct lt_pidx_state {
    atomic_int refs;
    uint64_t number;
    index_set *set;
};

struct lt_pidx_builder {
    lt_pidx **indexes;
    size_t n;
};

/* ---- the set --------------------------------------------------------------------------------- */

static void free_indexes(lt_pidx **indexes, size_t n)
{
    for (size_t i = 0; indexes && i < n; i++)
        lt_pidx_free(indexes[i]);
    lt_free(indexes);
}

static lt_status new_indexes(const index_set *set, lt_pidx ***out, lt_error *err)
{
    lt_pidx **indexes = lt_calloc(set->n_fields, sizeof *indexes);
    lt_status st = indexes ? LT_OK : lt_fail_nomem(err);

    for (size_t i = 0; i < set->n_fields && st == LT_OK; i++)
        st = lt_pidx_new(set->fields[i], &indexes[i], err);
    if (st != LT_OK) {
        free_indexes(indexes, set->n_fields);
        return st;
    }
    *out = indexes;
    return LT_OK;
}

static void clear_log(index_set *set)
{
    for (size_t i = 0; i < set->n_log; i++) {
        lt_free((char *)(uintptr_t)set->log[i].old_payload);
        lt_free((char *)(uintptr_t)set->log[i].new_payload);
    }
    lt_free(set->log);
    set->log = NULL;
    set->n_log = set->cap_log = 0;
}

/* Back to the start; whoever needs it builds it again. The lock is held for writing. */
static void reset(index_set *set)
{
    free_indexes(set->indexes, set->n_fields);
    set->indexes = NULL;
    set->phase = UNBUILT;
    clear_log(set);
    roaring_bitmap_clear(set->stale);
}

static void unref_set(index_set *set)
{
    if (atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    if (set->stale)
        reset(set);
    for (size_t i = 0; i < set->n_fields; i++)
        lt_payload_field_unref(set->fields[i]);
    if (set->stale)
        roaring_bitmap_free(set->stale);
    pthread_rwlock_destroy(&set->lock);
    lt_free(set);
}

static lt_status new_set(lt_payload_field *const *fields, size_t n, index_set **out, lt_error *err)
{
    index_set *set = lt_calloc(1, sizeof *set + n * sizeof *set->fields);
    pthread_rwlockattr_t kind;

    if (!set)
        return lt_fail_nomem(err);
    atomic_init(&set->refs, 1);
    /* Readers that keep coming must not keep a commit out. */
    pthread_rwlockattr_init(&kind);
    pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&set->lock, &kind);
    pthread_rwlockattr_destroy(&kind);
    set->settled = true;
    set->n_fields = n;
    for (size_t i = 0; i < n; i++)
        set->fields[i] = lt_payload_field_ref(fields[i]);
    set->stale = roaring_bitmap_create();
    if (!set->stale) {
        unref_set(set);
        return lt_fail_nomem(err);
    }
    *out = set;
    return LT_OK;
}

/* ---- states ---------------------------------------------------------------------------------- */

/* Takes over the reference to the set. */
static lt_status new_state(index_set *set, uint64_t number, lt_pidx_state **out, lt_error *err)
{
    lt_pidx_state *s = lt_malloc(sizeof *s);

    if (!s) {
        unref_set(set);
        return lt_fail_nomem(err);
    }
    atomic_init(&s->refs, 1);
    s->number = number;
    s->set = set;
    *out = s;
    return LT_OK;
}

lt_status lt_pidx_state_new(lt_payload_field *const *fields, size_t n_fields, lt_pidx_state **out,
                            lt_error *err)
{
    index_set *set = NULL;

    LT_TRY(new_set(fields, n_fields, &set, err));
    return new_state(set, 0, out, err);
}

lt_pidx_state *lt_pidx_state_ref(lt_pidx_state *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void lt_pidx_state_unref(lt_pidx_state *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    unref_set(s->set);
    lt_free(s);
}

const lt_payload_field *lt_pidx_state_field(void *state, const char *path)
{
    const lt_pidx_state *s = state;

    for (size_t i = 0; i < s->set->n_fields; i++)
        if (strcmp(s->set->fields[i]->path, path) == 0)
            return s->set->fields[i];
    return NULL;
}

size_t lt_pidx_state_n_fields(const lt_pidx_state *s)
{
    return s->set->n_fields;
}

const lt_payload_field *lt_pidx_state_field_at(const lt_pidx_state *s, size_t i)
{
    return s->set->fields[i];
}

bool lt_pidx_state_is_built(lt_pidx_state *s)
{
    pthread_rwlock_rdlock(&s->set->lock);
    bool built = s->set->phase == BUILT && s->number >= s->set->oldest;

    pthread_rwlock_unlock(&s->set->lock);
    return built;
}

bool lt_pidx_state_count(lt_pidx_state *s, size_t i, size_t *n_points, bool *exact)
{
    index_set *set = s->set;

    pthread_rwlock_rdlock(&set->lock);
    bool built = set->phase == BUILT && i < set->n_fields;

    if (built)
        *n_points = lt_pidx_n_points(set->indexes[i]);
    if (exact)
        *exact = set->settled && set->newest == s->number;
    pthread_rwlock_unlock(&set->lock);
    return built;
}

size_t lt_pidx_state_bytes(lt_pidx_state *s)
{
    index_set *set = s->set;
    size_t bytes = sizeof *set;

    pthread_rwlock_rdlock(&set->lock);
    for (size_t i = 0; set->phase == BUILT && i < set->n_fields; i++)
        bytes += lt_pidx_bytes(set->indexes[i]);
    pthread_rwlock_unlock(&set->lock);
    return bytes;
}

/* ---- commits --------------------------------------------------------------------------------- */

/* Payloads that are no JSON have no values: adding and removing agree on that. */
static lt_status change_point(lt_pidx **indexes, size_t n_indexes, const lt_pidx_change *c,
                              lt_error *err)
{
    yyjson_doc *old = c->old_payload ? yyjson_read(c->old_payload, c->old_len, 0) : NULL;
    yyjson_doc *new = c->new_payload ? yyjson_read(c->new_payload, c->new_len, 0) : NULL;
    lt_status st = LT_OK;

    for (size_t i = 0; i < n_indexes && st == LT_OK; i++) {
        if (c->old_slot != LT_PIDX_NO_SLOT)
            lt_pidx_remove(indexes[i], c->old_slot, yyjson_doc_get_root(old));
        if (c->new_slot != LT_PIDX_NO_SLOT)
            st = lt_pidx_add(indexes[i], c->new_slot, yyjson_doc_get_root(new), err);
    }
    yyjson_doc_free(old);
    yyjson_doc_free(new);
    return st;
}

static lt_status copy_text(const char *text, size_t n, const char **out)
{
    *out = text ? lt_strndup(text, n) : NULL;
    return text && !*out ? LT_ENOMEM : LT_OK;
}

static lt_status log_change(index_set *set, const lt_pidx_change *c)
{
    lt_pidx_change *more = lt_grow(set->log, set->n_log, &set->cap_log, sizeof *more);

    if (!more)
        return LT_ENOMEM;
    set->log = more;
    lt_pidx_change *copy = &set->log[set->n_log++];

    *copy = *c;
    copy->old_payload = copy->new_payload = NULL;
    LT_TRY(copy_text(c->old_payload, c->old_len, &copy->old_payload));
    return copy_text(c->new_payload, c->new_len, &copy->new_payload);
}

/* Only one state is in use: the newest, which the commit follows. */
static bool alone(index_set *set)
{
    return atomic_load(&set->refs) == 1;
}

/* What the commit will change is stale from now on for all but its own state. */
static void announce(index_set *set, const lt_pidx_change *changes, size_t n)
{
    pthread_rwlock_wrlock(&set->lock);
    if (set->phase == BUILT && alone(set))
        roaring_bitmap_clear(set->stale);
    set->newest++;
    set->settled = false;
    for (size_t i = 0; set->phase != UNBUILT && i < n; i++) {
        if (changes[i].old_slot != LT_PIDX_NO_SLOT)
            roaring_bitmap_add(set->stale, changes[i].old_slot);
        if (changes[i].new_slot != LT_PIDX_NO_SLOT)
            roaring_bitmap_add(set->stale, changes[i].new_slot);
    }
    pthread_rwlock_unlock(&set->lock);
}

/* Some hundred changes; an index that cannot take one is given up rather than the commit. */
static void apply_some(index_set *set, const lt_pidx_change *changes, size_t n)
{
    lt_status st = LT_OK;

    pthread_rwlock_wrlock(&set->lock);
    for (size_t i = 0; i < n && st == LT_OK; i++) {
        if (set->phase == BUILT)
            st = change_point(set->indexes, set->n_fields, &changes[i], NULL);
        else if (set->phase == BUILDING)
            st = log_change(set, &changes[i]);
    }
    if (st != LT_OK)
        reset(set);
    pthread_rwlock_unlock(&set->lock);
}

lt_status lt_pidx_state_next(lt_pidx_state *old, const lt_pidx_change *changes, size_t n_changes,
                             lt_pidx_state **out, lt_error *err)
{
    index_set *set = old->set;
    lt_pidx_state *s = NULL;

    if (n_changes == 0 && old->number == set->newest) {
        *out = lt_pidx_state_ref(old);
        return LT_OK;
    }
    if (old->number != set->newest) { /* the set has what was never committed */
        pthread_rwlock_wrlock(&set->lock);
        reset(set);
        pthread_rwlock_unlock(&set->lock);
    }
    announce(set, changes, n_changes);
    for (size_t i = 0; i < n_changes; i += AT_ONCE)
        apply_some(set, changes + i, n_changes - i < AT_ONCE ? n_changes - i : AT_ONCE);
    pthread_rwlock_wrlock(&set->lock);
    set->settled = true;
    pthread_rwlock_unlock(&set->lock);
    atomic_fetch_add(&set->refs, 1);
    LT_TRY(new_state(set, set->newest, &s, err));
    *out = s;
    return LT_OK;
}

/* ---- building -------------------------------------------------------------------------------- */

lt_status lt_pidx_builder_add(lt_pidx_builder *b, uint32_t slot, yyjson_val *payload, lt_error *err)
{
    for (size_t i = 0; i < b->n; i++)
        LT_TRY(lt_pidx_add(b->indexes[i], slot, payload, err));
    return LT_OK;
}

/* From here on commits are written down. The number of the build, or 0: there is none to do. */
static uint64_t begin_build(lt_pidx_state *s)
{
    index_set *set = s->set;

    pthread_rwlock_wrlock(&set->lock);
    /* A state that is not the newest could not be caught up with: what came since is unknown. */
    bool mine = set->phase == UNBUILT && s->number == set->newest && set->settled;

    if (mine)
        set->phase = BUILDING;
    uint64_t build = mine ? ++set->build : 0;

    pthread_rwlock_unlock(&set->lock);
    return build;
}

/* Whether a build goes on: the set may have been reset, and another build begun. */
static bool goes_on(const index_set *set, uint64_t build)
{
    return set->phase == BUILDING && set->build == build;
}

/* Catches up with the commits since, and hands the indexes over. */
static lt_status end_build(lt_pidx_state *s, uint64_t build, lt_pidx **indexes, lt_error *err)
{
    index_set *set = s->set;
    lt_status st = LT_OK;

    pthread_rwlock_wrlock(&set->lock);
    bool mine = goes_on(set, build);

    for (size_t i = 0; mine && i < set->n_log && st == LT_OK; i++)
        st = change_point(indexes, set->n_fields, &set->log[i], err);
    if (mine && st == LT_OK) {
        set->indexes = indexes;
        set->phase = BUILT;
        set->oldest = s->number;
        clear_log(set);
    } else if (mine) {
        reset(set);
    }
    pthread_rwlock_unlock(&set->lock);
    if (!mine || st != LT_OK)
        free_indexes(indexes, set->n_fields);
    return st;
}

lt_status lt_pidx_state_build(lt_pidx_state *s, lt_pidx_each_point each, void *context,
                              lt_error *err)
{
    index_set *set = s->set;
    lt_pidx_builder b = {.n = set->n_fields};

    uint64_t build = set->n_fields ? begin_build(s) : 0;

    if (!build)
        return LT_OK;
    lt_status st = new_indexes(set, &b.indexes, err);

    if (st == LT_OK)
        st = each(context, &b, err);
    if (st == LT_OK)
        return end_build(s, build, b.indexes, err);
    free_indexes(b.indexes, b.n);
    pthread_rwlock_wrlock(&set->lock);
    if (goes_on(set, build))
        reset(set);
    pthread_rwlock_unlock(&set->lock);
    return st;
}

/* ---- answers --------------------------------------------------------------------------------- */

typedef struct asking {
    const lt_pidx_state *state;
    const lt_pidx_source *source;
    bool usable;
} asking;

/* Whether the indexes can answer for the state; the lock is held. */
static bool usable(const lt_pidx_state *s)
{
    return s->set->phase == BUILT && s->number >= s->set->oldest;
}

/* Whether the stale slots have to be looked at. */
static bool is_behind(const lt_pidx_state *s)
{
    return s->number != s->set->newest || !s->set->settled;
}

static const lt_pidx *index_at(const lt_pidx_state *s, const char *path)
{
    for (size_t i = 0; i < s->set->n_fields; i++)
        if (strcmp(s->set->fields[i]->path, path) == 0)
            return s->set->indexes[i];
    return NULL;
}

static const lt_pidx *ask_index(void *context, const char *path)
{
    const asking *a = context;

    return a->usable ? index_at(a->state, path) : NULL;
}

static bool ask_slot(void *context, const lt_id *id, uint32_t *slot)
{
    const asking *a = context;

    return a->source->slot_of(a->source->context, id, slot);
}

static const uint64_t *ask_having(void *context, const char *vector)
{
    const asking *a = context;

    return a->source->having(a->source->context, vector);
}

/* Neither sure nor out of question: what the index may know otherwise. */
static lt_status doubt_stale(const index_set *set, const lt_pidx_source *source, uint64_t *sure,
                             uint64_t *possible, lt_error *err)
{
    size_t n_words = lt_bits_words(source->n_slots);
    LT_AUTOFREE uint64_t *stale = lt_calloc(n_words, sizeof *stale);

    if (!stale)
        return lt_fail_nomem(err);
    lt_roaring_mark(set->stale, stale, source->n_slots);
    lt_bits_and(stale, source->living, n_words);
    lt_bits_or(possible, stale, n_words);
    lt_bits_and_not(sure, stale, n_words);
    return LT_OK;
}

lt_status lt_pidx_state_select(lt_pidx_state *s, const lt_filter *filter,
                               const lt_filter_binding *binding, const lt_pidx_source *source,
                               uint64_t *sure, uint64_t *possible, lt_pidx_explain *explain,
                               lt_error *err)
{
    asking a = {s, source, false};
    lt_pidx_source asked = {.n_slots = source->n_slots,
                            .living = source->living,
                            .index_at = ask_index,
                            .slot_of = source->slot_of ? ask_slot : NULL,
                            .having = source->having ? ask_having : NULL,
                            .context = &a};

    pthread_rwlock_rdlock(&s->set->lock);
    a.usable = usable(s);
    lt_status st = lt_pidx_select(filter, binding, &asked, sure, possible, explain, err);

    if (st == LT_OK && a.usable && is_behind(s))
        st = doubt_stale(s->set, source, sure, possible, err);
    pthread_rwlock_unlock(&s->set->lock);
    return st;
}

lt_estimate lt_pidx_state_estimate(lt_pidx_state *s, const lt_filter *filter,
                                   const lt_filter_binding *binding, size_t n_points)
{
    lt_pidx_source source = {.n_slots = 0};
    asking a = {s, &source, false};
    lt_pidx_source asked = {.index_at = ask_index, .context = &a};

    pthread_rwlock_rdlock(&s->set->lock);
    a.usable = usable(s);
    lt_estimate e = lt_pidx_estimate(filter, binding, &asked, n_points);

    if (a.usable && is_behind(s)) {
        size_t stale = (size_t)roaring_bitmap_get_cardinality(s->set->stale);

        e.min = e.min > stale ? e.min - stale : 0;
        e.max = e.max + stale < n_points ? e.max + stale : n_points;
    }
    pthread_rwlock_unlock(&s->set->lock);
    return e;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Splits `bits` into what the index may be asked about (*known, to be freed) and what not. */
static lt_status split_known(const lt_pidx_state *s, const uint64_t *bits, size_t n_slots,
                             uint64_t *look, uint64_t **known, lt_error *err)
{
    size_t n_words = lt_bits_words(n_slots);

    *known = lt_malloc(n_words * sizeof **known);
    if (!*known)
        return lt_fail_nomem(err);
    memset(look, 0, n_words * sizeof *look);
    if (is_behind(s))
        lt_roaring_mark(s->set->stale, look, n_slots);
    lt_bits_and(look, bits, n_words);
    memcpy(*known, bits, n_words * sizeof **known);
    lt_bits_and_not(*known, look, n_words);
    return LT_OK;
}

static lt_status find_index(const lt_pidx_state *s, const char *path, const lt_pidx **out,
                            lt_error *err)
{
    if (!usable(s))
        return lt_fail(err, LT_EUNSUPPORTED, "the payload indexes are not built");
    *out = index_at(s, path);
    return *out ? LT_OK : lt_fail(err, LT_ENOTFOUND, "no payload index at '%.80s'", path);
}

lt_status lt_pidx_state_facet(lt_pidx_state *s, const char *path, const uint64_t *bits,
                              size_t n_slots, lt_facet_visit visit, void *context, uint64_t *look,
                              lt_error *err)
{
    LT_AUTOFREE uint64_t *known = NULL;
    const lt_pidx *x = NULL;

    pthread_rwlock_rdlock(&s->set->lock);
    lt_status st = find_index(s, path, &x, err);

    if (st == LT_OK)
        st = split_known(s, bits, n_slots, look, &known, err);
    if (st == LT_OK)
        st = lt_pidx_facet(x, known, n_slots, visit, context, err);
    pthread_rwlock_unlock(&s->set->lock);
    return st;
}

typedef struct walking {
    const uint64_t *known;
    size_t n_slots;
    lt_walk_visit visit;
    void *context;
} walking;

static bool visit_known(void *context, const lt_index_value *value, uint32_t slot)
{
    const walking *w = context;

    return slot >= w->n_slots || !lt_bits_has(w->known, slot) || w->visit(w->context, value, slot);
}

lt_status lt_pidx_state_walk(lt_pidx_state *s, const char *path, bool descending,
                             const lt_index_value *from, const uint64_t *bits, size_t n_slots,
                             lt_walk_visit visit, void *context, uint64_t *look, lt_error *err)
{
    LT_AUTOFREE uint64_t *known = NULL;
    const lt_pidx *x = NULL;

    pthread_rwlock_rdlock(&s->set->lock);
    lt_status st = find_index(s, path, &x, err);

    if (st == LT_OK && !lt_pidx_is_ordered(x))
        st = lt_fail(err, LT_EINVAL, "the index at '%.80s' has no order", path);
    if (st == LT_OK)
        st = split_known(s, bits, n_slots, look, &known, err);
    if (st == LT_OK) {
        walking w = {known, n_slots, visit, context};

        lt_pidx_walk(x, descending, from, visit_known, &w);
    }
    pthread_rwlock_unlock(&s->set->lock);
    return st;
}
