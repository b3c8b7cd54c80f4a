/*
 * Other path managers of this network namespace: who else listens to the kernel's events. Knows no
 * connections.
 */
#ifndef BRI_RIVALS_H
#define BRI_RIVALS_H

#include "base/base.h"

#define BRI_RIVAL_NAME_MAX 64u

/*
 * bri_rivals_find(): a socket of another process that has joined the group mptcp_pm_events.
 *   ret  out: whose it is, for a person: "mptcpd (process 77)"
 * Returns 1, 0 (none, or this kernel does not tell), or -errno.
 */
int bri_rivals_find(char ret[static BRI_RIVAL_NAME_MAX]);

/*
 * bri_rivals_warn(): says in the log that the kernel's endpoints, made by NetworkManager or by hand
 * (ip-mptcp(8)), do nothing for new connections now, where there are any.
 */
void bri_rivals_warn(void);

#endif
