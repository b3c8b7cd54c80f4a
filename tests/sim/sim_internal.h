/* What the files of the simulation share: events, links, the two ends of a subflow, the two
 * streams. */
#ifndef BRI_SIM_INTERNAL_H
#define BRI_SIM_INTERNAL_H

#include "sim.h"

#define SIM_MSS        1400u
#define SIM_SEGMENTS   2048u /* of an end: sent or waiting; more than any window here */
#define SIM_CHUNKS     8192u /* of a stream: written and not yet acknowledged */
#define SIM_BURST      46u   /* segments: MPTCP_SEND_BURST_SIZE */
#define SIM_WINDOW     (1u << 20)
#define SIM_RTO_MIN_NS (200 * SIM_MS)
#define SIM_RTO_MAX_NS (120 * SIM_S)
#define SIM_DELACK_NS  (40 * SIM_MS)
#define SIM_NETLINK_NS (100 * BRI_NS_PER_US)
#define SIM_JIFFY_NS   (4 * SIM_MS) /* HZ 250: ages in tcp_info are multiples of it */

enum { SIM_UPWARD, SIM_DOWNWARD }; /* from the client, to the client */

typedef void (*sim_fn)(struct sim *s, void *arg, uint64_t tag);

struct sim_event {
	uint64_t at_ns, order;
	sim_fn fn;
	void *arg;
	uint64_t tag;
	bool owned; /* arg is freed by fn, or with the simulation */
};

/* A timer that moves often: its event stays where it was until it fires, then goes on. */
struct sim_timer {
	uint64_t at_ns;     /* BRI_NEVER: not armed */
	uint64_t queued_ns; /* when its event fires; BRI_NEVER: none is queued */
	sim_fn fn;
	void *arg;
};

enum sim_kind {
	SIM_SYN,
	SIM_SYNACK,
	SIM_ACK3,
	SIM_ACK4,
	SIM_DATA, /* or only an ACK: len 0 */
	SIM_PRIO,
	SIM_RM_ADDR,
	SIM_FIN,
	SIM_RST,
	SIM_WINDOW_PROBE,
};

struct sim_packet {
	enum sim_kind kind;
	uint8_t dir;
	bool backup, has_seq;
	uint16_t len;
	uint8_t id;
	uint32_t reason;
	uint64_t seq, chunk;
	uint64_t ack, sack_from[2], sack_to[2];
	uint64_t data_ack, window_end;
	struct sim_subflow *f;
	struct sim_packet *next; /* in the pool */
};

struct sim_segment {
	uint64_t chunk, sent_ns;
	uint16_t len;
	bool sacked, lost, retransmitted;
};

/* One end of a subflow: TCP as sender and as receiver. */
struct sim_end {
	struct sim *s;
	struct sim_subflow *f;
	uint8_t dir;       /* of what it sends */
	bool open, usable; /* usable: data may be sent; a join is one round trip later there */
	bool backup, stale;

	struct sim_segment *ring;
	uint64_t una, nxt, end; /* segments: acknowledged, sent, queued up to here */
	uint32_t n_sacked, n_lost;
	uint32_t cwnd, ssthresh, grown, undo_cwnd;
	uint64_t recovery; /* until una is here; 0: no recovery */
	uint64_t rack_ns;
	bool probed; /* the tail loss probe is out */
	uint32_t retransmits, total_retrans;
	int64_t srtt_us, mdev_us, mdev_max_us, rttvar_us; /* as Linux scales them: 8, 4, 4, 4 */
	uint64_t rtt_seq;
	uint64_t rto_ns;
	struct sim_timer retransmit;

	uint64_t rcv_nxt;
	uint8_t *got; /* out of order: one per segment of the window */
	uint64_t last_seq, highest;
	uint32_t ack_pending, quick;
	struct sim_timer delack;

	uint64_t last_ack_ns, last_data_ns;
	uint64_t bytes_acked, bytes_received, bytes_sent;
	uint32_t data_segs;
};

struct sim_subflow {
	size_t path;
	uint32_t address; /* generation of the path's address */
	struct bri_policy_tuple tuple;
	uint8_t local_id, remote_id;
	bool server_known, joining, established;
	unsigned syns;
	uint64_t syn_ns, synack_ns; /* sent last */
	bool backup;                /* as the join says */
	struct sim_timer syn;
	struct sim_end ends[2]; /* by the direction of what they send */
};

struct sim_chunk {
	uint64_t created_ns, offset;
	uint16_t len;
	bool last; /* of a message */
};

/* One direction of the connection above its subflows. */
struct sim_stream {
	struct sim *s;
	uint8_t dir;
	struct sim_chunk *chunks;
	uint64_t una, nxt, end; /* chunks: data-acknowledged, given to subflows, written */
	uint64_t written_bytes, window_end;
	uint64_t *again; /* to be sent again on another subflow */
	uint64_t again_head, again_tail;
	uint64_t rcv_nxt;
	uint8_t *got;
	uint64_t rcv_offset, read_offset, advertised;
	bool reading;
	const struct sim_subflow *last; /* the scheduler's choice, for so many more segments */
	unsigned burst;
	struct sim_timer probe;
	unsigned probes;
};

struct sim_link {
	uint64_t busy_ns, last_ns, extra_ns, extra_until_ns, last_delivery_ns;
};

struct sim_route {
	struct sim_link links[2];
	uint32_t address; /* generation */
	uint64_t hold_ns; /* a pause lasts until then */
	uint64_t payload;
	uint64_t fill_from_ns;
	bool filling;
};

struct sim {
	struct sim_config config;
	uint64_t now_ns, order, random;
	struct sim_event *heap;
	size_t n_heap, room;
	struct sim_packet *pool;
	void **blocks; /* of the pool */
	size_t n_blocks;
	struct sim_route routes[SIM_PATHS_MAX];
	struct sim_subflow **live; /* in the order they were opened, as the kernel keeps them */
	size_t n_live;
	struct sim_subflow **dead; /* frames may still be under way to them */
	size_t n_dead;
	struct sim_stream streams[2];
	struct sim_watcher watcher;
	struct sim_seen seen;
	bool known_ids[256]; /* as the kernel keeps them; id 0 needs none */
	uint16_t next_port;
	struct sim_timer load, app_pause, read_pause, activity;
	bool app_paused, active;
	uint64_t moved, looked;
	uint64_t delivered_ns;
};

/* sim_event.c */
void *sim_alloc(size_t n, size_t size);
void sim_push(struct sim *s, uint64_t at_ns, sim_fn fn, void *arg, uint64_t tag);
void sim_push_owned(struct sim *s, uint64_t at_ns, sim_fn fn, void *arg);
void sim_heap_free(struct sim *s);
void sim_arm(struct sim *s, struct sim_timer *t, uint64_t at_ns);

/* sim_link.c */
struct sim_packet *sim_packet(
	struct sim *s, struct sim_subflow *f, enum sim_kind kind, uint8_t dir);
void sim_send(struct sim *s, struct sim_packet *packet); /* takes it */
void sim_links_start(struct sim *s);
void sim_links_free(struct sim *s);

/* sim_tcp.c */
void sim_end_init(struct sim *s, struct sim_subflow *f, uint8_t dir);
void sim_end_fini(struct sim_end *e);
uint32_t sim_end_room(const struct sim_end *e); /* segments it takes */
uint64_t sim_end_queued(const struct sim_end *e);
void sim_end_queue(struct sim_end *e, uint64_t chunk, uint16_t len);
void sim_end_output(struct sim_end *e);
void sim_end_rtt(struct sim_end *e, uint64_t rtt_ns);
void sim_end_input(struct sim_end *e, const struct sim_packet *packet);
void sim_end_ack_now(struct sim_end *e);
void sim_end_close(struct sim_end *e); /* what it had in flight goes to others */

/* sim_mptcp.c */
void sim_stream_init(struct sim *s, uint8_t dir);
void sim_stream_fini(struct sim_stream *st);
/* sim_stream_write(): a message that counts from created_ns on. Returns false: no room. */
bool sim_stream_write(struct sim_stream *st, uint32_t bytes, uint64_t created_ns);
void sim_stream_output(struct sim_stream *st);
void sim_stream_again(struct sim_stream *st, uint64_t chunk);
void sim_stream_received(struct sim_stream *st, uint64_t chunk);
void sim_stream_acked(struct sim_stream *st, uint64_t data_ack, uint64_t window_end);
void sim_stream_read(struct sim_stream *st, bool reading);
void sim_stream_stamp(const struct sim_stream *st, struct sim_packet *packet);

/* sim_join.c */
void sim_subflow_input(struct sim *s, const struct sim_packet *packet);
void sim_subflow_close(struct sim *s, struct sim_subflow *f, uint8_t error, uint32_t reason);
void sim_connect(struct sim *s); /* the initial subflow, established */
void sim_subflows_free(struct sim *s);
/* sim_other_lives(): another subflow can take what this end had to send. */
bool sim_other_lives(const struct sim *s, const struct sim_end *e, bool backups);

/* sim_load.c */
void sim_load_start(struct sim *s);
void sim_load_delivered(struct sim *s, uint8_t dir, const struct sim_chunk *chunk);
void sim_load_room(struct sim *s, uint8_t dir);

#endif
