/* SPDX-License-Identifier: Apache-2.0 */
#include "shelf.h"

#include <base/error.h>
#include <base/mem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Freed when it is off the shelf and unused. */
struct lt_shelf_entry {
    char *name;
    lt_collection *collection; /* NULL: could not be opened, see `why` */
    lt_error why;
    unsigned users;       /* under lt_shelf.lock, as what follows */
    lt_shelf_usage usage;
};

struct lt_shelf {
    lt_db *db;
    pthread_mutex_t changes; /* held by who creates, deletes or renames; taken before `lock` */
    pthread_mutex_t lock;    /* guards what follows; held for moments */
    pthread_cond_t given_back;
    lt_shelf_entry **entries; /* sorted by name */
    size_t n_entries, cap;
    lt_alias *aliases; /* sorted */
    size_t n_aliases;
};

lt_db *lt_shelf_db(lt_shelf *s)
{
    return s->db;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The place of `name`, or where it would stand. Under the lock. */
static size_t place_of(const lt_shelf *s, const char *name, bool *found)
{
    size_t low = 0, high = s->n_entries;

    *found = false;
    while (low < high && !*found) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(s->entries[middle]->name, name);

        if (order < 0)
            low = middle + 1;
        else
            high = middle;
        if (order == 0) {
            *found = true;
            low = middle;
        }
    }
    return low;
}

static lt_shelf_entry *find(const lt_shelf *s, const char *name)
{
    bool found;
    size_t at = place_of(s, name, &found);

    if (found)
        return s->entries[at];
    for (size_t i = 0; i < s->n_aliases; i++) {
        if (strcmp(s->aliases[i].alias, name) != 0)
            continue;
        at = place_of(s, s->aliases[i].collection, &found);
        return found ? s->entries[at] : NULL;
    }
    return NULL;
}

lt_status lt_shelf_take(lt_shelf *s, const char *name, lt_shelf_entry **entry, lt_error *err)
{
    pthread_mutex_lock(&s->lock);
    lt_shelf_entry *e = find(s, name);

    if (e)
        e->users++;
    pthread_mutex_unlock(&s->lock);
    if (!e)
        return lt_fail(err, LT_ENOTFOUND, "Collection `%s` doesn't exist!", name);
    if (!e->collection) {
        lt_status st = lt_fail(err, e->why.code, "%s", e->why.message);

        lt_shelf_give(s, e);
        return st;
    }
    *entry = e;
    return LT_OK;
}

void lt_shelf_give(lt_shelf *s, lt_shelf_entry *entry)
{
    pthread_mutex_lock(&s->lock);
    if (--entry->users == 0)
        pthread_cond_broadcast(&s->given_back);
    pthread_mutex_unlock(&s->lock);
}

lt_collection *lt_shelf_collection(const lt_shelf_entry *entry)
{
    return entry->collection;
}

const char *lt_shelf_name(const lt_shelf_entry *entry)
{
    return entry->name;
}

void lt_shelf_count(lt_shelf *s, const char *name, unsigned status, uint64_t micros)
{
    unsigned class = status / 100;

    pthread_mutex_lock(&s->lock);
    lt_shelf_entry *e = find(s, name);

    if (e) {
        e->usage.by_class[class < 6 ? class : 5]++;
        e->usage.micros += micros;
    }
    pthread_mutex_unlock(&s->lock);
}

lt_shelf_usage lt_shelf_usage_of(lt_shelf *s, const lt_shelf_entry *entry)
{
    pthread_mutex_lock(&s->lock);
    lt_shelf_usage usage = entry->usage;

    pthread_mutex_unlock(&s->lock);
    return usage;
}

/* ---- putting on, taking off ------------------------------------------------------------------ */

static void free_entry(lt_shelf_entry *e)
{
    if (!e)
        return;
    lt_collection_close(e->collection);
    lt_free(e->name);
    lt_free(e);
}

/* Under the lock. */
static lt_status make_room(lt_shelf *s, lt_error *err)
{
    lt_shelf_entry **more = lt_grow(s->entries, s->n_entries, &s->cap, sizeof(lt_shelf_entry *));

    if (!more)
        return lt_fail_nomem(err);
    s->entries = more;
    return LT_OK;
}

/* Under the lock. Waits until nobody uses what nobody can find any more. */
static void await_users(lt_shelf *s, const lt_shelf_entry *e)
{
    while (e->users)
        pthread_cond_wait(&s->given_back, &s->lock);
}

/* In place of the one of that name, if there is one, which is closed. */
static lt_status put_on(lt_shelf *s, lt_shelf_entry *e, lt_error *err)
{
    lt_shelf_entry *old = NULL;
    bool found;

    pthread_mutex_lock(&s->lock);
    lt_status st = make_room(s, err);
    size_t at = place_of(s, e->name, &found);

    if (st == LT_OK && found) {
        old = s->entries[at];
        e->usage = old->usage;
        s->entries[at] = e;
        await_users(s, old);
    } else if (st == LT_OK) {
        memmove(s->entries + at + 1, s->entries + at,
                (s->n_entries - at) * sizeof(lt_shelf_entry *));
        s->entries[at] = e;
        s->n_entries++;
    }
    pthread_mutex_unlock(&s->lock);
    free_entry(old);
    return st;
}

/* Opens `name` and puts it on the shelf. `must`: what cannot be opened is an error. */
static lt_status open_one(lt_shelf *s, const char *name, bool must, lt_error *err)
{
    lt_shelf_entry *e = lt_calloc(1, sizeof *e);

    if (!e || !(e->name = lt_strdup(name))) {
        free_entry(e);
        return lt_fail_nomem(err);
    }
    lt_status st = lt_collection_open(s->db, name, &e->collection, &e->why);

    if (st != LT_OK && must && err)
        *err = e->why;
    if (st == LT_OK || !must)
        st = put_on(s, e, err);
    if (st != LT_OK)
        free_entry(e);
    return st;
}

/* Waits until nobody uses it. From then on nobody can find it. */
static lt_shelf_entry *take_off(lt_shelf *s, const char *name)
{
    lt_shelf_entry *e = NULL;
    bool found;

    pthread_mutex_lock(&s->lock);
    size_t at = place_of(s, name, &found);

    if (found) {
        e = s->entries[at];
        s->n_entries--;
        memmove(s->entries + at, s->entries + at + 1,
                (s->n_entries - at) * sizeof(lt_shelf_entry *));
        await_users(s, e);
    }
    pthread_mutex_unlock(&s->lock);
    return e;
}

static lt_status read_aliases(lt_shelf *s, lt_error *err)
{
    lt_alias *fresh = NULL;
    size_t n = 0;

    LT_TRY(lt_aliases_list(s->db, NULL, &fresh, &n, err));
    pthread_mutex_lock(&s->lock);
    lt_alias *old = s->aliases;
    size_t n_old = s->n_aliases;

    s->aliases = fresh;
    s->n_aliases = n;
    pthread_mutex_unlock(&s->lock);
    lt_aliases_free(old, n_old);
    return LT_OK;
}

static lt_status create(lt_shelf *s, const char *name, const char *json, size_t n_json,
                        lt_error *err)
{
    LT_TRY(lt_collection_create_json(s->db, name, json, n_json, err));
    return open_one(s, name, true, err);
}

lt_status lt_shelf_create(lt_shelf *s, const char *name, const char *json, size_t n_json,
                          lt_error *err)
{
    pthread_mutex_lock(&s->changes);
    lt_status st = create(s, name, json, n_json, err);

    pthread_mutex_unlock(&s->changes);
    return st;
}

static lt_status drop(lt_shelf *s, const char *name, bool *dropped, lt_error *err)
{
    lt_shelf_entry *e = take_off(s, name);

    *dropped = e != NULL;
    if (!e)
        return LT_OK;
    free_entry(e);
    lt_status st = lt_collection_drop(s->db, name, err);

    /* What could not be deleted is served on. */
    if (st != LT_OK)
        return open_one(s, name, false, NULL) == LT_OK ? st : lt_fail_nomem(err);
    return read_aliases(s, err);
}

lt_status lt_shelf_drop(lt_shelf *s, const char *name, bool *dropped, lt_error *err)
{
    pthread_mutex_lock(&s->changes);
    lt_status st = drop(s, name, dropped, err);

    pthread_mutex_unlock(&s->changes);
    return st;
}

static lt_status restore(lt_shelf *s, const char *name, const char *path, const char *sha256,
                         lt_error *err)
{
    pthread_mutex_lock(&s->lock);
    const lt_shelf_entry *there = find(s, name);
    LT_AUTOFREE char *own = lt_strdup(there ? there->name : name);

    pthread_mutex_unlock(&s->lock);
    if (!own)
        return lt_fail_nomem(err);
    LT_TRY(lt_snapshots_restore(s->db, own, path, sha256, err));
    return open_one(s, own, true, err);
}

lt_status lt_shelf_restore(lt_shelf *s, const char *name, const char *path, const char *sha256,
                           lt_error *err)
{
    pthread_mutex_lock(&s->changes);
    lt_status st = restore(s, name, path, sha256, err);

    pthread_mutex_unlock(&s->changes);
    return st;
}

lt_status lt_shelf_alias(lt_shelf *s, const lt_alias_action *actions, size_t n_actions,
                         lt_error *err)
{
    pthread_mutex_lock(&s->changes);
    lt_status st = lt_aliases_change(s->db, actions, n_actions, err);

    if (st == LT_OK)
        st = read_aliases(s, err);
    pthread_mutex_unlock(&s->changes);
    return st;
}

lt_status lt_shelf_each(lt_shelf *s, lt_shelf_visit visit, void *context, lt_error *err)
{
    lt_status st = LT_OK;

    pthread_mutex_lock(&s->lock);
    size_t n = s->n_entries;
    lt_shelf_entry **held = lt_calloc(n + 1, sizeof(lt_shelf_entry *));

    for (size_t i = 0; held && i < n; i++) {
        held[i] = s->entries[i];
        held[i]->users++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!held)
        return lt_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        if (st == LT_OK)
            st = visit(context, held[i], err);
        lt_shelf_give(s, held[i]);
    }
    lt_free(held);
    return st;
}

/* ---- opening --------------------------------------------------------------------------------- */

static lt_status open_all(lt_shelf *s, lt_error *err)
{
    char **names = NULL;
    size_t n = 0;
    lt_status st = lt_collection_list(s->db, &names, &n, err);

    for (size_t i = 0; i < n && st == LT_OK; i++)
        st = open_one(s, names[i], false, err);
    lt_names_free(names, n);
    return st == LT_OK ? read_aliases(s, err) : st;
}

lt_status lt_shelf_open(const char *path, lt_shelf **out, lt_error *err)
{
    lt_shelf *s = lt_calloc(1, sizeof *s);

    if (!s)
        return lt_fail_nomem(err);
    pthread_mutex_init(&s->changes, NULL);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->given_back, NULL);
    lt_status st = lt_db_open(path, NULL, &s->db, err);

    if (st == LT_OK)
        st = open_all(s, err);
    if (st != LT_OK) {
        lt_shelf_close(s);
        return st;
    }
    *out = s;
    return LT_OK;
}

void lt_shelf_close(lt_shelf *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_entries; i++)
        free_entry(s->entries[i]);
    lt_free(s->entries);
    lt_aliases_free(s->aliases, s->n_aliases);
    lt_db_close(s->db);
    pthread_cond_destroy(&s->given_back);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->changes);
    lt_free(s);
}
