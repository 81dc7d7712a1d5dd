/* SPDX-License-Identifier: Apache-2.0
 * What goes to the user: facts about the terminal, escaped names, messages, and standard output
 * whose failure is noticed. One thread. */
#ifndef LT_CLI_TERM_H
#define LT_CLI_TERM_H

#include <base/buf.h>
#include <latent.h>
#include <stdio.h>
#include <yyjson.h>

typedef struct cli_term {
    bool out_tty, err_tty;
    bool out_style, err_style; /* escapes allowed: a terminal, no NO_COLOR, not TERM=dumb */
    unsigned width;            /* columns; 80 where unknown */
    unsigned height;           /* rows; 24 where unknown */
} cli_term;

/* Exit codes; docs/latent.1 lists them. */
enum {
    CLI_EXIT_OK = 0,
    CLI_EXIT_INPUT = 1,     /* some inputs failed, the others were done */
    CLI_EXIT_USAGE = 2,     /* the command line is wrong */
    CLI_EXIT_NOT_FOUND = 3, /* no such index, collection, file, folder or model */
    CLI_EXIT_BUSY = 4,      /* another process owns the data directory */
    CLI_EXIT_FAILED = 5,    /* anything else: I/O, damaged data, no memory, another model */
    CLI_EXIT_SIGNAL = 128   /* plus the signal that asked to stop: 130 for Ctrl-C */
};

/* Looks at the terminal; also sets the character type locale, which widths need. */
void cli_term_init(void);
const cli_term *cli_term_get(void);

/* Appends text with control characters, direction overrides and bytes that are no UTF-8 written as
 * escapes (\n, \x1b, \u{202e}, \xff), so that a file name cannot disturb a terminal. */
lt_status cli_escape(const char *text, size_t n, lt_buf *out, lt_error *err) LT_NODISCARD;
/* Columns that escaped text takes. */
size_t cli_columns(const char *text);
/* Appends text shortened to at most `columns`, an ellipsis in the middle, nearer to the front: the
 * end of a path says most. */
lt_status cli_shorten(const char *text, size_t columns, lt_buf *out, lt_error *err) LT_NODISCARD;
/* Appends "file://host/percent-encoded" (host: "" for HTML). */
lt_status cli_file_url(const char *path, const char *host, lt_buf *out, lt_error *err) LT_NODISCARD;

/* Appends a number with thousands separated: "12,345". */
lt_status cli_add_count(uint64_t n, lt_buf *out, lt_error *err) LT_NODISCARD;
/* "1 picture", "12,345 pictures": static storage, four calls deep. */
const char *cli_count(uint64_t n, const char *one, const char *many);

/* "latent: message" on standard error, cleaned to one printable line. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints an error with what to do next and gives its exit code. */
int cli_failed(const lt_error *err);
int cli_exit_code(lt_status status);
/* The reason without the "path: " that messages of the library begin with. */
const char *cli_reason(const char *path, const lt_error *why);

/* Standard output. A failed write is remembered: cli_out_broken; cli_out_end says what happened
 * (nothing at all for a closed pipe) and gives the exit code to end with. */
void cli_out(const char *text, size_t n);
void cli_outs(const char *text);
void cli_outf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_out_flush(void);
bool cli_out_broken(void);
int cli_out_end(int exit_code);

/* Writes the document as one line of JSON and frees it. `doc` may be NULL (no memory). */
lt_status cli_out_json(yyjson_mut_doc *doc, lt_error *err) LT_NODISCARD;
/* A new document whose root is an object (*root). NULL without memory. */
yyjson_mut_doc *cli_json_object(yyjson_mut_val **root);
/* Adds text under `key`, broken UTF-8 replaced; `key` must be a literal. */
bool cli_json_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *text);
/* Adds a path under `key`, and where it is no UTF-8 its bytes under `hex_key`. */
bool cli_json_path(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key,
                   const char *hex_key, const char *path);
/* Adds a number rounded to `digits` decimals. */
bool cli_json_rounded(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, double x,
                      int digits);

#endif
