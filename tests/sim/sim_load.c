/* What the application does with the connection, and what it notices. */
#include "sim_internal.h"

#define BULK_CHUNKS  1024u /* a send buffer of 1.4 MB */
#define SPARSE_BYTES 200u

static uint64_t period(const struct sim *s)
{
	const struct sim_config *c = &s->config;

	if (c->period_ns)
		return c->period_ns;
	switch (c->load) {
	case SIM_LOAD_SPARSE: return 300 * SIM_MS;
	case SIM_LOAD_REQUEST: return 200 * SIM_MS;
	case SIM_LOAD_NONE:
	case SIM_LOAD_STREAM_UP:
	case SIM_LOAD_STREAM_DOWN:
	case SIM_LOAD_BULK_UP:
	case SIM_LOAD_BULK_DOWN: break;
	}
	return 10 * SIM_MS;
}

static uint32_t message(const struct sim *s)
{
	if (s->config.message_bytes)
		return s->config.message_bytes;
	return s->config.load == SIM_LOAD_REQUEST ? 20000 : 1250;
}

static void fill(struct sim *s, uint8_t dir)
{
	struct sim_stream *st = &s->streams[dir];

	while (!s->app_paused && st->end - st->una < BULK_CHUNKS)
		sim_stream_write(st, SIM_MSS, s->now_ns);
}

void sim_load_room(struct sim *s, uint8_t dir)
{
	if ((s->config.load == SIM_LOAD_BULK_UP && dir == SIM_UPWARD) ||
		(s->config.load == SIM_LOAD_BULK_DOWN && dir == SIM_DOWNWARD))
		fill(s, dir);
}

static void on_load(struct sim *s, void *arg, uint64_t tag)
{
	uint64_t every = period(s);

	(void)arg;
	(void)tag;
	switch (s->config.load) {
	case SIM_LOAD_NONE: return;
	case SIM_LOAD_STREAM_UP:
	case SIM_LOAD_STREAM_DOWN:
		if (!s->app_paused)
			sim_stream_write(
				&s->streams[s->config.load == SIM_LOAD_STREAM_UP ? SIM_UPWARD
										 : SIM_DOWNWARD],
				message(s), s->now_ns);
		break;
	case SIM_LOAD_SPARSE:
		if (!s->app_paused)
			sim_stream_write(&s->streams[SIM_UPWARD], SPARSE_BYTES, s->now_ns);
		every = every / 4 + sim_random(s, every * 3 / 2);
		break;
	case SIM_LOAD_REQUEST:
		if (!s->app_paused) {
			sim_stream_write(&s->streams[SIM_UPWARD], SPARSE_BYTES, s->now_ns);
			return; /* the answer makes the next */
		}
		break;
	case SIM_LOAD_BULK_UP: fill(s, SIM_UPWARD); return;
	case SIM_LOAD_BULK_DOWN: fill(s, SIM_DOWNWARD); return;
	}
	sim_arm(s, &s->load, s->now_ns + every);
}

static void count(struct sim *s, const struct sim_chunk *c)
{
	uint64_t took = s->now_ns - c->created_ns;

	s->seen.messages++;
	s->seen.total_ns += took;
	if (took > s->seen.worst_ns) {
		s->seen.worst_ns = took;
		s->seen.worst_at_ns = s->now_ns;
	}
}

static void note_gap(struct sim *s)
{
	if (s->now_ns - s->delivered_ns > s->seen.gap_ns) {
		s->seen.gap_ns = s->now_ns - s->delivered_ns;
		s->seen.gap_at_ns = s->now_ns;
	}
}

void sim_load_delivered(struct sim *s, uint8_t dir, const struct sim_chunk *c)
{
	bool asks = s->config.load == SIM_LOAD_SPARSE || s->config.load == SIM_LOAD_REQUEST;

	s->moved += c->len;
	s->seen.bytes += c->len;
	note_gap(s);
	s->delivered_ns = s->now_ns;
	if (!c->last)
		return;
	if (asks && dir == SIM_UPWARD) {
		sim_stream_write(&s->streams[SIM_DOWNWARD],
			s->config.load == SIM_LOAD_SPARSE ? SPARSE_BYTES : message(s),
			c->created_ns);
		return;
	}
	count(s, c);
	if (s->config.load == SIM_LOAD_REQUEST)
		sim_arm(s, &s->load, s->now_ns + period(s) / 2 + sim_random(s, period(s)));
}

static void on_app_pause(struct sim *s, void *arg, uint64_t tag)
{
	(void)arg;
	(void)tag;
	s->app_paused = !s->app_paused;
	if (s->app_paused) {
		sim_arm(s, &s->app_pause,
			s->now_ns + 1 + sim_random(s, 2 * s->config.app_pause_ns));
		return;
	}
	sim_load_room(s, SIM_UPWARD);
	sim_load_room(s, SIM_DOWNWARD);
	sim_arm(s, &s->app_pause, s->now_ns + 1 + sim_random(s, 2 * s->config.app_pause_every_ns));
}

static void on_read_pause(struct sim *s, void *arg, uint64_t tag)
{
	bool down = s->config.load == SIM_LOAD_STREAM_DOWN || s->config.load == SIM_LOAD_BULK_DOWN;
	struct sim_stream *st = &s->streams[down ? SIM_DOWNWARD : SIM_UPWARD];

	(void)arg;
	(void)tag;
	sim_stream_read(st, !st->reading);
	sim_arm(s, &s->read_pause,
		s->now_ns + 1 +
			sim_random(s, 2 * (st->reading ? s->config.read_pause_every_ns
						       : s->config.read_pause_ns)));
}

/* The daemon looks at the counters of all connections now and then. */
static void on_activity(struct sim *s, void *arg, uint64_t tag)
{
	bool waiting = false;

	(void)arg;
	(void)tag;
	for (unsigned d = 0; d < 2; d++)
		waiting |= s->streams[d].una < s->streams[d].end;
	if (s->watcher.activity && (waiting || s->moved != s->looked))
		s->watcher.activity(s->watcher.context);
	s->looked = s->moved;
	sim_arm(s, &s->activity,
		s->now_ns + (s->config.activity_ns ? s->config.activity_ns : 100 * SIM_MS));
}

void sim_load_start(struct sim *s)
{
	s->load = (struct sim_timer) { BRI_NEVER, BRI_NEVER, on_load, NULL };
	s->app_pause = (struct sim_timer) { BRI_NEVER, BRI_NEVER, on_app_pause, NULL };
	s->read_pause = (struct sim_timer) { BRI_NEVER, BRI_NEVER, on_read_pause, NULL };
	s->activity = (struct sim_timer) { BRI_NEVER, BRI_NEVER, on_activity, NULL };
	sim_arm(s, &s->load, SIM_MS);
	sim_arm(s, &s->activity, SIM_MS);
	if (s->config.app_pause_every_ns)
		sim_arm(s, &s->app_pause, s->config.app_pause_every_ns);
	if (s->config.read_pause_every_ns)
		sim_arm(s, &s->read_pause, s->config.read_pause_every_ns);
}

void sim_set_load(struct sim *s, enum sim_load load)
{
	s->config.load = load;
	sim_arm(s, &s->load, s->now_ns);
}

const struct sim_seen *sim_seen(const struct sim *s)
{
	return &s->seen;
}

void sim_forget(struct sim *s)
{
	s->seen = (struct sim_seen) { 0 };
	s->delivered_ns = s->now_ns;
	for (size_t i = 0; i < s->config.n_paths; i++)
		s->routes[i].payload = 0;
}
