/*
 * TCP of one end of a subflow, in segments instead of bytes: the estimators and timers as Linux has
 * them (RFC 6298, 8985), a window with slow start and one reduction per loss, delayed ACKs. It is
 * there for what tcp_info shows; it knows nothing of the connection but the two streams.
 */
#include <stdlib.h>
#include <string.h>
#include "sim_internal.h"

#define WINDOW_MAX 1000u /* segments */
#define SNDBUF     128u  /* segments that are taken whatever the window */
#define RETRIES    15u   /* tcp_retries2 */

static struct sim_segment *at(const struct sim_end *e, uint64_t seq)
{
	return &e->ring[seq % SIM_SEGMENTS];
}

static uint32_t pipe(const struct sim_end *e)
{
	return (uint32_t)(e->nxt - e->una) - e->n_sacked - e->n_lost;
}

/* ---- round trip times ---- */

void sim_end_rtt(struct sim_end *e, uint64_t rtt_ns)
{
	int64_t m = (int64_t)(rtt_ns / BRI_NS_PER_US), min = 200000;

	if (m < 1)
		m = 1;
	if (!e->srtt_us) {
		e->srtt_us = m << 3;
		e->mdev_us = m << 1;
		e->rttvar_us = e->mdev_us > min ? e->mdev_us : min;
		e->mdev_max_us = e->rttvar_us;
		e->rtt_seq = e->nxt;
	} else {
		m -= e->srtt_us >> 3;
		e->srtt_us += m;
		if (m < 0) {
			m = -m - (e->mdev_us >> 2);
			if (m > 0)
				m >>= 3; /* a fall of the RTT is no reason for a longer timeout */
		} else {
			m -= e->mdev_us >> 2;
		}
		e->mdev_us += m;
		if (e->mdev_us > e->mdev_max_us) {
			e->mdev_max_us = e->mdev_us;
			if (e->mdev_max_us > e->rttvar_us)
				e->rttvar_us = e->mdev_max_us;
		}
		if (e->una > e->rtt_seq) {
			if (e->mdev_max_us < e->rttvar_us)
				e->rttvar_us -= (e->rttvar_us - e->mdev_max_us) >> 2;
			e->rtt_seq = e->nxt;
			e->mdev_max_us = min;
		}
	}
	e->rto_ns = (uint64_t)((e->srtt_us >> 3) + e->rttvar_us) * BRI_NS_PER_US;
}

/* ---- sending ---- */

static void fill_acks(struct sim_end *e, struct sim_packet *p)
{
	uint64_t seqs[2] = { e->last_seq, e->highest };

	p->ack = e->rcv_nxt;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t from = seqs[i], to = seqs[i] + 1;

		if (seqs[i] < e->rcv_nxt)
			continue;
		while (from > e->rcv_nxt && e->got[(from - 1) % SIM_SEGMENTS])
			from--;
		while (to < e->rcv_nxt + SIM_SEGMENTS && e->got[to % SIM_SEGMENTS])
			to++;
		p->sack_from[i] = from;
		p->sack_to[i] = to;
	}
	e->ack_pending = 0;
	sim_arm(e->s, &e->delack, BRI_NEVER);
	sim_stream_stamp(&e->s->streams[!e->dir], p);
}

void sim_end_ack_now(struct sim_end *e)
{
	struct sim_packet *p = sim_packet(e->s, e->f, SIM_DATA, e->dir);

	if (e->quick)
		e->quick--;
	fill_acks(e, p);
	sim_send(e->s, p);
}

static void transmit(struct sim_end *e, uint64_t seq, bool again)
{
	struct sim_segment *seg = at(e, seq);
	struct sim_packet *p = sim_packet(e->s, e->f, SIM_DATA, e->dir);

	p->has_seq = true;
	p->seq = seq;
	p->chunk = seg->chunk;
	p->len = seg->len;
	seg->sent_ns = e->s->now_ns;
	if (again) {
		seg->retransmitted = true;
		e->total_retrans++;
	}
	e->bytes_sent += seg->len;
	fill_acks(e, p);
	sim_send(e->s, p);
}

/* arm(): the earlier of the tail loss probe and the timeout; the timeout counts from the oldest
 * segment. */
static void arm(struct sim_end *e)
{
	uint64_t rto = e->rto_ns, when;

	if (e->una == e->nxt) {
		sim_arm(e->s, &e->retransmit, BRI_NEVER);
		return;
	}
	for (unsigned i = 0; i < e->retransmits && rto < SIM_RTO_MAX_NS; i++)
		rto *= 2;
	when = at(e, e->una)->sent_ns + bri_min_u64(rto, SIM_RTO_MAX_NS);
	if (!e->probed && !e->recovery && !e->retransmits && !e->n_sacked) {
		uint64_t pto = (uint64_t)(e->srtt_us >> 2) * BRI_NS_PER_US;

		pto += e->nxt - e->una == 1 ? SIM_RTO_MIN_NS : 2 * SIM_JIFFY_NS;
		when = bri_min_u64(when, at(e, e->nxt - 1)->sent_ns + pto);
	}
	sim_arm(e->s, &e->retransmit, when);
}

void sim_end_output(struct sim_end *e)
{
	bool sent = false;

	if (!e->open || !e->usable)
		return;
	for (uint64_t q = e->una; e->n_lost && q < e->nxt && pipe(e) < e->cwnd; q++) {
		if (!at(e, q)->lost)
			continue;
		at(e, q)->lost = false;
		e->n_lost--;
		transmit(e, q, true);
		sent = true;
	}
	while (e->nxt < e->end && pipe(e) < e->cwnd) {
		transmit(e, e->nxt++, false);
		sent = true;
	}
	if (sent)
		arm(e);
}

uint32_t sim_end_room(const struct sim_end *e)
{
	uint64_t queued = e->end - e->una;
	uint64_t most = 2 * e->cwnd > SNDBUF ? bri_min_u64(2 * e->cwnd, SIM_SEGMENTS - 1) : SNDBUF;

	return queued < most ? (uint32_t)(most - queued) : 0;
}

/* sim_end_queued(): how long what is queued takes, as the scheduler reckons. */
uint64_t sim_end_queued(const struct sim_end *e)
{
	return (e->end - e->una) * (uint64_t)(e->srtt_us ? e->srtt_us : 8) / e->cwnd;
}

void sim_end_queue(struct sim_end *e, uint64_t chunk, uint16_t len)
{
	*at(e, e->end++) = (struct sim_segment) { .chunk = chunk, .len = len };
}

static void shrink(struct sim_end *e, bool timeout)
{
	uint32_t in_use = pipe(e) > e->cwnd / 2 ? e->cwnd : e->cwnd / 2 + 1;

	e->undo_cwnd = e->cwnd;
	e->ssthresh = in_use * 7 / 10 > 2 ? in_use * 7 / 10 : 2;
	e->cwnd = timeout ? 1 : e->ssthresh;
	e->grown = 0;
	e->recovery = e->nxt;
}

/* reinject(): where the path seems dead, the connection sends what was on it on another one. */
static void reinject(struct sim_end *e, uint64_t most)
{
	for (uint64_t q = e->una; q < e->end && most--; q++)
		sim_stream_again(&e->s->streams[e->dir], at(e, q)->chunk);
}

static void on_retransmit(struct sim *s, void *arg, uint64_t tag)
{
	struct sim_end *e = arg;
	uint64_t rto = e->rto_ns << (e->retransmits < 9 ? e->retransmits : 9);

	(void)tag;
	if (!e->open || e->una == e->nxt)
		return;
	if (s->now_ns < at(e, e->una)->sent_ns + bri_min_u64(rto, SIM_RTO_MAX_NS)) {
		if (e->probed || e->recovery || e->retransmits || e->n_sacked) {
			arm(e); /* the oldest was sent again in the meantime */
			return;
		}
		e->probed = true;
		transmit(e, e->nxt - 1, true);
		arm(e);
		return;
	}
	if (e->retransmits++ >= RETRIES) {
		sim_subflow_close(s, e->f, 110, 0);
		return;
	}
	if (e->retransmits == 1)
		shrink(e, true);
	e->recovery = e->nxt;
	e->cwnd = 1;
	for (uint64_t q = e->una; q < e->nxt; q++) {
		if (!at(e, q)->sacked && !at(e, q)->lost) {
			at(e, q)->lost = true;
			e->n_lost++;
		}
	}
	sim_end_output(e);
	arm(e);
	/* RFC 8684 leaves it to the sender; Linux: one chunk per timeout, all when it finds it
	 * stale */
	if (e->retransmits >= 2 && !e->stale && sim_other_lives(s, e, true)) {
		e->stale = true;
		reinject(e, SIM_SEGMENTS);
	} else if (sim_other_lives(s, e, false)) {
		reinject(e, 1);
	}
	sim_stream_output(&s->streams[e->dir]);
}

/* ---- acknowledgements ---- */

struct newly {
	uint32_t segments;
	uint64_t first_ns, rack_ns;
	bool again, original;
};

static void delivered(struct sim_end *e, struct sim_segment *seg, struct newly *n)
{
	if (seg->lost) {
		seg->lost = false;
		e->n_lost--;
	}
	n->segments++;
	if (seg->retransmitted)
		n->again = true;
	else
		n->original = true;
	if (!seg->retransmitted && seg->sent_ns < n->first_ns)
		n->first_ns = seg->sent_ns;
	if (seg->sent_ns > n->rack_ns)
		n->rack_ns = seg->sent_ns;
}

static struct newly take_acks(struct sim_end *e, const struct sim_packet *p)
{
	struct newly n = { .first_ns = BRI_NEVER };

	for (; e->una < p->ack && e->una < e->nxt; e->una++) {
		struct sim_segment *seg = at(e, e->una);

		e->bytes_acked += seg->len; /* as Linux: what is acknowledged in order */
		if (seg->sacked)
			e->n_sacked--;
		else
			delivered(e, seg, &n);
	}
	for (unsigned i = 0; i < 2; i++) {
		uint64_t from = p->sack_from[i] > e->una ? p->sack_from[i] : e->una;

		for (uint64_t q = from; q < p->sack_to[i] && q < e->nxt; q++) {
			if (at(e, q)->sacked)
				continue;
			delivered(e, at(e, q), &n);
			at(e, q)->sacked = true;
			e->n_sacked++;
		}
	}
	return n;
}

/* What was sent before something that has arrived is lost: frames do not overtake here (RFC 8985).
 */
static void find_losses(struct sim_end *e)
{
	bool any = false;

	for (uint64_t q = e->una; e->n_sacked && q < e->nxt; q++) {
		struct sim_segment *seg = at(e, q);

		if (seg->sacked || seg->lost || seg->sent_ns >= e->rack_ns)
			continue;
		seg->lost = true;
		e->n_lost++;
		any = true;
	}
	if (any && !e->recovery)
		shrink(e, false);
}

static void grow(struct sim_end *e, uint32_t segments)
{
	if (e->recovery || pipe(e) + segments + 1 < e->cwnd)
		return; /* not limited by the window */
	if (e->cwnd < e->ssthresh) {
		e->cwnd += segments;
	} else if ((e->grown += segments) >= e->cwnd) {
		e->grown = 0;
		e->cwnd++;
	}
	if (e->cwnd > WINDOW_MAX)
		e->cwnd = WINDOW_MAX;
}

static void on_ack(struct sim_end *e, const struct sim_packet *p)
{
	uint64_t una = e->una;
	struct newly n = take_acks(e, p);

	e->last_ack_ns = e->s->now_ns;
	if (e->una == una && !n.segments)
		return;
	if (!n.again && n.first_ns != BRI_NEVER)
		sim_end_rtt(e, e->s->now_ns - n.first_ns);
	if (n.rack_ns > e->rack_ns)
		e->rack_ns = n.rack_ns;
	if (e->retransmits && n.original && e->cwnd < e->undo_cwnd) {
		e->cwnd = e->undo_cwnd; /* the timeout was a mistake (RFC 5682) */
		e->recovery = 0;
	}
	if (e->una > una) {
		e->retransmits = 0;
		e->probed = false;
	}
	find_losses(e);
	if (e->recovery && e->una >= e->recovery)
		e->recovery = 0;
	grow(e, n.segments);
	arm(e);
	sim_end_output(e);
	sim_stream_output(&e->s->streams[e->dir]);
}

/* ---- receiving ---- */

static void on_delack(struct sim *s, void *arg, uint64_t tag)
{
	struct sim_end *e = arg;

	(void)s;
	(void)tag;
	if (e->open && e->ack_pending)
		sim_end_ack_now(e);
}

static void on_data(struct sim_end *e, const struct sim_packet *p)
{
	bool in_order = p->seq == e->rcv_nxt;

	e->data_segs++;
	if (p->seq < e->rcv_nxt || e->got[p->seq % SIM_SEGMENTS]) {
		sim_end_ack_now(e);
		return;
	}
	e->got[p->seq % SIM_SEGMENTS] = 1;
	e->last_seq = p->seq;
	if (p->seq > e->highest)
		e->highest = p->seq;
	/* Linux counts neither bytes nor the time of what came out of order */
	if (in_order) {
		e->last_data_ns = e->s->now_ns;
		e->bytes_received += p->len;
	}
	for (bool first = true; e->got[e->rcv_nxt % SIM_SEGMENTS]; first = false) {
		e->bytes_received += first ? 0 : SIM_MSS;
		e->got[e->rcv_nxt++ % SIM_SEGMENTS] = 0;
	}
	e->ack_pending++;
	sim_stream_received(&e->s->streams[p->dir], p->chunk);
	if (!e->open || !e->ack_pending)
		return; /* the answer has carried it */
	if (!in_order || e->highest >= e->rcv_nxt || e->ack_pending >= 2 || e->quick)
		sim_end_ack_now(e);
	else
		sim_arm(e->s, &e->delack, e->s->now_ns + SIM_DELACK_NS);
}

void sim_end_input(struct sim_end *e, const struct sim_packet *p)
{
	if (!e->open)
		return;
	e->stale = false;
	sim_stream_acked(&e->s->streams[e->dir], p->data_ack, p->window_end);
	on_ack(e, p);
	if (e->open && p->has_seq)
		on_data(e, p);
	else if (e->open && p->kind == SIM_WINDOW_PROBE)
		sim_end_ack_now(e);
}

void sim_end_init(struct sim *s, struct sim_subflow *f, uint8_t dir)
{
	struct sim_end *e = &f->ends[dir];

	*e = (struct sim_end) { .s = s, .f = f, .dir = dir, .open = true };
	e->ring = sim_alloc(SIM_SEGMENTS, sizeof(*e->ring));
	e->got = sim_alloc(SIM_SEGMENTS, 1);
	e->cwnd = 10;
	e->ssthresh = UINT32_MAX;
	e->rto_ns = SIM_S;
	e->quick = 16;
	e->last_ack_ns = e->last_data_ns = s->now_ns;
	e->retransmit = (struct sim_timer) { BRI_NEVER, BRI_NEVER, on_retransmit, e };
	e->delack = (struct sim_timer) { BRI_NEVER, BRI_NEVER, on_delack, e };
}

void sim_end_fini(struct sim_end *e)
{
	free(e->ring);
	free(e->got);
	e->ring = NULL;
	e->got = NULL;
}

void sim_end_close(struct sim_end *e)
{
	if (!e->open)
		return;
	e->open = false;
	sim_arm(e->s, &e->retransmit, BRI_NEVER);
	sim_arm(e->s, &e->delack, BRI_NEVER);
	reinject(e, SIM_SEGMENTS);
	sim_end_fini(e);
	sim_stream_output(&e->s->streams[e->dir]);
}
