/* See mp_test.h. */
#include "mp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT_NS (10 * BRI_NS_PER_S) /* within which news must have come */

struct mp_shared *mp_shared_memory;

/* A test that failed has left its programs behind: they must not write into the next one's news. */
static struct bri_lab *left;

struct bri_lab_config mp_two_paths(void)
{
	struct bri_lab_config c = { .seed = 7, .n_paths = 2, .mptcp_endpoints = true };
	static const struct bri_lab_link links[2] = {
		{ .delay_ns = 10 * MP_MS, .rate_bps = 40 * MP_MBIT, .queue_bytes = 400000 },
		{ .delay_ns = 25 * MP_MS, .rate_bps = 20 * MP_MBIT, .queue_bytes = 400000 },
	};

	memcpy(c.paths[0].name, "wlan", 5);
	memcpy(c.paths[1].name, "wwan", 5);
	for (int i = 0; i < 2; i++)
		c.paths[i].link[0] = c.paths[i].link[1] = links[i];
	return c;
}

struct mp_run mp_open(const struct bri_lab_config *config)
{
	struct mp_run run = { .shared = mp_shared_memory };
	char why[256] = "";

	bri_lab_close(left);
	left = NULL;
	mp_shared_reset(run.shared);
	if (bri_lab_open_why(config, why, sizeof(why), &run.lab) < 0)
		fail_msg("lab: %s", why);
	left = run.lab;
	return run;
}

void mp_close(struct mp_run *run)
{
	mp_kill(run);
	bri_lab_close(run->lab);
	left = NULL;
}

int mp_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

void mp_start(struct mp_run *run)
{
	assert_int_equal(mp_start_server(run), 0);
	assert_int_equal(mp_start_client(run), 0);
}

void mp_end_well(struct mp_run *run)
{
	char ended[256] = "", why[256] = "";
	bool done = mp_finish(run, run->shared->limit_ms + 5000, ended, sizeof(ended));

	if (!mp_check(run->shared, 0, why, sizeof(why)) || !done)
		fail_msg("%s; %s", ended, why);
}

struct bri_lab_stats mp_stats(struct mp_run *run, uint32_t path)
{
	struct bri_lab_stats stats;

	assert_int_equal(bri_lab_stats(run->lab, path, &stats), 0);
	return stats;
}

uint64_t mp_mib(struct mp_run *run, enum bri_lab_side side, const char *name)
{
	uint64_t value = 0;

	assert_int_equal(bri_lab_mib(run->lab, side, name, &value), 0);
	return value;
}

void mp_set(struct mp_run *run, const char *text)
{
	assert_int_equal(bri_lab_set_text(run->lab, text), 0);
}

int mp_find(const struct mp_end *end, uint32_t from, enum mp_event_kind kind, int value,
	const char *interface)
{
	for (uint32_t i = from; i < end->event_count; i++) {
		const struct mp_event *e = &end->events[i];

		if (e->kind == kind && e->value == value &&
			(!interface || !strcmp(e->interface, interface)))
			return (int)i;
	}
	return -1;
}

uint32_t mp_expect(const struct mp_end *end, uint32_t from, enum mp_event_kind kind, int value,
	const char *interface)
{
	uint64_t until_ns = mp_now_ns() + EVENT_NS;
	int at;

	while ((at = mp_find(end, from, kind, value, interface)) < 0) {
		if (mp_now_ns() > until_ns) {
			for (uint32_t i = 0; i < end->event_count; i++)
				print_message("  event %u: kind %d value %d error %d %s\n", i,
					end->events[i].kind, end->events[i].value,
					end->events[i].error, end->events[i].interface);
			fail_msg("no event of kind %d, value %d, %s, from %u on", kind, value,
				interface ? interface : "-", from);
		}
		poll(NULL, 0, 2);
	}
	return (uint32_t)at;
}

int mp_main(int (*run_all)(void))
{
	const char *required = getenv("BRAID_REQUIRE_ALL");
	char why[256];

	if (!bri_lab_supported(why, sizeof(why))) {
		print_message("skipped: %s\n", why);
		return required && !strcmp(required, "1") ? 1 : 77;
	}
	mp_shared_memory = mp_shared_new();
	return mp_shared_memory ? run_all() : 1;
}
