/* SPDX-License-Identifier: Apache-2.0 */
#include <latent.h>

#define TEXT(x) #x
#define DOTTED(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *lt_version(void)
{
    return DOTTED(LT_VERSION_MAJOR, LT_VERSION_MINOR, LT_VERSION_PATCH);
}
