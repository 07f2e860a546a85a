/* SPDX-License-Identifier: GPL-2.0 */
/* Which records of the kernel's maps the rules of a table count in. */
#ifndef AGENT_SLOTS_H
#define AGENT_SLOTS_H

#include <stddef.h>

#define SLOTS_TIDY_MS 2000 /* after a plan, which may have left out rules */

struct agent;
struct table_port;

/* Sets the slots of all rules of these ports, before they are told to the proxy. */
void slots_give(struct agent *a, struct table_port *ports, size_t nr);
/* Takes back, some time later, what no table of any proxy names; now and then. */
void slots_tidy(struct agent *a);

#endif
