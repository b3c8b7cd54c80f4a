/* What the commands of `braid` share: messages, option errors, parsers of what people type. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include "cli/cli.h"

static void BRI_PRINTF(2, 0) put_error(const char *cmd, const char *fmt, va_list args)
{
	fflush(stdout);
	fputs("braid", stderr);
	if (cmd)
		fprintf(stderr, " %s", cmd);
	fputs(": ", stderr);
	vfprintf(stderr, fmt, args);
}

void bri_cli_error(const char *cmd, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_error(cmd, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

int bri_cli_usage(const char *cmd, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	put_error(cmd, fmt, args);
	va_end(args);
	if (cmd)
		fprintf(stderr, "; see 'braid %s --help'\n", cmd);
	else
		fputs("; see 'braid --help'\n", stderr);
	return BRI_EXIT_USAGE;
}

static const char *long_name(int value, const struct option *options)
{
	for (; options->name; options++)
		if (options->val == value)
			return options->name;
	return NULL;
}

int bri_cli_bad_option(const char *cmd, int opt, char **argv, const struct option *options)
{
	const char *arg = optind > 0 && argv[optind - 1] ? argv[optind - 1] : "";
	bool is_long = strncmp(arg, "--", 2) == 0;
	const char *name = optopt ? long_name(optopt, options) : NULL;

	if (opt == ':' && is_long)
		return bri_cli_usage(cmd, "option '%s' needs a value", arg);
	if (opt == ':')
		return bri_cli_usage(cmd, "option '-%c' needs a value", optopt);
	/* getopt_long sets optopt to the option's val when a long option got a value it does not
	 * take */
	if (is_long && name && strchr(arg, '='))
		return bri_cli_usage(cmd, "option '--%s' takes no value", name);
	if (is_long || !isprint((unsigned char)optopt))
		return bri_cli_usage(cmd, "unknown or ambiguous option '%s'", arg);
	return bri_cli_usage(cmd, "unknown option '-%c'", optopt);
}

int bri_cli_parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;
	const char *p = text;

	if (!*p)
		return -EINVAL;
	for (; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		if (value <= UINT32_MAX)
			value = value * 10 + (uint64_t)(*p - '0');
	}
	if (value < min || value > max)
		return -ERANGE;
	*ret = (uint32_t)value;
	return 0;
}

int bri_cli_parse_duration(const char *text, uint64_t *ret_ns)
{
	const uint64_t limit = BRI_CLI_DURATION_MAX_NS;
	uint64_t whole = 0, part = 0, part_unit = 1, unit, ns;
	const char *p = text;
	size_t digits = 0;

	for (; *p >= '0' && *p <= '9'; p++, digits++)
		if (whole <= limit)
			whole = whole * 10 + (uint64_t)(*p - '0');
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, digits++) {
			if (part_unit < 1000000) { /* finer than a microsecond is nothing */
				part = part * 10 + (uint64_t)(*p - '0');
				part_unit *= 10;
			}
		}
	}
	if (digits == 0)
		return -EINVAL;
	if (!*p || strcmp(p, "s") == 0)
		unit = BRI_NS_PER_S;
	else if (strcmp(p, "ms") == 0)
		unit = BRI_NS_PER_MS;
	else
		return -EINVAL;
	if (whole > limit / unit)
		return -ERANGE;
	ns = whole * unit + part * (unit / part_unit);
	if (ns == 0 || ns > limit)
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

int bri_cli_parse_port(const char *text, const char *protocol, bool zero_ok,
	char ret_port[static BRI_CLI_PORT_SIZE])
{
	struct servent *service;
	uint32_t port;
	int r;

	r = bri_cli_parse_u32(text, zero_ok ? 0 : 1, 65535, &port);
	if (r == -EINVAL && *text && strlen(text) < BRI_CLI_PORT_SIZE) {
		service = getservbyname(text, protocol);
		if (!service)
			return -EINVAL;
		port = ntohs((uint16_t)service->s_port);
		r = 0;
	}
	if (r < 0)
		return r;
	snprintf(ret_port, BRI_CLI_PORT_SIZE, "%u", port);
	return 0;
}

/* A DNS name in the form people type it: letters, digits, '-', '_', '.', no empty label but a last
 * one. */
static bool is_name(const char *text)
{
	size_t label = 0, total = 0;

	for (; *text; text++, total++) {
		if (*text == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (isalnum((unsigned char)*text) || *text == '-' || *text == '_' ||
			   (unsigned char)*text >= 0x80) {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
	}
	return total > 0 && total <= 253;
}

static bool is_address6(const char *text)
{
	char address[INET6_ADDRSTRLEN];
	const char *scope = strchr(text, '%');
	size_t n = scope ? (size_t)(scope - text) : strlen(text);
	struct in6_addr bytes;

	if (n >= sizeof(address) || (scope && !scope[1]))
		return false;
	memcpy(address, text, n);
	address[n] = 0;
	return inet_pton(AF_INET6, address, &bytes) == 1;
}

/* Host without port: fills ret->host when it is well formed. */
static int take_host(const char *text, size_t n, bool bracketed, struct bri_cli_target *ret)
{
	if (n >= sizeof(ret->host))
		return -EINVAL;
	memcpy(ret->host, text, n);
	ret->host[n] = 0;
	if (bracketed)
		return is_address6(ret->host) ? 0 : -EINVAL;
	return is_name(ret->host) || is_address6(ret->host) ? 0 : -EINVAL;
}

int bri_cli_parse_target(
	const char *text, bool with_empty_host, bool zero_ok, struct bri_cli_target *ret)
{
	struct bri_cli_target target = { "", "" };
	const char *port = NULL, *colon = strchr(text, ':'), *end;
	int r = 0;

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		r = take_host(text + 1, (size_t)(end - text - 1), true, &target);
		port = end[1] ? end + 2 : NULL;
	} else if (colon && !strchr(colon + 1, ':')) {
		if (colon != text)
			r = take_host(text, (size_t)(colon - text), false, &target);
		else if (!with_empty_host)
			return -EINVAL;
		port = colon + 1;
	} else {
		/* no colon: a name or IPv4; several: an IPv6 address without port */
		r = take_host(text, strlen(text), false, &target);
	}
	if (r == 0 && port)
		r = bri_cli_parse_port(port, "tcp", zero_ok, target.port);
	if (r == 0)
		*ret = target;
	return r;
}

bool bri_cli_is_numeric(const char *host)
{
	struct in_addr v4;

	return inet_pton(AF_INET, host, &v4) == 1 || is_address6(host);
}

bool bri_cli_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}
