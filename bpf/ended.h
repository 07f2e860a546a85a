/* SPDX-License-Identifier: GPL-2.0 */
/* What a TCP socket knows of its connection when that ends: why, and how much went through it. */
#ifndef BPF_ENDED_H
#define BPF_ENDED_H

#include <asm-generic/errno.h>
#include <shunt/flow.h>
#include "traffic.h"

/* The members that are read; CO-RE finds them in the running kernel's. */
struct minmax_sample___ended {
	__u32 v;
} __attribute__((preserve_access_index));
struct minmax___ended {
	struct minmax_sample___ended s[3];
} __attribute__((preserve_access_index));
struct tcp_sock___ended {
	__u64 bytes_sent;    /* of the stream, with what was sent again */
	__u64 bytes_retrans; /* of those, what was sent again */
	__u64 bytes_received; /* with 1 for a FIN */
	__u32 segs_in, segs_out;
	__u32 total_retrans;
	__u32 srtt_us; /* eighths */
	struct minmax___ended rtt_min;
} __attribute__((preserve_access_index));
struct sock_common___ended {
	unsigned long skc_flags;
} __attribute__((preserve_access_index));
struct sock___ended {
	struct sock_common___ended __sk_common;
	int sk_err;
} __attribute__((preserve_access_index));

#define FLAG_DONE (1UL << 1) /* SOCK_DONE: the other end's FIN came */

static __always_inline int ended_error(void *tcp)
{
	const struct sock___ended *sk = tcp;

	return sk ? sk->sk_err : 0;
}

/* FAILURE_NONE: the caller gave up by itself. */
static __always_inline enum failure ended_failure(int err)
{
	switch (err) {
	case 0:
	case ECONNABORTED: /* here it was ended, by the agent or an operator */
		return FAILURE_NONE;
	case ECONNREFUSED:
	case ECONNRESET:
		return FAILURE_REFUSED;
	case ETIMEDOUT:
		return FAILURE_TIMED_OUT;
	default:
		return FAILURE_UNREACHABLE;
	}
}

/* Of one that had been established. */
static __always_inline void ended_count(void *tcp, const struct flow *flow, struct traffic *t)
{
	const struct tcp_sock___ended *tp = tcp;
	const struct sock___ended *sk = tcp;
	struct sums sums = {.duration = bpf_ktime_get_ns() - flow->since};

	if (tp) {
		sums.bytes_sent = tp->bytes_sent - tp->bytes_retrans;
		sums.bytes_received = tp->bytes_received - !!(sk->__sk_common.skc_flags & FLAG_DONE);
		sums.segments_sent = tp->segs_out;
		sums.segments_received = tp->segs_in;
		sums.retransmitted = tp->total_retrans;
		sums.rtt = tp->srtt_us >> 3;
		sums.rtt_min = tp->rtt_min.s[0].v;
		if (sk->sk_err == ECONNRESET || sk->sk_err == EPIPE)
			__sync_fetch_and_add(&t->reset, 1);
		else if (sk->sk_err == ETIMEDOUT)
			__sync_fetch_and_add(&t->lost, 1);
	}
	traffic_ended(t, &sums);
}

#endif
