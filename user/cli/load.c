// SPDX-License-Identifier: GPL-2.0
/* `load` and `unload`: the programs without an agent, and the end of every trace. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "agent/lock.h"
#include "agent/wire.h"
#include "base/inet.h"
#include "cli/cli.h"
#include "datapath/datapath.h"

static int refused(const char *command, int err, char *why)
{
	fprintf(stderr, "shunt %s: %s\n", command, why ? why : strerror(-err));
	free(why);
	return EXIT_REFUSED;
}

int cli_load(const struct options *o)
{
	char *why = NULL;
	int did = 0, err = datapath_load(o->root, o->cgroup, &did, &why);

	if (err)
		return refused("load", err, why);
	if (o->json)
		json_show(json_pack("{s:s,s:i}", "root", o->root, "loaded", did));
	else if (did)
		printf("%d program%s loaded below /sys/fs/bpf/%s\n", did, did == 1 ? "" : "s",
		       o->root);
	else
		printf("all programs were loaded already below /sys/fs/bpf/%s\n", o->root);
	return 0;
}

/* What an agent that was killed could not remove. */
static void stale_remove(const char *root)
{
	char *path = xasprintf("/run/%s.sock", root);

	unlink(path);
	free(path);
}

static void tell_undrained(const struct spliced *row, int outcome)
{
	char ends[2][INET_TEXT + 8];
	struct inet address, peer;

	memcpy(address.byte, row->address, 16);
	memcpy(peer.byte, row->peer, 16);
	fprintf(stderr, "shunt unload: %s has not read what %s sent it: %s%s\n",
		inet_print_port(&address, row->port, ends[0]),
		inet_print_port(&peer, row->peer_port, ends[1]),
		outcome == 0 ? "reset" :
		outcome > 0  ? "it gets that, and by TCP what follows, when it reads" :
			       "it could not be reset: ",
		outcome < 0 ? strerror(-outcome) : "");
}

int cli_unload(const struct options *o)
{
	struct lock lock;
	char *why = NULL;
	int err;

	if (geteuid())
		return refused("unload", -EPERM,
			       xstrdup("root is needed to remove BPF programs (try sudo)"));
	err = lock_take(o->root, &lock);

	if (err == -EBUSY && !o->force) {
		fprintf(stderr, "shunt unload: the agent of root %s runs as process %d; stop it, or "
			"say --force\n", o->root, (int)lock.owner);
		return EXIT_REFUSED;
	}
	if (err == -EBUSY)
		err = lock_take_over(o->root, &lock);
	if (err)
		return refused("unload", err, xasprintf("/run/%s.lock: %s", o->root, strerror(-err)));
	if (datapath_unsplice(o->root, o->reset, tell_undrained, &why))
		fprintf(stderr, "shunt unload: spliced connections are not waited for: %s\n",
			why ? why : "they cannot be listed");
	free(why);
	err = datapath_unload(o->root, &why);
	stale_remove(o->root);
	lock_drop(&lock, true);
	if (err == -ENOENT) {
		printf("nothing was loaded below /sys/fs/bpf/%s\n", o->root);
		free(why);
		return 0;
	}
	if (err)
		return refused("unload", err, why);
	printf("unloaded %s\n", o->root);
	return 0;
}
