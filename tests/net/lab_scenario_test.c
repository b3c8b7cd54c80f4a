/* Scenario text, configurations and kernel counter texts: what is taken, what is refused and how.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "lab/check.h"
#include "lab/scenario.h"

#define P "path wlan\n"

static const struct {
	const char *text, *why;
} refused[] = {
	{ "", "there is no path in it" },
	{ "# nothing\n\n", "there is no path in it" },
	{ "hello", "line 1: 'hello' is not path, at, end, seed or mptcp" },
	{ "path", "line 1: path: a name is missing, for example: path wlan delay 10ms" },
	{ "path lo", "line 1: 'lo' is not a name for a path (1 to 15 of A-Z a-z 0-9 . _ -)" },
	{ "path sixteencharacter", "line 1: 'sixteencharacter' is not a name for a path (1 to 15 "
				   "of A-Z a-z 0-9 . _ -)" },
	{ "path a/b", "line 1: 'a/b' is not a name for a path (1 to 15 of A-Z a-z 0-9 . _ -)" },
	{ P "path wlan", "line 2: path wlan is there already" },
	{ "path wlan delay", "line 1: delay: a value is missing, for example 10ms" },
	{ "path wlan delay 10", "line 1: delay 10: not a value in range, for example 10ms" },
	{ "path wlan delay ms", "line 1: delay ms: not a value in range, for example 10ms" },
	{ "path wlan delay -1ms", "line 1: delay -1ms: not a value in range, for example 10ms" },
	{ "path wlan delay 1.ms", "line 1: delay 1.ms: not a value in range, for example 10ms" },
	{ "path wlan delay 61s", "line 1: delay 61s: not a value in range, for example 10ms" },
	{ "path wlan delay 99999999999999999999ms",
		"line 1: delay 99999999999999999999ms: not a value in range, for example 10ms" },
	{ "path wlan rate 5mb", "line 1: rate 5mb: not a value in range, for example 50mbit" },
	{ "path wlan rate 101gbit",
		"line 1: rate 101gbit: not a value in range, for example 50mbit" },
	{ "path wlan loss 1", "line 1: loss 1: not a value in range, for example 0.5%" },
	{ "path wlan loss 100.01%",
		"line 1: loss 100.01%: not a value in range, for example 0.5%" },
	{ "path wlan queue 2g", "line 1: queue 2g: not a value in range, for example 64k" },
	{ "path wlan mtu 1279", "line 1: mtu must be 1280 to 1500" },
	{ "path wlan mtu 1501", "line 1: mtu 1501: not a value in range, for example 1400" },
	{ "path wlan mptcp", "line 1: mptcp : pass, strip, strip-data or drop-syn" },
	{ "path wlan mptcp eat", "line 1: mptcp eat: pass, strip, strip-data or drop-syn" },
	{ "path wlan fast", "line 1: 'fast' is not a setting of a path" },
	{ "path wlan silent", "line 1: 'silent' is not a setting of a path" },
	{ P "at", "line 2: at: a value is missing, for example 3s" },
	{ P "at 3 wlan down", "line 2: at 3: not a value in range, for example 3s" },
	{ P "at 3s", "line 2: at: a path is missing, for example: at 3s wlan silent" },
	{ P "at 3s wwan down", "line 2: there is no path 'wwan' above this line" },
	{ "at 3s wlan down\n" P, "line 1: there is no path 'wlan' above this line" },
	{ P "at 3s wlan", "line 2: a change is missing, for example: silent" },
	{ P "at 3s wlan to-server", "line 2: a change is missing, for example: silent" },
	{ P "at 3s wlan sideways", "line 2: 'sideways' is not a change" },
	{ P "at 25h wlan up", "line 2: at 25h: not a value in range, for example 3s" },
	{ P "at 1441m wlan up", "line 2: at 1441m: not a value in range, for example 3s" },
	{ P "end", "line 2: end: a value is missing, for example 60s" },
	{ P "end 5s 6s", "line 2: '6s' is too much" },
	{ P "end 5s\nend 6s", "line 3: end is there already" },
	{ P "seed", "line 2: seed: a number is missing, for example: seed 42" },
	{ P "seed -1", "line 2: seed: a number is missing, for example: seed 42" },
	{ P "seed 18446744073709551616",
		"line 2: seed 18446744073709551616: not a number below 2^64" },
	{ P "seed 4x", "line 2: seed 4x: not a number below 2^64" },
	{ P "mptcp", "line 2: mptcp: expected 'endpoints on', 'endpoints off' or 'off'" },
	{ P "mptcp endpoints", "line 2: mptcp: expected 'endpoints on', 'endpoints off' or 'off'" },
	{ P "mptcp off\nmptcp endpoints on",
		"'mptcp off' and 'mptcp endpoints on' exclude each other" },
	{ P "\x01", "line 2: character 1 is not printable ASCII" },
	{ P "path w\xc3\xa4lan", "line 2: character 195 is not printable ASCII" },
	{ P "at 1s wlan to-server delay 1ms to-client delay 1ms to-server delay 1ms to-client "
	    "delay 1ms to-server delay 1ms to-client delay 1ms to-server delay 1ms to-client delay "
	    "1ms both delay 1ms",
		"line 2: more than 8 changes in one line" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < BRI_LEN(refused); i++) {
		struct bri_scenario *scenario = NULL;
		char why[200] = "";

		assert_int_equal(bri_scenario_parse(refused[i].text, strlen(refused[i].text), why,
					 sizeof(why), &scenario),
			-EINVAL);
		assert_string_equal(why, refused[i].why);
		assert_null(scenario);
	}
}

static struct bri_scenario *parse(const char *text)
{
	struct bri_scenario *scenario = NULL;
	char why[200] = "";

	if (bri_scenario_parse(text, strlen(text), why, sizeof(why), &scenario) < 0)
		fail_msg("refused: %s", why);
	return scenario;
}

static void test_taken(void **state)
{
	struct bri_scenario *s =
		parse("# both\nseed 0x2a\r\n"
		      "path wlan delay 10ms rate 50mbit loss 0 queue 64k\n"
		      "\tpath wwan rate 1.5gbit to-server delay 30ms loss 0.25% "
		      "to-client delay 1.5s jitter 300us both queue 1500 backup mtu "
		      "1400 # slow\n"
		      "mptcp endpoints on\n"
		      "at 8s wlan up delay 5ms\n"
		      "at 3s wlan silent\n"
		      "at 3s wwan to-client loss 100%\n"
		      "end 1m");
	const struct bri_lab_path_config *wlan = &s->config.paths[0], *wwan = &s->config.paths[1];

	(void)state;
	assert_int_equal(s->config.seed, 42);
	assert_true(s->has_seed);
	assert_int_equal(s->config.n_paths, 2);
	assert_string_equal(wlan->name, "wlan");
	for (int d = 0; d < 2; d++) {
		assert_int_equal(wlan->link[d].delay_ns, 10 * BRI_NS_PER_MS);
		assert_int_equal(wlan->link[d].rate_bps, 50000000);
		assert_int_equal(wlan->link[d].queue_bytes, 65536);
		assert_int_equal(wwan->link[d].rate_bps, 1500000000);
		assert_int_equal(wwan->link[d].queue_bytes, 1500);
	}
	assert_false(wlan->backup);
	assert_true(wwan->backup);
	assert_int_equal(wwan->mtu, 1400);
	assert_int_equal(wwan->link[BRI_LAB_TO_SERVER].delay_ns, 30 * BRI_NS_PER_MS);
	assert_int_equal(wwan->link[BRI_LAB_TO_SERVER].loss_ppm, 2500);
	assert_int_equal(wwan->link[BRI_LAB_TO_CLIENT].delay_ns, 1500 * BRI_NS_PER_MS);
	assert_int_equal(wwan->link[BRI_LAB_TO_CLIENT].jitter_ns, 300 * BRI_NS_PER_US);
	assert_int_equal(wwan->link[BRI_LAB_TO_SERVER].jitter_ns, 0);
	assert_true(s->config.mptcp_endpoints);
	assert_int_equal(s->config.n_events, 3);
	/* by time, and as written where the time is equal */
	assert_int_equal(s->events[0].at_ns, 3 * BRI_NS_PER_S);
	assert_int_equal(s->events[0].change.state, BRI_LAB_SILENT);
	assert_int_equal(s->events[1].path, 1);
	assert_int_equal(s->events[1].change.directions, 1u << BRI_LAB_TO_CLIENT);
	assert_int_equal(s->events[1].change.link.loss_ppm, 1000000);
	assert_int_equal(s->events[2].change.set, BRI_LAB_SET_STATE | BRI_LAB_SET_DELAY);
	assert_int_equal(s->end_ns, 60 * BRI_NS_PER_S);
	assert_int_equal(bri_lab_check_config(&s->config, NULL, 0), 0);
	free(s);
}

static void test_limits(void **state)
{
	static char text[BRI_SCENARIO_MAX_BYTES + 2];
	struct bri_scenario *s = NULL;
	char why[200] = "";
	size_t len = 0;

	(void)state;
	for (int i = 0; i < BRI_LAB_MAX_PATHS + 1; i++) {
		len += (size_t)sprintf(text + len, "path p%d\n", i);
		if (i == BRI_LAB_MAX_PATHS - 1)
			free(parse(text));
	}
	assert_int_equal(bri_scenario_parse(text, len, why, sizeof(why), &s), -EINVAL);
	assert_string_equal(why, "line 17: more than 16 paths");

	len = (size_t)sprintf(text, "path p\n");
	for (int i = 0; i < BRI_LAB_MAX_EVENTS + 1; i++) {
		len += (size_t)sprintf(text + len, "at 1s p up\n");
		if (i == BRI_LAB_MAX_EVENTS - 1)
			free(parse(text));
	}
	assert_int_equal(bri_scenario_parse(text, len, why, sizeof(why), &s), -EINVAL);
	assert_string_equal(why, "line 1026: more than 1024 events");

	memset(text, '\n', sizeof(text));
	memcpy(text, "path p", 6);
	assert_int_equal(bri_scenario_parse(text, BRI_SCENARIO_MAX_BYTES, why, sizeof(why), &s), 0);
	free(s);
	assert_int_equal(bri_scenario_parse(text, BRI_SCENARIO_MAX_BYTES + 1, why, sizeof(why), &s),
		-EINVAL);
	assert_string_equal(why, "longer than 65536 bytes");

	memset(text, ' ', 512);
	assert_int_equal(bri_scenario_parse(text, 512, why, sizeof(why), &s), -EINVAL);
	assert_string_equal(why, "line 1: longer than 511 characters");
}

static void test_shipped(void **state)
{
	size_t n = 0;

	(void)state;
	for (const char *name; (name = bri_scenario_shipped(n)); n++) {
		struct bri_scenario *s = NULL;
		char why[200] = "";

		if (bri_scenario_load(name, why, sizeof(why), &s) < 0)
			fail_msg("%s: %s", name, why);
		assert_true(s->config.n_paths == 2 && s->has_seed && s->end_ns != BRI_NEVER);
		free(s);
	}
	assert_int_equal(n, 4);
}

static void test_load_errors(void **state)
{
	struct bri_scenario *s = NULL;
	char why[200] = "";

	(void)state;
	assert_int_equal(bri_scenario_load("no-such-scenario", why, sizeof(why), &s), -ENOENT);
	assert_string_equal(why, "no such file, and no scenario of this name is shipped");
	assert_int_equal(bri_scenario_load("/", why, sizeof(why), &s), -EISDIR);
	assert_null(s);
}

static void test_format(void **state)
{
	struct bri_lab_change changes[BRI_SCENARIO_MAX_CHANGES];
	char why[200], text[200];

	(void)state;
	assert_int_equal(
		bri_scenario_parse_changes("to-client silent delay 1500us rate 50mbit loss "
					   "0.25% queue 64k",
			why, sizeof(why), changes),
		1);
	bri_scenario_format(&changes[0], text, sizeof(text));
	assert_string_equal(
		text, "to-client silent delay 1500us rate 50mbit loss 0.25% queue 65536");
	bri_scenario_format(&changes[0], text, 10);
	assert_int_equal(strlen(text), 8);
	assert_int_equal(
		bri_scenario_parse_changes("loss 10.0005% ", why, sizeof(why), changes), 1);
	bri_scenario_format(&changes[0], text, sizeof(text));
	assert_string_equal(text, "loss 10.0005%");
	assert_int_equal(bri_scenario_parse_changes("loss 3%", why, sizeof(why), changes), 1);
	bri_scenario_format(&changes[0], text, sizeof(text));
	assert_string_equal(text, "loss 3%");
	assert_int_equal(
		bri_scenario_parse_changes("mptcp drop-syn", why, sizeof(why), changes), 1);
	bri_scenario_format(&changes[0], text, sizeof(text));
	assert_string_equal(text, "mptcp drop-syn");
	assert_int_equal(bri_scenario_parse_changes("deladdr", why, sizeof(why), changes), 1);
	bri_scenario_format(&changes[0], text, sizeof(text));
	assert_string_equal(text, "deladdr");
}

static void test_configs_refused(void **state)
{
	struct bri_lab_config good = { .n_paths = 2,
		.paths = { { .name = "a" }, { .name = "b" } } };
	struct bri_lab_event events[2] = { { .at_ns = 5, .path = 1 }, { .at_ns = 5, .path = 0 } };
	struct bri_lab_config c;
	char why[100];

	(void)state;
	assert_int_equal(bri_lab_check_config(&good, why, sizeof(why)), 0);
#define REFUSED(change, reason)                                                                    \
	do {                                                                                       \
		c = good;                                                                          \
		change;                                                                            \
		assert_int_equal(bri_lab_check_config(&c, why, sizeof(why)), -EINVAL);             \
		assert_string_equal(why, reason);                                                  \
	} while (0)
	REFUSED(c.n_paths = 0, "a lab has 1 to 16 paths");
	REFUSED(c.n_paths = 17, "a lab has 1 to 16 paths");
	REFUSED(c.paths[1].name[0] = 'a', "a: two paths of this name");
	REFUSED(c.paths[1].name[0] = 0, "not a name for a path");
	REFUSED(memset(c.paths[0].name, 'x', 16), "xxxxxxxxxxxxxxxx: not a name for a path");
	REFUSED(c.paths[1].mtu = 1501, "b: mtu must be 1280 to 1500");
	REFUSED(c.paths[0].link[1].loss_ppm = 1000001,
		"a: delay, rate, queue or loss out of range");
	REFUSED(c.paths[0].link[0].delay_ns = BRI_LAB_MAX_DELAY_NS + 1,
		"a: delay, rate, queue or loss out of range");
	good.events = events;
	good.n_events = 2;
	assert_int_equal(bri_lab_check_config(&good, why, sizeof(why)), 0);
	REFUSED(c.n_events = 1025, "too many events");
	events[1].at_ns = 4;
	REFUSED((void)0, "an event is wrong or out of order");
	events[1].at_ns = 5;
	events[1].path = 2;
	REFUSED((void)0, "an event is wrong or out of order");
#undef REFUSED
}

static void test_mib_texts(void **state)
{
	static const char text[] = "TcpExt: SyncookiesSent Foo\nTcpExt: 1 2\n"
				   "MPTcpExt: MPCapable Foo MPJoinAckRx\nMPTcpExt: 3 4 "
				   "18446744073709551615\nIp6InReceives    \t77\nUdp: Odd\n";
	static const struct {
		const char *name;
		int r;
		uint64_t value;
	} cases[] = { { "SyncookiesSent", 0, 1 }, { "Foo", 0, 2 }, { "MPTcpExt.Foo", 0, 4 },
		{ "MPJoinAckRx", 0, UINT64_MAX }, { "Ip6InReceives", 0, 77 }, { "Odd", -ENOENT, 0 },
		{ "MPJoin", -ENOENT, 0 }, { "TcpExt.MPCapable", -ENOENT, 0 }, { "", -ENOENT, 0 },
		{ "TcpExt", -ENOENT, 0 } };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		uint64_t value = 0;

		assert_int_equal(bri_lab_find_mib(text, cases[i].name, &value), cases[i].r);
		assert_true(value == cases[i].value);
	}
	/* cut anywhere, it is still only read inside */
	for (size_t len = 0; len < sizeof(text); len++) {
		char *cut = strndup(text, len);
		uint64_t value;

		(void)bri_lab_find_mib(cut, "MPJoinAckRx", &value);
		(void)bri_lab_find_mib(cut, "Odd", &value);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_load_errors),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_configs_refused),
		cmocka_unit_test(test_mib_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
