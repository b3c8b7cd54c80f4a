/* The programs of small requests, written with libNetwork: one asks at an interval, the other
 * sends back what came. They know nothing of paths. */
#include "demo/program.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

#define REQUEST_BYTES 200u
#define INTERVAL_NS   UINT64_C(50000000)
#define RECEIVE_MAX   65536u

/* Small messages must not wait for each other. */
static void configure_tcp(void *context, nw_protocol_options_t options)
{
	(void)context;
	nw_tcp_options_set_no_delay(options, true);
}

/* --- server --- */

static void on_sent(void *context, nw_error_t error)
{
	(void)context;
	(void)error; /* the next receive says it, too */
}

static void on_request(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	nw_connection_t connection = context;

	(void)message;
	if (content)
		nw_connection_send_f(connection, content, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
			false, NULL, on_sent, NULL);
	if (error || is_complete) {
		nw_connection_cancel(connection);
		nw_release(connection);
		return;
	}
	nw_connection_receive_f(connection, 1, RECEIVE_MAX, connection, on_request, NULL);
}

static void on_connection(nw_connection_t connection)
{
	nw_connection_receive_f(connection, 1, RECEIVE_MAX, connection, on_request, NULL);
}

int demo_answer(void *context)
{
	demo_listen(context, configure_tcp, on_connection);
}

/* --- client --- */

static struct {
	struct demo_user user;
	uint64_t begun_ns, sent_ns[DEMO_ANSWERS_MAX];
	uint32_t sent, count; /* count: that are to be sent */
	uint64_t back_bytes;
} client;

/* Byte `offset` of all that is sent: so that an answer to another request would be noticed. */
static uint8_t byte_at(uint64_t offset)
{
	return (uint8_t)(offset / REQUEST_BYTES * 7 + offset % REQUEST_BYTES);
}

static bool compare(
	void *context, dispatch_data_t region, size_t offset, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	(void)context;
	(void)region;
	for (size_t i = 0; i < size; i++) {
		if (p[i] != byte_at(client.back_bytes + offset + i))
			return false;
	}
	return true;
}

static void on_answer(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	uint64_t now = bri_clock_now_ns(), before = client.back_bytes / REQUEST_BYTES;

	(void)context;
	(void)message;
	if (content) {
		if (!dispatch_data_apply_f(content, NULL, compare)) {
			demo_fail(&client.user, "an answer is not what was asked");
			return;
		}
		client.back_bytes += dispatch_data_get_size(content);
	}
	for (uint64_t i = before; i < client.back_bytes / REQUEST_BYTES && i < client.sent; i++)
		demo_tell(&client.user, "answer %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", i,
			client.sent_ns[i] - client.begun_ns, now - client.sent_ns[i]);
	if (error || is_complete) {
		demo_fail(&client.user, "%s",
			error ? strerror(nw_error_get_error_code(error))
			      : "the server has ended the connection");
	} else if (client.back_bytes == (uint64_t)client.count * REQUEST_BYTES) {
		demo_tell(&client.user, "end\n");
		demo_end(&client.user, 0);
	} else {
		nw_connection_receive_f(
			client.user.connection, 1, RECEIVE_MAX, NULL, on_answer, NULL);
	}
}

static void on_asked(void *context, nw_error_t error)
{
	(void)context;
	(void)error; /* the receive that waits says it, too */
}

static void ask_next(void *context)
{
	uint8_t request[REQUEST_BYTES];
	uint64_t now = bri_clock_now_ns(), next_ns;
	dispatch_data_t data;

	(void)context;
	demo_tell_manager(&client.user);
	for (uint32_t i = 0; i < REQUEST_BYTES; i++)
		request[i] = byte_at((uint64_t)client.sent * REQUEST_BYTES + i);
	data = dispatch_data_create_f(request, sizeof(request), NULL, NULL);
	client.sent_ns[client.sent++] = now;
	nw_connection_send_f(client.user.connection, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
		false, NULL, on_asked, NULL);
	dispatch_release(data);
	if (client.sent == client.count)
		return;
	next_ns = client.begun_ns + client.sent * INTERVAL_NS;
	dispatch_after_f(
		dispatch_time(DISPATCH_TIME_NOW, next_ns > now ? (int64_t)(next_ns - now) : 0),
		client.user.queue, NULL, ask_next);
}

static void on_ready(void)
{
	client.begun_ns = bri_clock_now_ns();
	nw_connection_receive_f(client.user.connection, 1, RECEIVE_MAX, NULL, on_answer, NULL);
	ask_next(NULL);
}

int demo_ask(void *context)
{
	const struct demo_client *config = context;

	client.user = (struct demo_user) { .config = config, .on_ready = on_ready };
	client.count = (uint32_t)(config->seconds * (NSEC_PER_SEC / INTERVAL_NS));
	if (!client.count || client.count > DEMO_ANSWERS_MAX) {
		demo_tell(&client.user, "failed %u requests are too many\n", client.count);
		return 1;
	}
	return demo_connect(&client.user, configure_tcp);
}
