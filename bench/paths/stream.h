/*
 * Bytes in one direction of a connection, in a thread of their own: paced, or as fast as they go.
 * What arrives is compared with what was sent, and when it arrived is kept. Knows no paths.
 */
#ifndef PATHS_STREAM_H
#define PATHS_STREAM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* pattern(): n bytes of what belongs at this offset; valid forever. n: at most PATTERN_MAX. */
#define PATTERN_MAX (256u << 10)
const uint8_t *pattern(uint64_t offset);

struct arrival {
	uint64_t at_ns, bytes; /* bytes: so far */
};

struct stream {
	int from, to;      /* borrowed */
	uint64_t rate_bps; /* 0: as fast as it goes */

	pthread_t thread;
	atomic_bool stop;
	_Atomic uint64_t received, last_ns;
	uint64_t start_ns, sent;
	int error;     /* errno of a send or receive; 0 */
	bool is_wrong; /* what came is not what was sent */
	struct arrival *log;
	uint32_t n_log;
};

/* stream_start(): 0, or -1 after report_fail(); then stream_stop() may still be called. */
int stream_start(struct stream *stream, int from, int to, uint64_t rate_bps);

/* stream_stop(): ends the thread. 0, or -1 after report_fail() when bytes were wrong or a socket
 * failed. */
int stream_stop(struct stream *stream);
void stream_free(struct stream *stream);

/* After stream_stop(). Longest time without data that ended in (from, to]; the gap that is still
 * open at the end of the log counts up to `to`. */
uint64_t stream_longest_gap(const struct stream *stream, uint64_t from_ns, uint64_t to_ns);

/* Bytes that had arrived by then. */
uint64_t stream_bytes_at(const struct stream *stream, uint64_t at_ns);

#endif
