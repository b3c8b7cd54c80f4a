/*
 * The daemon: carries facts from the kernel to the policy and commands back, on one serial queue.
 * Decides nothing itself.
 */
#ifndef BRI_DAEMON_H
#define BRI_DAEMON_H

#include "policy/policy.h"

struct dispatch_queue_s;
struct bri_daemon;
struct bri_config;

#define BRI_DAEMON_WHY_MAX 256u

struct bri_daemon_options {
	const struct bri_config *config; /* borrowed, until bri_daemon_configure() */
	const char *state_dir;
	const char *socket_path; /* of the control socket; NULL: only an inherited one */
	bool kernel_pm;          /* steer the kernel's path manager */
	bool force;              /* although another path manager seems to be at work */
};

/*
 * bri_daemon_new(): takes the path management of this network namespace.
 *   options  copied; texts borrowed until bri_daemon_free()
 *   why      out, on failure: one line that says what to do
 * Returns 0 or -errno. Context: on the queue.
 */
int bri_daemon_new(struct dispatch_queue_s *queue, const struct bri_daemon_options *options,
	char why[static BRI_DAEMON_WHY_MAX], struct bri_daemon **ret);
/* bri_daemon_configure(): another configuration; borrowed from now on, the old one no more. The
 * socket and kernel_pm are as they were. Context: on the queue. */
void bri_daemon_configure(struct bri_daemon *d, const struct bri_config *config);
/* bri_daemon_free(): puts everything back. NULL is harmless. Context: on the queue. */
void bri_daemon_free(struct bri_daemon *d);

#endif
