/* SPDX-License-Identifier: GPL-2.0 */
/* Runs every TEST (or those whose "file/name" contains argv[1]), one line each. */
#include <CUnit/Basic.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include "unit.h"

static struct unit_test *tests, **tests_end = &tests;

void unit_register(struct unit_test *t)
{
	*tests_end = t;
	tests_end = &t->next;
}

static void suite_of(const char *file, char *out, size_t size)
{
	const char *base = strrchr(file, '/');

	snprintf(out, size, "unit/%s", base ? base + 1 : file);
	out[strlen(out) - 2] = '\0';
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";
	int failed = 0;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	CU_set_error_action(CUEA_IGNORE);
	for (struct unit_test *t = tests; t; t = t->next) {
		char suite_name[128], full[256];
		CU_pSuite suite;
		CU_pTest test;

		suite_of(t->file, suite_name, sizeof(suite_name));
		snprintf(full, sizeof(full), "%s/%s", suite_name, t->name);
		if (!strstr(full, only))
			continue;
		suite = CU_get_suite(suite_name);
		if (!suite)
			suite = CU_add_suite(suite_name, NULL, NULL);
		test = CU_add_test(suite, t->name, t->run);
		CU_run_test(suite, test);
		if (!CU_get_failure_list()) {
			printf("ok %s\n", full);
			continue;
		}
		failed = 1;
		for (CU_pFailureRecord f = CU_get_failure_list(); f; f = f->pNext)
			printf("# %s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
		printf("not ok %s\n", full);
	}
	CU_cleanup_registry();
	return failed;
}
