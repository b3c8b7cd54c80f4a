/*
 * The path manager's decisions: facts in, commands out. A pure function of what it was told and of
 * the time it is given: no I/O, no clock, no kernel. One object serves all MPTCP connections of a
 * network namespace. Knows nothing of who carries facts and commands.
 *
 * Use: tell facts (set_, on_), then take commands with bri_policy_next() until there are none,
 * and news with bri_policy_next_news(); call bri_policy_expire() at bri_policy_deadline_ns(). One
 * thread at a time. Terms as in RFC 8684: subflow, token, address id, backup.
 */
#ifndef BRI_POLICY_H
#define BRI_POLICY_H

#include "base/base.h"
#include "base/ip.h"

/* The values of nw_multipath_service_t. */
enum bri_service {
	BRI_SERVICE_NONE = 0, /* no wish: subflows stay as they are */
	BRI_SERVICE_HANDOVER = 1,
	BRI_SERVICE_INTERACTIVE = 2,
	BRI_SERVICE_AGGREGATE = 3,
};

/* What an interface is; the order is that of preference where nothing else is configured. */
enum bri_path_kind {
	BRI_PATH_WIRED = 0,
	BRI_PATH_WIFI = 1,
	BRI_PATH_OTHER = 2,
	BRI_PATH_CELLULAR = 3,
	BRI_PATH_TUNNEL = 4,
};

#define BRI_POLICY_ADDRESSES_MAX 64u /* local addresses that are looked at */
#define BRI_POLICY_PATHS_MAX     8u  /* of a connection: MPTCP_PM_ADDR_MAX */
#define BRI_POLICY_SUBFLOWS_MAX  16u /* of a connection that are followed; a peer can join more */
#define BRI_POLICY_REMOTES_MAX   8u  /* addresses that a peer announced, of a connection */
#define BRI_POLICY_INTERFACES_MAX                                                                  \
	16u /* that an application requires or prohibits                                           \
	     */

/* A local address that connections can use. */
struct bri_policy_address {
	uint32_t ifindex;
	struct bri_ip ip;
	enum bri_path_kind kind;
	bool metered;
	int32_t order;   /* configured rank, smaller first; 0: none configured */
	uint32_t metric; /* of its default route: the last word between equals */
	bool usable;     /* carrier, duplicate address detection over, a route to the world */
};

struct bri_policy_tuple {
	struct bri_ip local, remote;
	uint16_t local_port, remote_port; /* host order */
	bool mapped; /* an IPv6 socket that talks IPv4; carried along, not compared */
};

/* What the application asked for. */
struct bri_policy_wish {
	enum bri_service service;
	bool cold;          /* handover: backups are opened only when they are needed */
	uint32_t only_mask; /* bits of enum bri_path_kind that are allowed; 0: all */
	uint32_t n_required, n_prohibited;
	uint32_t required[BRI_POLICY_INTERFACES_MAX];
	uint32_t prohibited[BRI_POLICY_INTERFACES_MAX];
};

struct bri_policy_connection {
	uint32_t token;
	struct bri_policy_tuple initial;
	bool server_side;
	bool deny_join_id0; /* the peer's C flag: no joins to its initial address (RFC 8684, 3.1) */
	struct bri_policy_wish wish;
};

struct bri_policy_subflow {
	struct bri_policy_tuple tuple;
	uint8_t local_id, remote_id;
	uint32_t ifindex; /* the device it is bound to; 0: none */
	bool backup;      /* as we asked for it */
};

/* A subflow as the kernel's tcp_info tells it. */
struct bri_policy_sample {
	bool established;
	uint32_t rtt_us, rttvar_us, rto_us;
	uint32_t unacked; /* segments in flight */
	uint32_t sacked;  /* of them, that arrived out of order */
	uint32_t notsent_bytes;
	uint32_t retransmits; /* timeouts in a row without an answer */
	uint32_t total_retrans;
	uint32_t last_ack_ms, last_data_recv_ms;
	uint64_t bytes_acked, bytes_received, bytes_sent;
	uint32_t data_segs; /* that came with data, in order or not, new or not */
};

enum bri_policy_what {
	BRI_POLICY_CREATE,  /* open a subflow: tuple without local port, ids, ifindex, backup */
	BRI_POLICY_PRIO,    /* tell the peer (MP_PRIO) and set here: backup or not */
	BRI_POLICY_REMOVE,  /* withdraw the address local_id (RM_ADDR) */
	BRI_POLICY_DESTROY, /* close a subflow; what was in flight is sent again on others */
	BRI_POLICY_CANCEL,  /* close joins from tuple.local that are not answered yet */
	BRI_POLICY_SAMPLE, /* look at a subflow, bound to ifindex or to none: bri_policy_on_sample()
			    */
};

struct bri_policy_command {
	enum bri_policy_what what;
	uint32_t token;
	struct bri_policy_tuple tuple;
	uint8_t local_id, remote_id;
	uint32_t ifindex;
	bool backup;
};

enum bri_policy_news_kind {
	BRI_POLICY_NEWS_SUBFLOW_UP,
	BRI_POLICY_NEWS_SUBFLOW_DOWN,
	BRI_POLICY_NEWS_PRIMARY,   /* another path carries the data now */
	BRI_POLICY_NEWS_PATH_LOST, /* link, address or route gone */
	BRI_POLICY_NEWS_PATH_STALLED,
	BRI_POLICY_NEWS_PATH_BACK,
	BRI_POLICY_NEWS_PATH_LEFT_OUT, /* aggregate: worse than nothing */
	BRI_POLICY_NEWS_BETTER_PATH,   /* handover: it would be taken, and the peer refuses it */
	BRI_POLICY_NEWS_N,
};

struct bri_policy_news {
	enum bri_policy_news_kind kind;
	uint32_t token;
	uint32_t ifindex;
};

struct bri_policy;

/* bri_policy_new(): NULL: no memory. bri_policy_free(): NULL is harmless. */
struct bri_policy *bri_policy_new(void);
void bri_policy_free(struct bri_policy *p);

/* bri_policy_set_addresses(): all local addresses as they are now; copied. Past the limit: not
 * seen. */
void bri_policy_set_addresses(
	struct bri_policy *p, const struct bri_policy_address *list, size_t n, uint64_t now_ns);

/*
 * bri_policy_set_running(): the interfaces that have a carrier. Where an address goes from one of
 * them, what was sent still arrives; where the link goes, it is lost. To be told before the
 * addresses; never told: links are taken for gone.
 */
void bri_policy_set_running(struct bri_policy *p, const uint32_t *ifindexes, size_t n);

/*
 * bri_policy_on_connection(): one that is fully established, or was found. Its initial subflow is
 * told like all others, by bri_policy_on_subflow(), if it still lives. A known token is the same
 * connection: only its wish is changed. Returns 0, -EINVAL (families differ) or -ENOMEM.
 */
int bri_policy_on_connection(
	struct bri_policy *p, const struct bri_policy_connection *connection, uint64_t now_ns);
void bri_policy_on_closed(struct bri_policy *p, uint32_t token);
/* bri_policy_set_wish(): returns 0 or -ENOENT. */
int bri_policy_set_wish(
	struct bri_policy *p, uint32_t token, const struct bri_policy_wish *wish, uint64_t now_ns);

/* What the kernel tells of subflows. Unknown tokens and tuples are passed over. */
void bri_policy_on_subflow(struct bri_policy *p, uint32_t token,
	const struct bri_policy_subflow *subflow, uint64_t now_ns);
void bri_policy_on_subflow_closed(struct bri_policy *p, uint32_t token,
	const struct bri_policy_tuple *tuple, uint8_t error, uint32_t reset_reason,
	uint64_t now_ns);
void bri_policy_on_announced(struct bri_policy *p, uint32_t token, uint8_t remote_id,
	const struct bri_ip *ip, uint16_t port, uint64_t now_ns);
void bri_policy_on_removed(struct bri_policy *p, uint32_t token, uint8_t remote_id);

/* bri_policy_on_activity(): the connection moves data, or has some to move. */
void bri_policy_on_activity(struct bri_policy *p, uint32_t token, uint64_t now_ns);
/* bri_policy_on_sample(): the answer to a SAMPLE; NULL: there is no such socket any more. */
void bri_policy_on_sample(struct bri_policy *p, uint32_t token,
	const struct bri_policy_tuple *tuple, const struct bri_policy_sample *sample,
	uint64_t now_ns);
/* bri_policy_on_refused(): the kernel did not take a command; error: a positive errno. */
void bri_policy_on_refused(
	struct bri_policy *p, const struct bri_policy_command *command, int error, uint64_t now_ns);

/* bri_policy_next(): the next command, in the order they must be carried out. False: none. */
bool bri_policy_next(struct bri_policy *p, struct bri_policy_command *ret);
bool bri_policy_next_news(struct bri_policy *p, struct bri_policy_news *ret);

uint64_t bri_policy_deadline_ns(const struct bri_policy *p);
void bri_policy_expire(struct bri_policy *p, uint64_t now_ns);

/* ---- what is known, for status displays ---- */

/* bri_policy_prefers(): a carries the data rather than b, by configuration, cost, kind, metric. */
bool bri_policy_prefers(const struct bri_policy_address *a, const struct bri_policy_address *b);

struct bri_policy_path_state {
	uint32_t ifindex;
	struct bri_ip ip;
	bool up, primary, backup, stalled;
	uint32_t rtt_us;
};
size_t bri_policy_n_connections(const struct bri_policy *p);
/* bri_policy_paths(): of one connection. Returns how many, at most BRI_POLICY_PATHS_MAX. */
size_t bri_policy_paths(const struct bri_policy *p, uint32_t token,
	struct bri_policy_path_state ret[BRI_POLICY_PATHS_MAX]);
struct bri_policy_subflow_state {
	struct bri_policy_tuple tuple;
	uint8_t local_id, remote_id;
	uint32_t ifindex; /* that has the local address; 0: not known */
	bool backup, primary, stalled;
	uint32_t rtt_us;
};
/* bri_policy_subflows(): of one connection. Returns how many. */
size_t bri_policy_subflows(const struct bri_policy *p, uint32_t token,
	struct bri_policy_subflow_state ret[BRI_POLICY_SUBFLOWS_MAX]);
bool bri_policy_is_server_side(const struct bri_policy *p, uint32_t token);
/* bri_policy_wish(): NULL: no such connection. Valid until the next call that changes it. */
const struct bri_policy_wish *bri_policy_wish(const struct bri_policy *p, uint32_t token);
/* bri_policy_each(): calls fn for every token. fn changes nothing. */
void bri_policy_each(
	const struct bri_policy *p, void *context, void (*fn)(void *context, uint32_t token));

#endif
