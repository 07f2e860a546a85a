/* SPDX-License-Identifier: GPL-2.0 */
/* Time as the programs see it: their clock, and the end of those that run now. */
#ifndef DATAPATH_CLOCK_H
#define DATAPATH_CLOCK_H

#include <stdint.h>

uint64_t now_ns(void); /* CLOCK_MONOTONIC, as bpf_ktime_get_ns */
/* The same moment by the clock on the wall: seconds since 1970. */
double clock_wall(uint64_t ns);
/* Waits until every program that runs now has ended (an RCU grace period; some 10 ms). */
void grace_period(void);

#endif
