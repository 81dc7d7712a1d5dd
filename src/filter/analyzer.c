/* SPDX-License-Identifier: Apache-2.0
 * Words are runs of alphanumeric characters; "whitespace" splits at white space alone;
 * "multilingual" makes a token of each character of the scripts that are written without blanks
 * (no dictionary is used), so that a query finds them in a row. Each word is then folded, lowered,
 * held against the stop words, stemmed and measured, in this order. */
#include <base/error.h>
#include <base/limits.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <libstemmer.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "analyzer.h"
#include "stopwords.h"

typedef enum splitting { BY_WORD, BY_BLANKS, BY_PREFIX, BY_SCRIPT } splitting;

struct lt_analyzer {
    splitting split;
    bool lowercase, fold;
    size_t min_chars, max_chars; /* of a token; max 0: no bound */
    char **stop;                 /* sorted */
    size_t n_stop, cap_stop;
    struct sb_stemmer *stemmer;
    /* Guards the stemmer, which works in a buffer of its own. */
    pthread_mutex_t stemming;
};

typedef struct word {
    char bytes[LT_LIMIT_TOKEN_BYTES];
    size_t n;
} word;

/* ---- characters ------------------------------------------------------------------------------ */

/* Near enough to Unicode's Alphabetic or numeric: letters, numbers, the vowel signs of scripts that
 * need them; no accents that stand alone. */
static bool is_alphanumeric(uint32_t cp)
{
    const utf8proc_property_t *p;

    if (cp < 0x80)
        return (cp >= '0' && cp <= '9') || ((cp | 32) >= 'a' && (cp | 32) <= 'z');
    p = utf8proc_get_property((utf8proc_int32_t)cp);
    switch (p->category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_MC:
        return true;
    case UTF8PROC_CATEGORY_MN:
        return !(cp >= 0xfe00 && cp <= 0xfe0f) &&
               (p->combining_class == 0 || (p->combining_class >= 10 && p->combining_class <= 36));
    default:
        return false;
    }
}

static bool is_blank(uint32_t cp)
{
    return cp == ' ' || (cp >= 9 && cp <= 13) || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
           cp == 0x205f || cp == 0x3000;
}

/* Scripts written without blanks: Thai and Lao, Myanmar, Khmer, kana, Han, and their extensions. */
static bool is_unspaced(uint32_t cp)
{
    return (cp >= 0x0e00 && cp <= 0x0eff) || (cp >= 0x1000 && cp <= 0x109f) ||
           (cp >= 0x1780 && cp <= 0x17ff) || (cp >= 0x3040 && cp <= 0x30ff) ||
           (cp >= 0x31f0 && cp <= 0x31ff) || (cp >= 0x3400 && cp <= 0x4dbf) ||
           (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0xf900 && cp <= 0xfaff) ||
           (cp >= 0xff66 && cp <= 0xff9f) || (cp >= 0x20000 && cp <= 0x3ffff);
}

static bool is_mark(uint32_t cp)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);

    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC;
}

static size_t count_chars(const char *s, size_t n)
{
    size_t chars = 0;

    for (size_t i = 0; i < n; i++)
        chars += ((unsigned char)s[i] & 0xc0) != 0x80;
    return chars;
}

/* Bytes of the first `chars` characters. */
static size_t bytes_of_chars(const char *s, size_t n, size_t chars)
{
    size_t i = 0;

    while (i < n && (chars > 0 || ((unsigned char)s[i] & 0xc0) == 0x80)) {
        chars -= ((unsigned char)s[i] & 0xc0) != 0x80;
        i++;
    }
    return i;
}

/* ---- one word to its token ------------------------------------------------------------------- */

static void put_bytes(word *w, const char *s, size_t n)
{
    if (w->n + n <= sizeof w->bytes) {
        memcpy(w->bytes + w->n, s, n);
        w->n += n;
    }
}

static void set_bytes(word *w, const char *s, size_t n)
{
    w->n = 0;
    put_bytes(w, s, n);
}

static void put_char(word *w, uint32_t cp)
{
    char utf8[4];

    put_bytes(w, utf8, lt_utf8_encode(cp, utf8));
}

/* Letters whose accent is part of them, so that no decomposition takes it off. */
static const char *fold_letter(uint32_t cp)
{
    static const struct {
        uint32_t cp;
        const char *ascii;
    } letters[] = {
        {0xc6, "AE"},  {0xd0, "D"},   {0xd8, "O"},   {0xde, "TH"},  {0xdf, "ss"},  {0xe6, "ae"},
        {0xf0, "d"},   {0xf8, "o"},   {0xfe, "th"},  {0x110, "D"},  {0x111, "d"},  {0x126, "H"},
        {0x127, "h"},  {0x131, "i"},  {0x132, "IJ"}, {0x133, "ij"}, {0x138, "q"},  {0x13f, "L"},
        {0x140, "l"},  {0x141, "L"},  {0x142, "l"},  {0x149, "'n"}, {0x14a, "N"},  {0x14b, "n"},
        {0x152, "OE"}, {0x153, "oe"}, {0x166, "T"},  {0x167, "t"},  {0x17f, "s"},  {0x180, "b"},
        {0x189, "D"},  {0x192, "f"},  {0x197, "I"},  {0x19a, "l"},  {0x1b5, "Z"},  {0x1b6, "z"},
        {0x1e4, "G"},  {0x1e5, "g"},  {0x23d, "L"},  {0x23e, "T"},  {0x1e9e, "SS"},
    };

    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (letters[i].cp == cp)
            return letters[i].ascii;
    return NULL;
}

/* An accented Latin letter loses its accents, any other character stays. */
static void put_folded(word *w, uint32_t cp)
{
    utf8proc_int32_t parts[32];
    const char *ascii = fold_letter(cp);
    int boundary = 0;

    if (ascii) {
        put_bytes(w, ascii, strlen(ascii));
        return;
    }
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, parts, 32,
                                                 UTF8PROC_DECOMPOSE, &boundary);

    if (cp >= 0x80 && n > 0 && n <= 32 && parts[0] < 0x80)
        put_char(w, (uint32_t)parts[0]);
    else if (!(cp >= 0x300 && cp <= 0x36f)) /* accents that stand alone vanish */
        put_char(w, cp);
}

/* U+0130 is the one letter whose lower case is two characters. */
static void put_lower(word *w, uint32_t cp)
{
    if (cp == 0x130)
        put_bytes(w, "i\xcc\x87", 3);
    else
        put_char(w, (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp));
}

static void map_chars(const char *s, size_t n, word *out, void (*put)(word *, uint32_t))
{
    uint32_t cp;

    out->n = 0;
    for (size_t i = 0; i < n;) {
        i += lt_utf8_decode(s + i, n - i, &cp, NULL);
        put(out, cp);
    }
}

/* A sigma that ends a word has a form of its own. */
static void lower_word(word *w)
{
    bool sigma = w->n > 2 && memcmp(w->bytes + w->n - 2, "\xce\xa3", 2) == 0;
    word lower;

    map_chars(w->bytes, w->n, &lower, put_lower);
    set_bytes(w, lower.bytes, lower.n);
    if (sigma && w->n > 2 && memcmp(w->bytes + w->n - 2, "\xcf\x83", 2) == 0)
        w->bytes[w->n - 1] = '\x82';
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_stop_word(const lt_analyzer *a, const word *w)
{
    char text[LT_LIMIT_TOKEN_BYTES + 1];
    const char *key = text;

    if (a->n_stop == 0)
        return false;
    memcpy(text, w->bytes, w->n);
    text[w->n] = '\0';
    return bsearch(&key, a->stop, a->n_stop, sizeof *a->stop, compare_words) != NULL;
}

static void stem(const lt_analyzer *a, word *w)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&a->stemming;

    if (!a->stemmer)
        return;
    pthread_mutex_lock(lock);
    const sb_symbol *s = sb_stemmer_stem(a->stemmer, (const sb_symbol *)w->bytes, (int)w->n);
    int n = s ? sb_stemmer_length(a->stemmer) : -1;

    if (n >= 0 && (size_t)n <= sizeof w->bytes) {
        memcpy(w->bytes, s, (size_t)n);
        w->n = (size_t)n;
    }
    pthread_mutex_unlock(lock);
}

/* false: a stop word, or nothing is left of it. */
static bool make_token(const lt_analyzer *a, const char *s, size_t n, word *w)
{
    word other;

    if (n > sizeof w->bytes) { /* cut between characters */
        n = sizeof w->bytes;
        while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
            n--;
    }
    set_bytes(w, s, n);
    if (a->fold) {
        map_chars(w->bytes, w->n, &other, put_folded);
        set_bytes(w, other.bytes, other.n);
    }
    if (a->lowercase)
        lower_word(w);
    if (is_stop_word(a, w))
        return false;
    stem(a, w);
    return w->n > 0;
}

/* ---- splitting ------------------------------------------------------------------------------- */

typedef struct walk {
    const lt_analyzer *a;
    bool is_query;
    lt_token_visit visit;
    void *context;
} walk;

static bool visit_prefixes(const walk *k, const word *w)
{
    size_t chars = count_chars(w->bytes, w->n);
    size_t min = k->a->min_chars ? k->a->min_chars : 1;
    size_t max = k->a->max_chars && k->a->max_chars < chars ? k->a->max_chars : chars;

    for (size_t len = k->is_query ? max : min; len <= max; len++) {
        if (len >= min &&
            !k->visit(k->context, w->bytes, bytes_of_chars(w->bytes, w->n, len)))
            return false;
    }
    return true;
}

static bool visit_word(const walk *k, const char *s, size_t n)
{
    const lt_analyzer *a = k->a;
    word w;

    if (n == 0 || !make_token(a, s, n, &w))
        return true;
    if (a->split == BY_PREFIX)
        return visit_prefixes(k, &w);
    size_t chars = a->min_chars || a->max_chars ? count_chars(w.bytes, w.n) : 0;

    if ((a->min_chars && chars < a->min_chars) || (a->max_chars && chars > a->max_chars))
        return true;
    return k->visit(k->context, w.bytes, w.n);
}

bool lt_analyzer_each(const lt_analyzer *a, const char *text, size_t n, bool is_query,
                      lt_token_visit visit, void *context)
{
    walk k = {a, is_query, visit, context};
    size_t start = 0, i = 0;
    bool unspaced_word = false; /* the word at `start` is a character of an unspaced script */

    while (i < n) {
        uint32_t cp;
        size_t len = lt_utf8_decode(text + i, n - i, &cp, NULL);
        bool in_word = a->split == BY_BLANKS ? !is_blank(cp) : is_alphanumeric(cp);
        bool alone = a->split == BY_SCRIPT && in_word && is_unspaced(cp);
        bool joins = unspaced_word ? alone && is_mark(cp) : !alone;

        if (!in_word || !joins) {
            if (!visit_word(&k, text + start, i - start))
                return false;
            start = in_word ? i : i + len;
            unspaced_word = alone;
        }
        i += len;
    }
    return visit_word(&k, text + start, n - start);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static lt_status bad_param(lt_error *err, const char *name, const char *want, yyjson_val *got)
{
    return lt_fail(err, LT_EINVAL, "text index: '%s' must be %s, not %s", name, want,
                   yyjson_get_type_desc(got));
}

static lt_status read_flag(yyjson_val *params, const char *name, bool *out, lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(params, name);

    if (!v || yyjson_is_null(v))
        return LT_OK;
    if (!yyjson_is_bool(v))
        return bad_param(err, name, "true or false", v);
    *out = yyjson_get_bool(v);
    return LT_OK;
}

static lt_status read_length(yyjson_val *params, const char *name, size_t *out, lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(params, name);

    if (!v || yyjson_is_null(v))
        return LT_OK;
    if (!yyjson_is_uint(v))
        return bad_param(err, name, "a number of characters", v);
    *out = yyjson_get_uint(v) > LT_LIMIT_TOKEN_BYTES ? LT_LIMIT_TOKEN_BYTES
                                                     : (size_t)yyjson_get_uint(v);
    return LT_OK;
}

static lt_status read_tokenizer(yyjson_val *params, lt_analyzer *a, lt_error *err)
{
    static const char *const names[] = {"word", "whitespace", "prefix", "multilingual"};
    yyjson_val *v = yyjson_obj_get(params, "tokenizer");

    if (!v || yyjson_is_null(v))
        return LT_OK;
    for (size_t i = 0; i < 4; i++) {
        if (yyjson_equals_str(v, names[i])) {
            a->split = (splitting)i;
            return LT_OK;
        }
    }
    return lt_fail(err, LT_EINVAL,
                   "text index: unknown tokenizer '%.40s' (known: word, whitespace, prefix, "
                   "multilingual)",
                   yyjson_is_str(v) ? yyjson_get_str(v) : yyjson_get_type_desc(v));
}

static lt_status add_stop_word(lt_analyzer *a, const char *s, size_t n, lt_error *err)
{
    word w, folded;

    if (n > sizeof w.bytes)
        return lt_fail(err, LT_ELIMIT, "text index: a stop word has more than %u bytes",
                       LT_LIMIT_TOKEN_BYTES);
    char **more = lt_grow(a->stop, a->n_stop, &a->cap_stop, sizeof *more);

    if (!more)
        return lt_fail_nomem(err);
    a->stop = more;
    /* Words meet the list after they were folded and lowered, so the list is too. */
    set_bytes(&w, s, n);
    if (a->fold) {
        map_chars(s, n, &folded, put_folded);
        set_bytes(&w, folded.bytes, folded.n);
    }
    if (a->lowercase)
        lower_word(&w);
    a->stop[a->n_stop] = lt_strndup(w.bytes, w.n);
    if (!a->stop[a->n_stop])
        return lt_fail_nomem(err);
    a->n_stop++;
    return LT_OK;
}

static lt_status add_language(lt_analyzer *a, yyjson_val *language, lt_error *err)
{
    if (!yyjson_is_str(language))
        return bad_param(err, "stopwords", "names of languages", language);
    const char *words = lt_stopwords_of(yyjson_get_str(language));

    if (!words)
        return lt_fail(err, LT_EUNSUPPORTED,
                       "text index: no stop words for '%.40s' are built in (only %s); give them in "
                       "stopwords.custom",
                       yyjson_get_str(language), lt_stopwords_languages);
    while (*words) {
        size_t n = strcspn(words, " ");

        LT_TRY(add_stop_word(a, words, n, err));
        words += n + (words[n] == ' ');
    }
    return LT_OK;
}

static lt_status add_custom(lt_analyzer *a, yyjson_val *list, lt_error *err)
{
    size_t i, n;
    yyjson_val *v;

    if (!yyjson_is_arr(list))
        return bad_param(err, "stopwords.custom", "an array of strings", list);
    if (yyjson_arr_size(list) > LT_LIMIT_STOP_WORDS)
        return lt_fail(err, LT_ELIMIT, "text index: more than %u stop words", LT_LIMIT_STOP_WORDS);
    yyjson_arr_foreach(list, i, n, v)
    {
        if (!yyjson_is_str(v))
            return bad_param(err, "stopwords.custom", "an array of strings", v);
        LT_TRY(add_stop_word(a, yyjson_get_str(v), yyjson_get_len(v), err));
    }
    return LT_OK;
}

static lt_status read_stop_words(yyjson_val *params, lt_analyzer *a, lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(params, "stopwords"), *item;
    size_t i, n;

    if (!v || yyjson_is_null(v))
        return LT_OK;
    if (yyjson_is_str(v))
        return add_language(a, v, err);
    if (!yyjson_is_obj(v))
        return bad_param(err, "stopwords", "a language or {languages, custom}", v);
    yyjson_val *languages = yyjson_obj_get(v, "languages"), *custom = yyjson_obj_get(v, "custom");

    if (languages && !yyjson_is_null(languages) && !yyjson_is_arr(languages))
        return bad_param(err, "stopwords.languages", "an array of languages", languages);
    yyjson_arr_foreach(languages, i, n, item)
    {
        LT_TRY(add_language(a, item, err));
    }
    return custom && !yyjson_is_null(custom) ? add_custom(a, custom, err) : LT_OK;
}

/* {"type": "snowball", "language": "english"} or {"type": "none"} */
static lt_status read_stemmer(yyjson_val *params, lt_analyzer *a, lt_error *err)
{
    yyjson_val *v = yyjson_obj_get(params, "stemmer");

    if (!v || yyjson_is_null(v) || yyjson_equals_str(yyjson_obj_get(v, "type"), "none"))
        return LT_OK;
    yyjson_val *language = yyjson_obj_get(v, "language");

    if (!yyjson_equals_str(yyjson_obj_get(v, "type"), "snowball") || !yyjson_is_str(language))
        return bad_param(err, "stemmer", "{\"type\": \"snowball\", \"language\": ...}", v);
    a->stemmer = sb_stemmer_new(yyjson_get_str(language), "UTF_8");
    if (!a->stemmer)
        return lt_fail(err, LT_EINVAL, "text index: the stemmer does not know the language '%.40s'",
                       yyjson_get_str(language));
    return LT_OK;
}

static lt_status read_params(yyjson_val *params, lt_analyzer *a, lt_error *err)
{
    bool phrase_matching = false; /* phrases are always answered; the flag is checked alone */

    LT_TRY(read_tokenizer(params, a, err));
    LT_TRY(read_flag(params, "lowercase", &a->lowercase, err));
    LT_TRY(read_flag(params, "ascii_folding", &a->fold, err));
    LT_TRY(read_flag(params, "phrase_matching", &phrase_matching, err));
    LT_TRY(read_length(params, "min_token_len", &a->min_chars, err));
    LT_TRY(read_length(params, "max_token_len", &a->max_chars, err));
    LT_TRY(read_stop_words(params, a, err));
    if (a->n_stop)
        qsort(a->stop, a->n_stop, sizeof *a->stop, compare_words);
    return read_stemmer(params, a, err);
}

lt_status lt_analyzer_new(yyjson_val *params, lt_analyzer **out, lt_error *err)
{
    lt_analyzer *a = lt_calloc(1, sizeof *a);

    if (!a)
        return lt_fail_nomem(err);
    a->lowercase = true;
    pthread_mutex_init(&a->stemming, NULL);
    lt_status st = read_params(params, a, err);

    if (st != LT_OK) {
        lt_analyzer_free(a);
        return st;
    }
    *out = a;
    return LT_OK;
}

void lt_analyzer_free(lt_analyzer *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_stop; i++)
        lt_free(a->stop[i]);
    lt_free(a->stop);
    if (a->stemmer)
        sb_stemmer_delete(a->stemmer);
    pthread_mutex_destroy(&a->stemming);
    lt_free(a);
}
