/* The daemon's state, for daemon.c (what goes in and out of the kernel) and answers.c (what clients
 * of the control socket ask). Everything on one serial queue. */
#ifndef BRI_DAEMON_INTERNAL_H
#define BRI_DAEMON_INTERNAL_H

#include "daemon/config.h"
#include "daemon/announce.h"
#include "daemon/control_server.h"
#include "daemon/daemon.h"
#include "daemon/kernel.h"
#include "daemon/kernel_pm.h"
#include "daemon/network.h"
#include "daemon/owners.h"
#include "daemon/pending.h"
#include "daemon/programs.h"
#include "daemon/routing.h"
#include "daemon/scan.h"
#include "daemon/settings.h"
#include "daemon/state.h"

struct bri_daemon {
	struct dispatch_queue_s *queue;
	struct bri_daemon_options options;
	uint64_t started_ns;
	struct bri_state *state;
	struct bri_settings *settings;
	struct bri_kernel *kernel;
	struct bri_network *network;
	struct bri_policy *policy;
	struct bri_scan *scan;
	struct bri_watch *events;
	struct bri_timer *timer, *scan_timer;
	bool has_unseen; /* connections were established that no scan has seen yet */
	struct bri_owners owners;
	struct bri_pending pending; /* wishes for connections that have no owner yet */
	struct bri_programs *programs;
	struct bri_routing *routing;
	struct bri_announcer *announcer; /* NULL: the kernel announces */
	struct bri_kernel_pm *kernel_pm;
	bool steers_kernel; /* kernel, scan, programs and announcer are NULL */
	struct bri_control_server *control;
	/* for metrics */
	uint64_t n_orders, n_refused, n_samples, n_scans;
	uint64_t n_news[BRI_POLICY_NEWS_N];
};

/* bri_daemon_pump(): after anything was told to the policy: commands, news, the next timer. */
void bri_daemon_pump(struct bri_daemon *d);

/* bri_daemon_learn(): the entry of an established connection; made, with what is configured and
 * what was said before, if it is not known. NULL: no memory. */
struct bri_owner *bri_daemon_learn(struct bri_daemon *d, const struct bri_nl_diag *connection);

/* bri_daemon_see_new(): looks over all connections now, where some were established since the last
 * look; not if it costs too much. */
void bri_daemon_see_new(struct bri_daemon *d);

/* bri_daemon_on_network(): links, addresses, routes or what is configured of them have changed. */
void bri_daemon_on_network(void *context);

/* starting.c */
/* bri_daemon_refuse_rivals(): where another path manager seems to be at work. Returns 0, -EBUSY and
 * why, or -errno. */
int bri_daemon_refuse_rivals(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX]);

/* bri_daemon_open_helpers(): what network changes are told to, besides the policy. */
int bri_daemon_open_helpers(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX]);
void bri_daemon_close_helpers(struct bri_daemon *d);
void bri_daemon_update_routing(struct bri_daemon *d);
void bri_daemon_update_endpoints(struct bri_daemon *d);
/* bri_daemon_missing(): what is not to be had here, and what that costs, for a person. */
void bri_daemon_missing(const struct bri_daemon *d, char ret[static BRI_MESSAGE_LONG_MAX]);

/* configure.c */
/* bri_daemon_configured_wish(): what a connection shall have that nobody knew yet. */
void bri_daemon_configured_wish(
	struct bri_daemon *d, const struct bri_nl_diag *connection, struct bri_owner *owner);
void bri_daemon_on_program(void *context, uint32_t token, const struct bri_program *program);

/* wishes.c: see struct bri_control_ops */
int bri_daemon_claim(void *context, const struct bri_control_who *who,
	const struct bri_message_claim *claim, char why[static BRI_MESSAGE_TEXT_MAX]);
void bri_daemon_release(void *context, uint32_t token);
int bri_daemon_set(void *context, const struct bri_control_who *who,
	const struct bri_message_set *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count);
int bri_daemon_set_socket(void *context, const struct bri_control_who *who,
	const struct bri_message_set_socket *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count);
/* bri_daemon_waiting_wishes(): what was said of the connection before it was established. */
void bri_daemon_waiting_wishes(
	struct bri_daemon *d, const struct bri_nl_diag *connection, struct bri_owner *owner);

/* bri_answers(): what the control server asks. */
struct bri_control_ops bri_answers(struct bri_daemon *d);

#endif
