/* SPDX-License-Identifier: Apache-2.0 */
#include "stop.h"

#include <signal.h>
#include <stddef.h>

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t asked;

static void on_signal(int number)
{
    asked = number;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
}

void cli_stop_listen(void)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction was, act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

        sigemptyset(&act.sa_mask);
        /* What the caller had ignored (nohup, a shell's background job) stays ignored. */
        if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaction(signals[i], &act, NULL);
    }
}

int cli_stop_signal(void)
{
    return asked;
}
