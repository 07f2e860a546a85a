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

struct client {
	struct stream stream; /* first: epoll gives it back */
	enum client_state state;
	struct worker *worker;
	struct listener *listener;
	struct client *next, **link; /* of the worker */
	struct client *next_again, **link_again; /* likewise, of those that are not done yet */
	struct inet dialled, peer;
	uint16_t port, peer_port;
	struct http1 parser;
	bool in_head; /* some of a request's head has come */
	struct buffer in, out;
	struct timer timer; /* of its state */
	struct request request;
	struct upstream_user user; /* of the request's upstream */
};

void client_accept(struct worker *w, struct listener *l, int fd);
void client_set_state(struct client *c, enum client_state state);
void client_timer(struct client *c, int64_t ns); /* from now */
/* Moves what can be moved, up to where it waits or has had its share of the round. */
void client_go(struct client *c);
void clients_go_on(struct worker *w); /* those that had their share */
void client_close(struct client *c);
/* The connection ends with the next answer whose head can say so. */
void client_drain(struct client *c);
/* If it waits for a request, it is told that none will be answered. */
void client_end_idle(struct client *c);
void clients_bury(struct worker *w); /* frees what was closed in this round */

#endif
