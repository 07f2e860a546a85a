/* SPDX-License-Identifier: GPL-2.0 */
/* Looks now and then whether the proxy turns, and ends what does not end by itself. */
#ifndef AGENT_PROXY_WATCH_H
#define AGENT_PROXY_WATCH_H

/* Of a periodic timer; `arg` is the agent. */
void proxy_watch_expired(void *arg);

#endif
