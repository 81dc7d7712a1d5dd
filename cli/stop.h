/* SPDX-License-Identifier: Apache-2.0
 * Asking a long command to stop: Ctrl-C (SIGINT), SIGTERM and SIGHUP ask once; the second signal
 * ends the process at once. */
#ifndef LT_CLI_STOP_H
#define LT_CLI_STOP_H

/* From here on the first such signal only sets a mark. */
void cli_stop_listen(void);
/* The signal that asked to stop, or 0. */
int cli_stop_signal(void);

#endif
