/*
 * `braid cat`: what the command line asks for (cmd_cat.c), parameters (cat_setup.c)
 * and the copying (cat_run.c).
 */
#ifndef BRI_CLI_CAT_H
#define BRI_CLI_CAT_H

#include <Network/Network.h>
#include "cli/cat_layers.h"
#include "cli/cli.h"

struct bri_cat_options {
	bool help, listen, udp, dtls, keep, verbose, no_input;
	bool has_service, has_quit, end_at_once;
	int ip_version; /* 4, 6; 0: any */
	nw_multipath_service_t service;
	uint64_t timeout_ns;          /* 0: none */
	uint64_t quit_ns;             /* after the end of standard input, with has_quit */
	struct bri_cli_target target; /* peer, or where to listen (host "": any) */
	struct bri_cli_target source; /* host "": any */
	const char *interface;        /* NULL: any; borrowed from argv */
	struct bri_cat_layers layers;
};

/* bri_cat_parameters(): +1, or NULL after one line about why. */
nw_parameters_t bri_cat_parameters(struct bri_cat_options *options);

/*
 * bri_cat_may_grow(): could paths be added to this connection? Connections of this machine with
 * itself have one; else ours may be several, or (listening) the peer's.
 */
bool bri_cat_may_grow(nw_connection_t connection, bool listening);

/*
 * bri_cat_own_fd(): the same terminal, device or pipe, opened anew. What is done to it by way of
 * its own descriptor (O_NONBLOCK) is not seen by the programs that share standard input and output
 * with us, nor left behind when a signal ends us. mode  O_RDONLY or O_WRONLY Returns the new
 * descriptor, or `fd` where that cannot be.
 */
int bri_cat_own_fd(int fd, int mode);

/* bri_cat_run(): connects or listens and copies until the end. Returns an exit code. Once a
 * process. */
int bri_cat_run(struct bri_cat_options *options);

#endif
