/* SPDX-License-Identifier: GPL-2.0 */
/* What a client should see of a case that goes through a proxy, as text to compare. */
#ifndef HTTP1_TRANSCRIPT_H
#define HTTP1_TRANSCRIPT_H

#include "wire.h"

struct transcript {
	struct buf before, after; /* the sender's end */
	size_t nr_asked; /* requests that the upstream gets whole */
};

/* An answer that the proxy makes up: its status is all that counts. */
static void transcript_status(struct buf *out, unsigned status, bool close)
{
	buf_printf(out, "%u%s\n", status, close ? " close" : "");
}

/* How the upstream answers a request: it tells what it saw. */
static void transcript_echo(struct buf *out, const struct buf *head, const struct buf *data)
{
	buf_printf(out, "HTTP/1.1 200 %016llx\ncontent-length: %zu\n",
		   (unsigned long long)wire_hash(head, data), head->nr + data->nr);
}

static void transcript_asked(struct transcript *t, const struct want *w)
{
	struct buf head = {0};

	if (w->upgrade && !strcasestr(w->headers[w->nr_headers - 1].value.at, "websocket")) {
		transcript_status(&t->before, 403, !w->keep);
		return;
	}
	t->nr_asked++;
	want_head(w, &head);
	transcript_echo(&t->before, &head, &w->data);
	if (!w->keep)
		buf_text(&t->before, "connection: close\n");
	else if (!w->minor)
		buf_text(&t->before, "connection: keep-alive\n");
	buf_free(&head);
}

/* A client's case: an answer to each request, up to what ends the connection. */
static void transcript_of_requests(struct transcript *t, const struct wants *wants)
{
	bool closed = false;

	for (size_t i = 0; i < wants->nr && !closed; i++) {
		const struct want *w = &wants->at[i];

		if (w->whole)
			transcript_asked(t, w);
		else if (!w->early)
			transcript_status(&t->before, w->wrong, true);
		closed = w->whole ? !w->keep : !w->early;
	}
	buf_text(&t->before, closed ? "closed\n" : "");
	buf_add(&t->after, t->before.at, t->before.nr);
	buf_text(&t->after, closed ? "" : "closed\n");
}

/* The answer that goes on to the client, and what becomes of both connections. */
static void transcript_answer(struct transcript *t, const struct want *w, bool more)
{
	bool until = !strcmp(w->how, "until"), open = until || !strcmp(w->how, "tunnel");
	bool whole = w->whole && !open, kept = whole && w->keep && !more;
	bool refused = w->wrong && !w->early;

	want_head(w, &t->before);
	if (w->data.nr)
		buf_printf(&t->before, "%.*s\n", (int)w->data.nr, w->data.at);
	buf_add(&t->after, t->before.at, t->before.nr);
	buf_text(&t->before, whole ? "" : refused ? "partial\nclosed\n" : "partial\n");
	buf_text(&t->after, whole || until ? "" : "partial\nclosed\n");
	buf_text(&t->before, kept || (!whole && !refused) ? "" : "upstream closed\n");
	/* of a tunnel each way ends alone */
	buf_text(&t->after, open && !until ? "" : "upstream closed\n");
}

/* An answer that goes before the answer. */
static bool is_interim(const struct want *w)
{
	return w->head && w->status < 200 && w->status != 101;
}

/* An upstream's case: what its client gets for the one request. */
static void transcript_of_responses(struct transcript *t, const struct wants *wants)
{
	for (size_t i = 0; i < wants->nr; i++) {
		const struct want *w = &wants->at[i];

		if (is_interim(w)) {
			want_head(w, &t->before);
			continue;
		}
		if (w->head) {
			transcript_answer(t, w, i + 1 < wants->nr);
			return;
		}
		if (!w->early) {
			transcript_status(&t->before, 502, false);
			buf_text(&t->before, "upstream closed\n");
			buf_add(&t->after, t->before.at, t->before.nr);
			return;
		}
	}
	buf_add(&t->after, t->before.at, t->before.nr);
	transcript_status(&t->after, 503, false);
	buf_text(&t->after, "upstream closed\n");
}

#endif
