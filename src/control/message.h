/*
 * The messages between braidd and its clients: pure encode and decode, byte by byte as in
 * docs/wire/control.md. One message is one datagram of a SOCK_SEQPACKET socket.
 * Knows no sockets, and neither what the daemon does with a request nor what its client shows.
 */
#ifndef BRI_CONTROL_MESSAGE_H
#define BRI_CONTROL_MESSAGE_H

#include "base/base.h"
#include "base/ip.h"

#define BRI_MESSAGE_VERSION        1u
#define BRI_MESSAGE_HEADER         16u
#define BRI_MESSAGE_MAX            4096u /* one page a message; what is longer is sent in pieces */
#define BRI_MESSAGE_MAX_INTERFACES 16u   /* required or prohibited ones of a claim */
#define BRI_MESSAGE_MAX_SUBFLOWS   32u   /* of a connection's entry; more are not told */
#define BRI_MESSAGE_NAME_MAX       16u /* IFNAMSIZ, TASK_COMM_LEN; this and the next with the zero */
#define BRI_MESSAGE_WORD_MAX       32u   /* a state, a version */
#define BRI_MESSAGE_TEXT_MAX       256u  /* a sentence or two for a person */
#define BRI_MESSAGE_LONG_MAX       1024u /* what is missing: a few sentences */
#define BRI_MESSAGE_METRICS_MAX    4000u /* a piece of the metrics' text */

enum bri_message_type {
	BRI_MESSAGE_CLAIM = 1,
	BRI_MESSAGE_RELEASE = 2,
	BRI_MESSAGE_SET = 3,
	BRI_MESSAGE_STATUS = 4,
	BRI_MESSAGE_PATHS = 5,
	BRI_MESSAGE_LIST = 6,
	BRI_MESSAGE_METRICS = 7,
	BRI_MESSAGE_WATCH = 8,
	BRI_MESSAGE_SET_SOCKET = 9,
	/* from the daemon */
	BRI_MESSAGE_OK = 128,
	BRI_MESSAGE_ERROR = 129,
	BRI_MESSAGE_STATUS_IS = 130,
	BRI_MESSAGE_PATH = 131,
	BRI_MESSAGE_CONNECTION = 132,
	BRI_MESSAGE_METRICS_PIECE = 133,
	BRI_MESSAGE_END = 134,
	BRI_MESSAGE_EVENT = 135,
};

/* The numbers of nw_multipath_service_t. */
enum bri_message_service {
	BRI_MESSAGE_SERVICE_NONE = 0,
	BRI_MESSAGE_SERVICE_HANDOVER = 1,
	BRI_MESSAGE_SERVICE_INTERACTIVE = 2,
	BRI_MESSAGE_SERVICE_AGGREGATE = 3,
};

/* Where a connection's service comes from. */
enum bri_message_source {
	BRI_MESSAGE_SOURCE_DEFAULT = 0,
	BRI_MESSAGE_SOURCE_RULE = 1,
	BRI_MESSAGE_SOURCE_APPLICATION = 2, /* its claim, or SET */
};

enum bri_message_mode {
	BRI_MESSAGE_MODE_NONE = 0,      /* it can do nothing here: `missing` says why */
	BRI_MESSAGE_MODE_USERSPACE = 1, /* it decides for each connection */
	BRI_MESSAGE_MODE_KERNEL = 2,    /* it steers the kernel's path manager */
};

enum bri_message_kind {
	BRI_MESSAGE_KIND_OTHER = 0,
	BRI_MESSAGE_KIND_WIRED = 1,
	BRI_MESSAGE_KIND_WIFI = 2,
	BRI_MESSAGE_KIND_CELLULAR = 3,
	BRI_MESSAGE_KIND_TUNNEL = 4,
};

enum bri_message_event_kind {
	BRI_MESSAGE_EVENT_SUBFLOW_UP = 1,
	BRI_MESSAGE_EVENT_SUBFLOW_DOWN = 2,
	BRI_MESSAGE_EVENT_PRIMARY = 3, /* other paths carry the data now */
	BRI_MESSAGE_EVENT_PATH_LOST = 4,
	BRI_MESSAGE_EVENT_PATH_BACK = 5,
	BRI_MESSAGE_EVENT_BETTER_PATH = 6,
	BRI_MESSAGE_EVENT_NOTE = 7, /* what the text says */
};

#define BRI_MESSAGE_CLAIM_COLD 1u /* backups are opened when they are needed, not before */

#define BRI_MESSAGE_WATCH_CLAIMED     1u /* events of connections that this client has claimed */
#define BRI_MESSAGE_WATCH_CONNECTIONS 2u /* of all connections of this user; root: of all */
#define BRI_MESSAGE_WATCH_PATHS       4u /* events of no connection: paths, notes */

#define BRI_MESSAGE_PATH_USABLE  1u
#define BRI_MESSAGE_PATH_METERED 2u

#define BRI_MESSAGE_CONNECTION_COLD     1u
#define BRI_MESSAGE_CONNECTION_CLAIMED  2u
#define BRI_MESSAGE_CONNECTION_ACCEPTED 4u /* the other end opened it */

#define BRI_MESSAGE_SUBFLOW_BACKUP  1u
#define BRI_MESSAGE_SUBFLOW_PRIMARY 2u

/* --- requests --- */

struct bri_message_claim {
	uint32_t token; /* of the connection, as the kernel numbers them; not 0 */
	uint8_t service;
	uint8_t flags;
	uint8_t n_required, n_prohibited;
	uint32_t required[BRI_MESSAGE_MAX_INTERFACES]; /* interface indexes, not 0 */
	uint32_t prohibited[BRI_MESSAGE_MAX_INTERFACES];
};

struct bri_message_release {
	uint32_t token;
};

struct bri_message_set {
	uint32_t token; /* exactly one of both is 0 */
	uint32_t pid;   /* all connections of this process */
	uint8_t service;
};

struct bri_message_set_socket {
	uint64_t cookie; /* of a socket (SO_COOKIE), connected or not; not 0 */
	uint8_t service;
};

struct bri_message_watch {
	uint8_t what; /* BRI_MESSAGE_WATCH_*; 0: no more */
};

/* --- replies --- */

struct bri_message_ok {
	uint32_t count; /* connections it was done for */
};

struct bri_message_error {
	uint32_t error; /* errno, positive */
	char text[BRI_MESSAGE_TEXT_MAX];
};

struct bri_message_status {
	char version[BRI_MESSAGE_WORD_MAX];
	uint8_t mode;
	uint8_t default_service;
	uint32_t n_connections;
	uint32_t n_claims;
	uint64_t uptime_s;
	char missing[BRI_MESSAGE_LONG_MAX]; /* what this kernel lacks, and what that costs; may be
					       "" */
};

struct bri_message_path {
	uint32_t ifindex;
	char name[BRI_MESSAGE_NAME_MAX];
	uint8_t kind;
	uint8_t flags;
	uint32_t order; /* the lower, the sooner it is used */
	struct bri_ip address;
	struct bri_ip gateway;
	char why[BRI_MESSAGE_TEXT_MAX]; /* it is not usable, or ""  */
};

struct bri_message_subflow {
	struct bri_ip local, remote;
	uint16_t local_port, remote_port;
	uint8_t local_id, remote_id;
	uint8_t flags;
	uint32_t ifindex; /* 0: not known */
	uint32_t rtt_us;
	char state[BRI_MESSAGE_WORD_MAX];
};

struct bri_message_connection {
	uint32_t token;
	uint32_t uid;
	uint32_t pid;                       /* 0: not known */
	char program[BRI_MESSAGE_NAME_MAX]; /* "": not known */
	uint8_t service;
	uint8_t source;
	uint8_t flags;
	uint8_t n_subflows;
	struct bri_message_subflow subflows[BRI_MESSAGE_MAX_SUBFLOWS];
};

struct bri_message_metrics_piece {
	char text[BRI_MESSAGE_METRICS_MAX]; /* to be put together; a piece may end within a line */
};

struct bri_message_end {
	uint32_t count; /* entries that came before */
};

struct bri_message_event {
	uint64_t time_ns; /* since 1970 */
	uint8_t kind;
	uint32_t token; /* 0: of no connection */
	uint32_t uid;   /* the connection's owner; 0 without one */
	uint32_t ifindex;
	char text[BRI_MESSAGE_TEXT_MAX];
};

struct bri_message {
	uint16_t type; /* enum bri_message_type */
	uint32_t id;   /* the client's choice, given back in each reply; 0 in events */
	union {
		struct bri_message_claim claim;
		struct bri_message_release release;
		struct bri_message_set set;
		struct bri_message_watch watch;
		struct bri_message_set_socket set_socket;
		struct bri_message_ok ok;
		struct bri_message_error error;
		struct bri_message_status status;
		struct bri_message_path path;
		struct bri_message_connection connection;
		struct bri_message_metrics_piece metrics;
		struct bri_message_end end;
		struct bri_message_event event;
	};
};

/*
 * bri_message_encode(): the message's bytes.
 *   message  control characters in its texts are sent as '?'
 *   ret      BRI_MESSAGE_MAX bytes suffice for every message
 * Returns their number, or -EINVAL (a type, number or count that is not allowed), -EMSGSIZE (they
 * do not fit into `size`).
 */
int bri_message_encode(const struct bri_message *message, uint8_t *ret, size_t size);

/*
 * bri_message_decode(): a datagram's message. What is accepted encodes to the same bytes again.
 *   ret  written only on success; a message's unused array elements are zero
 * Returns 0, -EPROTONOSUPPORT (another version of these messages), -EOPNOTSUPP (a type that this
 * version does not have; ret's type and id are written), -EBADMSG (malformed).
 */
int bri_message_decode(const uint8_t *bytes, size_t size, struct bri_message *ret);

/* Words for numbers, for people and configuration files. Static; "?" for what is not one. */
const char *bri_message_service_word(uint8_t service);
const char *bri_message_source_word(uint8_t source);
const char *bri_message_mode_word(uint8_t mode);
const char *bri_message_kind_word(uint8_t kind);
const char *bri_message_event_word(uint8_t kind);
/* bri_message_service_from_word(): and back. Returns the number or -EINVAL. */
int bri_message_service_from_word(const char *word);

#endif
