/* SPDX-License-Identifier: GPL-2.0 */
/* One request, or the bytes of one connection, from what was asked to how it ended. */
#ifndef PROXY_REQUEST_H
#define PROXY_REQUEST_H

#include "proxy/controls.h"
#include "proxy/flags.h"
#include "proxy/retry.h"
#include "proxy/snapshot.h"
#include "proxy/timer.h"
#include "proxy/trace.h"
#include "proxy/upstream.h"

#define REQUEST_TRIED_MAX 8 /* endpoints that are remembered as tried */

enum request_state {
	REQUEST_NONE,
	REQUEST_DELAYED, /* by a fault */
	REQUEST_WAITING, /* for a connection of a cluster that has all it may have */
	REQUEST_CONNECTING,
	REQUEST_SENT,	     /* or being sent; no answer yet */
	REQUEST_BACKING_OFF, /* up to its next try */
	REQUEST_ANSWERED,    /* the upstream's answer is on its way to the client */
	REQUEST_REPLIED,     /* ours is */
};

/* How the answer's body goes to the client. */
enum request_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };

struct request {
	enum request_state state;
	bool bytes;	   /* no http: whatever comes goes through */
	bool unknown;	   /* http to no host: it goes where it was dialled, or nowhere */
	bool whole;	   /* all of the request has come */
	bool chunked;	   /* so its body goes upstream */
	bool kept;	   /* all of what was sent is still in `out`, for another try */
	bool keeps;	   /* which an answer may lead to, so that `out` grows for it */
	bool close;	   /* the client's connection ends with it */
	bool answer_whole; /* all of the answer stands in client->out or is gone */
	bool broken;	   /* the answer ended before its end */
	bool active;	   /* counted in its endpoint */
	bool counted;	   /* in the cluster's requests */
	bool retrying;	   /* in the cluster's retries */
	bool placed;	   /* in the cluster's connections, without having one yet */
	bool copied;	   /* its copies, if it has some, have begun */
	enum request_framing framing;

	struct view *view;	       /* held */
	const struct port *port; /* NULL: no such host */
	const struct route *route;     /* NULL: none, see the flags */
	const struct http_match *taken;
	const struct table_split *split; /* NULL: none, or as dialled */
	const struct destination *destination;
	struct tally *tally;
	struct endpoint *endpoint; /* of this try; it holds a reference */
	struct endpoint *tried[REQUEST_TRIED_MAX];
	struct upstream *upstream;
	struct inet local; /* our end of it, for the log; */
	uint16_t local_port; /* 0: not known */
	int transport; /* errno of the connect that failed last; 0: none */
	struct request *next, **link; /* among those who wait for a connection */

	struct http_request asked; /* as it came; the parser's texts */
	struct controls controls;  /* among its headers */
	struct retry retry;
	struct trace trace;
	char *normal;		   /* its path when it came in another form, or NULL */
	char *path;		   /* the one that goes upstream; NULL: as it came */
	struct buffer out;	   /* to the upstream, head first */
	uint32_t head_length;	   /* of `out`, while it is kept */
	uint32_t sent;		   /* of `out`, from its begin */

	struct mirror *mirrors;	   /* copies that wait for the rest of it */
	struct http_text rest;	   /* of our own answer's body: what has had no room yet */

	struct timer timer;		  /* of the whole request */
	struct timer try_timer;		  /* of a try, a delay, a wait */
	int64_t timeout, per_try_timeout; /* 0: none */
	unsigned attempts, tries_left;
	unsigned flags; /* enum flag */
	uint16_t status;
	const char *details;			 /* "via_upstream" */
	int64_t began, try_began, upstream_took; /* ns; the last 0: no answer */
	struct timespec began_at;		 /* of the clock on the wall */
	uint64_t received, sent_bytes;		 /* of bodies */
	uint64_t cookie; /* value of one that a hash needed and the client had not; 0: none */
	char id[40]; /* x-request-id that was made; "" it came with one */
};

struct client;

/* The client's parser has a head: decides what becomes of it. */
void request_begin(struct client *c);
/* What came is no head, and the caller replies. */
void request_begin_wrong(struct client *c);
/* A connection that is no http. */
void request_begin_bytes(struct client *c);
/* Moves what can be moved; false: nothing could be. */
bool request_go(struct client *c);
/* Counts and logs it, and gives back what it holds. */
void request_end(struct client *c);
void request_set_state(struct request *r, enum request_state state);

#endif
