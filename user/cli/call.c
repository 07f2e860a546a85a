// SPDX-License-Identifier: GPL-2.0
/* The client's end of the admin socket; it may wait, as nobody waits for it. */
#include "cli/call.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int call_open(struct call *c, const char *root)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int err;

	*c = (struct call){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	if (c->fd == -1)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/run/%s.sock", root);
	if (connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) == -1) {
		err = -errno;
		call_close(c);
		return err;
	}
	return 0;
}

int call_send(struct call *c, const json_t *request)
{
	size_t length, done = 0;
	char *frame = frame_make(request, &length);
	int err = frame ? 0 : -EMSGSIZE;

	while (!err && done < length) {
		ssize_t n = send(c->fd, frame + done, length - done, MSG_NOSIGNAL);

		if (n == -1 && errno != EINTR)
			err = -errno;
		else if (n > 0)
			done += (size_t)n;
	}
	free(frame);
	return err;
}

int call_receive(struct call *c, json_t **out)
{
	unsigned char *at;
	size_t room;
	ssize_t n;
	char *why;
	int err;

	for (;;) {
		err = frame_take(&c->in, out, &why);
		free(why);
		if (err)
			return err < 0 ? err : 0;
		at = frame_reserve(&c->in, &room);
		n = recv(c->fd, at, room, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPIPE;
		c->in.nr += (size_t)n;
	}
}

void call_close(struct call *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
	frame_free(&c->in);
}

json_t *call_request(const struct options *o, const char *command)
{
	json_t *request = json_pack("{s:s}", "command", command);

	if (o->namespace && !o->all)
		json_object_set_new(request, "namespace", json_text(o->namespace));
	return request;
}

int call_failed(const struct options *o, const char *command, int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		fprintf(stderr, "shunt %s: no agent of root %s runs: start it with `shunt agent`; "
			"`shunt maps` and `shunt conns` read the kernel without one\n", command,
			o->root);
	else
		fprintf(stderr, "shunt %s: /run/%s.sock: %s\n", command, o->root,
			err == -EPIPE ? "the agent went away" : strerror(-err));
	return EXIT_REFUSED;
}

static void diags_say(const json_t *reply)
{
	struct diags diags = {0};

	diags_from_json(&diags, json_object_get(reply, "diags"));
	diags_print(&diags, stderr);
	diags_free(&diags);
}

int call_quietly(const struct options *o, const char *command, json_t *request, json_t **out)
{
	struct call c;
	int err = call_open(&c, o->root);

	if (!err)
		err = call_send(&c, request);
	/* A refusal can come before all was sent. */
	if (!err || err == -EPIPE || err == -ECONNRESET)
		err = call_receive(&c, out);
	json_decref(request);
	call_close(&c);
	if (err)
		return call_failed(o, command, err);
	if (json_is_true(json_object_get(*out, "ok")))
		return 0;
	diags_say(*out);
	fprintf(stderr, "shunt %s: %s\n", command, member_text(*out, "error"));
	if (o->json)
		json_show(json_incref(*out));
	json_decref(*out);
	*out = NULL;
	return EXIT_REFUSED;
}

int call_agent(const struct options *o, const char *command, json_t *request, json_t **out)
{
	int status = call_quietly(o, command, request, out);

	if (!status)
		diags_say(*out);
	return status;
}

void call_show(json_t *reply)
{
	json_object_del(reply, "ok");
	json_show(reply);
}

const char *member_text(const json_t *map, const char *key)
{
	const char *text = json_string_value(json_object_get(map, key));

	return text ? text : "";
}

json_int_t member_number(const json_t *map, const char *key)
{
	return json_integer_value(json_object_get(map, key));
}
