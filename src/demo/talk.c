/* One run of requests: after two seconds the first path turns slow, and what that does to the
 * answers is worked out. */
#include <Network/Network.h>

#include "demo/demo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SLOW_AFTER_NS UINT64_C(2000000000)
#define LATE_NS       UINT64_C(4000000000) /* the last answers have so long */
#define SETTLED       10u                  /* so many fast answers in a row are no accident */
#define FAST_NS       UINT64_C(90000000) /* the other path's round trip, and half of it for noise */

static void on_line(struct demo_watch *watch, char *line)
{
	struct demo_talk *talk = watch->context;
	uint64_t index, sent_ns, took_ns;

	if (!strncmp(line, "ready ", 6)) {
		watch->begun_ns = bri_clock_now_ns();
	} else if (sscanf(line, "answer %" SCNu64 " %" SCNu64 " %" SCNu64, &index, &sent_ns,
			   &took_ns) == 3) {
		if (index != talk->count || index >= DEMO_ANSWERS_MAX) {
			demo_watch_fail(watch, "answer %" PRIu64 " is out of place", index);
			return;
		}
		talk->answers[index].sent_ns = sent_ns;
		talk->answers[index].took_ns = took_ns;
		talk->count++;
	} else if (!strcmp(line, "end")) {
		talk->done = true;
		watch->over = true;
	}
}

static void on_tick(struct demo_watch *watch)
{
	struct demo_talk *talk = watch->context;
	uint64_t at_ns = bri_clock_now_ns() - watch->begun_ns;
	int r;

	demo_show_talk_progress(talk, at_ns);
	if (*talk->who.state && !talk->slow_at_ns && at_ns >= SLOW_AFTER_NS) {
		r = bri_lab_set_text(demo_world_lab(), "wlan delay 150ms");
		if (r < 0)
			demo_watch_fail(watch, "the path's delay: %s", strerror(-r));
		talk->slow_at_ns = bri_clock_now_ns() - watch->begun_ns;
		demo_show_event("wlan turns slow: a round trip takes 300 ms, not 20");
	}
	if (at_ns > talk->seconds * UINT64_C(1000000000) + LATE_NS)
		demo_watch_fail(watch, "%u answers came, not all", talk->count);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the requests sent in [from, to). ret: median and worst; false: there were none. */
static bool summarize(
	const struct demo_talk *talk, uint64_t from_ns, uint64_t to_ns, double ret[static 2])
{
	double ms[DEMO_ANSWERS_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < talk->count; i++) {
		if (talk->answers[i].sent_ns >= from_ns && talk->answers[i].sent_ns < to_ns)
			ms[n++] = (double)talk->answers[i].took_ns / 1e6;
	}
	if (!n)
		return false;
	qsort(ms, n, sizeof(ms[0]), compare);
	ret[0] = ms[(n - 1) / 2];
	ret[1] = ms[n - 1];
	return true;
}

/* When the first of SETTLED fast answers to what was asked after the change came. */
static uint64_t fast_again(const struct demo_talk *talk)
{
	uint32_t row = 0, first;

	for (uint32_t i = 0; i < talk->count; i++) {
		if (talk->answers[i].sent_ns < talk->slow_at_ns)
			continue;
		row = talk->answers[i].took_ns <= FAST_NS ? row + 1 : 0;
		if (row < SETTLED)
			continue;
		first = i + 1 - SETTLED;
		return talk->answers[first].sent_ns + talk->answers[first].took_ns -
		       talk->slow_at_ns;
	}
	return 0;
}

int demo_talk(struct demo_talk *talk)
{
	struct demo_server server = { .address = demo_world_address() };
	struct demo_client client = { .address = demo_world_address(),
		.socket = demo_world_socket(talk->who.manager),
		.service = nw_multipath_service_interactive,
		.seconds = talk->seconds };
	struct demo_watch watch = {
		.context = talk, .on_line = on_line, .on_tick = on_tick, .who = &talk->who
	};
	struct demo_programs programs = { demo_answer, demo_ask, &server, &client, &server.port_fd,
		&client.report_fd, &client.port };
	double before[2] = { 0 }, after[2] = { 0 };
	int error = demo_watch_programs(&watch, &programs);

	if (error)
		return error;
	if (talk->done && (!summarize(talk, 0, talk->slow_at_ns, before) ||
				  !summarize(talk, talk->slow_at_ns, UINT64_MAX, after))) {
		(void)snprintf(talk->who.why, sizeof(talk->who.why), "the path never turned slow");
		talk->done = false;
	}
	talk->before_ms = before[0];
	talk->median_ms = after[0];
	talk->worst_ms = after[1];
	talk->fast_again_ns = fast_again(talk);
	return 0;
}
