/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What goes over the admin socket: frames of a 4-byte big-endian length and that many bytes of
 * JSON. A request is {"command": …}; its reply {"ok": true, …} or {"ok": false, "error": …}.
 */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include <jansson.h>
#include <stdint.h>
#include "base/diag.h"
#include "plan/plan.h"

#define FRAME_MAX (64u << 20)
#define FRAME_HEADER 4

/* Bytes that came in and are no whole frame yet. */
struct frame_buffer {
	unsigned char *at;
	size_t nr, cap;
};
/* Room for at least one byte; *room: how much. */
unsigned char *frame_reserve(struct frame_buffer *b, size_t *room);
/*
 * 1 and the first frame's message in *out (the caller frees; what follows it stays), 0 when more
 * bytes are needed, -EMSGSIZE past FRAME_MAX, -EBADMSG with *why when it is no JSON object.
 */
int frame_take(struct frame_buffer *b, json_t **out, char **why);
void frame_free(struct frame_buffer *b);
/* A whole frame of `message`, the caller frees; NULL when it is longer than FRAME_MAX. */
char *frame_make(const json_t *message, size_t *length);

/* Diagnostics as JSON and back. */
json_t *diags_json(const struct diags *d);
int diags_from_json(struct diags *d, const json_t *list);
/* Prints to standard output, and gives `message` back. */
void json_show(json_t *message);
/* A string from untrusted bytes: JSON null when they are not UTF-8. */
json_t *json_text(const char *text);

#endif
