// SPDX-License-Identifier: GPL-2.0
/* The folder as a source: half-written files, faults, links, and a ConfigMap's swap. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/files.h"
#include "unit.h"

struct folder {
	char path[64];
	struct files files;
};

static const struct decode_options plain;

static void folder_make(struct folder *f)
{
	strcpy(f->path, "/tmp/shunt-files-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->path));
}

static void folder_open(struct folder *f)
{
	CU_ASSERT_EQUAL_FATAL(files_open(&f->files, f->path, &plain), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void folder_end(struct folder *f)
{
	files_close(&f->files);
	nftw(f->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int open_in(const struct folder *f, const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	CU_ASSERT(fd != -1);
	return fd;
}

static void put_text(int fd, const char *text)
{
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void write_in(const struct folder *f, const char *name, const char *text)
{
	int fd = open_in(f, name, O_WRONLY | O_CREAT | O_TRUNC);

	put_text(fd, text);
	close(fd);
}

#define SERVICE(name, port)                                                                       \
	"apiVersion: v1\nkind: Service\nmetadata:\n  name: " name "\nspec:\n  ports:\n"            \
	"  - port: " port "\n    name: tcp\n---\n"

/* The port of a Service, 0 when there is none. */
static unsigned port_of(const struct folder *f, const char *name)
{
	struct config_set set = {0};
	struct diags diags = {0};
	struct object *o;
	unsigned port;

	files_fold(&f->files, &set, &diags);
	o = config_set_get(&set, KIND_SERVICE, "default", name);
	port = o && o->service.nr_ports ? o->service.ports[0].port : 0;
	config_set_free(&set);
	diags_free(&diags);
	return port;
}

static size_t nr_errors(const struct folder *f)
{
	struct diags diags = {0};
	size_t nr;

	files_diags(&f->files, &diags);
	nr = diags.nr_errors;
	diags_free(&diags);
	return nr;
}

TEST(files_that_are_there_at_the_start_are_read)
{
	struct folder f;

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	write_in(&f, ".hidden.yaml", SERVICE("b", "80"));
	write_in(&f, "note.txt", SERVICE("c", "80"));
	folder_open(&f);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	CU_ASSERT_EQUAL(port_of(&f, "b"), 0);
	CU_ASSERT_EQUAL(port_of(&f, "c"), 0);
	folder_end(&f);
}

TEST(missing_folder_is_followed_once_it_is_made)
{
	struct folder f;

	folder_make(&f);
	rmdir(f.path);
	folder_open(&f);
	mkdir(f.path, 0700);
	CU_ASSERT(files_follow(&f.files));
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	folder_end(&f);
}

TEST(file_that_is_open_for_writing_at_the_start_waits_for_its_close)
{
	struct folder f;
	int fd;

	folder_make(&f);
	fd = open_in(&f, "a.yaml", O_WRONLY | O_CREAT);
	put_text(fd, SERVICE("a", "80"));
	folder_open(&f);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 0);
	put_text(fd, SERVICE("b", "81"));
	close(fd);
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	CU_ASSERT_EQUAL(port_of(&f, "b"), 81);
	folder_end(&f);
}

TEST(half_written_file_keeps_what_was_before)
{
	struct folder f;
	int first, second;

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	folder_open(&f);
	/* The first writer's close tells of the file while the second is at work on it. */
	first = open_in(&f, "a.yaml", O_WRONLY);
	second = open_in(&f, "a.yaml", O_WRONLY | O_TRUNC);
	close(first);
	files_follow(&f.files);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	CU_ASSERT_EQUAL(f.files.busy.nr, 1); /* to be tried again without an event */
	CU_ASSERT(!files_follow(&f.files));
	put_text(second, SERVICE("a", "90"));
	close(second);
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 90);
	CU_ASSERT_EQUAL(f.files.busy.nr, 0);
	folder_end(&f);
}

TEST(removed_file_takes_its_objects_along)
{
	struct folder f;
	char path[128];

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	write_in(&f, "b.yaml", SERVICE("b", "80"));
	folder_open(&f);
	snprintf(path, sizeof(path), "%s/a.yaml", f.path);
	unlink(path);
	CU_ASSERT(!files_follow(&f.files)); /* an editor may be about to write it anew */
	CU_ASSERT(files_pending(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	usleep(210000);
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT(!files_pending(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 0);
	CU_ASSERT_EQUAL(port_of(&f, "b"), 80);
	folder_end(&f);
}

TEST(file_that_an_editor_moves_away_and_writes_anew_is_never_gone)
{
	char path[128], backup[140];
	struct folder f;
	int fd;

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	folder_open(&f);
	snprintf(path, sizeof(path), "%s/a.yaml", f.path);
	snprintf(backup, sizeof(backup), "%s~", path);
	rename(path, backup);
	files_follow(&f.files);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	fd = open_in(&f, "a.yaml", O_WRONLY | O_CREAT);
	usleep(210000); /* a slow one */
	files_follow(&f.files);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	put_text(fd, SERVICE("a", "81"));
	close(fd);
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 81);
	CU_ASSERT(!files_pending(&f.files));
	folder_end(&f);
}

TEST(renamed_file_counts_under_its_new_name_at_once)
{
	struct config_set set = {0};
	char path[128], new[128];
	struct diags diags = {0};
	struct folder f;

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	folder_open(&f);
	snprintf(path, sizeof(path), "%s/a.yaml", f.path);
	snprintf(new, sizeof(new), "%s/b.yaml", f.path);
	rename(path, new);
	files_follow(&f.files);
	files_fold(&f.files, &set, &diags);
	CU_ASSERT_EQUAL(diags.nr_errors, 0);
	config_set_free(&set);
	write_in(&f, "b.yaml", SERVICE("a", "81"));
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 81);
	folder_end(&f);
}

TEST(folder_that_cannot_be_listed_keeps_what_was_read)
{
	struct rlimit before, none;
	struct folder f;

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	folder_open(&f);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	files_read_all(&f.files);
	usleep(210000);
	CU_ASSERT(!files_follow(&f.files)); /* tried again, to no avail */
	setrlimit(RLIMIT_NOFILE, &before);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	CU_ASSERT_EQUAL(nr_errors(&f), 1);
	CU_ASSERT(files_pending(&f.files));
	usleep(210000);
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	CU_ASSERT_EQUAL(nr_errors(&f), 0);
	CU_ASSERT(!files_pending(&f.files));
	folder_end(&f);
}

TEST(faulty_object_keeps_its_last_good_version_and_others_go_on)
{
	struct folder f;
	struct place where;

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "80") SERVICE("b", "80"));
	folder_open(&f);
	write_in(&f, "a.yaml", SERVICE("a", "99999") SERVICE("b", "81"));
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	CU_ASSERT_EQUAL(port_of(&f, "b"), 81);
	CU_ASSERT_EQUAL(nr_errors(&f), 1);
	CU_ASSERT(files_find(&f.files, "Service/default/a", &where));
	write_in(&f, "a.yaml", SERVICE("a", "82"));
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 82);
	CU_ASSERT_EQUAL(port_of(&f, "b"), 0);
	CU_ASSERT_EQUAL(nr_errors(&f), 0);
	folder_end(&f);
}

TEST(faulty_object_that_was_never_good_is_absent_and_known)
{
	struct folder f;
	struct place where = {0};

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "99999"));
	folder_open(&f);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 0);
	CU_ASSERT(files_find(&f.files, "Service/default/a", &where));
	CU_ASSERT(where.line > 0);
	folder_end(&f);
}

TEST(bad_syntax_keeps_all_objects_that_it_may_have_held)
{
	struct folder f;

	folder_make(&f);
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	folder_open(&f);
	write_in(&f, "a.yaml", "kind: [\n");
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	CU_ASSERT(nr_errors(&f) > 0);
	folder_end(&f);
}

TEST(object_in_two_files_counts_in_the_first_and_is_told)
{
	struct config_set set = {0};
	struct diags diags = {0};
	struct folder f;

	folder_make(&f);
	write_in(&f, "b.yaml", SERVICE("a", "81"));
	write_in(&f, "a.yaml", SERVICE("a", "80"));
	folder_open(&f);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	files_fold(&f.files, &set, &diags);
	CU_ASSERT_EQUAL(diags.nr_errors, 1);
	config_set_free(&set);
	diags_free(&diags);
	folder_end(&f);
}

TEST(config_map_swap_rereads_every_name)
{
	struct folder f;
	char one[128], two[128], data[128], next[128], name[128];

	folder_make(&f);
	snprintf(one, sizeof(one), "%s/..1", f.path);
	snprintf(two, sizeof(two), "%s/..2", f.path);
	snprintf(data, sizeof(data), "%s/..data", f.path);
	snprintf(next, sizeof(next), "%s/..next", f.path);
	snprintf(name, sizeof(name), "%s/a.yaml", f.path);
	mkdir(one, 0700);
	mkdir(two, 0700);
	write_in(&f, "..1/a.yaml", SERVICE("a", "80"));
	write_in(&f, "..2/a.yaml", SERVICE("a", "90"));
	CU_ASSERT_EQUAL(symlink("..1", data), 0);
	CU_ASSERT_EQUAL(symlink("..data/a.yaml", name), 0);
	folder_open(&f);
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	CU_ASSERT_EQUAL(symlink("..2", next), 0);
	CU_ASSERT_EQUAL(rename(next, data), 0);
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 90);
	folder_end(&f);
}

TEST(new_link_to_a_file_is_read)
{
	struct folder f;
	char from[128], to[128];

	folder_make(&f);
	write_in(&f, "stock.txt", SERVICE("a", "80"));
	folder_open(&f);
	snprintf(from, sizeof(from), "%s/stock.txt", f.path);
	snprintf(to, sizeof(to), "%s/a.yaml", f.path);
	CU_ASSERT_EQUAL(link(from, to), 0);
	CU_ASSERT(files_follow(&f.files));
	CU_ASSERT_EQUAL(port_of(&f, "a"), 80);
	folder_end(&f);
}

TEST(what_is_no_regular_file_is_told_and_never_waited_for)
{
	struct folder f;
	char path[128];

	folder_make(&f);
	snprintf(path, sizeof(path), "%s/pipe.yaml", f.path);
	CU_ASSERT_EQUAL(mkfifo(path, 0600), 0);
	folder_open(&f);
	CU_ASSERT_EQUAL(nr_errors(&f), 1);
	folder_end(&f);
}
