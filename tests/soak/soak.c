/*
 * One run of the soak: a lab with random paths, connections that send random amounts both ways, and
 * at random times paths that die, come back and change. At the end at least one path works for
 * every connection, so that nothing may be lost. Knows nothing of other runs.
 *
 * Kernels (6.18) can come to a stop of their own, and no program can help it. Seen were:
 *
 * - Bytes that came out of order fill an MPTCP socket's whole receive buffer, and the bytes that
 *   are missing, which came later on another subflow, are not taken in (the newest kernels prune
 *   that queue).
 * - What is on a dead subflow is not sent again on the other one, which is a backup and idle.
 * - The handshake's last acknowledgement is lost, and of what the client sent after it the server
 *   sees a later segment first, without MP_CAPABLE: it goes on as TCP. What the client sends again
 *   on the MPTCP level, before it hears of that, is to the server more of the stream: wrong bytes.
 *   The client may not fall back any more then, and resets its only subflow; a join needs a peer
 *   that confirmed the first one. Its socket stays for net.mptcp.close_timeout, 60 s. MIB counters
 *   tell of both ends. https://github.com/multipath-tcp/mptcp_net-next/issues/519 has the danger.
 *
 * Such a run is told apart by the kernel's own numbers: at neither end of a connection that is
 * stuck there is a byte that could be received, and one end's kernel holds bytes that it took, of
 * which none was acknowledged for seconds.
 */
#include "soak.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "net/mp_pattern.h"
#include "net/mp_run.h"

#define CHANGES_MAX 24
#define LIMIT_MS    40000 /* of the programs: a transfer that takes so long is stuck */
#define STALL_NS    (15 * NSEC_PER_SEC) /* after the last change: all could be over */
#define HELD_MS     5000                /* nothing is acknowledged for so long */
#define SETTLE_NS   (2500 * BRI_NS_PER_MS)

struct change {
	uint64_t at_ns;
	uint32_t path;
	struct bri_lab_change lab;
};

struct soak {
	uint64_t random;
	struct bri_lab_config config;
	struct change changes[CHANGES_MAX]; /* sorted by time */
	uint32_t n_changes;
	int spare; /* the path that may stay dead at the end; -1: none */
	struct bri_lab_change spare_death;
	struct mp_run run;
	struct soak_result *result;
};

/* 0..n-1 */
static uint64_t below(struct soak *s, uint64_t n)
{
	return mp_random(&s->random) % n;
}

static uint64_t between(struct soak *s, uint64_t low, uint64_t high)
{
	return low + below(s, high - low + 1);
}

static bool one_in(struct soak *s, unsigned n)
{
	return below(s, n) == 0;
}

/* --- the plan --- */

static void plan_paths(struct soak *s)
{
	static const char *const names[] = { "wlan", "wwan", "eth" };

	s->config = (struct bri_lab_config) {
		.seed = s->random, .n_paths = (uint32_t)between(s, 2, 3), .mptcp_endpoints = true
	};
	for (uint32_t i = 0; i < s->config.n_paths; i++) {
		struct bri_lab_path_config *path = &s->config.paths[i];

		snprintf(path->name, sizeof(path->name), "%s", names[i]);
		path->backup = i > 0 && one_in(s, 7);
		for (int d = 0; d < 2; d++)
			path->link[d] = (struct bri_lab_link) { .delay_ns = between(s, 1, 60) *
									    BRI_NS_PER_MS,
				.jitter_ns = one_in(s, 3) ? between(s, 1, 8) * BRI_NS_PER_MS : 0,
				.rate_bps = between(s, 4, 50) * 1000000,
				.queue_bytes = one_in(s, 2) ? between(s, 20000, 300000) : 0,
				.loss_ppm = one_in(s, 3) ? (uint32_t)between(s, 500, 10000) : 0 };
	}
}

/* As much as the paths carry in about two seconds, had they all the time. Where a path may stay
 * dead no small pieces: what was on it the kernel sends again elsewhere, one piece every 200 ms. */
static void plan_connections(struct soak *s)
{
	struct mp_shared *shared = s->run.shared;
	uint64_t budget = 0;

	shared->connections = (uint32_t)between(s, 1, MP_CONNECTIONS_MAX);
	shared->limit_ms = LIMIT_MS;
	for (uint32_t i = 0; i < s->config.n_paths; i++)
		budget += s->config.paths[i].link[0].rate_bps / 8;
	for (uint32_t i = 0; i < shared->connections; i++)
		shared->specs[i] = (struct mp_spec) { .seed = mp_random(&s->random),
			.up = one_in(s, 5) ? 0 : below(s, budget / shared->connections),
			.down = one_in(s, 5) ? 0 : below(s, budget / shared->connections),
			.piece = one_in(s, 4) ? 0 : 1u << between(s, s->spare < 0 ? 9 : 14, 18),
			.early_end = one_in(s, 4),
			.plain = one_in(s, 8),
			.restart_ms = 500 };
	shared->specs[0].down += 1000000; /* a run with nothing to do shows nothing */
	if (one_in(s, 4))                 /* some over IPv6 */
		memcpy(shared->address, BRI_LAB_SERVICE6, sizeof(BRI_LAB_SERVICE6));
}

static void add_change(struct soak *s, uint64_t at_ns, uint32_t path, struct bri_lab_change lab)
{
	uint32_t i = s->n_changes;

	if (i == CHANGES_MAX)
		return;
	for (; i > 0 && s->changes[i - 1].at_ns > at_ns; i--)
		s->changes[i] = s->changes[i - 1];
	s->changes[i] = (struct change) { at_ns, path, lab };
	s->n_changes++;
}

static struct bri_lab_change death(struct soak *s)
{
	switch (below(s, 3)) {
	case 0: return (struct bri_lab_change) { .set = BRI_LAB_SET_STATE, .state = BRI_LAB_DOWN };
	case 1:
		return (struct bri_lab_change) { .set = BRI_LAB_SET_STATE,
			.state = BRI_LAB_SILENT };
	default: return (struct bri_lab_change) { .set = BRI_LAB_SET_ADDRESS, .address = false };
	}
}

static const struct bri_lab_change life = {
	.set = BRI_LAB_SET_STATE | BRI_LAB_SET_ADDRESS, .state = BRI_LAB_UP, .address = true
};

/* An outage, or another delay, loss or rate, at any time before all has to settle. */
static void plan_change(struct soak *s)
{
	uint32_t path = (uint32_t)below(s, s->config.n_paths);
	uint64_t at_ns = between(s, 10, 2000) * BRI_NS_PER_MS;
	struct bri_lab_change lab = { .directions = (uint32_t)below(s, 4) };

	if (!one_in(s, 3)) {
		add_change(s, at_ns, path, death(s));
		add_change(s, at_ns + between(s, 50, 900) * BRI_NS_PER_MS, path, life);
		return;
	}
	lab.set = BRI_LAB_SET_DELAY | BRI_LAB_SET_LOSS | BRI_LAB_SET_RATE;
	lab.link.delay_ns = between(s, 1, 150) * BRI_NS_PER_MS;
	lab.link.loss_ppm = one_in(s, 2) ? (uint32_t)between(s, 1000, 30000) : 0;
	lab.link.rate_bps = between(s, 3, 60) * 1000000;
	add_change(s, at_ns, path, lab);
}

static void plan(struct soak *s)
{
	uint32_t n;

	plan_paths(s);
	s->spare = one_in(s, 2) ? (int)below(s, s->config.n_paths) : -1;
	plan_connections(s);
	n = (uint32_t)between(s, 1, 9);
	for (uint32_t i = 0; i < n; i++)
		plan_change(s);
	s->spare_death = death(s);
}

/* --- doing it --- */

static bool all_over(const struct mp_shared *shared)
{
	for (uint32_t i = 0; i < shared->connections; i++) {
		if (!shared->client[i].over)
			return false;
	}
	return true;
}

/* Every connection that is not over has, at both ends, a subflow on another path. The kernel does
 * not try again to make one: a connection without would rightly be stuck. */
static bool can_spare(const struct mp_shared *shared, int path)
{
	uint32_t others = ~(1u << path);

	for (uint32_t i = 0; i < shared->connections; i++) {
		const struct mp_end *server = mp_server_of(shared, i);

		if (server && server->over && shared->client[i].over)
			continue;
		/* one that the client is done with may still have bytes under way in the kernel */
		if (!server || shared->client[i].over ||
			!(shared->client[i].live & server->live & others))
			return false;
	}
	return true;
}

static void change(struct soak *s, uint32_t path, const struct bri_lab_change *lab)
{
	int r = bri_lab_set(s->run.lab, path, lab);

	if (r < 0 && !*s->result->why)
		snprintf(s->result->why, sizeof(s->result->why), "path %s: %s",
			s->config.paths[path].name, strerror(-r));
	s->result->changes++;
}

static void wait_until(const struct mp_shared *shared, uint64_t at_ns)
{
	while (mp_now_ns() < at_ns && !all_over(shared))
		poll(NULL, 0, 2);
}

static void do_changes(struct soak *s, uint64_t begun_ns)
{
	const struct mp_shared *shared = s->run.shared;

	for (uint32_t i = 0; i < s->n_changes && !all_over(shared); i++) {
		wait_until(shared, begun_ns + s->changes[i].at_ns);
		change(s, s->changes[i].path, &s->changes[i].lab);
	}
	wait_until(shared, begun_ns + SETTLE_NS);
	for (uint32_t i = 0; i < s->config.n_paths; i++)
		change(s, i, &life);
	if (s->spare < 0 || all_over(shared) || !can_spare(shared, s->spare))
		return;
	change(s, (uint32_t)s->spare, &s->spare_death);
	s->result->left_dead = true;
}

static void describe_paths(const struct soak *s, char *to, size_t size)
{
	size_t n = strlen(to);

	for (uint32_t i = 0; i < s->config.n_paths && n < size; i++) {
		const struct bri_lab_path_config *path = &s->config.paths[i];
		struct bri_lab_stats stats = { 0 };

		(void)bri_lab_stats(s->run.lab, i, &stats);
		n += (size_t)snprintf(to + n, size - n,
			"\n    %s%s%s: state %d%s, up %.0f ms %.0f Mbit/s, down %.0f ms %.0f "
			"Mbit/s",
			path->name, path->backup ? " backup" : "",
			(int)i == s->spare ? " (spare)" : "", (int)stats.state,
			stats.address ? "" : " without address",
			(double)path->link[0].delay_ns / 1e6, (double)path->link[0].rate_bps / 1e6,
			(double)path->link[1].delay_ns / 1e6, (double)path->link[1].rate_bps / 1e6);
	}
}

/* What there was when it failed. */
static void describe(const struct soak *s, char *to, size_t size)
{
	const struct mp_shared *shared = s->run.shared;
	size_t n = strlen(to);

	for (uint32_t i = 0; i < shared->connections && n < size; i++) {
		const struct mp_end *c = &shared->client[i], *e = mp_server_of(shared, i);
		const struct mp_spec *spec = &shared->specs[i];

		n += (size_t)snprintf(to + n, size - n,
			"\n    connection %" PRIu32 "%s%s, pieces to %" PRIu32
			": state %d, up %" PRIu64 "/%" PRIu64 " of %" PRIu64 ", down %" PRIu64
			"/%" PRIu64 " of %" PRIu64 ", live %x/%x, reason %d",
			i, spec->plain ? " plain" : "", spec->early_end ? " early end" : "",
			spec->piece, c->state, c->out.bytes, e ? e->in.bytes : 0, spec->up,
			e ? e->out.bytes : 0, c->in.bytes, spec->down, c->live, e ? e->live : 0,
			c->last_reason - 1);
	}
}

/* An MPTCP socket with bytes that the peer has not acknowledged. */
struct held {
	unsigned client_port; /* of its connection */
	uint64_t snd_una;
};

struct helds {
	struct held list[2 * MP_CONNECTIONS_MAX];
	size_t n;
};

/* A line of ss -MnHiO: state, two queues, local and peer address, ... write_seq:X snd_una:Y */
static void add_held(const char *line, enum bri_lab_side side, struct helds *ret)
{
	const char *write_seq = strstr(line, " write_seq:"), *snd_una = strstr(line, " snd_una:");
	char address[2][96], *port;
	struct held held = { 0 };
	uint64_t written;

	if (!write_seq || sscanf(write_seq, " write_seq:%" SCNx64, &written) != 1 || !snd_una ||
		sscanf(snd_una, " snd_una:%" SCNx64, &held.snd_una) != 1 ||
		sscanf(line, "%*s %*s %*s %95s %95s", address[0], address[1]) != 2 ||
		written == held.snd_una || ret->n == BRI_LEN(ret->list))
		return;
	port = strrchr(address[side], ':');
	if (port && sscanf(port + 1, "%u", &held.client_port) == 1)
		ret->list[ret->n++] = held;
}

static void find_held(struct soak *s, enum bri_lab_side side, struct helds *ret)
{
	static const char *const argv[] = { "ss", "-MnHiO", NULL };
	struct bri_lab_stdio io = { -1, -1, -1 };
	char line[1024];
	int fds[2];
	FILE *out;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	io.out = fds[1];
	if (bri_lab_spawn(s->run.lab, side, argv, &io, &pid) < 0)
		pid = -1;
	close(fds[1]);
	out = fdopen(fds[0], "re");
	while (pid > 0 && out && fgets(line, sizeof(line), out))
		add_held(line, side, ret);
	if (out)
		fclose(out);
	if (pid > 0)
		(void)bri_lab_wait(s->run.lab, pid, 5000);
}

static struct helds find_helds(struct soak *s)
{
	struct helds found = { 0 };

	find_held(s, BRI_LAB_CLIENT, &found);
	find_held(s, BRI_LAB_SERVER, &found);
	return found;
}

static bool is_in(const struct helds *helds, const struct held *held)
{
	for (size_t i = 0; i < helds->n; i++) {
		if (helds->list[i].client_port == held->client_port &&
			helds->list[i].snd_una == held->snd_una)
			return true;
	}
	return false;
}

/* Of how many connections one end holds bytes, none of which is acknowledged within HELD_MS. */
static unsigned held_connections(struct soak *s)
{
	struct helds before = find_helds(s), now;
	unsigned ports[BRI_LEN(now.list)], n = 0, known;

	poll(NULL, 0, HELD_MS);
	now = find_helds(s);
	for (size_t i = 0; i < now.n; i++) {
		if (!is_in(&before, &now.list[i]))
			continue;
		ports[n] = now.list[i].client_port;
		for (known = 0; ports[known] != ports[n]; known++)
			;
		n += known == n; /* not by its other end already */
	}
	return n;
}

/* The client's end has no subflow, and waits; the server's was reset. */
static bool is_reset(const struct mp_shared *shared, uint32_t i)
{
	const struct mp_end *client = &shared->client[i], *server = mp_server_of(shared, i);

	return client->ready_ns && !client->over && !client->live && server &&
	       server->error == ECONNRESET;
}

/* The server's kernel fell back, and the client's could not any more: as often as there are such
 * ends. What the server got is nobody's then. */
static bool is_fallback_failed(struct soak *s, uint32_t i)
{
	const struct mp_shared *shared = s->run.shared;
	uint64_t failed = 0, fell_back = 0;
	unsigned n = 0;

	(void)bri_lab_mib(s->run.lab, BRI_LAB_CLIENT, "FallbackFailed", &failed);
	(void)bri_lab_mib(s->run.lab, BRI_LAB_SERVER, "MPCapableFallbackACK", &fell_back);
	for (uint32_t k = 0; k < shared->connections; k++)
		n += is_reset(shared, k);
	return is_reset(shared, i) && failed >= n && fell_back >= n;
}

static bool both_over(const struct mp_shared *shared, uint32_t i)
{
	const struct mp_end *server = mp_server_of(shared, i);

	return shared->client[i].over && server && server->over;
}

/* The ends that are not over ask the kernel, and there is nothing: they have not overslept. */
static bool nothing_to_read(struct mp_shared *shared)
{
	shared->ask_unread = true;
	for (uint32_t i = 0; i < shared->connections; i++) {
		struct mp_end *ends[] = { &shared->client[i], &shared->server[i] };

		for (int k = 0; k < 2; k++) {
			/* at the end of a stream the kernel says 1 */
			if (ends[k]->over || !ends[k]->ready_ns || ends[k]->in.ended)
				continue;
			if (!mp_wait64(&ends[k]->unread, 1, 2000) || ends[k]->unread != 1)
				return false;
		}
	}
	return true;
}

/* Whether the kernel has stopped all connections that are not over after a time in which every one
 * could have ended. */
static bool is_kernel_stalled(struct soak *s)
{
	const struct mp_shared *shared = s->run.shared;
	uint64_t until_ns = mp_now_ns() + STALL_NS;
	unsigned open;

	do {
		open = 0;
		for (uint32_t i = 0; i < shared->connections; i++)
			open += !both_over(shared, i);
		if (open)
			poll(NULL, 0, 20);
	} while (open && mp_now_ns() < until_ns);
	return open && nothing_to_read(s->run.shared) && held_connections(s) >= open;
}

static bool is_right_so_far(struct soak *s, uint32_t i)
{
	const struct mp_end *client = &s->run.shared->client[i],
			    *server = mp_server_of(s->run.shared, i);

	return client->reason == braid_multipath_active + 1 && !client->error &&
	       !client->in.wrong &&
	       (!server || (!server->error && !server->in.wrong) || is_fallback_failed(s, i));
}

static void judge(struct soak *s)
{
	struct soak_result *result = s->result;
	const struct mp_shared *shared = s->run.shared;
	char ended[256] = "";
	bool good = !*result->why;

	result->stalled = is_kernel_stalled(s);
	if (result->stalled)
		mp_kill(&s->run);
	else
		good = mp_finish(&s->run, LIMIT_MS + 5000, ended, sizeof(ended)) && good;
	for (uint32_t i = 0; i < shared->connections; i++) {
		const struct mp_end *end = &shared->client[i];
		char why[256] = "";
		size_t n = strlen(result->why);

		result->bytes += end->in.bytes + end->out.bytes;
		if (result->stalled && !both_over(shared, i) && is_right_so_far(s, i))
			continue;
		if (!mp_check(shared, i, why, sizeof(why))) {
			snprintf(result->why + n, sizeof(result->why) - n,
				"%sconnection %" PRIu32 ": %s", n ? "; " : "", i, why);
			good = false;
		}
		if (end->in.pause_ns > result->pause_ns)
			result->pause_ns = end->in.pause_ns;
		result->multipath += end->reason == braid_multipath_active + 1;
		result->several += end->most_count > 1;
	}
	if (!good) {
		size_t n = strlen(result->why);

		n += (size_t)snprintf(result->why + n, sizeof(result->why) - n, "; %s", ended);
		describe(s, result->why, sizeof(result->why));
		describe_paths(s, result->why, sizeof(result->why));
	}
	result->connections = shared->connections;
	result->paths = s->config.n_paths;
	result->passed = good && !result->stalled;
	result->stalled = result->stalled && good;
}

static int start(struct soak *s, char *why, size_t why_size)
{
	int r = bri_lab_open_why(&s->config, why, why_size, &s->run.lab);

	if (r < 0)
		return r;
	r = mp_start_server(&s->run);
	if (r == 0)
		r = mp_start_client(&s->run);
	if (r < 0)
		snprintf(why, why_size, "starting the programs: %s", strerror(-r));
	return r;
}

void soak_run(uint64_t seed, struct soak_result *ret)
{
	struct soak s = { .random = seed, .result = ret };
	uint64_t begun_ns = mp_now_ns();

	*ret = (struct soak_result) { 0 };
	s.run.shared = mp_shared_new();
	if (!s.run.shared) {
		snprintf(ret->why, sizeof(ret->why), "no memory");
		return;
	}
	mp_shared_reset(s.run.shared);
	plan(&s);
	if (start(&s, ret->why, sizeof(ret->why)) == 0) {
		do_changes(&s, mp_now_ns());
		judge(&s);
	}
	mp_kill(&s.run);
	bri_lab_close(s.run.lab);
	ret->duration_ns = mp_now_ns() - begun_ns;
}
