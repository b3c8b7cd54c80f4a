/*
 * Subflows come and go: the initial one, joins with their handshake of four packets, priorities,
 * withdrawn addresses, resets; the path manager's commands. Unmodified Linux at the other end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "sim_internal.h"

#define SYN_RETRIES 6u /* tcp_syn_retries */

/* ---- what the path manager hears, a netlink message later ---- */

struct fact {
	bool closed;
	struct bri_policy_subflow subflow;
	uint8_t error;
	uint32_t reason;
};

static void tell(struct sim *s, void *arg, uint64_t tag)
{
	struct fact *fact = arg;
	const struct sim_watcher *w = &s->watcher;

	(void)tag;
	if (fact->closed && w->subflow_closed)
		w->subflow_closed(w->context, &fact->subflow.tuple, fact->error, fact->reason);
	else if (!fact->closed && w->subflow)
		w->subflow(w->context, &fact->subflow);
	free(fact);
}

static void announce(
	struct sim *s, const struct sim_subflow *f, bool closed, uint8_t error, uint32_t reason)
{
	struct fact *fact = sim_alloc(1, sizeof(*fact));

	fact->closed = closed;
	fact->subflow.tuple = f->tuple;
	fact->subflow.local_id = f->local_id;
	fact->subflow.remote_id = f->remote_id;
	fact->subflow.ifindex = SIM_IFINDEX + (uint32_t)f->path;
	fact->subflow.backup = f->backup;
	fact->error = error;
	fact->reason = reason;
	sim_push_owned(s, s->now_ns + SIM_NETLINK_NS, tell, fact);
}

/* ---- life ---- */

static void push(struct sim_subflow ***list, size_t *n, struct sim_subflow *f)
{
	*list = reallocarray(*list, *n + 1, sizeof(**list));
	if (!*list)
		abort();
	(*list)[(*n)++] = f;
}

/* bury(): both ends are closed: only frames under way remember it. */
static void bury(struct sim *s, struct sim_subflow *f)
{
	if (f->joining || f->ends[0].open || f->ends[1].open)
		return;
	for (size_t i = 0; i < s->n_live; i++) {
		if (s->live[i] != f)
			continue;
		memmove(&s->live[i], &s->live[i + 1], (s->n_live - i - 1) * sizeof(*s->live));
		s->n_live--;
		push(&s->dead, &s->n_dead, f);
		return;
	}
}

static void close_server(struct sim *s, struct sim_subflow *f, enum sim_kind with)
{
	if (!f->ends[SIM_DOWNWARD].open)
		return;
	sim_send(s, sim_packet(s, f, with, SIM_DOWNWARD));
	sim_end_close(&f->ends[SIM_DOWNWARD]);
	bury(s, f);
}

/* sim_subflow_close(): the client's end is gone. */
void sim_subflow_close(struct sim *s, struct sim_subflow *f, uint8_t error, uint32_t reason)
{
	if (!f->joining && !f->ends[SIM_UPWARD].open)
		return;
	f->joining = false;
	sim_arm(s, &f->syn, BRI_NEVER);
	sim_end_close(&f->ends[SIM_UPWARD]);
	announce(s, f, true, error, reason);
	bury(s, f);
}

static struct sim_subflow *subflow_new(struct sim *s, size_t path)
{
	struct sim_subflow *f = sim_alloc(1, sizeof(*f));

	f->path = path;
	f->address = s->routes[path].address;
	f->tuple.local = sim_local(s, path);
	f->tuple.remote = sim_remote();
	f->tuple.remote_port = SIM_PORT;
	f->tuple.local_port = s->next_port++;
	push(&s->live, &s->n_live, f);
	return f;
}

void sim_connect(struct sim *s)
{
	struct sim_subflow *f = subflow_new(s, 0);
	uint64_t rtt =
		2 * s->config.paths[0].delay_ns + 160 * 8 * SIM_S / s->config.paths[0].rate_bps;

	for (uint8_t dir = 0; dir < 2; dir++) {
		sim_end_init(s, f, dir);
		f->ends[dir].usable = true;
		sim_end_rtt(&f->ends[dir], rtt);
	}
	f->established = f->server_known = true;
	announce(s, f, false, 0, 0);
}

void sim_subflows_free(struct sim *s)
{
	for (size_t i = 0; i < s->n_live + s->n_dead; i++) {
		struct sim_subflow *f = i < s->n_live ? s->live[i] : s->dead[i - s->n_live];

		sim_end_fini(&f->ends[0]);
		sim_end_fini(&f->ends[1]);
		free(f);
	}
	free(s->live);
	free(s->dead);
}

/* ---- joins ---- */

/* SYN at 0, 1, 3, 7 ... seconds; then the third packet until it is answered. */
static void on_syn(struct sim *s, void *arg, uint64_t tag)
{
	struct sim_subflow *f = arg;

	(void)tag;
	if (f->syns > SYN_RETRIES) {
		sim_subflow_close(s, f, ETIMEDOUT, 0);
		return;
	}
	if (!f->established) {
		sim_send(s, sim_packet(s, f, SIM_SYN, SIM_UPWARD));
		f->syn_ns = s->now_ns;
	} else {
		struct sim_packet *p = sim_packet(s, f, SIM_ACK3, SIM_UPWARD);

		p->backup = f->backup;
		sim_send(s, p);
	}
	sim_arm(s, &f->syn, s->now_ns + (SIM_S << f->syns++));
}

static unsigned extras(const struct sim *s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->n_live; i++)
		n += s->live[i]->syns > 0 && s->live[i]->ends[SIM_DOWNWARD].open;
	return n;
}

static void on_syn_received(struct sim *s, struct sim_subflow *f)
{
	if (!f->server_known && extras(s) >= s->config.peer_limit) {
		struct sim_packet *p = sim_packet(s, f, SIM_RST, SIM_DOWNWARD);

		p->reason = 3; /* administratively prohibited (RFC 8684, 3.6) */
		sim_send(s, p);
		return;
	}
	f->server_known = true;
	f->synack_ns = s->now_ns;
	sim_send(s, sim_packet(s, f, SIM_SYNACK, SIM_DOWNWARD));
}

static void on_synack(struct sim *s, struct sim_subflow *f)
{
	if (!f->established && f->joining) {
		f->established = true;
		f->joining = false;
		sim_end_init(s, f, SIM_UPWARD);
		if (f->syns == 1)
			sim_end_rtt(&f->ends[SIM_UPWARD], s->now_ns - f->syn_ns);
		f->ends[SIM_UPWARD].backup = f->backup;
		announce(s, f, false, 0, 0);
		f->syns = 1;
		sim_arm(s, &f->syn, s->now_ns);
	} else if (f->ends[SIM_UPWARD].open && !f->ends[SIM_UPWARD].usable) {
		sim_arm(s, &f->syn, s->now_ns);
	}
}

static void on_third(struct sim *s, const struct sim_packet *p)
{
	struct sim_subflow *f = p->f;
	struct sim_end *e = &f->ends[SIM_DOWNWARD];

	if (!e->ring) {
		if (extras(s) >= s->config.peer_limit) {
			struct sim_packet *rst = sim_packet(s, f, SIM_RST, SIM_DOWNWARD);

			rst->reason = 3;
			sim_send(s, rst);
			return;
		}
		sim_end_init(s, f, SIM_DOWNWARD);
		e->usable = true;
		e->backup = p->backup;
		sim_end_rtt(e, s->now_ns - f->synack_ns);
	}
	sim_send(s, sim_packet(s, f, SIM_ACK4, SIM_DOWNWARD));
	sim_stream_output(&s->streams[SIM_DOWNWARD]);
}

static void become_usable(struct sim *s, struct sim_subflow *f)
{
	struct sim_end *e = &f->ends[SIM_UPWARD];

	if (!e->open || e->usable)
		return;
	e->usable = true;
	e->last_ack_ns = s->now_ns;
	sim_arm(s, &f->syn, BRI_NEVER);
	sim_stream_output(&s->streams[SIM_UPWARD]);
}

/* ---- packets ---- */

static void on_removed(struct sim *s, uint8_t id)
{
	for (size_t i = s->n_live; i-- > 0;) {
		if (s->live[i]->local_id == id)
			close_server(s, s->live[i], SIM_FIN);
	}
}

/* The end that frames of this direction arrive at is closed: it says so, as TCP does. */
static bool nobody(struct sim *s, const struct sim_packet *p)
{
	if (p->f->ends[!p->dir].open)
		return false;
	if (p->has_seq || p->kind == SIM_WINDOW_PROBE)
		sim_send(s, sim_packet(s, p->f, SIM_RST, !p->dir));
	return true;
}

void sim_subflow_input(struct sim *s, const struct sim_packet *p)
{
	struct sim_subflow *f = p->f;
	bool at_client = p->dir == SIM_DOWNWARD;

	switch (p->kind) {
	case SIM_SYN: on_syn_received(s, f); return;
	case SIM_SYNACK: on_synack(s, f); return;
	case SIM_ACK3: on_third(s, p); return;
	case SIM_ACK4: become_usable(s, f); return;
	case SIM_RM_ADDR: on_removed(s, p->id); return;
	case SIM_PRIO:
		f->ends[!p->dir].backup = p->backup;
		sim_stream_output(&s->streams[!p->dir]);
		return;
	case SIM_FIN:
	case SIM_RST:
		if (!at_client) {
			sim_end_close(&f->ends[SIM_DOWNWARD]);
			bury(s, f);
			return;
		}
		sim_subflow_close(s, f,
			p->kind == SIM_FIN ? 0
			: f->joining       ? ECONNREFUSED
					   : ECONNRESET,
			p->reason);
		return;
	case SIM_DATA:
	case SIM_WINDOW_PROBE:
		if (nobody(s, p))
			return;
		if (at_client)
			become_usable(s, f);
		sim_end_input(&f->ends[!p->dir], p);
		return;
	}
}

/* ---- commands ---- */

static bool same_ip(const struct bri_ip *a, const struct bri_ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool same(const struct bri_policy_tuple *a, const struct bri_policy_tuple *b)
{
	return same_ip(&a->local, &b->local) && same_ip(&a->remote, &b->remote) &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port;
}

static struct sim_subflow *find(const struct sim *s, const struct bri_policy_tuple *t)
{
	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_subflow *f = s->live[i];

		if (f->ends[SIM_UPWARD].open && same(&f->tuple, t))
			return f;
	}
	return NULL;
}

static int create(struct sim *s, const struct bri_policy_command *c)
{
	struct bri_ip remote = sim_remote();
	struct sim_subflow *f;
	size_t path;

	for (path = 0; path < s->config.n_paths; path++) {
		struct bri_ip local = sim_local(s, path);

		if (same_ip(&local, &c->tuple.local))
			break;
	}
	if (path == s->config.n_paths || s->config.paths[path].state == SIM_GONE)
		return EADDRNOTAVAIL;
	if (s->config.paths[path].state == SIM_DOWN)
		return ENETUNREACH;
	if (!same_ip(&remote, &c->tuple.remote) || c->tuple.remote_port != SIM_PORT)
		return ECONNREFUSED;
	for (size_t i = 0; i < s->n_live; i++) {
		f = s->live[i];
		if ((f->joining || f->ends[SIM_UPWARD].open) &&
			same_ip(&f->tuple.local, &c->tuple.local) != (f->local_id == c->local_id))
			return EINVAL; /* did not match address and id */
	}
	f = subflow_new(s, path);
	f->local_id = c->local_id;
	f->remote_id = c->remote_id;
	f->backup = c->backup;
	f->joining = true;
	s->known_ids[c->local_id] = true;
	f->syn = (struct sim_timer) { BRI_NEVER, BRI_NEVER, on_syn, f };
	sim_arm(s, &f->syn, s->now_ns);
	return 0;
}

static int set_priority(struct sim *s, const struct bri_policy_command *c)
{
	struct sim_subflow *f = find(s, &c->tuple);
	struct sim_packet *p;

	if (!f)
		return ESRCH;
	f->ends[SIM_UPWARD].backup = c->backup;
	f->backup = c->backup;
	p = sim_packet(s, f, SIM_PRIO, SIM_UPWARD);
	p->backup = c->backup;
	sim_send(s, p);
	sim_stream_output(&s->streams[SIM_UPWARD]);
	return 0;
}

/* RM_ADDR is one packet, on the first subflow of another address that is not stale, and not
 * repeated. */
static int withdraw(struct sim *s, const struct bri_policy_command *c)
{
	struct sim_subflow *carrier = NULL, *of = NULL;
	struct sim_packet *p;

	for (size_t i = 0; i < s->n_live; i++) {
		struct sim_subflow *f = s->live[i];
		const struct sim_end *e = &f->ends[SIM_UPWARD];

		if (f->local_id == c->local_id && (e->open || f->joining))
			of = of ? of : f;
		if (f->local_id != c->local_id && e->open && e->usable && !e->stale)
			carrier = carrier ? carrier : f;
	}
	if (c->local_id ? !s->known_ids[c->local_id] : !of)
		return EINVAL; /* address with this id not found */
	s->known_ids[c->local_id] = false;
	carrier = carrier ? carrier : of;
	if (!carrier || !carrier->ends[SIM_UPWARD].open)
		return 0;
	p = sim_packet(s, carrier, SIM_RM_ADDR, SIM_UPWARD);
	p->id = c->local_id;
	sim_send(s, p);
	return 0;
}

static int destroy(struct sim *s, const struct bri_policy_command *c)
{
	struct sim_subflow *f = find(s, &c->tuple);

	if (!f)
		return ESRCH;
	/* the kernel (6.18) does not count who uses an id: the first to go takes it along */
	s->known_ids[f->local_id] = false;
	sim_send(s, sim_packet(s, f, SIM_FIN, SIM_UPWARD));
	sim_subflow_close(s, f, 0, 0);
	return 0;
}

static int cancel(struct sim *s, const struct bri_policy_command *c)
{
	int r = ESRCH;

	for (size_t i = s->n_live; i-- > 0;) {
		struct sim_subflow *f = s->live[i];

		if (!f->joining || !same_ip(&f->tuple.local, &c->tuple.local))
			continue;
		sim_subflow_close(s, f, ECONNABORTED, 0);
		r = 0;
	}
	return r;
}

int sim_command(struct sim *s, const struct bri_policy_command *c)
{
	if (c->token != SIM_TOKEN)
		return EINVAL;
	switch (c->what) {
	case BRI_POLICY_CREATE: return create(s, c);
	case BRI_POLICY_PRIO: return set_priority(s, c);
	case BRI_POLICY_REMOVE: return withdraw(s, c);
	case BRI_POLICY_DESTROY: return destroy(s, c);
	case BRI_POLICY_CANCEL: return cancel(s, c);
	case BRI_POLICY_SAMPLE: break;
	}
	return EINVAL;
}

static uint32_t age_ms(const struct sim *s, uint64_t since_ns)
{
	return (uint32_t)((s->now_ns / SIM_JIFFY_NS - since_ns / SIM_JIFFY_NS) * SIM_JIFFY_NS /
			  SIM_MS);
}

bool sim_sample(
	const struct sim *s, const struct bri_policy_tuple *tuple, struct bri_policy_sample *ret)
{
	const struct sim_subflow *f = find(s, tuple);
	const struct sim_stream *up = &s->streams[SIM_UPWARD];
	const struct sim_end *e;

	if (!f)
		return false;
	e = &f->ends[SIM_UPWARD];
	*ret = (struct bri_policy_sample) { .established = true,
		.rtt_us = (uint32_t)(e->srtt_us >> 3),
		.rttvar_us = (uint32_t)(e->mdev_us >> 2),
		.rto_us = (uint32_t)(e->rto_ns / BRI_NS_PER_US),
		.unacked = (uint32_t)(e->nxt - e->una),
		.sacked = (uint32_t)e->n_sacked,
		.notsent_bytes = (uint32_t)(e->end - e->nxt) * SIM_MSS,
		.retransmits = e->retransmits,
		.total_retrans = e->total_retrans,
		.last_ack_ms = age_ms(s, e->last_ack_ns),
		.last_data_recv_ms = age_ms(s, e->last_data_ns),
		.bytes_acked = e->bytes_acked,
		.bytes_received = e->bytes_received,
		.bytes_sent = e->bytes_sent,
		.data_segs = e->data_segs };
	if (up->probes && up->una == up->nxt && up->nxt < up->end && !e->backup)
		ret->notsent_bytes++; /* the byte that probes a window */
	return true;
}

/* ---- looking ---- */

unsigned sim_subflows(const struct sim *s, size_t path)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->n_live; i++)
		n += s->live[i]->path == path && s->live[i]->ends[SIM_UPWARD].open;
	return n;
}

bool sim_tuple(const struct sim *s, size_t path, struct bri_policy_tuple *ret)
{
	for (size_t i = 0; i < s->n_live; i++) {
		if (s->live[i]->path != path || !s->live[i]->ends[SIM_UPWARD].open)
			continue;
		*ret = s->live[i]->tuple;
		return true;
	}
	return false;
}

void sim_reset(struct sim *s, size_t path)
{
	for (size_t i = s->n_live; i-- > 0;) {
		struct sim_subflow *f = s->live[i];

		if (f->path != path || f->joining)
			continue;
		/* the server's end first: closing the client's may bury it */
		sim_end_close(&f->ends[SIM_DOWNWARD]);
		sim_subflow_close(s, f, ECONNRESET, 0);
	}
}
