// SPDX-License-Identifier: GPL-2.0
/*
 * Test tool: plays all of tests/http1/cases through a running proxy of one worker, as its clients
 * and as its upstream, each case cut in two at every place and, when it is short, byte by byte.
 * usage: replay PROXY-PORT LISTEN-PORT [NAME]
 * Of a hostile answer it prints `answer N STATUS FLAG`, as the access log should have it of /N.
 *
 * Whether the proxy waits is not guessed from time. A request that it answers by itself, sent when
 * all else was, comes behind that in its only queue of events; once the answer is there and nothing
 * else has moved, nothing will. For one order of all packets both sides have to run on one CPU.
 */
#include "ends.h"
#include "../http1/transcript.h"

#define BATCH 256
#define BYTEWISE_MAX 300 /* bytes of a case that is also sent one by one */
#define CUTS_MAX 97	 /* of one that is longer than CUTS_ALL */
#define CUTS_ALL 4096

struct trial {
	struct http1_case given;
	struct wants wants;
	struct transcript want;
};

struct play { /* one case, cut in one way, on a client's connection of its own */
	const struct trial *trial;
	size_t first, piece, sent;
	unsigned number, answers;
	struct end *client, *server;
	struct buf text; /* what came, message by message */
};

static struct trial *trials;
static size_t nr_trials;
static const char *only = "";
static struct play plays[BATCH];
static size_t nr_plays;
static bool responses; /* what the batch is about */
static unsigned nr_played, nr_asked, nr_wrong;

__attribute__((format(printf, 1, 2))) static void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (nr_wrong++ < 5) {
		fputs("# ", stdout);
		vprintf(format, args);
		fputc('\n', stdout);
	}
	va_end(args);
}

/* ---- as the upstream ---- */

/* It tells what it was asked; or waits for the case's bytes. */
static void asked(struct end *e)
{
	struct buf answer = {0};
	unsigned number;

	nr_asked++;
	if (e->wire.in.nr)
		wrong("the upstream was sent more than a request: %.200s", e->wire.in.at);
	if (responses) {
		if (sscanf(e->wire.head.at, "%*s /%u ", &number) != 1 ||
		    number - plays[0].number >= nr_plays)
			die(1, "nobody asked for this: %.200s", e->wire.head.at);
		e->link = &plays[number - plays[0].number].server;
		*e->link = e;
		return;
	}
	buf_printf(&answer, "HTTP/1.1 200 %016llx\r\ncontent-length: %zu\r\n\r\n",
		   (unsigned long long)wire_hash(&e->wire.head, &e->wire.data),
		   e->wire.head.nr + e->wire.data.nr);
	if (strncmp(e->wire.head.at, "HEAD ", 5)) {
		buf_add(&answer, e->wire.head.at, e->wire.head.nr);
		buf_add(&answer, e->wire.data.at, e->wire.data.nr);
	}
	end_send(e, answer.at, answer.nr);
	buf_free(&answer);
}

/* A request that broke off is the begin of one that a client broke off. */
static bool is_known(const struct wire *w)
{
	bool known = false;

	for (size_t i = 0; i < nr_plays && !known; i++) {
		const struct wants *wants = &plays[i].trial->wants;
		const struct want *last = &wants->at[wants->nr - 1];
		struct buf head = {0};

		if (!last->head || last->whole)
			continue;
		want_head(last, &head);
		known = head.nr == w->head.nr && !memcmp(head.at, w->head.at, head.nr) &&
			w->data.nr <= last->data.nr &&
			!memcmp(w->data.at ?: "", last->data.at ?: "", w->data.nr);
		buf_free(&head);
	}
	return known;
}

static void end_gone(struct end *e)
{
	if (responses || (e->wire.state == WIRE_HEAD && !e->wire.in.nr))
		return;
	if (e->wire.state == WIRE_HEAD || !is_known(&e->wire))
		wrong("the upstream was sent what nobody sent: %.200s%.200s",
		      e->wire.head.at ?: "", e->wire.in.at ?: "");
}

/* ---- as the clients ---- */

static bool to_head(const struct play *p)
{
	const struct wants *wants = &p->trial->wants;
	const struct buf *method;

	if (responses)
		return p->trial->given.head;
	method = p->answers < wants->nr ? &wants->at[p->answers].words[0] : NULL;
	return method && method->nr == 4 && !memcmp(method->at, "HEAD", 4);
}

static void answered(struct end *e)
{
	const struct wire *w = &e->wire;
	struct play *p = e->arg;
	bool made_up = responses ? w->status == 502 || w->status == 503 : w->status != 200;

	if (w->status == 100 && !responses)
		return;
	if (made_up)
		transcript_status(&p->text, w->status, w->close);
	else
		buf_add(&p->text, w->head.at, w->head.nr);
	if (responses && !made_up && w->data.nr)
		buf_printf(&p->text, "%.*s\n", (int)w->data.nr, w->data.at);
	p->answers++;
	e->wire.no_body = to_head(p);
}

static void end_message(struct end *e)
{
	e->server ? asked(e) : answered(e);
}

static void transcript_is(const struct play *p, struct buf *out)
{
	const struct end *c = p->client;

	buf_add(out, p->text.at, p->text.nr);
	buf_add(out, c->wire.head.at, c->wire.head.nr);
	if (c->wire.data.nr)
		buf_printf(out, "%.*s\n", (int)c->wire.data.nr, c->wire.data.at);
	if (c->wire.in.nr || c->wire.state != WIRE_HEAD)
		buf_text(out, c->wire.state == WIRE_BAD ? "bad\n" : "partial\n");
	if (c->ended)
		buf_text(out, "closed\n");
	if (responses && !p->server)
		buf_text(out, "upstream closed\n");
}

static void transcript_check(const struct play *p, const struct buf *want, const char *when)
{
	struct buf is = {0};

	transcript_is(p, &is);
	if (is.nr != want->nr || (is.nr && memcmp(is.at, want->at, is.nr)))
		wrong("%s, %zu then %zu, %s:\n%.600s# should be:\n%.600s", p->trial->given.name,
		      p->first, p->piece, when, is.at ?: "", want->at ?: "");
	buf_free(&is);
}

/* ---- batches ---- */

/* The next piece of the case's bytes; false: there is none. */
static bool piece_send(struct play *p)
{
	const struct buf *bytes = &p->trial->given.bytes;
	size_t left = bytes->nr - p->sent, n = p->sent ? p->piece : p->first ?: p->piece;
	struct end *from = responses ? p->server : p->client;

	if (!left)
		return false;
	n = n < left ? n : left;
	if (from)
		end_send(from, bytes->at + p->sent, n);
	p->sent += n;
	return true;
}

static void client_begin(struct play *p)
{
	const struct http1_case *c = &p->trial->given;
	struct buf text = {0};

	p->client = end_connect();
	p->client->arg = p;
	p->client->wire.no_body = to_head(p);
	if (!responses)
		return;
	buf_printf(&text, "%s /%u HTTP/1.1\r\nHost: a\r\n%s\r\n", c->head ? "HEAD" : "GET",
		   p->number, c->upgrade ? "Connection: upgrade\r\nUpgrade: websocket\r\n" : "");
	end_send(p->client, text.at, text.nr);
	buf_free(&text);
}

/* As the access log has it. */
static void answer_print(const struct play *p)
{
	const struct want *w = p->trial->wants.at, *last = w + p->trial->wants.nr - 1;
	bool answered, refused;

	while (w < last && is_interim(w))
		w++;
	answered = w->head && !is_interim(w);
	refused = w->wrong && !w->early;
	printf("answer %u %u %s\n", p->number, answered ? w->status : refused ? 502 : 503,
	       refused ? "UPE" : w->wrong || !answered ? "UC" : "-");
}

static void batch_end(void)
{
	unsigned asked = 0;

	for (size_t i = 0; i < nr_plays; i++) {
		struct play *p = &plays[i];

		transcript_check(p, &p->trial->want.after, "after its end");
		if (responses)
			answer_print(p);
		asked += responses ? 1 : p->trial->want.nr_asked;
		end_free(p->client);
		if (p->server)
			p->server->link = NULL;
		buf_free(&p->text);
		*p = (struct play){0};
	}
	for (const struct end *e = servers; e; e = e->next)
		if (e->wire.state != WIRE_HEAD || e->wire.in.nr)
			wrong("the upstream is left with a part of a request: %.200s%.200s",
			      e->wire.head.at ?: "", e->wire.in.at ?: "");
	if (asked != nr_asked)
		wrong("the upstream was asked %u times, should be %u", nr_asked, asked);
	nr_plays = nr_asked = 0;
}

static void batch_run(void)
{
	bool more = true;

	for (size_t i = 0; i < nr_plays; i++)
		client_begin(&plays[i]);
	settle();
	while (more) {
		more = false;
		for (size_t i = 0; i < nr_plays; i++)
			more |= piece_send(&plays[i]);
		settle();
	}
	for (size_t i = 0; i < nr_plays; i++) {
		struct end *from = responses ? plays[i].server : plays[i].client;

		transcript_check(&plays[i], &plays[i].trial->want.before, "before its end");
		if (from)
			shutdown(from->fd, SHUT_WR);
	}
	settle();
	batch_end();
}

static void play_add(const struct trial *t, size_t first, size_t piece)
{
	if (nr_plays == BATCH)
		batch_run();
	plays[nr_plays++] = (struct play){
		.trial = t, .first = first, .piece = piece, .number = ++nr_played};
}

static void trials_play(bool bytewise)
{
	for (size_t i = 0; i < nr_trials; i++) {
		const struct trial *t = &trials[i];
		size_t nr = t->given.bytes.nr, step = nr > CUTS_ALL ? nr / CUTS_MAX : 1;

		if (t->given.response != responses)
			continue;
		if (bytewise && nr <= BYTEWISE_MAX)
			play_add(t, 0, 1);
		for (size_t first = 0; !bytewise && first < nr; first += step)
			play_add(t, first, nr);
	}
	batch_run();
}

/* Limits of its own the proxy does not have. */
static void trial_add(struct http1_case *c)
{
	struct trial *t;

	if (c->target || c->headers || c->fields || !strstr(c->name, only))
		return;
	trials = realloc(trials, (nr_trials + 1) * sizeof(*trials));
	if (!trials)
		die(1, "out of memory");
	t = &trials[nr_trials++];
	*t = (struct trial){.given = *c};
	wants_read(&t->wants, c->want.at);
	if (c->path.nr) {
		buf_free(&t->wants.at[0].words[3]);
		t->wants.at[0].words[3] = c->path;
	}
	if (c->response)
		transcript_of_responses(&t->want, &t->wants);
	else
		transcript_of_requests(&t->want, &t->wants);
	c->path = c->bytes = c->want = (struct buf){0};
}

static void trial_free(struct trial *t)
{
	wants_free(&t->wants);
	buf_free(&t->want.before);
	buf_free(&t->want.after);
	buf_free(&t->given.bytes);
	buf_free(&t->given.want);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		die(2, "usage: replay PROXY-PORT LISTEN-PORT [NAME]");
	only = argc > 3 ? argv[3] : "";
	ends_init((uint16_t)atoi(argv[1]), (uint16_t)atoi(argv[2]));
	cases_read(trial_add);
	for (int i = 0; i < 4; i++) {
		responses = i & 1;
		trials_play(i & 2);
	}
	while (servers)
		end_free(servers);
	for (size_t i = 0; i < nr_trials; i++)
		trial_free(&trials[i]);
	free(trials);
	printf("played %zu cases in %u ways, %u wrong\n", nr_trials, nr_played, nr_wrong);
	return nr_wrong ? 1 : 0;
}
