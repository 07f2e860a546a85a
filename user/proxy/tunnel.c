// SPDX-License-Identifier: GPL-2.0
/* Passes bytes between a client and its upstream, without a look at them. */
#include "proxy/tunnel.h"

/* One way; true: something moved. */
static bool pass(struct worker *w, struct stream *from, struct stream *to, struct buffer *b,
		 uint64_t *count)
{
	size_t got, sent;

	if (to->shut || !buffer_take(&w->buffers, b))
		return false;
	got = stream_receive(from, b);
	*count += got;
	sent = stream_send(to, b);
	if (!buffer_length(b)) {
		buffer_give(&w->buffers, b);
		if (from->ended)
			stream_shut(to);
	}
	return got || sent;
}

static bool over(const struct stream *a, const struct stream *b)
{
	return a->error || b->error || (a->shut && b->shut);
}

bool tunnel_go(struct client *c)
{
	struct request *r = &c->request;
	struct upstream *u = r->upstream;
	bool moved;

	moved = pass(c->worker, &c->stream, &u->stream, &c->in, &r->received);
	if (buffer_length(&c->out)) /* the head that granted it */
		moved |= stream_send(&c->stream, &c->out) > 0;
	else
		moved |= pass(c->worker, &u->stream, &c->stream, &u->in, &r->sent_bytes);
	if (!over(&c->stream, &u->stream)) {
		enum upstream_tunnel age = upstream_tunnel(u, moved);

		if (age == UPSTREAM_GOES_ON)
			return moved;
		r->flags |= age == UPSTREAM_IS_OLD ? FLAG_DT : 0;
		client_close(c);
		return false;
	}
	if (!u->stream.error && c->stream.error)
		r->flags |= FLAG_DC;
	client_close(c);
	return false;
}
