/* `braid set`: another service for a connection, or for all of a process: braidd, which may not
 * look into processes, is told the connections one by one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/daemon.h"
#include "cli/json.h"
#include "cli/process_tokens.h"

#define PID_MAX 4194304u /* the kernel's highest (PID_MAX_LIMIT) */

static void print_help(void)
{
	puts("Usage: braid set TOKEN|PID --service SERVICE [OPTION...]\n"
	     "Gives a Multipath TCP connection, or all of a process, another service, from now "
	     "on.\n"
	     "TOKEN is as 'braid status', 'ss -Mi' and 'ip mptcp monitor' show it: 8 hexadecimal\n"
	     "digits; PID is a decimal number. You may change your own, root may change all.\n\n"
	     "      --service SERVICE  none, handover, interactive or aggregate\n"
	     "  -j, --json             print JSON\n"
	     "  -s, --socket PATH      braidd's socket (default $BRAID_SOCKET, or\n"
	     "                         /run/braid/braidd.sock)\n"
	     "  -h, --help             this text\n\n"
	     "Exit codes: 0 done, 1 not done or braidd does not run, 2 the command line is "
	     "wrong.");
}

static bool parse_token(const char *text, uint32_t *ret)
{
	bool marked = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	size_t len = strlen(marked ? text + 2 : text);
	uint32_t value = 0;

	/* without 0x exactly 8 digits: so that it cannot be a PID */
	if (len == 0 || len > 8 || (!marked && len != 8))
		return false;
	for (const char *p = marked ? text + 2 : text; *p; p++) {
		if (*p >= '0' && *p <= '9')
			value = value * 16 + (uint32_t)(*p - '0');
		else if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			value = value * 16 + (uint32_t)((*p | 0x20) - 'a') + 10;
		else
			return false;
	}
	*ret = value;
	return value != 0;
}

static int parse_target(const char *text, struct bri_message_set *ret)
{
	if (parse_token(text, &ret->token) || bri_cli_parse_u32(text, 1, PID_MAX, &ret->pid) == 0)
		return BRI_EXIT_OK;
	return bri_cli_usage("set",
		"'%s' is neither a token (8 hexadecimal digits, from 'braid status') nor a PID",
		text);
}

static int parse_service(const char *word, uint8_t *ret)
{
	int service = bri_message_service_from_word(word);

	if (service < 0)
		return bri_cli_usage("set",
			"service '%s' is none of: none, handover, interactive, aggregate", word);
	*ret = (uint8_t)service;
	return BRI_EXIT_OK;
}

/* Returns an exit code; opts->help: there is nothing to set. */
static int parse(int argc, char **argv, struct bri_daemon_ask *opts, struct bri_message_set *ret)
{
	int code = bri_daemon_parse_own("set", "service", argc, argv, opts);

	*ret = (struct bri_message_set) { .token = 0 };
	if (code == BRI_EXIT_OK && opts->own)
		code = parse_service(opts->own, &ret->service);
	if (code != BRI_EXIT_OK || opts->help)
		return code;
	if (optind == argc)
		return bri_cli_usage("set", "no TOKEN or PID given");
	if (argc - optind > 1)
		return bri_cli_usage(
			"set", "one TOKEN or PID only, not also '%s'", argv[optind + 1]);
	if (!opts->own)
		return bri_cli_usage("set", "no --service given");
	return parse_target(argv[optind], ret);
}

static void print_done(bool as_json, uint8_t service_number, uint32_t count)
{
	const char *service = bri_message_service_word(service_number);
	struct bri_json json;

	if (!as_json) {
		printf("%u connection%s: %s\n", count, count == 1 ? "" : "s", service);
		return;
	}
	bri_json_init(&json, stdout);
	bri_json_object(&json, NULL);
	bri_json_unsigned(&json, "connections", count);
	bri_json_string(&json, "service", service);
	bri_json_end_object(&json);
}

/* Returns an exit code. */
static int find_tokens(uint32_t pid, uint32_t **ret, size_t *ret_n)
{
	int r = bri_process_tokens(pid, ret, ret_n);

	if (r == 0 && *ret_n)
		return BRI_EXIT_OK;
	if (r == 0)
		bri_cli_error("set",
			"process %u has no Multipath TCP connection: 'braid status' lists those "
			"there are, 'braid run' starts programs with it",
			pid);
	else if (r == -ESRCH)
		bri_cli_error("set", "there is no process %u", pid);
	else if (r == -EACCES || r == -EPERM)
		bri_cli_error("set",
			"process %u is not yours: ask as the user it belongs to, or as root", pid);
	else
		bri_cli_error("set", "cannot look into process %u: %s", pid, strerror(-r));
	return BRI_EXIT_FAILED;
}

/* ret_count: how many were changed. One that has ended meanwhile is none. */
static int set_tokens(struct bri_client *client, const uint32_t *tokens, size_t n, uint8_t service,
	uint32_t *ret_count)
{
	uint32_t count = 0;

	for (size_t i = 0; i < n; i++) {
		struct bri_message message = { .type = BRI_MESSAGE_SET,
			.set = { .token = tokens[i], .service = service } };
		int r = bri_client_call(client, &message, bri_daemon_deadline_ns(), &message);
		int code;

		if (r == 0 && message.type == BRI_MESSAGE_ERROR && message.error.error == ENOENT &&
			n > 1)
			continue;
		code = bri_daemon_failed("set", r, &message);
		if (code != BRI_EXIT_OK)
			return code;
		count += message.type == BRI_MESSAGE_OK ? message.ok.count : 0;
	}
	*ret_count = count;
	return BRI_EXIT_OK;
}

/* By the daemon of that socket. Returns an exit code. */
static int set(const char *socket, const struct bri_message_set *what, uint32_t *ret_count)
{
	uint32_t *tokens = NULL;
	struct bri_client client;
	size_t n = 0;
	int code = bri_daemon_open("set", socket, &client);

	if (code != BRI_EXIT_OK)
		return code;
	if (what->pid)
		code = find_tokens(what->pid, &tokens, &n);
	if (code == BRI_EXIT_OK)
		code = set_tokens(&client, what->pid ? tokens : &what->token, what->pid ? n : 1,
			what->service, ret_count);
	free(tokens);
	bri_client_close(&client);
	return code;
}

int bri_cmd_set(int argc, char **argv)
{
	struct bri_daemon_ask opts;
	struct bri_message_set what;
	uint32_t count = 0;
	int code = parse(argc, argv, &opts, &what);

	if (code != BRI_EXIT_OK)
		return code;
	if (opts.help) {
		print_help();
		return BRI_EXIT_OK;
	}
	code = set(opts.socket, &what, &count);
	if (code == BRI_EXIT_OK)
		print_done(opts.json, what.service, count);
	return code;
}
