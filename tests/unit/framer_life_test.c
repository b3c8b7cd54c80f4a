/*
 * The life of a framer, on a bench: passing through, wakeups, calls from elsewhere, the end.
 */
#include "framer_util.h"

#include <errno.h>
#include <pthread.h>

/* --- passing through --- */

static size_t on_line(void *context, uint8_t *bytes, size_t size, bool complete)
{
	(void)context;
	(void)complete;
	return size && bytes[0] == '\n' ? 1 : 0;
}

static size_t pass_input(void *context, nw_framer_t framer)
{
	struct frames *f = context;

	f->inputs++;
	nw_framer_parse_input_f(framer, 1, 1, NULL, f, on_line);
	nw_framer_pass_through_input(framer);
	note_to(f, "%d", nw_framer_parse_input_f(framer, 1, 1, NULL, f, on_line));
	note_to(f, "%d", nw_framer_deliver_input_no_copy(framer, 1, NULL, true));
	log_lines = 0;
	return 0;
}

static void pass_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, pass_input, NULL);
	nw_framer_pass_through_output(framer);
}

static void what_passes_through_is_not_touched(void **state)
{
	struct framer_bench fb = { .f = { .on_start = pass_start } };

	(void)state;
	framer_bench_init(&fb, false);
	fb.b.describe = NULL;
	/* a stream is no message because it passes a framer */
	bench_rx_text(&fb.b, "\nrest");
	assert_up(&fb.b, "rest");
	bench_rx_text(&fb.b, "more");
	assert_up(&fb.b, "more");
	bench_put_text(&fb.b, "out");
	assert_down(&fb.b, "out");
	bench_put(&fb.b, NULL, 0, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
	assert_down(&fb.b, "$");
	bench_rx_end(&fb.b);
	assert_up(&fb.b, "$");
	assert_int_equal(fb.f.inputs, 1);
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start 0 0 cleanup destroy");

	fb = (struct framer_bench) { .f = { .on_start = pass_start } };
	framer_bench_init(&fb, true);
	fb.b.describe = NULL;
	bench_rx_text(&fb.b, "one");
	bench_rx(&fb.b, NULL, 0);
	assert_up(&fb.b, "one* -*");
	framer_bench_fini(&fb);
}

/* --- time --- */

static uint64_t wakeup_ms;

static void schedule(void *framer)
{
	nw_framer_schedule_wakeup(framer, wakeup_ms);
}

static void wake_start(struct frames *f, nw_framer_t framer)
{
	(void)f;
	nw_framer_schedule_wakeup(framer, wakeup_ms);
}

static void wakeups_come_once_and_on_time(void **state)
{
	struct framer_bench fb = { .f = { .on_start = wake_start } };
	uint64_t at_ns;

	(void)state;
	wakeup_ms = 5;
	framer_bench_init(&fb, false);
	at_ns = 1000 + 5 * BRI_NS_PER_MS;
	assert_int_equal(bench_deadline(&fb.b), at_ns);
	bench_until(&fb.b, at_ns - 1);
	assert_notes(&fb.f, "start");
	bench_until(&fb.b, at_ns);
	assert_notes(&fb.f, "wake");
	assert_int_equal(bench_deadline(&fb.b), BRI_NEVER);
	bench_until(&fb.b, at_ns + BRI_NS_PER_S);
	assert_notes(&fb.f, "");
	framer_bench_fini(&fb);
}

static size_t reschedule_input(void *context, nw_framer_t framer)
{
	(void)context;
	schedule(framer);
	nw_framer_pass_through_output(framer);
	return 0;
}

static void reschedule_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_input_handler_f(framer, f, reschedule_input, NULL);
	wake_start(f, framer);
}

static void a_later_wakeup_replaces_the_earlier(void **state)
{
	struct framer_bench fb = { .f = { .on_start = reschedule_start } };

	(void)state;
	wakeup_ms = 5;
	framer_bench_init(&fb, false);
	fb.b.now_ns = 2000;
	wakeup_ms = 7;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), 2000 + 7 * BRI_NS_PER_MS);
	wakeup_ms = NW_FRAMER_WAKEUP_TIME_FOREVER;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), BRI_NEVER);
	wakeup_ms = 0;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), 2000);
	/* beyond the end of the clock is never */
	wakeup_ms = (BRI_NEVER - 2000) / BRI_NS_PER_MS;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), BRI_NEVER);
	wakeup_ms--;
	bench_rx_text(&fb.b, "x");
	assert_true(bench_deadline(&fb.b) < BRI_NEVER);
	wakeup_ms = UINT64_MAX - 1;
	bench_rx_text(&fb.b, "x");
	assert_int_equal(bench_deadline(&fb.b), BRI_NEVER);
	framer_bench_fini(&fb);
}

/* --- from elsewhere --- */

static void say_ping(void *framer)
{
	nw_framer_message_t message = nw_framer_message_create(framer);

	nw_framer_write_output(framer, (const uint8_t *)"ping", 4);
	set_type(message, 'P');
	nw_framer_deliver_input(framer, (const uint8_t *)"pong", 4, message, true);
	nw_release(message);
}

static void async_leads_to_the_framer(void **state)
{
	struct framer_bench fb = { 0 };
	nw_framer_t framer;

	(void)state;
	framer_bench_init(&fb, false);
	framer = nw_retain(fb.f.framer);
	nw_framer_async_f(framer, framer, say_ping);
	bench_settle(&fb.b);
	assert_down(&fb.b, "ping");
	assert_up(&fb.b, "P:pong*");
	/* from here nothing is touched */
	say_ping(framer);
	assert_int_equal(log_lines, 2);
	assert_non_null(strstr(log_last, "nw_framer_async"));
	log_lines = 0;
	bench_settle(&fb.b);
	assert_down(&fb.b, "");
	/* and when the framer has ended, nothing happens */
	bench_tear_down(&fb.b);
	nw_framer_async_f(framer, framer, say_ping);
	nw_framer_async_f(framer, framer, mark_ready);
	nw_framer_async_f(framer, framer, schedule);
	bench_settle(&fb.b);
	framer_bench_fini(&fb);
	nw_release(framer);
	assert_quiet();
}

struct caller {
	nw_framer_t framer;
	_Atomic int ran;
};

static void count_run(void *context)
{
	struct caller *caller = context;

	nw_framer_write_output(caller->framer, (const uint8_t *)".", 1);
	caller->ran++;
}

static void *call_often(void *context)
{
	struct caller *caller = context;

	for (int i = 0; i < 1000; i++)
		nw_framer_async_f(caller->framer, caller, count_run);
	return NULL;
}

static void async_is_for_any_thread_at_any_time(void **state)
{
	struct framer_bench fb = { 0 };
	struct caller caller = { 0 };
	pthread_t threads[3];

	(void)state;
	framer_bench_init(&fb, false);
	caller.framer = nw_retain(fb.f.framer);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, call_often, &caller);
	bench_tear_down(&fb.b); /* in the middle of it */
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	bench_settle(&fb.b);
	assert_int_equal(caller.ran, 3000);
	nw_release(caller.framer);
	framer_bench_fini(&fb);
}

/* --- the end --- */

static void stop_comes_before_cleanup(void **state)
{
	struct framer_bench fb = { 0 };

	(void)state;
	framer_bench_init(&fb, false);
	bench_close(&fb.b);
	assert_down(&fb.b, "BYE");
	assert_true(fb.b.chain->bottom->closed);
	bench_close(&fb.b);
	bench_lost(&fb.b, ECONNRESET);
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start stop cleanup destroy");

	/* a cancel that tells of the loss first is still an orderly end */
	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	bench_lost(&fb.b, ECANCELED);
	bench_close(&fb.b);
	assert_down(&fb.b, "BYE");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start stop cleanup destroy");
	/* one that is forced is none */
	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	bench_lost(&fb.b, ECANCELED);
	bench_start(&fb.b);
	assert_notes(&fb.f, "start");
	assert_down(&fb.b, "");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "stop cleanup destroy");

	/* without a word to the peer, when the connection is lost */
	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	bench_lost(&fb.b, ECONNRESET);
	bench_start(&fb.b);
	assert_down(&fb.b, "");
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start stop cleanup destroy");
	assert_quiet();
}

static bool stop_later(void *context, nw_framer_t framer)
{
	note_to(context, "stop");
	nw_framer_schedule_wakeup(framer, 3);
	return false;
}

static void stopped_now(void *context, nw_framer_t framer)
{
	note_to(context, "wake");
	nw_framer_write_output(framer, (const uint8_t *)"bye", 3);
	nw_framer_mark_failed_with_error(framer, 0);
}

static void stop_later_start(struct frames *f, nw_framer_t framer)
{
	nw_framer_set_stop_handler_f(framer, f, stop_later, NULL);
	nw_framer_set_wakeup_handler_f(framer, f, stopped_now, NULL);
}

static void a_stop_may_take_longer(void **state)
{
	struct framer_bench fb = { .f = { .on_start = stop_later_start } };

	(void)state;
	framer_bench_init(&fb, false);
	bench_close(&fb.b);
	assert_false(fb.b.chain->bottom->closed);
	bench_until(&fb.b, 1000 + 3 * BRI_NS_PER_MS);
	assert_down(&fb.b, "bye");
	assert_true(fb.b.chain->bottom->closed);
	assert_int_equal(bench_error(&fb.b), 0);
	framer_bench_fini(&fb);
	assert_notes(&fb.f, "start stop wake cleanup destroy");
	/* who is lost meanwhile is not waited for */
	fb = (struct framer_bench) { .f = { .on_start = stop_later_start } };
	framer_bench_init(&fb, false);
	bench_close(&fb.b);
	bench_lost(&fb.b, ECONNRESET);
	framer_bench_fini(&fb);
}

static void fail_with_7(void *framer)
{
	nw_framer_mark_failed_with_error(framer, 7);
	nw_framer_mark_failed_with_error(framer, 8);
	/* what is said after it is said to nobody */
	nw_framer_write_output(framer, (const uint8_t *)"x", 1);
	nw_framer_deliver_input(framer, (const uint8_t *)"x", 1, NULL, true);
	nw_framer_mark_ready(framer);
}

static void end_without_error(void *framer)
{
	nw_framer_mark_failed_with_error(framer, 0);
	nw_framer_write_output(framer, (const uint8_t *)"x", 1);
}

static void a_framer_fails_or_ends(void **state)
{
	struct framer_bench fb = { 0 };

	(void)state;
	framer_bench_init(&fb, false);
	nw_framer_async_f(fb.f.framer, fb.f.framer, fail_with_7);
	bench_settle(&fb.b);
	assert_int_equal(bench_error(&fb.b), 7);
	assert_down(&fb.b, "");
	framer_bench_fini(&fb);

	fb = (struct framer_bench) { 0 };
	framer_bench_init(&fb, false);
	nw_framer_async_f(fb.f.framer, fb.f.framer, end_without_error);
	bench_settle(&fb.b);
	assert_int_equal(bench_error(&fb.b), 0);
	assert_up(&fb.b, "$");
	assert_down(&fb.b, "$");
	bench_rx_text(&fb.b, "more");
	bench_rx_end(&fb.b);
	assert_up(&fb.b, "");
	framer_bench_fini(&fb);

	/* not ready yet, no error: nobody would learn of an end */
	fb = (struct framer_bench) { .f = { .result = nw_framer_start_result_will_mark_ready } };
	framer_bench_init(&fb, false);
	nw_framer_async_f(fb.f.framer, fb.f.framer, end_without_error);
	bench_settle(&fb.b);
	assert_int_equal(bench_error(&fb.b), ECONNABORTED);
	framer_bench_fini(&fb);
	assert_quiet();
}

static void a_layer_that_never_started_ends_quietly(void **state)
{
	struct frames f = { 0 };
	nw_protocol_options_t options = frames_options(&f);
	struct bench b;

	(void)state;
	bench_init(&b);
	bench_build(&b, &options, 1, false);
	bench_fini(&b);
	nw_release(options);
	assert_notes(&f, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_passes_through_is_not_touched),
		cmocka_unit_test(wakeups_come_once_and_on_time),
		cmocka_unit_test(a_later_wakeup_replaces_the_earlier),
		cmocka_unit_test(async_leads_to_the_framer),
		cmocka_unit_test(async_is_for_any_thread_at_any_time),
		cmocka_unit_test(stop_comes_before_cleanup),
		cmocka_unit_test(a_stop_may_take_longer),
		cmocka_unit_test(a_framer_fails_or_ends),
		cmocka_unit_test(a_layer_that_never_started_ends_quietly),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
