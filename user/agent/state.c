// SPDX-License-Identifier: GPL-2.0
/* Keeps applied objects below the state folder: written aside, renamed, synced later. */
#include "agent/state.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(int fd, size_t most, char **text, size_t *length)
{
	struct stat st;
	ssize_t n;
	int err;

	if (fstat(fd, &st) == -1)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > most)
		return -EFBIG;
	*text = xcalloc((size_t)st.st_size + 1, 1);
	*length = 0;
	do {
		n = pread(fd, *text + *length, (size_t)st.st_size - *length, (off_t)*length);
		if (n == -1) {
			err = -errno;
			free(*text);
			return err;
		}
		*length += (size_t)n;
	} while (n > 0 && *length < (size_t)st.st_size);
	return 0;
}

static char *object_path(const struct state *s, const struct object *o, bool aside)
{
	return xasprintf("%s/objects/%s%s.%s.%s.json", s->dir, aside ? ".new-" : "",
			 kinds[o->kind].name, o->namespace, o->name);
}

char *state_path(const struct state *s, const struct object *o)
{
	return object_path(s, o, false);
}

/* `aside` is renamed to `path`; the descriptor waits for state_sync. */
static int file_write(struct state *s, const char *path, const char *text)
{
	size_t length = strlen(text), done = 0;
	int err, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd == -1)
		return -errno;
	while (done < length) {
		ssize_t n = write(fd, text + done, length - done);

		if (n == -1) {
			err = -errno;
			close(fd);
			unlink(path);
			return err;
		}
		done += (size_t)n;
	}
	/* Many files: their folder's sync has to do, as descriptors are few. */
	if (s->unsynced.nr < 64)
		vec_push(&s->unsynced, fd);
	else
		close(fd);
	return 0;
}

int state_prepare(struct state *s, struct object *const *put, size_t nr_put)
{
	for (size_t i = 0; i < nr_put; i++) {
		char *path = object_path(s, put[i], true);
		int err = file_write(s, path, put[i]->json);

		free(path);
		if (err) {
			state_abort(s, put, i);
			return err;
		}
	}
	return 0;
}

void state_abort(struct state *s, struct object *const *put, size_t nr_put)
{
	for (size_t i = 0; i < nr_put; i++) {
		char *path = object_path(s, put[i], true);

		unlink(path);
		free(path);
	}
	state_sync(s);
}

int state_commit(struct state *s, struct object *const *put, size_t nr_put,
		 struct object *const *gone, size_t nr_gone)
{
	int err = 0;

	for (size_t i = 0; i < nr_put; i++) {
		char *aside = object_path(s, put[i], true), *path = object_path(s, put[i], false);

		if (rename(aside, path) == -1 && !err)
			err = -errno;
		object_put(strmap_put(&s->objects, put[i]->id, object_get(put[i])));
		free(aside);
		free(path);
	}
	for (size_t i = 0; i < nr_gone; i++) {
		char *path = object_path(s, gone[i], false);

		if (unlink(path) == -1 && errno != ENOENT && !err)
			err = -errno;
		free(path);
		object_put(strmap_remove(&s->objects, gone[i]->id));
	}
	return err;
}

void state_sync(struct state *s)
{
	char *path = xasprintf("%s/objects", s->dir);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), *it;

	free(path);
	vec_each(&s->unsynced, it)
	{
		fdatasync(*it);
		close(*it);
	}
	vec_free(&s->unsynced);
	if (fd == -1)
		return;
	fsync(fd);
	close(fd);
}

struct reading_back {
	struct state *state;
	bool found;
};

static int object_keep(struct object *o, void *arg)
{
	struct reading_back *r = arg;

	r->found = true;
	object_put(strmap_put(&r->state->objects, o->id, o));
	return 0;
}

/* "Kind.namespace.name.json": the namespace stands here, as the object need not name it. */
static char *namespace_of(const char *file)
{
	const char *start = strchr(file, '.');
	size_t length = start ? strcspn(start + 1, ".") : 0;

	return length ? xstrndup(start + 1, length) : NULL;
}

static void object_read_back(struct state *s, const char *path, const char *name)
{
	char *namespace = namespace_of(name), *text = NULL;
	struct decode_options options = {.namespace = namespace, .lenient = true};
	struct reading_back reading = {.state = s};
	struct diags found = {0};
	size_t length = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = fd == -1 ? -errno : file_read(fd, TREE_MAX_BYTES, &text, &length);
	struct place place = {.file = place_file(path)};
	struct diag *it;

	if (err) {
		diag_add(&s->rejected, DIAG_ERROR, &place, NULL, "%s", strerror(-err));
	} else if (object_read(NULL, text, length, &options, &found, object_keep, &reading)) {
		vec_each(&found.list, it)
			it->place = place;
		diags_take(&s->rejected, &found);
	} else if (!reading.found) {
		/* As a file is that was renamed, but not on disk, when the power went. */
		diag_add(&s->rejected, DIAG_ERROR, &place, NULL, "holds no object");
	}
	if (fd != -1)
		close(fd);
	diags_free(&found);
	free(text);
	free(namespace);
}

static int objects_read(struct state *s)
{
	char *folder = xasprintf("%s/objects", s->dir);
	DIR *dir = opendir(folder);
	struct dirent *e;

	if (!dir) {
		int err = -errno;

		free(folder);
		return err;
	}
	while ((e = readdir(dir))) {
		char *path = xasprintf("%s/%s", folder, e->d_name);
		size_t length = strlen(e->d_name);

		if (!strncmp(e->d_name, ".new-", 5))
			unlink(path);
		else if (e->d_name[0] != '.' && length > 5 &&
			 !strcmp(e->d_name + length - 5, ".json"))
			object_read_back(s, path, e->d_name);
		free(path);
	}
	closedir(dir);
	free(folder);
	return 0;
}

/* With the folders above it. */
static int folder_make(const char *path)
{
	char *copy = xstrdup(path);
	int err = 0;

	for (char *at = copy + 1; !err; at++) {
		char c = *at;

		if (c && c != '/')
			continue;
		*at = '\0';
		if (mkdir(copy, 0700) == -1 && errno != EEXIST)
			err = -errno;
		*at = c;
		if (!c)
			break;
	}
	free(copy);
	return err;
}

int state_open(struct state *s, const char *dir)
{
	char *folder = xasprintf("%s/objects", dir);
	int err = folder_make(folder);

	free(folder);
	*s = (struct state){.dir = xstrdup(dir)};
	return err ? err : objects_read(s);
}

void state_close(struct state *s)
{
	struct strmap_entry *e;

	if (!s->dir)
		return;
	state_sync(s);
	strmap_each(&s->objects, e)
		object_put(e->value);
	strmap_free(&s->objects);
	diags_free(&s->rejected);
	free(s->dir);
	s->dir = NULL;
}

int state_read_addresses(struct state *s, struct addresses *a)
{
	char *path = xasprintf("%s/addresses", s->dir), *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t length;
	int err = fd == -1 ? -errno : file_read(fd, TREE_MAX_BYTES, &text, &length);

	if (fd != -1)
		close(fd);
	if (!err)
		err = addresses_read(a, text);
	free(path);
	free(text);
	return err;
}

int state_write_addresses(struct state *s, const struct addresses *a)
{
	char *path = xasprintf("%s/addresses", s->dir), *aside = xasprintf("%s.new", path);
	char *text = addresses_print(a);
	int err = file_write(s, aside, text);

	if (!err && rename(aside, path) == -1)
		err = -errno;
	free(text);
	free(aside);
	free(path);
	return err;
}
