/* SPDX-License-Identifier: GPL-2.0 */
/* The part of its share that a new endpoint gets as it warms up; without floating point. */
#ifndef BPF_PICK_WARM_H
#define BPF_PICK_WARM_H

#include <shunt/endpoint.h>
#include <shunt/service.h>

#define WARM_ONE 65536 /* all of its share, and 1 of fixed point */

/* The highest bit that is set; x > 0. By hand, as clang 16 has no such thing for BPF. */
static inline __attribute__((always_inline)) __u32 warm_bit(__u32 x)
{
	__u32 bit = 0;

	for (__u32 step = 16; step; step >>= 1)
		if (x >> (bit + step))
			bit += step;
	return bit;
}

/* -log2 of x / 2^32, in 1/65536; x > 0. A polynomial for the part behind the point, off by 2^-13. */
static inline __attribute__((always_inline)) __u64 warm_log2(__u32 x)
{
	__u32 whole = warm_bit(x);
	__s64 f = ((__u64)x << (32 - whole) & 0xffffffffU) >> 16, sum;

	sum = 7982 - (f * 1694 >> 16);
	sum = -18213 + (f * sum >> 16);
	sum = 29986 + (f * sum >> 16);
	sum = -47064 + (f * sum >> 16);
	sum = 94539 + (f * sum >> 16);
	return (32ULL - whole) * WARM_ONE - (f * sum >> 16);
}

/* 2^-y in 1/65536, y too; off by 2^-14. */
static inline __attribute__((always_inline)) __u32 warm_exp2(__u64 y)
{
	__u64 whole = y >> 16, h = WARM_ONE - (y & 0xffff), sum;

	if (whole > 31)
		return 0;
	sum = 3410 + (h * 888 >> 16);
	sum = 15819 + (h * sum >> 16);
	sum = 45419 + (h * sum >> 16);
	return (WARM_ONE + (h * sum >> 16)) >> (whole + 1);
}

/* max(least, (time / duration)^(1 / aggression)), in 1/65536. */
static inline __attribute__((always_inline)) __u32 warmth(const struct cluster *c,
							   const struct endpoint *e, __u64 now)
{
	__u64 time = now > e->since ? now - e->since : 0, all = c->warmup;
	__u32 shift = all >> 32 ? warm_bit(all >> 32) + 1 : 0, factor;

	if (!e->since || time >= all)
		return WARM_ONE;
	time = ((time >> shift) << 32) / (all >> shift);
	if (!time)
		return c->warmup_least;
	if (time >> 32) /* by rounding */
		return WARM_ONE;
	factor = warm_exp2(warm_log2(time) * c->warmup_power >> 12);
	return factor > c->warmup_least ? factor : c->warmup_least;
}

#endif
