/*
 * The conductor of the main job: makes the network, starts server and client in it, takes a path
 * away half way, and tells what came of it; then the same with plain TCP. Where the machine allows
 * no network in a box it says why, and runs the transfer over loopback.
 */
#include "demo/demo.h"
#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MB_DEFAULT 40
#define RUN_LIMIT_NS    UINT64_C(40000000000) /* of one run */
#define STALL_NS        UINT64_C(6000000000) /* no byte for so long after the loss: it has failed */

struct options {
	const char *picture;
	unsigned size_mb;
	bool loopback, keep;
};

/* What is alive, for Ctrl-C. */
static struct bri_lab *lab;
static pid_t children[2];
static char directory[200]; /* "": none */
static char file_in[sizeof(directory) + 8], file_out[sizeof(directory) + 8];
static volatile sig_atomic_t interrupted;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void clean_up(void)
{
	for (int i = 0; i < 2; i++) {
		if (children[i] > 0) {
			kill(children[i], SIGKILL);
			waitpid(children[i], NULL, 0);
			children[i] = 0;
		}
	}
	bri_lab_close(lab);
	lab = NULL;
	if (!*directory)
		return;
	unlink(file_in);
	unlink(file_out);
	rmdir(directory);
}

/* --- the file --- */

static int make_file(unsigned size_mb)
{
	uint64_t state = 0x9e3779b97f4a7c15u; /* the same bytes on every run */
	const char *where = getenv("TMPDIR");
	int n = snprintf(directory, sizeof(directory), "%s/braid-demo-XXXXXX",
		where && *where ? where : "/tmp");
	FILE *f;

	if (n >= (int)sizeof(directory))
		errno = ENAMETOOLONG;
	if (n >= (int)sizeof(directory) || !mkdtemp(directory)) {
		*directory = 0;
		return -errno;
	}
	snprintf(file_in, sizeof(file_in), "%s/sent", directory);
	snprintf(file_out, sizeof(file_out), "%s/got", directory);
	f = fopen(file_in, "wbe");
	if (!f)
		return -errno;
	for (size_t i = 0; i < (size_t)size_mb * 1000000 / sizeof(state); i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		if (fwrite(&state, sizeof(state), 1, f) != 1)
			break;
	}
	return ferror(f) | fclose(f) ? -EIO : 0;
}

/* As sha256sum(1) says. */
static int checksum(const char *file, char ret[static 80])
{
	int fds[2], status = 0;
	FILE *pipe;
	pid_t pid;
	bool got;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execlp("sha256sum", "sha256sum", "--", file, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	pipe = fdopen(fds[0], "re");
	got = pipe && fgets(ret, 80, pipe);
	if (pipe)
		fclose(pipe);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 || !got)
		return -EIO;
	ret[strcspn(ret, " ")] = 0;
	return 0;
}

/* --- children --- */

/* In the network in a box, or here. fn runs in a child. */
static int start_child(enum bri_lab_side side, int (*fn)(void *), void *context, pid_t *ret)
{
	if (lab)
		return bri_lab_fork(lab, side, fn, context, ret);
	fflush(NULL);
	*ret = fork();
	if (*ret == 0)
		_exit(fn(context));
	return *ret < 0 ? -errno : 0;
}

static int start_server(const char *address, uint16_t *ret_port)
{
	int pipe_fds[2], error;
	struct demo_server config = { .file = file_in, .address = address };
	char text[16] = "";

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	config.port_fd = pipe_fds[1];
	error = start_child(BRI_LAB_SERVER, demo_serve, &config, &children[0]);
	close(pipe_fds[1]);
	if (!error && read(pipe_fds[0], text, sizeof(text) - 1) <= 0)
		error = -EIO;
	close(pipe_fds[0]);
	*ret_port = (uint16_t)strtoul(text, NULL, 10);
	return error;
}

/* --- one run --- */

struct watch {
	struct demo_run *run;
	uint64_t begun_ns, moved_ns; /* moved: when the last byte came */
	bool over;
};

static void take_line(struct watch *w, char *line)
{
	struct demo_run *run = w->run;
	uint64_t pause = 0, bytes = 0;

	if (!strncmp(line, "ready ", 6)) {
		snprintf(run->state, sizeof(run->state), "%.150s", line + 6);
	} else if (sscanf(line, "at %" SCNu64, &bytes) == 1) {
		w->moved_ns = now_ns();
		run->samples[run->sample_count].client_bytes = bytes;
	} else if (sscanf(line, "end %" SCNu64 " %" SCNu64, &bytes, &pause) == 2) {
		run->done = bytes == run->total_bytes;
		run->pause_ns = pause;
		w->over = true;
		if (!run->done)
			snprintf(run->failure, sizeof(run->failure), "only %" PRIu64 " bytes came",
				bytes);
	} else if (!strncmp(line, "failed ", 7)) {
		snprintf(run->failure, sizeof(run->failure), "%.190s", line + 7);
		w->over = true;
	}
}

static void read_lines(struct watch *w, int fd)
{
	static char buf[512];
	static size_t used;
	ssize_t n = read(fd, buf + used, sizeof(buf) - 1 - used);
	char *end;

	if (n <= 0) {
		if (!w->over)
			snprintf(w->run->failure, sizeof(w->run->failure),
				"the client ended without a word");
		w->over = true;
		used = 0;
		return;
	}
	used += (size_t)n;
	buf[used] = 0;
	while ((end = strchr(buf, '\n'))) {
		*end = 0;
		take_line(w, buf);
		used -= (size_t)(end + 1 - buf);
		memmove(buf, end + 1, used + 1);
	}
}

static void sample(struct watch *w)
{
	struct demo_run *run = w->run;
	struct demo_sample *s = &run->samples[run->sample_count];
	struct bri_lab_stats stats;

	s->at_ns = now_ns() - w->begun_ns;
	for (uint32_t i = 0; lab && i < DEMO_PATHS; i++) {
		if (bri_lab_stats(lab, i, &stats) == 0)
			s->path_bytes[i] = stats.direction[BRI_LAB_TO_CLIENT].bytes;
	}
	if (!lab)
		s->path_bytes[0] = s->client_bytes;
	if (run->sample_count + 1 < DEMO_SAMPLES_MAX) {
		run->samples[run->sample_count + 1].client_bytes = s->client_bytes;
		run->sample_count++;
		demo_show_progress(run);
	}
}

static void lose_first_path(struct watch *w)
{
	struct demo_run *run = w->run;

	if (!lab || run->lost_at_ns ||
		run->samples[run->sample_count].client_bytes < run->total_bytes / 2)
		return;
	bri_lab_set_state(lab, 0, BRI_LAB_DOWN);
	run->lost_at_ns = now_ns() - w->begun_ns;
	demo_show_event("half way: wlan is lost (link down)");
}

static void check_stall(struct watch *w)
{
	struct demo_run *run = w->run;
	uint64_t now = now_ns();

	if (now - w->moved_ns > STALL_NS && run->lost_at_ns) {
		snprintf(run->failure, sizeof(run->failure),
			"not a byte in %.0f s since the path was lost", (double)STALL_NS / 1e9);
		run->pause_ns = now - w->moved_ns;
		w->over = true;
	} else if (now - w->begun_ns > RUN_LIMIT_NS) {
		snprintf(run->failure, sizeof(run->failure), "not finished in %.0f s",
			(double)RUN_LIMIT_NS / 1e9);
		w->over = true;
	} else if (interrupted) {
		snprintf(run->failure, sizeof(run->failure), "interrupted");
		w->over = true;
	}
}

static void watch_transfer(struct demo_run *run, int fd)
{
	struct watch w = { .run = run, .begun_ns = now_ns(), .moved_ns = now_ns() };
	uint64_t next_ns = w.begun_ns;

	while (!w.over) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ns();
		int wait_ms = now < next_ns ? (int)((next_ns - now) / 1000000) + 1 : 0;

		if (poll(&p, 1, wait_ms) > 0)
			read_lines(&w, fd);
		if (now_ns() >= next_ns) {
			sample(&w);
			next_ns += DEMO_SAMPLE_NS;
		}
		lose_first_path(&w);
		check_stall(&w);
	}
	run->duration_ns = now_ns() - w.begun_ns;
	sample(&w);
}

static int run_transfer(struct demo_run *run, const char *address)
{
	struct demo_client config = {
		.file = file_out, .address = address, .multipath = run->multipath
	};
	char sent[80], *got = run->checksum;
	int pipe_fds[2], error;

	error = start_server(address, &config.port);
	if (error)
		return error;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	config.report_fd = pipe_fds[1];
	error = start_child(BRI_LAB_CLIENT, demo_fetch, &config, &children[1]);
	close(pipe_fds[1]);
	if (!error)
		watch_transfer(run, pipe_fds[0]);
	close(pipe_fds[0]);
	if (!error && run->done)
		run->same_checksum = checksum(file_in, sent) == 0 && checksum(file_out, got) == 0 &&
				     !strcmp(sent, got);
	for (int i = 0; i < 2; i++) {
		if (children[i] > 0) {
			kill(children[i], SIGKILL);
			waitpid(children[i], NULL, 0);
			children[i] = 0;
		}
	}
	return error;
}

/* --- the network --- */

/* wlan 20 ms round trip 50 Mbit/s, wwan 60 ms 20 Mbit/s; delays are one way. */
static int open_lab(void)
{
	struct bri_lab_config config = {
		.seed = 1, .n_paths = DEMO_PATHS, .mptcp_endpoints = true
	};
	static const struct bri_lab_link links[DEMO_PATHS] = { { .delay_ns = 10000000,
								       .rate_bps = 50000000 },
		{ .delay_ns = 30000000, .rate_bps = 20000000 } };
	char why[256];
	int error;

	snprintf(config.paths[0].name, BRI_LAB_NAME_SIZE, "wlan");
	snprintf(config.paths[1].name, BRI_LAB_NAME_SIZE, "wwan");
	for (int i = 0; i < DEMO_PATHS; i++)
		config.paths[i].link[0] = config.paths[i].link[1] = links[i];
	error = bri_lab_open_why(&config, why, sizeof(why), &lab);
	if (error)
		fprintf(stderr, "braid-demo: no network in a box: %s\n", why);
	return error;
}

static int do_run(struct demo_run *run, const struct options *options, const char *title)
{
	int error = 0;

	run->total_bytes = (uint64_t)options->size_mb * 1000000 / 8 * 8;
	if (options->loopback) {
		run->path_names[0] = "lo";
	} else {
		run->path_names[0] = "wlan";
		run->path_names[1] = "wwan";
		error = open_lab(); /* a new one each time: both runs begin alike */
	}
	demo_show_begin(run, title);
	if (!error)
		error = run_transfer(run, lab ? BRI_LAB_SERVICE4 : "127.0.0.1");
	bri_lab_close(lab);
	lab = NULL;
	demo_show_end(run);
	return error;
}

static int usage(FILE *out, int code)
{
	fprintf(out,
		"usage: braid-demo [--size MB] [--output FILE.svg] [--loopback]\n"
		"Sends a file over two emulated paths, loses one half way, and shows what "
		"happens:\n"
		"first with Multipath TCP, then with plain TCP. Needs no root.\n\n"
		"  --size MB      size of the file, 1 to 500 (default %d)\n"
		"  --output FILE  write a picture of both runs\n"
		"  --loopback     no emulated paths: just the transfer, over loopback\n"
		"  --help\n\n"
		"exit status: 0 the multipath transfer survived (or loopback worked), 1 it did "
		"not, 2 usage\n",
		SIZE_MB_DEFAULT);
	return code;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "size", required_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'o' }, { "loopback", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	unsigned long size;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "s:o:lh", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			errno = 0;
			size = strtoul(optarg, &end, 10);
			if (errno || *end || !size || size > 500) {
				fprintf(stderr,
					"braid-demo: --size %s: not a number from 1 to 500\n",
					optarg);
				return 2;
			}
			o->size_mb = (unsigned)size;
			break;
		case 'o': o->picture = optarg; break;
		case 'l': o->loopback = true; break;
		case 'h': return usage(stdout, 0);
		default: return 2; /* getopt has said it */
		}
	}
	if (optind < argc) {
		fprintf(stderr, "braid-demo: unexpected argument \"%s\"\n", argv[optind]);
		return 2;
	}
	return -1;
}

/* Said before the run, not after it. */
static bool can_write(const char *path)
{
	FILE *f = fopen(path, "ae");

	return f && fclose(f) == 0;
}

static void conclude(
	const struct demo_run *multi, const struct demo_run *single, const struct options *o)
{
	if (o->loopback) {
		printf("Loopback only: nothing was shown about paths. %s\n",
			multi->done ? "The transfer worked." : "");
		return;
	}
	printf("Multipath TCP: %s, longest pause %.0f ms. Plain TCP: %s.\n",
		multi->done && multi->same_checksum ? "every byte arrived" : "FAILED",
		(double)multi->pause_ns / 1e6,
		single->done ? "survived too (unexpected)" : "failed, as it must");
}

int main(int argc, char **argv)
{
	static struct demo_run multi = { .multipath = true }, single;
	struct options options = { .size_mb = SIZE_MB_DEFAULT };
	struct sigaction action = { .sa_handler = on_signal };
	char why[256];
	int status = parse(argc, argv, &options), error;

	if (status >= 0)
		return status;
	if (options.picture && !can_write(options.picture)) {
		fprintf(stderr, "braid-demo: %s: %s\n", options.picture, strerror(errno));
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!options.loopback && !bri_lab_supported(why, sizeof(why))) {
		printf("This machine has no network in a box: %s\nOver loopback instead, with one "
		       "path:\n\n",
			why);
		options.loopback = true;
	}
	error = make_file(options.size_mb);
	if (!error)
		error = do_run(&multi, &options,
			options.loopback ? "Over loopback" : "Multipath TCP over wlan and wwan");
	if (!error && !options.loopback && !interrupted)
		error = do_run(&single, &options, "Plain TCP over wlan");
	if (error)
		fprintf(stderr, "braid-demo: %s\n", strerror(-error));
	else if (!interrupted)
		conclude(&multi, &single, &options);
	if (!error && !interrupted && options.picture && !options.loopback) {
		int drawn = demo_draw(options.picture, &multi, &single);

		if (drawn)
			fprintf(stderr, "braid-demo: %s: %s\n", options.picture, strerror(-drawn));
		else
			printf("Timeline: %s\n", options.picture);
	}
	clean_up();
	if (interrupted)
		return 130;
	return !error && multi.done && multi.same_checksum ? 0 : 1;
}
