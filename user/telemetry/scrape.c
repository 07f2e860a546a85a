// SPDX-License-Identifier: GPL-2.0
/* Serves the metrics over HTTP: one request a connection, bounded in size, number and time. */
#include "telemetry/scrape.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/vec.h"

#define MAX_SCRAPERS 16
#define MAX_REQUEST 4096
#define SCRAPE_SECONDS 10

struct scraper {
	struct scrape *scrape;
	struct loop_source *source;
	int fd;
	time_t since;
	bool waits; /* for what was asked for */
	char in[MAX_REQUEST];
	size_t in_nr;
	char *out; /* NULL until the request is read */
	size_t out_nr, out_done;
	struct scraper *next;
};

struct scrape {
	struct loop *loop;
	struct loop_source *source, *tick;
	int fd;
	size_t nr_scrapers;
	struct scraper *scrapers;
	void (*print)(FILE *out, void *arg);
	bool (*ask)(void *arg);
	void *arg;
};

int scrape_request(const char *text, size_t length)
{
	const char *line = memchr(text, '\n', length);
	size_t path;

	if (!memmem(text, length, "\r\n\r\n", 4) && !memmem(text, length, "\n\n", 2))
		return length >= MAX_REQUEST ? 400 : 0;
	if (strncmp(text, "GET ", 4))
		return memmem(text, (size_t)(line - text), " HTTP/", 6) ? 405 : 400;
	path = strcspn(text + 4, " ?\r\n");
	return path == 8 && !strncmp(text + 4, "/metrics", 8) ? 200 : 404;
}

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void scraper_end(struct scraper *c)
{
	struct scrape *s = c->scrape;
	struct scraper **link = &s->scrapers;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	loop_remove(c->source);
	close(c->fd);
	free(c->out);
	free(c);
	if (s->nr_scrapers-- == MAX_SCRAPERS)
		loop_want(s->source, EPOLLIN);
	if (!s->nr_scrapers)
		loop_timer_set(s->tick, 0, 0);
}

static void scraper_write(struct scraper *c)
{
	ssize_t n = send(c->fd, c->out + c->out_done, c->out_nr - c->out_done,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		n = 0;
	if (n < 0) {
		scraper_end(c);
		return;
	}
	c->out_done += (size_t)n;
	if (c->out_done == c->out_nr) {
		/* What the client still sends must not turn the end into a reset. */
		shutdown(c->fd, SHUT_WR);
		loop_want(c->source, EPOLLIN);
		return;
	}
	loop_want(c->source, EPOLLOUT);
}

/* True: it is answered later. */
static bool scraper_wait(struct scraper *c)
{
	for (const struct scraper *other = c->scrape->scrapers; other; other = other->next)
		if (other->waits) {
			c->waits = true;
			return true;
		}
	c->waits = c->scrape->ask(c->scrape->arg);
	return c->waits;
}

static void scraper_answer(struct scraper *c, int status)
{
	const char *reason = status == 200 ? "OK" : status == 404 ? "Not Found" :
			     status == 405 ? "Method Not Allowed" : "Bad Request";
	char *body = NULL;
	size_t length;
	FILE *out = open_memstream(&body, &length);

	if (status == 200)
		c->scrape->print(out, c->scrape->arg);
	else
		fprintf(out, "%s; try GET /metrics\n", reason);
	fclose(out);
	out = open_memstream(&c->out, &c->out_nr);
	fprintf(out,
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n",
		status, reason, length);
	fwrite(body, 1, length, out);
	fclose(out);
	free(body);
	scraper_write(c);
}

static void scraper_ready(uint32_t events, void *arg)
{
	struct scraper *c = arg;
	char rest[512];
	ssize_t n;
	int status;

	if (c->out && c->out_done < c->out_nr) {
		if (events & (EPOLLHUP | EPOLLERR))
			scraper_end(c);
		else
			scraper_write(c);
		return;
	}
	n = c->out || c->waits ? recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT) :
		     recv(c->fd, c->in + c->in_nr, MAX_REQUEST - c->in_nr, MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		scraper_end(c);
		return;
	}
	if (c->out || c->waits)
		return;
	c->in_nr += (size_t)n;
	status = scrape_request(c->in, c->in_nr);
	if (status && !(status == 200 && scraper_wait(c)))
		scraper_answer(c, status);
}

void scrape_answer(struct scrape *s)
{
	struct scraper *next;

	for (struct scraper *c = s->scrapers; c; c = next) {
		next = c->next;
		if (!c->waits)
			continue;
		c->waits = false;
		scraper_answer(c, 200);
	}
}

static void tick(void *arg)
{
	struct scrape *s = arg;
	struct scraper *next;

	for (struct scraper *c = s->scrapers; c; c = next) {
		next = c->next;
		if (seconds_now() - c->since > SCRAPE_SECONDS)
			scraper_end(c);
	}
}

static void listener_ready(uint32_t events, void *arg)
{
	struct scrape *s = arg;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct scraper *c;

	(void)events;
	if (fd == -1)
		return;
	c = xcalloc(1, sizeof(*c));
	c->scrape = s;
	c->fd = fd;
	c->since = seconds_now();
	if (loop_add(s->loop, fd, EPOLLIN, scraper_ready, c, &c->source)) {
		close(fd);
		free(c);
		return;
	}
	c->next = s->scrapers;
	s->scrapers = c;
	if (s->nr_scrapers++ == 0)
		loop_timer_set(s->tick, 1000, 1000);
	if (s->nr_scrapers == MAX_SCRAPERS)
		loop_want(s->source, 0);
}

static int where_parse(const char *where, struct sockaddr_storage *out, socklen_t *size)
{
	const char *colon = strrchr(where, ':'), *digits = colon ? colon + 1 : where;
	bool bracket = where[0] == '[' && colon && colon > where + 2 && colon[-1] == ']';
	char *host = !colon ? xstrdup("127.0.0.1") :
		     bracket ? xstrndup(where + 1, (size_t)(colon - where) - 2) :
			       xstrndup(where, (size_t)(colon - where));
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;
	unsigned long port = strtoul(digits, NULL, 10);
	int err = 0;

	memset(out, 0, sizeof(*out));
	*size = bracket ? sizeof(*v6) : sizeof(*v4);
	if (!*digits || strspn(digits, "0123456789") != strlen(digits) || port > 65535)
		err = -EINVAL;
	else if (!bracket && inet_pton(AF_INET, host, &v4->sin_addr) == 1)
		*v4 = (struct sockaddr_in){AF_INET, htons((uint16_t)port), v4->sin_addr, {0}};
	else if (bracket && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
		*v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
					    .sin6_port = htons((uint16_t)port),
					    .sin6_addr = v6->sin6_addr};
	else
		err = -EINVAL;
	free(host);
	return err;
}

bool scrape_place_valid(const char *where)
{
	struct sockaddr_storage sa;
	socklen_t size;

	return !where_parse(where, &sa, &size);
}

int scrape_open(struct loop *l, const char *where, void (*print)(FILE *out, void *arg),
		bool (*ask)(void *arg), void *arg, struct scrape **out)
{
	struct sockaddr_storage sa;
	struct scrape *s;
	socklen_t size;
	int one = 1, err = where_parse(where, &sa, &size);

	if (err)
		return err;
	s = xcalloc(1, sizeof(*s));
	*s = (struct scrape){.loop = l, .print = print, .ask = ask, .arg = arg};
	s->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd == -1) {
		err = -errno;
		free(s);
		return err;
	}
	setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s->fd, (struct sockaddr *)&sa, size) == -1 || listen(s->fd, 64) == -1)
		err = -errno;
	if (!err)
		err = loop_timer(l, tick, s, &s->tick);
	if (!err)
		err = loop_add(l, s->fd, EPOLLIN, listener_ready, s, &s->source);
	if (err) {
		scrape_close(s);
		return err;
	}
	*out = s;
	return 0;
}

void scrape_close(struct scrape *s)
{
	if (!s)
		return;
	while (s->scrapers)
		scraper_end(s->scrapers);
	loop_remove(s->source);
	loop_timer_remove(s->tick);
	close(s->fd);
	free(s);
}
