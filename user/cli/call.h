/* SPDX-License-Identifier: GPL-2.0 */
/* Asking the running agent, and what all answers have in common. */
#ifndef CLI_CALL_H
#define CLI_CALL_H

#include <jansson.h>
#include "agent/wire.h"
#include "cli/options.h"

struct call {
	int fd;
	struct frame_buffer in;
};

/* -ENOENT or -ECONNREFUSED: no agent runs. */
int call_open(struct call *c, const char *root);
int call_send(struct call *c, const json_t *request);
int call_receive(struct call *c, json_t **out); /* -EPIPE at the end; the caller puts *out */
void call_close(struct call *c);

/*
 * One request (taken over) and its good reply; the caller puts *out. Diagnostics of the reply are
 * printed either way; a refusal is said, and EXIT_REFUSED returned, and so is it when no agent
 * runs.
 */
int call_agent(const struct options *o, const char *command, json_t *request, json_t **out);
/* The same, but the diagnostics of a good reply are not printed. */
int call_quietly(const struct options *o, const char *command, json_t *request, json_t **out);
/* Says why the agent cannot be asked; EXIT_REFUSED. */
int call_failed(const struct options *o, const char *command, int err);
/* {"command": …} with the namespace that was asked for, if one was. */
json_t *call_request(const struct options *o, const char *command);
/* The same with the text of all -f files; EXIT_ value when one cannot be read, said. */
int call_request_files(const struct options *o, const char *command, json_t **out);
/* Prints the reply as JSON without its "ok"; takes it over. */
void call_show(json_t *reply);
/* A member as text, "" when it is none. */
const char *member_text(const json_t *map, const char *key);
json_int_t member_number(const json_t *map, const char *key);

#endif
