/* What is looked at before the daemon takes anything. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "daemon/daemon_internal.h"
#include "daemon/rivals.h"

/*
 * What a killed daemon of ours has left is put back already: a manager that is "userspace" now is
 * somebody else's, and who listens to the events does its work. With the kernel's manager a
 * listener is no rival (`ip mptcp monitor`).
 */
int bri_daemon_refuse_rivals(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX])
{
	char name[BRI_RIVAL_NAME_MAX];
	int r;

	if (!bri_settings_is_userspace_pm())
		return 0;
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
