// SPDX-License-Identifier: GPL-2.0
/* Parts of bodies, as they are framed for who gets them. */
#include "proxy/body.h"
#include <assert.h>
#include "proxy/digits.h"
#include "proxy/http1_write.h"

static void chunk_begin(struct buffer *b, size_t length)
{
	size_t digits = 1;

	while (length >> 4 * digits)
		digits++;
	digits_hex(b->at + b->end, length, digits);
	b->end += (uint32_t)digits;
	buffer_put(b, "\r\n", 2);
}

void body_put(struct buffer *b, struct http_text body, bool chunked)
{
	assert(body.length + BODY_ROOM <= buffer_space(b));
	if (chunked)
		chunk_begin(b, body.length);
	buffer_put(b, body.at, body.length);
	if (chunked)
		buffer_put(b, "\r\n", 2);
}

size_t body_readable(const struct buffer *in, const struct buffer *out)
{
	size_t length = buffer_length(in), space = buffer_space(out);

	space = space > BODY_ROOM ? space - BODY_ROOM : 0;
	return length < space ? length : space;
}

void body_grow(struct buffers *buffers, struct buffer *b, uint64_t so_far)
{
	if (so_far >= BUFFER_SIZE)
		buffer_grow(buffers, b, BUFFER_LARGE);
}

size_t body_receive(struct stream *s, struct http1 *p, struct buffer *in, struct buffer *out)
{
	uint64_t plain = http1_plain(p);
	size_t taken, n = stream_receive_most(s, out, plain < UINT64_MAX ? plain + 1 : plain);

	if (n > plain) {
		in->begin = in->end = 0;
		buffer_put(in, out->at + --out->end, 1);
		n--;
	}
	if (n)
		http1_feed(p, out->at + out->end - n, n, &taken);
	return n;
}

void body_end(struct buffers *buffers, struct buffer *b, const struct http1 *from)
{
	struct http1_out out = {b->at, b->end, b->size};
	int err = http1_write_last_chunk(&out, &from->trailers);

	if (err && buffer_grow(buffers, b, b->end + (uint32_t)from->limits.headers + BODY_ROOM)) {
		out = (struct http1_out){b->at, b->end, b->size};
		err = http1_write_last_chunk(&out, &from->trailers);
	}
	if (err)
		buffer_put(b, "0\r\n\r\n", 5);
	else
		b->end = (uint32_t)out.nr;
}
