/*
 * Is a subflow still alive? Judged from tcp_info samples alone: silence while data is outstanding
 * (sending), or where data used to arrive (receiving), against what the round trip time, its
 * variance and the silences of this interface so far explain. Knows one subflow, and no other.
 */
#ifndef BRI_POLICY_STALL_H
#define BRI_POLICY_STALL_H

#include "policy/policy.h"

/* What is learned of an interface, by all its subflows: how long it is silent without being dead.
 */
struct bri_stall_link {
	uint64_t peak_ns; /* longest silence that ended by itself, halved each minute */
	uint64_t peak_at_ns;
	bool radio; /* cellular: pauses of some 100 ms are its way */
};

enum bri_stall_verdict {
	BRI_STALL_FINE,
	BRI_STALL_SUSPECT, /* silence, but little evidence: ask the path (a join is a probe) */
	BRI_STALL_DEAD,    /* many segments are out and nothing comes back */
};

struct bri_stall {
	uint64_t sampled_ns; /* 0: never */
	/* sending: silence is counted from the last ACK, or from when data became outstanding */
	bool outstanding;
	uint64_t quiet_ns;
	uint64_t many_ns; /* since when many segments are out; BRI_NEVER: few are */
	uint32_t answers; /* samples in which something was newly acknowledged */
	uint64_t acked;
	uint32_t retrans;
	uint64_t lost_ns; /* when something was last sent again; 0: never */
	uint32_t losses;  /* how often, with the age of lost_ns */
	/* receiving */
	uint64_t received;
	uint32_t segs;
	uint64_t data_ns;     /* when data came last */
	uint64_t rx_begin_ns; /* since when it comes steadily; 0: it does not */
	uint64_t rx_gap_ns;   /* longest pause within that, fading */
	uint64_t rx_age_ns;   /* of its last data, at the last look */
	uint64_t rx_hush_ns;  /* no suspicion of receiving before this */
	uint64_t rx_backoff_ns;
	bool rx_expected; /* a stream shall come here that came elsewhere */
	/* as it was last judged */
	uint64_t silence_ns;
	uint64_t
		verdict_ns; /* when this silence, if it lasts, becomes a verdict; BRI_NEVER: none */
	bool moved;         /* something came, or was acknowledged */
	bool active;        /* that, or it has something to send */
};

/*
 * bri_stall_on_sample(): one more look at the subflow.
 *   link   learned silence of its interface; updated
 * Returns the verdict; s->active says whether the subflow has anything to do.
 */
enum bri_stall_verdict bri_stall_on_sample(struct bri_stall *s, struct bri_stall_link *link,
	const struct bri_policy_sample *sample, uint64_t now_ns);

/* bri_stall_is_harmless(): a suspicion of receiving was answered by the path: the pause is the
 * sender's own. Later suspicions come later. */
void bri_stall_is_harmless(struct bri_stall *s, uint64_t now_ns);

/* bri_stall_expect(): a steady stream moves here from a path that was left: silence after at_ns
 * is worth a question. Returns false when this one receives already. */
bool bri_stall_expect(struct bri_stall *s, const struct bri_stall *from, uint64_t at_ns);

/* bri_stall_probe_ns(): how long a live path may take to answer a join. */
uint64_t bri_stall_probe_ns(const struct bri_stall *s, const struct bri_stall_link *link,
	const struct bri_policy_sample *sample, uint64_t now_ns);

/* bri_stall_loss_level(): recent losses, faded by their age: 0 none. */
uint32_t bri_stall_loss_level(const struct bri_stall *s, uint64_t now_ns);

#endif
