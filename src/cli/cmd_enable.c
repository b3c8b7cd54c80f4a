/*
 * `braid enable` and `braid disable`: a drop-in file that makes systemd start a service with the
 * library of `braid run`. Knows nothing of what the library does.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "run/start.h"
#include "run/tell.h"

#define DROP_IN      "50-braid.conf"
#define SUFFIX       ".service"
#define UNIT_MAX     255 /* systemd's limit of a unit's name */
#define ADMIN_DIR    "/etc/systemd/system"
#define RUNTIME_DIR  "/run/systemd/system" /* it exists when systemd runs */
#define CONTENT_SIZE (PATH_MAX + 512)

struct options {
	const char *cmd; /* enable or disable */
	const char *root, *service;
	bool runtime, help;
	char unit[UNIT_MAX + 1];
};

enum { OPT_SERVICE = 256, OPT_ROOT, OPT_RUNTIME };

static const struct option enable_options[] = {
	{ "service", required_argument, NULL, OPT_SERVICE },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "runtime", no_argument, NULL, OPT_RUNTIME },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct option disable_options[] = {
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char enable_help[] =
	"Usage: braid enable [OPTION...] UNIT\n"
	"Makes systemd start the service UNIT with Multipath TCP in place of TCP, as braid run\n"
	"does. Takes effect when the service is started again.\n\n"
	"      --service handover|interactive|aggregate|none\n"
	"                     what braidd does with the paths; default: as it is configured\n"
	"      --runtime      until the next boot\n"
	"      --root DIR     in the system whose root directory DIR is\n"
	"  -h, --help         this text\n\n"
	"Writes " ADMIN_DIR "/UNIT.service.d/" DROP_IN "; 'braid disable UNIT' removes it.";

static const char disable_help[] =
	"Usage: braid disable [OPTION...] UNIT\n"
	"Takes back what 'braid enable UNIT' did. Takes effect when the service is started "
	"again.\n\n"
	"      --root DIR     in the system whose root directory DIR is\n"
	"  -h, --help         this text";

/* The characters systemd allows. A name that begins with a dot or has a slash is not a unit's. */
static int parse_unit(const char *text, struct options *options)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		":-_.\\@";
	size_t len = strlen(text), suffix = strlen(SUFFIX);
	const char *dot = strrchr(text, '.');
	bool has_suffix = len > suffix && strcmp(text + len - suffix, SUFFIX) == 0;
	static const char *const others[] = { ".socket", ".timer", ".target", ".mount", ".path",
		".slice", ".scope", ".device", ".swap", ".automount" };

	if (len == 0 || *text == '.' || *text == '@' || *text == '-' ||
		text[strspn(text, allowed)] != '\0')
		return bri_cli_usage(options->cmd, "'%.64s' is not the name of a unit", text);
	for (size_t i = 0; dot && i < BRI_LEN(others); i++)
		if (strcmp(dot, others[i]) == 0)
			return bri_cli_usage(options->cmd, "'%.64s' is not a service", text);
	if (len + (has_suffix ? 0 : suffix) > UNIT_MAX)
		return bri_cli_usage(options->cmd, "the name of the unit is too long");
	snprintf(options->unit, sizeof(options->unit), "%s%s", text, has_suffix ? "" : SUFFIX);
	return 0;
}

static int parse_service(const char *text, struct options *options)
{
	if (bri_tell_service(text) < 0)
		return bri_cli_usage(options->cmd,
			"service '%s' is not none, handover, interactive or aggregate", text);
	options->service = text;
	return 0;
}

static int parse_root(const char *text, struct options *options)
{
	if (*text == '\0' || strlen(text) >= PATH_MAX / 2)
		return bri_cli_usage(options->cmd, "root '%.64s' is not a directory", text);
	options->root = text;
	return 0;
}

/* Returns 0 or an exit code. */
static int parse(int argc, char **argv, const struct option *table, struct options *options)
{
	int opt, r = 0;

	opterr = 0;
	while (r == 0 && (opt = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		switch (opt) {
		case OPT_SERVICE: r = parse_service(optarg, options); break;
		case OPT_ROOT: r = parse_root(optarg, options); break;
		case OPT_RUNTIME: options->runtime = true; break;
		case 'h': options->help = true; return 0;
		default: return bri_cli_bad_option(options->cmd, opt, argv, table);
		}
	}
	if (r != 0)
		return r;
	if (optind >= argc)
		return bri_cli_usage(options->cmd, "no UNIT");
	if (optind + 1 < argc)
		return bri_cli_usage(options->cmd, "one UNIT only");
	return parse_unit(argv[optind], options);
}

static bool may_write(const struct options *options)
{
	if (options->root || geteuid() == 0)
		return true;
	bri_cli_error(
		options->cmd, "this needs root: sudo braid %s %s", options->cmd, options->unit);
	return false;
}

/* Paths below are short enough: the root is at most half of PATH_MAX, the rest is bounded. */
static void drop_in_dir(const struct options *options, const char *base, char ret[static PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s%s/%s.d", options->root ? options->root : "", base,
		options->unit);
}

/* One directory of a path after the other; those that exist are fine. */
static int make_dirs(char *path)
{
	for (char *at = path + 1;; at++) {
		char kept = *at;

		if (kept != '/' && kept != '\0')
			continue;
		*at = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST) {
			int r = -errno;

			*at = kept;
			return r;
		}
		*at = kept;
		if (kept == '\0')
			return 0;
	}
}

static int write_all(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left > 0) {
		n = write(fd, text, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

/* The file is whole or not there. */
static int write_file(const char *dir, const char *content)
{
	char name[PATH_MAX + 32], temporary[PATH_MAX + 32];
	int fd, r;

	snprintf(name, sizeof(name), "%s/%s", dir, DROP_IN);
	snprintf(temporary, sizeof(temporary), "%s/.%s.XXXXXX", dir, DROP_IN);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, content);
	if (r == 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, name) < 0)
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

/* A path in a unit file: what would mean something to systemd there is not accepted. */
static bool is_plain_path(const char *path)
{
	return strpbrk(path, " \t\n\"'\\%$:;") == NULL;
}

static void make_content(const struct options *options, const char *library, char *ret)
{
	int n = snprintf(ret, CONTENT_SIZE,
		"# Written by braid enable; removed by: braid disable %s\n"
		"[Service]\n"
		"Environment=LD_PRELOAD=%s\n"
		"Environment=GODEBUG=multipathtcp=1\n",
		options->unit, library);

	if (options->service)
		snprintf(ret + n, CONTENT_SIZE - (size_t)n, "Environment=BRAID_SERVICE=%s\n",
			options->service);
}

extern char **environ;

/* systemctl daemon-reload, where systemd runs here. Returns 0 or an exit code. */
static int reload(const struct options *options)
{
	static char program[] = "systemctl", word[] = "daemon-reload";
	char *argv[] = { program, word, NULL };
	pid_t pid, r;
	int status, error;

	if (options->root || access(RUNTIME_DIR, F_OK) < 0)
		return BRI_EXIT_OK;
	error = posix_spawnp(&pid, program, NULL, NULL, argv, environ);
	if (error) {
		bri_cli_error(options->cmd, "systemctl daemon-reload: %s", strerror(error));
		return BRI_EXIT_FAILED;
	}
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return BRI_EXIT_OK;
	bri_cli_error(options->cmd, "systemctl daemon-reload failed");
	return BRI_EXIT_FAILED;
}

static bool unit_exists(const struct options *options)
{
	static const char *const dirs[] = { ADMIN_DIR, RUNTIME_DIR, "/run/systemd/generator",
		"/run/systemd/generator.late", "/usr/local/lib/systemd/system",
		"/usr/lib/systemd/system", "/lib/systemd/system" };
	char name[UNIT_MAX + 1], path[PATH_MAX];
	char *at;

	/* an instance, name@x.service, is of the template name@.service */
	snprintf(name, sizeof(name), "%s", options->unit);
	at = strchr(name, '@');
	if (at)
		memcpy(at + 1, SUFFIX, sizeof(SUFFIX));
	for (size_t i = 0; i < BRI_LEN(dirs); i++) {
		for (int whole = 0; whole < 2; whole++) {
			snprintf(path, sizeof(path), "%s%s/%s", options->root ? options->root : "",
				dirs[i], whole ? options->unit : name);
			if (access(path, F_OK) == 0)
				return true;
		}
	}
	return false;
}

static int enable(const struct options *options)
{
	char library[PATH_MAX] = "", dir[PATH_MAX], content[CONTENT_SIZE];
	int r = bri_start_library(library);

	if (r == 0 && !is_plain_path(library))
		r = -EINVAL;
	if (r < 0) {
		bri_cli_error(options->cmd, "cannot use libbraidrun.so (%s): %s", library,
			r == -EINVAL ? "its path has characters with a meaning" : strerror(-r));
		return BRI_EXIT_FAILED;
	}
	if (!unit_exists(options))
		bri_cli_error(options->cmd, "note: there is no file of %s yet", options->unit);
	make_content(options, library, content);
	drop_in_dir(options, options->runtime ? RUNTIME_DIR : ADMIN_DIR, dir);
	r = make_dirs(dir);
	if (r == 0)
		r = write_file(dir, content);
	if (r < 0) {
		bri_cli_error(options->cmd, "cannot write %s/%s: %s", dir, DROP_IN, strerror(-r));
		return BRI_EXIT_FAILED;
	}
	printf("%s/%s\n", dir, DROP_IN);
	return BRI_EXIT_OK;
}

/* Returns 1 (removed), 0 (was not there) or a negative errno. */
static int remove_from(const struct options *options, const char *base)
{
	char dir[PATH_MAX], name[PATH_MAX + 32];

	drop_in_dir(options, base, dir);
	snprintf(name, sizeof(name), "%s/%s", dir, DROP_IN);
	if (unlink(name) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		bri_cli_error(options->cmd, "cannot remove %s: %s", name, strerror(errno));
		return -errno;
	}
	rmdir(dir); /* not when other drop-ins are in it */
	return 1;
}

static int disable(const struct options *options)
{
	int etc = remove_from(options, ADMIN_DIR), run = remove_from(options, RUNTIME_DIR);

	if (etc < 0 || run < 0)
		return BRI_EXIT_FAILED;
	if (etc == 0 && run == 0) {
		bri_cli_error(options->cmd, "%s was not enabled", options->unit);
		return BRI_EXIT_FAILED;
	}
	return BRI_EXIT_OK;
}

static int finish(const struct options *options, int code)
{
	if (code == BRI_EXIT_OK)
		code = reload(options);
	if (code == BRI_EXIT_OK && !options->root)
		printf("takes effect with: systemctl restart %s\n", options->unit);
	return code;
}

int bri_cmd_enable(int argc, char **argv)
{
	struct options options = { .cmd = "enable" };
	int r = parse(argc, argv, enable_options, &options);

	if (r != 0)
		return r;
	if (options.help) {
		puts(enable_help);
		return BRI_EXIT_OK;
	}
	if (!may_write(&options))
		return BRI_EXIT_FAILED;
	return finish(&options, enable(&options));
}

int bri_cmd_disable(int argc, char **argv)
{
	struct options options = { .cmd = "disable" };
	int r = parse(argc, argv, disable_options, &options);

	if (r != 0)
		return r;
	if (options.help) {
		puts(disable_help);
		return BRI_EXIT_OK;
	}
	if (!may_write(&options))
		return BRI_EXIT_FAILED;
	return finish(&options, disable(&options));
}
