/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A line of the access log as it is put together. What comes from clients cannot end its field or
 * its line, nor reach a terminal as anything but text. What does not fit is cut off, each field on
 * its own, so that the line keeps its form.
 */
#ifndef PROXY_LINE_H
#define PROXY_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/inet.h"
#include "http/match.h"

struct line {
	char *at; /* where it goes on */
	bool json;
};

void line_text(struct line *l, const char *text); /* as it is */
void line_number(struct line *l, uint64_t n);
void line_padded(struct line *l, uint64_t n, unsigned digits);
void line_address(struct line *l, const struct inet *a, unsigned port); /* "10.0.0.1:80" */
/* At most `most` bytes of the text with what has to be escaped: as \xNN, or as JSON wants it,
 * where bytes that are no UTF-8 become U+FFFD. */
void line_escaped(struct line *l, struct http_text text, size_t most);

#endif
