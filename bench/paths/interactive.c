/* Small requests at a fixed interval over two paths of which one is better, or becomes it. */
#include <string.h>

#include "base/clock.h"
#include "measures.h"
#include "report.h"
#include "echo.h"

#define MS          BRI_NS_PER_MS
#define S           BRI_NS_PER_S
#define INTERVAL_NS (50 * MS)
#define WARM_UP_NS  S
#define SECONDS     15u /* 300 requests: the 99th of a hundred is the fourth worst */

static const struct bed_path slow_first[] = { { .rtt_ms = 120, .mbit = 50 },
	{ .rtt_ms = 20, .mbit = 50 } };
static const struct bed_path fast_first[] = { { .rtt_ms = 20, .mbit = 50 },
	{ .rtt_ms = 60, .mbit = 50 } };
static const struct bed_path lossy_first[] = { { .rtt_ms = 20, .mbit = 50, .loss_ppm = 20000 },
	{ .rtt_ms = 40, .mbit = 50 } };

/* Echoes over n paths for so long after the warm-up; what happens in between is the caller's. */
struct talk {
	struct bed bed;
	struct pair pair;
	struct echo echo;
};

static int talk_start(
	struct talk *talk, const struct options *options, const struct bed_path *paths, uint32_t n)
{
	talk->pair = (struct pair) { -1, -1 };
	talk->echo.log = NULL;
	if (bed_open(&talk->bed, options, "interactive", paths, n) < 0 ||
		bed_connect(&talk->bed, false, BED_ANY_PATH, &talk->pair) < 0)
		return -1;
	return echo_start(&talk->echo, talk->pair.client, talk->pair.server, INTERVAL_NS);
}

static int talk_end(struct talk *talk, int r)
{
	echo_free(&talk->echo);
	bed_disconnect(&talk->pair);
	return bed_close(&talk->bed) < 0 ? -1 : r;
}

static int talk_through(struct talk *talk, const struct options *options, struct echo_summary *ret)
{
	uint64_t seconds = options->seconds ? options->seconds : SECONDS;
	uint64_t from_ns = talk->echo.start_ns + WARM_UP_NS, to_ns = from_ns + seconds * S;

	bed_wait_until(to_ns + S); /* the last ones are answered, too */
	if (echo_stop(&talk->echo) < 0)
		return -1;
	return echo_summarize(&talk->echo, from_ns, to_ns, ret);
}

/* One path alone, by the kernel alone: what is to be reached. */
static int talk_alone(struct talk *talk, const struct options *options, const struct bed_path *path)
{
	struct options alone = *options;
	struct echo_summary summary;
	int r;

	alone.braidd = NULL;
	r = talk_start(talk, &alone, path, 1);
	if (!r)
		r = talk_through(talk, options, &summary);
	if (!r) {
		report_number("alone_p50_ms", summary.p50);
		report_number("alone_p99_ms", summary.p99);
	}
	return talk_end(talk, r);
}

static int talk_both(struct talk *talk, const struct options *options, const struct bed_path *paths)
{
	struct echo_summary summary;
	int r = talk_start(talk, options, paths, 2);

	if (!r)
		r = talk_through(talk, options, &summary);
	if (!r) {
		bed_report_subflows(talk->pair.client, "subflows_after");
		report_number("p50_ms", summary.p50);
		report_number("p99_ms", summary.p99);
		report_number("worst_ms", summary.worst);
		r = bed_check(&talk->bed, talk->pair.client);
	}
	return talk_end(talk, r);
}

int measure_slow_first(const struct measure *measure, const struct options *options)
{
	static struct talk talk;

	(void)measure;
	if (talk_alone(&talk, options, &slow_first[1]) < 0)
		return -1;
	return talk_both(&talk, options, slow_first);
}

int measure_loss(const struct measure *measure, const struct options *options)
{
	static struct talk talk;

	(void)measure;
	if (talk_alone(&talk, options, &lossy_first[1]) < 0)
		return -1;
	return talk_both(&talk, options, lossy_first);
}

#define SETTLED_N 10u        /* so many fast answers in a row are no accident */
#define FAST_MS   (60 * 1.5) /* the other path's round trip, and half of it for noise */

/* When the first of SETTLED_N fast answers came, or 0. */
static uint64_t fast_again(const struct echo *echo, uint64_t from_ns)
{
	uint32_t n = atomic_load(&echo->n_answered), row = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (echo->log[i].sent_ns < from_ns)
			continue;
		row = echo_ms(echo, i) <= FAST_MS ? row + 1 : 0;
		if (row == SETTLED_N)
			return echo->log[i + 1 - SETTLED_N].answered_ns;
	}
	return 0;
}

int measure_turns_slow(const struct measure *measure, const struct options *options)
{
	static struct talk talk;
	uint64_t changed_ns = 0, end_ns = 0, fast_ns = 0;
	int r = talk_start(&talk, options, fast_first, 2);

	(void)measure;
	if (!r) {
		bed_wait_until(talk.echo.start_ns + 2 * S);
		changed_ns = bri_clock_now_ns();
		r = bed_set(&talk.bed, "wlan delay 150ms");
		end_ns = changed_ns + 8 * S;
		bed_wait_until(end_ns);
		bed_report_subflows(talk.pair.client, "subflows_after");
		if (echo_stop(&talk.echo) < 0)
			r = -1;
	}
	if (!r) {
		/* what was sent just before the change is fast still */
		fast_ns = fast_again(&talk.echo, changed_ns);
		report_number("fast_again_ms",
			(double)((fast_ns ? fast_ns : end_ns) - changed_ns) / (double)MS);
		report_bool("became_fast", fast_ns != 0);
		r = bed_check(&talk.bed, talk.pair.client);
	}
	return talk_end(&talk, r);
}
