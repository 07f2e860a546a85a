/* SPDX-License-Identifier: GPL-2.0 */
/* The subcommands: each returns the exit status. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/options.h"

/* What `shunt help SUBCOMMAND` shows. */
void help_print(const struct command *c);

int cli_agent(const struct options *o);
int cli_load(const struct options *o);
int cli_unload(const struct options *o);
int cli_validate(const struct options *o);
int cli_plan(const struct options *o);
int cli_apply(const struct options *o);
int cli_delete(const struct options *o);
int cli_diff(const struct options *o);
int cli_get(const struct options *o);
int cli_status(const struct options *o);
int cli_services(const struct options *o);
int cli_clusters(const struct options *o);
int cli_endpoints(const struct options *o);
int cli_conns(const struct options *o);
int cli_top(const struct options *o);
int cli_events(const struct options *o);
int cli_maps(const struct options *o);
int cli_drain(const struct options *o);
int cli_shift(const struct options *o);
int cli_explain(const struct options *o);
int cli_hosts(const struct options *o);
int cli_completion(const struct options *o);
int cli_version(const struct options *o);
int cli_help(const struct options *o);
/* Takes its own options: it is no command for people, and stands in no help. */
int cli_proxy(int argc, char **argv);

#endif
