// SPDX-License-Identifier: GPL-2.0
/* Reads a stream of YAML documents, going on after faults where the next document starts. */
#include <errno.h>
#include <string.h>
#include "tree/yaml_build.h"

/* An escape takes up to six bytes for one, so a longer value is past TREE_MAX_SCALAR for sure. */
#define MAX_WITHOUT_EVENT (6u * TREE_MAX_SCALAR)

struct reader {
	struct build build;
	const char *text;
	size_t length;
	struct cursor base; /* where the part being parsed starts */
	size_t fed, end;    /* the parser has [base, fed) of [base, end) */
	bool starved;	    /* it asked for more than one value can need */
	bool stop;
	int result;
	int (*each)(struct node *root, void *arg);
	void *arg;
};

static int feed(void *arg, unsigned char *buffer, size_t size, size_t *nr)
{
	struct reader *r = arg;
	size_t left = r->end - r->fed;

	if (r->fed > r->build.now.byte + MAX_WITHOUT_EVENT) {
		r->starved = true;
		return 0;
	}
	*nr = left < size ? left : size;
	memcpy(buffer, r->text + r->fed, *nr);
	r->fed += *nr;
	return 1;
}

static void end_document(struct reader *r)
{
	struct build *b = &r->build;
	bool empty = !b->root || (b->root->type == NODE_NULL && !b->root->length);
	int err;

	if (!b->faulty && !empty) {
		err = r->each(b->root, r->arg);
		if (err) {
			r->result = err;
			r->stop = true;
		}
	}
	build_end_document(b);
}

static void too_many_faults(struct reader *r)
{
	build_fault(&r->build, &r->build.now.place,
		    "%u mistakes so far; the rest of the text is not read", YAML_MAX_FAULTS);
	r->stop = true;
}

/* One event; 0, or 1 at the end of the part, or -EINVAL after a fault, seen at *where. */
static int read_event(struct reader *r, yaml_parser_t *parser, size_t *where)
{
	struct build *b = &r->build;
	yaml_event_t event;
	bool last;
	int err;

	if (!yaml_parser_parse(parser, &event)) {
		*where = b->now.byte;
		if (r->starved)
			build_fault(b, &b->now.place,
				    "after this, more than %u bytes without a value",
				    MAX_WITHOUT_EVENT);
		else
			*where = yaml_fault(b, parser);
		r->stop |= r->starved;
		return -EINVAL;
	}
	err = build_event(b, &event);
	*where = b->now.byte;
	last = event.type == YAML_STREAM_END_EVENT;
	if (!err && event.type == YAML_DOCUMENT_END_EVENT)
		end_document(r);
	yaml_event_delete(&event);
	r->stop |= err == -E2BIG;
	if (!r->stop && b->nr_faults >= YAML_MAX_FAULTS)
		too_many_faults(r);
	return err ? err : last || r->stop;
}

/* Parses [base, end), or up to the first fault; returns where to go on. */
static size_t read_part(struct reader *r, size_t end)
{
	struct build *b = &r->build;
	yaml_parser_t parser;
	size_t where = 0, floor;
	int err;

	if (!yaml_parser_initialize(&parser))
		return r->length;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input(&parser, feed, r);
	r->fed = r->base.byte;
	r->end = end;
	b->now = b->doc = r->base;
	b->faulty = false;
	do
		err = read_event(r, &parser, &where);
	while (!err);
	yaml_parser_delete(&parser);
	build_end_document(b);
	if (err > 0)
		return end;
	floor = b->doc.byte + 1;
	return text_document_after(r->text, end, where > floor ? where : floor);
}

static void base_to(struct reader *r, size_t byte)
{
	cursor_to_byte(&r->base, byte);
	r->base.index = 0;
}

/*
 * The parser gets only what comes before the document with the next bad byte, so that it meets
 * none itself and the documents before are not lost.
 */
static void read_all(struct reader *r)
{
	struct bad_byte bad = text_find_bad(r->text, r->length, r->base.byte);
	struct cursor at;
	size_t start, end;

	while (!r->stop && r->base.byte < r->length) {
		start = r->base.byte;
		end = bad.why ? text_document_before(r->text, r->length, start, bad.at) : r->length;
		if (end > start) {
			base_to(r, read_part(r, end));
			continue;
		}
		at = r->base;
		cursor_to_byte(&at, bad.at);
		build_fault(&r->build, &at.place, "%s", bad.why);
		if (r->build.nr_faults >= YAML_MAX_FAULTS) {
			too_many_faults(r);
			break;
		}
		base_to(r, text_document_after(r->text, r->length, bad.at + 1));
		bad = text_find_bad(r->text, r->length, r->base.byte);
	}
}

int yaml_read(const char *name, const char *text, size_t length, struct diags *diags,
	      int (*each)(struct node *root, void *arg), void *arg)
{
	struct place start = {name ? place_file(name) : NULL, 1, 1};
	struct reader *r;
	int result;

	if (length > TREE_MAX_BYTES) {
		diag_add(diags, DIAG_ERROR, &start, NULL, "%zu bytes of text, want at most %u",
			 length, TREE_MAX_BYTES);
		return -EINVAL;
	}
	r = xcalloc(1, sizeof(*r));
	r->build.diags = diags;
	r->text = text;
	r->length = length;
	r->each = each;
	r->arg = arg;
	r->base = (struct cursor){.text = text, .length = length, .place = start};
	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		r->base.byte = 3;
	read_all(r);
	build_end_document(&r->build);
	if (name)
		diags_attach_source(diags, start.file, text, length);
	result = r->result ? r->result : r->build.nr_faults ? -EINVAL : 0;
	free(r);
	return result;
}
