/* One run of a transfer: server and client are started, the path is taken away half way, samples
 * are taken all the time. */
#include "demo/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define RUN_LIMIT_NS UINT64_C(40000000000) /* of one run */
#define STALL_NS     UINT64_C(6000000000)  /* no byte for so long: it has failed */

/* Of one run, beside what is told of it. */
struct conduct {
	struct demo_run *run;
	uint64_t moved_ns; /* when the last byte came */
	uint64_t ready_ns; /* 0: not yet */
};

/* As sha256sum(1) says. */
static int checksum(const char *file, char ret[static 80])
{
	int fds[2], status = 0;
	FILE *pipe;
	pid_t pid;
	bool got;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	(void)fflush(NULL);
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
		(void)fclose(pipe);
	else
		close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 || !got)
		return -EIO;
	ret[strcspn(ret, " ")] = 0;
	return 0;
}

static void lose_first_path(struct demo_watch *watch)
{
	struct conduct *c = watch->context;
	struct demo_run *run = c->run;
	int r;

	if (!run->loses_path || run->lost_at_ns ||
		run->samples[run->sample_count].client_bytes < run->total_bytes / 2)
		return;
	r = bri_lab_set_state(demo_world_lab(), 0, BRI_LAB_DOWN);
	if (r < 0) {
		demo_watch_fail(watch, "the path does not go down: %s", strerror(-r));
		return;
	}
	run->lost_at_ns = bri_clock_now_ns() - watch->begun_ns;
	demo_show_event("half way: wlan is lost (link down)");
}

static void on_line(struct demo_watch *watch, char *line)
{
	struct conduct *c = watch->context;
	struct demo_run *run = c->run;
	uint64_t pause = 0, bytes = 0;

	if (!strncmp(line, "ready ", 6)) {
		c->ready_ns = bri_clock_now_ns();
	} else if (sscanf(line, "at %" SCNu64, &bytes) == 1) {
		c->moved_ns = bri_clock_now_ns();
		run->samples[run->sample_count].client_bytes = bytes;
		lose_first_path(watch);
	} else if (sscanf(line, "end %" SCNu64 " %" SCNu64, &bytes, &pause) == 2) {
		run->done = bytes == run->total_bytes;
		run->pause_ns = pause;
		watch->over = true;
		if (!run->done)
			demo_watch_fail(watch, "only %" PRIu64 " bytes came", bytes);
	}
}

static void sample(struct demo_watch *watch)
{
	struct conduct *c = watch->context;
	struct demo_run *run = c->run;
	struct demo_sample *s = &run->samples[run->sample_count];
	struct bri_lab *lab = demo_world_lab();
	struct bri_lab_stats stats;

	s->at_ns = bri_clock_now_ns() - watch->begun_ns;
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

static void check_time(struct demo_watch *watch)
{
	struct conduct *c = watch->context;
	struct demo_run *run = c->run;
	uint64_t now_ns = bri_clock_now_ns();

	if (now_ns - c->moved_ns > STALL_NS) {
		run->pause_ns = now_ns - c->moved_ns;
		demo_watch_fail(watch, "not a byte in %.0f s%s", (double)STALL_NS / 1e9,
			run->lost_at_ns ? " since the path was lost" : "");
	} else if (now_ns - watch->begun_ns > RUN_LIMIT_NS) {
		demo_watch_fail(watch, "not finished in %.0f s", (double)RUN_LIMIT_NS / 1e9);
	} else if (run->limit_ns && c->ready_ns && now_ns - c->ready_ns >= run->limit_ns) {
		run->done = true;
		watch->over = true;
	}
}

static void on_tick(struct demo_watch *watch)
{
	sample(watch);
	check_time(watch);
}

/* From the first sample after ready: the handshake is the same for all. */
static double mean_mbit(const struct demo_run *run, uint64_t ready_after_ns)
{
	const struct demo_sample *last;

	if (!run->sample_count)
		return 0;
	last = &run->samples[run->sample_count - 1];
	if (last->at_ns <= ready_after_ns)
		return 0;
	return (double)last->client_bytes * 8e3 / (double)(last->at_ns - ready_after_ns);
}

int demo_conduct(struct demo_run *run, int service)
{
	struct demo_server server = { .file = demo_world_file("sent"),
		.address = demo_world_address(),
		.endless = run->limit_ns != 0 };
	struct demo_client client = { .file = run->limit_ns ? NULL : demo_world_file("got"),
		.address = demo_world_address(),
		.socket = demo_world_socket(run->who.manager),
		.service = service };
	struct conduct conduct = { .run = run, .moved_ns = bri_clock_now_ns() };
	struct demo_watch watch = {
		.context = &conduct, .on_line = on_line, .on_tick = on_tick, .who = &run->who
	};
	struct demo_programs programs = { demo_serve, demo_fetch, &server, &client, &server.port_fd,
		&client.report_fd, &client.port };
	char sent[80];
	int error = demo_watch_programs(&watch, &programs);

	if (error)
		return error;
	run->duration_ns = bri_clock_now_ns() - watch.begun_ns;
	if (!run->limit_ns)
		sample(&watch); /* with the last bytes */
	run->mbit = mean_mbit(
		run, conduct.ready_ns > watch.begun_ns ? conduct.ready_ns - watch.begun_ns : 0);
	if (run->done && !run->limit_ns)
		run->same_checksum = checksum(demo_world_file("sent"), sent) == 0 &&
				     checksum(demo_world_file("got"), run->checksum) == 0 &&
				     !strcmp(sent, run->checksum);
	return 0;
}
