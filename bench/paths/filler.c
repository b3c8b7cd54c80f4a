/* See filler.h. */
#include "filler.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/base.h"
#include "base/clock.h"
#include "report.h"

#define TICK_NS  (5 * BRI_NS_PER_MS)
#define RISE_NS  BRI_NS_PER_S
#define PAYLOAD  1400u
#define ON_WIRE  (PAYLOAD + 42u) /* with UDP, IP and Ethernet headers */
#define PER_TICK 34u             /* 80 Mbit/s: the queue grows, but not in one moment */

static void *run(void *context)
{
	struct filler *f = context;
	int from = f->direction == BRI_LAB_TO_SERVER ? f->pair.client : f->pair.server;
	static const uint8_t payload[PAYLOAD];
	uint64_t at_ns = f->start_ns;

	while (!atomic_load(&f->stop) && !f->error) {
		struct bri_lab_stats stats;
		uint64_t queued, n = 0;
		int r = bri_lab_stats(f->bed->lab, 0, &stats);

		if (r < 0) {
			f->error = -r;
			break;
		}
		queued = stats.direction[f->direction].queued_bytes;
		if (queued < f->goal_bytes)
			n = bri_min_u64((f->goal_bytes - queued) / ON_WIRE, PER_TICK);
		while (n--)
			(void)send(from, payload, sizeof(payload), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (at_ns >= f->start_ns + RISE_NS) {
			f->sum_bytes += queued;
			f->n_looks++;
		}
		at_ns += TICK_NS;
		bed_wait_until(at_ns);
	}
	return NULL;
}

int filler_start(struct filler *filler, struct bed *bed, enum bri_lab_direction direction,
	uint64_t goal_bytes)
{
	int r;

	memset(filler, 0, sizeof(*filler));
	filler->bed = bed;
	filler->direction = direction;
	filler->goal_bytes = goal_bytes;
	if (bed_udp(bed, 0, &filler->pair) < 0)
		return -1;
	filler->start_ns = bri_clock_now_ns();
	r = pthread_create(&filler->thread, NULL, run, filler);
	if (!r)
		return 0;
	bed_disconnect(&filler->pair);
	return report_fail("thread: %s", strerror(r));
}

int filler_stop(struct filler *filler, double *ret_mean_bytes)
{
	atomic_store(&filler->stop, true);
	(void)pthread_join(filler->thread, NULL);
	bed_disconnect(&filler->pair);
	*ret_mean_bytes = filler->n_looks ? (double)filler->sum_bytes / (double)filler->n_looks : 0;
	return filler->error ? report_fail("filler: %s", strerror(filler->error)) : 0;
}
