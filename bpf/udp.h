/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Datagrams of sockets that are not connected. The first one to a service is decided as a connection
 * is; those that follow go to the same endpoint while it is there, and answers from it show the
 * service as their source. Nothing stays reserved, as nothing tells when such a conversation ends.
 */
#ifndef BPF_UDP_H
#define BPF_UDP_H

#include <asm-generic/errno.h>
#include "decide.h"
#include "dialler.h"
#include "health.h"
#include "maps.h"
#include <shunt/session.h>

static __always_inline struct udp_sessions *sessions_of(struct bpf_sock_addr *ctx, __u64 create)
{
	return ctx->sk ? bpf_sk_storage_get(&udp_sessions, ctx->sk, 0, create) : NULL;
}

static __always_inline int same_address(const __u8 *a, const __u8 *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1];
}

static __always_inline int is_of(const struct udp_session *s, const struct service_key *key)
{
	return s->service_port == key->port && same_address(s->service, key->address);
}

static __always_inline void aim_session(struct dial *dial, const struct udp_session *s)
{
	__builtin_memcpy(dial->to.byte, s->to, 16);
	dial->to_port = s->to_port;
}

/* It is in force, and picks do not pass it over. */
static __always_inline int endpoint_serves(__u32 slot, __u32 generation)
{
	struct endpoint_state *state = bpf_map_lookup_elem(&endpoint_state, &slot);

	return state && state->generation == generation && !*(volatile __u32 *)&state->gone &&
	       !endpoint_out(state, bpf_ktime_get_ns());
}

/* What a socket's list says of a service, copied under its lock. */
struct talk {
	__u32 endpoint, generation;
	int found;
};

static __always_inline struct talk talk_find(struct udp_sessions *list, struct dial *dial)
{
	__u64 now = bpf_ktime_get_ns();
	struct talk talk = {0};

	bpf_spin_lock(&list->lock);
	for (int i = 0; i < UDP_SESSIONS; i++) {
		struct udp_session *s = &list->list[i];

		if (!is_of(s, &dial->key) || now - s->used >= UDP_SESSION_IDLE_NS)
			continue;
		s->used = now;
		talk.endpoint = s->endpoint;
		talk.generation = s->endpoint_generation;
		talk.found = 1;
		aim_session(dial, s);
		break;
	}
	bpf_spin_unlock(&list->lock);
	return talk;
}

/*
 * Keeps what was decided in the place of `over`, or of the one that was quiet for the longest. When
 * another thread was first, both go where that one's datagram went.
 */
static __always_inline void talk_keep(struct udp_sessions *list, struct dial *dial,
				       const struct decision *decision, const struct talk *over)
{
	struct udp_session *to = &list->list[0];
	__u64 now = bpf_ktime_get_ns();

	bpf_spin_lock(&list->lock);
	for (int i = 0; i < UDP_SESSIONS; i++) {
		struct udp_session *s = &list->list[i];

		if (is_of(s, &dial->key)) {
			to = s;
			break;
		}
		if (s->used < to->used)
			to = s;
	}
	if (is_of(to, &dial->key) && now - to->used < UDP_SESSION_IDLE_NS &&
	    (to->endpoint != over->endpoint || to->endpoint_generation != over->generation)) {
		aim_session(dial, to);
	} else {
		__builtin_memcpy(to->service, dial->key.address, 16);
		__builtin_memcpy(to->to, dial->to.byte, 16);
		to->service_port = dial->key.port;
		to->to_port = dial->to_port;
		to->endpoint = decision->endpoint;
		to->endpoint_generation = decision->endpoint_generation;
		to->used = now;
	}
	bpf_spin_unlock(&list->lock);
}

/* A connected socket that names its peer as it dialled it. */
static __always_inline int to_own_peer(struct bpf_sock_addr *ctx, struct dial *dial)
{
	struct bpf_sock *sk = ctx->sk;
	struct flow *flow;

	if (!sk || sk->state != BPF_TCP_ESTABLISHED)
		return 0;
	flow = bpf_sk_storage_get(&flows, sk, 0, 0);
	if (!flow || flow->steered != FLOW_TO_ENDPOINT || flow->service.port != dial->key.port ||
	    !same_address(flow->service.address, dial->key.address))
		return 0;
	__builtin_memcpy(dial->to.byte, flow->to, 16);
	dial->to_port = flow->to_port;
	return 1;
}

/* STEER: to dial->to; else PASS or REFUSE. */
static __always_inline enum verdict steer_datagram(struct bpf_sock_addr *ctx, struct dial *dial)
{
	struct udp_sessions *list = sessions_of(ctx, 0);
	const struct route *route = NULL;
	struct decision decision;
	struct talk talk = {0};
	enum verdict verdict;

	if (to_own_peer(ctx, dial))
		return STEER;
	if (list)
		talk = talk_find(list, dial);
	if (talk.found && endpoint_serves(talk.endpoint, talk.generation))
		return STEER;
	dial_from(ctx, dial);
	verdict = decide_route(dial, &route);
	if (!route)
		return verdict;
	list = sessions_of(ctx, BPF_SK_STORAGE_GET_F_CREATE);
	if (!list) {
		COUNT(refused_no_memory);
		return REFUSE;
	}
	verdict = decide_end(dial, route, &decision);
	if (verdict != STEER)
		return verdict;
	count_connected(decision.hold);
	unreserve(decision.hold, decision.endpoint, decision.endpoint_generation);
	COUNT(closed);
	if (!decision.steered)
		return PASS;
	talk_keep(list, dial, &decision, &talk);
	return STEER;
}

/* The service that an endpoint answers for; of two with that endpoint the one of the last datagram. */
static __always_inline int talk_with(struct udp_sessions *list, const struct addr *from, __u16 port,
				     struct service_key *out)
{
	__u64 now = bpf_ktime_get_ns();
	struct udp_session *with = NULL;

	bpf_spin_lock(&list->lock);
	for (int i = 0; i < UDP_SESSIONS; i++) {
		struct udp_session *s = &list->list[i];

		if (s->to_port == port && same_address(s->to, from->byte) &&
		    (!with || s->used > with->used))
			with = s;
	}
	if (with) {
		with->used = now;
		__builtin_memcpy(out->address, with->service, 16);
		out->port = with->service_port;
	}
	bpf_spin_unlock(&list->lock);
	return with != NULL;
}

/* What the sender of a datagram is shown as; 0: as it is. */
static __always_inline int shown_source(struct bpf_sock_addr *ctx, const struct addr *from,
					__u16 port, struct service_key *out)
{
	struct bpf_sock *sk = ctx->sk;
	struct udp_sessions *list;
	struct flow *flow;

	if (!sk)
		return 0;
	flow = bpf_sk_storage_get(&flows, sk, 0, 0);
	if (flow && flow->steered && flow->to_port == port && same_address(flow->to, from->byte)) {
		*out = flow->service;
		return 1;
	}
	list = bpf_sk_storage_get(&udp_sessions, sk, 0, 0);
	return list && talk_with(list, from, port, out);
}

#endif
