/*
 * A simulated MPTCP connection between a client and an unmodified Linux server, over up to four
 * paths, on a virtual clock: TCP as far as tcp_info shows it, joins, priorities, withdrawn
 * addresses, the default scheduler. No threads, no real time, no I/O. Knows the words of
 * src/policy, not its decisions.
 */
#ifndef BRI_SIM_H
#define BRI_SIM_H

#include "policy/policy.h"

#define SIM_PATHS_MAX 4u
#define SIM_MS        BRI_NS_PER_MS
#define SIM_S         BRI_NS_PER_S
#define SIM_TOKEN     0x51b0001u /* of the one connection */
#define SIM_PORT      443u
#define SIM_IFINDEX   10u /* of path 0; path i has SIM_IFINDEX + i */

/* What happens to a path. DOWN and GONE are told to the policy, silence is not. */
enum sim_state {
	SIM_UP,
	SIM_SILENT,    /* frames vanish in both directions */
	SIM_SILENT_UP, /* only what the client sends vanishes */
	SIM_DOWN,      /* carrier lost: the address is there but unusable */
	SIM_GONE,      /* the address is removed; what was sent from it still arrives */
};

struct sim_path {
	enum bri_path_kind kind;
	bool metered;
	int32_t order;
	uint64_t rate_bps;  /* each direction */
	uint64_t delay_ns;  /* one way */
	uint64_t jitter_ns; /* added one way, drawn anew every jitter_every_ns (0: 50 ms); FIFO
			       stays */
	uint64_t jitter_every_ns;
	uint32_t queue_bytes; /* 0: 64 KiB */
	uint32_t loss_ppm;
	/* Pauses of a radio: frames wait, none is lost. On average one in pause_every_ns; 0: none.
	 */
	uint64_t pause_every_ns, pause_min_ns, pause_max_ns;
	/* Another flow that fills the queue: on and off for so long each, up to fill_ns of waiting.
	 */
	uint64_t fill_every_ns, fill_ns;
	enum sim_state state;
};

enum sim_load {
	SIM_LOAD_NONE,
	SIM_LOAD_STREAM_UP, /* message_bytes every period_ns */
	SIM_LOAD_STREAM_DOWN,
	SIM_LOAD_SPARSE, /* 200 bytes and their echo, at random about every period_ns */
	SIM_LOAD_BULK_UP,
	SIM_LOAD_BULK_DOWN,
	SIM_LOAD_REQUEST, /* a small request, message_bytes of answer, then about period_ns of
			     thinking */
};

struct sim_config {
	uint64_t seed;
	size_t n_paths;
	struct sim_path paths[SIM_PATHS_MAX]; /* the connection begins on the first */
	enum sim_load load;
	uint32_t message_bytes; /* 0: 1250; of an answer 20000 */
	uint64_t period_ns;     /* 0: 10 ms; sparse 300 ms; thinking 200 ms */
	/* The sender pauses now and then; the reader pauses (zero window); 0: never. */
	uint64_t app_pause_every_ns, app_pause_ns;
	uint64_t read_pause_every_ns, read_pause_ns;
	uint32_t peer_limit; /* extra subflows that the server takes; 0: 2, as Linux has it */
	bool deny_join_id0;
	uint64_t activity_ns; /* how often the daemon looks for activity; 0: 100 ms */
	struct bri_policy_wish wish;
};

/* What the connection tells whoever manages its paths; set by sim_policy_new(). */
struct sim_watcher {
	void *context;
	void (*subflow)(void *context, const struct bri_policy_subflow *subflow);
	void (*subflow_closed)(void *context, const struct bri_policy_tuple *tuple, uint8_t error,
		uint32_t reset_reason);
	void (*addresses)(void *context, const struct bri_policy_address *list, size_t n);
	void (*activity)(void *context);
};

/* What the application saw since sim_forget(). */
struct sim_seen {
	uint64_t messages, bytes;
	uint64_t worst_ns, worst_at_ns; /* from a message's sending to its end's delivery */
	uint64_t total_ns;
	uint64_t gap_ns, gap_at_ns; /* longest time without any delivery */
};

struct sim;

struct sim *sim_new(const struct sim_config *config); /* aborts without memory: a test */
void sim_free(struct sim *s);
void sim_watch(struct sim *s, const struct sim_watcher *watcher);

uint64_t sim_now(const struct sim *s);
/* sim_run(): all that happens until then; sim_for(): for so long. */
void sim_run(struct sim *s, uint64_t until_ns);
void sim_for(struct sim *s, uint64_t ns);
/* sim_at(): fn at that time. */
void sim_at(struct sim *s, uint64_t at_ns, void (*fn)(struct sim *s, void *context), void *context);
uint64_t sim_random(struct sim *s, uint64_t below); /* the only source of chance */

/* sim_set(): a path's state from now on. sim_path(): its properties, to be changed at any time. */
void sim_set(struct sim *s, size_t path, enum sim_state state);
struct sim_path *sim_path(struct sim *s, size_t path);
/* sim_renumber(): DHCP gave the interface another address; the old one is gone. */
void sim_renumber(struct sim *s, size_t path);
/* sim_reset(): a middlebox forgot the subflows of that path: both ends see a reset. */
void sim_reset(struct sim *s, size_t path);
void sim_set_load(struct sim *s, enum sim_load load);

struct bri_ip sim_local(const struct sim *s, size_t path);
struct bri_ip sim_remote(void);
size_t sim_addresses(const struct sim *s, struct bri_policy_address ret[SIM_PATHS_MAX]);
/* sim_initial(): the connection's first subflow. */
struct bri_policy_tuple sim_initial(const struct sim *s);

/* sim_command(): carries one out now. Returns 0 or a positive errno. SAMPLE is sim_sample()'s. */
int sim_command(struct sim *s, const struct bri_policy_command *command);
bool sim_sample(
	const struct sim *s, const struct bri_policy_tuple *tuple, struct bri_policy_sample *ret);

const struct sim_seen *sim_seen(const struct sim *s);
void sim_forget(struct sim *s);
/* sim_carried(): bytes of payload that a path has taken since sim_forget(), both directions. */
uint64_t sim_carried(const struct sim *s, size_t path);
/* sim_subflows(): of a path, established at the client. */
unsigned sim_subflows(const struct sim *s, size_t path);
/* sim_tuple(): of the path's established subflow. False: there is none. */
bool sim_tuple(const struct sim *s, size_t path, struct bri_policy_tuple *ret);

/* ---- the policy beside it: sim_policy.c ---- */

struct sim_logged {
	uint64_t at_ns;
	struct bri_policy_command command;
};
struct sim_told {
	uint64_t at_ns;
	struct bri_policy_news news;
};

struct sim_policy {
	struct sim *s;
	struct bri_policy *p;
	struct sim_logged *log; /* all but samples, when they were given */
	struct sim_told *told;
	size_t n_log, n_told, n_samples;
	uint64_t wake_ns;
	int verbose;
};

/* sim_policy_new(): a policy that is told of s and obeyed. Commands take 100 us, samples none. */
struct sim_policy *sim_policy_new(struct sim *s, const struct sim_config *config);
void sim_policy_free(struct sim_policy *sp);
/* sim_policy_poll(): after a fact was told by hand: carries out what is to be done now. */
void sim_policy_poll(struct sim_policy *sp);
/* sim_policy_count(): news of that kind since a time. */
size_t sim_policy_count(
	const struct sim_policy *sp, enum bri_policy_news_kind kind, uint64_t since_ns);
/* sim_policy_find(): the first such command about a path since a time; NULL: none. */
const struct sim_logged *sim_policy_find(
	const struct sim_policy *sp, enum bri_policy_what what, size_t path, uint64_t since_ns);
/* sim_policy_primary(): the path that carries the data, as the policy says; -1: none. */
int sim_policy_primary(const struct sim_policy *sp);
void sim_policy_print(const struct sim_policy *sp, uint64_t since_ns);

#endif
