/* SPDX-License-Identifier: GPL-2.0 */
/* The words of retryOn. */
#ifndef HTTP_RETRIES_H
#define HTTP_RETRIES_H

#include "http/tables.h"

#define HTTP_RETRY_WORDS 16
extern const char *const http_retry_words[HTTP_RETRY_WORDS]; /* of the bits of enum retry_on */

/* The bit of a word of `length` bytes; 0: it is none of them. */
uint32_t http_retry_word(const char *at, size_t length);

#endif
