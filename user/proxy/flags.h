/* SPDX-License-Identifier: GPL-2.0 */
/* Why a request ended otherwise than by its upstream's answer, in the words of Envoy's logs. */
#ifndef PROXY_FLAGS_H
#define PROXY_FLAGS_H

#include <shunt/requests.h>

enum flag_at {
#define FLAG_AT(name, text) FLAG_AT_##name,
	SHUNT_FLAGS(FLAG_AT)
#undef FLAG_AT
	NR_FLAGS,
};
_Static_assert(NR_FLAGS == SHUNT_NR_FLAGS, "a member of struct requests each");

enum flag { /* bits */
#define FLAG_BIT(name, text) FLAG_##name = 1 << FLAG_AT_##name,
	SHUNT_FLAGS(FLAG_BIT)
#undef FLAG_BIT
};

#define FLAGS_TEXT 128
/* "UF,URX"; "-" for none. */
const char *flags_print(unsigned flags, char text[FLAGS_TEXT]);
const char *flag_name(enum flag_at at);

#endif
