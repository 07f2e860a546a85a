/* SPDX-License-Identifier: GPL-2.0 */
/* Why a request ended otherwise than by its upstream's answer, in the words of Envoy's logs. */
#ifndef PROXY_FLAGS_H
#define PROXY_FLAGS_H

#define PROXY_FLAGS(F)                                                                             \
	F(UH)  /* no healthy upstream */                                                           \
	F(UF)  /* upstream connect failure */                                                      \
	F(UO)  /* overflow: a limit */                                                             \
	F(NR)  /* no route */                                                                      \
	F(URX) /* retries used up */                                                               \
	F(NC)  /* no such cluster */                                                               \
	F(DC)  /* the client is gone */                                                            \
	F(UT)  /* upstream request timeout */                                                      \
	F(UC)  /* upstream closed */                                                               \
	F(DI)  /* delay injected */                                                                \
	F(FI)  /* fault injected */                                                                \
	F(DPE) /* downstream protocol error */                                                     \
	F(UPE) /* upstream protocol error */                                                       \
	F(OM)  /* out of memory */

enum flag_at {
#define FLAG_AT(name) FLAG_AT_##name,
	PROXY_FLAGS(FLAG_AT)
#undef FLAG_AT
	NR_FLAGS,
};
enum flag { /* bits */
#define FLAG_BIT(name) FLAG_##name = 1 << FLAG_AT_##name,
	PROXY_FLAGS(FLAG_BIT)
#undef FLAG_BIT
};

#define FLAGS_TEXT 80
/* "UF,URX"; "-" for none. */
const char *flags_print(unsigned flags, char text[FLAGS_TEXT]);
const char *flag_name(enum flag_at at);

#endif
