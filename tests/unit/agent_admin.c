// SPDX-License-Identifier: GPL-2.0
/* The admin socket end to end: a loop in this thread, a client that says what it likes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "agent/admin.h"
#include "agent/wire.h"
#include "unit.h"

struct world {
	char path[64];
	struct loop *loop;
	struct admin *admin;
	int client;
	struct loop_source *source;
	struct frame_buffer in;
	json_t *got;
	int wanted; /* messages to wait for, then the loop stops */
	bool follow, ended;
};

static void run(struct admin_client *c, json_t *request, void *arg)
{
	struct world *w = arg;
	json_t *reply = json_pack("{s:b,s:o}", "ok", 1, "echo", request);

	if (w->follow)
		admin_follow(c, reply);
	else
		admin_reply(c, reply);
}

static void client_ready(uint32_t events, void *arg)
{
	struct world *w = arg;
	json_t *message;
	size_t room;
	unsigned char *at = frame_reserve(&w->in, &room);
	ssize_t n = recv(w->client, at, room, MSG_DONTWAIT);
	char *why;

	(void)events;
	if (n <= 0) {
		w->ended = true;
		loop_stop(w->loop);
		return;
	}
	w->in.nr += (size_t)n;
	while (frame_take(&w->in, &message, &why) == 1) {
		json_decref(w->got);
		w->got = message;
		if (--w->wanted == 0)
			loop_stop(w->loop);
	}
}

static void world_open(struct world *w)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	*w = (struct world){.wanted = 1};
	snprintf(w->path, sizeof(w->path), "/tmp/shunt-admin-%d.sock", (int)getpid());
	CU_ASSERT_EQUAL_FATAL(loop_new(&w->loop), 0);
	CU_ASSERT_EQUAL_FATAL(admin_open(w->loop, w->path, run, w, &w->admin), 0);
	w->client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(sa.sun_path, w->path);
	CU_ASSERT_EQUAL_FATAL(connect(w->client, (struct sockaddr *)&sa, sizeof(sa)), 0);
	CU_ASSERT_EQUAL_FATAL(
		loop_add(w->loop, w->client, EPOLLIN, client_ready, w, &w->source), 0);
}

static void world_end(struct world *w)
{
	admin_close(w->admin);
	close(w->client);
	loop_free(w->loop);
	frame_free(&w->in);
	json_decref(w->got);
	CU_ASSERT_EQUAL(access(w->path, F_OK), -1);
}

static void ask(struct world *w, const char *body)
{
	size_t length = strlen(body);
	unsigned char header[4] = {0, 0, 0, (unsigned char)length};

	CU_ASSERT_EQUAL(send(w->client, header, 4, MSG_NOSIGNAL), 4);
	CU_ASSERT_EQUAL(send(w->client, body, length, MSG_NOSIGNAL), (ssize_t)length);
}

TEST(request_gets_one_reply_and_the_end)
{
	struct world w;

	world_open(&w);
	ask(&w, "{\"command\":\"x\"}");
	w.wanted = 0; /* run on until the end */
	CU_ASSERT_EQUAL(loop_run(w.loop), 0);
	CU_ASSERT(w.ended);
	CU_ASSERT(json_is_true(json_object_get(w.got, "ok")));
	world_end(&w);
}

TEST(malformed_request_gets_an_error)
{
	struct world w;

	world_open(&w);
	ask(&w, "{\"command\":");
	CU_ASSERT_EQUAL(loop_run(w.loop), 0);
	CU_ASSERT(json_is_false(json_object_get(w.got, "ok")));
	CU_ASSERT(json_is_string(json_object_get(w.got, "error")));
	world_end(&w);
}

TEST(request_past_the_bound_gets_an_error)
{
	struct world w;

	world_open(&w);
	CU_ASSERT_EQUAL(send(w.client, "\xff\xff\xff\xff", 4, MSG_NOSIGNAL), 4);
	CU_ASSERT_EQUAL(loop_run(w.loop), 0);
	CU_ASSERT(json_is_false(json_object_get(w.got, "ok")));
	world_end(&w);
}

TEST(follower_gets_what_is_told_until_it_goes)
{
	struct world w;

	world_open(&w);
	w.follow = true;
	ask(&w, "{\"command\":\"events\"}");
	CU_ASSERT_EQUAL(loop_run(w.loop), 0);
	CU_ASSERT_EQUAL(admin_followers(w.admin), 1);
	w.wanted = 2;
	admin_tell(w.admin, json_pack("{s:i}", "n", 1));
	admin_tell(w.admin, json_pack("{s:i}", "n", 2));
	CU_ASSERT_EQUAL(loop_run(w.loop), 0);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(w.got, "n")), 2);
	world_end(&w);
}

TEST(socket_is_for_its_owner_alone)
{
	struct world w;
	struct stat st;

	world_open(&w);
	CU_ASSERT_EQUAL(stat(w.path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	world_end(&w);
}
