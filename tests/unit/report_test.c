/* Establishment and data transfer reports of real connections. */
#include "conn_util.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct reporting {
	struct recorder r;
	dispatch_queue_t queue, other; /* `other`: where reports are delivered */
	int listener, peer;
	uint16_t port;
	nw_establishment_report_t establishment;
};

static int setup(void **state)
{
	static struct reporting s;

	memset(&s, 0, sizeof(s));
	recorder_init(&s.r);
	s.queue = dispatch_queue_create("reporting", NULL);
	s.other = dispatch_queue_create("reports", NULL);
	s.listener = raw_listen(AF_INET, SOCK_STREAM, &s.port);
	s.peer = -1;
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct reporting *s = *state;

	barrier(s->queue);
	barrier(s->other);
	dispatch_release(s->queue);
	dispatch_release(s->other);
	nw_release(s->establishment);
	close(s->listener);
	if (s->peer >= 0)
		close(s->peer);
	recorder_fini(&s->r);
	return 0;
}

static nw_connection_t ready(struct reporting *s)
{
	nw_connection_t c = tcp_client(&s->r, s->queue, s->port);

	s->peer = raw_accept(s->listener);
	await(&s->r, "ready");
	return c;
}

/* --- establishment --- */

static void on_establishment(void *context, nw_establishment_report_t report)
{
	struct reporting *s = context;

	dispatch_assert_queue(s->other);
	nw_release(s->establishment);
	s->establishment = nw_retain(report);
	note(&s->r, report ? "report" : "no-report");
}

static bool count_resolution(void *context, nw_report_resolution_source_t source,
	uint64_t milliseconds, uint32_t endpoint_count, nw_endpoint_t successful,
	nw_endpoint_t preferred)
{
	struct reporting *s = context;

	note(&s->r, "source=%d", (int)source);
	note(&s->r, "endpoints=%u", endpoint_count);
	note(&s->r, "quick=%d", milliseconds < WAIT_S * 1000);
	note(&s->r, "successful=%s", nw_endpoint_get_hostname(successful));
	note(&s->r, "preferred=%d", nw_endpoint_get_type(preferred) == nw_endpoint_type_address);
	return true;
}

static bool count_resolution_report(void *context, nw_resolution_report_t report)
{
	struct reporting *s = context;
	nw_endpoint_t successful = nw_resolution_report_copy_successful_endpoint(report);
	nw_endpoint_t preferred = nw_resolution_report_copy_preferred_endpoint(report);

	note(&s->r, "r-source=%d", (int)nw_resolution_report_get_source(report));
	note(&s->r, "r-successful=%s", nw_endpoint_get_hostname(successful));
	assert_non_null(preferred);
	assert_true(nw_resolution_report_get_endpoint_count(report) >= 1);
	assert_true(nw_resolution_report_get_milliseconds(report) < WAIT_S * 1000);
	nw_release(successful);
	nw_release(preferred);
	return true;
}

static bool count_protocol(
	void *context, nw_protocol_definition_t protocol, uint64_t handshake_ms, uint64_t rtt_ms)
{
	struct reporting *s = context;
	nw_protocol_definition_t tcp = nw_protocol_copy_tcp_definition(),
				 udp = nw_protocol_copy_udp_definition();

	note(&s->r, "protocol=%s",
		nw_protocol_definition_is_equal(protocol, tcp)   ? "tcp"
		: nw_protocol_definition_is_equal(protocol, udp) ? "udp"
								 : "?");
	assert_true(handshake_ms < WAIT_S * 1000 && rtt_ms <= handshake_ms);
	nw_release(tcp);
	nw_release(udp);
	return true;
}

static void no_establishment_report_before_ready(void **state)
{
	struct reporting *s = *state;
	uint16_t port;
	int fd = raw_refused_port(&port);
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c = new_client(&s->r, s->queue, tcp, port);

	nw_connection_access_establishment_report_f(c, s->other, s, on_establishment, NULL);
	await(&s->r, "no-report");
	nw_connection_start(c);
	await(&s->r, "waiting(ECONNREFUSED)");
	nw_connection_access_establishment_report_f(c, s->other, s, on_establishment, NULL);
	await(&s->r, "no-report");
	finish(c, &s->r);
	nw_release(tcp);
	close(fd);
}

static void an_address_needs_no_resolution(void **state)
{
	struct reporting *s = *state;
	nw_connection_t c = ready(s);

	nw_connection_access_establishment_report_f(c, s->other, s, on_establishment, NULL);
	await(&s->r, "report");
	finish(c, &s->r); /* the report outlives the connection */
	assert_true(nw_establishment_report_get_duration_milliseconds(s->establishment) <
		    WAIT_S * 1000);
	assert_int_equal(
		nw_establishment_report_get_attempt_started_after_milliseconds(s->establishment),
		0);
	assert_int_equal(nw_establishment_report_get_previous_attempt_count(s->establishment), 0);
	assert_false(nw_establishment_report_get_used_proxy(s->establishment));
	assert_false(nw_establishment_report_get_proxy_configured(s->establishment));
	assert_null(nw_establishment_report_copy_proxy_endpoint(s->establishment));
	nw_establishment_report_enumerate_resolutions_f(s->establishment, s, count_resolution);
	nw_establishment_report_enumerate_protocols_f(s->establishment, s, count_protocol);
	assert_events(&s->r, "preparing ready report cancelled protocol=tcp");
}

static void a_host_name_is_told_of(void **state)
{
	struct reporting *s = *state;
	nw_parameters_t tcp = tcp_parameters();
	char text[8];
	nw_endpoint_t endpoint;
	nw_connection_t c;

	snprintf(text, sizeof(text), "%u", s->port);
	endpoint = nw_endpoint_create_host("localhost", text);
	c = start_to(&s->r, s->queue, endpoint, tcp);
	await(&s->r, "ready");
	nw_connection_access_establishment_report_f(c, s->other, s, on_establishment, NULL);
	await(&s->r, "report");
	nw_establishment_report_enumerate_resolutions_f(s->establishment, s, count_resolution);
	nw_establishment_report_enumerate_resolution_reports_f(
		s->establishment, s, count_resolution_report);
	assert_in_order(&s->r, "source=1 quick=1 successful=127.0.0.1 preferred=1 r-source=1 "
			       "r-successful=127.0.0.1");
	finish(c, &s->r);
	nw_release(tcp);
}

static void attempts_that_failed_are_counted(void **state)
{
	struct reporting *s = *state;
	struct pollfd never = { .fd = -1 };
	uint16_t port;
	int fd = raw_refused_port(&port);
	nw_connection_t c = tcp_client(&s->r, s->queue, port);

	await(&s->r, "waiting(ECONNREFUSED)");
	nw_connection_restart(c);
	await(&s->r, "waiting(ECONNREFUSED)");
	assert_int_equal(listen(fd, 8), 0);
	poll(&never, 1, 60);
	nw_connection_restart(c);
	await(&s->r, "ready");
	nw_connection_access_establishment_report_f(c, s->other, s, on_establishment, NULL);
	await(&s->r, "report");
	assert_int_equal(nw_establishment_report_get_previous_attempt_count(s->establishment), 2);
	assert_in_range(
		nw_establishment_report_get_attempt_started_after_milliseconds(s->establishment),
		60, WAIT_S * 1000);
	finish(c, &s->r);
	close(fd);
}

static void a_datagram_connection_has_one_too(void **state)
{
	struct reporting *s = *state;
	nw_connection_t c = udp_client(&s->r, s->queue, 9);

	await(&s->r, "ready");
	nw_connection_access_establishment_report_f(c, s->other, s, on_establishment, NULL);
	await(&s->r, "report");
	nw_establishment_report_enumerate_protocols_f(s->establishment, s, count_protocol);
	await(&s->r, "protocol=udp");
	finish(c, &s->r);
}

static void no_establishment_report_after_the_end(void **state)
{
	struct reporting *s = *state;
	nw_connection_t c = ready(s);

	nw_connection_cancel(c);
	await(&s->r, "cancelled");
	nw_connection_access_establishment_report_f(c, s->other, s, on_establishment, NULL);
	await_first(&s->r, "no-report");
	nw_release(c);
}

/* --- data transfer --- */

static void on_collected(void *context, nw_data_transfer_report_t report)
{
	struct reporting *s = context;

	dispatch_assert_queue(s->other);
	assert_non_null(report);
	note(&s->r, "collected");
}

/* 1000 bytes out, 500 in, and all of it acknowledged */
static void exchange(struct reporting *s, nw_connection_t c)
{
	static char bytes[1000];
	size_t before = s->r.data_size;
	char buf[1000];

	send_bytes(c, &s->r, 'o', bytes, 1000, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	await(&s->r, "o=sent");
	assert_int_equal(recv(s->peer, buf, 1000, MSG_WAITALL), 1000);
	assert_int_equal(send(s->peer, buf, 500, MSG_NOSIGNAL), 500);
	receive(c, &s->r, 'i', 500, 500);
	await_data(&s->r, before + 500);
	await(&s->r, "i=#500");
}

static void assert_empty(nw_data_transfer_report_t report)
{
	assert_int_equal(nw_data_transfer_report_get_state(report),
		nw_data_transfer_report_state_collecting);
	assert_int_equal(nw_data_transfer_report_get_duration_milliseconds(report), 0);
	assert_int_equal(nw_data_transfer_report_get_path_count(report), 0);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS), 0);
	assert_int_equal(nw_data_transfer_report_get_received_application_byte_count(report, 0), 0);
	assert_int_equal(
		nw_data_transfer_report_get_sent_transport_byte_count(report, NW_ALL_PATHS), 0);
	assert_null(nw_data_transfer_report_copy_path_interface(report, 0));
}

static void getters_are_0_until_collected(void **state)
{
	struct reporting *s = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c = new_client(&s->r, s->queue, tcp, s->port);
	nw_data_transfer_report_t report = nw_connection_create_new_data_transfer_report(c);

	assert_empty(report);
	nw_connection_start(c);
	s->peer = raw_accept(s->listener);
	await(&s->r, "ready");
	exchange(s, c);
	assert_empty(report);
	nw_release(report);
	finish(c, &s->r);
	nw_release(tcp);
}

static void counts_are_what_was_moved(void **state)
{
	struct reporting *s = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c = new_client(&s->r, s->queue, tcp, s->port);
	nw_data_transfer_report_t report = nw_connection_create_new_data_transfer_report(c);
	nw_interface_t interface;

	nw_connection_start(c);
	s->peer = raw_accept(s->listener);
	await(&s->r, "ready");
	exchange(s, c);
	exchange(s, c);
	nw_data_transfer_report_collect_f(report, s->other, s, on_collected, NULL);
	await(&s->r, "collected");
	assert_int_equal(
		nw_data_transfer_report_get_state(report), nw_data_transfer_report_state_collected);
	assert_int_equal(nw_data_transfer_report_get_path_count(report), 1);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS),
		2000);
	assert_int_equal(
		nw_data_transfer_report_get_received_application_byte_count(report, NW_ALL_PATHS),
		1000);
	assert_int_equal(nw_data_transfer_report_get_sent_application_byte_count(report, 0), 2000);
	assert_int_equal(
		nw_data_transfer_report_get_sent_transport_byte_count(report, NW_ALL_PATHS), 2000);
	assert_int_equal(
		nw_data_transfer_report_get_received_transport_byte_count(report, 0), 1000);
	assert_int_equal(
		nw_data_transfer_report_get_sent_transport_retransmitted_byte_count(report, 0), 0);
	assert_true(nw_data_transfer_report_get_sent_ip_packet_count(report, NW_ALL_PATHS) >= 3);
	assert_true(nw_data_transfer_report_get_received_ip_packet_count(report, 0) >= 3);
	assert_true(nw_data_transfer_report_get_transport_smoothed_rtt_milliseconds(
			    report, NW_ALL_PATHS) < 1000);
	interface = nw_data_transfer_report_copy_path_interface(report, 0);
	assert_non_null(interface);
	assert_int_equal(nw_interface_get_type(interface), nw_interface_type_loopback);
	nw_release(interface);
	/* there is no second path */
	assert_int_equal(nw_data_transfer_report_get_sent_transport_byte_count(report, 1), 0);
	assert_null(nw_data_transfer_report_copy_path_interface(report, 1));
	nw_release(report);
	finish(c, &s->r);
	nw_release(tcp);
}

static void a_late_report_counts_from_its_creation(void **state)
{
	struct reporting *s = *state;
	nw_connection_t c = ready(s);
	nw_data_transfer_report_t report;

	exchange(s, c);
	report = nw_connection_create_new_data_transfer_report(c);
	exchange(s, c);
	nw_data_transfer_report_collect_f(report, s->other, s, on_collected, NULL);
	await(&s->r, "collected");
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS),
		1000);
	assert_int_equal(
		nw_data_transfer_report_get_received_application_byte_count(report, NW_ALL_PATHS),
		500);
	assert_int_equal(nw_data_transfer_report_get_sent_transport_byte_count(report, 0), 1000);
	assert_int_equal(
		nw_data_transfer_report_get_received_transport_byte_count(report, NW_ALL_PATHS),
		500);
	nw_release(report);
	finish(c, &s->r);
}

static void what_was_collected_does_not_change(void **state)
{
	struct reporting *s = *state;
	nw_connection_t c = ready(s);
	nw_data_transfer_report_t report = nw_connection_create_new_data_transfer_report(c);

	exchange(s, c);
	nw_data_transfer_report_collect_f(report, s->other, s, on_collected, NULL);
	await(&s->r, "collected");
	exchange(s, c);
	nw_data_transfer_report_collect_f(report, s->other, s, on_collected, NULL);
	await(&s->r, "collected");
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS),
		1000);
	finish(c, &s->r);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS),
		1000);
	nw_release(report);
}

static void reports_are_collected_at_the_end(void **state)
{
	struct reporting *s = *state;
	nw_connection_t c = ready(s);
	nw_data_transfer_report_t first = nw_connection_create_new_data_transfer_report(c);
	nw_data_transfer_report_t second,
		forgotten = nw_connection_create_new_data_transfer_report(c);

	nw_release(forgotten); /* and nobody trips over it */
	exchange(s, c);
	second = nw_connection_create_new_data_transfer_report(c);
	exchange(s, c);
	finish(c, &s->r);
	assert_int_equal(
		nw_data_transfer_report_get_state(first), nw_data_transfer_report_state_collected);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(first, NW_ALL_PATHS), 2000);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(second, NW_ALL_PATHS),
		1000);
	assert_int_equal(nw_data_transfer_report_get_received_transport_byte_count(first, 0), 1000);
	assert_int_equal(nw_data_transfer_report_get_path_count(second), 1);
	nw_release(first);
	nw_release(second);
}

static void reports_are_collected_when_it_fails(void **state)
{
	struct reporting *s = *state;
	nw_connection_t c = ready(s);
	nw_data_transfer_report_t report = nw_connection_create_new_data_transfer_report(c);

	exchange(s, c);
	receive(c, &s->r, 'x', 1, 10);
	raw_reset(s->peer);
	s->peer = -1;
	await(&s->r, "failed(ECONNRESET)");
	assert_int_equal(
		nw_data_transfer_report_get_state(report), nw_data_transfer_report_state_collected);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS),
		1000);
	nw_release(report);
	finish(c, &s->r);
}

static void a_report_that_is_collected_before_ready_is_empty(void **state)
{
	struct reporting *s = *state;
	nw_parameters_t tcp = tcp_parameters();
	nw_connection_t c = new_client(&s->r, s->queue, tcp, s->port);
	nw_data_transfer_report_t report = nw_connection_create_new_data_transfer_report(c);

	nw_data_transfer_report_collect_f(report, s->other, s, on_collected, NULL);
	await(&s->r, "collected");
	assert_int_equal(nw_data_transfer_report_get_duration_milliseconds(report), 0);
	assert_int_equal(nw_data_transfer_report_get_path_count(report), 0);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS), 0);
	nw_release(report);
	nw_release(c);
	nw_release(tcp);
}

/* a report on a connection that has ended has nothing to wait for */
static void a_report_made_after_the_end_is_collected(void **state)
{
	struct reporting *s = *state;
	nw_connection_t c = ready(s);
	nw_data_transfer_report_t report;

	exchange(s, c);
	nw_connection_cancel(c);
	await(&s->r, "cancelled");
	report = nw_connection_create_new_data_transfer_report(c);
	nw_data_transfer_report_collect_f(report, s->other, s, on_collected, NULL);
	await(&s->r, "collected");
	assert_int_equal(nw_data_transfer_report_get_path_count(report), 0);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS), 0);
	nw_release(report);
	nw_release(c);
}

static void datagrams_are_counted(void **state)
{
	struct reporting *s = *state;
	uint16_t port;
	int fd = raw_listen(AF_INET, SOCK_DGRAM, &port);
	nw_connection_t c = udp_client(&s->r, s->queue, port);
	nw_data_transfer_report_t report;
	char buf[10];

	await(&s->r, "ready");
	report = nw_connection_create_new_data_transfer_report(c);
	send_text(c, &s->r, 'a', "12345");
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 5);
	finish(c, &s->r);
	assert_int_equal(nw_data_transfer_report_get_path_count(report), 1);
	assert_int_equal(
		nw_data_transfer_report_get_sent_application_byte_count(report, NW_ALL_PATHS), 5);
	nw_release(report);
	close(fd);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(no_establishment_report_before_ready),
		RULE(an_address_needs_no_resolution),
		RULE(a_host_name_is_told_of),
		RULE(attempts_that_failed_are_counted),
		RULE(a_datagram_connection_has_one_too),
		RULE(no_establishment_report_after_the_end),
		RULE(getters_are_0_until_collected),
		RULE(counts_are_what_was_moved),
		RULE(a_late_report_counts_from_its_creation),
		RULE(what_was_collected_does_not_change),
		RULE(reports_are_collected_at_the_end),
		RULE(reports_are_collected_when_it_fails),
		RULE(a_report_that_is_collected_before_ready_is_empty),
		RULE(a_report_made_after_the_end_is_collected),
		RULE(datagrams_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
