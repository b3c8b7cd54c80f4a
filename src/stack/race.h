/*
 * Happy Eyeballs version 2 (RFC 8305): which address to try when, and which attempt wins.
 * A pure state machine: it does not resolve, open or look at a clock; it is told, and answers with
 * commands. What an attempt consists of (TCP only, or TCP and TLS and more) is the caller's matter.
 *
 *   after every input: while (bri_race_next(race, &command)) obey it;
 *   then arm a timer at bri_race_deadline_ns(race), which calls bri_race_expire().
 */
#ifndef BRI_RACE_H
#define BRI_RACE_H

#include "base/base.h"
#include "transport/sockaddr.h"

/* Defaults and bounds of RFC 8305 section 8. */
#define BRI_RACE_RESOLUTION_DELAY_NS  (50 * BRI_NS_PER_MS)
#define BRI_RACE_ATTEMPT_DELAY_NS     (250 * BRI_NS_PER_MS)
#define BRI_RACE_ATTEMPT_DELAY_MIN_NS (10 * BRI_NS_PER_MS)
#define BRI_RACE_ATTEMPT_DELAY_MAX_NS (2 * BRI_NS_PER_S)
#define BRI_RACE_FIRST_FAMILY_COUNT   1

/* A DNS answer can hold thousands of addresses, and whoever writes it chooses them. No honest name
 * needs more than a few to be tried; the limit is per family so that one cannot crowd out the
 * other. */
#define BRI_RACE_ADDRESSES_MAX 32 /* of each family: 64 in all */
/* An attempt is a socket and a SYN to a host that somebody else named. By the default delay the
 * sixteenth starts after 3.75 s; more at once would be a port scan, and eat the user's descriptors.
 */
#define BRI_RACE_IN_FLIGHT_MAX 16

/* The values are those of nw_error_domain_t. */
enum bri_race_domain {
	BRI_RACE_POSIX = 1,
	BRI_RACE_DNS = 2,
	BRI_RACE_TLS = 3,
};

struct bri_race_error {
	enum bri_race_domain domain;
	int code;     /* a positive errno, a DNSServiceErrorType, or an errSSL code */
	bool refused; /* a peer was reached and will not have us: no other network will help */
};

static inline struct bri_race_error bri_race_posix(int code)
{
	return (struct bri_race_error) { .domain = BRI_RACE_POSIX, .code = code };
}

enum bri_race_families {
	BRI_RACE_V6 = 1, /* the bits of bri_race_config.families */
	BRI_RACE_V4 = 2,
};

struct bri_race_config {
	unsigned families;            /* which will answer; an address endpoint has one. 0: both */
	bool prefer_v4;               /* v6 goes first otherwise */
	uint64_t attempt_delay_ns;    /* 0: the default; else clamped to the bounds above */
	uint64_t resolution_delay_ns; /* 0: the default */
	unsigned first_family_count;  /* 0: the default */
};

enum bri_race_state {
	BRI_RACE_RESOLVING, /* no address yet */
	BRI_RACE_HOLDING, /* only the second family has come; the first gets the Resolution Delay */
	BRI_RACE_RACING,  /* attempts run or are about to */
	BRI_RACE_STARVED, /* all that is known has failed; a family has not answered yet */
	BRI_RACE_WON,
	BRI_RACE_EXHAUSTED,
	BRI_RACE_STOPPED,
	BRI_RACE_STATES
};

enum bri_race_command_kind {
	BRI_RACE_START,     /* begin attempt .id to .address */
	BRI_RACE_CLOSE,     /* abandon attempt .id, silently: it lost, or was skipped or stopped */
	BRI_RACE_WINNER,    /* attempt .id is the connection. The last command, unless it is skipped
			       later */
	BRI_RACE_NONE_LEFT, /* .error says why. The last command */
};

struct bri_race_command {
	enum bri_race_command_kind kind;
	uint32_t id;
	union bri_sockaddr address;
	struct bri_race_error error;
};

struct bri_race_entry {
	union bri_sockaddr address;
	uint32_t id;       /* of its latest attempt; 0: none */
	uint32_t close_id; /* an attempt whose CLOSE is to be pulled; 0: none */
	unsigned state;    /* race.c's */
};

struct bri_race_list {
	struct bri_race_entry entries[BRI_RACE_ADDRESSES_MAX]; /* in order of preference */
	unsigned n;
	bool answered;
};

/* About 3 KB: allocate it for the time of establishment. Fields are race.c's. */
struct bri_race {
	enum bri_race_state state;
	struct bri_race_config config; /* defaults filled in */
	struct bri_race_list lists[2]; /* [0]: the family that goes first */
	uint64_t now_ns;               /* of the latest input */
	uint64_t hold_until_ns;
	uint64_t next_start_ns;
	unsigned first_started; /* how many of the first family have started */
	unsigned next_family;   /* whose turn it is: index in lists */
	unsigned in_flight;
	unsigned started;
	bool told; /* the last command was pulled */
	struct bri_race_error attempt_error, resolve_error;
};

/*
 * bri_race_init(): begin. Nothing to release; a race that is dropped just leaves its attempts to
 * the caller. config   copied; NULL: all defaults
 */
void bri_race_init(struct bri_race *race, const struct bri_race_config *config, uint64_t now_ns);

/*
 * bri_race_on_addresses(): a family has answered.
 *   family     AF_INET6 or AF_INET: which query; the addresses themselves are sorted in by their
 * own family addresses  with port, best first, copied; an empty list counts as an answer too What
 * is already known is skipped, what exceeds BRI_RACE_ADDRESSES_MAX is dropped. May be called again
 * for the same family; the new ones go behind.
 */
void bri_race_on_addresses(struct bri_race *race, int family, const union bri_sockaddr *addresses,
	size_t n, uint64_t now_ns);

/* bri_race_on_resolve_error(): a family has answered, with an error. */
void bri_race_on_resolve_error(
	struct bri_race *race, int family, struct bri_race_error error, uint64_t now_ns);

/*
 * bri_race_on_attempt_result(): an attempt is up, or has failed.
 *   result   0, or a negative errno. After a failure the attempt is the caller's to clean up: no
 *            command will name it again.
 * Results of attempts that were closed or are not known are ignored.
 */
void bri_race_on_attempt_result(struct bri_race *race, uint32_t id, int result, uint64_t now_ns);
/* bri_race_on_attempt_error(): the same for a failure of any domain. */
void bri_race_on_attempt_error(
	struct bri_race *race, uint32_t id, struct bri_race_error error, uint64_t now_ns);

/*
 * bri_race_on_skip(): drop the current attempt and go on with the next address at once
 * (nw_connection_cancel_current_endpoint). Current is the winner if there is one, else the oldest
 * attempt in flight: the younger ones already are what comes next. After a winner is skipped, the
 * attempts that lost against it get another chance. Nothing in flight: nothing happens.
 */
void bri_race_on_skip(struct bri_race *race, uint64_t now_ns);

/* bri_race_stop(): close everything (CLOSE commands, the winner included), decide nothing more. */
void bri_race_stop(struct bri_race *race);

/* bri_race_expire(): time has passed. Harmless when called early. */
void bri_race_expire(struct bri_race *race, uint64_t now_ns);

/* bri_race_deadline_ns(): when bri_race_expire() would change something; BRI_NEVER: only an input
 * will. */
uint64_t bri_race_deadline_ns(const struct bri_race *race);

/* bri_race_next(): the next thing to do. False: nothing now, *ret untouched. */
bool bri_race_next(struct bri_race *race, struct bri_race_command *ret);

/* For reports: attempts started so far, and addresses known of a family. */
unsigned bri_race_started(const struct bri_race *race);
unsigned bri_race_known(const struct bri_race *race, int family);

#endif
