// SPDX-License-Identifier: GPL-2.0
/* Reads one file of the folder; never one that is half written. */
#include "agent/source_file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "agent/files.h"
#include "agent/state.h"

struct source_file *source_file_new(const char *path)
{
	struct source_file *file = xcalloc(1, sizeof(*file));

	file->path = xstrdup(path);
	return file;
}

static void objects_drop(struct source_file *file)
{
	struct object **it;

	vec_each(&file->objects, it)
		object_put(*it);
	vec_free(&file->objects);
}

void source_file_free(struct source_file *file)
{
	if (!file)
		return;
	objects_drop(file);
	diags_free(&file->diags);
	free(file->path);
	free(file);
}

bool source_file_name(const char *name)
{
	static const char *const ends[] = {".yaml", ".yml", ".json"};
	size_t length = strlen(name);

	for (size_t i = 0; i < 3; i++) {
		size_t end = strlen(ends[i]);

		if (name[0] != '.' && length > end && !strcmp(name + length - end, ends[i]))
			return true;
	}
	return false;
}

char *diag_object(const struct diag *d)
{
	const char *path = d->path ? d->path : "";
	size_t length = strcspn(path, ":");
	char *id = xstrndup(path, length);

	if (!strchr(id, '/')) {
		free(id);
		return NULL;
	}
	return id;
}

static int object_push(struct object *o, void *arg)
{
	struct source_file *file = arg;

	vec_push(&file->objects, o);
	return 0;
}

static bool has_object(const struct source_file *file, const char *id)
{
	struct object **it;

	vec_each(&file->objects, it)
	{
		if (!strcmp((*it)->id, id))
			return true;
	}
	return false;
}

/* Faulty now: named by an error, or maybe the one of an error that names none (bad syntax). */
static bool may_be_faulty(const struct diags *diags, const char *id)
{
	const struct diag *it;

	vec_each(&diags->list, it)
	{
		char *faulty;
		bool same;

		if (it->level != DIAG_ERROR)
			continue;
		faulty = diag_object(it);
		same = !faulty || !strcmp(faulty, id);
		free(faulty);
		if (same)
			return true;
	}
	return false;
}

static void last_good_keep(struct source_file *now, const struct source_file *before)
{
	struct object **it;

	if (!now->diags.nr_errors)
		return;
	vec_each(&before->objects, it)
	{
		if (!has_object(now, (*it)->id) && may_be_faulty(&now->diags, (*it)->id))
			vec_push(&now->objects, object_get(*it));
	}
}

/*
 * A read lease is given only while nobody has the file open for writing, and holds up whoever
 * opens it so until it is given back. Where there are no leases, closing events have to do.
 */
static int whole_read(const char *path, char **text, size_t *length)
{
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return -errno;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == -1 && errno == EAGAIN)
		err = -EAGAIN;
	else
		err = file_read(fd, TREE_MAX_BYTES, text, length);
	close(fd);
	return err;
}

int source_file_read(struct source_file *file, const struct decode_options *decode)
{
	struct source_file now = {.path = file->path};
	struct place place = {.file = place_file(file->path)};
	char *text = NULL;
	size_t length;
	int err = whole_read(file->path, &text, &length);

	if (err == -EAGAIN || err == -ENOENT)
		return err;
	if (err)
		diag_add(&now.diags, DIAG_ERROR, &place, NULL, "%s",
			 err == -EINVAL ? "no regular file" : strerror(-err));
	else
		object_read(place.file, text, length, decode, &now.diags, object_push, &now);
	free(text);
	last_good_keep(&now, file);
	objects_drop(file);
	diags_free(&file->diags);
	*file = now;
	return 0;
}
