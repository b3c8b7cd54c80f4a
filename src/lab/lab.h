/*
 * The network in a box: a client and a server network namespace with emulated paths between them,
 * on the real kernel, without root. Test fixture, demo and `braid lab` are this one thing. Knows
 * nothing of libNetwork.
 *
 * Path i (0, 1, ...) is interface `name` on both sides. Addresses (server is the gateway):
 *     client 10.(10+i).0.2/24, fd(10+i)::2/64      server 10.(10+i).0.1/24, fd(10+i)::1/64
 * The server's service addresses 10.99.0.1 and fd99::1 are reachable over every path. The client
 * has a default route a path, metric 100*(i+1), and a routing table a path for packets from that
 * path's address, so that extra subflows leave where they should. Neighbours are static: a silent
 * path makes no ARP or ND failure, just as when something behind the first hop dies.
 *
 * What a path does to a frame, each direction by itself: a tail-drop queue of queue_bytes, then a
 * transmitter of rate_bps (Ethernet header counted), then loss, then delay_ns + jitter. Frames
 * never overtake each other. Delay is ONE WAY: the round trip takes twice as long. A change of the
 * delay holds for frames that leave the transmitter afterwards. Going silent or down empties the
 * path in both directions: what was queued or in flight is gone (counted as dropped by state).
 */
#ifndef BRI_LAB_H
#define BRI_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BRI_LAB_MAX_PATHS  16
#define BRI_LAB_MAX_EVENTS 1024
#define BRI_LAB_NAME_SIZE  16 /* an interface name with its NUL */
#define BRI_LAB_SERVICE4   "10.99.0.1"
#define BRI_LAB_SERVICE6   "fd99::1"

enum bri_lab_side { BRI_LAB_CLIENT, BRI_LAB_SERVER };

enum bri_lab_direction { BRI_LAB_TO_SERVER, BRI_LAB_TO_CLIENT };

enum bri_lab_state {
	BRI_LAB_UP,     /* works; after down the client's addresses and routes are made again */
	BRI_LAB_DOWN,   /* `ip link set NAME down` on the client */
	BRI_LAB_SILENT, /* frames vanish in both directions; nobody is told */
};

/* What a middlebox on the path does with Multipath TCP (TCP option 30). */
enum bri_lab_mptcp {
	BRI_LAB_MPTCP_PASS,
	BRI_LAB_MPTCP_STRIP,      /* removes the option: no-operations are in its place */
	BRI_LAB_MPTCP_STRIP_DATA, /* the same, but for SYN and SYN+ACK */
	BRI_LAB_MPTCP_DROP_SYN,   /* SYN and SYN+ACK with the option vanish (dropped by state) */
};

struct bri_lab_link {
	uint64_t delay_ns;    /* one way */
	uint64_t jitter_ns;   /* uniform 0..jitter on top of delay; order is kept */
	uint64_t rate_bps;    /* bit/s; 0: unlimited */
	uint64_t queue_bytes; /* 0: one BDP (rate * 2 * delay), at least 64 KiB */
	uint32_t loss_ppm;    /* of a million unicast frames */
	enum bri_lab_mptcp mptcp;
};

struct bri_lab_path_config {
	char name[BRI_LAB_NAME_SIZE];
	struct bri_lab_link link[2]; /* by enum bri_lab_direction */
	bool backup;                 /* backup flag of the path's MPTCP endpoints */
	uint32_t mtu;                /* 0: 1500; else 1280..1500 */
};

/* What a bri_lab_change sets: a mask. */
enum {
	BRI_LAB_SET_DELAY = 1 << 0,
	BRI_LAB_SET_JITTER = 1 << 1,
	BRI_LAB_SET_RATE = 1 << 2,
	BRI_LAB_SET_QUEUE = 1 << 3,
	BRI_LAB_SET_LOSS = 1 << 4,
	BRI_LAB_SET_STATE = 1 << 5,
	BRI_LAB_SET_ADDRESS = 1 << 6,
	BRI_LAB_SET_MPTCP = 1 << 7,
};

struct bri_lab_change {
	uint32_t set;        /* BRI_LAB_SET_*; the rest of the struct counts only where set */
	uint32_t directions; /* 1 << enum bri_lab_direction; 0: both. Not for state and address */
	struct bri_lab_link link;
	enum bri_lab_state state;
	bool address; /* false: the client's addresses and routes of the path go (deladdr) */
};

struct bri_lab_event {
	uint64_t at_ns; /* since bri_lab_start() */
	uint32_t path;
	struct bri_lab_change change;
};

struct bri_lab_config {
	uint64_t seed; /* of loss and jitter */
	uint32_t n_paths;
	struct bri_lab_path_config paths[BRI_LAB_MAX_PATHS];
	bool mptcp_off;       /* net.mptcp.enabled=0 on both sides */
	bool mptcp_endpoints; /* kernel path manager: subflow endpoint a path on the client */
	uint32_t n_events;
	const struct bri_lab_event *events; /* sorted by at_ns; copied */
};

struct bri_lab_direction_stats {
	uint64_t frames, bytes; /* delivered to the other side; bytes with Ethernet header */
	uint64_t dropped_loss, dropped_queue, dropped_state;
	uint64_t dropped_loss_bytes, dropped_queue_bytes, dropped_state_bytes;
	uint64_t overrun;      /* lost by the emulator itself (too busy): should be 0 */
	uint64_t queued_bytes; /* waiting for the transmitter now */
	uint64_t loss_hash;    /* hash of the numbers of the frames lost: equal seed, equal hash */
};

struct bri_lab_stats {
	struct bri_lab_direction_stats direction[2];
	enum bri_lab_state state;
	bool address;
};

struct bri_lab; /* thread safe */

/* Which file descriptors a child gets as 0, 1, 2; -1: those of the caller. Borrowed. */
struct bri_lab_stdio {
	int in, out, err;
};

/*
 * bri_lab_open(): make the namespaces and paths; they live until bri_lab_close() or the death of
 * this process, however it dies. Nothing of it has a name in the host and nothing is left.
 *   config  copied
 *   ret     out: close with bri_lab_close()
 * Returns 0, -EINVAL (config), or the errno of the step that failed; bri_lab_open_why() also says
 * in `why` which step. Context: blocks some 20 ms; forks.
 */
int bri_lab_open(const struct bri_lab_config *config, struct bri_lab **ret);
int bri_lab_open_why(
	const struct bri_lab_config *config, char *why, size_t why_size, struct bri_lab **ret);

/*
 * bri_lab_attach(): the running lab with that id, of any process of this user; see bri_lab_id().
 * Closing it leaves the lab running. Returns 0, -ENOENT, -EACCES or the errno of connect.
 */
int bri_lab_attach(const char *id, struct bri_lab **ret);

/* bri_lab_close(): kills everything that runs inside, waits for it. NULL: nothing. */
void bri_lab_close(struct bri_lab *lab);

/* bri_lab_supported(): false and the reason in `why` when this machine cannot run a lab. */
bool bri_lab_supported(char *why, size_t why_size);

/* bri_lab_id(): names the lab for bri_lab_attach(); children have it as $BRAID_LAB. */
const char *bri_lab_id(const struct bri_lab *lab);

/*
 * bri_lab_spawn(): run a program inside. PATH is searched. The child is the caller's: wait for it.
 * It has the caller's uid mapped to root inside, and is killed with the lab.
 *   argv  NULL at the end
 *   io    NULL: the caller's 0, 1, 2; other descriptors only if not CLOEXEC
 * Returns 0, or the errno of the step that failed (-ENOENT: no such program).
 */
int bri_lab_spawn(struct bri_lab *lab, enum bri_lab_side side, const char *const argv[],
	const struct bri_lab_stdio *io, pid_t *ret_pid);

/* bri_lab_fork(): run fn(context) in a forked child inside; its result & 0xff is the exit code. */
int bri_lab_fork(struct bri_lab *lab, enum bri_lab_side side, int (*fn)(void *context),
	void *context, pid_t *ret_pid);

/*
 * bri_lab_wait(): wait for a child of bri_lab_spawn/fork; kills it after timeout_ms (0: never).
 * Returns the exit code, 128 + signal, or -ETIMEDOUT, -ECHILD.
 */
int bri_lab_wait(struct bri_lab *lab, pid_t pid, uint32_t timeout_ms);

/* bri_lab_path(): the index of the path of that name, or -ENOENT. */
int bri_lab_path(const struct bri_lab *lab, const char *name);
uint32_t bri_lab_n_paths(const struct bri_lab *lab);
const char *bri_lab_path_name(const struct bri_lab *lab, uint32_t path);

/* bri_lab_set(): change a path now; in force when it returns. Returns 0, -EINVAL, -ENOENT, or an
 * errno of the kernel, or -EPIPE (the lab is gone). */
int bri_lab_set(struct bri_lab *lab, uint32_t path, const struct bri_lab_change *change);
int bri_lab_set_state(struct bri_lab *lab, uint32_t path, enum bri_lab_state state);
/* The same in the words of a scenario: "wlan silent", "wwan delay 300ms loss 1%". */
int bri_lab_set_text(struct bri_lab *lab, const char *text);

/* bri_lab_start(): the clock of the config's events starts now. */
int bri_lab_start(struct bri_lab *lab);

int bri_lab_stats(struct bri_lab *lab, uint32_t path, struct bri_lab_stats *ret);

/*
 * bri_lab_mib(): a kernel counter of one side by name: "MPJoinAckRx", or "Tcp.RetransSegs" where
 * the name alone is not unique. From netstat, snmp and snmp6. Returns 0 or -ENOENT.
 */
int bri_lab_mib(struct bri_lab *lab, enum bri_lab_side side, const char *name, uint64_t *ret);

#endif
