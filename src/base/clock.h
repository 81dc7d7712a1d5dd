/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LT_BASE_CLOCK_H
#define LT_BASE_CLOCK_H

#include <stdint.h>

double lt_clock_s(void);     /* monotonic seconds */
int64_t lt_clock_unix(void); /* seconds since 1970 */

#endif
