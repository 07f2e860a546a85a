/* SPDX-License-Identifier: GPL-2.0 */
/* Lines for the operator on standard error; a user's mistakes go to diag.h instead. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

extern bool log_verbose;
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2))); /* with -v */

#endif
