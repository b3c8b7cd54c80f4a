/* The simulated host: its paths' states and addresses, the connection's beginning and end. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "sim_internal.h"

struct bri_ip sim_local(const struct sim *s, size_t path)
{
	uint32_t generation = s->routes[path].address;
	struct bri_ip ip = { .family = AF_INET,
		.bytes = { 10, (uint8_t)(path + 1), (uint8_t)(generation >> 8),
			(uint8_t)(generation + 2) } };

	return ip;
}

struct bri_ip sim_remote(void)
{
	return (struct bri_ip) { .family = AF_INET, .bytes = { 198, 51, 100, 1 } };
}

size_t sim_addresses(const struct sim *s, struct bri_policy_address ret[SIM_PATHS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < s->config.n_paths; i++) {
		const struct sim_path *path = &s->config.paths[i];

		if (path->state == SIM_GONE)
			continue;
		ret[n++] = (struct bri_policy_address) { .ifindex = SIM_IFINDEX + (uint32_t)i,
			.ip = sim_local(s, i),
			.kind = path->kind,
			.metered = path->metered,
			.order = path->order,
			.usable = path->state != SIM_DOWN };
	}
	return n;
}

struct bri_policy_tuple sim_initial(const struct sim *s)
{
	struct bri_policy_tuple t = {
		.remote = sim_remote(), .local_port = 40000, .remote_port = SIM_PORT
	};

	t.local = (struct bri_ip) { .family = AF_INET, .bytes = { 10, 1, 0, 2 } };
	(void)s;
	return t;
}

static void tell_addresses(struct sim *s, void *arg, uint64_t tag)
{
	struct bri_policy_address list[SIM_PATHS_MAX];
	size_t n = sim_addresses(s, list);

	(void)arg;
	(void)tag;
	if (s->watcher.addresses)
		s->watcher.addresses(s->watcher.context, list, n);
}

void sim_set(struct sim *s, size_t path, enum sim_state state)
{
	s->config.paths[path].state = state;
	sim_push(s, s->now_ns + SIM_NETLINK_NS, tell_addresses, NULL, 0);
}

void sim_renumber(struct sim *s, size_t path)
{
	s->routes[path].address++;
	sim_push(s, s->now_ns + SIM_NETLINK_NS, tell_addresses, NULL, 0);
}

struct sim_path *sim_path(struct sim *s, size_t path)
{
	return &s->config.paths[path];
}

uint64_t sim_carried(const struct sim *s, size_t path)
{
	return s->routes[path].payload;
}

void sim_watch(struct sim *s, const struct sim_watcher *watcher)
{
	s->watcher = *watcher;
}

struct later {
	void (*fn)(struct sim *s, void *context);
	void *context;
};

static void on_later(struct sim *s, void *arg, uint64_t tag)
{
	struct later l = *(struct later *)arg;

	(void)tag;
	free(arg);
	l.fn(s, l.context);
}

void sim_at(struct sim *s, uint64_t at_ns, void (*fn)(struct sim *s, void *context), void *context)
{
	struct later *l = sim_alloc(1, sizeof(*l));

	*l = (struct later) { fn, context };
	sim_push_owned(s, at_ns, on_later, l);
}

struct sim *sim_new(const struct sim_config *config)
{
	struct sim *s = sim_alloc(1, sizeof(*s));

	s->config = *config;
	if (!s->config.peer_limit)
		s->config.peer_limit = 2;
	s->random = config->seed;
	s->next_port = 40000;
	sim_links_start(s);
	sim_stream_init(s, SIM_UPWARD);
	sim_stream_init(s, SIM_DOWNWARD);
	sim_connect(s);
	sim_load_start(s);
	return s;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	sim_heap_free(s);
	sim_subflows_free(s);
	sim_stream_fini(&s->streams[0]);
	sim_stream_fini(&s->streams[1]);
	sim_links_free(s);
	free(s);
}
