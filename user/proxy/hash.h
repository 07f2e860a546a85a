/* SPDX-License-Identifier: GPL-2.0 */
/* What of a request is hashed, so that the same goes to the same endpoint. */
#ifndef PROXY_HASH_H
#define PROXY_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct table_cluster;

uint64_t hash_bytes(const void *at, size_t length);
uint64_t hash_seeded(const void *at, size_t length, uint64_t seed);

/*
 * Whether the policy of a destination hashes a value that the client's request has; *out: its hash.
 * A cookie that is missing is made when the policy says so, and stays that of the request.
 */
bool hash_of_request(struct client *c, const struct table_cluster *t, uint64_t *out);
/* Adds the cookie that was made, if one was, to the head of the answer that is being written. */
void hash_cookie_add(struct client *c);

#endif
