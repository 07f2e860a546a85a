// SPDX-License-Identifier: GPL-2.0
/* metadata: the name, the namespace, labels, annotations and the time of creation. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"

/* `text` begins with the shape: '0' stands for any digit. */
static bool has_shape(const char *text, const char *shape)
{
	for (; *shape; shape++, text++)
		if (*shape == '0' ? !isdigit((unsigned char)*text) : *shape != *text)
			return false;
	return true;
}

/* The offset from UTC, "Z" or "+01:00", in seconds. */
static int offset_parse(const char *s, long *out)
{
	int hours, minutes;

	*out = 0;
	if ((*s == 'Z' || *s == 'z') && !s[1])
		return 0;
	if ((*s != '+' && *s != '-') || !has_shape(s + 1, "00:00") || s[6])
		return -EINVAL;
	hours = atoi(s + 1);
	minutes = atoi(s + 4);
	if (hours > 23 || minutes > 59)
		return -EINVAL;
	*out = (hours * 3600L + minutes * 60L) * (*s == '-' ? -1 : 1);
	return 0;
}

/* RFC 3339, in seconds since 1970; fractions are cut off. */
static int time_parse(const char *text, int64_t *out)
{
	struct tm tm = {0};
	const char *s;
	long offset;
	int day;

	if (!has_shape(text, "0000-00-00T00:00:00"))
		return -EINVAL;
	s = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!s)
		return -EINVAL;
	if (*s == '.') {
		size_t digits = strspn(s + 1, "0123456789");

		if (!digits)
			return -EINVAL;
		s += 1 + digits;
	}
	if (offset_parse(s, &offset))
		return -EINVAL;
	/* timegm() makes 1 March of 30 February, and the next day of a leap second. */
	day = tm.tm_sec < 60 ? tm.tm_mday : 0;
	*out = timegm(&tm) - offset;
	return day && tm.tm_mday != day ? -EINVAL : 0;
}

static void check_name(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_object(n->text))
		decode_error(d, n, "%s is no name, want lower case letters, digits, inner - and .",
			     quoted(d, n));
}

static void check_namespace(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_object(n->text) || !name_is_label(n->text))
		decode_error(d, n,
			     "%s is no namespace, want lower case letters, digits and "
			     "inner dashes",
			     quoted(d, n));
}

static void put_created(struct decoder *d, const struct node *n, void *into)
{
	struct object *o = into;

	if (time_parse(n->text, &o->created))
		decode_error(d, n, "%s is no time, want one like 2024-01-31T12:00:00Z",
			     quoted(d, n));
}

/* name and namespace stand in the object already: errors are said with them. */
static const struct field metadata_fields[] = {
	{"annotations", FIELD_STRING, FIELD_MAP, INTO(struct object, annotations)},
	{"creationTimestamp", .check = put_created},
	{"labels", FIELD_STRING, FIELD_MAP, INTO(struct object, labels)},
	{"name", .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .check = check_name,
	 .want = "the name of the object"},
	{"namespace", .check = check_namespace},
	{0},
};
static const struct message metadata_message = {metadata_fields};
static const struct field metadata_field = {"metadata", FIELD_MESSAGE, .message = &metadata_message,
					    SAME_REQUIRED};

bool metadata_is_stored(const struct node *root)
{
	static const char *const keys[] = {"uid", "resourceVersion", "managedFields"};
	const struct node *metadata = node_get(root, "metadata");

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (is_set(metadata, keys[i]))
			return true;
	return false;
}

void metadata_decode(struct decoder *d, const struct node *root)
{
	bool open = d->open;

	d->open = true;
	decode_one(d, &metadata_field, root, d->object);
	d->open = open;
	annotations_check(d, root);
}
