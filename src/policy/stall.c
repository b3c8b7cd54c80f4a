/* See stall.h. All numbers that decide are the constants here, each with its reason. */
#include "policy/stall.h"

#define MS BRI_NS_PER_MS

/* Clock ticks of the kernel, wake-ups, and a queue that grows a little. */
#define SLACK_NS (15 * MS)
/* A lone segment may be acknowledged late: RFC 9293 allows 500 ms, Linux takes 40. */
#define DELAYED_ACK_NS (40 * MS)
/* With fewer segments out, one lost segment looks like a dead path. */
#define FEW_SEGMENTS 3u
/* Not even a path that loses loses so many in a row. */
#define LOTS_SEGMENTS 10u
/* After so many answers the estimators are of this path, not of its first handshake. */
#define KNOWN_ANSWERS 16u
/* Radio resource control and handovers of cellular networks pause for 100 to 200 ms. */
#define RADIO_NS     (150 * MS)
#define PEAK_MAX_NS  (1000 * MS) /* one freak silence must not blind us */
#define PEAK_HALF_NS (60 * BRI_NS_PER_S)
/* Samples further apart than this do not tell when something happened between them. */
#define STALE_NS (250 * MS)

/* Data that comes for so long without a pause is a stream, whose end is worth a question. */
#define RX_STEADY_NS   (200 * MS)
#define RX_PAUSE_NS    (150 * MS) /* a longer one ends it */
#define RX_SLACK_NS    (20 * MS)
#define RX_HUSH_NS     (500 * MS)
#define RX_HUSH_MAX_NS (30 * BRI_NS_PER_S)

#define LOSS_FADE_NS (15 * BRI_NS_PER_S)

static uint64_t ago(uint64_t now_ns, uint32_t ms)
{
	uint64_t ns = ms * MS;

	return now_ns > ns ? now_ns - ns : 0;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t us_to_ns(uint32_t us)
{
	return us * BRI_NS_PER_US;
}

static uint64_t peak(const struct bri_stall_link *link, uint64_t now_ns)
{
	uint64_t age = now_ns - link->peak_at_ns;

	/* beyond some minutes nothing is left; shifts stay below the width */
	return age / PEAK_HALF_NS > 10 ? 0 : link->peak_ns >> (age / PEAK_HALF_NS);
}

static void learn(struct bri_stall_link *link, uint64_t silence_ns, uint64_t now_ns)
{
	silence_ns = bri_min_u64(silence_ns, PEAK_MAX_NS);
	if (silence_ns <= peak(link, now_ns))
		return;
	link->peak_ns = silence_ns;
	link->peak_at_ns = now_ns;
}

/* How long this subflow may be silent with data outstanding. */
static uint64_t patience(
	const struct bri_stall_link *link, const struct bri_policy_sample *sample, uint64_t now_ns)
{
	uint64_t ns = us_to_ns(sample->rtt_us) + 4 * us_to_ns(sample->rttvar_us) + SLACK_NS;
	uint64_t known = peak(link, now_ns);

	if (link->radio)
		ns += RADIO_NS;
	return max_u64(ns, known + known / 2);
}

static void note_loss(struct bri_stall *s, const struct bri_policy_sample *sample, uint64_t now_ns)
{
	if (s->sampled_ns && sample->total_retrans > s->retrans) {
		s->losses = bri_stall_loss_level(s, now_ns) + (sample->total_retrans - s->retrans);
		s->lost_ns = now_ns;
	}
	s->retrans = sample->total_retrans;
}

static enum bri_stall_verdict judge_sending(struct bri_stall *s, struct bri_stall_link *link,
	const struct bri_policy_sample *sample, uint64_t now_ns)
{
	uint64_t ack_ns = ago(now_ns, sample->last_ack_ms);
	bool out = sample->unacked > 0;
	bool resumed = !s->sampled_ns || now_ns - s->sampled_ns > STALE_NS;
	bool many = sample->unacked >= FEW_SEGMENTS;
	uint64_t limit_ns, few_at_ns, many_at_ns;

	if (!out || !s->outstanding || resumed) {
		/*
		 * Nothing was out when we looked last, or we did not look: silence begins now. The
		 * last ACK may be minutes old, and means nothing (the classic false alarm).
		 */
		s->quiet_ns = now_ns;
	} else if (sample->bytes_acked != s->acked || ack_ns > s->quiet_ns) {
		ack_ns = max_u64(ack_ns, s->quiet_ns);
		learn(link, ack_ns - s->quiet_ns, now_ns);
		s->quiet_ns = ack_ns;
	}
	if (sample->bytes_acked != s->acked)
		s->answers++;
	if (!many || resumed)
		s->many_ns = many ? now_ns : BRI_NEVER;
	else if (s->many_ns == BRI_NEVER)
		s->many_ns = now_ns;
	s->outstanding = out;
	s->acked = sample->bytes_acked;
	s->silence_ns = out ? now_ns - s->quiet_ns : 0;
	if (!out)
		return BRI_STALL_FINE;
	limit_ns = patience(link, sample, now_ns);
	/* a lone segment's delayed ACK may still be due when others have just followed it */
	few_at_ns = s->quiet_ns + limit_ns + DELAYED_ACK_NS;
	many_at_ns = many ? max_u64(s->many_ns, s->quiet_ns) + limit_ns : BRI_NEVER;
	if (now_ns <= few_at_ns && now_ns <= many_at_ns) {
		s->verdict_ns = bri_min_u64(few_at_ns, many_at_ns) + 1;
		return BRI_STALL_FINE;
	}
	/*
	 * On a path that loses, silence may be one retransmission that was lost too (no tail loss
	 * probe in recovery); on a new one, round trip times are not known yet: ask.
	 */
	if (now_ns <= many_at_ns || s->answers < KNOWN_ANSWERS ||
		(bri_stall_loss_level(s, now_ns) && sample->unacked < LOTS_SEGMENTS))
		return BRI_STALL_SUSPECT;
	return BRI_STALL_DEAD;
}

static enum bri_stall_verdict judge_receiving(
	struct bri_stall *s, const struct bri_policy_sample *sample, uint64_t now_ns)
{
	uint64_t data_ns = ago(now_ns, sample->last_data_recv_ms), limit_ns, age_ns;
	bool grew = s->sampled_ns && sample->bytes_received > s->received;
	bool came = s->sampled_ns && sample->data_segs != s->segs;

	s->received = sample->bytes_received;
	s->segs = sample->data_segs;
	if (grew || came) {
		/* after a loss segments come all the time, and count as bytes a round trip later */
		data_ns = grew ? max_u64(data_ns, s->data_ns) : now_ns;
		if (!s->rx_begin_ns || data_ns - s->data_ns > RX_PAUSE_NS) {
			s->rx_begin_ns = data_ns;
			s->rx_gap_ns = s->rx_age_ns = 0;
		}
		/* a silence teaches when it is over; fades in some tens of looks: an old pause must
		 * not dull us */
		s->rx_gap_ns = max_u64(s->rx_age_ns, s->rx_gap_ns - s->rx_gap_ns / 32);
		s->data_ns = data_ns;
		s->rx_expected = false;
	}
	s->rx_age_ns = now_ns > s->data_ns ? now_ns - s->data_ns : 0;
	if (!s->rx_begin_ns)
		return BRI_STALL_FINE;
	age_ns = s->rx_age_ns;
	if (age_ns > RX_PAUSE_NS * 4) {
		s->rx_begin_ns = 0; /* long over */
		return BRI_STALL_FINE;
	}
	limit_ns = bri_min_u64(2 * s->rx_gap_ns, RX_PAUSE_NS) + RX_SLACK_NS;
	if (age_ns <= limit_ns) {
		if (s->data_ns + limit_ns >= s->rx_hush_ns)
			s->verdict_ns = bri_min_u64(s->verdict_ns, s->data_ns + limit_ns + 1);
		return BRI_STALL_FINE;
	}
	if (s->data_ns - s->rx_begin_ns < RX_STEADY_NS || now_ns < s->rx_hush_ns)
		return BRI_STALL_FINE;
	return BRI_STALL_SUSPECT;
}

enum bri_stall_verdict bri_stall_on_sample(struct bri_stall *s, struct bri_stall_link *link,
	const struct bri_policy_sample *sample, uint64_t now_ns)
{
	uint64_t received = s->received, sent = s->acked;
	uint32_t segs = s->segs;
	enum bri_stall_verdict sending, receiving;

	note_loss(s, sample, now_ns);
	s->verdict_ns = BRI_NEVER;
	sending = judge_sending(s, link, sample, now_ns);
	receiving = judge_receiving(s, sample, now_ns);
	/* what moved before the first look may be long ago */
	s->moved =
		s->sampled_ns && (s->received != received || s->segs != segs || s->acked != sent);
	s->active = sample->unacked || sample->notsent_bytes || s->moved;
	s->sampled_ns = now_ns;
	return sending > receiving ? sending : receiving;
}

void bri_stall_is_harmless(struct bri_stall *s, uint64_t now_ns)
{
	if (s->outstanding)
		s->quiet_ns = now_ns; /* the path has just answered */
	/* a program that pauses often is asked less and less often */
	if (now_ns > s->rx_hush_ns + RX_HUSH_MAX_NS)
		s->rx_backoff_ns = 0;
	s->rx_backoff_ns =
		s->rx_backoff_ns ? bri_min_u64(s->rx_backoff_ns * 2, RX_HUSH_MAX_NS) : RX_HUSH_NS;
	s->rx_hush_ns = now_ns + s->rx_backoff_ns;
}

bool bri_stall_expect(struct bri_stall *s, const struct bri_stall *from, uint64_t at_ns)
{
	if (!from->rx_begin_ns || s->rx_begin_ns)
		return false;
	s->rx_begin_ns = at_ns - RX_STEADY_NS;
	s->data_ns = at_ns;
	s->rx_gap_ns = from->rx_gap_ns;
	s->rx_age_ns = 0;
	s->rx_expected = true;
	return true;
}

uint64_t bri_stall_probe_ns(const struct bri_stall *s, const struct bri_stall_link *link,
	const struct bri_policy_sample *sample, uint64_t now_ns)
{
	uint64_t rtt_ns = us_to_ns(sample->rtt_us), var_ns = us_to_ns(sample->rttvar_us);
	uint64_t known = peak(link, now_ns), ns;

	/* who only receives has measured one round trip, and its variance is a guess: RFC
	 * 6298, 2.2. How evenly data came tells more. */
	if (!s->outstanding)
		var_ns = bri_min_u64(var_ns, rtt_ns / 8 + s->rx_gap_ns / 2);
	/* a join waits in the same queues, and for the same radio, as data */
	ns = rtt_ns + 4 * var_ns + SLACK_NS + (link->radio ? RADIO_NS : 0);
	return max_u64(ns, known + known / 2);
}

uint32_t bri_stall_loss_level(const struct bri_stall *s, uint64_t now_ns)
{
	uint64_t age = now_ns - s->lost_ns;

	if (!s->lost_ns || age > 8 * LOSS_FADE_NS)
		return 0;
	return s->losses >> (age / LOSS_FADE_NS);
}
