/* What the commands that ask braidd share. Knows none of their requests. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/daemon.h"

#define PATIENCE_NS (5 * BRI_NS_PER_S)

int bri_daemon_parse_own(
	const char *cmd, const char *own, int argc, char **argv, struct bri_daemon_ask *ret)
{
	const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "socket", required_argument, NULL, 's' },
		{ own, required_argument, NULL, 'o' }, /* NULL is the end */
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	*ret = (struct bri_daemon_ask) { .help = false };
	opterr = 0;
	optind = 1;
	while ((opt = getopt_long(argc, argv, ":hjs:", options, NULL)) != -1) {
		switch (opt) {
		case 'h': ret->help = true; break;
		case 'j': ret->json = true; break;
		case 's': ret->socket = optarg; break;
		case 'o': ret->own = optarg; break;
		default: return bri_cli_bad_option(cmd, opt, argv, options);
		}
	}
	return BRI_EXIT_OK;
}

int bri_daemon_parse(const char *cmd, int argc, char **argv, struct bri_daemon_ask *ret)
{
	int code = bri_daemon_parse_own(cmd, NULL, argc, argv, ret);

	if (code == BRI_EXIT_OK && optind < argc && !ret->help)
		return bri_cli_usage(cmd, "no argument is wanted, not '%s'", argv[optind]);
	return code;
}

uint64_t bri_daemon_deadline_ns(void)
{
	return bri_clock_now_ns() + PATIENCE_NS;
}

int bri_daemon_open(const char *cmd, const char *path, struct bri_client *ret)
{
	int r = bri_client_open(path, bri_daemon_deadline_ns(), ret);

	path = bri_client_path(path);
	switch (r) {
	case 0: return BRI_EXIT_OK;
	case -ENOENT:
	case -ENOTDIR:
	case -ECONNREFUSED:
		bri_cli_error(cmd,
			"braidd does not run (nobody listens on %s): start it with "
			"'systemctl start braidd', or as root 'braidd'",
			path);
		break;
	case -EACCES:
		bri_cli_error(cmd, "%s may not be used: its directory must be open to all", path);
		break;
	case -EPROTOTYPE:
		bri_cli_error(cmd, "%s is another program's socket, not braidd's", path);
		break;
	case -ETIMEDOUT:
		bri_cli_error(cmd,
			"braidd does not answer on %s: is it stopped? 'systemctl restart braidd'",
			path);
		break;
	default: bri_cli_error(cmd, "cannot reach braidd on %s: %s", path, strerror(-r)); break;
	}
	return BRI_EXIT_FAILED;
}

int bri_daemon_failed(const char *cmd, int r, const struct bri_message *reply)
{
	if (r == 0 && reply->type != BRI_MESSAGE_ERROR)
		return BRI_EXIT_OK;
	if (r == 0)
		bri_cli_error(cmd, "%s", reply->error.text);
	else if (r == -EPIPE)
		bri_cli_error(cmd, "braidd has closed the connection: does it still run?");
	else if (r == -ETIMEDOUT)
		bri_cli_error(cmd, "braidd does not answer: 'systemctl restart braidd'");
	else if (r == -EBADMSG || r == -EPROTONOSUPPORT)
		bri_cli_error(cmd,
			"braidd speaks another version of the control protocol: upgrade the older "
			"of both");
	else
		bri_cli_error(cmd, "cannot talk to braidd: %s", strerror(-r));
	return BRI_EXIT_FAILED;
}

void bri_daemon_address(
	const struct bri_ip *ip, uint16_t port, char ret[static BRI_DAEMON_ADDRESS_SIZE])
{
	char address[INET6_ADDRSTRLEN] = "";

	if (ip->family == 0 || !inet_ntop(ip->family, ip->bytes, address, sizeof(address)))
		snprintf(ret, BRI_DAEMON_ADDRESS_SIZE, "-");
	else if (port == 0)
		snprintf(ret, BRI_DAEMON_ADDRESS_SIZE, "%s", address);
	else if (ip->family == AF_INET6)
		snprintf(ret, BRI_DAEMON_ADDRESS_SIZE, "[%s]:%u", address, port);
	else
		snprintf(ret, BRI_DAEMON_ADDRESS_SIZE, "%s:%u", address, port);
}
