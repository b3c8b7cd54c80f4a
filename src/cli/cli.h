/*
 * What the commands of `braid` share: their table entry, exit codes, option errors, small parsers
 * of what people type. Knows no command.
 */
#ifndef BRI_CLI_H
#define BRI_CLI_H

#include "base/base.h"

/* Exit codes: in the man page too, scripts depend on them. */
enum {
	BRI_EXIT_OK = 0,
	BRI_EXIT_FAILED = 1,      /* it did not work; check: not multipath */
	BRI_EXIT_USAGE = 2,       /* the command line is wrong, or asks for what cannot be */
	BRI_EXIT_UNREACHABLE = 3, /* check: HOST did not answer, nothing can be said */
};

/*
 * One command per file. argv[0] is the command's name.
 * Returns the exit code. Context: main thread, called once.
 */
int bri_cmd_check(int argc, char **argv);
int bri_cmd_cat(int argc, char **argv);
int bri_cmd_status(int argc, char **argv);
int bri_cmd_paths(int argc, char **argv);
int bri_cmd_set(int argc, char **argv);
int bri_cmd_run(int argc, char **argv);
int bri_cmd_enable(int argc, char **argv);
int bri_cmd_disable(int argc, char **argv);
int bri_cmd_monitor(int argc, char **argv);
int bri_cmd_lab(int argc, char **argv);

/* bri_cli_error(): one line on stderr, "braid CMD: ...". `cmd` NULL: "braid: ...". */
void bri_cli_error(const char *cmd, const char *fmt, ...) BRI_PRINTF(2, 3);
/* bri_cli_usage(): the same, with the hint where the help is. Returns BRI_EXIT_USAGE. */
int bri_cli_usage(const char *cmd, const char *fmt, ...) BRI_PRINTF(2, 3);

struct option;
/*
 * bri_cli_bad_option(): explains what getopt_long(3) refused (opterr must be 0, optstring must
 * start with ':' after an optional '+'). opt      what getopt_long returned: '?' or ':' options the
 * table given to it Returns BRI_EXIT_USAGE.
 */
int bri_cli_bad_option(const char *cmd, int opt, char **argv, const struct option *options);

/* bri_cli_parse_u32(): a decimal number in min..max, digits only. Returns 0, -EINVAL, -ERANGE. */
int bri_cli_parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret);

/*
 * bri_cli_parse_duration(): "3", "0.5", "3s", "250ms"; at most a day.
 * Returns 0, -EINVAL (not a duration), -ERANGE (zero or over a day).
 */
int bri_cli_parse_duration(const char *text, uint64_t *ret_ns);
#define BRI_CLI_DURATION_MAX_NS (UINT64_C(86400) * BRI_NS_PER_S)

#define BRI_CLI_HOST_SIZE                                                                          \
	256 /* a DNS name is at most 253 characters; a scoped address is shorter */
#define BRI_CLI_PORT_SIZE 48

struct bri_cli_target {
	char host[BRI_CLI_HOST_SIZE]; /* without brackets; "" when left out */
	char port[BRI_CLI_PORT_SIZE]; /* decimal, checked, "" when left out */
};

/*
 * bri_cli_parse_port(): a number (0 only where `zero_ok`) or a service name of /etc/services.
 *   protocol   "tcp" or "udp": whose service names
 *   ret_port   the number, in decimal
 * Returns 0, -EINVAL (neither), -ERANGE (number out of range).
 */
int bri_cli_parse_port(const char *text, const char *protocol, bool zero_ok,
	char ret_port[static BRI_CLI_PORT_SIZE]);

/*
 * bri_cli_parse_target(): HOST, HOST:PORT, ADDR6, [ADDR6], [ADDR6]:PORT, :PORT (only
 * with_empty_host). A host is a DNS name or a numeric address; only its form is checked. Returns 0,
 * -EINVAL (form), -ERANGE (port).
 */
int bri_cli_parse_target(
	const char *text, bool with_empty_host, bool zero_ok, struct bri_cli_target *ret);

/* bri_cli_is_numeric(): an IPv4 or IPv6 address, not a name. */
bool bri_cli_is_numeric(const char *host);

/* bri_cli_colour(): may escape sequences go to this fd: a terminal, no NO_COLOR, TERM not dumb. */
bool bri_cli_colour(int fd);

#endif
