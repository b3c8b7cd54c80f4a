/* What is looked at before the daemon takes anything, and what besides the policy is told of
 * changes of the network. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_internal.h"
#include "daemon/rivals.h"

/*
 * A manager that is "userspace", and not because a daemon of ours was killed, is somebody else's,
 * and who listens to the events does its work. With the kernel's manager a listener is no rival
 * (`ip mptcp monitor`).
 */
int bri_daemon_refuse_rivals(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX])
{
	char name[BRI_RIVAL_NAME_MAX];
	int r;

	if (!bri_settings_is_userspace_pm() || bri_settings_is_left(d->settings))
		return 0; /* also where there is no such setting */
	r = bri_rivals_find(name);
	if (r < 0)
		return r;
	if (r == 0) {
		bri_warn("net.mptcp.path_manager is userspace already, and nobody serves it; it "
			 "will "
			 "be so again when braidd stops");
		return 0;
	}
	if (d->options.force) {
		bri_warn("%s seems to manage paths here as well", name);
		return 0;
	}
	snprintf(why, BRI_DAEMON_WHY_MAX,
		"%s manages paths here (net.mptcp.path_manager is userspace, and it listens): "
		"stop it, or start with --force",
		name);
	return -EBUSY;
}

static int fail(char why[static BRI_DAEMON_WHY_MAX], int r, const char *what)
{
	snprintf(why, BRI_DAEMON_WHY_MAX, "%s: %s", what, strerror(-r));
	return r;
}

int bri_daemon_open_helpers(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX])
{
	int r = bri_routing_open(&d->routing);

	if (r < 0)
		return fail(why, r, "routing");
	r = bri_kernel_pm_open(d->state,
		d->steers_kernel ? BRI_KERNEL_PM_STEER : BRI_KERNEL_PM_GUARD, &d->kernel_pm);
	if (r == -ENOENT)
		return fail(why, r, "this kernel has no Multipath TCP path manager");
	if (r < 0)
		return fail(why, r, "the kernel's endpoints and limits");
	if (d->steers_kernel)
		return 0;
	bri_rivals_warn();
	r = bri_announcer_new(d->queue, &d->announcer);
	return r < 0 ? fail(why, r, "announcements") : 0;
}

void bri_daemon_close_helpers(struct bri_daemon *d)
{
	bri_announcer_free(d->announcer);
	bri_kernel_pm_close(d->kernel_pm);
	bri_routing_close(d->routing);
}

void bri_daemon_update_routing(struct bri_daemon *d)
{
	struct bri_policy_address list[BRI_POLICY_ADDRESSES_MAX];
	size_t n = bri_network_addresses(d->network, list);

	bri_routing_update(d->routing, d->options.config->source_routing,
		bri_network_state(d->network), list, n);
}

void bri_daemon_update_endpoints(struct bri_daemon *d)
{
	struct bri_policy_address list[BRI_POLICY_ADDRESSES_MAX];
	size_t n = bri_network_addresses(d->network, list);

	bri_kernel_pm_update(
		d->kernel_pm, list, n, (enum bri_service)d->options.config->default_service);
}

void bri_daemon_missing(const struct bri_daemon *d, char ret[static BRI_MESSAGE_LONG_MAX])
{
	const char *advice = bri_routing_advice(d->routing);
	const char *kernel = "";

	if (d->steers_kernel)
		kernel = "services of single connections (the default service holds for all), and "
			 "noticing that a path is silent: the kernel's path manager is steered, "
			 "which reacts to lost links and addresses only";
	snprintf(ret, BRI_MESSAGE_LONG_MAX, "%s%s%s", kernel, *kernel && *advice ? "; " : "",
		advice);
}
