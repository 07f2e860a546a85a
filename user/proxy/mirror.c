// SPDX-License-Identifier: GPL-2.0
/* Copies of requests: collected, sent, and their answers dropped. */
#include "proxy/mirror.h"
#include <errno.h>
#include <stdlib.h>
#include "proxy/attempt.h"
#include "proxy/flags.h"
#include "proxy/head.h"
#include "proxy/outlier.h"
#include "proxy/waiting.h"

#define BODY_MAX (1u << 20)   /* bytes of a copy */
#define COPIES_MAX 1024	      /* of a worker at one time: what hangs must not use up descriptors */
#define PULLS_MAX 4	      /* of a buffer each; then the worker's clients have their turn */
#define TIMEOUT (300 * INT64_C(1000000000)) /* of a copy whose rule sets none */

struct mirror {
	struct upstream_user user; /* first: the upstream gives it back */
	struct worker *worker;
	struct view *view; /* held */
	const struct destination *destination;
	const struct tally *tally;
	struct endpoint *endpoint; /* holds a reference */
	struct upstream *upstream;
	struct mirror *next; /* of the request, until it is sent */
	struct buffer out;
	bool is_head; /* the method: its answer has no body */
	bool counted; /* in the cluster's requests */
	struct timer timer;
	int64_t began;
	unsigned flags;
	uint16_t status;
};

/* ---- the end ---- */

static void connection_give(struct mirror *m, bool keep)
{
	struct upstream *u = m->upstream;

	if (u && u->state == UPSTREAM_BUSY)
		upstream_release(u, keep);
	else if (u)
		upstream_close(u);
	if (m->endpoint) {
		atomic_fetch_sub_explicit(&m->endpoint->active, 1, memory_order_relaxed);
		endpoint_put(m->endpoint);
	}
	if (m->counted)
		limit_give(&m->destination->cluster->requests);
}

/* `keep`: the connection is between two messages. */
static void mirror_end(struct mirror *m, unsigned flags, bool keep)
{
	struct worker *w = m->worker;
	const struct tally_end end = {.status = m->status,
				      .flags = flags,
				      .sent = 0,
				      .took = w->now - m->began};

	connection_give(m, keep);
	tally_request(m->tally, w->index, &end);
	timer_remove(&w->timers, &m->timer);
	buffer_give(&w->buffers, &m->out);
	view_give(m->view);
	w->nr_mirrors--;
	free(m);
}

static void mirror_failed(struct mirror *m, unsigned flag, uint16_t as)
{
	outlier_failed(m->destination, m->endpoint, as, m->worker->now);
	mirror_end(m, flag, false);
}

static void expired(struct worker *w, struct timer *t)
{
	(void)w;
	mirror_failed((struct mirror *)((char *)t - offsetof(struct mirror, timer)), FLAG_UT, 504);
}

/* ---- its connection ---- */

static void push(struct mirror *m)
{
	if (!m->out.at)
		return;
	stream_send(&m->upstream->stream, &m->out);
	if (!buffer_length(&m->out))
		buffer_give(&m->worker->buffers, &m->out);
}

static void answer_head(struct mirror *m)
{
	struct http1 *p = &m->upstream->parser;

	if (p->head.status < 200) {
		http1_next(p);
		p->answers_head = m->is_head;
		return;
	}
	m->status = p->head.status;
	outlier_answered(m->destination, m->endpoint, m->status, m->worker->now);
}

enum step {
	STEP_AGAIN,
	STEP_MORE, /* must come first */
	STEP_OVER, /* the copy is gone */
};

/* One event of what came. */
static enum step answer_step(struct mirror *m)
{
	struct upstream *u = m->upstream;
	size_t taken;
	enum http1_event event = http1_feed(&u->parser, u->in.at + u->in.begin,
					    buffer_length(&u->in), &taken);

	u->in.begin += (uint32_t)taken;
	switch (event) {
	case HTTP1_HEAD:
		answer_head(m);
		return STEP_AGAIN;
	case HTTP1_BODY:
		return STEP_AGAIN;
	case HTTP1_MORE:
		return taken ? STEP_AGAIN : STEP_MORE;
	case HTTP1_END:
		mirror_end(m, 0, u->parser.head.keep_alive && !m->out.at);
		return STEP_OVER;
	case HTTP1_WRONG:
		mirror_failed(m, FLAG_UPE, 503);
		return STEP_OVER;
	}
	return STEP_MORE;
}

static void answer_eof(struct mirror *m)
{
	struct upstream *u = m->upstream;

	if (!u->stream.error && m->status && http1_eof(&u->parser) == HTTP1_END)
		mirror_end(m, 0, false);
	else
		mirror_failed(m, u->stream.error == ECONNRESET ? FLAG_UR : FLAG_UC, 503);
}

/* Reads what is there; false: nothing was, or the copy is gone. */
static bool pull(struct mirror *m)
{
	struct upstream *u = m->upstream;
	struct buffers *buffers = &m->worker->buffers;
	enum step step = STEP_AGAIN;
	size_t got;

	if (!buffer_take(buffers, &u->in)) {
		mirror_end(m, FLAG_OM, false);
		return false;
	}
	got = stream_receive(&u->stream, &u->in);
	while (step == STEP_AGAIN)
		step = answer_step(m);
	if (step == STEP_OVER)
		return false;
	buffer_give(buffers, &u->in);
	if (u->stream.ended || u->stream.error) {
		answer_eof(m);
		return false;
	}
	return got;
}

static void moved(struct upstream_user *user)
{
	struct mirror *m = (struct mirror *)user;

	push(m);
	for (unsigned i = 0; pull(m); i++)
		if (i == PULLS_MAX) {
			stream_remind(m->worker, &m->upstream->stream);
			return;
		}
}

static void connected(struct upstream_user *user)
{
	struct mirror *m = (struct mirror *)user;

	m->upstream->parser.answers_head = m->is_head;
	moved(user);
}

static void lost(struct upstream_user *user, int error, bool timed_out)
{
	struct mirror *m = (struct mirror *)user;

	(void)error;
	(void)timed_out;
	m->upstream = NULL;
	mirror_failed(m, FLAG_UF, 503);
}

/* ---- sending ---- */

static void connection_get(struct mirror *m)
{
	const struct table_cluster *t = m->destination->table;
	struct cluster *c = m->destination->cluster;
	struct endpoint *e = m->endpoint;
	int err;

	m->upstream = e->alone ? NULL : upstream_reuse(m->worker, e, &m->user);
	if (m->upstream) {
		connected(&m->user);
		return;
	}
	if (!limit_take(&c->connections, t->max_connections)) {
		mirror_end(m, FLAG_UO, false);
		return;
	}
	err = upstream_connect(m->worker, e, &m->user, t, &m->upstream);
	if (!err)
		return;
	limit_give(&c->connections);
	if (atomic_load(&c->pending))
		waiting_wake(m->worker);
	if (err == -EUSERS)
		mirror_end(m, FLAG_UO, false);
	else
		mirror_failed(m, FLAG_UF, 503);
}

static void mirror_send(struct mirror *m, struct client *c)
{
	const struct destination *d = m->destination;
	int64_t timeout = c->request.timeout ? c->request.timeout : TIMEOUT;
	uint64_t cookie = c->request.cookie;

	m->counted = limit_take(&d->cluster->requests, d->table->max_requests);
	if (!m->counted) {
		mirror_end(m, FLAG_UO, false);
		return;
	}
	m->endpoint = attempt_endpoint(c, d);
	c->request.cookie = cookie; /* one that is made for a copy is not the client's */
	if (!m->endpoint) {
		mirror_end(m, FLAG_UH, false);
		return;
	}
	atomic_fetch_add_explicit(&m->endpoint->active, 1, memory_order_relaxed);
	timer_set(&m->worker->timers, &m->timer, m->worker->now + timeout);
	connection_get(m);
}

void mirrors_send(struct client *c)
{
	while (c->request.mirrors) {
		struct mirror *m = c->request.mirrors;

		c->request.mirrors = m->next;
		mirror_send(m, c);
	}
}

void mirrors_drop(struct request *r)
{
	while (r->mirrors) {
		struct mirror *m = r->mirrors;

		r->mirrors = m->next;
		mirror_end(m, FLAG_DC, false);
	}
}

/* ---- collecting ---- */

static bool bytes_put(struct mirror *m, const char *bytes, size_t length)
{
	struct buffers *buffers = &m->worker->buffers;
	size_t need = m->out.end + length;
	uint32_t size = m->out.size;

	while (size < need)
		size *= 2;
	if (need > BODY_MAX || (size > m->out.size && !buffer_grow(buffers, &m->out, size)))
		return false;
	return buffer_put(&m->out, bytes, length);
}

void mirrors_put(struct client *c, const char *bytes, size_t length)
{
	struct mirror **at = &c->request.mirrors, *m;

	while ((m = *at)) {
		if (bytes_put(m, bytes, length)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		mirror_end(m, FLAG_UO, false);
	}
}

static bool head_put(struct client *c, struct buffer *out)
{
	struct buffers *buffers = &c->worker->buffers;

	return buffer_take(buffers, out) &&
	       (!head_copy_put(c, out) ||
		(buffer_grow(buffers, out, BUFFER_LARGE) && !head_copy_put(c, out)));
}

static void mirror_begin(struct client *c, const struct table_mirror *from, struct tally *tally)
{
	struct request *r = &c->request;
	struct mirror *m = xcalloc(1, sizeof(*m));

	m->user = (struct upstream_user){.connected = connected,
					 .lost = lost,
					 .ready = moved,
					 .has_origin = c->user.has_origin,
					 .origin = c->user.origin};
	m->worker = c->worker;
	m->view = view_hold(r->view);
	m->destination = route_destination(r->route, from->cluster);
	m->tally = tally;
	m->is_head = http_text_is(r->asked.method, "HEAD");
	m->timer.expired = expired;
	m->began = c->worker->now;
	c->worker->nr_mirrors++;
	if (c->worker->nr_mirrors > COPIES_MAX) {
		mirror_end(m, FLAG_UO, false);
	} else if (!head_put(c, &m->out)) {
		mirror_end(m, FLAG_OM, false);
	} else {
		m->next = r->mirrors;
		r->mirrors = m;
	}
}

void mirrors_begin(struct client *c)
{
	struct request *r = &c->request;
	const struct table_rule *rule = r->route->rule;

	for (size_t i = 0; i < rule->nr_mirrors && !c->parser.head.upgrade; i++) {
		const struct table_cluster *to = rule->mirrors[i].cluster;

		if (!*to->unknown && !to->needs_tls &&
		    worker_rolls(c->worker, rule->mirrors[i].millionths))
			mirror_begin(c, &rule->mirrors[i], r->route->of_mirror[i]);
	}
	if (r->mirrors && r->out.at)
		mirrors_put(c, r->out.at + r->head_length, r->out.end - r->head_length);
	if (r->whole)
		mirrors_send(c);
}
