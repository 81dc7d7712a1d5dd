/* SPDX-License-Identifier: Apache-2.0 */
#include "term.h"

#include <base/error.h>
#include <base/hash.h>
#include <base/mem.h>
#include <base/utf8.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static cli_term facts = {.width = 80, .height = 24};
static int out_errno; /* of the first write that failed; 0: none */

static unsigned from_env(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    long n = text ? strtol(text, NULL, 10) : 0;

    return n > 0 && n < 10000 ? (unsigned)n : otherwise;
}

void cli_term_init(void)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool dumb = !term || !term[0] || strcmp(term, "dumb") == 0;
    bool plain = dumb || (no_color && no_color[0]);
    struct winsize size = {0};

    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        (void)setlocale(LC_CTYPE, "");
    facts.out_tty = isatty(STDOUT_FILENO);
    facts.err_tty = isatty(STDERR_FILENO);
    facts.out_style = facts.out_tty && !plain;
    facts.err_style = facts.err_tty && !plain;
    if (ioctl(facts.out_tty ? STDOUT_FILENO : STDERR_FILENO, TIOCGWINSZ, &size) == 0) {
        facts.width = size.ws_col ? size.ws_col : 80;
        facts.height = size.ws_row ? size.ws_row : 24;
    }
    facts.width = from_env("COLUMNS", facts.width);
}

const cli_term *cli_term_get(void)
{
    return &facts;
}

/* ---- text ------------------------------------------------------------------------------------ */

static bool hides(uint32_t cp)
{
    return cp == 0x061c || cp == 0x200e || cp == 0x200f || (cp >= 0x202a && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0x2028 || cp == 0x2029 || cp == 0xfeff;
}

static lt_status escape_one(uint32_t cp, lt_buf *out, lt_error *err)
{
    if (cp == '\n')
        return lt_buf_adds(out, "\\n", err);
    if (cp == '\t')
        return lt_buf_adds(out, "\\t", err);
    if (cp == '\r')
        return lt_buf_adds(out, "\\r", err);
    if (cp < 0x100)
        return lt_buf_addf(out, err, "\\x%02x", cp);
    return lt_buf_addf(out, err, "\\u{%x}", cp);
}

lt_status cli_escape(const char *text, size_t n, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_reserve(out, n, err));
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        bool valid;
        size_t used = lt_utf8_decode(text + i, n - i, &cp, &valid);

        if (!valid)
            for (size_t k = 0; k < used; k++)
                LT_TRY(lt_buf_addf(out, err, "\\x%02x", (unsigned char)text[i + k]));
        else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || hides(cp))
            LT_TRY(escape_one(cp, out, err));
        else
            LT_TRY(lt_buf_add(out, text + i, used, err));
        i += used;
    }
    return LT_OK;
}

static size_t columns_of(uint32_t cp)
{
    int w = wcwidth((wchar_t)cp);

    return w < 0 ? 1 : (size_t)w;
}

static size_t columns_in(const char *text, size_t n)
{
    size_t columns = 0;

    for (size_t i = 0; i < n;) {
        uint32_t cp;

        i += lt_utf8_decode(text + i, n - i, &cp, NULL);
        columns += columns_of(cp);
    }
    return columns;
}

size_t cli_columns(const char *text)
{
    return columns_in(text, strlen(text));
}

/* The bytes at the front of `text` that take at most `columns`. */
static size_t prefix_of(const char *text, size_t n, size_t columns)
{
    size_t i = 0;

    while (i < n) {
        uint32_t cp;
        size_t used = lt_utf8_decode(text + i, n - i, &cp, NULL), w = columns_of(cp);

        if (w > columns)
            break;
        columns -= w;
        i += used;
    }
    return i;
}

lt_status cli_shorten(const char *text, size_t columns, lt_buf *out, lt_error *err)
{
    size_t n = strlen(text), all = columns_in(text, n);

    if (all <= columns)
        return lt_buf_add(out, text, n, err);
    if (columns == 0)
        return LT_OK;
    size_t front = prefix_of(text, n, (columns - 1) / 3);
    size_t tail = columns - 1 - columns_in(text, front);

    /* A wide character at the seam is left out whole. */
    size_t skip = prefix_of(text, n, all - tail);

    if (columns_in(text + skip, n - skip) > tail) {
        uint32_t cp;

        skip += lt_utf8_decode(text + skip, n - skip, &cp, NULL);
    }
    LT_TRY(lt_buf_add(out, text, front, err));
    LT_TRY(lt_buf_adds(out, "\xe2\x80\xa6", err));
    return lt_buf_add(out, text + skip, n - skip, err);
}

lt_status cli_file_url(const char *path, const char *host, lt_buf *out, lt_error *err)
{
    LT_TRY(lt_buf_addf(out, err, "file://%s", host));
    for (const char *p = path; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     strchr("-._~/", c) != NULL;

        LT_TRY(plain ? lt_buf_addc(out, *p, err) : lt_buf_addf(out, err, "%%%02X", c));
    }
    return LT_OK;
}

static void write_count(uint64_t n, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

lt_status cli_add_count(uint64_t n, lt_buf *out, lt_error *err)
{
    char text[32];

    write_count(n, text);
    return lt_buf_adds(out, text, err);
}

const char *cli_count(uint64_t n, const char *one, const char *many)
{
    static char slots[4][96];
    static unsigned next;
    char number[32], *slot = slots[next++ % 4];

    write_count(n, number);
    snprintf(slot, sizeof slots[0], "%s %s", number, n == 1 ? one : many);
    return slot;
}

/* ---- messages -------------------------------------------------------------------------------- */

void cli_complain(const char *format, ...)
{
    lt_error line;
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)lt_fail(&line, LT_OK, "%s", text); /* for its cleaning */
    fflush(stdout);
    fprintf(stderr, "latent: %s\n", line.message);
}

int cli_exit_code(lt_status status)
{
    switch (status) {
    case LT_OK:
        return CLI_EXIT_OK;
    case LT_EINVAL:
    case LT_ELIMIT:
        return CLI_EXIT_INPUT;
    case LT_ENOTFOUND:
        return CLI_EXIT_NOT_FOUND;
    case LT_EBUSY:
        return CLI_EXIT_BUSY;
    default:
        return CLI_EXIT_FAILED;
    }
}

int cli_failed(const lt_error *err)
{
    if (err->code == LT_EBUSY)
        cli_complain("%s; wait for it or stop it (searching works meanwhile)", err->message);
    else
        cli_complain("%s", err->message);
    return cli_exit_code(err->code);
}

const char *cli_reason(const char *path, const lt_error *why)
{
    lt_error cleaned;

    (void)lt_fail(&cleaned, LT_OK, "%s", path);
    size_t n = strlen(cleaned.message);

    if (strncmp(why->message, cleaned.message, n) == 0 && strncmp(why->message + n, ": ", 2) == 0)
        return why->message + n + 2;
    return why->message;
}

/* ---- standard output ------------------------------------------------------------------------- */

static void note_failure(void)
{
    if (!out_errno)
        out_errno = errno ? errno : EIO;
}

void cli_out(const char *text, size_t n)
{
    errno = 0;
    if (n && !out_errno && fwrite(text, 1, n, stdout) != n)
        note_failure();
}

void cli_outs(const char *text)
{
    cli_out(text, strlen(text));
}

void cli_outf(const char *format, ...)
{
    va_list args;

    errno = 0;
    va_start(args, format);
    if (!out_errno && vprintf(format, args) < 0)
        note_failure();
    va_end(args);
}

void cli_out_flush(void)
{
    errno = 0;
    if (!out_errno && fflush(stdout) != 0)
        note_failure();
}

bool cli_out_broken(void)
{
    return out_errno != 0;
}

int cli_out_end(int exit_code)
{
    cli_out_flush();
    if (!out_errno)
        return exit_code;
    if (out_errno == EPIPE) {
        /* The reader has what it wanted. End as any filter does: quietly, by the signal. */
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
        return CLI_EXIT_SIGNAL + SIGPIPE;
    }
    cli_complain("cannot write the output: %s", strerror(out_errno));
    return CLI_EXIT_FAILED;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

yyjson_mut_doc *cli_json_object(yyjson_mut_val **root)
{
    yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

    *root = doc ? yyjson_mut_obj(doc) : NULL;
    if (*root)
        yyjson_mut_doc_set_root(doc, *root);
    return doc;
}

lt_status cli_out_json(yyjson_mut_doc *doc, lt_error *err)
{
    size_t n = 0;
    char *text = doc ? yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, &n) : NULL;

    yyjson_mut_doc_free(doc);
    if (!text)
        return lt_fail_nomem(err);
    cli_out(text, n);
    free(text); /* yyjson's default allocator is libc's */
    return LT_OK;
}

bool cli_json_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text)
{
    LT_CLEANUP(lt_buf_done) lt_buf clean = {0};

    return lt_utf8_repair(text, strlen(text), &clean, NULL) == LT_OK &&
           yyjson_mut_obj_add_strncpy(doc, object, key, clean.data ? clean.data : "", clean.len);
}

bool cli_json_path(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                   const char *hex_key, const char *path)
{
    size_t n = strlen(path);

    if (!cli_json_text(doc, object, key, path))
        return false;
    if (lt_utf8_valid(path, n))
        return true;
    LT_AUTOFREE char *hex = lt_malloc(2 * n + 1);

    if (!hex)
        return false;
    lt_hex((const uint8_t *)path, n, hex);
    return yyjson_mut_obj_add_strncpy(doc, object, hex_key, hex, 2 * n);
}

bool cli_json_rounded(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, double x,
                      int digits)
{
    double scale = pow(10, digits);

    return yyjson_mut_obj_add_real(doc, object, key, round(x * scale) / scale);
}
