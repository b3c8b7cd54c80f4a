/* See daemon.h. Every input ends in pump(): commands until there are none, news, the next timer. */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/kernel.h"
#include "daemon/network.h"
#include "daemon/scan.h"
#include "daemon/settings.h"
#include "dispatch/runtime.h"
#include "netlink/nl_socket.h"

/* Commands of one turn; then events are looked at, which may make the rest pointless. */
#define TURN_MAX 4096u

#define SYN_SENT_STATE 2

_Static_assert(BRI_DAEMON_WHY_MAX >= BRI_SETTINGS_WHY_MAX, "the reasons of settings fit");

struct bri_daemon {
	struct dispatch_queue_s *queue;
	struct bri_daemon_options options;
	struct bri_settings *settings;
	struct bri_kernel *kernel;
	struct bri_network *network;
	struct bri_policy *policy;
	struct bri_scan *scan;
	struct bri_watch *events;
	struct bri_timer *timer, *scan_timer;
};

/* --- commands --- */

static void name_of(const struct bri_daemon *d, uint32_t ifindex, char ret[static IF_NAMESIZE])
{
	const struct bri_netif *i = bri_netstate_by_index(bri_network_state(d->network), ifindex);

	snprintf(ret, IF_NAMESIZE, "%s", i ? i->name : "?");
}

static void refused(
	struct bri_daemon *d, const struct bri_policy_command *command, int r, uint64_t now_ns)
{
	bri_debug("%08x: the kernel refused order %d: %s %s", command->token, (int)command->what,
		strerror(-r), bri_kernel_why(d->kernel));
	/* a token that is known, and an order that is not for it: the kernel manages this one */
	if (r == -EINVAL && strstr(bri_kernel_why(d->kernel), "userspace PM not selected")) {
		bri_info("%08x is managed by the kernel: left alone", command->token);
		bri_scan_leave(d->scan, command->token);
		return;
	}
	bri_policy_on_refused(d->policy, command, -r, now_ns);
}

static void order(struct bri_daemon *d, const struct bri_policy_command *commands, size_t n)
{
	int results[BRI_KERNEL_BATCH];
	uint64_t now_ns;

	if (!n)
		return;
	bri_kernel_order(d->kernel, commands, n, results);
	now_ns = bri_clock_now_ns();
	for (size_t i = 0; i < n; i++) {
		if (results[i] < 0)
			refused(d, &commands[i], results[i], now_ns);
	}
}

static void sample(struct bri_daemon *d, const struct bri_policy_command *command)
{
	struct bri_policy_sample s;
	int r = bri_kernel_sample(d->kernel, command, &s);

	if (r == 0)
		bri_policy_on_sample(
			d->policy, command->token, &command->tuple, &s, bri_clock_now_ns());
	else if (r == -ENOENT)
		bri_policy_on_sample(
			d->policy, command->token, &command->tuple, NULL, bri_clock_now_ns());
	else
		bri_debug("%08x: no sample: %s", command->token, strerror(-r));
}

struct cancelling {
	struct bri_daemon *d;
	const struct bri_policy_command *command;
};

static void cancel_one(void *context, const struct bri_nl_diag *s)
{
	struct cancelling *c = context;
	struct bri_policy_command destroy = *c->command;
	int r;

	if (s->state != SYN_SENT_STATE || !s->has_subflow || s->token_local != c->command->token)
		return;
	bri_kernel_tuple(&s->local, &s->remote, &destroy.tuple);
	if (!bri_ip_equal(&destroy.tuple.local, &c->command->tuple.local))
		return;
	destroy.what = BRI_POLICY_DESTROY;
	bri_kernel_order(c->d->kernel, &destroy, 1, &r);
}

static void cancel(struct bri_daemon *d, const struct bri_policy_command *command)
{
	struct cancelling c = { .d = d, .command = command };
	int r = bri_kernel_each(d->kernel, false, &c, cancel_one);

	if (r < 0)
		bri_debug("%08x: joins not cancelled: %s", command->token, strerror(-r));
}

static bool is_order(enum bri_policy_what what)
{
	return what != BRI_POLICY_SAMPLE && what != BRI_POLICY_CANCEL;
}

/* Orders that follow one another go to the kernel together. */
static void run_commands(struct bri_daemon *d)
{
	struct bri_policy_command batch[BRI_KERNEL_BATCH], command;
	size_t n = 0;

	for (size_t turn = 0; turn < TURN_MAX && bri_policy_next(d->policy, &command); turn++) {
		if (is_order(command.what)) {
			batch[n++] = command;
			if (n == BRI_LEN(batch)) {
				order(d, batch, n);
				n = 0;
			}
			continue;
		}
		order(d, batch, n);
		n = 0;
		if (command.what == BRI_POLICY_SAMPLE)
			sample(d, &command);
		else
			cancel(d, &command);
	}
	order(d, batch, n);
}

static void tell_news(struct bri_daemon *d)
{
	static const char *const text[] = {
		[BRI_POLICY_NEWS_SUBFLOW_UP] = "subflow up",
		[BRI_POLICY_NEWS_SUBFLOW_DOWN] = "subflow closed by the peer or the network",
		[BRI_POLICY_NEWS_PRIMARY] = "carries the data now",
		[BRI_POLICY_NEWS_PATH_LOST] = "lost",
		[BRI_POLICY_NEWS_PATH_STALLED] = "does not answer: left",
		[BRI_POLICY_NEWS_PATH_BACK] = "answers again",
		[BRI_POLICY_NEWS_PATH_LEFT_OUT] = "holds the others back: left out",
	};
	struct bri_policy_news news;
	char name[IF_NAMESIZE];

	while (bri_policy_next_news(d->policy, &news)) {
		name_of(d, news.ifindex, name);
		bri_info("%08x: %s: %s", news.token, name, text[news.kind]);
	}
}

static void pump(struct bri_daemon *d)
{
	uint64_t now_ns = bri_clock_now_ns(), at_ns;

	bri_policy_expire(d->policy, now_ns);
	run_commands(d);
	tell_news(d);
	at_ns = bri_policy_deadline_ns(d->policy);
	bri_timer_set(d->timer, at_ns);
}

/* --- inputs --- */

static void on_timer(void *context)
{
	pump(context);
}

static void wish_of(
	void *context, const struct bri_nl_diag *connection, struct bri_policy_wish *ret)
{
	struct bri_daemon *d = context;

	(void)connection;
	*ret = (struct bri_policy_wish) { .service = d->options.service };
}

static void on_gone(void *context, uint32_t token)
{
	(void)context;
	(void)token;
}

static struct bri_policy_tuple tuple_of(const struct bri_nl_pm_event *e)
{
	return (struct bri_policy_tuple) {
		.local = e->local,
		.remote = e->remote,
		.local_port = e->local_port,
		.remote_port = e->remote_port,
		.mapped = e->mapped,
	};
}

static void on_established(struct bri_daemon *d, const struct bri_nl_pm_event *e, uint64_t now_ns)
{
	struct bri_policy_connection c = {
		.token = e->token,
		.initial = tuple_of(e),
		.server_side = e->server_side,
		.deny_join_id0 = e->deny_join_id0,
	};
	struct bri_policy_subflow f = {
		.tuple = tuple_of(e),
		.local_id = e->local_id,
		.remote_id = e->remote_id,
		.ifindex = e->ifindex,
	};

	if (bri_network_is_own(d->network, &e->remote))
		return;
	wish_of(d, NULL, &c.wish);
	if (bri_policy_on_connection(d->policy, &c, now_ns) == 0)
		bri_policy_on_subflow(d->policy, e->token, &f, now_ns);
}

static void on_event(void *context, const struct bri_nl_pm_event *e)
{
	struct bri_daemon *d = context;
	struct bri_policy_tuple tuple = tuple_of(e);
	struct bri_policy_subflow f;
	uint64_t now_ns = bri_clock_now_ns();

	switch (e->kind) {
	case BRI_NL_PM_ESTABLISHED: on_established(d, e, now_ns); break;
	case BRI_NL_PM_CLOSED: bri_policy_on_closed(d->policy, e->token); break;
	case BRI_NL_PM_ANNOUNCED:
		bri_policy_on_announced(
			d->policy, e->token, e->remote_id, &e->remote, e->remote_port, now_ns);
		break;
	case BRI_NL_PM_REMOVED: bri_policy_on_removed(d->policy, e->token, e->remote_id); break;
	case BRI_NL_PM_SUB_ESTABLISHED:
		f = (struct bri_policy_subflow) {
			.tuple = tuple,
			.local_id = e->local_id,
			.remote_id = e->remote_id,
			.ifindex = e->ifindex,
		};
		bri_policy_on_subflow(d->policy, e->token, &f, now_ns);
		break;
	case BRI_NL_PM_SUB_CLOSED:
		bri_policy_on_subflow_closed(d->policy, e->token, &tuple,
			e->has_error ? e->error : 0, e->has_reset ? e->reset_reason : 0, now_ns);
		break;
	case BRI_NL_PM_CREATED:
	case BRI_NL_PM_SUB_PRIORITY:
	case BRI_NL_PM_LISTENER_CREATED:
	case BRI_NL_PM_LISTENER_CLOSED: break;
	}
}

static void scan_now(struct bri_daemon *d)
{
	bri_scan_run(d->scan, bri_clock_now_ns());
	bri_timer_set(d->scan_timer, bri_clock_now_ns() + bri_scan_gap_ns(d->scan));
}

static void on_scan_timer(void *context)
{
	scan_now(context);
	pump(context);
}

static void on_kernel_events(void *context, uint32_t events)
{
	struct bri_daemon *d = context;
	int r;

	(void)events;
	do {
		r = bri_kernel_receive(d->kernel, d, on_event);
		if (r == BRI_NL_OVERRUN) {
			bri_warn("events of the kernel were lost: looking at all connections");
			scan_now(d);
		}
	} while (r == BRI_NL_MORE || r == BRI_NL_OVERRUN);
	if (r < 0)
		bri_error("events of the kernel: %s", strerror(-r));
	pump(d);
}

static void set_addresses(struct bri_daemon *d)
{
	struct bri_policy_address list[BRI_POLICY_ADDRESSES_MAX];
	size_t n = bri_network_addresses(d->network, list);

	bri_policy_set_addresses(d->policy, list, n, bri_clock_now_ns());
}

static void on_network(void *context)
{
	struct bri_daemon *d = context;

	set_addresses(d);
	pump(d);
}

static void interface_rule(void *context, const char *interface, struct bri_network_rule *ret)
{
	(void)context;
	(void)interface;
	(void)ret;
}

/* --- life --- */

static int fail(char why[static BRI_DAEMON_WHY_MAX], int r, const char *what)
{
	if (!why[0])
		snprintf(why, BRI_DAEMON_WHY_MAX, "%s: %s", what, strerror(-r));
	return r;
}

static int start(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX])
{
	const struct bri_scan_ops ops = { .context = d, .wish = wish_of, .gone = on_gone };
	int r = bri_settings_open(d->options.state_dir, why, &d->settings);

	if (r < 0)
		return fail(why, r, "settings");
	if (!bri_settings_has_userspace_pm())
		return fail(why, -ENOTSUP, "this kernel lets no daemon manage paths (5.19 does)");
	d->policy = bri_policy_new();
	if (!d->policy)
		return fail(why, -ENOMEM, "policy");
	r = bri_kernel_open(&d->kernel);
	if (r < 0)
		return fail(why, r,
			r == -EPERM ? "this needs CAP_NET_ADMIN" : "the kernel's path manager");
	r = bri_network_open(d->queue, d, interface_rule, on_network, &d->network);
	if (r < 0)
		return fail(why, r, "the network's state");
	d->scan = bri_scan_new(d->kernel, d->policy, d->network, &ops);
	if (!d->scan)
		return fail(why, -ENOMEM, "scan");
	r = bri_timer_new(d->queue, d, on_timer, &d->timer);
	if (r == 0)
		r = bri_timer_new(d->queue, d, on_scan_timer, &d->scan_timer);
	if (r == 0)
		r = bri_watch_new(
			d->queue, bri_kernel_events_fd(d->kernel), d, on_kernel_events, &d->events);
	if (r < 0)
		return fail(why, r, "watching the kernel");
	/* last: from here on new sockets depend on us */
	r = bri_settings_take_userspace_pm(d->settings, why);
	if (r < 0)
		return fail(why, r, "net.mptcp.path_manager");
	set_addresses(d);
	scan_now(d);
	pump(d);
	return 0;
}

int bri_daemon_new(struct dispatch_queue_s *queue, const struct bri_daemon_options *options,
	char why[static BRI_DAEMON_WHY_MAX], struct bri_daemon **ret)
{
	struct bri_daemon *d = calloc(1, sizeof(*d));
	int r;

	why[0] = '\0';
	if (!d)
		return fail(why, -ENOMEM, "daemon");
	d->queue = queue;
	d->options = *options;
	r = start(d, why);
	if (r < 0) {
		bri_daemon_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

void bri_daemon_free(struct bri_daemon *d)
{
	if (!d)
		return;
	/* first: sockets that are made now are the kernel's again */
	bri_settings_close(d->settings);
	if (d->events)
		bri_watch_free(d->events);
	if (d->timer)
		bri_timer_free(d->timer);
	if (d->scan_timer)
		bri_timer_free(d->scan_timer);
	bri_scan_free(d->scan);
	bri_network_close(d->network);
	bri_kernel_close(d->kernel);
	bri_policy_free(d->policy);
	free(d);
}
