/*
 * The two programs that the multipath tests and the soak run inside a lab: a server and a client on
 * libNetwork's public API, which send each other patterns and check every byte. What they see they
 * write to memory shared with the test. Knows nothing of what is done to the paths.
 */
#ifndef BRI_TESTS_MP_PEER_H
#define BRI_TESTS_MP_PEER_H

#include <Network/Network.h>
#include <braid/multipath.h>
#include <stdatomic.h>

#define MP_CONNECTIONS_MAX 4
#define MP_SUBFLOWS_MAX    8
#define MP_PATHS_MAX       8
#define MP_EVENTS_MAX      64

/* One direction of a connection, as one end saw it. */
struct mp_way {
	_Atomic uint64_t bytes;    /* of the pattern */
	_Atomic uint64_t hash;     /* FNV-1a over them */
	_Atomic uint64_t pause_ns; /* longest time between two pieces (receiving only) */
	_Atomic uint64_t pause_at; /* how many bytes there were then */
	_Atomic uint64_t wrong;    /* 1 + offset of the first byte that is not as expected */
	_Atomic bool ended;        /* the end of the stream was seen, or was sent */
};

struct mp_subflows {
	uint32_t count;
	struct braid_subflow list[MP_SUBFLOWS_MAX];
};

/* A data transfer report, from ready to the end. */
struct mp_report {
	uint32_t path_count;
	struct mp_report_path {
		char interface[IF_NAMESIZE];
		uint64_t bytes_in, bytes_out, packets_in, packets_out, rtt_ms;
	} paths[MP_PATHS_MAX];
	uint64_t app_in, app_out, all_in, all_out;
};

enum mp_event_kind { MP_STATE, MP_VIABLE, MP_PATH, MP_BETTER };

struct mp_event {
	enum mp_event_kind kind;
	int value;                   /* state; true or false; path status */
	int error;                   /* of a state */
	char interface[IF_NAMESIZE]; /* the first one of a path */
	uint64_t at_ns;
};

/* One end of one connection. What is not atomic is read after `over`, or as its comment says. */
struct mp_end {
	struct mp_way in, out;
	uint32_t index;          /* of the client's spec (servers tell it from the header) */
	_Atomic int state;       /* nw_connection_state_t; 0: none yet */
	_Atomic int error;       /* the first failure; 0: none */
	_Atomic int reason;      /* braid_multipath_reason_t + 1 as it got ready; 0: it did not */
	_Atomic int last_reason; /* the same now */
	_Atomic int manager;     /* braid_path_manager_t now */
	_Atomic uint64_t ready_ns;
	_Atomic uint32_t live; /* 1 << path (of lab.h) of each subflow that is established now */
	_Atomic uint32_t issued, completed; /* sends and receives */
	_Atomic uint32_t destroyed;         /* contexts of handlers */
	_Atomic uint32_t cancelled;         /* how often that state came */
	_Atomic uint32_t late;              /* events after it */
	_Atomic uint32_t most_count; /* most established subflows at once: `most` is that list, and
				      * changes only before this grows */
	struct mp_subflows most, last; /* last: as the transfer was over */
	struct mp_report report;       /* the same */
	_Atomic uint32_t event_count;  /* entries of `events`, which do not change */
	struct mp_event events[MP_EVENTS_MAX];
	_Atomic uint64_t unread; /* 1 + bytes that could be received now; 0: not asked yet */
	_Atomic bool over;       /* cancelled, and nothing more to come */
};

/* What one client connection is to do. */
struct mp_spec {
	uint64_t seed;     /* of the pattern and of sizes of pieces */
	uint64_t up, down; /* bytes */
	uint32_t piece;    /* random pieces of up to so many bytes; 0: 256 KiB each */
	bool early_end; /* end a stream with its last piece, not when the other one is all here too:
			 * after that the kernel adds no subflow any more */
	uint32_t restart_ms; /* restart a waiting connection after so long; 0: never */
	bool plain;          /* do not ask for multipath */
	bool udp;            /* ready, then cancel: nothing is sent */
	bool fail_waiting;   /* waiting is the end */
	void (*configure)(nw_parameters_t parameters);
};

/* Shared by the test and both programs. */
struct mp_shared {
	char address[64];
	uint32_t connections;
	uint32_t limit_ms;       /* of each program */
	_Atomic bool hold;       /* ends do not go away while this is set */
	_Atomic bool ask_unread; /* ends that are not over fill in their `unread` */
	struct mp_spec specs[MP_CONNECTIONS_MAX];
	/* called first, in the client's namespace, in the server's; NULL: nothing; 0: go on */
	int (*prepare_client)(void), (*prepare_server)(void);
	_Atomic uint32_t port; /* once the server listens */
	_Atomic uint32_t accepted;
	struct mp_end client[MP_CONNECTIONS_MAX];
	struct mp_end server[MP_CONNECTIONS_MAX]; /* in the order of acceptance */
};

#define MP_HANDLERS 4 /* that an end installs: state, viability, path, better path */

/* mp_serve(), mp_connect(): for bri_lab_fork(); the context is the mp_shared. Exit codes: 0, or 1:
 * an API call said no, 3: not done in limit_ms. */
int mp_serve(void *shared);
int mp_connect(void *shared);

/* mp_now_ns(): CLOCK_MONOTONIC. */
uint64_t mp_now_ns(void);

#endif
