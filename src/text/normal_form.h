/* SPDX-License-Identifier: Apache-2.0
 * The Unicode normal forms NFC, NFD, NFKC and NFKD of a text (UAX 15). */
#ifndef LT_TEXT_NORMAL_FORM_H
#define LT_TEXT_NORMAL_FORM_H

#include "ntext.h"

lt_status lt_normal_form(lt_ntext *t, bool compatible, bool compose, lt_error *err) LT_NODISCARD;

#endif
