/* See rate.h. All numbers that decide are the constants here, each with its reason. */
#include "policy/rate.h"

/* Short, since harm is done at once; and not shorter than a round trip, in which slow start doubles
 * the rate. */
#define WINDOW_NS  (200 * BRI_NS_PER_MS)
#define WINDOW_NUM 5u
#define WINDOW_DEN 4u
/* Less than one part in so many of the best one is not worth any waiting. */
#define USELESS_PART 18u
/* What grows by a quarter is in slow start, and may become useful. */
#define GROWS_NUM    5u
#define GROWS_DEN    4u
#define POOR_WINDOWS 2u
#define HELD_NUM     4u
#define HELD_DEN     5u
/* Even at full speed: what moves so much for so long takes what it can get, and gains nothing here.
 */
#define LONG_WINDOWS 8u
#define BULK_BPS     20000000u
/* The best one carries less: it may be as the application sends. */
#define KNOWN_BPS 10000000u
/* Slow start has come so far that a second path is not waited for with the smallest receive buffer,
 * and not so far that the first one fills the window when the second begins: where the window is
 * full, Linux drops what one of two subflows sends beyond it, and waits for its timer. */
#define BEGUN_BPS 5000000u
/* The best one carries less: the application has little to send, nothing is judged. */
#define USEFUL_BPS 1000000u
/* A train of so many bytes (four full segments) tells the bottleneck, in looks of 10 ms, to a
 * quarter: the first look has what came in some part of it. */
#define TRAIN_BYTES 5000u
/* At 1 Mbit/s a segment comes every 12 ms; after a longer pause it is another train. */
#define TRAIN_PAUSE_NS (25 * BRI_NS_PER_MS)
/* Linux paces no sooner than after ten segments. */
#define FIRST_BYTES 15000u
/* Looks further apart draw out any train. */
#define LATE_NS (25 * BRI_NS_PER_MS)
/* A short window: how long the best one stands still before it is blamed on another, that has had
 * its chance: some segments in a train. */
#define SHORT_NS     (45 * BRI_NS_PER_MS)
#define CHANCE_BYTES 8000u
/* A path that loses most of a train has no such chance, and is waited for all the same: the best
 * one stands still for so long, and data comes over this one. */
#define STILL_NS   (200 * BRI_NS_PER_MS)
#define STILL_PART 8u
/* Linux shares out data by the pacing rates of its paths, that is two windows a round trip in slow
 * start: a far path gets its first segments one by one. What comes clearly faster than that, and
 * still slowly, has the bottleneck's rate; with room for jitter. */
#define WINDOW_SEGMENTS 10u
#define SHAPED_NUM      3u
#define SHAPED_DEN      2u
#define SHAPED_BYTES    8000u
#define JITTER_NUM      3u
#define JITTER_DEN      4u
#define PEAK_NS         (4 * BRI_NS_PER_S)
/* Of a full one, about. */
#define SEGMENT_BYTES 1400u

static uint64_t window_ns(const struct bri_policy_sample *sample)
{
	uint64_t rtt_ns = sample->rtt_us * BRI_NS_PER_US * WINDOW_NUM / WINDOW_DEN;

	/* the round trip time of a full queue can be seconds */
	rtt_ns = bri_min_u64(rtt_ns, 3 * WINDOW_NS);
	return rtt_ns > WINDOW_NS ? rtt_ns : WINDOW_NS;
}

static void note_peak(struct bri_rate *r, uint64_t now_ns)
{
	if (now_ns - r->peak_ns > PEAK_NS) {
		r->peak_bps /= 2;
		r->peak_ns = now_ns;
	}
	if (r->bps > r->peak_bps) {
		r->peak_bps = r->bps;
		r->peak_ns = now_ns;
	}
}

static void note_train(struct bri_rate *r, uint64_t bytes, uint64_t before_ns, uint64_t now_ns)
{
	uint64_t bps;

	if (!bytes)
		return;
	if (!r->train_ns || now_ns - r->last_ns > TRAIN_PAUSE_NS) {
		/* after a pause the first may be late: acknowledgements are lost, too */
		bool is_first = r->seen - bytes < SEGMENT_BYTES;

		r->done_bps = r->fast_bps;
		r->train_ns = is_first ? before_ns : now_ns;
		r->train_bytes = is_first ? bytes : 0;
	} else {
		r->train_bytes += bytes;
	}
	r->last_ns = now_ns;
	if (now_ns == r->train_ns)
		return;
	bps = r->train_bytes * 8 * BRI_NS_PER_S / (now_ns - r->train_ns);
	if (r->seen - bytes <= FIRST_BYTES && r->train_bytes >= TRAIN_BYTES)
		r->fast_bps = bps > r->done_bps ? bps : r->done_bps;
}

static void note_short(struct bri_rate *r, uint64_t bytes, uint64_t now_ns)
{
	r->short_bytes += bytes;
	if (now_ns - r->short_ns < SHORT_NS)
		return;
	r->short_bps = r->short_bytes * 8 * BRI_NS_PER_S / (now_ns - r->short_ns);
	r->slow = r->short_bps < r->peak_bps / 2;
	if (r->short_bps >= r->peak_bps / STILL_PART)
		r->still_ns = 0;
	else if (!r->still_ns)
		r->still_ns = r->short_ns;
	r->short_ns = now_ns;
	r->short_bytes = 0;
}

static void note_look(struct bri_rate *r, uint64_t total, uint64_t now_ns)
{
	uint64_t bytes = total > r->seen ? total - r->seen : 0, before_ns = r->look_ns;

	r->seen = total;
	r->look_ns = now_ns;
	if (!before_ns || now_ns == before_ns || now_ns - before_ns > LATE_NS) {
		r->train_ns = 0;
		r->short_ns = now_ns;
		r->short_bytes = 0;
		r->slow = false;
		r->still_ns = 0;
		return;
	}
	note_train(r, bytes, before_ns, now_ns);
	note_short(r, bytes, now_ns);
}

/* What has arrived, whatever is missing before it: bytes of a stream count when nothing is. */
static uint64_t arrived(const struct bri_policy_sample *sample)
{
	return sample->bytes_acked + ((uint64_t)sample->sacked + sample->data_segs) * SEGMENT_BYTES;
}

bool bri_rate_on_sample(struct bri_rate *r, const struct bri_policy_sample *sample, uint64_t now_ns)
{
	uint64_t age_ns = now_ns - r->from_ns, window = window_ns(sample), bytes;
	uint64_t total = arrived(sample);
	bool whole = r->from_ns && age_ns < 2 * window; /* else nobody looked for a while */

	if (sample->rtt_us)
		r->thin_bps = 2 * WINDOW_SEGMENTS * SEGMENT_BYTES * 8 * UINT64_C(1000000) /
			      sample->rtt_us;
	note_look(r, total, now_ns);
	if (r->from_ns && age_ns < window)
		return false;
	bytes = total > r->from_bytes ? total - r->from_bytes : 0;
	r->from_ns = now_ns;
	r->from_bytes = total;
	if (!whole)
		return false;
	r->before_bps = r->bps;
	if (r->bps > r->top_bps)
		r->top_bps = r->bps;
	r->bps = bytes * 8 * BRI_NS_PER_S / age_ns;
	note_peak(r, now_ns);
	return true;
}

/* The fast one runs at less than it could: it waits for something. An application that sends less
 * than its paths carry looks the same for neither long nor at high rates. */
static bool is_held_back(const struct bri_rate *r, const struct bri_rate *best)
{
	if (best->bps < best->peak_bps / HELD_DEN * HELD_NUM)
		return true;
	return r->poor >= LONG_WINDOWS && best->bps >= BULK_BPS;
}

bool bri_rate_is_harmful(struct bri_rate *r, const struct bri_rate *best)
{
	uint64_t useful_bps = best->peak_bps / USELESS_PART;
	/* it was of use before: slow start anew. Else: faster than ever */
	uint64_t than_bps = r->top_bps >= useful_bps ? r->before_bps : r->top_bps;
	bool grows = !than_bps || r->bps * GROWS_DEN > than_bps * GROWS_NUM;

	/* what carries nothing now says nothing either way: on a path that loses, most windows do
	 */
	if (!r->bps)
		return false;
	if (best->peak_bps < USEFUL_BPS || r->bps >= useful_bps || grows) {
		r->poor = 0;
		return false;
	}
	r->poor++;
	return r->poor >= POOR_WINDOWS && is_held_back(r, best);
}

bool bri_rate_is_known(const struct bri_rate *r)
{
	return r->peak_bps || r->short_bps >= BEGUN_BPS;
}

/* Data has just come over this one, and for long none over the best one. */
static bool is_waited_for(const struct bri_rate *r, const struct bri_rate *best)
{
	return best->still_ns && r->last_ns > best->still_ns + STILL_NS;
}

bool bri_rate_is_narrow(const struct bri_rate *r, const struct bri_rate *best)
{
	uint64_t useful_bps = best->peak_bps / USELESS_PART;

	if (best->peak_bps < KNOWN_BPS || r->fast_bps >= useful_bps || r->peak_bps >= useful_bps)
		return false;
	if (r->seen >= SHAPED_BYTES && r->fast_bps * SHAPED_DEN > r->thin_bps * SHAPED_NUM &&
		r->fast_bps < useful_bps / JITTER_DEN * JITTER_NUM)
		return true;
	if (r->fast_bps && is_waited_for(r, best))
		return true;
	return best->slow && r->seen >= CHANCE_BYTES && r->short_bps && r->short_bps < useful_bps;
}
