// SPDX-License-Identifier: GPL-2.0
/*
 * Bodies of any size at as little cost as can be: sent from the page cache, dropped without being
 * copied. A server for them (GET /SIZE, PUT), and a client that prints the seconds one takes.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "address.h"
#include "http.h"

#define SOURCE_SIZE (4ul << 20)
#define AT_ONCE (1ul << 20)

static int source; /* a file of zeros in memory */

static void body_send(int fd, unsigned long size)
{
	while (size) {
		off_t at = 0;
		ssize_t n = sendfile(fd, source, &at, size < SOURCE_SIZE ? size : SOURCE_SIZE);

		if (n <= 0)
			return;
		size -= (unsigned long)n;
	}
}

/* False: the connection ended before. */
static bool body_drop(int fd, unsigned long size)
{
	static char nothing[1];

	while (size) {
		ssize_t n = recv(fd, nothing, size < AT_ONCE ? size : AT_ONCE, MSG_TRUNC);

		if (n <= 0)
			return false;
		size -= (unsigned long)n;
	}
	return true;
}

/* Reads a head; `rest`: bytes of the body that came with it. */
static bool head_read(int fd, struct buf *in, struct http_head *head, size_t *rest)
{
	int err;

	buf_free(in);
	while ((err = http_parse(in, head)) == -EAGAIN)
		if (http_receive(fd, in))
			return false;
	*rest = in->nr - head->size;
	return !err;
}

static unsigned long length_of(const struct http_head *head)
{
	const char *length = http_header(head, "content-length");

	return length ? strtoul(length, NULL, 10) : 0;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct http_head head;
	struct buf in = {0};
	char text[96];
	size_t rest;

	while (head_read(fd, &in, &head, &rest)) {
		unsigned long size = 0;

		if (!strcmp(head.first[0], "GET"))
			size = strtoul(head.first[1] + 1, NULL, 10);
		else if (!body_drop(fd, length_of(&head) - rest))
			break;
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\ncontent-length: %lu\r\n\r\n", size);
		if (http_send(fd, text, strlen(text)))
			break;
		body_send(fd, size);
	}
	buf_free(&in);
	close(fd);
	return NULL;
}

static int listen_on(const char *text)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct address a;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address_find(text, AF_INET, &a) || bind(fd, (struct sockaddr *)&a.at, a.size) ||
	    listen(fd, 128))
		die(1, "bulk: listen on %s: %m", text);
	return fd;
}

static void *accept_all(void *arg)
{
	int fd = (int)(intptr_t)arg;

	for (;;) {
		int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		pthread_t thread;

		if (accepted < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)accepted))
			die(1, "bulk: %m");
		pthread_detach(thread);
	}
}

static void server(int nr, char **addresses)
{
	pthread_t thread;

	for (int i = 0; i < nr; i++)
		if (pthread_create(&thread, NULL, accept_all,
				   (void *)(intptr_t)listen_on(addresses[i])))
			die(1, "bulk: %m");
	pthread_join(thread, NULL);
}

static void client(const char *how, unsigned long size, const char *target)
{
	bool get = !strcmp(how, "get");
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t begin = now_ns();
	struct http_head head;
	struct buf in = {0};
	struct address to;
	char text[512];
	size_t rest;

	if (address_find(target, AF_INET, &to) ||
	    connect(fd, (struct sockaddr *)&to.at, to.size))
		die(1, "bulk: connect to %s: %m", target);
	snprintf(text, sizeof(text), "%s /%lu HTTP/1.1\r\nhost: %s\r\ncontent-length: %lu\r\n\r\n",
		 get ? "GET" : "PUT", size, target, get ? 0 : size);
	if (http_send(fd, text, strlen(text)))
		die(1, "bulk: send: %m");
	if (!get)
		body_send(fd, size);
	if (!head_read(fd, &in, &head, &rest) || strcmp(head.first[1], "200") ||
	    length_of(&head) != (get ? size : 0) || !body_drop(fd, length_of(&head) - rest))
		die(1, "bulk: no whole answer from %s", target);
	printf("%.6f\n", (double)(now_ns() - begin) / 1e9);
}

int main(int argc, char **argv)
{
	source = memfd_create("zeros", MFD_CLOEXEC);
	if (source < 0 || ftruncate(source, SOURCE_SIZE) || fallocate(source, 0, 0, SOURCE_SIZE))
		die(1, "bulk: %m");
	if (argc > 2 && !strcmp(argv[1], "serve"))
		server(argc - 2, argv + 2);
	else if (argc == 4 && (!strcmp(argv[1], "get") || !strcmp(argv[1], "put")))
		client(argv[1], strtoul(argv[2], NULL, 10), argv[3]);
	else
		die(2, "usage: bulk serve ADDRESS:PORT... | get SIZE HOST:PORT | put SIZE HOST:PORT");
	return 0;
}
