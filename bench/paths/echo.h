/*
 * Small requests at a fixed interval, each answered by the other end, on one connection, in a
 * thread of their own. A late answer delays no request. Knows no paths.
 */
#ifndef PATHS_ECHO_H
#define PATHS_ECHO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ECHO_SIZE 200u /* bytes of a request, and of an answer */

struct round_trip {
	uint64_t sent_ns, answered_ns; /* answered 0: never */
};

struct echo {
	int client, server; /* borrowed */
	uint64_t interval_ns;

	pthread_t thread;
	atomic_bool stop;
	uint64_t start_ns, end_ns;
	int error;
	bool is_wrong;
	uint64_t out_bytes, back_bytes; /* of requests, written; of answers, read */
	uint64_t served;                /* of requests, at the server */
	uint8_t waiting[256u << 10];    /* read by the server, not answered yet */
	uint32_t n_waiting;
	struct round_trip *log;
	_Atomic uint32_t n_log, n_answered;
};

int echo_start(struct echo *echo, int client, int server, uint64_t interval_ns);
int echo_stop(struct echo *echo); /* 0, or -1 after report_fail() */
void echo_free(struct echo *echo);

/* After echo_stop(). The time of request i, in ms; one without an answer counts up to the end. */
double echo_ms(const struct echo *echo, uint32_t i);

struct echo_summary {
	uint32_t n;
	double p50, p99, worst; /* ms */
};

/* echo_summary(): of the requests sent in [from, to). -1 after report_fail(): there was none. */
int echo_summarize(
	const struct echo *echo, uint64_t from_ns, uint64_t to_ns, struct echo_summary *ret);

#endif
