/*
 * `braid monitor` in parts: a snapshot is what one look at the kernel gave (monitor_collect.c
 * fills it), the model is what several of them in a row mean: who is new, how fast, what happened.
 * Snapshot and model do no I/O and read no clock.
 */
#ifndef BRI_CLI_MONITOR_H
#define BRI_CLI_MONITOR_H

#include <net/if.h>
#include "base/base.h"
#include "base/ip.h"

/* Any program can open connections: what is over the limits is not looked at, and said. */
#define BRI_MONITOR_MAX_CONNECTIONS 8192u  /* any program can open as many as it has descriptors */
#define BRI_MONITOR_MAX_SUBFLOWS    32768u /* four of each connection: some 12 MB */
#define BRI_MONITOR_HISTORY         48u    /* looks kept for a sparkline: as wide as one is drawn */
#define BRI_MONITOR_MAX_EVENTS      8192u /* kept: more than a screen, and a look's worth of closing */
#define BRI_MONITOR_PROGRAM_SIZE    32    /* the kernel keeps 15 characters of a program's name */
#define BRI_MONITOR_SERVICE_SIZE    16
#define BRI_MONITOR_STALL_TIMEOUTS  2u /* one timeout is a lost tail; two in a row are silence */

struct bri_monitor_addr {
	struct bri_ip ip;
	uint16_t port;
	uint32_t scope; /* of a link-local address */
};

/* An MPTCP connection, as one look found it. */
struct bri_monitor_connection {
	uint64_t cookie; /* never used again by another socket */
	uint32_t token;
	uint32_t inode; /* 0: no program has it any more */
	uint32_t uid;
	uint8_t state; /* TCP_ESTABLISHED = 1 ... */
	bool fallback; /* it is plain TCP now */
	struct bri_monitor_addr local, remote;
	bool has_bytes; /* since Linux 6.5 */
	uint64_t tx_bytes, rx_bytes;
	int32_t pid;                            /* 0: not known */
	char program[BRI_MONITOR_PROGRAM_SIZE]; /* hostile: any bytes; "": not known */
	char service[BRI_MONITOR_SERVICE_SIZE]; /* "": not known */
};

/* A subflow. Bytes are what the path carried: retransmissions count. */
struct bri_monitor_subflow {
	size_t owner; /* index into the snapshot's connections */
	uint64_t cookie;
	uint8_t state;
	uint8_t local_id, remote_id;
	bool backup_local, backup_remote; /* who asked for it */
	uint8_t timeouts;                 /* in a row, without an answer */
	struct bri_monitor_addr local, remote;
	char interface[IF_NAMESIZE]; /* "": not known */
	uint32_t rtt_us, min_rtt_us; /* 0: not measured */
	uint32_t cwnd;
	uint32_t retransmits; /* segments, ever */
	uint64_t tx_bytes, rx_bytes, retransmitted_bytes;
};

/* ---- one look: monitor_snapshot.c ---- */

struct bri_monitor_snapshot {
	uint64_t now_ns, wall_ns;
	bool complete; /* false: the kernel's tables changed meanwhile; what is absent may exist */
	bool cut;      /* there is more than the limits */
	size_t n_connections, n_subflows;
	struct bri_monitor_connection *connections; /* after seal: by cookie */
	struct bri_monitor_subflow *subflows;
	size_t max_connections, max_subflows; /* allocated */
	/* made by seal: connections' indexes by token, and those of fallen back ones by address */
	size_t *by_token, *by_addresses;
	size_t n_fallback;
};

/* bri_monitor_snapshot_clear(): empty and complete again; keeps the memory. */
void bri_monitor_snapshot_clear(struct bri_monitor_snapshot *snapshot);
void bri_monitor_snapshot_fini(struct bri_monitor_snapshot *snapshot);
/* bri_monitor_snapshot_add(): a connection. Copied. Returns 0 (also when cut), -ENOMEM. */
int bri_monitor_snapshot_add(
	struct bri_monitor_snapshot *snapshot, const struct bri_monitor_connection *connection);
/* bri_monitor_snapshot_seal(): all connections are added; subflows follow. Drops what an
 * interrupted dump told twice. Returns 0, -ENOMEM. */
int bri_monitor_snapshot_seal(struct bri_monitor_snapshot *snapshot);
/*
 * bri_monitor_snapshot_owner(): the connection of a TCP socket, an index; SIZE_MAX: none.
 *   token   the local one of a subflow; 0: not a subflow (any more), then a connection that fell
 *           back and has these addresses
 */
size_t bri_monitor_snapshot_owner(const struct bri_monitor_snapshot *snapshot, uint32_t token,
	const struct bri_monitor_addr *local, const struct bri_monitor_addr *remote);
/* bri_monitor_snapshot_add_subflow(): its owner is set. Copied. Returns 0 (also when cut), -ENOMEM.
 */
int bri_monitor_snapshot_add_subflow(
	struct bri_monitor_snapshot *snapshot, const struct bri_monitor_subflow *subflow);

/* bri_monitor_addr_compare(): an order; 0: the same address and port. */
int bri_monitor_addr_compare(const struct bri_monitor_addr *a, const struct bri_monitor_addr *b);

/* ---- several looks: monitor_model.c ---- */

enum bri_monitor_kind {
	BRI_MONITOR_OPENED,
	BRI_MONITOR_CLOSED,
	BRI_MONITOR_FELL_BACK,
	BRI_MONITOR_ADDED,
	BRI_MONITOR_REMOVED,
	BRI_MONITOR_BACKUP,
	BRI_MONITOR_REGULAR, /* backup no more */
	BRI_MONITOR_STALLED,
	BRI_MONITOR_RECOVERED,
	BRI_MONITOR_DAEMON, /* braidd told it: text */
	BRI_MONITOR_KINDS,
};

struct bri_monitor_event {
	uint64_t wall_ns;
	enum bri_monitor_kind kind;
	bool implied; /* by another event of the same look: a connection is opened with a subflow */
	uint32_t token;
	int32_t pid;
	char program[BRI_MONITOR_PROGRAM_SIZE];
	char interface[IF_NAMESIZE];           /* of the subflow; "" for connections */
	struct bri_monitor_addr local, remote; /* of the subflow or the connection */
	uint64_t tx_bytes, rx_bytes;           /* so far */
	char text[256];                        /* of BRI_MONITOR_DAEMON; hostile */
};

struct bri_monitor_path {
	struct bri_monitor_subflow now; /* interface: the last one known */
	bool stalled;
	uint64_t tx_rate, rx_rate;             /* bytes a second, between the last two looks */
	uint32_t history[BRI_MONITOR_HISTORY]; /* rates of both directions; newest last */
};

struct bri_monitor_track {
	struct bri_monitor_connection now; /* program, service: the last ones known */
	uint64_t first_ns;                 /* when it was seen first */
	bool older;                        /* it was there at the first look: it is older */
	uint64_t tx_bytes, rx_bytes, tx_rate, rx_rate;
	uint64_t weight; /* of its throughput, smoothed: what it is sorted by */
	size_t first_path, n_paths;
};

struct bri_monitor_model {
	uint64_t now_ns, wall_ns,
		interval_ns; /* of the last look; between the last two, 0: one only */
	uint64_t looks;
	bool complete, cut;
	size_t n_tracks, n_paths;
	struct bri_monitor_track *tracks; /* by cookie */
	struct bri_monitor_path *paths;   /* by track; the initial one first */
	size_t *order;                    /* indexes of tracks, most throughput first */
	struct bri_monitor_event *events; /* ring; number i is at i % BRI_MONITOR_MAX_EVENTS */
	uint64_t n_events;                /* ever */
	uint64_t n_before; /* before what the last look brought: those from here on are new */
	uint64_t n_noted;  /* by note, since the last look */
};

/* bri_monitor_model_init(): returns 0, -ENOMEM. fini: also of what init failed on. */
int bri_monitor_model_init(struct bri_monitor_model *model);
void bri_monitor_model_fini(struct bri_monitor_model *model);
/*
 * bri_monitor_model_update(): takes in the next look.
 *   snapshot   sealed; is sorted
 * Returns 0, or -ENOMEM: nothing has changed then.
 */
int bri_monitor_model_update(
	struct bri_monitor_model *model, struct bri_monitor_snapshot *snapshot);
/* bri_monitor_model_note(): something braidd told happened. The event's wall_ns is set. */
void bri_monitor_model_note(struct bri_monitor_model *model, const struct bri_monitor_event *event);
/* bri_monitor_model_event(): number i, NULL when it is not kept (any more). */
const struct bri_monitor_event *bri_monitor_model_event(
	const struct bri_monitor_model *model, uint64_t i);

/* bri_monitor_matches(): the filter, in any case, is part of the program, the service, an address
 * or an interface. An empty filter matches. */
bool bri_monitor_matches(const struct bri_monitor_model *model,
	const struct bri_monitor_track *track, const char *filter);
bool bri_monitor_event_matches(const struct bri_monitor_event *event, const char *filter);

#endif
