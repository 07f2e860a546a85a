// SPDX-License-Identifier: GPL-2.0
/* Which pods ask for their connections to be spliced, told to the kernel. */
#include "agent/splice.h"
#include <string.h>
#include "agent/agent.h"
#include "base/log.h"
#include "config/keys.h"

bool splice_wanted(const struct agent *a)
{
	const struct strmap_entry *e;

	strmap_each(&a->set.kinds[KIND_POD], e)
		if (pod_splices(&a->set, e->value))
			return true;
	return false;
}

void splice_follow(struct agent *a)
{
	const struct netns_watch *w = &a->callers.watch;

	for (size_t i = 0; i < w->list.nr; i++) {
		const struct netns *n = w->list.at[i];
		const struct object *pod =
			n->pod ? strmap_get(&a->set.kinds[KIND_POD], n->pod) : NULL;
		int err = datapath_splice_set(a->dp, n->cookie, pod && pod_splices(&a->set, pod));

		if (err)
			log_error("the splices of %s: %s", n->pod, strerror(-err));
	}
}
