/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading HTTP/1.1, strictly: a message at a time from bytes that come in any pieces. What two
 * servers on one connection could read differently is refused, never repaired. Knows no socket.
 */
#ifndef PROXY_HTTP1_H
#define PROXY_HTTP1_H

#include <llhttp.h>
#include "http/match.h"
#include "http/rewrite.h"

#define HTTP1_ROOMS_FREE 128

struct memory;

struct http1_limits {
	size_t target;	   /* bytes of a request target: 414 */
	size_t headers;	   /* bytes of a whole head, and of the trailers: 431; no memory: 503 */
	size_t nr_headers; /* fields in one: 431 */
};
extern const struct http1_limits http1_limits; /* the defaults */

enum http1_event {
	HTTP1_MORE, /* all bytes are taken, the message needs others */
	HTTP1_HEAD, /* p->head is there, up to http1_next() */
	HTTP1_BODY, /* p->body is the next part of the body, inside of the bytes that were fed */
	HTTP1_END,  /* the message is over, p->trailers are there; bytes not taken are no part of it
		     */
	HTTP1_WRONG, /* p->wrong; nothing that follows can be read */
};

enum http1_how { /* a body is delimited */
		 HTTP1_NONE,
		 HTTP1_LENGTH,
		 HTTP1_CHUNKED,
		 HTTP1_UNTIL_CLOSE,
		 HTTP1_TUNNEL, /* bytes of another protocol follow the head, up to the end of the
				  connection */
};
struct http1_framing {
	enum http1_how how;
	bool has_length; /* said by a header; with HTTP1_NONE also of a body that is not sent */
	uint64_t length;
};

struct http1_head {
	struct http_request request; /* of a response its headers alone; "/" for an empty path */
	uint16_t status;	     /* of a response, as the reason */
	struct http_text reason;
	uint8_t minor; /* of HTTP/1 */
	struct http1_framing framing;
	bool keep_alive; /* another message may follow */
	bool upgrade;	 /* it asks for, or grants, another protocol; h2c counts as none */
};

struct http1_wrong {
	uint16_t status; /* to answer with; of a response 502 */
	const char *reason;
};

enum http1_state {
	HTTP1_IN_START, /* the first line, and an empty one before it */
	HTTP1_IN_FIELDS,
	HTTP1_IN_LENGTH,
	HTTP1_IN_CHUNKS,
	HTTP1_IN_TRAILERS,
	HTTP1_IN_REST, /* all that comes */
	HTTP1_OVER,
	HTTP1_FAILED,
};

struct http1_lines {
	char *at;
	size_t nr, cap, line; /* line: where the last one begins */
};

/* What heads are read into: one that was read gives it to the next, of whichever connection. */
struct http1_rooms {
	struct memory *memory; /* counts what is longer than usual */
	size_t nr_free;
	struct http1_room {
		struct http1_lines lines;
		struct http_header_list headers;
	} free[HTTP1_ROOMS_FREE];
};

/* One direction of a connection. What stands above the line is for the caller. */
struct http1 {
	struct http1_head head; /* texts are the parser's, valid up to http1_next() */
	struct http_text body;
	struct http_header_list trailers;
	struct http1_wrong wrong;
	bool answers_head;    /* set before a response's head: the request was HEAD */
	bool answers_upgrade; /* likewise: it asked for another protocol, 101 is fine */
	struct http1_rooms *rooms; /* NULL: it keeps what it has; set after http1_init() */
	/* ---- */
	bool response;
	enum http1_state state;
	struct http1_limits limits;
	struct http1_lines lines, tail;
	struct http_header_list headers, *filled;
	size_t skipped;	  /* bytes of an empty line before a request */
	size_t extension; /* bytes of a chunk extension's value */
	size_t overhead;  /* bytes of a chunked body since its last byte of data */
	uint64_t left;	  /* of a body with a length */
	bool last_chunk;
	llhttp_t llhttp;
};

void http1_init(struct http1 *p, bool response, const struct http1_limits *limits);
void http1_free(struct http1 *p);

/* Reads up to the next event; *taken of the bytes are done with. */
enum http1_event http1_feed(struct http1 *p, const char *bytes, size_t length, size_t *taken);
/* How many of the bytes that come next are body just as they are; 0: they have to be looked at. */
uint64_t http1_plain(const struct http1 *p);
/* The sender is done. HTTP1_MORE: between two messages. */
enum http1_event http1_eof(struct http1 *p);
/* After HTTP1_END: the next message. What was asked of a response is forgotten. */
void http1_next(struct http1 *p);
/* After HTTP1_END of a request that was answered 101: all that comes is HTTP1_BODY. */
void http1_tunnel(struct http1 *p);

#endif
