/* See mirror.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "mirror.h"

#define TURN_MAX   5000u
#define WINDOW_NS  (10 * BRI_NS_PER_S)
#define WINDOW_MAX 150u /* commands about a connection in 10 s, and some for each fact */
#define FACT_MAX   24u
#define JOINS_MAX  3u /* that wait from one address */

struct mirror *mirror_new(void)
{
	struct mirror *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->p = bri_policy_new();
	if (!m->p)
		abort();
	m->now_ns = BRI_NS_PER_S;
	m->next_port = 20000;
	m->quiet_after = 5;
	m->verbose = getenv("SIM_VERBOSE") != NULL;
	return m;
}

void mirror_free(struct mirror *m)
{
	bri_policy_free(m->p);
	free(m);
}

struct bri_ip mirror_ip(unsigned n)
{
	return (struct bri_ip) { .family = AF_INET, .bytes = { 10, 0, (uint8_t)n, 2 } };
}

struct bri_ip mirror_remote(unsigned n)
{
	return (struct bri_ip) { .family = AF_INET, .bytes = { 198, 51, 100, (uint8_t)(n + 1) } };
}

struct bri_policy_address mirror_address(unsigned n, enum bri_path_kind kind, bool usable)
{
	return (struct bri_policy_address) {
		.ifindex = 10 + n, .ip = mirror_ip(n), .kind = kind, .usable = usable
	};
}

static bool same_ip(const struct bri_ip *a, const struct bri_ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool same(const struct bri_policy_tuple *a, const struct bri_policy_tuple *b)
{
	return same_ip(&a->local, &b->local) && same_ip(&a->remote, &b->remote) &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port;
}

struct mirror_connection *mirror_find(struct mirror *m, uint32_t token)
{
	for (size_t i = 0; i < MIRROR_CONNECTIONS; i++) {
		if (m->connections[i].used && m->connections[i].token == token)
			return &m->connections[i];
	}
	return NULL;
}

static void fact(const struct mirror *m, uint32_t token, const char *what,
	const struct bri_ip *local, unsigned number)
{
	if (m->verbose)
		printf("%12.6f   %08x %s 10.0.%u.2 %u\n", (double)m->now_ns / 1e9, token, what,
			local->bytes[2], number);
}

static struct mirror_subflow *find(struct mirror_connection *c, const struct bri_policy_tuple *t)
{
	for (size_t i = 0; i < MIRROR_SUBFLOWS; i++) {
		if (c->subflows[i].alive && same(&c->subflows[i].subflow.tuple, t))
			return &c->subflows[i];
	}
	return NULL;
}

unsigned mirror_alive(const struct mirror_connection *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < MIRROR_SUBFLOWS; i++)
		n += c->subflows[i].alive && !c->subflows[i].leaving;
	return n;
}

/* ---- what must hold ---- */

static const char *const names[] = { "CREATE", "PRIO", "REMOVE", "DESTROY", "CANCEL", "SAMPLE" };

static void complain(struct mirror *m, const struct bri_policy_command *c, const char *why)
{
	if (m->bad++ < m->quiet_after)
		printf("%s: at %.6f: %s 10.0.%u.2:%u id %u of %08x: %s\n", m->what ? m->what : "",
			(double)m->now_ns / 1e9, names[c->what], c->tuple.local.bytes[2],
			c->tuple.local_port, c->local_id, c->token, why);
}

static bool contains(const uint32_t *list, uint32_t n, uint32_t value)
{
	for (uint32_t i = 0; i < n; i++) {
		if (list[i] == value)
			return true;
	}
	return false;
}

/* good(): the address can be used, says the network and says the application. */
static bool good(const struct mirror *m, const struct mirror_connection *c, const struct bri_ip *ip)
{
	const struct bri_policy_wish *w = &c->wish;

	for (size_t i = 0; i < m->n_addresses; i++) {
		const struct bri_policy_address *a = &m->addresses[i];

		if (!same_ip(&a->ip, ip))
			continue;
		return a->usable &&
		       (!w->n_required || contains(w->required, w->n_required, a->ifindex)) &&
		       !contains(w->prohibited, w->n_prohibited, a->ifindex) &&
		       (!w->only_mask || (w->only_mask & 1u << a->kind));
	}
	return false;
}

static void check_create(
	struct mirror *m, struct mirror_connection *c, const struct bri_policy_command *cmd)
{
	size_t slot = MIRROR_SUBFLOWS;
	unsigned pending = 0;

	if (c->server_side)
		complain(m, cmd, "a server does not join");
	if (!good(m, c, &cmd->tuple.local))
		complain(m, cmd, "the address is unusable or forbidden");
	if (!cmd->tuple.remote_port || cmd->tuple.remote.family != cmd->tuple.local.family)
		complain(m, cmd, "no such remote address");
	for (size_t i = 0; i < MIRROR_SUBFLOWS; i++) {
		const struct bri_policy_subflow *f = &c->subflows[i].subflow;

		if (c->subflows[i].alive && !c->subflows[i].leaving &&
			same_ip(&f->tuple.local, &cmd->tuple.local) !=
				(f->local_id == cmd->local_id))
			complain(m, cmd, "address and id do not match a subflow's");
		pending += c->joins[i].used &&
			   same_ip(&c->joins[i].command.tuple.local, &cmd->tuple.local);
		if (!c->joins[i].used)
			slot = i;
		else if (same_ip(&c->joins[i].command.tuple.local, &cmd->tuple.local) !=
			 (c->joins[i].command.local_id == cmd->local_id))
			complain(m, cmd, "address and id do not match a join's");
	}
	if (slot == MIRROR_SUBFLOWS || pending >= JOINS_MAX) {
		complain(m, cmd, "joins pile up");
		return;
	}
	c->joins[slot] = (struct mirror_join) { true, *cmd };
}

/* join_over(): the kernel has closed a join from that address, or did not begin it. */
static void join_over(struct mirror_connection *c, const struct bri_ip *local)
{
	for (size_t i = 0; c && i < MIRROR_SUBFLOWS; i++) {
		if (!c->joins[i].used || !same_ip(&c->joins[i].command.tuple.local, local))
			continue;
		c->joins[i].used = false;
		return;
	}
}

static void check_cancel(
	struct mirror *m, struct mirror_connection *c, const struct bri_policy_command *cmd)
{
	for (size_t i = 0; i < MIRROR_SUBFLOWS; i++) {
		if (!c->joins[i].used ||
			!same_ip(&c->joins[i].command.tuple.local, &cmd->tuple.local))
			continue;
		c->joins[i].used = false;
		if (m->n_closing < BRI_LEN(m->closing))
			m->closing[m->n_closing++] = c->joins[i].command;
	}
}

/* tell_closing(): the kernel tells of each join that was cancelled and each subflow destroyed. */
static bool tell_closing(struct mirror *m)
{
	struct bri_policy_command c;

	if (!m->n_closing)
		return false;
	c = m->closing[--m->n_closing];
	if (c.what == BRI_POLICY_DESTROY) {
		struct mirror_connection *of = mirror_find(m, c.token);
		struct mirror_subflow *f = of ? find(of, &c.tuple) : NULL;

		if (f)
			f->alive = false;
		bri_policy_on_subflow_closed(m->p, c.token, &c.tuple, 0, 0, m->now_ns);
		return true;
	}
	c.tuple.local_port = m->next_port++;
	bri_policy_on_subflow_closed(m->p, c.token, &c.tuple, ECONNABORTED, 0, m->now_ns);
	return true;
}

static void check_destroy(
	struct mirror *m, struct mirror_connection *c, const struct bri_policy_command *cmd)
{
	struct mirror_subflow *f = find(c, &cmd->tuple);

	if (!f || f->leaving) {
		complain(m, cmd, f ? "twice" : "no such subflow");
		return;
	}
	if (mirror_alive(c) == 1 && good(m, c, &cmd->tuple.local))
		complain(m, cmd, "the last one, and its address is good");
	f->leaving = true;
	if (m->n_closing < BRI_LEN(m->closing))
		m->closing[m->n_closing++] = *cmd;
}

static void check_remove(
	struct mirror *m, struct mirror_connection *c, const struct bri_policy_command *cmd)
{
	for (size_t i = 0; i < MIRROR_SUBFLOWS; i++) {
		if (c->subflows[i].alive && c->subflows[i].subflow.local_id == cmd->local_id)
			return;
	}
	complain(m, cmd, "no subflow has that id");
}

static void check(struct mirror *m, const struct bri_policy_command *cmd)
{
	struct mirror_connection *c = mirror_find(m, cmd->token);
	struct mirror_subflow *f;

	if (m->verbose && cmd->what != BRI_POLICY_SAMPLE)
		printf("%12.6f %08x %s 10.0.%u.2:%u id %u\n", (double)m->now_ns / 1e9, cmd->token,
			names[cmd->what], cmd->tuple.local.bytes[2], cmd->tuple.local_port,
			cmd->local_id);
	if (!c) {
		complain(m, cmd, "no such connection");
		return;
	}
	if (cmd->what != BRI_POLICY_SAMPLE) {
		if (m->now_ns - c->window_ns > WINDOW_NS) {
			c->window_ns = m->now_ns;
			c->in_window = c->facts_in_window = 0;
		}
		if (++c->in_window > WINDOW_MAX + FACT_MAX * c->facts_in_window)
			complain(m, cmd, "too many commands");
	}
	switch (cmd->what) {
	case BRI_POLICY_CREATE: check_create(m, c, cmd); return;
	case BRI_POLICY_CANCEL: check_cancel(m, c, cmd); return;
	case BRI_POLICY_DESTROY: check_destroy(m, c, cmd); return;
	case BRI_POLICY_REMOVE: check_remove(m, c, cmd); return;
	case BRI_POLICY_PRIO:
		f = find(c, &cmd->tuple);
		if (!f || f->leaving)
			complain(m, cmd, "no such subflow");
		else
			f->subflow.backup = cmd->backup;
		return;
	case BRI_POLICY_SAMPLE:
		if (!find(c, &cmd->tuple))
			complain(m, cmd, "no such subflow");
		return;
	}
}

/* check_rest(): after a turn: somebody carries the data, and the policy is not busy. */
static void check_rest(struct mirror *m)
{
	struct bri_policy_command none = { .what = BRI_POLICY_SAMPLE };
	struct bri_policy_path_state paths[BRI_POLICY_PATHS_MAX];

	for (size_t i = 0; i < MIRROR_CONNECTIONS; i++) {
		struct mirror_connection *c = &m->connections[i];
		unsigned primaries = 0;
		size_t n;

		if (!c->used)
			continue;
		n = bri_policy_paths(m->p, c->token, paths);
		for (size_t k = 0; k < n && k < BRI_POLICY_PATHS_MAX; k++)
			primaries += paths[k].primary;
		none.token = c->token;
		if (n > BRI_POLICY_PATHS_MAX || primaries > 1)
			complain(m, &none, "more paths or primaries than there may be");
	}
}

void mirror_turn(struct mirror *m)
{
	struct bri_policy_command c;
	struct bri_policy_news news;
	unsigned turns = 0;

	m->n_last = 0;
	for (;;) {
		if (!bri_policy_next(m->p, &c)) {
			if (!tell_closing(m))
				break;
			continue;
		}
		if (m->n_last < BRI_LEN(m->last))
			m->last[m->n_last++] = c;
		m->n_commands++;
		m->n_samples += c.what == BRI_POLICY_SAMPLE;
		check(m, &c);
		if (++turns > TURN_MAX) {
			complain(m, &c, "no end of commands");
			break;
		}
	}
	while (bri_policy_next_news(m->p, &news)) {
		m->n_news++;
		if (news.kind >= BRI_POLICY_NEWS_N || !mirror_find(m, news.token))
			complain(m, &c, "news of nothing");
	}
	check_rest(m);
}

void mirror_pass(struct mirror *m, uint64_t ns)
{
	uint64_t until_ns = m->now_ns + ns, deadline;
	unsigned turns = 0;

	while ((deadline = bri_policy_deadline_ns(m->p)) <= until_ns) {
		struct bri_policy_command none = { .what = BRI_POLICY_SAMPLE };

		if (deadline > m->now_ns)
			m->now_ns = deadline;
		bri_policy_expire(m->p, m->now_ns);
		mirror_turn(m);
		/* SAMPLEs of many connections come often; ten minutes of one are 60000 looks */
		if (++turns > 400000 || bri_policy_deadline_ns(m->p) <= m->now_ns) {
			complain(m, &none, "a deadline that is always due");
			break;
		}
	}
	m->now_ns = until_ns;
}

/* ---- facts ---- */

void mirror_addresses(struct mirror *m, const struct bri_policy_address *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fact(m, 0, "address", &list[i].ip, list[i].usable);
	if (n)
		memcpy(m->addresses, list, n * sizeof(*list));
	m->n_addresses = n;
	for (size_t i = 0; i < MIRROR_CONNECTIONS; i++)
		m->connections[i].facts_in_window++;
	bri_policy_set_addresses(m->p, list, n, m->now_ns);
	mirror_turn(m);
}

void mirror_connect(struct mirror *m, const struct bri_policy_connection *connection)
{
	struct mirror_connection *c = mirror_find(m, connection->token);

	for (size_t i = 0; i < MIRROR_CONNECTIONS && !c; i++) {
		if (m->connections[i].used)
			continue;
		c = &m->connections[i];
		*c = (struct mirror_connection) { .used = true,
			.token = connection->token,
			.server_side = connection->server_side };
	}
	if (!c)
		abort();
	fact(m, c->token, c->server_side ? "server" : "connection", &connection->initial.local,
		connection->wish.service);
	c->wish = connection->wish;
	c->facts_in_window++;
	if (bri_policy_on_connection(m->p, connection, m->now_ns) < 0)
		abort();
	mirror_turn(m);
}

void mirror_close(struct mirror *m, uint32_t token)
{
	struct mirror_connection *c = mirror_find(m, token);

	if (c)
		c->used = false;
	bri_policy_on_closed(m->p, token);
	mirror_turn(m);
}

void mirror_wish(struct mirror *m, uint32_t token, const struct bri_policy_wish *wish)
{
	struct mirror_connection *c = mirror_find(m, token);

	if (c) {
		fact(m, token, "wish", &(struct bri_ip) { 0 }, wish->service);
		c->wish = *wish;
		c->facts_in_window++;
	}
	if (bri_policy_set_wish(m->p, token, wish, m->now_ns) != (c ? 0 : -ENOENT))
		abort();
	mirror_turn(m);
}

void mirror_up(struct mirror *m, uint32_t token, const struct bri_policy_subflow *subflow)
{
	struct mirror_connection *c = mirror_find(m, token);

	if (c && !find(c, &subflow->tuple)) {
		fact(m, token, "up", &subflow->tuple.local, subflow->tuple.local_port);
		c->facts_in_window++;
		for (size_t i = 0; i < MIRROR_SUBFLOWS; i++) {
			if (c->subflows[i].alive)
				continue;
			c->subflows[i] = (struct mirror_subflow) { *subflow, true, false };
			break;
		}
	}
	bri_policy_on_subflow(m->p, token, subflow, m->now_ns);
	mirror_turn(m);
}

void mirror_down(struct mirror *m, uint32_t token, const struct bri_policy_tuple *tuple,
	uint8_t error, uint32_t reason)
{
	struct mirror_connection *c = mirror_find(m, token);
	struct mirror_subflow *f = c ? find(c, tuple) : NULL;

	fact(m, token, "closed", &tuple->local, tuple->local_port);
	if (f)
		f->alive = false;
	else
		join_over(c, &tuple->local);
	if (c)
		c->facts_in_window++;
	bri_policy_on_subflow_closed(m->p, token, tuple, error, reason, m->now_ns);
	mirror_turn(m);
}

void mirror_sample(struct mirror *m, uint32_t token, const struct bri_policy_tuple *tuple,
	const struct bri_policy_sample *sample)
{
	struct mirror_connection *c = mirror_find(m, token);
	struct mirror_subflow *f = c ? find(c, tuple) : NULL;

	if (f && !sample)
		f->alive = false;
	if (c)
		c->facts_in_window++;
	bri_policy_on_sample(m->p, token, tuple, sample, m->now_ns);
	mirror_turn(m);
}

void mirror_refuse(struct mirror *m, const struct bri_policy_command *command, int error)
{
	struct mirror_connection *c = mirror_find(m, command->token);
	struct mirror_subflow *f = c ? find(c, &command->tuple) : NULL;

	if (c)
		c->facts_in_window++;
	if (f && (command->what == BRI_POLICY_DESTROY || command->what == BRI_POLICY_PRIO) &&
		(error == ESRCH || error == ENOENT || error == ENOTCONN))
		f->alive = false; /* the kernel does not know it */
	if (command->what == BRI_POLICY_CREATE)
		join_over(c, &command->tuple.local);
	fact(m, command->token, "refused", &command->tuple.local, (unsigned)error);
	bri_policy_on_refused(m->p, command, error, m->now_ns);
	mirror_turn(m);
}

bool mirror_answer(struct mirror *m, uint32_t token)
{
	struct mirror_connection *c = mirror_find(m, token);

	for (size_t i = 0; c && i < MIRROR_SUBFLOWS; i++) {
		const struct bri_policy_command *cmd = &c->joins[i].command;
		struct bri_policy_subflow f = { .tuple = cmd->tuple,
			.local_id = cmd->local_id,
			.remote_id = cmd->remote_id,
			.ifindex = cmd->ifindex,
			.backup = cmd->backup };

		if (!c->joins[i].used)
			continue;
		c->joins[i].used = false;
		f.tuple.local_port = m->next_port++;
		mirror_up(m, token, &f);
		return true;
	}
	return false;
}

const struct bri_policy_command *mirror_last(
	const struct mirror *m, enum bri_policy_what what, unsigned skip)
{
	for (size_t i = 0; i < m->n_last; i++) {
		if (m->last[i].what == what && !skip--)
			return &m->last[i];
	}
	return NULL;
}
