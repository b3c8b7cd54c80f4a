/* Rules of datagram connections, outgoing and from a listener; peers are kernel sockets. */
#include "conn_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct udp {
	struct recorder r, lr; /* of the connection, of the listener */
	dispatch_queue_t queue;
	int peer;      /* raw, bound */
	uint16_t port; /* the peer's; of a listener: the listener's */
	nw_connection_t c;
	nw_listener_t l;
};

static struct udp *common(void)
{
	static struct udp u;

	memset(&u, 0, sizeof(u));
	recorder_init(&u.r);
	recorder_init(&u.lr);
	u.queue = dispatch_queue_create("udp", NULL);
	u.peer = -1;
	return &u;
}

/* A connection to a raw peer, connected back so that it can just send(). */
static int client_setup(void **state)
{
	struct udp *u = common();
	nw_path_t path;
	nw_endpoint_t local;
	struct sockaddr_in to = { .sin_family = AF_INET };

	u->peer = raw_listen(AF_INET, SOCK_DGRAM, &u->port);
	u->c = udp_client(&u->r, u->queue, u->port);
	await(&u->r, "ready");
	path = nw_connection_copy_current_path(u->c);
	local = nw_path_copy_effective_local_endpoint(path);
	to.sin_port = htons(nw_endpoint_get_port(local));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(u->peer, (struct sockaddr *)&to, sizeof(to)), 0);
	nw_release(local);
	nw_release(path);
	*state = u;
	return 0;
}

static int listener_setup(void **state)
{
	struct udp *u = common();
	nw_parameters_t udp = udp_parameters();

	u->l = new_listener(&u->lr, u->queue, udp, &u->port);
	nw_release(udp);
	u->peer = raw_connect(AF_INET, SOCK_DGRAM, u->port);
	*state = u;
	return 0;
}

static int teardown(void **state)
{
	struct udp *u = *state;

	if (u->c)
		finish(u->c, &u->r);
	if (u->l)
		finish_listener(u->l, &u->lr);
	barrier(u->queue);
	dispatch_release(u->queue);
	if (u->peer >= 0)
		close(u->peer);
	recorder_fini(&u->r);
	recorder_fini(&u->lr);
	return 0;
}

/* The i-th connection of the listener, started with the recorder. */
static nw_connection_t start_accepted(struct udp *u, unsigned i, struct recorder *r)
{
	nw_connection_t c = accepted(&u->lr, i);

	start_connection(c, r, u->queue);
	await(r, "ready");
	return c;
}

static void raw_datagram(int fd, const char *expected)
{
	char buf[2048];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	assert_true(n >= 0);
	buf[n] = 0;
	assert_string_equal(buf, expected);
}

/* --- outgoing --- */

static void ready_comes_though_nobody_listens(void **state)
{
	struct udp *u = *state;
	static struct recorder r;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_DGRAM, &port);
	nw_connection_t c;

	recorder_init(&r);
	close(fd);
	c = udp_client(&r, u->queue, port);
	await(&r, "ready");
	finish(c, &r);
	assert_events(&r, "preparing ready cancelled");
	barrier(u->queue);
	recorder_fini(&r);
}

static void datagrams_keep_their_boundaries(void **state)
{
	struct udp *u = *state;

	raw_send(u->peer, "one");
	raw_send(u->peer, "second");
	raw_send(u->peer, "3");
	receive_message(u->c, &u->r, 'a');
	receive_message(u->c, &u->r, 'b');
	receive(u->c, &u->r, 'c', 1, 65535);
	await(&u->r, "c=3*");
	assert_in_order(&u->r, "a=one* b=second* c=3*");
	send_text(u->c, &u->r, 'd', "x");
	send_text(u->c, &u->r, 'e', "yz");
	raw_datagram(u->peer, "x");
	raw_datagram(u->peer, "yz");
	assert_false(u->r.final_seen); /* programs go on receiving */
}

/* a minimum means nothing beyond one datagram */
static void a_minimum_does_not_join_datagrams(void **state)
{
	struct udp *u = *state;

	receive(u->c, &u->r, 'a', 100, 1000);
	raw_send(u->peer, "small");
	await(&u->r, "a=small*");
}

static void a_datagram_in_chunks_has_one_context(void **state)
{
	struct udp *u = *state;

	for (char letter = 'a'; letter <= 'd'; letter++)
		receive(u->c, &u->r, letter, 1, 4);
	raw_send(u->peer, "abcdefghij");
	raw_send(u->peer, "next");
	await(&u->r, "d=next*");
	assert_in_order(&u->r, "a=abcd b=efgh c=ij* d=next*");
	assert_non_null(u->r.contexts[0]);
	assert_ptr_equal(u->r.contexts[0], u->r.contexts[1]);
	assert_ptr_equal(u->r.contexts[0], u->r.contexts[2]);
	assert_data(&u->r, "abcdefghijnext");
}

static void an_empty_datagram_is_a_message(void **state)
{
	struct udp *u = *state;

	receive_message(u->c, &u->r, 'a');
	assert_int_equal(send(u->peer, "", 0, 0), 0);
	await(&u->r, "a=-*");
	send_bytes(u->c, &u->r, 'b', NULL, 0, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	raw_datagram(u->peer, "");
	await(&u->r, "b=sent");
}

/* the end of input that netcat-like programs send: a datagram flow has no FIN, and must not invent
 * a datagram */
static void final_without_content_sends_nothing(void **state)
{
	struct udp *u = *state;

	send_fin(u->c, &u->r, 'a');
	send_text(u->c, &u->r, 'b', "after");
	await(&u->r, "b=sent");
	assert_in_order(&u->r, "a=sent b=sent");
	raw_datagram(u->peer, "after");
}

static void too_large_is_emsgsize_and_nothing_else(void **state)
{
	struct udp *u = *state;
	static char much[70000];

	send_bytes(
		u->c, &u->r, 'a', much, sizeof(much), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	await(&u->r, "a=sent(EMSGSIZE)");
	send_text(u->c, &u->r, 'b', "fine");
	raw_datagram(u->peer, "fine");
	await(&u->r, "b=sent");
	assert_int_equal(seen(&u->r, "failed(EMSGSIZE)"), 0);
}

static void partial_sends_are_one_datagram(void **state)
{
	struct udp *u = *state;
	struct pollfd p = { .fd = u->peer, .events = POLLIN };

	send_bytes(u->c, &u->r, 'a', "one ", 4, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, false);
	send_bytes(u->c, &u->r, 'b', "data", 4, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, false);
	assert_int_equal(poll(&p, 1, 50), 0); /* not complete yet */
	send_bytes(u->c, &u->r, 'c', "gram", 4, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	raw_datagram(u->peer, "one datagram");
	await(&u->r, "c=sent");
	assert_in_order(&u->r, "a=sent b=sent c=sent");
}

static void content_of_many_regions_is_one_datagram(void **state)
{
	struct udp *u = *state;
	dispatch_data_t whole = dispatch_data_empty;
	char buf[2048];

	for (int i = 0; i < 200; i++) {
		dispatch_data_t one = dispatch_data_create_f("abcde", 5, NULL, NULL), both;

		both = dispatch_data_create_concat(whole, one);
		dispatch_release(one);
		dispatch_release(whole);
		whole = both;
	}
	nw_connection_send_f(u->c, whole, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true,
		tag(&u->r, 'a'), on_sent, NULL);
	dispatch_release(whole);
	assert_int_equal(recv(u->peer, buf, sizeof(buf), 0), 1000);
	await(&u->r, "a=sent");
}

static void refused_is_seen_later_and_the_state_stays_ready(void **state)
{
	struct udp *u = *state;

	close(u->peer);
	u->peer = -1;
	receive(u->c, &u->r, 'a', 1, 100);
	send_text(u->c, &u->r, 'b', "anyone?");
	await(&u->r, "a=-(ECONNREFUSED)");
	barrier(u->queue);
	assert_int_equal(seen(&u->r, "b=sent"), 1);
	assert_int_equal(seen(&u->r, "ready"), 1);
	assert_int_equal(seen(&u->r, "failed(ECONNREFUSED)"), 0);
	/* and it goes on: somebody may come to listen */
	send_text(u->c, &u->r, 'c', "again");
	await_first(&u->r, "c=sent");
}

static void sends_that_nobody_hears_of_are_all_sent(void **state)
{
	struct udp *u = *state;
	nw_parameters_t udp = udp_parameters();
	static struct recorder r;
	nw_connection_t c;

	recorder_init(&r);
	c = new_client(&r, u->queue, udp, u->port);
	nw_release(udp);
	for (int i = 0; i < 300; i++) {
		dispatch_data_t data = dispatch_data_create_f("x", 1, NULL, NULL);

		nw_connection_send_f(c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, NULL,
			BRAID_SEND_IDEMPOTENT_CONTENT_F, NULL);
		dispatch_release(data);
	}
	send_text(c, &r, 'z', "last");
	nw_connection_start(c);
	await(&r, "z=sent");
	finish(c, &r);
	barrier(u->queue);
	recorder_fini(&r);
}

struct blast {
	struct udp *u;
	_Atomic bool stop;
};

static void blast_again(void *context, nw_error_t error)
{
	struct blast *b = context;
	dispatch_data_t data;

	if (atomic_load(&b->stop) || (error && nw_error_get_error_code(error) == ECANCELED)) {
		note(&b->u->r, "stopped");
		return;
	}
	data = dispatch_data_create_f("x", 1, NULL, NULL);
	nw_connection_send_f(
		b->u->c, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true, b, blast_again, NULL);
	dispatch_release(data);
}

/* The last link may come before or after `cancelled`. */
static void await_stop(struct recorder *r)
{
	if (!seen(r, "stopped"))
		await(r, "stopped");
}

/* UDP never stalls, so a chain of completions never pauses: a cancel from another thread gets
 * through */
static void a_chain_without_end_can_be_cancelled(void **state)
{
	struct udp *u = *state;
	static struct blast b;

	b = (struct blast) { .u = u };
	blast_again(&b, NULL);
	nw_connection_cancel(u->c);
	if (!await_for(&u->r, "cancelled", 10000)) {
		atomic_store(&b.stop, true);
		fail_msg("the cancel did not get through");
	}
	await_stop(&u->r);
	nw_release(u->c);
	u->c = NULL;
}

static void maximum_size_is_what_the_interface_takes(void **state)
{
	struct udp *u = *state;
	uint32_t most = nw_connection_get_maximum_datagram_size(u->c);
	char *bytes;

	assert_true(most > 1000 && most <= 65507);
	bytes = calloc(1, most);
	send_bytes(u->c, &u->r, 'a', bytes, most, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	await(&u->r, "a=sent");
	free(bytes);
}

/* --- metadata --- */

static void note_ip(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct tag *t = context;
	nw_protocol_definition_t ip = nw_protocol_copy_ip_definition();
	nw_protocol_metadata_t md = nw_content_context_copy_protocol_metadata(message, ip);

	note(t->recorder, "ecn=%d", md ? (int)nw_ip_metadata_get_ecn_flag(md) : -1);
	note(t->recorder, "time=%d", md && nw_ip_metadata_get_receive_time(md) > 0);
	nw_release(md);
	nw_release(ip);
	on_received(context, content, message, complete, error);
}

static void received_ecn_is_told(void **state)
{
	struct udp *u = *state;
	int tos = nw_ip_ecn_flag_ect_0;

	nw_connection_receive_message_f(u->c, tag(&u->r, 'a'), note_ip, NULL);
	nw_connection_receive_message_f(u->c, tag(&u->r, 'b'), note_ip, NULL);
	assert_int_equal(setsockopt(u->peer, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
	raw_send(u->peer, "ect0");
	await(&u->r, "a=ect0*");
	tos = 0;
	assert_int_equal(setsockopt(u->peer, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
	raw_send(u->peer, "none");
	await(&u->r, "b=none*");
	assert_in_order(&u->r, "ecn=2 time=0 a=ect0* ecn=0 time=0 b=none*");
}

static void ecn_of_a_content_context_is_sent(void **state)
{
	struct udp *u = *state;
	nw_content_context_t context = nw_content_context_create("marked");
	nw_protocol_metadata_t ip = nw_ip_create_metadata();
	char buf[100], control[100];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int on = 1;

	assert_int_equal(setsockopt(u->peer, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on)), 0);
	nw_ip_metadata_set_ecn_flag(ip, nw_ip_ecn_flag_ect_1);
	nw_content_context_set_metadata_for_protocol(context, ip);
	send_bytes(u->c, &u->r, 'a', "ect1", 4, context, true);
	assert_int_equal(recvmsg(u->peer, &msg, 0), 4);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	assert_int_equal(*CMSG_DATA(CMSG_FIRSTHDR(&msg)) & 3, nw_ip_ecn_flag_ect_1);
	nw_release(ip);
	nw_release(context);
}

static void receive_time_is_told_when_asked_for(void **state)
{
	struct udp *u = *state;
	nw_parameters_t udp = udp_parameters();
	nw_protocol_stack_t stack = nw_parameters_copy_default_protocol_stack(udp);
	nw_protocol_options_t ip = nw_protocol_stack_copy_internet_protocol(stack);
	static struct recorder r;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	uint16_t port;
	int peer = raw_listen(AF_INET, SOCK_DGRAM, &port);
	char byte;
	nw_connection_t c;

	recorder_init(&r);
	nw_ip_options_set_calculate_receive_time(ip, true);
	c = new_client(&r, u->queue, udp, port);
	nw_connection_start(c);
	nw_connection_receive_message_f(c, tag(&r, 'a'), note_ip, NULL);
	send_text(c, &r, 'b', "x");
	assert_int_equal(recvfrom(peer, &byte, 1, 0, (struct sockaddr *)&from, &len), 1);
	assert_int_equal(sendto(peer, "now", 3, 0, (struct sockaddr *)&from, len), 3);
	await(&r, "a=now*");
	assert_in_order(&r, "time=1 a=now*");
	finish(c, &r);
	close(peer);
	nw_release(ip);
	nw_release(stack);
	nw_release(udp);
	barrier(u->queue);
	recorder_fini(&r);
}

static void metadata_names_the_protocol(void **state)
{
	struct udp *u = *state;
	nw_protocol_definition_t udp = nw_protocol_copy_udp_definition(),
				 tcp = nw_protocol_copy_tcp_definition();
	nw_protocol_metadata_t md = nw_connection_copy_protocol_metadata(u->c, udp);

	assert_true(nw_protocol_metadata_is_udp(md));
	assert_null(nw_connection_copy_protocol_metadata(u->c, tcp));
	nw_release(md);
	nw_release(udp);
	nw_release(tcp);
}

/* --- from a listener --- */

static void the_first_datagrams_are_kept(void **state)
{
	struct udp *u = *state;
	nw_connection_t c;

	raw_send(u->peer, "first");
	c = accepted(&u->lr, 0);
	raw_send(u->peer, "second");
	barrier(u->queue);
	receive_message(c, &u->r, 'a');
	receive_message(c, &u->r, 'b');
	receive_message(c, &u->r, 'c');
	start_accepted(u, 0, &u->r);
	raw_send(u->peer, "third");
	await(&u->r, "c=third*");
	assert_in_order(&u->r, "a=first* b=second* c=third*");
	assert_int_equal(seen(&u->lr, "new"), 1);
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
}

static void replies_come_from_the_listeners_port(void **state)
{
	struct udp *u = *state;
	nw_endpoint_t peer, remote, local;
	nw_connection_t c;
	nw_path_t path;

	raw_send(u->peer, "hello"); /* the peer is connected: it takes replies from there only */
	c = accepted(&u->lr, 0);
	peer = nw_connection_copy_endpoint(c); /* before start */
	assert_int_equal(nw_endpoint_get_type(peer), nw_endpoint_type_address);
	assert_string_equal(nw_endpoint_get_hostname(peer), "127.0.0.1");
	assert_int_equal(nw_endpoint_get_port(peer), raw_port(u->peer));
	start_accepted(u, 0, &u->r);
	send_text(c, &u->r, 'a', "reply");
	raw_datagram(u->peer, "reply");
	path = nw_connection_copy_current_path(c);
	remote = nw_path_copy_effective_remote_endpoint(path);
	local = nw_path_copy_effective_local_endpoint(path);
	assert_int_equal(nw_endpoint_get_port(remote), raw_port(u->peer));
	assert_int_equal(nw_endpoint_get_port(local), u->port);
	assert_string_equal(nw_endpoint_get_hostname(local), "127.0.0.1");
	assert_true(nw_connection_get_maximum_datagram_size(c) >= 1200);
	nw_release(local);
	nw_release(remote);
	nw_release(path);
	nw_release(peer);
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
}

static void two_peers_are_two_connections(void **state)
{
	struct udp *u = *state;
	int second = raw_connect(AF_INET, SOCK_DGRAM, u->port);
	static struct recorder r;
	nw_connection_t a, b;

	recorder_init(&r);
	raw_send(u->peer, "I-am-1");
	accepted(&u->lr, 0);
	raw_send(second, "I-am-2");
	a = start_accepted(u, 0, &u->r);
	b = start_accepted(u, 1, &r);
	receive_message(a, &u->r, 'a');
	receive_message(b, &r, 'a');
	await(&u->r, "a=I-am-1*");
	await(&r, "a=I-am-2*");
	raw_send(second, "2-again");
	raw_send(u->peer, "1-again");
	receive_message(a, &u->r, 'b');
	receive_message(b, &r, 'b');
	await(&u->r, "b=1-again*");
	await(&r, "b=2-again*");
	send_text(b, &r, 'c', "to-2");
	send_text(a, &u->r, 'c', "to-1");
	raw_datagram(second, "to-2");
	raw_datagram(u->peer, "to-1");
	assert_int_equal(seen(&u->lr, "new"), 2);
	nw_connection_cancel(a);
	nw_connection_cancel(b);
	await(&u->r, "cancelled");
	await(&r, "cancelled");
	barrier(u->queue);
	recorder_fini(&r);
	close(second);
}

static void a_peer_comes_anew_after_cancel(void **state)
{
	struct udp *u = *state;
	nw_connection_t c;

	raw_send(u->peer, "one");
	c = start_accepted(u, 0, &u->r);
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
	raw_send(u->peer, "two");
	c = start_accepted(u, 1, &u->r);
	receive_message(c, &u->r, 'a');
	await(&u->r, "a=two*");
	assert_int_equal(seen(&u->lr, "new"), 2);
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
}

static void rejected_without_start(void **state)
{
	struct udp *u = *state;

	raw_send(u->peer, "one");
	nw_connection_cancel(accepted(&u->lr, 0));
	raw_send(u->peer, "two");
	nw_connection_cancel(accepted(&u->lr, 1));
}

static void connections_outlive_the_listener(void **state)
{
	struct udp *u = *state;
	nw_connection_t c;

	raw_send(u->peer, "one");
	c = start_accepted(u, 0, &u->r);
	finish_listener(u->l, &u->lr);
	u->l = NULL;
	receive_message(c, &u->r, 'a');
	receive_message(c, &u->r, 'b');
	await(&u->r, "a=one*");
	raw_send(u->peer, "two");
	await(&u->r, "b=two*");
	send_text(c, &u->r, 'c', "reply");
	raw_datagram(u->peer, "reply");
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
}

static void unstarted_connections_outlive_the_listener(void **state)
{
	struct udp *u = *state;
	nw_connection_t c;

	raw_send(u->peer, "kept");
	c = accepted(&u->lr, 0);
	finish_listener(u->l, &u->lr);
	u->l = NULL;
	receive_message(c, &u->r, 'a');
	start_accepted(u, 0, &u->r);
	await(&u->r, "a=kept*");
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
}

static void metadata_of_a_flow(void **state)
{
	struct udp *u = *state;
	int tos = nw_ip_ecn_flag_ce;
	nw_connection_t c;

	assert_int_equal(setsockopt(u->peer, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
	raw_send(u->peer, "x");
	c = accepted(&u->lr, 0);
	nw_connection_receive_message_f(c, tag(&u->r, 'a'), note_ip, NULL);
	start_accepted(u, 0, &u->r);
	await(&u->r, "a=x*");
	assert_in_order(&u->r, "ecn=3 a=x*");
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
}

/* --wrap: the next datagrams that the library sends find the socket full */
static _Atomic int full_for;
ssize_t __real_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (atomic_load(&full_for) > 0) {
		atomic_fetch_sub(&full_for, 1);
		errno = EAGAIN;
		return -1;
	}
	return __real_sendmsg(fd, msg, flags);
}

/* room in the shared socket reaches a connection that found none, whoever's datagram tells of it */
static void a_full_socket_delays_and_loses_nothing(void **state)
{
	struct udp *u = *state;
	int second = raw_connect(AF_INET, SOCK_DGRAM, u->port);
	nw_connection_t c;

	raw_send(u->peer, "hello");
	c = start_accepted(u, 0, &u->r);
	atomic_store(&full_for, 2); /* it tries twice */
	send_text(c, &u->r, 'a', "delayed");
	barrier(u->queue);
	assert_int_equal(atomic_load(&full_for), 0);
	assert_int_equal(seen(&u->r, "a=sent"), 0);
	raw_send(second, "an edge");
	await(&u->r, "a=sent");
	raw_datagram(u->peer, "delayed");
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
	close(second);
}

static void six_speaks_to_the_same_listener(void **state)
{
	struct udp *u = *state;
	int six = raw_connect(AF_INET6, SOCK_DGRAM, u->port);
	nw_connection_t c;
	nw_endpoint_t peer;

	raw_send(six, "six");
	c = accepted(&u->lr, 0);
	peer = nw_connection_copy_endpoint(c);
	assert_string_equal(nw_endpoint_get_hostname(peer), "::1");
	nw_release(peer);
	receive_message(c, &u->r, 'a');
	start_accepted(u, 0, &u->r);
	await(&u->r, "a=six*");
	send_text(c, &u->r, 'b', "back");
	raw_datagram(six, "back");
	nw_connection_cancel(c);
	await(&u->r, "cancelled");
	close(six);
}

#define OUT(name) cmocka_unit_test_setup_teardown(name, client_setup, teardown)
#define IN(name)  cmocka_unit_test_setup_teardown(name, listener_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUT(ready_comes_though_nobody_listens),
		OUT(datagrams_keep_their_boundaries),
		OUT(a_minimum_does_not_join_datagrams),
		OUT(a_datagram_in_chunks_has_one_context),
		OUT(an_empty_datagram_is_a_message),
		OUT(final_without_content_sends_nothing),
		OUT(too_large_is_emsgsize_and_nothing_else),
		OUT(partial_sends_are_one_datagram),
		OUT(content_of_many_regions_is_one_datagram),
		OUT(refused_is_seen_later_and_the_state_stays_ready),
		OUT(sends_that_nobody_hears_of_are_all_sent),
		OUT(a_chain_without_end_can_be_cancelled),
		OUT(maximum_size_is_what_the_interface_takes),
		OUT(received_ecn_is_told),
		OUT(ecn_of_a_content_context_is_sent),
		OUT(receive_time_is_told_when_asked_for),
		OUT(metadata_names_the_protocol),
		IN(the_first_datagrams_are_kept),
		IN(replies_come_from_the_listeners_port),
		IN(two_peers_are_two_connections),
		IN(a_peer_comes_anew_after_cancel),
		IN(rejected_without_start),
		IN(connections_outlive_the_listener),
		IN(unstarted_connections_outlive_the_listener),
		IN(metadata_of_a_flow),
		IN(a_full_socket_delays_and_loses_nothing),
		IN(six_speaks_to_the_same_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
