/* A policy beside the simulation: told what a daemon is told, obeyed as a daemon obeys. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim_internal.h"

#define TURN_MAX 10000u /* commands at one time: more is a loop */

struct order {
	struct sim_policy *sp;
	struct bri_policy_command command;
};

static const char *const command_names[] = { "CREATE", "PRIO", "REMOVE", "DESTROY", "CANCEL",
	"SAMPLE" };
static const char *const news_names[] = { "subflow up", "subflow down", "primary", "path lost",
	"path stalled", "path back", "path left out" };

static void carry_out(struct sim *s, void *arg, uint64_t tag)
{
	struct order o = *(struct order *)arg;
	int error = sim_command(s, &o.command);

	(void)tag;
	free(arg);
	if (!error)
		return;
	if (o.sp->verbose)
		printf("%12.6f   refused %s: %d\n", (double)s->now_ns / 1e9,
			command_names[o.command.what], error);
	bri_policy_on_refused(o.sp->p, &o.command, error, s->now_ns);
	sim_policy_poll(o.sp);
}

static void *grown(void *list, size_t n, size_t size)
{
	if (n & (n - 1))
		return list; /* room doubles at each power of two */
	list = reallocarray(list, n ? n * 2 : 1, size);
	if (!list)
		abort();
	return list;
}

static void print_command(const struct sim_logged *l)
{
	const struct bri_policy_command *c = &l->command;

	printf("%12.6f %-8s 10.%u.%u.%u:%u id %u/%u if %u%s\n", (double)l->at_ns / 1e9,
		command_names[c->what], c->tuple.local.bytes[1], c->tuple.local.bytes[2],
		c->tuple.local.bytes[3], c->tuple.local_port, c->local_id, c->remote_id, c->ifindex,
		c->backup ? " backup" : "");
}

static void take_command(struct sim_policy *sp, const struct bri_policy_command *c)
{
	struct sim *s = sp->s;
	struct bri_policy_sample sample;
	struct order *o;

	if (c->what == BRI_POLICY_SAMPLE) {
		bool found = sim_sample(s, &c->tuple, &sample);

		sp->n_samples++;
		if (sp->verbose > 1 && found)
			printf("%12.6f   10.%u: rtt %u var %u out %u notsent %u rto %u retrans %u "
			       "ack %u data %u\n",
				(double)s->now_ns / 1e9, c->tuple.local.bytes[1], sample.rtt_us,
				sample.rttvar_us, sample.unacked, sample.notsent_bytes,
				sample.retransmits, sample.total_retrans, sample.last_ack_ms,
				sample.last_data_recv_ms);
		bri_policy_on_sample(sp->p, c->token, &c->tuple, found ? &sample : NULL, s->now_ns);
		return;
	}
	sp->log = grown(sp->log, sp->n_log, sizeof(*sp->log));
	sp->log[sp->n_log++] = (struct sim_logged) { s->now_ns, *c };
	if (sp->verbose)
		print_command(&sp->log[sp->n_log - 1]);
	o = sim_alloc(1, sizeof(*o));
	*o = (struct order) { sp, *c };
	sim_push_owned(s, s->now_ns + SIM_NETLINK_NS, carry_out, o);
}

static void wake(struct sim *s, void *arg, uint64_t tag)
{
	struct sim_policy *sp = arg;

	if (tag != sp->wake_ns)
		return;
	sp->wake_ns = BRI_NEVER;
	bri_policy_expire(sp->p, s->now_ns);
	sim_policy_poll(sp);
}

void sim_policy_poll(struct sim_policy *sp)
{
	struct sim *s = sp->s;
	struct bri_policy_command c;
	struct bri_policy_news news;
	uint64_t deadline;
	unsigned turns = 0;

	while (bri_policy_next(sp->p, &c)) {
		take_command(sp, &c);
		if (++turns > TURN_MAX)
			abort();
	}
	while (bri_policy_next_news(sp->p, &news)) {
		sp->told = grown(sp->told, sp->n_told, sizeof(*sp->told));
		sp->told[sp->n_told++] = (struct sim_told) { s->now_ns, news };
		if (sp->verbose)
			printf("%12.6f   news: %s, if %u\n", (double)s->now_ns / 1e9,
				news_names[news.kind], news.ifindex);
	}
	deadline = bri_policy_deadline_ns(sp->p);
	if (deadline == BRI_NEVER || deadline >= sp->wake_ns)
		return;
	sp->wake_ns = deadline;
	sim_push(s, deadline, wake, sp, deadline);
}

static void on_subflow(void *context, const struct bri_policy_subflow *subflow)
{
	struct sim_policy *sp = context;

	if (sp->verbose)
		printf("%12.6f   up: if %u id %u port %u%s\n", (double)sp->s->now_ns / 1e9,
			subflow->ifindex, subflow->local_id, subflow->tuple.local_port,
			subflow->backup ? " backup" : "");
	bri_policy_on_subflow(sp->p, SIM_TOKEN, subflow, sp->s->now_ns);
	sim_policy_poll(sp);
}

static void on_subflow_closed(
	void *context, const struct bri_policy_tuple *tuple, uint8_t error, uint32_t reset_reason)
{
	struct sim_policy *sp = context;

	if (sp->verbose)
		printf("%12.6f   closed: 10.%u port %u error %u reason %u\n",
			(double)sp->s->now_ns / 1e9, tuple->local.bytes[1], tuple->local_port,
			error, reset_reason);
	bri_policy_on_subflow_closed(sp->p, SIM_TOKEN, tuple, error, reset_reason, sp->s->now_ns);
	sim_policy_poll(sp);
}

static void on_addresses(void *context, const struct bri_policy_address *list, size_t n)
{
	struct sim_policy *sp = context;
	uint32_t running[SIM_PATHS_MAX];
	size_t n_running = 0;

	for (size_t i = 0; i < sp->s->config.n_paths; i++) {
		if (sp->s->config.paths[i].state != SIM_DOWN)
			running[n_running++] = SIM_IFINDEX + (uint32_t)i;
	}
	bri_policy_set_running(sp->p, running, n_running);
	bri_policy_set_addresses(sp->p, list, n, sp->s->now_ns);
	sim_policy_poll(sp);
}

static void on_activity(void *context)
{
	struct sim_policy *sp = context;

	bri_policy_on_activity(sp->p, SIM_TOKEN, sp->s->now_ns);
	sim_policy_poll(sp);
}

struct sim_policy *sim_policy_new(struct sim *s, const struct sim_config *config)
{
	struct sim_policy *sp = sim_alloc(1, sizeof(*sp));
	struct bri_policy_address list[SIM_PATHS_MAX];
	struct bri_policy_connection connection = { .token = SIM_TOKEN,
		.initial = sim_initial(s),
		.deny_join_id0 = config->deny_join_id0,
		.wish = config->wish };
	size_t n = sim_addresses(s, list);
	const char *verbose = getenv("SIM_VERBOSE"); /* 1: commands and facts; 2: samples too */

	sp->s = s;
	sp->p = bri_policy_new();
	sp->wake_ns = BRI_NEVER;
	sp->verbose = verbose ? (int)strtol(verbose, NULL, 10) : 0;
	if (!sp->p)
		abort();
	sim_watch(s, &(struct sim_watcher) { .context = sp,
			     .subflow = on_subflow,
			     .subflow_closed = on_subflow_closed,
			     .addresses = on_addresses,
			     .activity = on_activity });
	bri_policy_set_addresses(sp->p, list, n, s->now_ns);
	if (bri_policy_on_connection(sp->p, &connection, s->now_ns))
		abort();
	sim_policy_poll(sp);
	return sp;
}

void sim_policy_free(struct sim_policy *sp)
{
	if (!sp)
		return;
	bri_policy_free(sp->p);
	free(sp->log);
	free(sp->told);
	free(sp);
}

size_t sim_policy_count(
	const struct sim_policy *sp, enum bri_policy_news_kind kind, uint64_t since_ns)
{
	size_t n = 0;

	for (size_t i = 0; i < sp->n_told; i++)
		n += sp->told[i].news.kind == kind && sp->told[i].at_ns >= since_ns;
	return n;
}

const struct sim_logged *sim_policy_find(
	const struct sim_policy *sp, enum bri_policy_what what, size_t path, uint64_t since_ns)
{
	for (size_t i = 0; i < sp->n_log; i++) {
		const struct sim_logged *l = &sp->log[i];

		if (l->at_ns >= since_ns && l->command.what == what &&
			l->command.tuple.local.bytes[1] == path + 1)
			return l;
	}
	return NULL;
}

int sim_policy_primary(const struct sim_policy *sp)
{
	struct bri_policy_path_state paths[BRI_POLICY_PATHS_MAX];
	size_t n = bri_policy_paths(sp->p, SIM_TOKEN, paths);

	for (size_t i = 0; i < n; i++) {
		if (paths[i].primary)
			return (int)paths[i].ifindex - (int)SIM_IFINDEX;
	}
	return -1;
}

void sim_policy_print(const struct sim_policy *sp, uint64_t since_ns)
{
	for (size_t i = 0; i < sp->n_log; i++) {
		if (sp->log[i].at_ns >= since_ns)
			print_command(&sp->log[i]);
	}
	for (size_t i = 0; i < sp->n_told; i++) {
		if (sp->told[i].at_ns >= since_ns)
			printf("%12.6f   news: %s, if %u\n", (double)sp->told[i].at_ns / 1e9,
				news_names[sp->told[i].news.kind], sp->told[i].news.ifindex);
	}
}
