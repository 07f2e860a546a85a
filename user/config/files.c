// SPDX-License-Identifier: GPL-2.0
/* Reads objects from files, folders and standard input into a set. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config/set.h"

#define READ_STEP (64u << 10)

struct file_reading {
	struct config_set *set;
	const struct decode_options *options;
	struct diags *diags;
	bool faulty;
};

static void say_fault(struct file_reading *r, const char *path, const char *why)
{
	struct place place = {.file = place_file(path)};

	diag_add(r->diags, DIAG_ERROR, &place, NULL, "cannot be read: %s", why);
	r->faulty = true;
}

static int put_once(struct object *o, void *arg)
{
	struct file_reading *r = arg;
	const struct object *first = config_set_get(r->set, o->kind, o->namespace, o->name);

	if (!first) {
		config_set_put(r->set, o);
		return 0;
	}
	diag_add(r->diags, DIAG_ERROR, &o->place, o->id, "is given twice, first in %s:%u",
		 first->place.file ? first->place.file : "?", first->place.line);
	r->faulty = true;
	object_put(o);
	return 0;
}

/* The whole of `fd`, at most a byte more than a text may have: the reader says what is too much. */
static int read_all(int fd, char **out, size_t *length)
{
	size_t size = 0, nr = 0;
	char *text = NULL;

	while (nr <= TREE_MAX_BYTES) {
		ssize_t got;

		if (size - nr < READ_STEP) {
			size = size * 2 + READ_STEP;
			text = xrealloc(text, size, 1);
		}
		got = read(fd, text + nr, READ_STEP);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1) {
			int err = -errno;

			free(text);
			return err;
		}
		if (!got)
			break;
		nr += (size_t)got;
	}
	*out = text;
	*length = nr;
	return 0;
}

static void read_fd(struct file_reading *r, const char *path, int fd)
{
	size_t length = 0;
	char *text = NULL;
	int err = read_all(fd, &text, &length);

	if (err) {
		say_fault(r, path, strerror(-err));
		return;
	}
	if (object_read(path, text, length, r->options, r->diags, put_once, r))
		r->faulty = true;
	free(text);
}

static void read_file(struct file_reading *r, const char *path)
{
	/* A pipe without a writer must not hold us up, nor a device that has no end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		say_fault(r, path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		say_fault(r, path, "no regular file");
	else
		read_fd(r, path, fd);
	if (fd != -1)
		close(fd);
}

static int is_object_file(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return *e->d_name != '.' && dot &&
	       (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_folder(struct file_reading *r, const char *path)
{
	struct dirent **names;
	int nr = scandir(path, &names, is_object_file, by_bytes);
	size_t length = strlen(path);
	struct stat st;

	if (nr == -1) {
		say_fault(r, path, strerror(errno));
		return;
	}
	while (length > 1 && path[length - 1] == '/')
		length--;
	for (int i = 0; i < nr; i++) {
		char *file = xasprintf("%.*s/%s", (int)length, path, names[i]->d_name);

		if (stat(file, &st) || !S_ISDIR(st.st_mode))
			read_file(r, file);
		free(file);
		free(names[i]);
	}
	free(names);
}

int config_set_read(struct config_set *s, char *const *paths, size_t nr_paths,
		    const struct decode_options *options, struct diags *diags)
{
	struct file_reading r = {.set = s, .options = options, .diags = diags};
	struct stat st;

	for (size_t i = 0; i < nr_paths; i++) {
		if (!strcmp(paths[i], "-"))
			read_fd(&r, "-", STDIN_FILENO);
		else if (!stat(paths[i], &st) && S_ISDIR(st.st_mode))
			read_folder(&r, paths[i]);
		else
			read_file(&r, paths[i]);
	}
	return r.faulty ? -EINVAL : 0;
}
