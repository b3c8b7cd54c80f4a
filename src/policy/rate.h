/*
 * How fast a subflow carries data, and whether beside a faster one it does more harm than good: its
 * bytes are waited for, receive buffers fill meanwhile, and the fast one stands still. Both ways
 * together, from tcp_info samples alone. Knows no paths.
 */
#ifndef BRI_POLICY_RATE_H
#define BRI_POLICY_RATE_H

#include "policy/policy.h"

struct bri_rate {
	uint64_t from_ns;         /* of the window that is measured; 0: none yet */
	uint64_t from_bytes;      /* all bytes by then */
	uint64_t bps, before_bps; /* of the last whole window, and of the one before it */
	uint64_t top_bps;         /* highest of those before the last */
	uint64_t peak_bps;        /* highest ever, halved each few seconds */
	uint64_t peak_ns;
	uint32_t poor;          /* windows in a row that were judged so */
	uint64_t look_ns, seen; /* the last look, and all that had arrived by then, in bytes */
	/* a train: data that arrived, or was acknowledged, look after look */
	uint64_t train_ns; /* the look before its first byte; 0: none */
	uint64_t train_bytes;
	uint64_t last_ns;  /* its last look with bytes */
	uint64_t fast_bps; /* of the fastest train; 0: none was long enough */
	uint64_t done_bps; /* the same without the present one */
	uint64_t thin_bps; /* as fast a sender may hand out its first window */
	/* short windows */
	uint64_t short_ns, short_bytes;
	uint64_t short_bps; /* of the last whole one */
	bool slow;          /* that was below half of the peak */
	uint64_t still_ns;  /* since when next to nothing comes; 0: it does */
};

/* bri_rate_is_known(): enough to compare others with it. */
bool bri_rate_is_known(const struct bri_rate *r);

/* bri_rate_on_sample(): returns true when a window has ended: then it is time to judge. */
bool bri_rate_on_sample(
	struct bri_rate *r, const struct bri_policy_sample *sample, uint64_t now_ns);

/*
 * bri_rate_is_harmful(): to be asked once a window.
 *   best  of the fastest subflow
 * True: it has carried next to nothing beside `best` for some windows, and it does not get faster.
 */
bool bri_rate_is_harmful(struct bri_rate *r, const struct bri_rate *best);

/*
 * bri_rate_is_narrow(): what the bottleneck lets through shows early: on a path that is fast,
 * however far, a window of segments arrives at once, on a slow one drawn out.
 * True: it can carry next to nothing beside `best`, and `best` stands still while it does.
 */
bool bri_rate_is_narrow(const struct bri_rate *r, const struct bri_rate *best);

#endif
