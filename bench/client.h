/*
 * The client's side of every test, without the I/O: what to send next, what an answer means, what
 * is counted. Used by the load generator and by every implementation in the client role.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdatomic.h>
#include "common.h"

/*
 * A gap between two bulk operations that is no longer scheduling: on loopback the kernel's MPTCP
 * now and then waits for a retransmission timer (200 ms) after its window was full.
 */
#define BENCH_STALL_NS UINT64_C(20000000)

/* Counts of one thread of execution. */
struct bench_meter {
	uint64_t ops, bytes;         /* inside the window */
	uint64_t all_ops, all_bytes; /* from the first to the last */
	uint64_t stalled_ns;         /* bulk: of the window, in gaps of BENCH_STALL_NS or more */
	uint32_t *histogram;         /* of latencies; allocated at the first operation */
};

struct bench_test {
	const struct bench_opts *opts;
	atomic_uint connected;
	_Atomic uint64_t start_ns; /* all are connected; 0: not yet */
	_Atomic int marks;         /* 1: CPU times read at the window's start, 2: and at its end */
	uint64_t self_cpu_ns[2], peer_cpu_ns[2];
	atomic_uint failed;
};

/* What the caller does next with this connection. */
enum bench_next {
	BENCH_WAIT,      /* for more to arrive */
	BENCH_SEND,      /* the next message */
	BENCH_RECONNECT, /* close, connect anew */
	BENCH_STAY,      /* idle mode: keep a receive posted, nothing else */
	BENCH_STOP,      /* the time is over */
};

struct bench_flow {
	struct bench_test *test;
	struct bench_meter *meter;
	uint64_t began_ns; /* of the operation in flight; bulk: end of the last one */
	uint64_t sequence;
	uint32_t got; /* bytes of the answer so far */
	bool was_connected;
};

void bench_test_init(struct bench_test *test, const struct bench_opts *opts);
void bench_flow_init(struct bench_flow *flow, struct bench_test *test, struct bench_meter *meter);

/* bench_flow_connecting(): call before each connect. In accept mode the operation begins here. */
void bench_flow_connecting(struct bench_flow *flow);
/* bench_flow_connected(): the window opens some time after the last connection called this. */
void bench_flow_connected(struct bench_flow *flow);
enum { BENCH_HEAD = 8 };

/* bench_flow_message(): writes the next message (echo, accept, idle) into buf: BENCH_MESSAGE bytes,
 * of which BENCH_HEAD differ. It is a line of letters, since gnutls-serv echoes lines. */
void bench_flow_message(struct bench_flow *flow, uint8_t buf[static BENCH_MESSAGE]);
/* bench_flow_head(): the same of a message of any size, whose first BENCH_HEAD bytes alone differ.
 */
void bench_flow_head(struct bench_flow *flow, uint8_t head[static BENCH_HEAD]);
/* bench_flow_answer(): n bytes arrived (echo, accept, idle). A wrong answer ends the program. */
enum bench_next bench_flow_answer(struct bench_flow *flow, const void *data, size_t n);
/* bench_flow_bulk(): n bytes were sent or received (sink, source). BENCH_WAIT: go on; or
 * BENCH_STOP. */
enum bench_next bench_flow_bulk(struct bench_flow *flow, size_t n);
/* bench_flow_counted(): bytes of the sink's final count arrived; true when the count is complete
 * and right. */
bool bench_flow_counted(struct bench_flow *flow, const void *data, size_t n);

/*
 * bench_idle_gate(): idle mode only: says `word` to the harness and waits for its go-ahead, so that
 * it can read the memory of both ends. Blocks the calling thread.
 */
void bench_idle_gate(const struct bench_opts *opts, const char *word);

/* bench_report(): one line of JSON on stdout, from all meters together. */
void bench_report(struct bench_test *test, struct bench_meter *meters, size_t count);

/* bench_pattern(): BENCH_BUFFER bytes to send in bulk. */
const uint8_t *bench_pattern(void);

#endif
