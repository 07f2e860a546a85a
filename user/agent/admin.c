// SPDX-License-Identifier: GPL-2.0
/* Serves the admin socket without ever waiting for a client. */
#include "agent/admin.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "agent/wire.h"

#define MAX_CLIENTS 16
#define MAX_FOLLOWERS 8
#define IDLE_SECONDS 10
#define MAX_BACKLOG (1u << 20) /* bytes that wait for one follower */

enum client_state { CLIENT_ASKING, CLIENT_RUNNING, CLIENT_ANSWERED, CLIENT_FOLLOWING };

struct admin_client {
	struct admin *admin;
	struct loop_source *source;
	int fd;
	uint64_t id;
	enum client_state state;
	struct frame_buffer in;
	char *out;
	size_t out_nr, out_done;
	time_t moved; /* last byte in or out */
	struct admin_client *next;
};

struct admin {
	struct loop_source *source, *tick;
	struct loop *loop;
	int fd;
	char *path;
	struct admin_client *clients;
	size_t nr_clients;
	uint64_t last_id;
	void (*run)(struct admin_client *c, json_t *request, void *arg);
	void *arg;
};

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void client_end(struct admin_client *c)
{
	struct admin *a = c->admin;
	struct admin_client **link = &a->clients;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	loop_remove(c->source);
	close(c->fd);
	frame_free(&c->in);
	free(c->out);
	free(c);
	if (!--a->nr_clients)
		loop_timer_set(a->tick, 0, 0);
}

/* False when the client is gone. */
static bool client_write(struct admin_client *c)
{
	while (c->out_done < c->out_nr) {
		ssize_t n = send(c->fd, c->out + c->out_done, c->out_nr - c->out_done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n == -1 && errno == EAGAIN)
			break;
		if (n <= 0) {
			client_end(c);
			return false;
		}
		c->out_done += (size_t)n;
		c->moved = seconds_now();
	}
	if (c->out_done == c->out_nr && c->state == CLIENT_ANSWERED) {
		client_end(c);
		return false;
	}
	loop_want(c->source, c->out_done < c->out_nr ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return true;
}

static void client_send(struct admin_client *c, json_t *message)
{
	size_t length;
	char *frame = frame_make(message, &length);

	json_decref(message);
	if (!frame) {
		message = json_pack("{s:b,s:s}", "ok", 0, "error", "the answer is longer than a "
				    "message may be; narrow it with -n");
		frame = frame_make(message, &length);
		json_decref(message);
	}
	if (c->out_done)
		memmove(c->out, c->out + c->out_done, c->out_nr - c->out_done);
	c->out_nr -= c->out_done;
	c->out_done = 0;
	c->out = xrealloc(c->out, c->out_nr + length, 1);
	memcpy(c->out + c->out_nr, frame, length);
	c->out_nr += length;
	free(frame);
	client_write(c);
}

uint64_t admin_client_id(const struct admin_client *c)
{
	return c->id;
}

struct admin_client *admin_client_find(struct admin *a, uint64_t id)
{
	for (struct admin_client *c = a->clients; c; c = c->next)
		if (c->id == id)
			return c;
	return NULL;
}

void admin_reply(struct admin_client *c, json_t *reply)
{
	c->state = CLIENT_ANSWERED;
	client_send(c, reply);
}

void admin_refuse(struct admin_client *c, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	admin_reply(c, json_pack("{s:b,s:o}", "ok", 0, "error", json_text(text)));
	free(text);
}

size_t admin_followers(const struct admin *a)
{
	size_t nr = 0;

	for (const struct admin_client *c = a->clients; c; c = c->next)
		nr += c->state == CLIENT_FOLLOWING;
	return nr;
}

void admin_follow(struct admin_client *c, json_t *first)
{
	if (admin_followers(c->admin) >= MAX_FOLLOWERS) {
		json_decref(first);
		admin_refuse(c, "%d others follow already", MAX_FOLLOWERS);
		return;
	}
	c->state = CLIENT_FOLLOWING;
	client_send(c, first);
}

void admin_tell(struct admin *a, json_t *message)
{
	struct admin_client *next;

	for (struct admin_client *c = a->clients; c; c = next) {
		next = c->next;
		if (c->state == CLIENT_FOLLOWING && c->out_nr - c->out_done < MAX_BACKLOG)
			client_send(c, json_incref(message));
	}
	json_decref(message);
}

/* Runs the request once it is whole; the client may be gone afterwards. */
static void client_ask(struct admin_client *c)
{
	json_t *request;
	char *why;
	int err = frame_take(&c->in, &request, &why);

	if (!err)
		return;
	if (err == -EMSGSIZE)
		admin_refuse(c, "a message may have %u bytes", FRAME_MAX);
	else if (err < 0)
		admin_refuse(c, "%s", why);
	free(why);
	if (err < 0)
		return;
	c->state = CLIENT_RUNNING;
	c->admin->run(c, request, c->admin->arg);
}

static void client_ready(uint32_t events, void *arg)
{
	struct admin_client *c = arg;
	unsigned char *at;
	size_t room;
	ssize_t n;

	if (events & EPOLLOUT && !client_write(c))
		return;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	at = frame_reserve(&c->in, &room);
	n = recv(c->fd, at, room, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Nothing is expected after the request: its end, or more, ends the connection. */
	if (n <= 0 || c->state != CLIENT_ASKING) {
		client_end(c);
		return;
	}
	c->in.nr += (size_t)n;
	c->moved = seconds_now();
	client_ask(c);
}

static void tick(void *arg)
{
	struct admin *a = arg;
	time_t now = seconds_now();
	struct admin_client *next;

	for (struct admin_client *c = a->clients; c; c = next) {
		next = c->next;
		if (c->state == CLIENT_FOLLOWING && c->out_done == c->out_nr)
			continue;
		if (now - c->moved > IDLE_SECONDS)
			client_end(c);
	}
}

/* Who connects and asks nothing must not keep others out: the one that moved first gives way. */
static void oldest_end(struct admin *a)
{
	struct admin_client *oldest = NULL;

	for (struct admin_client *c = a->clients->next; c; c = c->next) {
		if (c->state != CLIENT_FOLLOWING && (!oldest || c->moved <= oldest->moved))
			oldest = c;
	}
	client_end(oldest);
}

static bool peer_served(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static void listener_ready(uint32_t events, void *arg)
{
	struct admin *a = arg;
	int fd = accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct admin_client *c;

	(void)events;
	if (fd == -1)
		return;
	if (!peer_served(fd)) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct admin_client){
		.admin = a, .fd = fd, .id = ++a->last_id, .moved = seconds_now(), .next = a->clients};
	if (loop_add(a->loop, fd, EPOLLIN, client_ready, c, &c->source)) {
		close(fd);
		free(c);
		return;
	}
	a->clients = c;
	if (a->nr_clients++ == MAX_CLIENTS)
		oldest_end(a);
	else if (a->nr_clients == 1)
		loop_timer_set(a->tick, 1000, 1000);
}

static int socket_open(const char *path, int *out)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int err, fd;
	mode_t old;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -errno;
	unlink(path);
	old = umask(0177);
	err = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 64) ? -errno : 0;
	umask(old);
	if (err) {
		close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

int admin_open(struct loop *l, const char *path,
	       void (*run)(struct admin_client *c, json_t *request, void *arg), void *arg,
	       struct admin **out)
{
	struct admin *a;
	int fd = -1, err = socket_open(path, &fd);

	if (err)
		return err;
	a = xcalloc(1, sizeof(*a));
	*a = (struct admin){.loop = l, .fd = fd, .path = xstrdup(path), .run = run, .arg = arg};
	err = loop_timer(l, tick, a, &a->tick);
	if (!err)
		err = loop_add(l, fd, EPOLLIN, listener_ready, a, &a->source);
	if (err) {
		admin_close(a);
		return err;
	}
	*out = a;
	return 0;
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	while (a->clients)
		client_end(a->clients);
	loop_remove(a->source);
	loop_timer_remove(a->tick);
	close(a->fd);
	unlink(a->path);
	free(a->path);
	free(a);
}
