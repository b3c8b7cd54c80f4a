/* `braid cat`: what the command line asks for (cmd_cat.c) and the copying (cat_run.c). */
#ifndef BRI_CLI_CAT_H
#define BRI_CLI_CAT_H

#include <Network/Network.h>
#include "cli/cli.h"

struct bri_cat_options {
	bool help, listen, udp, keep, verbose, no_input;
	bool has_service, has_quit;
	int ip_version; /* 4, 6; 0: any */
	nw_multipath_service_t service;
	uint64_t timeout_ns;          /* 0: none */
	uint64_t quit_ns;             /* after the end of standard input, with has_quit */
	struct bri_cli_target target; /* peer, or where to listen (host "": any) */
	struct bri_cli_target source; /* host "": any */
	const char *interface;        /* NULL: any; borrowed from argv */
};

/* bri_cat_run(): connects or listens and copies until the end. Returns an exit code. Once a
 * process. */
int bri_cat_run(const struct bri_cat_options *options);

#endif
