// SPDX-License-Identifier: GPL-2.0
/* One line a call, written whole, so that lines of several processes do not mix. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "base/log.h"

#define LINE_MAX_BYTES 2048 /* longer ones are cut */

bool log_verbose;

static void line(const char *level, const char *format, va_list args)
{
	char text[LINE_MAX_BYTES];
	int saved = errno, head, n;
	size_t length;
	ssize_t unused;

	head = snprintf(text, sizeof(text), "shunt: %s", level);
	n = vsnprintf(text + head, sizeof(text) - (size_t)head - 1, format, args);
	length = (size_t)head + (size_t)(n > 0 ? n : 0);
	if (length > sizeof(text) - 2)
		length = sizeof(text) - 2;
	text[length++] = '\n';
	unused = write(STDERR_FILENO, text, length);
	(void)unused;
	errno = saved;
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line("error: ", format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line("", format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	if (!log_verbose)
		return;
	va_start(args, format);
	line("debug: ", format, args);
	va_end(args);
}
