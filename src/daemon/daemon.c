/* See daemon.h. Every input ends in bri_daemon_pump(): commands until there are none, news, the
 * next timer. */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/daemon_internal.h"
#include "dispatch/runtime.h"
#include "netlink/nl_socket.h"

/* Commands of one turn; then events are looked at, which may make the rest pointless. */
#define TURN_MAX 4096u

#define SYN_SENT_STATE 2

_Static_assert(BRI_DAEMON_WHY_MAX >= BRI_SETTINGS_WHY_MAX, "the reasons of settings fit");

/* --- commands --- */

static void name_of(const struct bri_daemon *d, uint32_t ifindex, char ret[static IF_NAMESIZE])
{
	const struct bri_netif *i = bri_netstate_by_index(bri_network_state(d->network), ifindex);

	snprintf(ret, IF_NAMESIZE, "%s", i ? i->name : "?");
}

static void refused(
	struct bri_daemon *d, const struct bri_policy_command *command, int r, uint64_t now_ns)
{
	d->n_refused++;
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
	for (size_t i = 0; i < n; i++) {
		static const char *const names[] = { "create", "prio", "remove", "destroy" };

		bri_debug("%08x: %s id %u, device %u, port %u, backup %d: %s", commands[i].token,
			names[commands[i].what], commands[i].local_id, commands[i].ifindex,
			commands[i].tuple.local_port, commands[i].backup,
			results[i] < 0 ? strerror(-results[i]) : "ok");
	}
	d->n_orders += n;
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

	d->n_samples++;
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

/* Orders that follow one another go to the kernel together. True: there may be more to do. */
static bool run_commands(struct bri_daemon *d)
{
	struct bri_policy_command batch[BRI_KERNEL_BATCH], command;
	size_t n = 0, turn;

	for (turn = 0; turn < TURN_MAX && bri_policy_next(d->policy, &command); turn++) {
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
	return turn == TURN_MAX;
}

static const struct {
	const char *text;
	enum bri_message_event_kind kind;
} words[] = {
	[BRI_POLICY_NEWS_SUBFLOW_UP] = { "subflow up", BRI_MESSAGE_EVENT_SUBFLOW_UP },
	[BRI_POLICY_NEWS_SUBFLOW_DOWN] = { "subflow closed by the peer or the network",
		BRI_MESSAGE_EVENT_SUBFLOW_DOWN },
	[BRI_POLICY_NEWS_PRIMARY] = { "carries the data now", BRI_MESSAGE_EVENT_PRIMARY },
	[BRI_POLICY_NEWS_PATH_LOST] = { "lost", BRI_MESSAGE_EVENT_PATH_LOST },
	[BRI_POLICY_NEWS_PATH_STALLED] = { "does not answer: left", BRI_MESSAGE_EVENT_PATH_LOST },
	[BRI_POLICY_NEWS_PATH_BACK] = { "answers again", BRI_MESSAGE_EVENT_PATH_BACK },
	[BRI_POLICY_NEWS_PATH_LEFT_OUT] = { "holds the others back: left out",
		BRI_MESSAGE_EVENT_NOTE },
	[BRI_POLICY_NEWS_BETTER_PATH] = { "would be the better one, and the peer takes no subflow",
		BRI_MESSAGE_EVENT_BETTER_PATH },
};

static void tell(struct bri_daemon *d, const struct bri_policy_news *news)
{
	const struct bri_owner *owner = bri_owners_find(&d->owners, news->token);
	struct bri_message_event event = {
		.time_ns = bri_clock_wall_ns(),
		.kind = (uint8_t)words[news->kind].kind,
		.token = news->token,
		.uid = owner ? owner->uid : 0,
		.ifindex = news->ifindex,
	};
	char name[IF_NAMESIZE];

	name_of(d, news->ifindex, name);
	d->n_news[news->kind]++;
	bri_info("%08x: %s: %s", news->token, name, words[news->kind].text);
	snprintf(event.text, sizeof(event.text), "%s: %s", name, words[news->kind].text);
	if (d->control && owner)
		bri_control_server_event(d->control, &event);
}

static void tell_news(struct bri_daemon *d)
{
	struct bri_policy_news news;

	while (bri_policy_next_news(d->policy, &news))
		tell(d, &news);
}

void bri_daemon_pump(struct bri_daemon *d)
{
	bool more;

	bri_policy_expire(d->policy, bri_clock_now_ns());
	more = run_commands(d);
	tell_news(d);
	bri_timer_set(d->timer, more ? bri_clock_now_ns() : bri_policy_deadline_ns(d->policy));
}

/* --- inputs --- */

static void on_timer(void *context)
{
	bri_daemon_pump(context);
}

struct bri_owner *bri_daemon_learn(struct bri_daemon *d, const struct bri_nl_diag *connection)
{
	struct bri_owner *owner = bri_owners_find(&d->owners, connection->mptcp.token);

	if (owner)
		return owner;
	owner = bri_owners_add(&d->owners, connection->mptcp.token, connection->cookie);
	if (!owner)
		return NULL;
	owner->uid = connection->uid;
	owner->inode = connection->inode;
	bri_daemon_configured_wish(d, connection, owner);
	bri_daemon_waiting_wishes(d, connection, owner);
	return owner;
}

static struct bri_owner *owner_of(struct bri_daemon *d, uint32_t token)
{
	struct bri_owner *owner = bri_owners_find(&d->owners, token);
	struct bri_nl_diag connection;

	if (owner)
		return owner;
	if (bri_kernel_connection(d->kernel, token, &connection) < 0)
		return NULL;
	return bri_daemon_learn(d, &connection);
}

static void wish_of(
	void *context, const struct bri_nl_diag *connection, struct bri_policy_wish *ret)
{
	struct bri_daemon *d = context;
	struct bri_owner *owner = bri_daemon_learn(d, connection);

	*ret = owner ? owner->wish : (struct bri_policy_wish) { .service = BRI_SERVICE_NONE };
}

static void on_gone(void *context, uint32_t token)
{
	struct bri_daemon *d = context;

	bri_owners_remove(&d->owners, token);
	if (d->control)
		bri_control_server_forget(d->control, token);
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

/* The device that a connection's first subflow is bound to: its event does not tell (6.18), and
 * sock_diag finds a bound socket only by it. 0: none. */
static uint32_t bound_device(struct bri_daemon *d, const struct bri_policy_tuple *tuple)
{
	const struct bri_netstate *state = bri_network_state(d->network);
	struct bri_policy_command look = { .what = BRI_POLICY_SAMPLE, .tuple = *tuple };
	struct bri_policy_sample sample;

	if (bri_kernel_sample(d->kernel, &look, &sample) != -ENOENT)
		return 0;
	for (size_t i = 0; i < state->n_addresses && !look.ifindex; i++) {
		if (bri_ip_equal(&state->addresses[i].ip, &tuple->local))
			look.ifindex = state->addresses[i].ifindex;
	}
	return look.ifindex && bri_kernel_sample(d->kernel, &look, &sample) == 0 ? look.ifindex : 0;
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

	struct bri_owner *owner;

	if (bri_network_is_own(d->network, &e->remote))
		return;
	owner = owner_of(d, e->token);
	if (!owner)
		return; /* gone again already */
	d->has_unseen = true;
	c.wish = owner->wish;
	if (!f.ifindex)
		f.ifindex = bound_device(d, &f.tuple);
	if (bri_policy_on_connection(d->policy, &c, now_ns) == 0)
		bri_policy_on_subflow(d->policy, e->token, &f, now_ns);
	if (e->server_side)
		bri_announcer_tell(d->announcer, e->token, &e->local, d->options.config->announce,
			d->options.config->n_announce);
}

static void on_event(void *context, const struct bri_nl_pm_event *e)
{
	struct bri_daemon *d = context;
	struct bri_policy_tuple tuple = tuple_of(e);
	struct bri_policy_subflow f;
	uint64_t now_ns = bri_clock_now_ns();

	switch (e->kind) {
	case BRI_NL_PM_ESTABLISHED: on_established(d, e, now_ns); break;
	case BRI_NL_PM_CLOSED:
		bri_policy_on_closed(d->policy, e->token);
		on_gone(d, e->token); /* no scan may ever have seen it */
		break;
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
	d->n_scans++;
	d->has_unseen = false;
	bri_timer_set(d->scan_timer, bri_clock_now_ns() + bri_scan_gap_ns(d->scan));
}

void bri_daemon_see_new(struct bri_daemon *d)
{
	if (!d->has_unseen || !bri_scan_may_run(d->scan, bri_clock_now_ns()))
		return;
	scan_now(d);
	bri_daemon_pump(d);
}

static void on_scan_timer(void *context)
{
	scan_now(context);
	bri_daemon_pump(context);
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
	bri_daemon_pump(d);
}

static void set_addresses(struct bri_daemon *d)
{
	struct bri_policy_address list[BRI_POLICY_ADDRESSES_MAX];
	uint32_t running[BRI_POLICY_ADDRESSES_MAX];
	size_t n = bri_network_addresses(d->network, list);

	bri_policy_set_running(d->policy, running, bri_network_running(d->network, running));
	bri_policy_set_addresses(d->policy, list, n, bri_clock_now_ns());
}

void bri_daemon_on_network(void *context)
{
	struct bri_daemon *d = context;

	/* first: a subflow that begins now leaves by the right interface */
	bri_daemon_update_routing(d);
	set_addresses(d);
	bri_daemon_pump(d);
	bri_daemon_update_endpoints(d);
}

static int path_kind(int message_kind)
{
	switch (message_kind) {
	case BRI_MESSAGE_KIND_WIRED: return BRI_PATH_WIRED;
	case BRI_MESSAGE_KIND_WIFI: return BRI_PATH_WIFI;
	case BRI_MESSAGE_KIND_CELLULAR: return BRI_PATH_CELLULAR;
	case BRI_MESSAGE_KIND_TUNNEL: return BRI_PATH_TUNNEL;
	case BRI_MESSAGE_KIND_OTHER: return BRI_PATH_OTHER;
	default: return -1;
	}
}

static void interface_rule(void *context, const char *interface, struct bri_network_rule *ret)
{
	struct bri_daemon *d = context;
	struct bri_config_interface found;

	bri_config_interface_for(d->options.config, interface, &found);
	ret->kind = path_kind(found.kind);
	/* 0 is the policy's word for none */
	ret->order = found.order < 0 ? 0 : (int32_t)found.order + 1;
	ret->metered = found.metered;
	ret->ignore = found.use == 0;
}

/* --- life --- */

static int fail(char why[static BRI_DAEMON_WHY_MAX], int r, const char *what)
{
	if (!why[0])
		snprintf(why, BRI_DAEMON_WHY_MAX, "%s: %s", what, strerror(-r));
	return r;
}

static int open_control(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX])
{
	const struct bri_control_ops ops = bri_answers(d);
	struct bri_control_socket sock;
	int r = bri_control_socket_inherit(&sock);

	if (r == -ENOENT && !d->options.socket_path)
		return 0;
	if (r == -ENOENT)
		r = bri_control_socket_open(d->options.socket_path, why, BRI_DAEMON_WHY_MAX, &sock);
	if (r < 0)
		return r;
	r = bri_control_server_new(d->queue, &sock, NULL, &ops, &d->control);
	if (r < 0)
		bri_control_socket_close(&sock);
	return r;
}

/* The kernel's path manager does the work: there are no facts and commands to carry. */
static int start_kernel_pm(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX])
{
	int r;

	d->policy = bri_policy_new();
	if (!d->policy)
		return fail(why, -ENOMEM, "policy");
	r = bri_timer_new(d->queue, d, on_timer, &d->timer);
	if (r < 0)
		return fail(why, r, "a timer");
	r = bri_network_open(d->queue, d, interface_rule, bri_daemon_on_network, &d->network);
	if (r < 0)
		return fail(why, r, "the network's state");
	r = bri_daemon_open_helpers(d, why);
	if (r < 0)
		return r;
	r = bri_settings_take_pm(d->settings, false, why);
	if (r < 0 && r != -ENOENT)
		return fail(why, r, "net.mptcp.path_manager");
	bri_info("the kernel's path manager is steered: by endpoints, for all connections alike");
	r = open_control(d, why);
	if (r < 0)
		return fail(why, r, "the control socket");
	bri_daemon_on_network(d);
	return 0;
}

static int start(struct bri_daemon *d, char why[static BRI_DAEMON_WHY_MAX])
{
	const struct bri_scan_ops ops = { .context = d, .wish = wish_of, .gone = on_gone };
	int r = bri_state_open(d->options.state_dir, why, &d->state);

	if (r == 0)
		r = bri_settings_open(d->state, &d->settings);
	if (r < 0)
		return fail(why, r, "settings");
	r = bri_daemon_refuse_rivals(d, why);
	if (r < 0)
		return fail(why, r, "other path managers");
	d->steers_kernel = d->options.kernel_pm || !bri_settings_has_userspace_pm();
	if (d->steers_kernel)
		return start_kernel_pm(d, why);
	d->policy = bri_policy_new();
	if (!d->policy)
		return fail(why, -ENOMEM, "policy");
	r = bri_programs_new(d->queue, d, bri_daemon_on_program, &d->programs);
	if (r < 0)
		return fail(why, r, "programs");
	r = bri_kernel_open(&d->kernel);
	if (r < 0)
		return fail(why, r,
			r == -EPERM ? "this needs CAP_NET_ADMIN" : "the kernel's path manager");
	r = bri_network_open(d->queue, d, interface_rule, bri_daemon_on_network, &d->network);
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
	r = bri_daemon_open_helpers(d, why);
	if (r < 0)
		return r;
	/* from here on new sockets depend on us; then clients may know that we are here */
	r = bri_settings_take_pm(d->settings, true, why);
	if (r < 0)
		return fail(why, r, "net.mptcp.path_manager");
	r = open_control(d, why);
	if (r < 0)
		return fail(why, r, "the control socket");
	bri_daemon_update_routing(d);
	bri_daemon_update_endpoints(d);
	set_addresses(d);
	scan_now(d);
	bri_daemon_pump(d);
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
	d->started_ns = bri_clock_now_ns();
	bri_owners_init(&d->owners);
	bri_pending_init(&d->pending);
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
	bri_control_server_free(d->control);
	if (d->events)
		bri_watch_free(d->events);
	if (d->timer)
		bri_timer_free(d->timer);
	if (d->scan_timer)
		bri_timer_free(d->scan_timer);
	bri_programs_free(d->programs);
	bri_daemon_close_helpers(d);
	bri_scan_free(d->scan);
	bri_network_close(d->network);
	bri_state_close(d->state);
	bri_kernel_close(d->kernel);
	bri_policy_free(d->policy);
	bri_owners_fini(&d->owners);
	bri_pending_fini(&d->pending);
	free(d);
}
