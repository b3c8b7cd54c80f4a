/* What a stream or sparse requests see when the first path fails, and when it comes back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "measures.h"
#include "report.h"
#include "echo.h"
#include "filler.h"
#include "stream.h"

#define MS        BRI_NS_PER_MS
#define S         BRI_NS_PER_S
#define RATE_BPS  8000000
#define BEFORE_NS (2 * S)

/* wlan, wwan */
static const struct bed_path everyday[] = { { .rtt_ms = 20, .mbit = 50 },
	{ .rtt_ms = 60, .mbit = 20 } };

static double ms(uint64_t ns)
{
	return (double)ns / (double)MS;
}

/* A stream over a fresh connection of a fresh lab, and what is looked at while it runs. */
struct ride {
	struct bed bed;
	struct pair pair;
	struct stream stream;
	enum bri_lab_direction direction;
};

static int ride_start(struct ride *ride, const struct options *options, bool is_up)
{
	ride->pair = (struct pair) { -1, -1 };
	ride->stream.log = NULL;
	ride->direction = is_up ? BRI_LAB_TO_SERVER : BRI_LAB_TO_CLIENT;
	if (bed_open(&ride->bed, options, "handover", everyday, 2) < 0 ||
		bed_connect(&ride->bed, false, BED_ANY_PATH, &ride->pair) < 0)
		return -1;
	return stream_start(&ride->stream, is_up ? ride->pair.client : ride->pair.server,
		is_up ? ride->pair.server : ride->pair.client, RATE_BPS);
}

static int ride_end(struct ride *ride, int r)
{
	if (ride->stream.log && stream_stop(&ride->stream) < 0)
		r = -1;
	if (!r)
		r = bed_check(&ride->bed, ride->pair.client);
	stream_free(&ride->stream);
	bed_disconnect(&ride->pair);
	if (bed_close(&ride->bed) < 0)
		r = -1;
	return r;
}

/* Until the stream flows again (data came within the last 200 ms), at least and at most so long. */
static void ride_on(struct ride *ride, uint64_t least_ns, uint64_t most_ns)
{
	uint64_t start_ns = bri_clock_now_ns(), now_ns = start_ns + least_ns;

	bed_wait_until(now_ns);
	while (now_ns < start_ns + most_ns &&
		atomic_load(&ride->stream.last_ns) + 200 * MS < now_ns) {
		now_ns += 20 * MS;
		bed_wait_until(now_ns);
	}
}

/* Percent of what both paths carried between two looks that went over wwan. */
static double wwan_percent(const uint64_t before[2], const uint64_t after[2])
{
	double wwan = (double)(after[1] - before[1]);
	double all = wwan + (double)(after[0] - before[0]);

	return all > 0 ? 100 * wwan / all : 0;
}

static int fail_over(struct ride *ride, const char *how)
{
	struct stream *s = &ride->stream;
	uint64_t before[2], at_failure[2], failed_ns, set_ns, end_ns, count;

	if (bed_bytes(&ride->bed, ride->direction, before) < 0)
		return -1;
	bed_wait_until(s->start_ns + BEFORE_NS);
	bed_report_subflows(ride->pair.client, "subflows_before");
	if (bed_bytes(&ride->bed, ride->direction, at_failure) < 0)
		return -1;
	failed_ns = bri_clock_now_ns();
	if (bed_set(&ride->bed, how) < 0)
		return -1;
	set_ns = bri_clock_now_ns();
	ride_on(ride, 3 * S, 20 * S);
	end_ns = bri_clock_now_ns();
	bed_report_subflows(ride->pair.client, "subflows_after");
	count = atomic_load(&s->received);
	if (stream_stop(s) < 0)
		return -1;
	report_number("gap_ms", ms(stream_longest_gap(s, failed_ns, end_ns)));
	report_number("normal_gap_ms", ms(stream_longest_gap(s, failed_ns - S, failed_ns)));
	report_number("wwan_before_percent", wwan_percent(before, at_failure));
	report_number("set_ms", ms(set_ns - failed_ns));
	report_integer("bytes", count);
	if (stream_longest_gap(s, end_ns - S, end_ns) >= S)
		return report_fail("the stream did not go on within 20 s");
	return 0;
}

int measure_handover(const struct measure *measure, const struct options *options)
{
	static struct ride ride;
	int r = ride_start(&ride, options, measure->is_up);

	if (!r)
		r = fail_over(&ride, measure->how);
	return ride_end(&ride, r);
}

int measure_echo_silent(const struct measure *measure, const struct options *options)
{
	static struct echo echo;
	struct echo_summary before, after;
	struct pair pair = { -1, -1 };
	struct bed bed;
	uint64_t failed_ns = 0;
	int r = bed_open(&bed, options, "handover", everyday, 2);

	if (!r)
		r = bed_connect(&bed, false, BED_ANY_PATH, &pair);
	if (!r)
		r = echo_start(&echo, pair.client, pair.server, 100 * MS);
	if (!r) {
		bed_wait_until(echo.start_ns + BEFORE_NS);
		failed_ns = bri_clock_now_ns();
		r = bed_set(&bed, measure->how);
		bed_wait_until(failed_ns + 8 * S);
	}
	if (echo.log && echo_stop(&echo) < 0)
		r = -1;
	/* a request may be on its way when the path fails; one sent in the last second may be too
	 */
	if (!r)
		r = echo_summarize(&echo, failed_ns - 200 * MS, failed_ns + 7 * S, &after);
	if (!r)
		r = echo_summarize(&echo, failed_ns - S, failed_ns - 200 * MS, &before);
	if (!r) {
		report_number("answer_ms", after.worst);
		report_number("normal_ms", before.p50);
		bed_report_subflows(pair.client, "subflows_after");
		r = bed_check(&bed, pair.client);
	}
	echo_free(&echo);
	bed_disconnect(&pair);
	return bed_close(&bed) < 0 ? -1 : r;
}

#define LOOK_NS    (200 * MS)
#define RETURN_MAX (20 * S)

/* Looks at what the paths carry until wlan carries at least half of it. 0: it never did. */
static uint64_t await_wlan(struct ride *ride, uint64_t from_ns)
{
	uint64_t last[2], now[2];

	if (bed_bytes(&ride->bed, ride->direction, last) < 0)
		return 0;
	for (uint64_t at_ns = from_ns + LOOK_NS; at_ns < from_ns + RETURN_MAX; at_ns += LOOK_NS) {
		bed_wait_until(at_ns);
		if (bed_bytes(&ride->bed, ride->direction, now) < 0)
			return 0;
		/* a few acknowledgements and probes are no stream */
		if (now[0] - last[0] > RATE_BPS / 8 * LOOK_NS / S / 2 &&
			wwan_percent(last, now) < 50)
			return at_ns;
		memcpy(last, now, sizeof(last));
	}
	return 0;
}

static int come_back(struct ride *ride)
{
	struct stream *s = &ride->stream;
	uint64_t failed_ns, up_ns, back_ns, end_ns;

	bed_wait_until(s->start_ns + BEFORE_NS);
	failed_ns = bri_clock_now_ns();
	if (bed_set(&ride->bed, "wlan silent") < 0)
		return -1;
	bed_wait_until(failed_ns + 3 * S);
	up_ns = bri_clock_now_ns();
	if (bed_set(&ride->bed, "wlan up") < 0)
		return -1;
	back_ns = await_wlan(ride, up_ns);
	bed_wait_until(bri_clock_now_ns() + 2 * S);
	end_ns = bri_clock_now_ns();
	bed_report_subflows(ride->pair.client, "subflows_after");
	if (stream_stop(s) < 0)
		return -1;
	report_number("failure_gap_ms", ms(stream_longest_gap(s, failed_ns, up_ns)));
	report_number("return_gap_ms", ms(stream_longest_gap(s, up_ns, end_ns)));
	report_number("return_s", (double)((back_ns ? back_ns : end_ns) - up_ns) / (double)S);
	report_bool("returned", back_ns != 0);
	return 0;
}

int measure_return(const struct measure *measure, const struct options *options)
{
	static struct ride ride;
	int r = ride_start(&ride, options, measure->is_up);

	if (!r)
		r = come_back(&ride);
	return ride_end(&ride, r);
}

#define WLAN_BPS      50e6
#define BLOAT_MS      300.0
#define FALSE_SECONDS 60u
#define WINDOW_NS     (500 * MS)

struct primaries {
	uint64_t last[2], wwan_bytes, changes;
	bool is_wwan;
};

/* Which path carried most of the stream, window by window. A competing flow is on wlan only, so it
 * is told by what is on wwan. */
static int watch(struct ride *ride, struct primaries *p, uint64_t until_ns)
{
	uint64_t now[2];

	for (uint64_t at_ns = bri_clock_now_ns(); at_ns < until_ns;) {
		bool is_wwan;

		at_ns += WINDOW_NS;
		bed_wait_until(at_ns);
		if (bed_bytes(&ride->bed, ride->direction, now) < 0)
			return -1;
		is_wwan = now[1] - p->last[1] > RATE_BPS / 8 * WINDOW_NS / S / 2;
		p->changes += is_wwan != p->is_wwan;
		p->is_wwan = is_wwan;
		p->wwan_bytes += now[1] - p->last[1];
		memcpy(p->last, now, sizeof(now));
	}
	return 0;
}

static void note_phase(struct primaries *p, const char *name)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "changes_%s", name);
	report_integer(key, p->changes);
}

static int bloat(struct ride *ride, struct primaries *p, uint64_t until_ns)
{
	static struct filler filler;
	double mean = 0;
	int r;

	if (filler_start(&filler, &ride->bed, ride->direction,
		    (uint64_t)(WLAN_BPS / 8e3 * BLOAT_MS)) < 0)
		return -1;
	r = watch(ride, p, until_ns);
	if (filler_stop(&filler, &mean) < 0)
		r = -1;
	report_number("bloat_ms", mean * 8e3 / WLAN_BPS);
	return r;
}

/* Trouble that is none: nothing of it is a reason to leave the path. */
static int be_troubled(struct ride *ride, uint64_t phase_ns)
{
	struct stream *s = &ride->stream;
	struct primaries p = { 0 };
	uint64_t start_ns = s->start_ns + S, end_ns;

	bed_wait_until(start_ns);
	/* both ways 0 to 50 ms: the round trip varies by 0 to 5 times its 20 ms */
	if (bed_bytes(&ride->bed, ride->direction, p.last) < 0 ||
		bed_set(&ride->bed, "wlan jitter 50ms") < 0 ||
		watch(ride, &p, start_ns + phase_ns) < 0)
		return -1;
	note_phase(&p, "jitter");
	if (bed_set(&ride->bed, "wlan jitter 0ms") < 0 ||
		bloat(ride, &p, start_ns + 2 * phase_ns) < 0)
		return -1;
	note_phase(&p, "bloat");
	if (bed_set(&ride->bed, "wlan loss 1%") < 0 || watch(ride, &p, start_ns + 3 * phase_ns) < 0)
		return -1;
	note_phase(&p, "loss");
	end_ns = bri_clock_now_ns();
	if (stream_stop(s) < 0)
		return -1;
	report_integer("changes", p.changes);
	report_number(
		"wwan_percent", 100 * (double)p.wwan_bytes / (double)atomic_load(&s->received));
	report_number("gap_ms", ms(stream_longest_gap(s, start_ns, end_ns)));
	return 0;
}

int measure_false(const struct measure *measure, const struct options *options)
{
	static struct ride ride;
	uint32_t seconds = options->seconds ? options->seconds : FALSE_SECONDS;
	int r = ride_start(&ride, options, measure->is_up);

	if (!r) /* more than what is to be in it: nothing is lost */
		r = bed_set(&ride.bed, "wlan queue 4m");
	if (!r)
		r = be_troubled(&ride, seconds * S / 3);
	return ride_end(&ride, r);
}

#define LOST_NS (20 * S)

static int lose_all(struct ride *ride, uint64_t lost_ns)
{
	struct stream *s = &ride->stream;
	uint64_t back_ns, end_ns, first_ns = 0, received;

	bed_wait_until(s->start_ns + BEFORE_NS);
	if (bed_set(&ride->bed, "wlan down") < 0 || bed_set(&ride->bed, "wwan down") < 0)
		return -1;
	bed_wait_until(bri_clock_now_ns() + lost_ns);
	received = atomic_load(&s->received);
	back_ns = bri_clock_now_ns();
	if (bed_set(&ride->bed, "wwan up") < 0)
		return -1;
	for (end_ns = back_ns + 40 * S; bri_clock_now_ns() < end_ns;) {
		if (atomic_load(&s->received) != received)
			break;
		bed_wait_until(bri_clock_now_ns() + 10 * MS);
	}
	bed_wait_until(bri_clock_now_ns() + S);
	bed_report_subflows(ride->pair.client, "subflows_after");
	if (stream_stop(s) < 0)
		return -1;
	for (uint32_t i = 0; i < s->n_log && !first_ns; i++) {
		if (s->log[i].at_ns > back_ns)
			first_ns = s->log[i].at_ns;
	}
	report_bool("resumed", first_ns != 0);
	report_number("resume_s", (double)((first_ns ? first_ns : end_ns) - back_ns) / (double)S);
	return 0;
}

int measure_mbb(const struct measure *measure, const struct options *options)
{
	static struct ride ride;
	int r = ride_start(&ride, options, measure->is_up);

	if (!r)
		r = lose_all(&ride, options->seconds ? options->seconds * S : LOST_NS);
	return ride_end(&ride, r);
}
