/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that is always there: these end the process when it is not. Nothing on the path of a
 * connection runs here, and an agent that restarts adopts the kernel's state without a gap, so
 * dying whole is safer than unwinding half-built plans through paths no test can reach.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdarg.h>

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n, size_t size); /* overflow of n * size ends the process too */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *format, va_list args);

/* Things that live and die together. All of it is freed by arena_free; memory comes zeroed. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* For a text that ends the filling: when it needs memory of its own, that is no larger than it. */
char *arena_strndup_last(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t arena_bytes(const struct arena *a); /* allocated from the system so far */

#endif
