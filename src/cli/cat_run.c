/*
 * `braid cat`: copies standard input to a connection and a connection to standard output, on the
 * public API. One serial queue runs all of it. At most one read, send, receive and write are under
 * way: the next read starts when the send has completed, the next receive when the write has.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <braid/interface.h>
#include "base/clock.h"
#include "cli/cat.h"
#include "cli/net.h"

#define CHUNK_SIZE (128u * 1024u)
#define DATAGRAM_SIZE                                                                              \
	1200 /* where the path does not tell: fits every path of the internet (RFC 8085) */
#define LOOK_NS (50 * BRI_NS_PER_MS)
/*
 * The kernel takes no further subflow into a connection that either side has begun to close
 * (measured on 6.18): an end of input passed on at once, as "cat < /dev/null" has it, would leave a
 * long transfer with one path. So where paths could be added, the end is held back while content
 * comes in.
 */
#define HOLD_NS       (1 * BRI_NS_PER_S) /* further subflows are there after two round trips */
#define HOLD_LONG_NS  (5 * BRI_NS_PER_S) /* losing a path makes a pause of up to 4 s */
#define LONG_TRANSFER (1024u * 1024u)    /* from here on it is worth to wait so long */
#define UDP_QUIT_NS   BRI_NS_PER_S       /* long enough for an answer; datagrams have no end */

struct cat {
	struct bri_cat_options *opts;
	dispatch_queue_t queue;
	dispatch_semaphore_t done;
	dispatch_source_t timer; /* with -w */
	nw_parameters_t parameters;
	nw_listener_t listener;
	int in_fd, out_fd;
	int code;
	bool finished; /* `done` was signalled */

	/* standard input, which outlives connections with -k */
	bool reading, input_ended;
	dispatch_data_t held; /* read, not yet given to a connection */

	/* the connection of now */
	nw_connection_t connection;
	bool ready, closing, multipath;
	bool growable;          /* paths may be added, by us or by the peer */
	bool sending, out_done; /* out_done: our end of the stream was sent */
	bool writing, in_ended, in_done;
	uint64_t sent_bytes, received_bytes;
	uint64_t active_ns;   /* when something last moved */
	uint64_t received_ns; /* when something last came in; at first: when it became ready */
	bool holding;         /* a look at the held end is under way */
	uint64_t looked_ns;
	struct bri_net_subflows subflows; /* as last seen, with -v */
};

static void pump_out(struct cat *cat);
static void pump_in(struct cat *cat);

static void BRI_PRINTF(2, 3) say(const struct cat *cat, const char *fmt, ...)
{
	va_list args;

	if (!cat->opts->verbose)
		return;
	fputs("braid cat: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

/* ---- the end ---- */

static void finish(struct cat *cat)
{
	if (cat->finished)
		return;
	cat->finished = true;
	dispatch_semaphore_signal(cat->done);
}

/*
 * For -v. When both directions have ended the kernel has no subflows any more, so what is told at
 * the end is what was last seen, at most LOOK_NS before.
 */
static void look_at_subflows(struct cat *cat, uint64_t at_most_every_ns)
{
	struct bri_net_subflows subflows;
	uint64_t now_ns = bri_clock_now_ns();

	if (!cat->opts->verbose || cat->opts->udp || now_ns - cat->looked_ns < at_most_every_ns)
		return;
	cat->looked_ns = now_ns;
	bri_net_subflows_get(cat->connection, &subflows);
	if (subflows.n)
		cat->subflows = subflows;
}

static void tell_subflows(struct cat *cat)
{
	char text[320];

	if (!cat->ready)
		return;
	look_at_subflows(cat, 0);
	for (size_t i = 0; i < cat->subflows.n; i++) {
		bri_net_subflow_text(&cat->subflows.list[i], text, sizeof(text));
		say(cat, "subflow %zu: %s", i + 1, text);
	}
	say(cat, "sent %llu bytes, received %llu bytes", (unsigned long long)cat->sent_bytes,
		(unsigned long long)cat->received_bytes);
}

static void end_connection(struct cat *cat)
{
	if (cat->closing || !cat->connection)
		return;
	tell_subflows(cat);
	cat->closing = true;
	nw_connection_cancel(cat->connection);
}

/* One line about what went wrong; the exit code is 1, also when -k goes on with other connections.
 */
static void BRI_PRINTF(2, 3) fail(struct cat *cat, const char *fmt, ...)
{
	char text[256];
	va_list args;

	if (cat->closing || cat->finished)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	bri_cli_error("cat", "%s", text);
	cat->code = BRI_EXIT_FAILED;
	if (cat->connection)
		end_connection(cat);
	else
		finish(cat);
}

/* Both directions have ended; or the peer's has, and nobody but a person at a terminal could go on.
 */
static void end_if_complete(struct cat *cat)
{
	if (!cat->in_done)
		return;
	if (cat->out_done || cat->opts->no_input || isatty(STDIN_FILENO))
		end_connection(cat);
}

static void on_quit_time(void *context)
{
	end_connection(context);
}

static void on_input_end(struct cat *cat)
{
	const struct bri_cat_options *opts = cat->opts;
	uint64_t quit_ns = opts->has_quit ? opts->quit_ns : UDP_QUIT_NS;

	cat->input_ended = true;
	/* a UDP listener without -q serves on: it has only just begun when its input is empty */
	if (opts->has_quit || (opts->udp && !opts->listen))
		dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, (int64_t)quit_ns), cat->queue,
			cat, on_quit_time);
}

/* ---- standard input to the connection ---- */

static void on_sent(void *context, nw_error_t error)
{
	struct cat *cat = context;
	char buffer[96];

	cat->sending = false;
	cat->active_ns = bri_clock_now_ns();
	if (cat->closing)
		return;
	look_at_subflows(cat, LOOK_NS);
	if (error) {
		fail(cat, "cannot send: %s", bri_net_error_text(error, buffer, sizeof(buffer)));
		return;
	}
	pump_out(cat);
}

static void on_end_sent(void *context, nw_error_t error)
{
	struct cat *cat = context;
	char buffer[96];

	cat->sending = false;
	cat->active_ns = bri_clock_now_ns();
	if (cat->closing)
		return;
	if (error) {
		fail(cat, "cannot close the sending direction: %s",
			bri_net_error_text(error, buffer, sizeof(buffer)));
		return;
	}
	say(cat, "end of input: sending direction closed");
	cat->out_done = true;
	end_if_complete(cat);
}

static void on_read(void *context, dispatch_data_t data, int error)
{
	struct cat *cat = context;

	cat->reading = false;
	if (data && dispatch_data_get_size(data) > 0) {
		dispatch_retain(data);
		cat->held = data;
	}
	if (error) {
		fail(cat, "cannot read standard input: %s", strerror(error));
		cat->code = BRI_EXIT_FAILED;
		on_input_end(cat);
	} else if (!cat->held) {
		on_input_end(cat);
	}
	pump_out(cat);
}

static size_t chunk_size(const struct cat *cat)
{
	uint32_t size;

	if (!cat->opts->udp)
		return CHUNK_SIZE;
	size = nw_connection_get_maximum_datagram_size(cat->connection);
	return size ? size : DATAGRAM_SIZE;
}

static void on_hold_over(void *context)
{
	struct cat *cat = context;

	cat->holding = false;
	pump_out(cat);
}

/* How long the end of input still has to wait. */
static uint64_t hold_ns(const struct cat *cat)
{
	uint64_t limit_ns = cat->received_bytes >= LONG_TRANSFER ? HOLD_LONG_NS : HOLD_NS;
	uint64_t quiet_ns = bri_clock_now_ns() - cat->received_ns;

	if (!cat->growable || cat->opts->end_at_once || cat->in_ended || quiet_ns >= limit_ns)
		return 0;
	return limit_ns - quiet_ns;
}

static void send_end(struct cat *cat)
{
	uint64_t wait_ns = hold_ns(cat);

	if (cat->opts->udp && !cat->opts->dtls) { /* a datagram flow has no end to send */
		cat->out_done = true;
		return;
	}
	if (wait_ns) {
		if (!cat->holding)
			dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, (int64_t)wait_ns),
				cat->queue, cat, on_hold_over);
		cat->holding = true;
		return;
	}
	look_at_subflows(cat, 0);
	cat->sending = true;
	nw_connection_send_f(cat->connection, NULL, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true, cat,
		on_end_sent, NULL);
}

static void pump_out(struct cat *cat)
{
	dispatch_data_t data = cat->held;

	if (!cat->ready || cat->closing || cat->sending || cat->out_done || cat->opts->no_input)
		return;
	if (data) {
		cat->held = NULL;
		cat->sending = true;
		cat->sent_bytes += dispatch_data_get_size(data);
		nw_connection_send_f(cat->connection, data, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
			true, cat, on_sent, NULL);
		dispatch_release(data);
	} else if (cat->input_ended) {
		send_end(cat);
	} else if (!cat->reading) {
		cat->reading = true;
		dispatch_read_f(cat->in_fd, chunk_size(cat), cat->queue, cat, on_read);
	}
}

/* ---- the connection to standard output ---- */

static void after_content(struct cat *cat)
{
	if (cat->closing)
		return;
	if (!cat->in_ended) {
		pump_in(cat);
		return;
	}
	if (!cat->in_done)
		say(cat, "the peer has closed its sending direction");
	cat->in_done = true;
	end_if_complete(cat);
	pump_out(cat); /* an end that was held back */
}

static void on_written(void *context, dispatch_data_t unwritten, int error)
{
	struct cat *cat = context;

	(void)unwritten;
	cat->writing = false;
	if (error) {
		fail(cat, "cannot write to standard output: %s", strerror(error));
		return;
	}
	after_content(cat);
}

static bool is_ws_content(nw_content_context_t context)
{
	nw_protocol_definition_t ws = nw_protocol_copy_ws_definition();
	nw_protocol_metadata_t metadata =
		context ? nw_content_context_copy_protocol_metadata(context, ws) : NULL;
	nw_ws_opcode_t opcode =
		metadata ? nw_ws_metadata_get_opcode(metadata) : nw_ws_opcode_binary;

	nw_release(metadata);
	nw_release(ws);
	return opcode == nw_ws_opcode_binary || opcode == nw_ws_opcode_text ||
	       opcode == nw_ws_opcode_cont;
}

static void on_received(void *context, dispatch_data_t content,
	nw_content_context_t content_context, bool is_complete, nw_error_t error)
{
	struct cat *cat = context;
	size_t size = content ? dispatch_data_get_size(content) : 0;
	char buffer[96];

	cat->active_ns = cat->received_ns = bri_clock_now_ns();
	if (cat->closing)
		return;
	if ((is_complete && content_context && nw_content_context_get_is_final(content_context)) ||
		bri_net_is(error, ENODATA)) {
		cat->in_ended = true;
	} else if (error) {
		/* content beside an error is delivered first */
		if (size == 0) {
			fail(cat, "receive failed: %s",
				bri_net_error_text(error, buffer, sizeof(buffer)));
			return;
		}
	}
	if (cat->opts->layers.ws && !is_ws_content(content_context))
		size = 0; /* pings and closing reasons are for people who debug */
	if (size == 0) {
		after_content(cat);
		return;
	}
	cat->received_bytes += size;
	cat->writing = true;
	look_at_subflows(cat, LOOK_NS);
	dispatch_write_f(cat->out_fd, content, cat->queue, cat, on_written);
}

static void pump_in(struct cat *cat)
{
	if (cat->opts->udp)
		nw_connection_receive_message_f(cat->connection, cat, on_received, NULL);
	else
		nw_connection_receive_f(cat->connection, 1, CHUNK_SIZE, cat, on_received, NULL);
}

/* ---- the connection's life ---- */

static void tell_ready(struct cat *cat)
{
	char peer[BRI_NET_ADDRESS_SIZE], text[160];

	if (!cat->opts->verbose)
		return;
	bri_net_peer_text(cat->connection, peer);
	if (cat->opts->udp)
		say(cat, "ready: %s with %s", cat->opts->dtls ? "DTLS" : "UDP", peer);
	else if (cat->multipath)
		say(cat, "ready: Multipath TCP with %s", peer);
	else
		say(cat, "ready: plain TCP with %s: %s", peer,
			braid_multipath_reason_string(
				braid_connection_get_multipath_reason(cat->connection)));
	if (cat->opts->layers.tls && bri_net_tls_text(cat->connection, text, sizeof(text)))
		say(cat, "%s", text);
}

static void on_path(void *context, nw_path_t path)
{
	struct cat *cat = context;
	nw_endpoint_t local = nw_path_copy_effective_local_endpoint(path);
	char text[BRI_NET_ADDRESS_SIZE];

	bri_net_endpoint_text(local, text);
	if (local)
		say(cat, "path: from %s%s", text, nw_path_is_expensive(path) ? " (expensive)" : "");
	nw_release(local);
}

static void on_viability(void *context, bool viable)
{
	say(context,
		viable ? "viable: content can flow" : "not viable: no path can carry content now");
}

static void on_cancelled(struct cat *cat)
{
	nw_release(cat->connection);
	cat->connection = NULL;
	if (!cat->opts->keep) {
		finish(cat);
		return;
	}
	say(cat, "waiting for the next connection");
	nw_listener_set_new_connection_limit(cat->listener, 1);
}

static void tell_broken(struct cat *cat, nw_error_t error)
{
	const struct bri_cat_options *opts = cat->opts;
	char buffer[96];
	const char *why = bri_net_error_text(error, buffer, sizeof(buffer));

	if (cat->ready || opts->listen)
		fail(cat, "the connection failed: %s", why);
	else
		fail(cat, "cannot connect to %s port %s: %s", opts->target.host, opts->target.port,
			why);
}

static void on_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct cat *cat = context;

	switch (state) {
	case nw_connection_state_preparing: say(cat, "preparing"); break;
	case nw_connection_state_ready:
		cat->ready = true;
		cat->active_ns = cat->received_ns = bri_clock_now_ns();
		cat->multipath = braid_connection_is_multipath(cat->connection);
		cat->growable =
			cat->multipath && bri_cat_may_grow(cat->connection, cat->opts->listen);
		tell_ready(cat);
		look_at_subflows(cat, 0);
		pump_out(cat);
		pump_in(cat);
		break;
	case nw_connection_state_waiting: /* every address was tried: netcat ends here */
		tell_broken(cat, error);
		break;
	case nw_connection_state_failed:
		tell_broken(cat, error);
		if (!cat->closing) /* both directions had ended */
			end_connection(cat);
		break;
	case nw_connection_state_cancelled: on_cancelled(cat); break;
	case nw_connection_state_invalid: break;
	}
}

/* Takes a reference and starts it. What belongs to a connection begins anew. */
static void adopt(struct cat *cat, nw_connection_t connection)
{
	cat->connection = nw_retain(connection);
	cat->ready = cat->closing = cat->sending = cat->out_done = false;
	cat->writing = cat->in_ended = cat->in_done = false;
	cat->sent_bytes = cat->received_bytes = 0;
	cat->subflows.n = 0;
	cat->active_ns = bri_clock_now_ns();
	nw_connection_set_queue(connection, cat->queue);
	nw_connection_set_state_changed_handler_f(connection, cat, on_state, NULL);
	if (cat->opts->verbose) {
		nw_connection_set_path_changed_handler_f(connection, cat, on_path, NULL);
		nw_connection_set_viability_changed_handler_f(connection, cat, on_viability, NULL);
	}
	nw_connection_start(connection);
}

static void on_connection(void *context, nw_connection_t connection)
{
	struct cat *cat = context;
	char peer[BRI_NET_ADDRESS_SIZE];

	if (cat->connection || cat->finished) {
		nw_connection_cancel(connection);
		return;
	}
	bri_net_peer_text(connection, peer);
	say(cat, "connection from %s", peer);
	adopt(cat, connection);
}

static void on_listener_state(void *context, nw_listener_state_t state, nw_error_t error)
{
	struct cat *cat = context;
	char buffer[96];

	switch (state) {
	case nw_listener_state_ready:
		say(cat, "listening on %s port %u",
			*cat->opts->target.host ? cat->opts->target.host : "any address",
			nw_listener_get_port(cat->listener));
		break;
	case nw_listener_state_waiting:
	case nw_listener_state_failed:
		fail(cat, "cannot listen on port %s: %s", cat->opts->target.port,
			bri_net_error_text(error, buffer, sizeof(buffer)));
		break;
	case nw_listener_state_cancelled:
	case nw_listener_state_invalid: break;
	}
}

/* With -w: silence has lasted too long, or look again when it could have. */
static void on_timer(void *context)
{
	struct cat *cat = context;
	uint64_t timeout_ns = cat->opts->timeout_ns, now_ns = bri_clock_now_ns();
	uint64_t idle_ns = cat->connection ? now_ns - cat->active_ns : 0;

	if (cat->finished || cat->closing)
		return;
	if (idle_ns >= timeout_ns) {
		if (cat->ready)
			fail(cat, "timed out: nothing was sent or received for %llu ms",
				(unsigned long long)(timeout_ns / BRI_NS_PER_MS));
		else
			fail(cat, "timed out: no connection to %s port %s within %llu ms",
				cat->opts->target.host, cat->opts->target.port,
				(unsigned long long)(timeout_ns / BRI_NS_PER_MS));
		idle_ns = 0;
	}
	dispatch_source_set_timer(cat->timer,
		dispatch_time(DISPATCH_TIME_NOW, (int64_t)(timeout_ns - idle_ns)),
		DISPATCH_TIME_FOREVER, BRI_NS_PER_MS);
}

/* ---- start ---- */

static bool start_listening(struct cat *cat)
{
	cat->listener = nw_listener_create_with_port(cat->opts->target.port, cat->parameters);
	if (!cat->listener)
		return false;
	nw_listener_set_queue(cat->listener, cat->queue);
	nw_listener_set_state_changed_handler_f(cat->listener, cat, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(cat->listener, cat, on_connection, NULL);
	/* The listener stays open while its connection lives: the kernel answers further subflows
	 * of a connection only where something listens on its port. */
	nw_listener_set_new_connection_limit(cat->listener, 1);
	nw_listener_start(cat->listener);
	return true;
}

/* WebSocket's opening request has a path, which only a URL tells. */
static nw_endpoint_t make_endpoint(const struct bri_cat_options *opts)
{
	const struct bri_cat_layers *l = &opts->layers;
	bool v6 = strchr(opts->target.host, ':');
	char url[2048];

	if (!l->ws)
		return nw_endpoint_create_host(opts->target.host, opts->target.port);
	if (snprintf(url, sizeof(url), "%s://%s%s%s:%s%s", l->tls ? "wss" : "ws", v6 ? "[" : "",
		    opts->target.host, v6 ? "]" : "", opts->target.port,
		    l->ws_path ? l->ws_path : "/") >= (int)sizeof(url))
		return NULL;
	return nw_endpoint_create_url(url);
}

static void connect_now(void *context)
{
	struct cat *cat = context;
	nw_endpoint_t endpoint = make_endpoint(cat->opts);
	nw_connection_t connection =
		endpoint ? nw_connection_create(endpoint, cat->parameters) : NULL;

	nw_release(endpoint);
	if (!connection) {
		fail(cat, "cannot make a connection to %s port %s", cat->opts->target.host,
			cat->opts->target.port);
		return;
	}
	adopt(cat, connection);
	nw_release(connection);
}

static void start_timer(struct cat *cat)
{
	cat->timer = dispatch_source_create(DISPATCH_SOURCE_TYPE_TIMER, 0, 0, cat->queue);
	dispatch_set_context(cat->timer, cat);
	dispatch_source_set_event_handler_f(cat->timer, on_timer);
	dispatch_source_set_timer(cat->timer,
		dispatch_time(DISPATCH_TIME_NOW, (int64_t)cat->opts->timeout_ns),
		DISPATCH_TIME_FOREVER, BRI_NS_PER_MS);
	dispatch_resume(cat->timer);
}

static void nothing(void *context)
{
	(void)context;
}

static void clean_up(struct cat *cat)
{
	if (cat->timer) {
		dispatch_source_cancel(cat->timer);
		dispatch_release(cat->timer);
	}
	if (cat->listener) {
		nw_listener_set_state_changed_handler_f(cat->listener, NULL, NULL, NULL);
		nw_listener_cancel(cat->listener);
		nw_release(cat->listener);
	}
	dispatch_sync_f(cat->queue, NULL, nothing);
	nw_release(cat->parameters);
}

int bri_cat_run(struct bri_cat_options *opts)
{
	static struct cat
		cat; /* a read of standard input can outlast us; it must find its context */

	int in_flags = fcntl(STDIN_FILENO, F_GETFL);

	cat.opts = opts;
	cat.in_fd = bri_cat_own_fd(STDIN_FILENO, O_RDONLY);
	cat.out_fd = bri_cat_own_fd(STDOUT_FILENO, O_WRONLY);
	cat.queue = dispatch_queue_create("braid.cat", DISPATCH_QUEUE_SERIAL);
	cat.done = dispatch_semaphore_create(0);
	cat.parameters = bri_cat_parameters(opts);
	if (!cat.parameters)
		return BRI_EXIT_FAILED;
	if (opts->timeout_ns)
		start_timer(&cat);
	if (!opts->listen)
		dispatch_sync_f(cat.queue, &cat, connect_now);
	else if (!start_listening(&cat)) {
		bri_cli_error("cat", "cannot listen on port %s", opts->target.port);
		return BRI_EXIT_FAILED;
	}
	dispatch_semaphore_wait(cat.done, DISPATCH_TIME_FOREVER);
	clean_up(&cat);
	if (cat.in_fd == STDIN_FILENO && in_flags >= 0)
		fcntl(STDIN_FILENO, F_SETFL, in_flags); /* a read may still be waiting */
	return cat.code;
}
