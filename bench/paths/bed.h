/*
 * What a measurement lies on: a lab, braidd in its client namespace or not, and sockets of both
 * namespaces, all held by this one process, so that one clock sees both ends. Knows nothing of what
 * is measured.
 */
#ifndef PATHS_BED_H
#define PATHS_BED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/lab.h"

#define BED_ANY_PATH UINT32_MAX

struct options {
	const char *name;
	const char *braidd;  /* the program; NULL: the kernel's path manager */
	const char *service; /* NULL: that of the measurement */
	const char *log;     /* braidd's stderr is appended here; NULL: kept only until the end */
	const char *congestion; /* NULL: the kernel's default */
	uint64_t seed;
	uint32_t seconds;     /* 0: the measurement's own */
	uint32_t connections; /* of `many` */
	const char *singles;  /* of `aggregate`: measured before, "BPS,BPS" */
};

/* Two ends of one connection; -1: none. */
struct pair {
	int client, server;
};

struct bed {
	struct bri_lab *lab;
	int listener[2]; /* MPTCP, TCP */
	const struct options *options;
	pid_t braidd; /* 0: does not run */
	char dir[64]; /* braidd's files; "": none */
};

struct bed_path {
	uint32_t rtt_ms;
	double mbit; /* 0: unlimited */
	uint32_t queue_bytes;
	uint32_t loss_ppm;
};

/*
 * bed_open(): paths "wlan" and "wwan" (or the first n of them), and braidd if options say so. The
 * first has the best route. A listener for MPTCP and one for TCP are open in the server namespace.
 *   service  what braidd is to do by default: "handover", "interactive", "aggregate"
 * Returns 0, or -1 after report_fail(); bed_close() in both cases.
 */
int bed_open(struct bed *bed, const struct options *options, const char *service,
	const struct bed_path paths[], uint32_t n);

/* bed_close(): ends braidd, which has two seconds and must exit with 0, and the lab. -1: it did
 * not. */
int bed_close(struct bed *bed);

/*
 * bed_connect(): one connection, with one byte sent there and back (only then a client's MPTCP
 * connection is fully established, and path managers start). Nonblocking, TCP_NODELAY.
 *   tcp   plain TCP instead of MPTCP
 *   path  bound to the client's address of that path; or BED_ANY_PATH
 */
int bed_connect(struct bed *bed, bool tcp, uint32_t path, struct pair *ret);

/* bed_udp(): two UDP sockets, connected to each other over that path. Nonblocking. */
int bed_udp(struct bed *bed, uint32_t path, struct pair *ret);

/* bed_connect_many(): n MPTCP connections. ret: n pairs, in no order: a pair's ends may belong to
 * two connections. */
int bed_connect_many(struct bed *bed, uint32_t n, struct pair ret[]);

void bed_disconnect(struct pair *pair);

/* bed_wait_until(): of the monotonic clock. */
void bed_wait_until(uint64_t at_ns);

/* bed_set(): a change in scenario words. bed_bytes(): that path i has carried so far. */
int bed_set(struct bed *bed, const char *text);
int bed_bytes(struct bed *bed, enum bri_lab_direction direction, uint64_t ret[2]);

/* bed_report_subflows(): the client's subflows now, into the report under key. */
void bed_report_subflows(int client, const char *key);

/* bed_check(): reports the congestion control. The connection must still be MPTCP, and the emulator
 * must have kept up. */
int bed_check(struct bed *bed, int client);

#endif
