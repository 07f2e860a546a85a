// SPDX-License-Identifier: GPL-2.0
/* Reads what -f names, as texts to be sent to the agent, which parses them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/source_file.h"
#include "agent/state.h"
#include "cli/call.h"

struct texts {
	json_t *list;
	const char *command;
	size_t bytes;
};

static int text_add(struct texts *t, const char *name, const char *text, size_t length)
{
	json_t *string = json_stringn(text, length);

	t->bytes += length;
	if (string && t->bytes <= FRAME_MAX) {
		json_array_append_new(t->list,
				      json_pack("{s:s,s:o}", "name", name, "text", string));
		return 0;
	}
	fprintf(stderr, "shunt %s: %s: %s\n", t->command, name,
		string ? "more than 64 MiB in all" : "no UTF-8 text");
	json_decref(string);
	return EXIT_REFUSED;
}

static int text_failed(struct texts *t, const char *name, int err)
{
	fprintf(stderr, "shunt %s: %s: %s\n", t->command, name,
		err == -EINVAL ? "no regular file" : strerror(-err));
	return EXIT_REFUSED;
}

static int stdin_add(struct texts *t)
{
	struct frame_buffer in = {0}; /* a growing buffer will do */
	unsigned char *at;
	size_t room;
	ssize_t n;
	int err;

	do {
		at = frame_reserve(&in, &room);
		n = read(STDIN_FILENO, at, room);
		if (n > 0)
			in.nr += (size_t)n;
	} while ((n > 0 && in.nr <= FRAME_MAX) || (n == -1 && errno == EINTR));
	err = n == -1 ? text_failed(t, "-", -errno) : text_add(t, "-", (char *)in.at, in.nr);
	frame_free(&in);
	return err;
}

static int file_add(struct texts *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = fd == -1 ? -errno : 0;
	size_t length;
	char *text;

	if (!err)
		err = file_read(fd, FRAME_MAX, &text, &length);
	if (fd != -1)
		close(fd);
	if (err)
		return text_failed(t, path, err);
	err = text_add(t, path, text, length);
	free(text);
	return err;
}

static int name_wanted(const struct dirent *e)
{
	return source_file_name(e->d_name);
}

static int folder_add(struct texts *t, const char *path)
{
	struct dirent **names;
	int status = 0, nr = scandir(path, &names, name_wanted, alphasort);

	if (nr == -1)
		return text_failed(t, path, -errno);
	for (int i = 0; i < nr; i++) {
		char *full = xasprintf("%s/%s", path, names[i]->d_name);

		if (!status)
			status = file_add(t, full);
		free(full);
		free(names[i]);
	}
	free(names);
	return status;
}

int call_request_files(const struct options *o, const char *command, json_t **out)
{
	struct texts t = {.list = json_array(), .command = command};
	struct stat st;
	int status = 0;
	char **it;

	vec_each(&o->files, it)
	{
		if (status)
			break;
		if (!strcmp(*it, "-"))
			status = stdin_add(&t);
		else if (!stat(*it, &st) && S_ISDIR(st.st_mode))
			status = folder_add(&t, *it);
		else
			status = file_add(&t, *it);
	}
	if (status) {
		json_decref(t.list);
		return status;
	}
	*out = call_request(o, command);
	json_object_set_new(*out, "files", t.list);
	json_object_set_new(*out, "lenient", json_boolean(o->lenient));
	json_object_set_new(*out, "strict", json_boolean(o->strict));
	return 0;
}
