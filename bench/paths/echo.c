/* See echo.h. */
#include "echo.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/base.h"
#include "base/clock.h"
#include "report.h"
#include "stream.h"

#define MAX_REQUESTS 100000u

static void failed(struct echo *e, ssize_t r)
{
	if (r == 0)
		e->error = EPIPE;
	else if (errno != EAGAIN && errno != EINTR)
		e->error = errno;
}

static void ask(struct echo *e, uint64_t now_ns)
{
	uint32_t n = atomic_load(&e->n_log);
	ssize_t r;

	while (n < MAX_REQUESTS && e->start_ns + n * e->interval_ns <= now_ns) {
		e->log[n++].sent_ns = now_ns;
		atomic_store(&e->n_log, n);
	}
	if (e->out_bytes == (uint64_t)n * ECHO_SIZE)
		return;
	r = send(e->client, pattern(e->out_bytes),
		(size_t)bri_min_u64((uint64_t)n * ECHO_SIZE - e->out_bytes, PATTERN_MAX),
		MSG_NOSIGNAL | MSG_DONTWAIT);
	if (r > 0)
		e->out_bytes += (uint64_t)r;
	else
		failed(e, r);
}

/* The server answers whole requests, with their bytes. */
static void serve(struct echo *e)
{
	ssize_t r = recv(e->server, e->waiting + e->n_waiting, sizeof(e->waiting) - e->n_waiting,
		MSG_DONTWAIT);
	uint64_t whole;

	if (r > 0) {
		e->n_waiting += (uint32_t)r;
		e->served += (uint64_t)r;
	} else if (e->n_waiting < sizeof(e->waiting)) {
		failed(e, r);
	}
	whole = e->served / ECHO_SIZE * ECHO_SIZE;
	if (e->served - e->n_waiting >= whole)
		return;
	r = send(e->server, e->waiting, (size_t)(whole - (e->served - e->n_waiting)),
		MSG_NOSIGNAL | MSG_DONTWAIT);
	if (r > 0) {
		e->n_waiting -= (uint32_t)r;
		memmove(e->waiting, e->waiting + r, e->n_waiting);
	} else {
		failed(e, r);
	}
}

static void take_answers(struct echo *e)
{
	uint8_t buffer[16384];
	ssize_t r = recv(e->client, buffer, sizeof(buffer), MSG_DONTWAIT);
	uint64_t now_ns = bri_clock_now_ns();

	if (r <= 0) {
		failed(e, r);
		return;
	}
	if (memcmp(buffer, pattern(e->back_bytes), (size_t)r) != 0)
		e->is_wrong = true;
	e->back_bytes += (uint64_t)r;
	if (e->back_bytes > e->out_bytes) {
		e->is_wrong = true;
		return;
	}
	for (uint32_t n = atomic_load(&e->n_answered); n < e->back_bytes / ECHO_SIZE;) {
		e->log[n++].answered_ns = now_ns;
		atomic_store(&e->n_answered, n);
	}
}

static void *run(void *context)
{
	struct echo *e = context;

	while (!atomic_load(&e->stop) && !e->error && !e->is_wrong) {
		struct pollfd fds[] = { { e->client, POLLIN, 0 }, { e->server, POLLIN, 0 } };
		uint64_t now_ns = bri_clock_now_ns();
		uint64_t wait_ns = e->interval_ns - (now_ns - e->start_ns) % e->interval_ns;
		struct timespec wait = { .tv_sec = (time_t)(wait_ns / BRI_NS_PER_S),
			.tv_nsec = (long)(wait_ns % BRI_NS_PER_S) };

		ask(e, now_ns);
		(void)ppoll(fds, 2, &wait, NULL);
		serve(e);
		take_answers(e);
	}
	e->end_ns = bri_clock_now_ns();
	return NULL;
}

int echo_start(struct echo *echo, int client, int server, uint64_t interval_ns)
{
	int r;

	memset(echo, 0, sizeof(*echo));
	echo->log = calloc(MAX_REQUESTS, sizeof(*echo->log));
	if (!echo->log)
		return report_fail("out of memory");
	echo->client = client;
	echo->server = server;
	echo->interval_ns = interval_ns;
	echo->start_ns = bri_clock_now_ns();
	r = pthread_create(&echo->thread, NULL, run, echo);
	if (r) {
		echo_free(echo);
		return report_fail("thread: %s", strerror(r));
	}
	return 0;
}

int echo_stop(struct echo *echo)
{
	if (!echo->log)
		return -1;
	atomic_store(&echo->stop, true);
	(void)pthread_join(echo->thread, NULL);
	if (echo->is_wrong)
		return report_fail("bytes were answered that were not asked");
	if (echo->error)
		return report_fail("the connection broke: %s", strerror(echo->error));
	return 0;
}

void echo_free(struct echo *echo)
{
	free(echo->log);
	echo->log = NULL;
}

double echo_ms(const struct echo *echo, uint32_t i)
{
	const struct round_trip *trip = &echo->log[i];
	uint64_t until_ns = trip->answered_ns ? trip->answered_ns : echo->end_ns;

	return (double)(until_ns - trip->sent_ns) / (double)BRI_NS_PER_MS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int echo_summarize(
	const struct echo *echo, uint64_t from_ns, uint64_t to_ns, struct echo_summary *ret)
{
	uint32_t n_log = atomic_load(&echo->n_log), n = 0;
	double *ms = calloc(n_log + 1, sizeof(*ms));

	if (!ms)
		return report_fail("out of memory");
	for (uint32_t i = 0; i < n_log; i++) {
		if (echo->log[i].sent_ns >= from_ns && echo->log[i].sent_ns < to_ns)
			ms[n++] = echo_ms(echo, i);
	}
	if (!n) {
		free(ms);
		return report_fail("no request was sent in that time");
	}
	qsort(ms, n, sizeof(*ms), compare);
	*ret = (struct echo_summary) { .n = n,
		.p50 = ms[(n - 1) / 2],
		.p99 = ms[(n * 99 + 99) / 100 - 1],
		.worst = ms[n - 1] };
	free(ms);
	return 0;
}
