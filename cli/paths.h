/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LT_CLI_PATHS_H
#define LT_CLI_PATHS_H

/* The absolute form of a path that need not exist, "." and ".." resolved by name, as the index
 * names files. Free with lt_free; NULL without memory. */
char *cli_path_absolute(const char *path);

#endif
