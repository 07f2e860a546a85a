/* SPDX-License-Identifier: GPL-2.0 */
/* Shows the agent and the kernel that the workers turn. */
#ifndef PROXY_HEARTBEAT_H
#define PROXY_HEARTBEAT_H

struct proxy;

/* A thread that writes, each 100 ms, when the slowest worker last began a round. 0 or -errno. */
int heartbeat_start(struct proxy *p);
/* The page to write to, from now on; 0 or -errno. */
int heartbeat_page(struct proxy *p, int fd);
void heartbeat_stop(struct proxy *p);

#endif
