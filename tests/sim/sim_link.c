/*
 * Links: rate, queue, delay, jitter, loss, pauses of a radio, another flow's queue; and packets.
 * Frames of one direction never overtake each other. Knows nothing of what they carry.
 */
#include <stdlib.h>
#include <string.h>
#include "sim_internal.h"

#define HEADERS     80u
#define POOL_BLOCK  256u
#define FILL_STEP   (5 * SIM_MS)
#define JITTER_STEP (50 * SIM_MS)

struct sim_packet *sim_packet(struct sim *s, struct sim_subflow *f, enum sim_kind kind, uint8_t dir)
{
	struct sim_packet *p = s->pool;

	if (!p) {
		struct sim_packet *block = sim_alloc(POOL_BLOCK, sizeof(*block));

		s->blocks = reallocarray(s->blocks, s->n_blocks + 1, sizeof(*s->blocks));
		if (!s->blocks)
			abort();
		s->blocks[s->n_blocks++] = block;
		for (size_t i = 0; i < POOL_BLOCK; i++) {
			block[i].next = s->pool;
			s->pool = &block[i];
		}
		p = s->pool;
	}
	s->pool = p->next;
	memset(p, 0, sizeof(*p));
	p->f = f;
	p->kind = kind;
	p->dir = dir;
	return p;
}

static void drop(struct sim *s, struct sim_packet *p)
{
	p->next = s->pool;
	s->pool = p;
}

/* passes(): does the path take frames of this direction, from and to the subflow's address? What
 * the client has sent before its address went arrives. */
static bool passes(const struct sim *s, const struct sim_packet *p, bool on_its_way)
{
	size_t path = p->f->path;
	bool sent = on_its_way && p->dir == SIM_UPWARD;

	switch (s->config.paths[path].state) {
	case SIM_UP: return sent || p->f->address == s->routes[path].address;
	case SIM_GONE: return sent;
	case SIM_SILENT_UP:
		return p->dir == SIM_DOWNWARD && p->f->address == s->routes[path].address;
	case SIM_SILENT:
	case SIM_DOWN: return false;
	}
	return false;
}

static void deliver(struct sim *s, void *arg, uint64_t tag)
{
	struct sim_packet *p = arg;
	struct sim_route *route = &s->routes[p->f->path];

	(void)tag;
	if (s->now_ns < route->hold_ns) {
		sim_push(s, route->hold_ns, deliver, p, 0);
		return;
	}
	if (passes(s, p, true))
		sim_subflow_input(s, p);
	drop(s, p);
}

static uint64_t jitter(struct sim *s, const struct sim_path *path, struct sim_link *link)
{
	if (!path->jitter_ns)
		return 0;
	if (s->now_ns >= link->extra_until_ns) {
		uint64_t every = path->jitter_every_ns ? path->jitter_every_ns : JITTER_STEP;

		link->extra_ns = sim_random(s, path->jitter_ns);
		link->extra_until_ns = s->now_ns + every / 2 + sim_random(s, every);
	}
	return link->extra_ns;
}

void sim_send(struct sim *s, struct sim_packet *p)
{
	const struct sim_path *path = &s->config.paths[p->f->path];
	struct sim_route *route = &s->routes[p->f->path];
	struct sim_link *link = &route->links[p->dir];
	uint64_t size = p->len + HEADERS, rate = path->rate_bps, at;
	uint64_t queue = path->queue_bytes ? path->queue_bytes : 65536;
	uint64_t wait = link->busy_ns > s->now_ns ? link->busy_ns - s->now_ns : 0;

	route->payload += p->len;
	if (!passes(s, p, false) || wait * (rate / 1000) / 8000000 + size > queue ||
		(path->loss_ppm && sim_random(s, 1000000) < path->loss_ppm)) {
		drop(s, p);
		return;
	}
	link->busy_ns = s->now_ns + wait + size * 8 * BRI_NS_PER_S / rate;
	at = link->busy_ns + path->delay_ns + jitter(s, path, link);
	if (at <= link->last_ns)
		at = link->last_ns + 1;
	link->last_ns = at;
	sim_push(s, at, deliver, p, 0);
}

/* A radio that pauses: both directions wait. */
static void on_pause(struct sim *s, void *arg, uint64_t tag)
{
	const struct sim_path *path = &s->config.paths[tag];
	uint64_t every = path->pause_every_ns;

	(void)arg;
	if (!every) {
		sim_push(s, s->now_ns + SIM_S, on_pause, NULL, tag);
		return;
	}
	s->routes[tag].hold_ns = s->now_ns + path->pause_min_ns +
				 sim_random(s, path->pause_max_ns - path->pause_min_ns + 1);
	sim_push(s, s->now_ns + every / 2 + sim_random(s, every), on_pause, NULL, tag);
}

/* Somebody else's flow: it takes all of the rate and keeps up to fill_ns in the queue. It grows as
 * a window does, about one packet per round trip and so over a second or two. */
static void on_fill(struct sim *s, void *arg, uint64_t tag)
{
	const struct sim_path *path = &s->config.paths[tag];
	struct sim_route *route = &s->routes[tag];
	uint64_t age, target;

	(void)arg;
	sim_push(s, s->now_ns + FILL_STEP, on_fill, NULL, tag);
	if (!path->fill_every_ns || s->now_ns / path->fill_every_ns % 2 == 0) {
		route->fill_from_ns = BRI_NEVER;
		return;
	}
	if (route->fill_from_ns == BRI_NEVER)
		route->fill_from_ns = s->now_ns;
	age = s->now_ns - route->fill_from_ns;
	target = age >= SIM_S ? path->fill_ns : path->fill_ns * (age / SIM_MS) / 1000;
	for (unsigned d = 0; d < 2; d++) {
		if (route->links[d].busy_ns < s->now_ns + target)
			route->links[d].busy_ns = s->now_ns + target;
	}
}

void sim_links_start(struct sim *s)
{
	for (size_t i = 0; i < s->config.n_paths; i++) {
		s->routes[i].fill_from_ns = BRI_NEVER;
		sim_push(s, SIM_S + sim_random(s, SIM_S), on_pause, NULL, i);
		if (s->config.paths[i].fill_every_ns)
			sim_push(s, FILL_STEP, on_fill, NULL, i);
	}
}

void sim_links_free(struct sim *s)
{
	for (size_t i = 0; i < s->n_blocks; i++)
		free(s->blocks[i]);
	free(s->blocks);
}
