// SPDX-License-Identifier: GPL-2.0
/* What a port does with requests, as bytes. */
#include "snapshot/codes.h"

#define SPLITS_MAX 256 /* a pick is a byte */

static struct table_cluster *cluster_code(struct coder *c, const struct table_cluster *x)
{
	int64_t at = x ? x - c->clusters : -1;

	at = code_int(c, at, 4, 0, (int64_t)c->nr_clusters - 1);
	return c->bad ? NULL : &c->clusters[at];
}

static void slot_code(struct coder *c, struct table_slot *x)
{
	x->first = code_u32(c, x->first);
	x->records = code_u32(c, x->records);
}

static void split_code(struct coder *c, struct table_split *x)
{
	x->weight = code_u32(c, x->weight);
	x->cluster = cluster_code(c, x->cluster);
	slot_code(c, &x->slot);
	code_optional(c, struct http_headers, x->headers, code_headers);
}

static void mirror_code(struct coder *c, struct table_mirror *x)
{
	x->cluster = cluster_code(c, x->cluster);
	slot_code(c, &x->slot);
	x->millionths = code_millionths(c, x->millionths);
}

/* The picks, of which there are as many as the sum of the weights. */
static void schedule_code(struct coder *c, struct table_rule *x)
{
	size_t nr = x->total;

	if (x->nr_splits < 2) {
		x->schedule = NULL;
		return;
	}
	c->bad |= !c->reading && !x->schedule;
	if (c->bad)
		return;
	x->schedule = (const uint8_t *)code_blob(c, (const char *)x->schedule, &nr);
	c->bad |= nr != x->total;
	for (size_t i = 0; i < nr && !c->bad; i++)
		c->bad |= x->schedule[i] >= x->nr_splits;
}

static void splits_code(struct coder *c, struct table_rule *x)
{
	uint64_t sum = 0;

	code_list(c, struct table_split, x->splits, x->nr_splits, 17, split_code);
	for (size_t i = 0; i < x->nr_splits; i++)
		sum += x->splits[i].weight;
	c->bad |= x->nr_splits > SPLITS_MAX || sum > UINT32_MAX || (x->nr_splits && !sum);
	c->bad |= !c->reading && x->total != sum;
	x->total = (uint32_t)sum;
	schedule_code(c, x);
}

static void rule_code(struct coder *c, struct table_rule *x)
{
	x->name = code_text(c, x->name);
	x->source = code_text(c, x->source);
	code_list(c, struct http_match, x->matches, x->nr_matches, LEAST_MATCH, code_match);
	splits_code(c, x);
	code_optional(c, struct http_redirect, x->redirect, code_redirect);
	code_optional(c, struct http_response, x->direct_response, code_response);
	code_optional(c, struct http_rewrite, x->rewrite, code_rewrite);
	code_optional(c, struct http_fault, x->fault, code_fault);
	code_optional(c, struct http_retries, x->retries, code_retries);
	code_optional(c, struct http_cors, x->cors, code_cors);
	code_optional(c, struct http_headers, x->headers, code_headers);
	code_list(c, struct table_mirror, x->mirrors, x->nr_mirrors, 16, mirror_code);
	x->timeout = code_time(c, x->timeout, 0);
	slot_code(c, &x->slot);
	x->turn = code_u32(c, x->turn);
	/* one of them says what becomes of a request */
	c->bad |= !!x->nr_splits + !!x->redirect + !!x->direct_response != 1;
}

static void scope_code(struct coder *c, uint32_t *x)
{
	*x = code_u32(c, *x);
}

void code_port(struct coder *c, struct table_port *x)
{
	x->host = code_text(c, x->host);
	x->port = code_u16(c, x->port);
	x->protocol = code_enum(c, x->protocol, TABLE_SNIFFED);
	x->everyone = code_bool(c, x->everyone);
	code_list(c, uint32_t, x->scopes, x->nr_scopes, 4, scope_code);
	for (size_t i = 1; i < x->nr_scopes; i++)
		c->bad |= x->scopes[i - 1] >= x->scopes[i];
	x->hidden = code_bool(c, x->hidden);
	code_texts(c, &x->domains, &x->nr_domains);
	code_list(c, struct table_rule, x->rules, x->nr_rules, 47, rule_code);
	code_optional(c, struct table_rule, x->bytes, rule_code);
}
