/* See rate.h. All numbers that decide are the constants here, each with its reason. */
#include "policy/rate.h"

/* Short, since harm is done at once; and not shorter than a round trip, in which slow start doubles
 * the rate. */
#define WINDOW_NS  (200 * BRI_NS_PER_MS)
#define WINDOW_NUM 5u
#define WINDOW_DEN 4u
/* Less than one part in so many of the best one is not worth any waiting. */
#define USELESS_PART 18u
/* What grows by a quarter in a window is in slow start, and may become useful. */
#define GROWS_NUM    5u
#define GROWS_DEN    4u
#define POOR_WINDOWS 2u
#define HELD_NUM     4u
#define HELD_DEN     5u
/* Even at full speed: what moves so much for so long takes what it can get, and gains nothing here.
 */
#define LONG_WINDOWS 8u
#define BULK_BPS     20000000u
/* The best one carries less: the application has little to send, nothing is judged. */
#define USEFUL_BPS 1000000u
#define PEAK_NS    (4 * BRI_NS_PER_S)

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

bool bri_rate_on_sample(struct bri_rate *r, const struct bri_policy_sample *sample, uint64_t now_ns)
{
	uint64_t age_ns = now_ns - r->from_ns, window = window_ns(sample), bytes;
	bool whole = r->from_ns && age_ns < 2 * window; /* else nobody looked for a while */

	if (r->from_ns && age_ns < window)
		return false;
	bytes = sample->bytes_acked - r->acked + sample->bytes_received - r->received;
	r->from_ns = now_ns;
	r->acked = sample->bytes_acked;
	r->received = sample->bytes_received;
	if (!whole)
		return false;
	r->before_bps = r->bps;
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
	bool grows = !r->before_bps || r->bps * GROWS_DEN > r->before_bps * GROWS_NUM;

	/* what carries nothing now says nothing either way: on a path that loses, most windows do
	 */
	if (!r->bps)
		return false;
	if (best->peak_bps < USEFUL_BPS || r->bps >= best->peak_bps / USELESS_PART || grows) {
		r->poor = 0;
		return false;
	}
	r->poor++;
	return r->poor >= POOR_WINDOWS && is_held_back(r, best);
}
