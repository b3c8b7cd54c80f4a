/* Framers that are not done when their connection is cancelled: it waits for them, for a bounded
 * time, and the layers below them say goodbye after them. */
#include "framer_util.h"
#include "conn_util.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

/* Says `bye` when it is stopped, and ends when the peer's next byte comes. */
struct leaver {
	struct recorder *r;
	char name;
	const char *bye;
	bool at_once; /* it is done in the stop handler already, though that returns false */
	bool stopped;
	nw_framer_t framer; /* +1 */
};

static size_t see(void *context, uint8_t *bytes, size_t size, bool complete)
{
	struct leaver *l = context;

	if (size)
		note(l->r, "%c-in(%.*s)", l->name, (int)size, (const char *)bytes);
	else if (complete)
		note(l->r, "%c-end", l->name);
	return size;
}

static size_t leaver_input(void *context, nw_framer_t framer)
{
	struct leaver *l = context;

	if (!nw_framer_parse_input_f(framer, 1, 16, NULL, l, see) || !l->stopped)
		return 0;
	/* whoever is above has ended: this is for nobody */
	nw_framer_deliver_input(framer, (const uint8_t *)"late", 4, NULL, true);
	nw_framer_write_output(framer, (const uint8_t *)".", 1);
	nw_framer_mark_failed_with_error(framer, ECONNABORTED);
	return 0;
}

static bool leaver_stop(void *context, nw_framer_t framer)
{
	struct leaver *l = context;

	note(l->r, "%c-stop", l->name);
	l->stopped = true;
	nw_framer_write_output(framer, (const uint8_t *)l->bye, strlen(l->bye));
	if (l->at_once)
		nw_framer_mark_failed_with_error(framer, 0);
	return false;
}

static void leaver_cleanup(void *context, nw_framer_t framer)
{
	struct leaver *l = context;

	(void)framer;
	note(l->r, "%c-cleanup", l->name);
}

static void leaver_output(void *context, nw_framer_t framer, nw_framer_message_t message,
	size_t length, bool complete)
{
	(void)context;
	(void)message;
	(void)complete;
	nw_framer_write_output_no_copy(framer, length);
}

static nw_framer_start_result_t leaver_start(void *context, nw_framer_t framer)
{
	struct leaver *l = context;

	l->framer = nw_retain(framer);
	nw_framer_set_input_handler_f(framer, l, leaver_input, NULL);
	nw_framer_set_output_handler_f(framer, l, leaver_output, NULL);
	nw_framer_set_stop_handler_f(framer, l, leaver_stop, NULL);
	nw_framer_set_cleanup_handler_f(framer, l, leaver_cleanup, NULL);
	return nw_framer_start_result_ready;
}

static nw_protocol_options_t leaver_options(struct leaver *l)
{
	nw_protocol_definition_t def =
		nw_framer_create_definition_f("leaver", 0, l, leaver_start, NULL);
	nw_protocol_options_t options = nw_framer_create_options(def);

	nw_release(def);
	return options;
}

static void put_upon(nw_parameters_t parameters, nw_protocol_options_t options)
{
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(parameters);

	nw_protocol_stack_prepend_application_protocol(stack, options);
	nw_release(stack);
	nw_release(options);
}

/* --- a client with leavers, and a raw peer --- */

struct scene {
	struct recorder r;
	struct leaver lower, upper;
	dispatch_queue_t queue;
	nw_connection_t client;
	int peer;
};

static void open_scene(struct scene *s, bool two)
{
	nw_parameters_t parameters = tcp_parameters();
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_STREAM, &port);

	recorder_init(&s->r);
	s->lower.r = s->upper.r = &s->r;
	s->lower.name = 'l';
	s->upper.name = 'u';
	put_upon(parameters, leaver_options(&s->lower));
	if (two)
		put_upon(parameters, leaver_options(&s->upper));
	s->queue = dispatch_queue_create("q", NULL);
	s->client = new_client(&s->r, s->queue, parameters, port);
	nw_connection_start(s->client);
	s->peer = raw_accept(fd);
	await(&s->r, "ready");
	close(fd);
	nw_release(parameters);
}

/* One leaver, and it was cancelled: it has said so, and waits. */
static void open_leaving(struct scene *s)
{
	*s = (struct scene) { .lower.bye = "bye?" };
	open_scene(s, false);
	nw_connection_cancel(s->client);
	raw_read(s->peer, "bye?");
}

static void close_scene(struct scene *s)
{
	nw_release(s->client);
	for (int i = 0; i < 4; i++)
		barrier(s->queue);
	nw_release(s->lower.framer);
	nw_release(s->upper.framer);
	dispatch_release(s->queue);
	close(s->peer);
	recorder_fini(&s->r);
	assert_quiet();
}

static void the_end_waits_for_the_framer(void **state)
{
	static struct scene s;

	(void)state;
	s = (struct scene) { .lower.bye = "bye?" };
	open_scene(&s, false);
	receive(s.client, &s.r, 'a', 1, 100);
	nw_connection_cancel(s.client);
	await(&s.r, "a=-(ECANCELED)"); /* this does not wait */
	raw_read(s.peer, "bye?");
	nw_connection_cancel(s.client); /* again: nothing */
	send_text(s.client, &s.r, 'b', "late");
	await(&s.r, "b=sent(ECANCELED)");
	receive(s.client, &s.r, 'c', 1, 100);
	await(&s.r, "c=-(ECANCELED)");
	assert_int_equal(seen(&s.r, "cancelled"), 0);
	assert_int_equal(seen(&s.r, "l-cleanup"), 0);
	raw_send(s.peer, "!");
	await(&s.r, "cancelled");
	raw_read(s.peer, ".");
	raw_end(s.peer);
	assert_in_order(&s.r, "ready l-stop l-in(!) l-cleanup cancelled");
	assert_int_equal(seen(&s.r, "l-stop"), 1);
	close_scene(&s);
}

static void who_is_done_at_once_is_not_waited_for(void **state)
{
	static struct scene s;

	(void)state;
	s = (struct scene) { .lower = { .bye = "bye!", .at_once = true } };
	open_scene(&s, false);
	nw_connection_cancel(s.client);
	await(&s.r, "cancelled");
	raw_read(s.peer, "bye!");
	raw_end(s.peer);
	close_scene(&s);
}

/* From elsewhere, at any time: the usual way. */
static void mark_failed(void *framer)
{
	nw_framer_mark_failed_with_error(framer, 0);
}

static void the_end_comes_from_elsewhere(void **state)
{
	static struct scene s;

	(void)state;
	open_leaving(&s);
	assert_int_equal(seen(&s.r, "cancelled"), 0);
	nw_framer_async_f(s.lower.framer, s.lower.framer, mark_failed);
	await(&s.r, "cancelled");
	raw_end(s.peer);
	close_scene(&s);
}

/* The lower one works until the upper one is done, and what it gives up after that is dropped. */
static void one_after_the_other_from_above(void **state)
{
	static struct scene s;

	(void)state;
	s = (struct scene) { .lower.bye = "2?", .upper.bye = "1?" };
	open_scene(&s, true);
	nw_connection_cancel(s.client);
	raw_read(s.peer, "1?");
	assert_int_equal(seen(&s.r, "l-stop"), 0);
	/* the lower one delivers nothing upwards by itself: the upper one is ended by its program
	 */
	nw_framer_async_f(s.upper.framer, s.upper.framer, mark_failed);
	raw_read(s.peer, "2?");
	assert_int_equal(seen(&s.r, "cancelled"), 0);
	raw_send(s.peer, "!");
	await(&s.r, "cancelled");
	raw_read(s.peer, ".");
	raw_end(s.peer);
	assert_in_order(&s.r, "u-stop l-stop l-in(!) cancelled");
	assert_int_equal(seen(&s.r, "u-in(late)"), 0);
	close_scene(&s);
}

static void a_forced_cancel_waits_for_nobody(void **state)
{
	static struct scene s;
	char byte;

	(void)state;
	open_leaving(&s);
	nw_connection_force_cancel(s.client);
	await(&s.r, "cancelled");
	assert_int_equal(recv(s.peer, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(seen(&s.r, "l-stop"), 1);
	close_scene(&s);
}

/* It was cancelled already: it does not fail any more. */
static void a_reset_ends_the_waiting(void **state)
{
	static struct scene s;

	(void)state;
	open_leaving(&s);
	raw_reset(s.peer);
	s.peer = -1;
	await(&s.r, "cancelled");
	close_scene(&s);
}

/* The peer's end is no end of ours: what the framer has to say can still be said. */
static void the_peers_end_is_seen(void **state)
{
	static struct scene s;

	(void)state;
	open_leaving(&s);
	shutdown(s.peer, SHUT_WR);
	await(&s.r, "l-end");
	assert_int_equal(seen(&s.r, "cancelled"), 0);
	nw_framer_async_f(s.lower.framer, s.lower.framer, mark_failed);
	await(&s.r, "cancelled");
	raw_end(s.peer);
	close_scene(&s);
}

/* More than the kernel takes at once: it is waited for, too. */
static void the_last_words_may_be_long(void **state)
{
	static struct scene s;
	size_t size = 16u * 1024u * 1024u;
	char *bye = malloc(size + 1);

	(void)state;
	memset(bye, 'b', size);
	bye[size] = 0;
	s = (struct scene) { .lower.bye = bye };
	open_scene(&s, false);
	nw_connection_cancel(s.client);
	await(&s.r, "l-stop");
	nw_framer_async_f(s.lower.framer, s.lower.framer, mark_failed);
	for (int i = 0; i < 4; i++)
		barrier(s.queue);
	assert_int_equal(seen(&s.r, "cancelled"), 0);
	assert_int_equal(raw_drain(s.peer), size);
	await(&s.r, "cancelled");
	free(bye);
	close_scene(&s);
}

/* --- TLS below: its goodbye is the last --- */

/* The server has TLS alone: "bye?" is content, and an end without close_notify is an error. */
static void over_tls(bool answers)
{
	static struct recorder r, s;
	struct leaver leaver = { .r = &r, .name = 'l', .bye = "bye?" };
	nw_parameters_t cp = tcp_parameters(), sp = tcp_parameters();
	dispatch_queue_t queue = dispatch_queue_create("q", NULL);
	nw_connection_t client, server;
	nw_listener_t listener;
	uint64_t begin_ns;
	uint16_t port;

	recorder_init(&r);
	recorder_init(&s);
	put_upon(sp, tls_key_options());
	put_upon(cp, tls_key_options());
	put_upon(cp, leaver_options(&leaver));
	listener = new_listener(&s, queue, sp, &port);
	client = new_client(&r, queue, cp, port);
	nw_connection_start(client);
	server = accepted(&s, 0);
	start_connection(server, &s, queue);
	await(&r, "ready");
	receive(server, &s, 'a', 4, 4);
	receive(server, &s, 'b', 1, 100);
	begin_ns = bri_clock_now_ns();
	nw_connection_cancel(client);
	await(&s, "a=bye?");
	assert_int_equal(seen(&r, "cancelled"), 0);
	if (answers) {
		send_text(server, &s, 'c', "!");
		await(&s, "b=.");
		receive(server, &s, 'b', 1, 100);
	}
	await(&s, "b=-*"); /* close_notify */
	await(&r, "cancelled");
	if (!answers)
		assert_in_range(bri_clock_now_ns() - begin_ns, BRI_CHAIN_CLOSE_MAX_NS,
			(uint64_t)WAIT_S * BRI_NS_PER_S);
	nw_release(client);
	nw_connection_cancel(server);
	await(&s, "cancelled");
	release_accepted(&s);
	finish_listener(listener, &s);
	for (int i = 0; i < 4; i++)
		barrier(queue);
	nw_release(leaver.framer);
	nw_release(cp);
	nw_release(sp);
	dispatch_release(queue);
	recorder_fini(&r);
	recorder_fini(&s);
	assert_quiet();
}

static void tls_says_goodbye_after_it(void **state)
{
	(void)state;
	over_tls(true);
}

static void a_framer_that_never_ends_has_its_time(void **state)
{
	(void)state;
	over_tls(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_waits_for_the_framer),
		cmocka_unit_test(who_is_done_at_once_is_not_waited_for),
		cmocka_unit_test(the_end_comes_from_elsewhere),
		cmocka_unit_test(one_after_the_other_from_above),
		cmocka_unit_test(a_forced_cancel_waits_for_nobody),
		cmocka_unit_test(a_reset_ends_the_waiting),
		cmocka_unit_test(the_peers_end_is_seen),
		cmocka_unit_test(the_last_words_may_be_long),
		cmocka_unit_test(tls_says_goodbye_after_it),
		cmocka_unit_test(a_framer_that_never_ends_has_its_time),
	};

	return cmocka_run_group_tests(tests, log_setup, NULL);
}
