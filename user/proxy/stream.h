/* SPDX-License-Identifier: GPL-2.0 */
/* A socket in a worker's epoll set, edge-triggered: what is known of it stands in the flags. */
#ifndef PROXY_STREAM_H
#define PROXY_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "proxy/buffer.h"

struct worker;

/* What an event of epoll points at; first in whatever waits for one. */
struct source {
	int fd;
	void (*ready)(struct worker *w, struct source *s, uint32_t events);
};

struct stream {
	struct source source;
	bool readable, writable; /* until a call says otherwise */
	bool hung;		 /* the peer's end is on its way: read up to it */
	bool ended;		 /* the peer's end was read */
	bool shut;		 /* our end was sent */
	int error;		 /* errno that ended it; 0: none */
};

int stream_watch(struct worker *w, struct stream *s); /* 0 or -errno */
/* What can be read or written is told once more, in the next round. */
void stream_remind(struct worker *w, struct stream *s);
/* Takes the bits of an event into the flags. */
void stream_ready(struct stream *s, uint32_t events);
/* Reads what fits; the number of bytes. Ends and errors are seen in the flags. */
size_t stream_receive(struct stream *s, struct buffer *b);
size_t stream_receive_most(struct stream *s, struct buffer *b, uint64_t most);
/* Sends from the front; the number of bytes. */
size_t stream_send(struct stream *s, struct buffer *b);
size_t stream_send_parts(struct stream *s, const struct iovec *parts, int nr);
/* Has the kernel ask whether the peer is still there; if not, an error tells in a minute or two. */
void stream_probe(struct stream *s);
/* Sends our end. */
void stream_shut(struct stream *s);
void stream_close(struct stream *s);

#endif
