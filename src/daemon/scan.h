/*
 * Looks over all MPTCP connections of the namespace: those that exist and are not known (taken
 * over), those that are gone without a word, and those that move data. Keeps its own cost small.
 */
#ifndef BRI_DAEMON_SCAN_H
#define BRI_DAEMON_SCAN_H

#include "daemon/kernel.h"
#include "daemon/network.h"
#include "policy/policy.h"

struct bri_scan;

struct bri_scan_ops {
	void *context;
	/* a connection that the policy does not know; the wish it is to have */
	void (*wish)(
		void *context, const struct bri_nl_diag *connection, struct bri_policy_wish *ret);
	/* it is over: forget it. The policy is told already */
	void (*gone)(void *context, uint32_t token);
};

/* bri_scan_new(): NULL: no memory. The arguments are borrowed for its life. */
struct bri_scan *bri_scan_new(struct bri_kernel *kernel, struct bri_policy *policy,
	const struct bri_network *network, const struct bri_scan_ops *ops);
void bri_scan_free(struct bri_scan *scan);

/* bri_scan_run(): one look over all. Returns 0 or -errno. Blocks for as long as the kernel's dump
 * takes. */
int bri_scan_run(struct bri_scan *scan, uint64_t now_ns);
/* bri_scan_gap_ns(): how long to wait before the next, so that all of them together stay cheap. */
uint64_t bri_scan_gap_ns(const struct bri_scan *scan);

/* bri_scan_may_run(): whether one more look, because somebody asks, is cheap enough after the last.
 */
bool bri_scan_may_run(const struct bri_scan *scan, uint64_t now_ns);

/* What the kernel tells of a connection at the last look. NULL: not seen. */
struct bri_scan_entry {
	uint32_t token;
	uint32_t uid, inode;
	uint64_t moved; /* bytes sent, received and acknowledged, together */
	uint32_t generation;
	bool followed; /* the policy knows it */
	bool foreign;  /* over loopback, or managed by the kernel: left alone */
};
const struct bri_scan_entry *bri_scan_find(const struct bri_scan *scan, uint32_t token);
/* bri_scan_leave(): this connection takes no orders (it is managed by the kernel). */
void bri_scan_leave(struct bri_scan *scan, uint32_t token);
/* bri_scan_next(): the entry of the smallest token above this one; NULL: none. */
const struct bri_scan_entry *bri_scan_next(const struct bri_scan *scan, uint64_t above);

#endif
