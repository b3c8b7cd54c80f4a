/*
 * The soak: many random runs, some at a time, each in a process of its own. Every run has a seed
 * that is printed; `soak --one SEED` does that run again. Knows nothing of what a run does.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/lab.h"
#include "net/mp_pattern.h"
#include "net/mp_peer.h"
#include "soak.h"

#define JOBS_MAX     16
#define RUN_LIMIT_NS (90 * NSEC_PER_SEC) /* a run bounds itself by a minute */

struct job {
	pid_t pid; /* 0: none */
	int fd;    /* its result comes here */
	uint64_t seed, begun_ns;
};

struct totals {
	unsigned passed, failed, stalled, connections, multipath, several, left_dead;
	uint64_t pause_ns, bytes;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static void show(uint64_t seed, const struct soak_result *r)
{
	printf("seed %" PRIu64
	       ": %s: %u paths, %u connections, %.1f MB, %u changes%s, longest pause "
	       "%.0f ms, %.1f s\n",
		seed,
		r->passed    ? "ok"
		: r->stalled ? "stopped by the kernel"
			     : "FAILED",
		r->paths, r->connections, (double)r->bytes / 1e6, r->changes,
		r->left_dead ? ", one path left dead" : "", (double)r->pause_ns / 1e6,
		(double)r->duration_ns / 1e9);
	if (!r->passed && !r->stalled)
		printf("  %s\n  again: soak --one %" PRIu64 "\n", r->why, seed);
	fflush(stdout);
}

static void add(struct totals *t, const struct soak_result *r)
{
	if (r->passed)
		t->passed++;
	else if (r->stalled)
		t->stalled++;
	else
		t->failed++;
	t->connections += r->connections;
	t->multipath += r->multipath;
	t->several += r->several;
	t->left_dead += r->left_dead;
	t->bytes += r->bytes;
	if (r->pause_ns > t->pause_ns)
		t->pause_ns = r->pause_ns;
}

/* In a process of its own: whatever happens in it, the others go on. */
static void begin(struct job *job, uint64_t seed)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	fflush(NULL);
	job->pid = fork();
	if (job->pid == 0) {
		struct soak_result result;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGINT, SIG_IGN); /* the parent decides */
		signal(SIGTERM, SIG_DFL);
		soak_run(seed, &result);
		_exit(write(fds[1], &result, sizeof(result)) == sizeof(result) ? 0 : 1);
	}
	close(fds[1]);
	if (job->pid < 0) {
		close(fds[0]);
		job->pid = 0;
		return;
	}
	*job = (struct job) { job->pid, fds[0], seed, mp_now_ns() };
}

static void end(struct job *job, bool kill_it, struct soak_result *ret)
{
	int status = 0;

	if (kill_it)
		kill(job->pid, SIGKILL);
	*ret = (struct soak_result) { .duration_ns = mp_now_ns() - job->begun_ns };
	if (kill_it || read(job->fd, ret, sizeof(*ret)) != sizeof(*ret)) {
		waitpid(job->pid, &status, 0);
		snprintf(ret->why, sizeof(ret->why), "the run %s (status %x)",
			kill_it ? "took too long" : "died", (unsigned)status);
		ret->passed = false;
	} else {
		waitpid(job->pid, &status, 0);
	}
	close(job->fd);
	job->pid = 0;
}

/* Waits until one of the jobs has ended, and takes it. */
static bool reap(struct job *jobs, unsigned n, uint64_t *ret_seed, struct soak_result *ret)
{
	struct pollfd polled[JOBS_MAX];
	unsigned count = 0, at[JOBS_MAX];

	for (unsigned i = 0; i < n; i++) {
		if (jobs[i].pid > 0) {
			at[count] = i;
			polled[count++] = (struct pollfd) { .fd = jobs[i].fd, .events = POLLIN };
		}
	}
	if (!count)
		return false;
	(void)poll(polled, count, 500);
	for (unsigned i = 0; i < count && !interrupted; i++) {
		struct job *job = &jobs[at[i]];
		bool late = mp_now_ns() - job->begun_ns > RUN_LIMIT_NS;

		if (polled[i].revents || late) {
			*ret_seed = job->seed;
			end(job, late, ret);
			return true;
		}
	}
	return false;
}

static void stop(struct job *jobs, unsigned n)
{
	struct soak_result ignored;

	for (unsigned i = 0; i < n; i++) {
		if (jobs[i].pid > 0)
			end(&jobs[i], true, &ignored); /* its lab dies with it */
	}
}

static void run_all(uint64_t seed, unsigned runs, unsigned n_jobs, struct totals *totals)
{
	struct job jobs[JOBS_MAX] = { 0 };
	struct soak_result result;
	unsigned begun = 0, ended = 0;
	uint64_t random = seed, of;

	while (ended < runs && !interrupted) {
		for (unsigned i = 0; i < n_jobs && begun < runs; i++) {
			if (!jobs[i].pid) {
				begin(&jobs[i], mp_random(&random));
				begun += jobs[i].pid > 0;
			}
		}
		if (reap(jobs, n_jobs, &of, &result)) {
			show(of, &result);
			add(totals, &result);
			ended++;
		}
	}
	stop(jobs, n_jobs);
}

static int usage(FILE *out, int code)
{
	fprintf(out, "usage: soak [--runs N] [--seed S] [--jobs J] | soak --one SEED\n"
		     "Random transfers over random paths that die and come back; every byte is "
		     "checked.\n\n"
		     "  --runs N    how many (default 20)\n"
		     "  --seed S    of the seeds of the runs (default: the time)\n"
		     "  --jobs J    so many at a time (default: CPUs + 1)\n"
		     "  --one SEED  only the run of this seed\n\n"
		     "exit status: 0 all passed, 1 not, 2 usage, 77 this machine has no network in "
		     "a box\n");
	return code;
}

static bool number(const char *text, uint64_t max, uint64_t *ret)
{
	char *rest;

	errno = 0;
	*ret = strtoull(text, &rest, 0);
	return *text && *text != '-' && !*rest && !errno && *ret <= max;
}

struct options {
	uint64_t runs, seed, jobs, one;
	bool has_one;
};

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "runs", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 's' }, { "jobs", required_argument, NULL, 'j' },
		{ "one", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' },
		{ 0 } };
	bool good = true;
	int c;

	while ((c = getopt_long(argc, argv, "r:s:j:o:h", longs, NULL)) != -1) {
		switch (c) {
		case 'r': good = number(optarg, 1000000, &o->runs); break;
		case 's': good = number(optarg, UINT64_MAX, &o->seed); break;
		case 'j': good = number(optarg, JOBS_MAX, &o->jobs) && o->jobs > 0; break;
		case 'o': good = o->has_one = number(optarg, UINT64_MAX, &o->one); break;
		case 'h': return usage(stdout, 0);
		default: return usage(stderr, 2);
		}
		if (!good) {
			fprintf(stderr, "soak: %s: not a number that can be\n", optarg);
			return 2;
		}
	}
	return optind < argc ? usage(stderr, 2) : -1;
}

static int conclude(const struct totals *t)
{
	printf("%u connections, %u of them multipath, %u with several subflows; %u runs ended "
	       "with a dead path; %.1f MB; longest pause %.0f ms\n",
		t->connections, t->multipath, t->several, t->left_dead, (double)t->bytes / 1e6,
		(double)t->pause_ns / 1e6);
	if (interrupted)
		printf("interrupted\n");
	if (t->stalled)
		printf("%u stopped by the kernel: it holds bytes that it took and does not "
		       "deliver\n",
			t->stalled);
	printf("%u passed, %u failed\n", t->passed, t->failed);
	/* it would show nothing if the paths were never used */
	if (t->passed + t->failed >= 10 && t->several * 4 < t->connections) {
		printf("too few connections had several subflows: this was no soak\n");
		return 1;
	}
	/* rare, or it is something else */
	if (t->stalled > 1 + (t->passed + t->failed) / 50) {
		printf("too many were stopped\n");
		return 1;
	}
	return t->failed || interrupted ? 1 : 0;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct options o = { .runs = 20,
		.seed = (uint64_t)time(NULL),
		.jobs = cpus > 0 && cpus < JOBS_MAX ? (uint64_t)cpus + 1 : 3 };
	struct sigaction action = { .sa_handler = on_signal };
	const char *required = getenv("BRAID_REQUIRE_ALL");
	struct soak_result result;
	struct totals totals = { 0 };
	char why[256];
	int status = parse(argc, argv, &o);

	if (status >= 0)
		return status;
	if (!bri_lab_supported(why, sizeof(why))) {
		printf("skipped: %s\n", why);
		return required && !strcmp(required, "1") ? 1 : 77;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (o.has_one) {
		soak_run(o.one, &result);
		show(o.one, &result);
		return result.passed || result.stalled ? 0 : 1;
	}
	printf("%" PRIu64 " runs, %" PRIu64 " at a time: --seed %" PRIu64 "\n", o.runs, o.jobs,
		o.seed);
	run_all(o.seed, (unsigned)o.runs, (unsigned)o.jobs, &totals);
	return conclude(&totals);
}
