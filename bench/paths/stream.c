/* See stream.h. */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include "base/base.h"
#include "base/clock.h"
#include "report.h"

#define MAX_ARRIVALS (2u << 20) /* 200 s at 10,000 a second; memory is used as it is written */
#define CHUNK_NS     (2 * BRI_NS_PER_MS)
#define BULK_TICK_NS BRI_NS_PER_MS
#define BURST        (256u << 10)

/* Prime, so that the pattern lines up with no size anything else works in. */
#define PERIOD 65521u

static uint8_t pattern_bytes[PERIOD + PATTERN_MAX];
static pthread_once_t pattern_once = PTHREAD_ONCE_INIT;

static void make_pattern(void)
{
	uint32_t x = 2463534242u;

	for (size_t i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		pattern_bytes[i] = (uint8_t)(x >> 11);
	}
	for (size_t i = PERIOD; i < sizeof(pattern_bytes); i++)
		pattern_bytes[i] = pattern_bytes[i - PERIOD];
}

const uint8_t *pattern(uint64_t offset)
{
	(void)pthread_once(&pattern_once, make_pattern);
	return pattern_bytes + offset % PERIOD;
}

/* Bytes that should have been sent by now: whole chunks. */
static uint64_t due_bytes(const struct stream *s, uint64_t now_ns)
{
	uint64_t chunks;

	if (!s->rate_bps)
		return UINT64_MAX;
	chunks = (now_ns - s->start_ns) / CHUNK_NS + 1;
	return chunks * (s->rate_bps / 8 * CHUNK_NS / BRI_NS_PER_S);
}

/* Returns true when the socket takes no more. */
static bool send_some(struct stream *s, uint64_t now_ns)
{
	uint64_t due = due_bytes(s, now_ns);

	for (size_t burst = 0; s->sent < due && burst < BURST;) {
		size_t n = (size_t)bri_min_u64(due - s->sent, 64u << 10);
		ssize_t r = send(s->from, pattern(s->sent), n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r < 0) {
			if (errno != EAGAIN && errno != EINTR)
				s->error = errno;
			return true;
		}
		s->sent += (uint64_t)r;
		burst += (size_t)r;
	}
	return false;
}

static void note_arrival(struct stream *s, uint64_t now_ns, uint64_t total)
{
	if (s->n_log < MAX_ARRIVALS)
		s->log[s->n_log++] = (struct arrival) { now_ns, total };
	atomic_store(&s->received, total);
	atomic_store(&s->last_ns, now_ns);
}

static void receive_some(struct stream *s, uint8_t *buffer)
{
	uint64_t total = atomic_load(&s->received), before = total;

	for (;;) {
		ssize_t r = recv(s->to, buffer, BURST, MSG_DONTWAIT);

		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (r <= 0) {
			s->error = r < 0 ? errno : EPIPE;
			break;
		}
		if (memcmp(buffer, pattern(total), (size_t)r) != 0)
			s->is_wrong = true;
		total += (uint64_t)r;
		if (total - before >= 4 * BURST)
			break;
	}
	if (total != before)
		note_arrival(s, bri_clock_now_ns(), total);
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec) { .tv_sec = (time_t)(ns / BRI_NS_PER_S),
		.tv_nsec = (long)(ns % BRI_NS_PER_S) };
}

/*
 * Paced: woken by arrivals at once, since their time is what is measured. Bulk: once a millisecond,
 * since a wake-up a packet would take the processor that the emulator needs.
 */
static void wait_for_work(struct stream *s, uint64_t now_ns, bool is_full)
{
	struct pollfd fds[] = { { s->to, POLLIN, 0 }, { s->from, POLLOUT, 0 } };
	uint64_t next_ns = CHUNK_NS - (now_ns - s->start_ns) % CHUNK_NS;
	struct timespec wait = to_timespec(s->rate_bps ? next_ns : BULK_TICK_NS);

	if (!s->rate_bps)
		(void)nanosleep(&wait, NULL);
	else
		(void)ppoll(fds, is_full && s->sent < due_bytes(s, now_ns) ? 2 : 1, &wait, NULL);
}

static void *run(void *context)
{
	struct stream *s = context;
	static _Thread_local uint8_t buffer[BURST];

	while (!atomic_load(&s->stop) && !s->error) {
		uint64_t now_ns = bri_clock_now_ns();
		bool is_full = send_some(s, now_ns);

		receive_some(s, buffer);
		wait_for_work(s, now_ns, is_full);
	}
	return NULL;
}

int stream_start(struct stream *stream, int from, int to, uint64_t rate_bps)
{
	void *log = mmap(NULL, MAX_ARRIVALS * sizeof(struct arrival), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int r;

	memset(stream, 0, sizeof(*stream));
	if (log == MAP_FAILED)
		return report_fail("mmap: %s", strerror(errno));
	stream->log = log;
	stream->from = from;
	stream->to = to;
	stream->rate_bps = rate_bps;
	stream->start_ns = bri_clock_now_ns();
	atomic_store(&stream->last_ns, stream->start_ns);
	r = pthread_create(&stream->thread, NULL, run, stream);
	if (r) {
		stream_free(stream);
		return report_fail("thread: %s", strerror(r));
	}
	return 0;
}

int stream_stop(struct stream *stream)
{
	if (!stream->log)
		return -1;
	atomic_store(&stream->stop, true);
	(void)pthread_join(stream->thread, NULL);
	if (stream->is_wrong)
		return report_fail("bytes arrived that were not sent");
	if (stream->error)
		return report_fail("the connection broke: %s", strerror(stream->error));
	return 0;
}

void stream_free(struct stream *stream)
{
	if (stream->log)
		(void)munmap(stream->log, MAX_ARRIVALS * sizeof(struct arrival));
	stream->log = NULL;
}

uint64_t stream_longest_gap(const struct stream *stream, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t last_ns = stream->start_ns, longest = 0;

	for (uint32_t i = 0; i < stream->n_log && last_ns < to_ns; i++) {
		uint64_t at_ns = bri_min_u64(stream->log[i].at_ns, to_ns);

		if (at_ns > from_ns && at_ns - last_ns > longest)
			longest = at_ns - last_ns;
		last_ns = at_ns;
	}
	if (to_ns > last_ns && to_ns - last_ns > longest)
		longest = to_ns - last_ns;
	return longest;
}

uint64_t stream_bytes_at(const struct stream *stream, uint64_t at_ns)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < stream->n_log && stream->log[i].at_ns <= at_ns; i++)
		bytes = stream->log[i].bytes;
	return bytes;
}
