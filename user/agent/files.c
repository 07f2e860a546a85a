// SPDX-License-Identifier: GPL-2.0
/* Watches a folder of YAML files, also one that is a ConfigMap's volume. */
#include "agent/files.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "agent/source_file.h"

#define FOLDER_EVENTS                                                                             \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_MOVE_SELF |    \
	 IN_DELETE_SELF | IN_ONLYDIR)

#define MOST_OF_A_FILE 10 /* faults of one level that are told */
#define GONE_MS 200	  /* that a file may be away while an editor saves it */
#define LIST_AGAIN_MS 200

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static char *file_path(const struct files *f, const char *name)
{
	return xasprintf("%s/%s", f->dir, name);
}

static void file_drop(struct files *f, const char *name)
{
	strmap_remove(&f->gone, name);
	source_file_free(strmap_remove(&f->files, name));
}

/* Not dropped yet: editors move the old file away, or delete it, before they write the new one. */
static void file_gone(struct files *f, const char *name)
{
	if (strmap_get(&f->files, name) && !strmap_get(&f->gone, name))
		strmap_put(&f->gone, name, (void *)(uintptr_t)now_ms());
}

/* A name that came into being without being written: a symbolic or a second hard link. */
static bool is_link(const struct files *f, const char *name)
{
	char *path = file_path(f, name);
	struct stat st;
	bool link = !lstat(path, &st) && (S_ISLNK(st.st_mode) || st.st_nlink > 1);

	free(path);
	return link;
}

/* False when nothing changed, as the file is still being written. */
static bool file_follow(struct files *f, const char *name)
{
	struct source_file *file = strmap_get(&f->files, name);
	bool fresh = !file;
	char *path = file_path(f, name);
	int err;

	if (fresh)
		file = source_file_new(path);
	err = source_file_read(file, &f->decode);
	free(path);
	if (err == -EAGAIN)
		strmap_put(&f->busy, name, f);
	if (err != -ENOENT)
		strmap_remove(&f->gone, name);
	if (!err && fresh)
		strmap_put(&f->files, name, file);
	else if (err && fresh)
		source_file_free(file);
	else if (err == -ENOENT && is_link(f, name)) /* leads nowhere: no editor at work */
		file_drop(f, name);
	else if (err == -ENOENT)
		file_gone(f, name);
	return !err || (err == -ENOENT && !fresh && !strmap_get(&f->gone, name));
}

/* The folder may be made, moved or replaced later: the one above it tells. */
static void folder_watch(struct files *f)
{
	char *copy = xstrdup(f->dir);

	if (f->watch != -1)
		inotify_rm_watch(f->inotify, f->watch);
	f->above = inotify_add_watch(f->inotify, dirname(copy),
				     IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	f->watch = inotify_add_watch(f->inotify, f->dir, FOLDER_EVENTS);
	free(copy);
}

/* What has gone from the folder goes here, soon. */
static void files_forget(struct files *f, const struct strmap *there)
{
	struct strmap_entry *e;

	strmap_each(&f->files, e)
	{
		if (!strmap_get(there, e->key))
			file_gone(f, e->key);
	}
}

/* What is still away is dropped. What is back is read when its writer closes it. */
static bool gone_expire(struct files *f)
{
	uint64_t now = now_ms();
	struct strmap_entry *e;
	VEC(char *) expired = {0};
	bool changed = false;
	char **it;

	strmap_each(&f->gone, e)
	{
		if ((uintptr_t)e->value + GONE_MS <= now)
			vec_push(&expired, xstrdup(e->key));
	}
	vec_each(&expired, it)
	{
		char *path = file_path(f, *it);
		struct stat st;

		strmap_remove(&f->gone, *it);
		if (lstat(path, &st) && (errno == ENOENT || errno == ENOTDIR)) {
			file_drop(f, *it);
			changed = true;
		}
		free(path);
		free(*it);
	}
	vec_free(&expired);
	return changed;
}

static void place_put(struct files *f, const char *id, const struct place *place)
{
	if (!strmap_get(&f->places, id))
		strmap_put(&f->places, id, (void *)place);
}

/* Anew after each change, as an apply beside a large folder looks up each of its objects. */
static void files_index(struct files *f)
{
	struct strmap_entry *e;

	strmap_free(&f->places);
	strmap_each(&f->files, e)
	{
		struct source_file *file = e->value;
		struct object **it;
		const struct diag *d;

		vec_each(&file->objects, it)
			place_put(f, (*it)->id, &(*it)->place);
		vec_each(&file->diags.list, d)
		{
			char *faulty = d->level == DIAG_ERROR ? diag_object(d) : NULL;

			if (faulty)
				place_put(f, faulty, &d->place);
			free(faulty);
		}
	}
}

/* 0: these are all its names, none when there is no folder. Else some may be missing. */
static int folder_list(const struct files *f, struct strmap *there)
{
	DIR *dir = opendir(f->dir);
	struct dirent *e;
	int err;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (errno = 0, e = readdir(dir)) {
		if (source_file_name(e->d_name))
			strmap_put(there, e->d_name, there);
	}
	err = -errno;
	closedir(dir);
	return err;
}

static void folder_read(struct files *f)
{
	struct strmap there = {0};
	struct strmap_entry *name;

	strmap_free(&f->busy);
	folder_watch(f); /* first, so that no change falls in between */
	f->unlisted = folder_list(f, &there);
	f->list_again = now_ms() + LIST_AGAIN_MS;
	strmap_each(&there, name)
		file_follow(f, name->key);
	if (!f->unlisted)
		files_forget(f, &there);
	strmap_free(&there);
}

void files_read_all(struct files *f)
{
	folder_read(f);
	files_index(f);
}

int files_open(struct files *f, const char *dir, const struct decode_options *decode)
{
	size_t length = strlen(dir);

	while (length > 1 && dir[length - 1] == '/')
		length--;
	*f = (struct files){.decode = *decode, .watch = -1, .above = -1};
	f->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (f->inotify == -1)
		return -errno;
	f->dir = xstrndup(dir, length);
	/* Who opens a file for writing while it is read breaks a lease, told by a signal. */
	signal(SIGIO, SIG_IGN);
	files_read_all(f);
	return 0;
}

void files_close(struct files *f)
{
	struct strmap_entry *e;

	if (!f->dir)
		return;
	strmap_each(&f->files, e)
		source_file_free(e->value);
	strmap_free(&f->files);
	strmap_free(&f->busy);
	strmap_free(&f->gone);
	strmap_free(&f->places);
	close(f->inotify);
	free(f->dir);
	f->dir = NULL;
}

struct news {
	struct strmap read, gone;
	bool all;
};

static void event_take(const struct files *f, const struct inotify_event *e, struct news *news)
{
	const char *name = e->len ? e->name : "", *own = strrchr(f->dir, '/');

	if (e->mask & IN_Q_OVERFLOW || (e->wd == f->watch &&
					(!strcmp(name, "..data") ||
					 e->mask & (IN_MOVE_SELF | IN_DELETE_SELF)))) {
		news->all = true;
		return;
	}
	if (e->wd == f->above && e->wd != f->watch) {
		news->all |= !strcmp(name, own ? own + 1 : f->dir);
		return;
	}
	if (e->wd != f->watch || !source_file_name(name))
		return;
	if (e->mask & (IN_DELETE | IN_MOVED_FROM)) {
		strmap_remove(&news->read, name);
		strmap_put(&news->gone, name, news);
	} else if (!(e->mask & IN_CREATE) || is_link(f, name)) {
		strmap_remove(&news->gone, name);
		strmap_put(&news->read, name, news);
	}
}

static void events_take(struct files *f, struct news *news)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(f->inotify, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + n;) {
			const struct inotify_event *e = (const void *)at;

			event_take(f, e, news);
			at += sizeof(*e) + e->len;
		}
	}
}

bool files_follow(struct files *f)
{
	struct news news = {.read = f->busy};
	struct strmap_entry *e;
	int unlisted = f->unlisted;
	bool changed;

	f->busy = (struct strmap){0};
	events_take(f, &news);
	changed = news.all;
	if (news.all || (unlisted && now_ms() >= f->list_again)) {
		folder_read(f);
		changed |= f->unlisted != unlisted;
	} else {
		strmap_each(&news.gone, e)
			file_gone(f, e->key);
		strmap_each(&news.read, e)
			changed |= file_follow(f, e->key);
	}
	changed |= gone_expire(f);
	strmap_free(&news.read);
	strmap_free(&news.gone);
	if (changed)
		files_index(f);
	return changed;
}

bool files_pending(const struct files *f)
{
	return f->busy.nr || f->gone.nr || f->unlisted;
}

static int name_order(const void *a, const void *b)
{
	return strcmp((*(struct strmap_entry *const *)a)->key,
		      (*(struct strmap_entry *const *)b)->key);
}

static struct strmap_entry **files_sorted(const struct files *f, size_t *nr)
{
	VEC(struct strmap_entry *) sorted = {0};
	struct strmap_entry *e;

	strmap_each(&f->files, e)
		vec_push(&sorted, e);
	if (sorted.nr)
		qsort(sorted.at, sorted.nr, sizeof(*sorted.at), name_order);
	*nr = sorted.nr;
	return sorted.at;
}

static void object_fold(struct config_set *into, struct object *o, struct diags *diags)
{
	struct object *first = config_set_get(into, o->kind, o->namespace, o->name);

	if (!first)
		config_set_put(into, object_get(o));
	else if (diags)
		diag_add(diags, DIAG_ERROR, &o->place, o->id, "stands twice, first at %s:%u",
			 first->place.file, first->place.line);
}

/* Files that are gone come last, unsaid: their objects may stand in a file of a new name now. */
void files_fold(const struct files *f, struct config_set *into, struct diags *diags)
{
	struct strmap_entry **sorted;
	size_t nr;

	sorted = files_sorted(f, &nr);
	for (size_t i = 0; i < 2 * nr; i++) {
		struct source_file *file = sorted[i % nr]->value;
		struct object **it;

		if (!strmap_get(&f->gone, sorted[i % nr]->key) != (i < nr))
			continue;
		vec_each(&file->objects, it)
			object_fold(into, *it, i < nr ? diags : NULL);
	}
	free(sorted);
}

/* Some of each level, all counted: a file full of faults must not hide those of the next one. */
static void file_diags(const struct diags *from, struct diags *out)
{
	size_t shown[DIAG_NOTICE + 1] = {0};
	const struct diag *it;

	vec_each(&from->list, it)
	{
		if (shown[it->level] >= MOST_OF_A_FILE)
			continue;
		shown[it->level]++;
		diag_add(out, it->level, &it->place, it->path, "%s", it->text);
	}
	out->nr_errors += from->nr_errors - shown[DIAG_ERROR];
	out->nr_warnings += from->nr_warnings - shown[DIAG_WARNING];
	out->nr_dropped += from->nr_dropped + from->list.nr - shown[DIAG_ERROR] -
			   shown[DIAG_WARNING] - shown[DIAG_NOTICE];
}

void files_diags(const struct files *f, struct diags *out)
{
	struct strmap_entry **sorted;
	struct place place = {.file = place_file(f->dir)};
	size_t nr;

	if (f->unlisted)
		diag_add(out, DIAG_ERROR, &place, NULL, "cannot be listed (%s), what is known stays",
			 strerror(-f->unlisted));
	sorted = files_sorted(f, &nr);
	for (size_t i = 0; i < nr; i++)
		file_diags(&((const struct source_file *)sorted[i]->value)->diags, out);
	free(sorted);
}

bool files_find(const struct files *f, const char *id, struct place *where)
{
	const struct place *place = strmap_get(&f->places, id);

	if (place)
		*where = *place;
	return place;
}
