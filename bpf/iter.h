/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What iterators are given: a walk over the sockets that carry a flow, and over all sockets of a
 * network namespace. Of the kernel's structs only what is read; its layout is looked up at load.
 */
#ifndef BPF_ITER_H
#define BPF_ITER_H

#include <linux/types.h>

struct bpf_iter_meta;
struct bpf_map;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr { /* read as a whole */
	__u8 byte[16];
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	int skc_bound_dev_if;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct inet_connection_sock {
	struct {
		__u32 lrcvtime; /* of data, jiffies */
	} icsk_ack;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 lsndtime; /* of data, jiffies */
};

struct udp_sock;

struct bpf_iter__bpf_sk_storage_map {
	union {
		struct bpf_iter_meta *meta;
		__u64 : 64;
	};
	union {
		struct bpf_map *map;
		__u64 : 64;
	};
	union {
		struct sock *sk;
		__u64 : 64;
	};
	union {
		void *value;
		__u64 : 64;
	};
};

struct bpf_iter__tcp {
	union {
		struct bpf_iter_meta *meta;
		__u64 : 64;
	};
	union {
		struct sock_common *sk_common;
		__u64 : 64;
	};
};

struct bpf_iter__udp {
	union {
		struct bpf_iter_meta *meta;
		__u64 : 64;
	};
	union {
		struct udp_sock *udp_sk;
		__u64 : 64;
	};
};

#pragma clang attribute pop

#endif
