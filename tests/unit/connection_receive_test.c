/* Rules of receiving over TCP that are easily got wrong; the peer is a kernel socket. */
#include "conn_util.h"
#include "conn_data.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- receiving --- */

static void receive_takes_never_more_than_the_maximum(void **state)
{
	struct data *d = *state;

	raw_send(d->peer, "abcdefghij");
	settle(d->peer);
	receive(d->c, &d->r, 'a', 1, 4);
	receive(d->c, &d->r, 'b', 1, 4);
	receive(d->c, &d->r, 'c', 1, 4);
	await(&d->r, "c=ij");
	assert_in_order(&d->r, "a=abcd b=efgh c=ij");
}

static void exact_reads_wait_for_all(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 2, 2);
	receive(d->c, &d->r, 'b', 5, 5);
	raw_send(d->peer, "1");
	settle(d->peer);
	barrier(d->queue);
	assert_int_equal(seen(&d->r, "a=1"), 0);
	raw_send(d->peer, "2hel");
	await(&d->r, "a=12");
	raw_send(d->peer, "lo!");
	await(&d->r, "b=hello");
	receive(d->c, &d->r, 'c', 1, 100);
	await(&d->r, "c=!");
}

static void minimum_0_waits_for_something(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 0, 100);
	barrier(d->queue);
	assert_events(&d->r, "preparing ready");
	raw_send(d->peer, "some");
	await(&d->r, "a=some");
}

static void minimum_waits_until_it_is_there(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 6, 100);
	raw_send(d->peer, "123");
	settle(d->peer);
	raw_send(d->peer, "45");
	settle(d->peer);
	raw_send(d->peer, "678");
	await_first(&d->r, "a=123456");
}

static void outstanding_receives_complete_in_order(void **state)
{
	struct data *d = *state;

	for (char letter = 'a'; letter <= 'j'; letter++)
		receive(d->c, &d->r, letter, 1, 1);
	raw_send(d->peer, "0123456789");
	await(&d->r, "j=9");
	assert_in_order(&d->r, "a=0 b=1 c=2 d=3 e=4 f=5 g=6 h=7 i=8 j=9");
	assert_data(&d->r, "0123456789");
}

static void a_huge_maximum_costs_nothing(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 1, UINT32_MAX);
	raw_send(d->peer, "x");
	await(&d->r, "a=x");
}

static void content_is_in_one_region(void *context, dispatch_data_t content,
	nw_content_context_t message, bool complete, nw_error_t error)
{
	const void *ptr;
	size_t size;
	dispatch_data_t map = dispatch_data_create_map(content, &ptr, &size);

	/* a map of one region is the data itself */
	note(((struct tag *)context)->recorder, map == content ? "one-region" : "regions");
	dispatch_release(map);
	on_received(context, content, message, complete, error);
}

static void delivered_content_is_contiguous(void **state)
{
	struct data *d = *state;

	nw_connection_receive_f(d->c, 6, 100, tag(&d->r, 'a'), content_is_in_one_region, NULL);
	raw_send(d->peer, "ab");
	settle(d->peer);
	raw_send(d->peer, "cd");
	settle(d->peer);
	raw_send(d->peer, "ef");
	await(&d->r, "a=abcdef");
	assert_int_equal(seen(&d->r, "one-region"), 1);
}

/* --- the end --- */

static void fin_completes_with_a_final_context(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 1, 100);
	peer_closes(d);
	await(&d->r, "a=-*");
	assert_true(d->r.final_seen);
	receive(d->c, &d->r, 'b', 1, 100);
	receive_message(d->c, &d->r, 'c');
	await(&d->r, "c=-(ENODATA)");
	barrier(d->queue);
	/* and the state stays ready */
	assert_events(&d->r, "preparing ready a=-* b=-(ENODATA) c=-(ENODATA)");
}

static void all_outstanding_receives_see_the_end(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 1, 100);
	receive(d->c, &d->r, 'b', 1, 100);
	peer_closes(d);
	await(&d->r, "b=-(ENODATA)");
	assert_in_order(&d->r, "a=-* b=-(ENODATA)");
}

/* bytes and FIN together: whichever way they come apart, no byte and no end is lost or doubled */
static void bytes_and_fin_together(void **state)
{
	struct data *d = *state;

	raw_send(d->peer, "last");
	peer_closes(d);
	receive(d->c, &d->r, 'a', 1, 100);
	receive(d->c, &d->r, 'b', 1, 100);
	receive(d->c, &d->r, 'c', 1, 100);
	await(&d->r, "c=-(ENODATA)");
	assert_data(&d->r, "last");
	if (seen(&d->r, "a=last*"))
		assert_in_order(&d->r, "a=last* b=-(ENODATA) c=-(ENODATA)");
	else
		assert_in_order(&d->r, "a=last b=-* c=-(ENODATA)");
	assert_true(d->r.final_seen);
}

static void an_end_before_the_minimum_gives_what_there_is(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 100, 100);
	raw_send(d->peer, "short");
	peer_closes(d);
	await(&d->r, "a=short*");
	receive(d->c, &d->r, 'b', 1, 1);
	await(&d->r, "b=-(ENODATA)");
}

static void receive_message_waits_for_the_whole_stream(void **state)
{
	struct data *d = *state;

	receive_message(d->c, &d->r, 'a');
	raw_send(d->peer, "part one, ");
	settle(d->peer);
	barrier(d->queue);
	assert_events(&d->r, "preparing ready");
	raw_send(d->peer, "part two");
	peer_closes(d);
	await_first(&d->r, "a=");
	assert_data(&d->r, "part one, part two");
	assert_true(d->r.final_seen);
}

static void before_the_end_nothing_is_complete(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 1, 100);
	raw_send(d->peer, "x");
	await(&d->r, "a=x"); /* no '*' */
	assert_false(d->r.final_seen);
}

/* --- reset --- */

static void reset_fails_receives_and_then_the_connection(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 1, 100);
	receive(d->c, &d->r, 'b', 1, 100);
	barrier(d->queue);
	raw_reset(d->peer);
	d->peer = -1;
	await(&d->r, "failed(ECONNRESET)");
	assert_events(&d->r, "preparing ready a=-(ECONNRESET) b=-(ECONNRESET) failed(ECONNRESET)");
}

/* what came before the reset is handed over with it */
static void reset_keeps_leftover_content(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 100, 100);
	raw_send(d->peer, "left");
	settle(d->peer);
	barrier(d->queue);
	raw_reset(d->peer);
	d->peer = -1;
	await(&d->r, "a=left(ECONNRESET)");
	await(&d->r, "failed(ECONNRESET)");
}

/* programs watch the state only: nobody has to be receiving */
static void reset_is_seen_without_a_receive(void **state)
{
	struct data *d = *state;

	raw_reset(d->peer);
	d->peer = -1;
	await(&d->r, "failed(ECONNRESET)");
}

/* but content that waits to be received is not thrown away for it */
static void unread_content_outlives_a_reset(void **state)
{
	struct data *d = *state;

	raw_send(d->peer, "unread");
	settle(d->peer);
	raw_reset(d->peer);
	d->peer = -1;
	barrier(d->queue);
	receive(d->c, &d->r, 'a', 1, 100);
	receive(d->c, &d->r, 'b', 1, 100);
	await(&d->r, "failed(ECONNRESET)");
	assert_in_order(&d->r, "a=unread failed(ECONNRESET)");
	/* the second one may be asked for just before or just after the reset is noticed */
	if (!seen(&d->r, "b=-(ECONNRESET)"))
		await(&d->r, "b=-(ENOTCONN)");
}

static void sends_complete_with_the_error_before_failed(void **state)
{
	struct data *d = *state;
	static char much[8 << 20];

	send_bytes(
		d->c, &d->r, 'a', much, sizeof(much), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	send_text(d->c, &d->r, 'b', "never");
	receive(d->c, &d->r, 'c', 1, 100);
	barrier(d->queue);
	raw_reset(d->peer);
	d->peer = -1;
	await(&d->r, "failed(ECONNRESET)");
	assert_events(&d->r,
		"preparing ready c=-(ECONNRESET) a=sent(ECONNRESET) b=sent(ECONNRESET) "
		"failed(ECONNRESET)");
}

static void calls_after_failed_complete(void **state)
{
	struct data *d = *state;

	receive(d->c, &d->r, 'a', 1, 100);
	raw_reset(d->peer);
	d->peer = -1;
	await(&d->r, "failed(ECONNRESET)");
	receive(d->c, &d->r, 'b', 1, 100);
	send_text(d->c, &d->r, 'c', "x");
	await(&d->r, "b=-(ENOTCONN)");
	await(&d->r, "c=sent(ENOTCONN)");
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(receive_takes_never_more_than_the_maximum),
		RULE(exact_reads_wait_for_all),
		RULE(minimum_0_waits_for_something),
		RULE(minimum_waits_until_it_is_there),
		RULE(outstanding_receives_complete_in_order),
		RULE(a_huge_maximum_costs_nothing),
		RULE(delivered_content_is_contiguous),
		RULE(fin_completes_with_a_final_context),
		RULE(all_outstanding_receives_see_the_end),
		RULE(bytes_and_fin_together),
		RULE(an_end_before_the_minimum_gives_what_there_is),
		RULE(receive_message_waits_for_the_whole_stream),
		RULE(before_the_end_nothing_is_complete),
		RULE(reset_fails_receives_and_then_the_connection),
		RULE(reset_keeps_leftover_content),
		RULE(reset_is_seen_without_a_receive),
		RULE(unread_content_outlives_a_reset),
		RULE(sends_complete_with_the_error_before_failed),
		RULE(calls_after_failed_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
