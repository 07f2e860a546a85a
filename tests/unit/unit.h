/* SPDX-License-Identifier: GPL-2.0 */
/* TEST(name) { CU_ASSERT(...); } registers itself; the file's name is its suite. */
#ifndef UNIT_H
#define UNIT_H

#include <CUnit/CUnit.h>

struct unit_test {
	const char *file, *name;
	void (*run)(void);
	struct unit_test *next;
};
void unit_register(struct unit_test *t);

#define TEST(name_)                                                                               \
	static void test_##name_(void);                                                           \
	__attribute__((constructor)) static void register_##name_(void)                           \
	{                                                                                         \
		static struct unit_test t = {__FILE__, #name_, test_##name_, NULL};               \
		unit_register(&t);                                                                \
	}                                                                                         \
	static void test_##name_(void)

#endif
