/*
 * Steers the kernel's own path manager: by its endpoints (ip-mptcp(8)), which hold for all its
 * connections of the namespace. Takes endpoints away at the moment an address is lost, which closes
 * the subflows from it, and gives them back; the kernel itself reacts to nothing of the kind. Knows
 * no connections, and decides no service.
 */
#ifndef BRI_KERNEL_PM_H
#define BRI_KERNEL_PM_H

#include "daemon/state.h"
#include "policy/policy.h"

struct bri_kernel_pm;

enum bri_kernel_pm_mode {
	/* Other connections are managed by the daemon: only those that began before it, by the
	 * endpoints that somebody else made. */
	BRI_KERNEL_PM_GUARD,
	/* Endpoints of ours for all usable addresses, and room for them in the limits. */
	BRI_KERNEL_PM_STEER,
};

/*
 * bri_kernel_pm_open(): goes on with what a killed daemon has left, as far as it is of this mode,
 * and puts the rest back: to take away what is wanted again would close subflows. state  where it
 * is noted what to put back; borrowed until close Returns 0, -ENOENT (no MPTCP in this kernel) or
 * -errno.
 */
int bri_kernel_pm_open(
	struct bri_state *state, enum bri_kernel_pm_mode mode, struct bri_kernel_pm **ret);
/* bri_kernel_pm_close(): puts everything back. NULL is harmless. */
void bri_kernel_pm_close(struct bri_kernel_pm *k);

/*
 * bri_kernel_pm_update(): the addresses as they are now.
 *   service  STEER: handover and interactive have one path that is no backup, aggregate has no
 *            backup, none has no endpoints
 */
void bri_kernel_pm_update(struct bri_kernel_pm *k, const struct bri_policy_address *addresses,
	size_t n, enum bri_service service);

#endif
