/*
 * Claims against a braidd that the test plays: what is said when, what is said again, and that a
 * daemon that is slow, hostile or gone blocks nobody. And the pure parts, in tables.
 */
#include "dispatch_test_util.h"
#include "fake_braidd.h"
#include "transport/claim.h"

#include <net/if.h>

static dispatch_queue_t queue;

/* What one claim heard: posted each time. */
struct heard {
	sem_t sem;
	struct bri_claim_news news; /* written on `queue` */
	_Atomic unsigned times;
};

static void on_news(void *context, const struct bri_claim_news *news)
{
	struct heard *h = context;

	assert_true(bri_queue_is_current((struct dispatch_queue_s *)queue));
	h->news = *news;
	h->times++;
	sem_post(&h->sem);
}

struct work {
	struct bri_claim *claim;
	uint32_t token;
	uint8_t service;
	struct bri_netstate_query rules;
	struct heard heard;
	int result;
};

static void do_start(void *context)
{
	struct work *w = context;

	w->result = bri_claim_start((struct dispatch_queue_s *)queue, w->token, w->service,
		&w->rules, &w->heard, on_news, &w->claim);
}

static void begin(struct work *w, uint32_t token, uint8_t service)
{
	w->token = token;
	w->service = service;
	sem_init(&w->heard.sem, 0, 0);
	dispatch_sync_f(queue, w, do_start);
	assert_int_equal(w->result, 0);
}

static void do_stop(void *context)
{
	struct work *w = context;

	bri_claim_stop(w->claim);
	w->claim = NULL;
}

static void end(struct work *w)
{
	dispatch_sync_f(queue, w, do_stop);
}

/* Neither the test's queue nor the library's waits for the daemon. */
static void assert_nobody_waits(void)
{
	sem_t sem;

	sem_init(&sem, 0, 0);
	bri_async(bri_internal_queue(), &sem, post);
	wait_for(&sem);
	bri_async((struct dispatch_queue_s *)queue, &sem, post);
	wait_for(&sem);
	sem_destroy(&sem);
}

struct copying {
	const struct heard *from;
	struct bri_claim_news news;
};

static void copy_news(void *context)
{
	struct copying *c = context;

	c->news = c->from->news;
}

/* The last news: they are written on the queue. */
static struct bri_claim_news news_of(const struct work *w)
{
	struct copying c = { .from = &w->heard };

	dispatch_sync_f(queue, &c, copy_news);
	return c.news;
}

/* Waits until the news say so; they are told when they changed. */
static void await_held(struct work *w, bool held)
{
	do
		wait_for(&w->heard.sem);
	while (news_of(w).held != held);
}

static void held(struct work *w)
{
	struct bri_message claim = fake_expect(BRI_MESSAGE_CLAIM);

	assert_int_equal(claim.claim.token, w->token);
	fake_ok(&claim);
	await_held(w, true);
}

/* A daemon, and one claim that it has. */
static void hold(struct work *w)
{
	fake_start();
	begin(w, 1, BRI_MESSAGE_SERVICE_HANDOVER);
	fake_meet();
	held(w);
}

static void released(struct work *w)
{
	struct bri_message release;

	end(w);
	release = fake_expect(BRI_MESSAGE_RELEASE);
	assert_int_equal(release.release.token, w->token);
	fake_ok(&release);
}

/* --- what is said --- */

static void claimed_and_released(void **state)
{
	struct work w = { .rules = { .required_index = 7,
				  .prohibited_indexes = { 3, 0, 5 },
				  .n_prohibited = 3 } };
	struct bri_message claim;

	(void)state;
	fake_start();
	begin(&w, 0x11223344, BRI_MESSAGE_SERVICE_INTERACTIVE);
	fake_meet();
	claim = fake_expect(BRI_MESSAGE_CLAIM);
	assert_int_equal(claim.claim.token, 0x11223344);
	assert_int_equal(claim.claim.service, BRI_MESSAGE_SERVICE_INTERACTIVE);
	assert_int_equal(claim.claim.flags, 0);
	assert_int_equal(claim.claim.n_required, 1);
	assert_int_equal(claim.claim.required[0], 7);
	assert_int_equal(claim.claim.n_prohibited, 2);
	assert_int_equal(claim.claim.prohibited[0], 3);
	assert_int_equal(claim.claim.prohibited[1], 5);
	assert_int_equal(w.heard.times, 0);
	fake_ok(&claim);
	await_held(&w, true);
	released(&w);
}

static void one_link_for_all(void **state)
{
	struct work w[20] = { 0 };

	(void)state;
	fake_start();
	for (uint32_t i = 0; i < BRI_LEN(w); i++)
		begin(&w[i], i + 1, BRI_MESSAGE_SERVICE_AGGREGATE);
	fake_meet();
	for (uint32_t i = 0; i < BRI_LEN(w); i++)
		held(&w[i]);
	for (uint32_t i = 0; i < BRI_LEN(w); i++)
		released(&w[i]);
	assert_false(fake_is_readable(fake.listener, 0));
}

static void events_go_to_their_claim(void **state)
{
	struct work a = { 0 }, b = { 0 };

	(void)state;
	fake_start();
	begin(&a, 1, BRI_MESSAGE_SERVICE_HANDOVER);
	begin(&b, 257, BRI_MESSAGE_SERVICE_HANDOVER); /* the same bucket */
	fake_meet();
	held(&a);
	held(&b);
	fake_event(BRI_MESSAGE_EVENT_PRIMARY, 999, 3); /* nobody's */
	fake_event(BRI_MESSAGE_EVENT_PRIMARY, 0, 3);
	fake_event(BRI_MESSAGE_EVENT_PRIMARY, 257, 4);
	wait_for(&b.heard.sem);
	assert_int_equal(news_of(&b).primary, 4);
	fake_event(BRI_MESSAGE_EVENT_PATH_LOST, 1, 5);
	wait_for(&a.heard.sem);
	assert_int_equal(news_of(&a).primary, 0);
	assert_int_equal(news_of(&a).n_lost, 1);
	assert_int_equal(news_of(&a).lost[0], 5);
	released(&a);
	fake_event(BRI_MESSAGE_EVENT_PRIMARY, 1, 9); /* too late */
	released(&b);
	assert_nobody_waits();
	assert_int_equal(a.heard.times, 2);
}

/* A claim may be there before the daemon has seen its connection. */
static void not_seen_yet(void **state)
{
	struct work w = { 0 };
	struct bri_message claim;

	(void)state;
	fake_start();
	begin(&w, 5, BRI_MESSAGE_SERVICE_HANDOVER);
	fake_meet();
	for (int i = 0; i < 3; i++) {
		claim = fake_expect(BRI_MESSAGE_CLAIM);
		fake_error(&claim, ENOENT);
	}
	held(&w);
	released(&w);
}

static void refused(void **state)
{
	struct work w = { 0 };
	struct bri_message claim;

	(void)state;
	fake_start();
	begin(&w, 5, BRI_MESSAGE_SERVICE_HANDOVER);
	fake_meet();
	claim = fake_expect(BRI_MESSAGE_CLAIM);
	fake_error(&claim, EPERM);
	assert_false(fake_is_readable(fake.peer, 300));
	assert_int_equal(w.heard.times, 0);
	end(&w);
}

/* --- a daemon comes and goes --- */

static void said_again(void **state)
{
	struct work a = { 0 }, b = { 0 };
	struct bri_message m;

	(void)state;
	fake_start();
	begin(&a, 1, BRI_MESSAGE_SERVICE_HANDOVER);
	begin(&b, 2, BRI_MESSAGE_SERVICE_AGGREGATE);
	fake_meet();
	held(&a);
	held(&b);
	fake_event(BRI_MESSAGE_EVENT_PATH_LOST, 2, 5);
	wait_for(&b.heard.sem);
	fake_hang_up();
	await_held(&a, false);
	await_held(&b, false);
	assert_int_equal(news_of(&b).n_lost, 0); /* nobody would take it back */
	fake_meet();
	for (int i = 0; i < 2; i++) {
		m = fake_expect(BRI_MESSAGE_CLAIM);
		assert_true(m.claim.token == 1 || m.claim.token == 2);
		assert_int_equal(m.claim.service, m.claim.token == 1
							  ? BRI_MESSAGE_SERVICE_HANDOVER
							  : BRI_MESSAGE_SERVICE_AGGREGATE);
		fake_ok(&m);
	}
	await_held(&a, true);
	await_held(&b, true);
	released(&a);
	released(&b);
}

static void comes_later(void **state)
{
	struct work w = { 0 };

	(void)state;
	begin(&w, 1, BRI_MESSAGE_SERVICE_HANDOVER);
	assert_nobody_waits();
	fake_start();
	fake_meet();
	held(&w);
	released(&w);
}

/* What ended meanwhile is not claimed again, and the daemon is not looked for without reason. */
static void over_before(void **state)
{
	struct work w = { 0 };

	(void)state;
	hold(&w);
	fake_hang_up();
	await_held(&w, false);
	end(&w);
	assert_nobody_waits();
	assert_false(fake_is_readable(fake.listener, 2500));
}

/* --- a daemon that is none --- */

static void talks_nonsense(void **state)
{
	struct work w = { 0 };
	struct bri_message m = { .type = BRI_MESSAGE_END, .id = 1 };
	static const char noise[5000] = "BRD?";

	(void)state;
	hold(&w);
	assert_int_equal(send(fake.peer, "nonsense", 8, MSG_NOSIGNAL), 8);
	fake_expect_closed();
	await_held(&w, false);
	fake_meet();
	held(&w);
	assert_int_equal(send(fake.peer, noise, sizeof(noise), MSG_NOSIGNAL), sizeof(noise));
	fake_expect_closed();
	fake_meet();
	held(&w);
	fake_say(m); /* the end of a list that nobody asked for */
	fake_expect_closed();
	end(&w);
	assert_nobody_waits();
}

/* Answers to questions that were not put are passed over. */
static void answers_too_much(void **state)
{
	struct work w = { 0 };

	(void)state;
	hold(&w);
	for (uint32_t i = 0; i < 50; i++)
		fake_say((struct bri_message) { .type = BRI_MESSAGE_OK, .id = i + 1 });
	fake_event(BRI_MESSAGE_EVENT_PRIMARY, 1, 2);
	wait_for(&w.heard.sem);
	assert_int_equal(news_of(&w).primary, 2);
	released(&w);
}

static void says_much(void **state)
{
	struct work w = { 0 };

	(void)state;
	hold(&w);
	for (uint32_t i = 1; i <= 20000; i++)
		fake_event(BRI_MESSAGE_EVENT_PRIMARY, 1, i);
	assert_nobody_waits();
	do
		wait_for(&w.heard.sem);
	while (news_of(&w).primary != 20000);
	for (uint32_t i = 1; i <= 100; i++)
		fake_event(BRI_MESSAGE_EVENT_PATH_LOST, 1, i);
	fake_event(BRI_MESSAGE_EVENT_PRIMARY, 1, 7);
	do
		wait_for(&w.heard.sem);
	while (news_of(&w).primary != 7);
	assert_int_equal(news_of(&w).n_lost, BRI_CLAIM_LOST_MAX - 1);
	released(&w);
}

/* Reads nothing until the socket is full: nothing waits for it. */
static void never_reads(void **state)
{
	static struct work w[3000];

	(void)state;
	fake_start();
	for (uint32_t i = 0; i < BRI_LEN(w); i++)
		begin(&w[i], i + 1, BRI_MESSAGE_SERVICE_HANDOVER);
	assert_nobody_waits();
	for (uint32_t i = 1; i < BRI_LEN(w); i++)
		end(&w[i]);
	assert_nobody_waits();
	assert_int_equal(w[0].heard.times, 0);
	fake_accept();
	fake_hang_up(); /* what has ended is not said to the next one */
	fake_meet();
	held(&w[0]);
	released(&w[0]);
}

/* Hung up on, since what it does not answer may never have been heard. */
static void never_answers(void **state)
{
	struct work w = { 0 };

	(void)state;
	fake_start();
	begin(&w, 1, BRI_MESSAGE_SERVICE_HANDOVER);
	fake_accept();
	fake_expect(BRI_MESSAGE_WATCH);
	fake_expect(BRI_MESSAGE_CLAIM);
	fake_expect_closed();
	end(&w);
}

static void another_version(void **state)
{
	struct work w = { 0 };

	(void)state;
	fake_start();
	begin(&w, 1, BRI_MESSAGE_SERVICE_HANDOVER);
	fake_meet();
	fake_say((struct bri_message) { .type = BRI_MESSAGE_ERROR,
		.error = { .error = EPROTONOSUPPORT, .text = "another version" } });
	fake_expect_closed();
	assert_false(
		fake_is_readable(fake.listener, 1500)); /* that takes an update, not a second */
	end(&w);
}

/* --- fork() --- */

static void a_child_has_no_link(void **state)
{
	struct work w = { 0 };
	struct bri_claim *claim = NULL;
	int status;
	pid_t pid;

	(void)state;
	hold(&w);
	pid = fork();
	if (pid == 0) {
		int r = bri_claim_start((struct dispatch_queue_s *)queue, 2,
			BRI_MESSAGE_SERVICE_HANDOVER, &w.rules, &w.heard, on_news, &claim);

		bri_claim_stop(w.claim); /* the parent's goes on */
		_exit(r == -ENOTSUP && !claim ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(fake_is_readable(fake.peer, 100));
	released(&w);
}

static void bad_arguments(void **state)
{
	struct work w = { 0 };

	(void)state;
	dispatch_sync_f(queue, &w, do_start); /* no token */
	assert_int_equal(w.result, -EINVAL);
	w.token = 1;
	dispatch_sync_f(queue, &w, do_start); /* no service */
	assert_int_equal(w.result, -EINVAL);
	w.service = 4;
	dispatch_sync_f(queue, &w, do_start);
	assert_int_equal(w.result, -EINVAL);
	assert_null(w.claim);
	bri_claim_stop(NULL);
}

/* --- pure --- */

static void events_become_news(void **state)
{
	/* kind, interface; what is told then: primary, better, lost as digits */
	static const struct {
		uint8_t kind;
		uint32_t ifindex;
		bool news;
		uint32_t primary, better;
		const char *lost;
	} steps[] = {
		{ BRI_MESSAGE_EVENT_NOTE, 1, false, 0, 0, "" },
		{ BRI_MESSAGE_EVENT_PRIMARY, 1, true, 1, 0, "" },
		{ BRI_MESSAGE_EVENT_BETTER_PATH, 2, true, 1, 2, "" },
		{ BRI_MESSAGE_EVENT_PATH_LOST, 1, true, 1, 2, "1" },
		{ BRI_MESSAGE_EVENT_PATH_LOST, 1, true, 1, 2, "1" },
		{ BRI_MESSAGE_EVENT_PATH_LOST, 0, false, 1, 2, "1" },
		{ BRI_MESSAGE_EVENT_PATH_LOST, 2, true, 1, 0, "12" },
		{ BRI_MESSAGE_EVENT_SUBFLOW_DOWN, 2, true, 1, 0, "12" },
		{ BRI_MESSAGE_EVENT_SUBFLOW_UP, 1, true, 1, 0, "2" },
		{ BRI_MESSAGE_EVENT_BETTER_PATH, 3, true, 1, 3, "2" },
		{ BRI_MESSAGE_EVENT_SUBFLOW_UP, 4, true, 1, 3, "2" },
		{ BRI_MESSAGE_EVENT_SUBFLOW_UP, 3, true, 1, 0, "2" },
		{ BRI_MESSAGE_EVENT_PRIMARY, 2, true, 2, 0, "" },
		{ BRI_MESSAGE_EVENT_PATH_BACK, 9, true, 2, 0, "" },
		{ 200, 1, false, 2, 0, "" },
	};
	struct bri_claim_news news = { 0 };

	(void)state;
	for (size_t i = 0; i < BRI_LEN(steps); i++) {
		struct bri_message_event event = { .kind = steps[i].kind,
			.ifindex = steps[i].ifindex };
		char lost[BRI_CLAIM_LOST_MAX + 1] = "";

		assert_int_equal(bri_claim_on_event(&news, &event), steps[i].news);
		for (uint32_t j = 0; j < news.n_lost; j++)
			lost[j] = (char)('0' + news.lost[j]);
		if (news.primary != steps[i].primary || news.better != steps[i].better ||
			strcmp(lost, steps[i].lost) != 0)
			fail_msg("step %zu: primary %u better %u lost %s", i, news.primary,
				news.better, lost);
	}
}

/* lo 1, wlan 2 (Wi-Fi), wwan 3 (cellular, expensive), eth 4 (wired), all with an address. */
static struct bri_netif netifs[] = {
	{ 1, "lo", "", 772, BRI_IFTYPE_LOOPBACK, 65536, true, true, false, true, false, false },
	{ 2, "wlan", "", 1, BRI_IFTYPE_WIFI, 1500, true, true, false, true, false, false },
	{ 3, "wwan", "", 1, BRI_IFTYPE_CELLULAR, 1500, true, true, false, true, true, false },
	{ 4, "eth", "", 1, BRI_IFTYPE_WIRED, 1500, true, true, false, true, false, false },
};
static struct bri_netaddr addresses[] = {
	{ 1, { AF_INET, { 127, 0, 0, 1 } }, 8, 0 },
	{ 2, { AF_INET, { 10, 0, 2, 1 } }, 24, 0 },
	{ 3, { AF_INET, { 10, 0, 3, 1 } }, 24, 0 },
	{ 4, { AF_INET, { 10, 0, 4, 1 } }, 24, 0 },
};
static const struct bri_netstate net = { .complete = true,
	.all_routes = true,
	.n_interfaces = BRI_LEN(netifs),
	.n_addresses = BRI_LEN(addresses),
	.interfaces = netifs,
	.addresses = addresses };

static const char *digits(const uint32_t *list, uint8_t n)
{
	static char text[BRI_MESSAGE_MAX_INTERFACES + 1];
	size_t at = 0;

	/* in their order of numbers; 'x': no interface */
	for (uint32_t want = 1; want < 10; want++)
		for (uint8_t i = 0; i < n; i++)
			if (list[i] == want)
				text[at++] = (char)('0' + want);
	for (uint8_t i = 0; i < n; i++)
		if (list[i] >= 10)
			text[at++] = 'x';
	text[at] = '\0';
	return text;
}

static void rules_become_lists(void **state)
{
	static const struct {
		struct bri_netstate_query rules;
		const char *required, *prohibited;
	} cases[] = {
		{ { 0 }, "", "" }, { { .required_index = 3 }, "3", "" },
		{ { .required_index = 9 }, "9", "" }, /* gone: the daemon has it nowhere */
		{ { .n_prohibited = 2, .prohibited_indexes = { 2, 3 } }, "", "23" },
		{ { .required_type = BRI_IFTYPE_WIFI }, "2", "" },
		{ { .required_type = BRI_IFTYPE_LOOPBACK }, "1", "" },
		{ { .required_type = BRI_IFTYPE_WIFI, .required_index = 3 }, "x", "" },
		{ { .prohibited_types = BRI_IFTYPE_BIT(BRI_IFTYPE_CELLULAR) }, "124", "" },
		{ { .prohibit_expensive = true }, "124", "" },
		{ { .prohibit_constrained = true }, "1234", "" },
		{ { .prohibit_expensive = true, .n_prohibited = 1, .prohibited_indexes = { 4 } },
			"12", "" },
		{ { .prohibited_types = BRI_IFTYPE_BIT(BRI_IFTYPE_CELLULAR) |
					BRI_IFTYPE_BIT(BRI_IFTYPE_WIFI) |
					BRI_IFTYPE_BIT(BRI_IFTYPE_WIRED) |
					BRI_IFTYPE_BIT(BRI_IFTYPE_LOOPBACK) },
			"x", "" }, /* none is not "any" */
		{ { .n_prohibited = 17,
			  .prohibited_indexes = { 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
				  23, 24, 25, 26, 2 } },
			"134", "" }, /* more than a message takes */
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		struct bri_netstate_query rules = cases[i].rules;
		struct bri_message m = { .type = BRI_MESSAGE_CLAIM };
		uint8_t bytes[BRI_MESSAGE_MAX];

		rules.any_destination = true;
		m.claim.token = 1;
		bri_claim_interfaces(&net, &rules, &m.claim);
		if (strcmp(digits(m.claim.required, m.claim.n_required), cases[i].required) != 0)
			fail_msg("case %zu: required %s", i,
				digits(m.claim.required, m.claim.n_required));
		if (strcmp(digits(m.claim.prohibited, m.claim.n_prohibited), cases[i].prohibited) !=
			0)
			fail_msg("case %zu: prohibited %s", i,
				digits(m.claim.prohibited, m.claim.n_prohibited));
		assert_true(bri_message_encode(&m, bytes, sizeof(bytes)) > 0);
	}
}

#define FAKE(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAKE(claimed_and_released),
		FAKE(one_link_for_all),
		FAKE(events_go_to_their_claim),
		FAKE(not_seen_yet),
		FAKE(refused),
		FAKE(said_again),
		FAKE(comes_later),
		FAKE(over_before),
		FAKE(talks_nonsense),
		FAKE(answers_too_much),
		FAKE(says_much),
		FAKE(never_reads),
		FAKE(never_answers),
		FAKE(another_version),
		FAKE(a_child_has_no_link),
		FAKE(bad_arguments),
		cmocka_unit_test(events_become_news),
		cmocka_unit_test(rules_become_lists),
	};
	int failed;

	queue = dispatch_queue_create("claims", NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	dispatch_release(queue);
	return failed;
}
