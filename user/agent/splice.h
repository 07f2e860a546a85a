/* SPDX-License-Identifier: GPL-2.0 */
/* Which pods ask for their connections to be spliced, told to the kernel. */
#ifndef AGENT_SPLICE_H
#define AGENT_SPLICE_H

#include <stdbool.h>

struct agent;

/* Whether some pod of the set in force asks: then namespaces are followed. */
bool splice_wanted(const struct agent *a);
/* Another set is in force, or namespaces came or went. */
void splice_follow(struct agent *a);

#endif
