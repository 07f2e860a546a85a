// SPDX-License-Identifier: GPL-2.0
/* The part of its share that an endpoint gets as it warms up. */
#include "proxy/warmup.h"
#include <math.h>

double warmup_factor(const struct table_warmup *w, int64_t since, int64_t now)
{
	double least = w->minimum_millionths / 1e6, factor;

	if (!since || now - since >= w->duration)
		return 1;
	if (now <= since)
		factor = 0;
	else
		factor = pow((double)(now - since) / (double)w->duration,
			     1e3 / w->aggression_thousandths);
	/* never 0, or it would not be asked when it is warm */
	least = least > 1e-6 ? least : 1e-6;
	return factor > least ? factor : least;
}
