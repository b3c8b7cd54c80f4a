/* `braid check`: options, and the order in which facts, verdicts and the summary are shown. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/check.h"
#include <braid/version.h>

#define DEFAULT_PORT       "443"
#define DEFAULT_TIMEOUT_NS (UINT64_C(10) * BRI_NS_PER_S)

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "listen", required_argument, NULL, 'l' },
	{ "timeout", required_argument, NULL, 't' },
	{ "tls", no_argument, NULL, 'T' },
	{ NULL, 0, NULL, 0 },
};

struct check_options {
	bool help, json, listen, tls, has_timeout, has_target;
	uint64_t timeout_ns;
	struct bri_cli_target target; /* the host, or the address and port to listen on */
};

static void print_help(void)
{
	puts("Usage: braid check [OPTION...] [HOST[:PORT]]\n"
	     "       braid check --listen [ADDRESS:]PORT\n"
	     "Tells whether Multipath TCP works on this machine, which paths it has, and what to "
	     "do\n"
	     "about what does not work. With HOST, connects and tells whether that connection is\n"
	     "multipath, and if not, why. HOST is a name, an IPv4 address or an IPv6 address (in\n"
	     "brackets when PORT follows); PORT is 443 when left out. On port 443, TLS, its "
	     "protocol\n"
	     "and the certificate are looked at too.\n\n"
	     "  -j, --json              print JSON\n"
	     "  -t, --timeout SECONDS   give the connection so long (default 10)\n"
	     "      --tls               look at TLS on other ports than 443 too\n"
	     "  -l, --listen [ADDRESS:]PORT\n"
	     "                          answer browsers and curl over HTTP with whether they came "
	     "by\n"
	     "                          Multipath TCP; port 0: any; ends with Ctrl-C\n"
	     "  -h, --help              this text\n\n"
	     "Exit codes: 0 Multipath TCP works here (and to HOST), 1 it does not, 2 the command "
	     "line\n"
	     "is wrong, 3 HOST could not be reached.");
}

static int parse_listen(const char *text, struct check_options *ret)
{
	struct bri_cli_target *target = &ret->target;
	int r;

	ret->listen = true;
	/* a bare port is the common form; an address without a port would be read as one otherwise
	 */
	*target = (struct bri_cli_target) { "", "" };
	r = bri_cli_parse_port(text, "tcp", true, target->port);
	if (r == -EINVAL)
		r = bri_cli_parse_target(text, true, true, target);
	if (r == 0 && *target->host && !bri_cli_is_numeric(target->host))
		return bri_cli_usage(
			"check", "'%s' is not a numeric address to listen on", target->host);
	if (r == 0 && *target->port)
		return 0;
	if (r == -ERANGE)
		return bri_cli_usage("check", "port out of range in '%s'", text);
	return bri_cli_usage("check", "'%s' is not PORT or ADDRESS:PORT", text);
}

static int parse_timeout(const char *text, struct check_options *ret)
{
	int r = bri_cli_parse_duration(text, &ret->timeout_ns);

	ret->has_timeout = true;
	if (r == -ERANGE)
		return bri_cli_usage(
			"check", "timeout '%s' must be over 0 and at most a day", text);
	if (r < 0)
		return bri_cli_usage("check", "timeout '%s' is not a number of seconds", text);
	return BRI_EXIT_OK;
}

static int parse_host(const char *text, struct check_options *ret)
{
	int r = bri_cli_parse_target(text, false, false, &ret->target);

	if (r == -ERANGE)
		return bri_cli_usage("check", "port out of range in '%s'", text);
	if (r < 0)
		return bri_cli_usage("check", "'%s' is not HOST or HOST:PORT", text);
	if (!*ret->target.port)
		snprintf(ret->target.port, sizeof(ret->target.port), "%s", DEFAULT_PORT);
	ret->has_target = true;
	return BRI_EXIT_OK;
}

static int parse_options(int argc, char **argv, struct check_options *ret)
{
	int opt, code = BRI_EXIT_OK;

	*ret = (struct check_options) { .timeout_ns = DEFAULT_TIMEOUT_NS };
	opterr = 0;
	optind = 1;
	while (code == BRI_EXIT_OK &&
		(opt = getopt_long(argc, argv, ":hjl:t:", options, NULL)) != -1) {
		switch (opt) {
		case 'h': ret->help = true; break;
		case 'j': ret->json = true; break;
		case 'l': code = parse_listen(optarg, ret); break;
		case 't': code = parse_timeout(optarg, ret); break;
		case 'T': ret->tls = true; break;
		default: return bri_cli_bad_option("check", opt, argv, options);
		}
	}
	if (code != BRI_EXIT_OK || ret->help)
		return code;
	if (ret->listen && (optind < argc || ret->json || ret->tls || ret->has_timeout))
		return bri_cli_usage("check", "--listen goes with neither HOST nor another option");
	if (argc - optind > 1)
		return bri_cli_usage("check", "one HOST only, not also '%s'", argv[optind + 1]);
	if (optind < argc)
		return parse_host(argv[optind], ret);
	return ret->tls ? bri_cli_usage("check", "--tls goes with HOST") : BRI_EXIT_OK;
}

static bool wants_tls(const struct check_options *opts)
{
	return opts->tls || strcmp(opts->target.port, DEFAULT_PORT) == 0;
}

static void print_names(const char *title, const struct bri_check_names *names)
{
	printf("; %s: ", title);
	for (size_t i = 0; i < names->n; i++)
		printf("%s%s", i ? ", " : "", names->name[i]);
	if (names->n == 0)
		fputs("none", stdout);
}

static void names_json(const char *key, const struct bri_check_names *names, struct bri_json *json)
{
	bri_json_array(json, key);
	for (size_t i = 0; i < names->n; i++)
		bri_json_string(json, NULL, names->name[i]);
	bri_json_end_array(json);
}

static void print_summary(const struct bri_check_summary *summary)
{
	printf("\nMultipath TCP works here: %s", summary->works ? "yes" : "no");
	if (*summary->main_path)
		printf("; main path: %s", summary->main_path);
	print_names("extra paths", &summary->extra);
	if (summary->unready.n)
		print_names("not usable yet", &summary->unready);
	putchar('\n');
}

static void summary_json(const struct bri_check_summary *summary, struct bri_json *json)
{
	bri_json_object(json, "summary");
	bri_json_bool(json, "mptcp", summary->works);
	bri_json_unsigned(json, "paths", summary->n_paths);
	bri_json_bool(json, "multihomed", summary->n_paths > 1);
	bri_json_string(json, "main_path", *summary->main_path ? summary->main_path : NULL);
	names_json("extra_paths", &summary->extra, json);
	names_json("unusable_paths", &summary->unready, json);
	bri_json_end_object(json);
}

static int check_json(const struct check_options *opts, const struct bri_check_facts *facts)
{
	struct bri_check_summary summary;
	struct bri_report report;
	struct bri_json json;
	int code;

	bri_report_init(&report);
	bri_check_judge(facts, &report, &summary);
	code = summary.works ? BRI_EXIT_OK : BRI_EXIT_FAILED;
	bri_json_init(&json, stdout);
	bri_json_object(&json, NULL);
	bri_json_string(&json, "braid", BRAID_VERSION_STRING);
	bri_check_facts_json(facts, &json);
	if (opts->has_target)
		code = bri_check_host(
			&opts->target, wants_tls(opts), opts->timeout_ns, &report, &json);
	summary_json(&summary, &json);
	bri_report_json(&report, &json, "checks");
	bri_json_end_object(&json);
	bri_report_fini(&report);
	return code;
}

static int check_text(const struct check_options *opts, const struct bri_check_facts *facts)
{
	bool colour = bri_cli_colour(STDOUT_FILENO);
	struct bri_check_summary summary;
	struct bri_report report;
	size_t shown;
	int code;

	bri_report_init(&report);
	bri_check_judge(facts, &report, &summary);
	code = summary.works ? BRI_EXIT_OK : BRI_EXIT_FAILED;
	bri_report_print(&report, 0, stdout, colour);
	if (opts->has_target) {
		shown = report.n;
		fflush(stdout); /* the connection may take its time */
		code = bri_check_host(
			&opts->target, wants_tls(opts), opts->timeout_ns, &report, NULL);
		bri_report_print(&report, shown, stdout, colour);
	}
	print_summary(&summary);
	bri_report_fini(&report);
	return code;
}

int bri_cmd_check(int argc, char **argv)
{
	struct bri_check_facts *facts;
	struct check_options opts;
	int code = parse_options(argc, argv, &opts);

	if (code != BRI_EXIT_OK)
		return code;
	if (opts.help) {
		print_help();
		return BRI_EXIT_OK;
	}
	if (opts.listen)
		return bri_check_listen(&opts.target);
	facts = calloc(1, sizeof(*facts));
	if (!facts) {
		bri_cli_error("check", "no memory");
		return BRI_EXIT_FAILED;
	}
	bri_check_facts_read(facts);
	code = opts.json ? check_json(&opts, facts) : check_text(&opts, facts);
	free(facts);
	return code;
}
