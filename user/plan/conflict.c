// SPDX-License-Identifier: GPL-2.0
/* Whether a match of a root and one of its delegate can hold together. */
#include <string.h>
#include <strings.h>
#include "plan/rule.h"

/* Whether no value can satisfy both, as far as this is told apart. */
static bool values_conflict(const struct string_match *root, const struct string_match *child)
{
	if (root->how == MATCH_UNSET || child->how == MATCH_UNSET)
		return false;
	if (root->how == MATCH_REGEX || child->how == MATCH_REGEX)
		return true;
	if (root->how == MATCH_EXACT)
		return child->how != MATCH_EXACT || strcmp(root->text, child->text);
	if (root->how == MATCH_PREFIX)
		return (child->how != MATCH_EXACT && child->how != MATCH_PREFIX) ||
		       strncmp(child->text, root->text, strlen(root->text));
	return (root->how == MATCH_ABSENT) != (child->how == MATCH_ABSENT);
}

const struct named_match *named_find(const struct named_matches *list, const char *name,
				     name_order *order)
{
	for (size_t i = 0; i < list->nr; i++)
		if (!order(list->at[i].name, name))
			return &list->at[i];
	return NULL;
}

static bool named_conflict(const struct named_matches *root, const struct named_matches *child,
			   name_order *order)
{
	for (size_t i = 0; i < child->nr; i++) {
		const struct named_match *at = named_find(root, child->at[i].name, order);

		if (at && values_conflict(&at->value, &child->at[i].value))
			return true;
	}
	return false;
}

static bool http_conflict(const struct http_match *root, const struct http_match *child)
{
	return values_conflict(&root->uri, &child->uri) ||
	       values_conflict(&root->scheme, &child->scheme) ||
	       values_conflict(&root->method, &child->method) ||
	       values_conflict(&root->authority, &child->authority) ||
	       named_conflict(&root->headers, &child->headers, strcasecmp) ||
	       named_conflict(&root->without_headers, &child->without_headers, strcasecmp) ||
	       named_conflict(&root->query, &child->query, strcmp) ||
	       root->ignore_uri_case != child->ignore_uri_case;
}

static bool labels_conflict(const struct labels *root, const struct labels *child)
{
	for (size_t i = 0; i < child->nr; i++) {
		const char *value = labels_get(root, child->at[i].key);

		if (value && strcmp(value, child->at[i].value))
			return true;
	}
	return false;
}

static bool gateways_conflict(const struct route_match *root, const struct route_match *child)
{
	for (size_t i = 0; root->nr_gateways && i < child->nr_gateways; i++) {
		bool found = false;

		for (size_t j = 0; j < root->nr_gateways; j++)
			found = found || !strcmp(root->gateways[j], child->gateways[i]);
		if (!found)
			return true;
	}
	return false;
}

bool matches_conflict(const struct route_match *root, const struct route_match *child)
{
	return http_conflict(&root->http, &child->http) ||
	       (root->port && child->port && root->port != child->port) ||
	       (*root->source_namespace &&
		strcmp(root->source_namespace, child->source_namespace)) ||
	       labels_conflict(&root->source_labels, &child->source_labels) ||
	       gateways_conflict(root, child);
}
