/* Bulk transfer over two paths, against plain TCP over each of them, in labs that are the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "measures.h"
#include "report.h"
#include "stream.h"

/* One transfer in a lab of its own, so that none learns from the one before (the kernel keeps
 * metrics of a destination). ret: Mbit/s of the whole time, and of its second half. */
static int transfer(const struct measure *measure, const struct options *options, bool tcp,
	uint32_t path, double ret[2])
{
	static struct stream stream;
	struct options mine = *options;
	struct pair pair = { -1, -1 };
	struct bed bed;
	uint64_t length_ns = options->seconds * BRI_NS_PER_S;
	int r;

	if (tcp)
		mine.braidd = NULL;
	r = bed_open(&bed, &mine, "aggregate", measure->paths, 2);
	if (!r)
		r = bed_connect(&bed, tcp, path, &pair);
	if (!r)
		r = stream_start(&stream, measure->is_up ? pair.client : pair.server,
			measure->is_up ? pair.server : pair.client, 0);
	if (!r) {
		uint64_t end_ns = stream.start_ns + length_ns;
		uint64_t all, half;

		bed_wait_until(end_ns);
		if (!tcp) {
			bed_report_subflows(pair.client, "subflows_after");
			r = bed_check(&bed, pair.client);
		}
		if (stream_stop(&stream) < 0)
			r = -1;
		all = stream_bytes_at(&stream, end_ns);
		half = stream_bytes_at(&stream, end_ns - length_ns / 2);
		ret[0] = (double)all * 8e3 / (double)length_ns;
		ret[1] = (double)(all - half) * 16e3 / (double)length_ns;
		if (!tcp)
			report_number(
				"longest_gap_ms", (double)stream_longest_gap(&stream,
							  stream.start_ns + BRI_NS_PER_S, end_ns) /
							  (double)BRI_NS_PER_MS);
		stream_free(&stream);
	}
	bed_disconnect(&pair);
	return bed_close(&bed) < 0 ? -1 : r;
}

static int singles(const struct measure *measure, const struct options *options, double ret[2])
{
	if (options->singles) {
		if (sscanf(options->singles, "%lf,%lf", &ret[0], &ret[1]) != 2 || ret[0] <= 0 ||
			ret[1] <= 0)
			return report_fail("--singles takes two numbers, in Mbit/s");
		return 0;
	}
	for (uint32_t path = 0; path < 2; path++) {
		double mbit[2];

		if (transfer(measure, options, true, path, mbit) < 0)
			return -1;
		ret[path] = mbit[0];
	}
	return 0;
}

int measure_aggregate(const struct measure *measure, const struct options *options)
{
	double single[2], both[2], goal;

	if (singles(measure, options, single) < 0 ||
		transfer(measure, options, false, BED_ANY_PATH, both) < 0)
		return -1;
	goal = single[0] > single[1] ? single[0] : single[1];
	if (measure->is_sum)
		goal = single[0] + single[1];
	report_number("single0_mbit", single[0]);
	report_number("single1_mbit", single[1]);
	report_number("mbit", both[0]);
	report_number("late_mbit", both[1]);
	report_number("ratio", goal > 0 ? both[0] / goal : 0);
	return 0;
}
