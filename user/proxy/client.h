/* SPDX-License-Identifier: GPL-2.0 */
/* A connection that was steered here: whose it is, what was dialled, what is under way on it. */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "proxy/listener.h"
#include "proxy/request.h"
#include "proxy/worker.h"

enum client_state {
	CLIENT_SNIFFING,  /* its first bytes say whether it is http */
	CLIENT_READING,	  /* the head of a request, or nothing yet */
	CLIENT_SERVING,	  /* client->request */
	CLIENT_TUNNEL,	  /* bytes both ways */
	CLIENT_LINGERING, /* all is sent, and our end; what comes is dropped, so that it is not
			     reset */
	CLIENT_CLOSED,
};

#define CLIENT_IDLE (3600 * 1000000000ll) /* between two requests */

struct client {
	struct stream stream; /* first: epoll gives it back */
	enum client_state state;
	struct worker *worker;
	struct listener *listener;
	struct client *next, **link; /* of the worker */
	struct inet dialled, peer;
	uint16_t port, peer_port;
	struct http1 parser;
	bool in_head; /* some of a request's head has come */
	struct buffer in, out;
	struct timer timer; /* of its state */
	struct request request;
};

void client_accept(struct worker *w, struct listener *l, int fd);
void client_set_state(struct client *c, enum client_state state);
void client_timer(struct client *c, int64_t ns); /* from now */
/* Moves what can be moved, up to where it waits. */
void client_go(struct client *c);
void client_close(struct client *c);
/* No more requests: those that are idle are closed, others end with what they do. */
void client_drain(struct client *c);
void clients_bury(struct worker *w); /* frees what was closed in this round */

/* ---- of its upstream, from upstream.c ---- */

void client_connected(struct client *c);
/* errno of it, 0: it was closed; the upstream is gone then. */
void client_lost(struct client *c, int error, bool timed_out);

#endif
