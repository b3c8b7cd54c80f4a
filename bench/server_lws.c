/*
 * The libwebsockets server: echo of binary messages, one service thread, no extensions. What came
 * is written when libwebsockets says that the connection is writable, as its manual demands.
 */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include "client.h"

struct conn {
	size_t size;    /* of what waits to be written */
	uint8_t *bytes; /* behind LWS_PRE bytes, where libwebsockets puts the header */
};

static int on_received(struct lws *wsi, struct conn *conn, const void *in, size_t size)
{
	if (conn->size + size > BENCH_BUFFER)
		return -1;
	memcpy(conn->bytes + LWS_PRE + conn->size, in, size);
	conn->size += size;
	/* one message in flight: nothing else comes before it is answered */
	if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi))
		lws_callback_on_writable(wsi);
	return 0;
}

static int on_event(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size)
{
	struct conn *conn = user;
	size_t n;

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		conn->bytes = malloc(LWS_PRE + BENCH_BUFFER);
		return conn->bytes ? 0 : -1;
	case LWS_CALLBACK_CLOSED: free(conn->bytes); return 0;
	case LWS_CALLBACK_RECEIVE: return on_received(wsi, conn, in, size);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		n = conn->size;
		conn->size = 0;
		return n && lws_write(wsi, conn->bytes + LWS_PRE, n, LWS_WRITE_BINARY) < (int)n ? -1
												: 0;
	default: return 0;
	}
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {
		{ .name = "echo",
			.callback = on_event,
			.per_session_data_size = sizeof(struct conn),
			.rx_buffer_size = BENCH_BUFFER },
		{ 0 },
	};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.pt_serv_buf_size = BENCH_BUFFER,
		.gid = -1,
		.uid = -1,
		.fd_limit_per_thread = 4096,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
	};
	struct bench_opts opts;
	struct lws_context *context;
	struct lws_vhost *host;

	bench_start_server(argc, argv, &opts);
	lws_set_log_level(LLL_ERR, NULL);
	context = lws_create_context(&info);
	info.port = 0;
	host = context ? lws_create_vhost(context, &info) : NULL;
	if (!host)
		bench_die("libwebsockets");
	bench_announce((uint16_t)lws_get_vhost_listen_port(host));
	while (lws_service(context, 0) >= 0)
		;
	return 1;
}
