// SPDX-License-Identifier: GPL-2.0
/* Lists clients: who called, what was dialled, what is under way. */
#include "proxy/listing.h"
#include <errno.h>
#include <jansson.h>
#include "proxy/client.h"
#include "proxy/proxy.h"
#include "proxy/stats.h"

#define CLIENTS_MOST 10000 /* of all workers */

struct listing {
	uint32_t id;
	size_t most; /* of one worker */
	atomic_uint left;
	json_t *of_worker[];
};

static const char *state_name(const struct client *c)
{
	static const char *const serving[] = {
		[REQUEST_NONE] = "serving",	    [REQUEST_DELAYED] = "delayed",
		[REQUEST_WAITING] = "pending",	    [REQUEST_CONNECTING] = "connecting",
		[REQUEST_SENT] = "sent",	    [REQUEST_BACKING_OFF] = "backing off",
		[REQUEST_ANSWERED] = "answering", [REQUEST_REPLIED] = "replying",
	};
	static const char *const others[] = {
		[CLIENT_SNIFFING] = "sniffing",	  [CLIENT_TUNNEL] = "tunnel",
		[CLIENT_LINGERING] = "closing", [CLIENT_CLOSED] = "closed",
	};

	if (c->state == CLIENT_SERVING)
		return serving[c->request.state];
	if (c->state == CLIENT_READING)
		return c->in_head ? "reading" : "idle";
	return others[c->state];
}

static json_t *address_json(const struct inet *a, unsigned port)
{
	char text[INET_TEXT + 8];

	return json_string(inet_print_port(a, port, text));
}

static json_t *client_json(const struct client *c)
{
	const struct request *r = &c->request;
	json_t *out = json_object();

	json_object_set_new(out, "caller", json_string(c->listener->caller));
	json_object_set_new(out, "from", address_json(&c->peer, c->peer_port));
	json_object_set_new(out, "dialled", address_json(&c->dialled, c->port));
	json_object_set_new(out, "state", json_string(state_name(c)));
	if (!r->view) /* nothing is under way */
		return out;
	if (r->destination)
		json_object_set_new(out, "cluster", json_string(r->destination->table->name));
	if (r->endpoint)
		json_object_set_new(out, "to",
				    address_json(&r->endpoint->address, r->endpoint->port));
	json_object_set_new(out, "request_seconds",
			    json_real((double)(c->worker->now - r->began) / 1e9));
	return out;
}

int listing_start(struct proxy *p, uint32_t id)
{
	struct listing *l;

	if (p->listing)
		return -EBUSY;
	l = xcalloc(1, sizeof(*l) + p->nr_workers * sizeof(l->of_worker[0]));
	l->id = id;
	l->most = CLIENTS_MOST / p->nr_workers + 1;
	atomic_init(&l->left, p->nr_workers);
	p->listing = l;
	for (unsigned i = 0; i < p->nr_workers; i++) {
		atomic_store_explicit(&p->workers[i].listing, l, memory_order_release);
		worker_wake(&p->workers[i]);
	}
	return 0;
}

void listing_fill(struct listing *l, const struct worker *w)
{
	json_t *list = json_array();

	for (const struct client *c = w->clients; c && json_array_size(list) < l->most; c = c->next)
		json_array_append_new(list, client_json(c));
	l->of_worker[w->index] = list;
	atomic_fetch_sub_explicit(&l->left, 1, memory_order_release);
}

bool listing_done(struct proxy *p, uint32_t *id, int *fd)
{
	struct listing *l = p->listing;
	json_t *all, *out;

	if (!l || atomic_load_explicit(&l->left, memory_order_acquire))
		return false;
	all = json_array();
	for (unsigned i = 0; i < p->nr_workers; i++) {
		json_array_extend(all, l->of_worker[i]);
		json_decref(l->of_worker[i]);
	}
	out = json_pack("{s:o,s:I}", "clients", all, "total", (json_int_t)proxy_clients(p));
	*fd = stats_dump(out);
	*id = l->id;
	json_decref(out);
	free(l);
	p->listing = NULL;
	return true;
}
