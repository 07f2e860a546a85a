/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a joined socket sends: to its peer's queue when that keeps order and bounds, else by TCP.
 *
 * The reader takes what is queued by us before what came by TCP. So a message may be queued only
 * when the peer has read every byte that ever went by TCP; and what goes by TCP after it is read
 * after it.
 */
#include "maps.h"
#include "socket.h"
#include "splice_mode.h"

char _license[] SEC("license") = "GPL";

#define STATE_ESTABLISHED 1 /* TCP_ESTABLISHED, TCP_CLOSE_WAIT: what may still send */
#define STATE_CLOSE_WAIT 8
#define STATE_FIN_WAIT1 4
#define STATE_FIN_WAIT2 5

static __always_inline int may_send(unsigned char state)
{
	return state == STATE_ESTABLISHED || state == STATE_CLOSE_WAIT;
}

static __always_inline int may_receive(unsigned char state)
{
	return state == STATE_ESTABLISHED || state == STATE_FIN_WAIT1 || state == STATE_FIN_WAIT2;
}

/*
 * Nothing of what is read here is believed before the cookie is: memory that has gone on to another
 * socket has another one. Memory that was given back and still has it is of no use to anyone, as
 * the socket left `splices` when it was closed.
 */
static __always_inline int takes(const struct splice_end *end, __u32 sent, __u32 size)
{
	const struct tcp_sock *tcp = (const struct tcp_sock *)end->at;
	const struct sock *sk = (const struct sock *)end->at;
	const struct tcp_ulp_ops *ulp = NULL;
	unsigned char state = 0;
	int used = 0, room = 0, least = 0;
	__u32 read = 0;
	__u64 cookie = 0;

	bpf_core_read(&read, sizeof(read), &tcp->copied_seq);
	if (read != sent)
		return 0;
	bpf_core_read(&used, sizeof(used), &sk->sk_backlog.rmem_alloc.counter);
	bpf_core_read(&room, sizeof(room), &sk->sk_rcvbuf);
	if (used < 0 || (__u32)used + size > (__u32)room / 2)
		return 0;
	bpf_core_read(&state, sizeof(state), &sk->__sk_common.skc_state);
	bpf_core_read(&least, sizeof(least), &sk->sk_rcvlowat);
	bpf_core_read(&ulp, sizeof(ulp), &tcp->inet_conn.icsk_ulp_ops);
	if (!may_receive(state) || least > 1 || ulp)
		return 0;
	bpf_core_read(&cookie, sizeof(cookie), &sk->__sk_common.skc_cookie.counter);
	return cookie == end->peer;
}

/* What the accepted socket left for its client, once. */
static __noinline int meet_peer(struct splice_end *end, __u64 cookie)
{
	struct splice_peer *found = bpf_map_lookup_elem(&splice_peers, &cookie), peer;

	if (!found || !end)
		return 0;
	peer.mark = *(volatile __u64 *)&found->mark;
	peer.cookie = *(volatile __u64 *)&found->cookie;
	peer.at = *(volatile __u64 *)&found->at;
	peer.mark_too = *(volatile __u64 *)&found->mark_too;
	if (peer.mark != cookie || peer.mark_too != cookie || *(volatile __u64 *)&found->mark != cookie)
		return 0;
	end->at = peer.at;
	end->peer = peer.cookie;
	bpf_map_delete_elem(&splice_peers, &cookie);
	return 1;
}

static __always_inline int redirect(struct sk_msg_md *msg, struct splice_end *end,
				    struct tcp_sock *tcp)
{
	struct sock *sk = (struct sock *)tcp;
	__u64 peer;

	if (splice_mode() & SPLICE_PASS || !may_send(sk->__sk_common.skc_state) ||
	    tcp->inet_conn.icsk_ulp_ops)
		return 0;
	if (!end->peer && !meet_peer(end, sk->__sk_common.skc_cookie.counter))
		return 0;
	if (!takes(end, tcp->write_seq, msg->size))
		return 0;
	peer = end->peer;
	return bpf_msg_redirect_hash(msg, &splices, &peer, BPF_F_INGRESS) == SK_PASS;
}

SEC("sk_msg")
int splice(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	struct splice_end *end;
	struct tcp_sock *tcp;

	end = sk ? bpf_sk_storage_get(&splice_of, sk, 0, 0) : NULL;
	tcp = end ? bpf_skc_to_tcp_sock(sk) : NULL;
	if (!tcp)
		return SK_PASS;
	if (redirect(msg, end, tcp)) {
		end->bytes += msg->size;
		COUNT_MANY(spliced_bytes, msg->size);
	} else {
		COUNT_MANY(splice_passed_bytes, msg->size);
	}
	return SK_PASS;
}
