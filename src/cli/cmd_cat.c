/* `braid cat`: its options. */
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "cli/cat.h"

enum {
	OPT_SERVICE = 256,
	OPT_ONCE,
	OPT_TLS,
	OPT_DTLS,
	OPT_ALPN,
	OPT_CERT,
	OPT_KEY,
	OPT_CA,
	OPT_NAME,
	OPT_INSECURE,
	OPT_PSK,
	OPT_WS,
	OPT_PROXY
};

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "listen", no_argument, NULL, 'l' },
	{ "udp", no_argument, NULL, 'u' },
	{ "ipv4", no_argument, NULL, '4' },
	{ "ipv6", no_argument, NULL, '6' },
	{ "keep", no_argument, NULL, 'k' },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "verbose", no_argument, NULL, 'v' },
	{ "no-input", no_argument, NULL, 'd' },
	{ "end-at-once", no_argument, NULL, 'N' },
	{ "timeout", required_argument, NULL, 'w' },
	{ "quit", required_argument, NULL, 'q' },
	{ "service", required_argument, NULL, OPT_SERVICE },
	{ "source", required_argument, NULL, 's' },
	{ "interface", required_argument, NULL, 'i' },
	{ "tls", no_argument, NULL, OPT_TLS },
	{ "dtls", no_argument, NULL, OPT_DTLS },
	{ "alpn", required_argument, NULL, OPT_ALPN },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "ca", required_argument, NULL, OPT_CA },
	{ "server-name", required_argument, NULL, OPT_NAME },
	{ "insecure", no_argument, NULL, OPT_INSECURE },
	{ "psk", required_argument, NULL, OPT_PSK },
	{ "ws", optional_argument, NULL, OPT_WS },
	{ "proxy", required_argument, NULL, OPT_PROXY },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	puts("Usage: braid cat [OPTION...] HOST PORT\n"
	     "       braid cat -l [OPTION...] [ADDRESS] PORT\n"
	     "Connects, or listens for a connection, and copies standard input to it and what "
	     "comes\n"
	     "from it to standard output. The end of standard input closes the sending direction "
	     "only;\n"
	     "it ends when both directions have ended.\n\n"
	     "      --service none|handover|interactive|aggregate\n"
	     "                        how several paths are used (default handover; none: plain "
	     "TCP)\n"
	     "  -l, --listen          wait for a connection; PORT 0: any, told by -v\n"
	     "  -k, --keep            with -l: then wait for the next one, one at a time\n"
	     "      --once            with -l: end after one connection (the default)\n"
	     "  -u, --udp             datagrams; ends 1 s after standard input (see -q)\n"
	     "  -4, --ipv4; -6, --ipv6\n"
	     "                        this address family only\n"
	     "  -s, --source ADDRESS[:PORT]\n"
	     "                        connect from this address\n"
	     "  -i, --interface NAME  use this interface\n"
	     "  -d, --no-input        do not read standard input: receive only\n"
	     "  -N, --end-at-once     pass the end of standard input on at once; else it may wait "
	     "a\n"
	     "                        second, or while content comes in, since no path can be "
	     "added after\n"
	     "  -q, --quit SECONDS    end so long after the end of standard input\n"
	     "  -w, --timeout SECONDS give up when there is no connection, or no data, for so "
	     "long\n"
	     "  -v, --verbose         states, addresses, multipath and subflows on standard error\n"
	     "  -h, --help            this text\n"
	     "      --tls             TLS over TCP; the peer's certificate must be good\n"
	     "      --dtls            DTLS over UDP\n"
	     "      --cert FILE       our certificate and its chain, PEM; a listener needs one\n"
	     "      --key FILE        its key, PEM; without: it is in the certificate's file\n"
	     "      --ca FILE         trust these, PEM, instead of the system's; a listener asks "
	     "for\n"
	     "                        the peer's certificate then\n"
	     "      --server-name NAME\n"
	     "                        what the peer's certificate must be for, instead of HOST\n"
	     "      --insecure        whoever the peer is (for tests)\n"
	     "      --alpn NAME,...   protocols to agree on, best first\n"
	     "      --psk IDENTITY:KEY\n"
	     "                        a pre-shared key: hexadecimal digits, or @FILE with them\n"
	     "      --ws[=PATH]       WebSocket: what is read is sent as binary messages\n"
	     "      --proxy URL       through socks5://[USER:PASSWORD@]HOST:PORT or http://...\n\n"
	     "Exit codes: 0 both directions ended well, 1 an error (one line says which), 2 the "
	     "command\n"
	     "line is wrong.");
}

static int parse_service(const char *text, struct bri_cat_options *ret)
{
	static const struct {
		const char *name;
		nw_multipath_service_t service;
	} services[] = {
		{ "none", nw_multipath_service_disabled },
		{ "handover", nw_multipath_service_handover },
		{ "interactive", nw_multipath_service_interactive },
		{ "aggregate", nw_multipath_service_aggregate },
	};

	for (size_t i = 0; i < BRI_LEN(services); i++) {
		if (strcmp(text, services[i].name) == 0) {
			ret->service = services[i].service;
			ret->has_service = true;
			return BRI_EXIT_OK;
		}
	}
	return bri_cli_usage(
		"cat", "service '%s' is not none, handover, interactive or aggregate", text);
}

static int parse_seconds(const char *what, const char *text, uint64_t *ret)
{
	int r = bri_cli_parse_duration(text, ret);

	if (r == -ERANGE)
		return bri_cli_usage("cat", "%s '%s' must be over 0 and at most a day", what, text);
	if (r < 0)
		return bri_cli_usage("cat", "%s '%s' is not a number of seconds", what, text);
	return BRI_EXIT_OK;
}

static int parse_quit(const char *text, struct bri_cat_options *ret)
{
	ret->has_quit = true;
	ret->quit_ns = 0;
	if (strcmp(text, "0") == 0) /* at once is a common wish */
		return BRI_EXIT_OK;
	return parse_seconds("quit time", text, &ret->quit_ns);
}

static int parse_source(const char *text, struct bri_cat_options *ret)
{
	int r = bri_cli_parse_target(text, false, true, &ret->source);

	if (r == -ERANGE)
		return bri_cli_usage("cat", "port out of range in '%s'", text);
	if (r < 0 || !bri_cli_is_numeric(ret->source.host))
		return bri_cli_usage(
			"cat", "source '%s' is not a numeric ADDRESS or ADDRESS:PORT", text);
	if (!*ret->source.port)
		snprintf(ret->source.port, sizeof(ret->source.port), "0");
	return BRI_EXIT_OK;
}

static int parse_interface(const char *text, struct bri_cat_options *ret)
{
	if (!if_nametoindex(text))
		return bri_cli_usage("cat", "no interface '%s'", text);
	ret->interface = text;
	return BRI_EXIT_OK;
}

static int set_version(int version, struct bri_cat_options *ret)
{
	if (ret->ip_version && ret->ip_version != version)
		return bri_cli_usage("cat", "-4 and -6 exclude each other");
	ret->ip_version = version;
	return BRI_EXIT_OK;
}

static int parse_layer_option(int opt, char **argv, struct bri_cat_options *ret)
{
	struct bri_cat_layers *l = &ret->layers;

	switch (opt) {
	case OPT_TLS: l->tls = true; return BRI_EXIT_OK;
	case OPT_DTLS: l->tls = ret->udp = ret->dtls = true; return BRI_EXIT_OK;
	case OPT_ALPN: return bri_cat_parse_alpn(optarg, l);
	case OPT_CERT: l->cert = optarg; return BRI_EXIT_OK;
	case OPT_KEY: l->key = optarg; return BRI_EXIT_OK;
	case OPT_CA: l->ca = optarg; return BRI_EXIT_OK;
	case OPT_NAME: l->server_name = optarg; return BRI_EXIT_OK;
	case OPT_INSECURE: l->insecure = true; return BRI_EXIT_OK;
	case OPT_PSK: return bri_cat_parse_psk(optarg, l);
	case OPT_WS:
		l->ws = true;
		l->ws_path = optarg;
		return BRI_EXIT_OK;
	case OPT_PROXY: return bri_cat_parse_proxy(optarg, l);
	default: return bri_cli_bad_option("cat", opt, argv, options);
	}
}

static int parse_option(int opt, char **argv, struct bri_cat_options *ret)
{
	switch (opt) {
	case 'h': ret->help = true; return BRI_EXIT_OK;
	case 'l': ret->listen = true; return BRI_EXIT_OK;
	case 'u': ret->udp = true; return BRI_EXIT_OK;
	case 'k': ret->keep = true; return BRI_EXIT_OK;
	case OPT_ONCE: ret->keep = false; return BRI_EXIT_OK;
	case 'v': ret->verbose = true; return BRI_EXIT_OK;
	case 'd': ret->no_input = true; return BRI_EXIT_OK;
	case 'N': ret->end_at_once = true; return BRI_EXIT_OK;
	case '4': return set_version(4, ret);
	case '6': return set_version(6, ret);
	case 'w': return parse_seconds("timeout", optarg, &ret->timeout_ns);
	case 'q': return parse_quit(optarg, ret);
	case OPT_SERVICE: return parse_service(optarg, ret);
	case 's': return parse_source(optarg, ret);
	case 'i': return parse_interface(optarg, ret);
	default: return parse_layer_option(opt, argv, ret);
	}
}
/* HOST PORT, or with -l [ADDRESS] PORT. */
static int parse_arguments(int argc, char **argv, struct bri_cat_options *ret)
{
	const char *host = argc > 1 ? argv[0] : NULL, *port = argc ? argv[argc - 1] : NULL;
	struct bri_cli_target target;
	int r;

	if (argc > 2)
		return bri_cli_usage("cat", "too many arguments: '%s'", argv[2]);
	if (!port)
		return bri_cli_usage(
			"cat", ret->listen ? "no PORT to listen on" : "no HOST and PORT");
	if (!host && !ret->listen)
		return bri_cli_usage(
			"cat", "HOST and PORT are needed, '%s' is one of them only", port);
	r = bri_cli_parse_port(port, ret->udp ? "udp" : "tcp", ret->listen, ret->target.port);
	if (r == -ERANGE)
		return bri_cli_usage("cat", "port '%s' is not in 1 to 65535", port);
	if (r < 0)
		return bri_cli_usage(
			"cat", "port '%s' is neither a number nor a known service", port);
	if (!host)
		return BRI_EXIT_OK;
	r = bri_cli_parse_target(host, false, false, &target);
	if (r < 0 || *target.port)
		return bri_cli_usage("cat", "'%s' is neither a name nor an address", host);
	if (ret->listen && !bri_cli_is_numeric(target.host))
		return bri_cli_usage("cat", "'%s' is not a numeric address to listen on", host);
	snprintf(ret->target.host, sizeof(ret->target.host), "%s", target.host);
	return BRI_EXIT_OK;
}

static int check_layers(const struct bri_cat_options *opts)
{
	const struct bri_cat_layers *l = &opts->layers;

	if (opts->udp && l->tls && !opts->dtls)
		return bri_cli_usage("cat", "--tls goes with TCP; over UDP it is --dtls");
	if (!l->tls && (l->n_alpn || l->cert || l->key || l->ca || l->server_name || l->insecure ||
			       l->psk_size))
		return bri_cli_usage("cat", "certificates, keys, --alpn and --insecure go with "
					    "--tls or --dtls");
	if (l->key && !l->cert)
		return bri_cli_usage("cat", "--key goes with --cert");
	if (l->ca && l->insecure)
		return bri_cli_usage("cat", "--ca and --insecure exclude each other");
	if (l->ws && opts->udp)
		return bri_cli_usage("cat", "--ws goes with TCP");
	if (l->ws_path && (*l->ws_path != '/' || opts->listen))
		return bri_cli_usage("cat", opts->listen ? "a listener takes any path: --ws alone"
							 : "the path of --ws begins with /");
	if (*l->proxy.host && (opts->listen || opts->udp))
		return bri_cli_usage("cat", "--proxy goes with a connection over TCP");
	return BRI_EXIT_OK;
}

static int check_combination(const struct bri_cat_options *opts)
{
	if (opts->keep && !opts->listen)
		return bri_cli_usage("cat", "-k goes with -l only");
	if (*opts->source.host && opts->listen)
		return bri_cli_usage("cat", "--source goes with a connection; to listen on an "
					    "address, give it before PORT");
	if (opts->has_service && opts->udp && opts->service != nw_multipath_service_disabled)
		return bri_cli_usage("cat", "UDP has one path only: --service goes with TCP");
	if (opts->has_service && opts->listen && opts->service == nw_multipath_service_disabled)
		return bri_cli_usage("cat", "a listener takes Multipath TCP and plain TCP: "
					    "--service none goes with a connection");
	if (opts->no_input && opts->end_at_once)
		return bri_cli_usage(
			"cat", "-N is about the end of standard input, which -d does not read");
	if (opts->no_input && opts->has_quit)
		return bri_cli_usage(
			"cat", "-q waits for the end of standard input, which -d does not read");
	return check_layers(opts);
}

int bri_cmd_cat(int argc, char **argv)
{
	struct bri_cat_options opts = { .service = nw_multipath_service_handover };
	int opt, code = BRI_EXIT_OK;

	opterr = 0;
	optind = 1;
	while (code == BRI_EXIT_OK &&
		(opt = getopt_long(argc, argv, ":hlu46kvdNw:q:s:i:", options, NULL)) != -1)
		code = parse_option(opt, argv, &opts);
	if (code != BRI_EXIT_OK)
		return code;
	if (opts.help) {
		print_help();
		return BRI_EXIT_OK;
	}
	code = check_combination(&opts);
	if (code == BRI_EXIT_OK)
		code = parse_arguments(argc - optind, argv + optind, &opts);
	if (code == BRI_EXIT_OK)
		code = bri_cat_layers_load(&opts.layers, opts.listen);
	return code == BRI_EXIT_OK ? bri_cat_run(&opts) : code;
}
