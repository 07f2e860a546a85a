/* SPDX-License-Identifier: GPL-2.0 */
/* What a plain YAML scalar means by the 1.2 core schema. */
#ifndef TREE_SCALAR_H
#define TREE_SCALAR_H

#include "tree/node.h"

/* NODE_NULL, NODE_BOOL, NODE_NUMBER or NODE_STRING. */
enum node_type scalar_resolve(const char *text, size_t length);
/* The value of a text that resolves to NODE_NUMBER. */
long double scalar_number(const char *text);

#endif
