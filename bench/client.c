/* The client's side of every test, without the I/O. Knows no implementation and no sockets. */
#include "client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Latencies are kept in buckets of 1/32 of an octave: 3 % wide, from 1 ns to hours. */
enum { SUB_BITS = 5, SUB = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS) * SUB };

static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < SUB)
		return (unsigned)ns;
	shift = 63 - (unsigned)__builtin_clzll(ns) - SUB_BITS;
	return (shift + 1) * SUB + (unsigned)((ns >> shift) & (SUB - 1));
}

static uint64_t bucket_ns(unsigned bucket)
{
	unsigned shift = bucket / SUB;

	if (!shift)
		return bucket;
	return (uint64_t)(SUB + bucket % SUB) << (shift - 1);
}

static uint64_t cpu_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void mark_cpu(struct bench_test *test, int which)
{
	clockid_t clock;
	int expected = which;

	if (!atomic_compare_exchange_strong(&test->marks, &expected, which + 1))
		return;
	test->self_cpu_ns[which] = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (test->opts->peer && !clock_getcpuclockid(test->opts->peer, &clock))
		test->peer_cpu_ns[which] = cpu_ns(clock);
}

/* Where the moment `now` lies: before, inside or after the window. */
static enum { BEFORE, INSIDE, AFTER } place(struct bench_test *test, uint64_t now_ns)
{
	uint64_t start_ns = atomic_load_explicit(&test->start_ns, memory_order_relaxed);
	int marks = atomic_load_explicit(&test->marks, memory_order_relaxed);

	if (!start_ns || now_ns < start_ns + test->opts->warm_ns)
		return BEFORE;
	if (now_ns >= start_ns + test->opts->warm_ns + test->opts->window_ns) {
		if (marks == 1)
			mark_cpu(test, 1);
		return AFTER;
	}
	if (marks == 0)
		mark_cpu(test, 0);
	return INSIDE;
}

static void count_latency(struct bench_meter *meter, uint64_t ns)
{
	if (!meter->histogram) {
		meter->histogram = calloc(BUCKETS, sizeof(*meter->histogram));
		if (!meter->histogram)
			bench_die("histogram");
	}
	meter->histogram[bucket_of(ns)]++;
}

void bench_test_init(struct bench_test *test, const struct bench_opts *opts)
{
	*test = (struct bench_test) { .opts = opts };
	if (opts->mode == BENCH_ACCEPT) /* nothing to wait for: connecting is the operation */
		atomic_store(&test->start_ns, bench_now_ns());
}

void bench_flow_init(struct bench_flow *flow, struct bench_test *test, struct bench_meter *meter)
{
	*flow = (struct bench_flow) { .test = test, .meter = meter };
}

void bench_flow_connecting(struct bench_flow *flow)
{
	if (flow->test->opts->mode == BENCH_ACCEPT)
		flow->began_ns = bench_now_ns();
}

void bench_flow_connected(struct bench_flow *flow)
{
	struct bench_test *test = flow->test;

	if (flow->was_connected)
		return;
	flow->was_connected = true;
	if (atomic_fetch_add(&test->connected, 1) + 1 == test->opts->conns &&
		test->opts->mode != BENCH_ACCEPT)
		atomic_store(&test->start_ns, bench_now_ns());
}

static void encode_head(uint64_t sequence, uint8_t ret[static BENCH_HEAD])
{
	for (unsigned i = 0; i < BENCH_HEAD; i++)
		ret[i] = (uint8_t)('A' + (sequence >> (4 * i) & 0xf));
}

void bench_flow_message(struct bench_flow *flow, uint8_t buf[static BENCH_MESSAGE])
{
	memset(buf + BENCH_HEAD, 'Z', BENCH_MESSAGE - BENCH_HEAD - 1);
	buf[BENCH_MESSAGE - 1] = '\n';
	bench_flow_head(flow, buf);
}

void bench_flow_head(struct bench_flow *flow, uint8_t head[static BENCH_HEAD])
{
	encode_head(++flow->sequence, head);
	flow->got = 0;
	if (flow->test->opts->mode != BENCH_ACCEPT)
		flow->began_ns = bench_now_ns();
}

static void check_answer(const struct bench_flow *flow, const uint8_t *data, size_t n)
{
	uint8_t want[BENCH_HEAD];
	size_t head = flow->got < BENCH_HEAD ? BENCH_HEAD - flow->got : 0;

	if (n > flow->test->opts->message - flow->got) {
		fprintf(stderr, "%s: the echo is longer than the message\n",
			program_invocation_short_name);
		exit(1);
	}
	encode_head(flow->sequence, want);
	if (head && memcmp(data, want + flow->got, n < head ? n : head)) {
		fprintf(stderr, "%s: the echo is not what was sent\n",
			program_invocation_short_name);
		exit(1);
	}
}

enum bench_next bench_flow_answer(struct bench_flow *flow, const void *data, size_t n)
{
	struct bench_meter *meter = flow->meter;
	enum bench_mode mode = flow->test->opts->mode;
	uint64_t now_ns;

	check_answer(flow, data, n);
	flow->got += (uint32_t)n;
	if (flow->got < flow->test->opts->message)
		return BENCH_WAIT;
	if (mode == BENCH_IDLE)
		return BENCH_STAY;
	now_ns = bench_now_ns();
	meter->all_ops++;
	switch (place(flow->test, now_ns)) {
	case AFTER: return BENCH_STOP;
	case INSIDE:
		meter->ops++;
		count_latency(meter, now_ns - flow->began_ns);
		break;
	case BEFORE: break;
	}
	return mode == BENCH_ACCEPT ? BENCH_RECONNECT : BENCH_SEND;
}

/* Adds what of the gap since the last bulk operation lies inside the window, if it is long. */
static void count_stall(struct bench_flow *flow, uint64_t now_ns)
{
	const struct bench_test *test = flow->test;
	uint64_t open_ns = atomic_load(&flow->test->start_ns) + test->opts->warm_ns;
	uint64_t from_ns = flow->began_ns > open_ns ? flow->began_ns : open_ns;
	uint64_t to_ns = open_ns + test->opts->window_ns;

	to_ns = now_ns < to_ns ? now_ns : to_ns;
	if (now_ns - flow->began_ns >= BENCH_STALL_NS && to_ns > from_ns)
		flow->meter->stalled_ns += to_ns - from_ns;
	flow->began_ns = now_ns;
}

enum bench_next bench_flow_bulk(struct bench_flow *flow, size_t n)
{
	struct bench_meter *meter = flow->meter;
	uint64_t now_ns = bench_now_ns();

	meter->all_bytes += n;
	meter->all_ops++;
	count_stall(flow, now_ns);
	switch (place(flow->test, now_ns)) {
	case AFTER: return BENCH_STOP;
	case INSIDE:
		meter->bytes += n;
		meter->ops++;
		break;
	case BEFORE: break;
	}
	return BENCH_WAIT;
}

bool bench_flow_counted(struct bench_flow *flow, const void *data, size_t n)
{
	const uint8_t *in = data;

	/* the bytes of the count are gathered in `sequence`, which bulk flows do not use */
	for (size_t i = 0; i < n && flow->got < 8; i++)
		flow->sequence |= (uint64_t)in[i] << (8 * flow->got++);
	if (flow->got < 8)
		return false;
	if (flow->sequence != flow->meter->all_bytes) {
		fprintf(stderr, "%s: sent %" PRIu64 " bytes, the sink counted %" PRIu64 "\n",
			program_invocation_short_name, flow->meter->all_bytes, flow->sequence);
		exit(1);
	}
	return true;
}

void bench_idle_gate(const struct bench_opts *opts, const char *word)
{
	char c;
	ssize_t n;

	if (opts->mode != BENCH_IDLE)
		return;
	printf("%s\n", word);
	fflush(stdout);
	do {
		n = read(STDIN_FILENO, &c, 1);
	} while ((n < 0 && errno == EINTR) || (n == 1 && c != '\n'));
}

static uint64_t percentile_ns(const struct bench_meter *sum, unsigned percent)
{
	uint64_t seen = 0, want = (sum->ops * percent + 99) / 100;

	if (!sum->histogram || !sum->ops)
		return 0;
	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += sum->histogram[i];
		if (seen >= want)
			return bucket_ns(i);
	}
	return 0;
}

static void add_meter(struct bench_meter *sum, const struct bench_meter *meter)
{
	sum->ops += meter->ops;
	sum->bytes += meter->bytes;
	sum->all_ops += meter->all_ops;
	sum->all_bytes += meter->all_bytes;
	sum->stalled_ns += meter->stalled_ns;
	for (unsigned i = 0; meter->histogram && i < BUCKETS; i++)
		sum->histogram[i] += meter->histogram[i];
}

void bench_report(struct bench_test *test, struct bench_meter *meters, size_t count)
{
	static uint32_t histogram[BUCKETS];
	struct bench_meter sum = { .histogram = histogram };
	bool complete = atomic_load(&test->marks) == 2;

	for (size_t i = 0; i < count; i++)
		add_meter(&sum, &meters[i]);
	printf("{\"ops\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"window_ns\": %" PRIu64
	       ", \"all_ops\": %" PRIu64 ", \"all_bytes\": %" PRIu64 ", \"p50_ns\": %" PRIu64
	       ", \"p99_ns\": %" PRIu64 ", \"self_cpu_ns\": %" PRIu64 ", \"peer_cpu_ns\": %" PRIu64
	       ", \"stalled_ns\": %" PRIu64 ", \"failed\": %u, \"complete\": %s}\n",
		sum.ops, sum.bytes, test->opts->window_ns, sum.all_ops, sum.all_bytes,
		percentile_ns(&sum, 50), percentile_ns(&sum, 99),
		complete ? test->self_cpu_ns[1] - test->self_cpu_ns[0] : 0,
		complete ? test->peer_cpu_ns[1] - test->peer_cpu_ns[0] : 0, sum.stalled_ns,
		atomic_load(&test->failed), complete ? "true" : "false");
	fflush(stdout);
}

const uint8_t *bench_pattern(void)
{
	static uint8_t pattern[BENCH_BUFFER];

	if (!pattern[1])
		for (size_t i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)(i * 7);
	return pattern;
}
