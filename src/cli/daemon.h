/*
 * What the commands that ask braidd share: finding it, and saying what to do when it is not there.
 * Knows none of their requests.
 */
#ifndef BRI_CLI_DAEMON_H
#define BRI_CLI_DAEMON_H

#include "control/client.h"

/* What all of them take: --json, --socket PATH, --help. */
struct bri_daemon_ask {
	bool help, json;
	const char *socket; /* NULL: not given */
	const char *own;    /* the value of the command's own option; NULL: not given, or none */
};

/* bri_daemon_parse(): the command line of one that takes nothing else. Returns an exit code. */
int bri_daemon_parse(const char *cmd, int argc, char **argv, struct bri_daemon_ask *ret);
/* bri_daemon_parse_own(): of one that takes an option with a value of its own, too (`own`: its long
 * name), and arguments: these are argv[optind] and on. Returns an exit code. */
int bri_daemon_parse_own(
	const char *cmd, const char *own, int argc, char **argv, struct bri_daemon_ask *ret);

/* bri_daemon_deadline_ns(): by when an answer must be there. It is a local program: a few seconds.
 */
uint64_t bri_daemon_deadline_ns(void);

/*
 * bri_daemon_open(): connects, or says in one line on standard error what to do.
 *   cmd   the command's name
 *   path  of the socket; NULL: $BRAID_SOCKET or the usual one
 * Returns an exit code: BRI_EXIT_OK or BRI_EXIT_FAILED.
 */
int bri_daemon_open(const char *cmd, const char *path, struct bri_client *ret);

/* bri_daemon_failed(): says why a call failed (r, of bri_client_call() or _each()), or what the
 * daemon answered (r 0, an ERROR). Returns BRI_EXIT_OK when it did neither, else BRI_EXIT_FAILED.
 */
int bri_daemon_failed(const char *cmd, int r, const struct bri_message *reply);

#define BRI_DAEMON_ADDRESS_SIZE 64
/* bri_daemon_address(): "192.0.2.1", "[2001:db8::1]:443" with a port; "-" when there is none. */
void bri_daemon_address(
	const struct bri_ip *ip, uint16_t port, char ret[static BRI_DAEMON_ADDRESS_SIZE]);

#endif
