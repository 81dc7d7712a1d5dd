/* SPDX-License-Identifier: Apache-2.0 */
#include "ov.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Lines that say where in OpenVINO's sources something was thrown, not what it was. */
static bool is_place(const char *line)
{
    static const char *const heads[] = {"Exception from ", "Check '", "While ", "[ERROR] ",
                                        "FrontEnd API failed"};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (strncmp(line, heads[i], strlen(heads[i])) == 0)
            return true;
    }
    return *line == '\0';
}

/* Joins the lines of a message that say something; all of them where none does. */
static void squeeze(char *text, char *out, size_t cap)
{
    char *save = NULL, first[160] = "";
    size_t n = 0;

    out[0] = '\0';
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        while (isspace((unsigned char)*line))
            line++;
        if (first[0] == '\0')
            (void)snprintf(first, sizeof first, "%s", line);
        if (is_place(line))
            continue;
        int wrote = snprintf(out + n, cap - n, "%s%s", n ? "; " : "", line);

        n = wrote < 0 || (size_t)wrote >= cap - n ? cap - 1 : n + (size_t)wrote;
        if (n >= cap - 1)
            break;
    }
    if (n == 0)
        (void)snprintf(out, cap, "%s", first);
}

lt_status lt_ov_check(ov_status_e why, lt_status code, const char *what, lt_error *err)
{
    char reason[240] = "";

    if (why == OK)
        return LT_OK;
    const char *message = ov_get_last_err_msg();
    LT_AUTOFREE char *copy = lt_strdup(message ? message : "");

    if (copy)
        squeeze(copy, reason, sizeof reason);
    if (message)
        ov_free(message);
    return lt_fail(err, code, "%s: %s", what, reason[0] ? reason : ov_get_error_info(why));
}

void lt_ov_model_done(ov_model_t **model)
{
    if (*model)
        ov_model_free(*model);
    *model = NULL;
}

void lt_ov_port_done(ov_output_const_port_t **port)
{
    if (*port)
        ov_output_const_port_free(*port);
    *port = NULL;
}

void lt_ov_tensor_done(ov_tensor_t **tensor)
{
    if (*tensor)
        ov_tensor_free(*tensor);
    *tensor = NULL;
}

void lt_ov_string_done(char **string)
{
    if (*string)
        ov_free(*string);
    *string = NULL;
}

void lt_ov_shape_done(ov_partial_shape_t *shape)
{
    if (shape->dims)
        ov_partial_shape_free(shape);
}
