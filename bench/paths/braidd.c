/* See braidd.h. */
#include "braidd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "report.h"

#define START_NS (5 * BRI_NS_PER_S)
#define SAY_NS   (300 * BRI_NS_PER_MS)
#define STOP_MS  2000

static const char config_text[] = "[interface wlan]\nkind = wifi\n"
				  "[interface wwan]\nkind = cellular\n";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	int r = 0;

	if (!f)
		return -errno;
	if (fputs(text, f) == EOF)
		r = -EIO;
	if (fclose(f) == EOF)
		r = -EIO;
	return r;
}

/* The last line braidd said, for the report. */
static void last_words(const char *path, char *ret, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[256];

	(void)snprintf(ret, size, "it said nothing");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0])
			(void)snprintf(ret, size, "%s", line);
	}
	(void)fclose(f);
}

static int fail_with_words(const char *log, const char *what)
{
	char words[256];

	last_words(log, words, sizeof(words));
	return report_fail("braidd %s: %s", what, words);
}

/* Has it said so, in what it wrote since it was started? */
static bool said_ready(const char *log, long from)
{
	FILE *f = fopen(log, "re");
	char line[256];
	bool said = false;

	if (!f)
		return false;
	if (fseek(f, from, SEEK_SET) == 0) {
		while (!said && fgets(line, sizeof(line), f))
			said = strstr(line, "ready") != NULL;
	}
	(void)fclose(f);
	return said;
}

/* Ready: it says so; or its socket is there, and for a while it has said nothing. */
static int await_ready(const struct bed *bed, const char *socket_path, const char *log, long from)
{
	uint64_t start_ns = bri_clock_now_ns(), now_ns = start_ns, socket_ns = BRI_NEVER;
	siginfo_t info = { 0 };

	while (!said_ready(log, from)) {
		if (waitid(P_PID, (id_t)bed->braidd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
			info.si_pid)
			return fail_with_words(log, "ended at once");
		if (socket_ns == BRI_NEVER && access(socket_path, F_OK) == 0)
			socket_ns = now_ns;
		if (socket_ns != BRI_NEVER && now_ns > socket_ns + SAY_NS)
			return 0;
		if (now_ns > start_ns + START_NS)
			return fail_with_words(log, "did not get ready");
		(void)poll(NULL, 0, 5);
		now_ns = bri_clock_now_ns();
	}
	return 0;
}

int braidd_start(struct bed *bed, const struct options *options, const char *service)
{
	char config[96], socket_path[96], state[96], log[96];
	const char *words = options->log;
	const char *argv[] = { options->braidd, "--default", service, "--socket", socket_path,
		"--state-dir", state, "--config", config, NULL };
	struct bri_lab_stdio io = { -1, -1, -1 };
	const char *tmp = getenv("TMPDIR");
	off_t from;
	int r;

	(void)snprintf(bed->dir, sizeof(bed->dir), "%s/paths.XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
	if (!mkdtemp(bed->dir)) {
		bed->dir[0] = '\0';
		return report_fail("mkdtemp: %s", strerror(errno));
	}
	(void)snprintf(config, sizeof(config), "%s/config", bed->dir);
	(void)snprintf(socket_path, sizeof(socket_path), "%s/socket", bed->dir);
	(void)snprintf(state, sizeof(state), "%s/state", bed->dir);
	(void)snprintf(log, sizeof(log), "%s/log", bed->dir);
	if (!words)
		words = log;
	r = write_file(config, config_text);
	if (r < 0 || mkdir(state, 0700) < 0)
		return report_fail("%s: %s", bed->dir, strerror(r < 0 ? -r : errno));
	io.err = open(words, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (io.err < 0)
		return report_fail("%s: %s", words, strerror(errno));
	io.out = io.err; /* stdout is the report's */
	from = lseek(io.err, 0, SEEK_END);
	r = bri_lab_spawn(bed->lab, BRI_LAB_CLIENT, argv, &io, &bed->braidd);
	close(io.err);
	if (r < 0) {
		bed->braidd = 0;
		return report_fail("%s: %s", options->braidd, strerror(-r));
	}
	return await_ready(bed, socket_path, words, from < 0 ? 0 : (long)from);
}

int braidd_stop(struct bed *bed)
{
	int r = 0;

	if (bed->braidd) {
		uint64_t start_ns = bri_clock_now_ns();

		(void)kill(bed->braidd, SIGTERM);
		r = bri_lab_wait(bed->lab, bed->braidd, STOP_MS);
		bed->braidd = 0;
		report_number("braidd_stop_ms",
			(double)(bri_clock_now_ns() - start_ns) / (double)BRI_NS_PER_MS);
		if (r == -ETIMEDOUT)
			r = report_fail("braidd did not end within %d ms of SIGTERM", STOP_MS);
		else if (r)
			r = report_fail("braidd ended with %d", r);
	}
	if (bed->dir[0])
		(void)nftw(bed->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	bed->dir[0] = '\0';
	return r;
}

/* The n-th field after the command's name, which may hold anything but ends with the last ')'. */
static uint64_t stat_field(const char *text, unsigned n)
{
	const char *p = strrchr(text, ')');

	for (; p && n; n--)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

int braidd_cost(const struct bed *bed, struct braidd_cost *ret)
{
	char path[64], text[1024];
	long tick_hz = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)bed->braidd);
	f = fopen(path, "re");
	if (!f || tick_hz <= 0 || page <= 0) {
		if (f)
			(void)fclose(f);
		return report_fail("%s: %s", path, strerror(errno));
	}
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	/* utime and stime are fields 14 and 15 of proc(5), rss (pages) is 24; ')' ends the 2nd */
	ret->cpu_ms = (stat_field(text, 12) + stat_field(text, 13)) * 1000 / (uint64_t)tick_hz;
	ret->rss_bytes = stat_field(text, 22) * (uint64_t)page;
	return 0;
}
