/*
 * What a service manager is told, as systemd's sd_notify(3) does it: a datagram to the Unix socket
 * that the environment names. Without one nothing happens. Knows no daemon.
 */
#ifndef BRI_NOTIFY_H
#define BRI_NOTIFY_H

#include "base/base.h"

/*
 * bri_notify(): sends lines of the form NAME=VALUE ("READY=1").
 * Returns 0 (sent, or nobody wants to know), -EINVAL (NOTIFY_SOCKET is no address), or -errno.
 * Context: any thread; does not block.
 */
int bri_notify(const char *state);

/* bri_notify_watchdog_ns(): how often "WATCHDOG=1" is to be sent: half of the time that the manager
 * waits for it; 0: never. */
uint64_t bri_notify_watchdog_ns(void);

#endif
