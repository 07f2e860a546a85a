/* SPDX-License-Identifier: GPL-2.0 */
/* Growable arrays: struct { T *at; size_t nr, cap; }, zero-initialised is empty. */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdlib.h>
#include "mem.h"

#define VEC(T)                                                                                    \
	struct {                                                                                  \
		T *at;                                                                            \
		size_t nr, cap;                                                                   \
	}

/* Appends the value x. */
#define vec_push(v, x)                                                                            \
	do {                                                                                      \
		if ((v)->nr == (v)->cap) {                                                        \
			(v)->cap = (v)->cap ? (v)->cap * 2 : 8;                                   \
			(v)->at = xrealloc((v)->at, (v)->cap, sizeof(*(v)->at));                  \
		}                                                                                 \
		(v)->at[(v)->nr++] = (x);                                                         \
	} while (0)

#define vec_free(v)                                                                               \
	do {                                                                                      \
		free((v)->at);                                                                    \
		(v)->at = NULL;                                                                   \
		(v)->nr = (v)->cap = 0;                                                           \
	} while (0)

/* for each element, `it` a pointer to it */
#define vec_each(v, it) for (size_t i_##it = 0; i_##it < (v)->nr && ((it) = &(v)->at[i_##it], 1); i_##it++)

#endif
