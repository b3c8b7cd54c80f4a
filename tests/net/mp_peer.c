/* The two programs: see mp_peer.h. */
#include "mp_look.h"
#include "mp_pattern.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_NS   (20 * NSEC_PER_MSEC)
#define PIECE     (256u * 1024u)
#define SENDS_MAX 3 /* under way */
#define MAGIC     UINT64_C(0x6272616964736f6b)
#define DOWN_SALT UINT64_C(0xa5a5a5a5a5a5a5a5)
#define SETTLE_NS (2 * NSEC_PER_SEC) /* for handlers' contexts to be destroyed */

/* First on the client's stream: tells the server what it is about. */
struct header {
	uint64_t magic, index, seed, up, down, piece, early_end;
};

struct peer {
	struct mp_shared *shared;
	struct mp_end *end;
	struct mp_spec spec;
	struct header header;
	nw_connection_t connection;
	nw_data_transfer_report_t report;
	dispatch_queue_t queue;
	dispatch_semaphore_t over;
	uint64_t random, last_ns, waiting_ns, gone_ns;
	uint64_t out_total, out_at, in_total, in_at; /* of the stream, header included */
	uint32_t sends;
	bool is_server, knows, end_sent, finishing, gone, released; /* knows: the totals */
};

uint64_t mp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void count_bytes(struct mp_way *way, const uint8_t *bytes, size_t size)
{
	way->hash = mp_hash(way->hash, bytes, size);
	way->bytes += size;
}

static uint64_t out_seed(const struct peer *p)
{
	return p->spec.seed ^ (p->is_server ? DOWN_SALT : 0);
}

static uint64_t in_seed(const struct peer *p)
{
	return p->spec.seed ^ (p->is_server ? 0 : DOWN_SALT);
}

/* 1..max, short ones as likely as long ones. */
static uint32_t random_size(struct peer *p, uint32_t max)
{
	uint32_t bits = (uint32_t)(mp_random(&p->random) % 32);
	uint32_t top = bits < 31 && 1u << bits < max ? 1u << bits : max;

	return 1 + (uint32_t)(mp_random(&p->random) % top);
}

static void count_destroyed(void *context)
{
	struct peer *p = context;

	p->end->destroyed++;
}

static struct mp_event *add_event(struct peer *p, enum mp_event_kind kind, int value)
{
	static struct mp_event beyond;
	uint32_t n = p->end->event_count;
	struct mp_event *event = n < MP_EVENTS_MAX ? &p->end->events[n] : &beyond;

	if (p->gone)
		p->end->late++;
	*event = (struct mp_event) { .kind = kind, .value = value, .at_ns = mp_now_ns() };
	return event;
}

static void publish_event(struct peer *p)
{
	if (p->end->event_count < MP_EVENTS_MAX)
		p->end->event_count++;
}

/* --- ending --- */

static void on_report(void *context, nw_data_transfer_report_t report)
{
	struct peer *p = context;

	mp_copy_report(report, &p->end->report);
	nw_connection_cancel(p->connection);
}

static void finish(struct peer *p, int error)
{
	if (error && !p->end->error)
		p->end->error = error;
	if (p->finishing)
		return;
	p->finishing = true;
	if (error || !p->report) {
		nw_connection_cancel(p->connection);
		return;
	}
	mp_look(p->connection, p->is_server, p->end);
	nw_data_transfer_report_collect_f(p->report, p->queue, p, on_report, NULL);
}

/* Not while the test holds: the tick asks again. */
static void finish_if_done(struct peer *p)
{
	if (p->end->in.ended && p->end->out.ended && !p->shared->hold)
		finish(p, 0);
}

/* --- sending --- */

static void send_more(struct peer *p);

static void on_sent(void *context, nw_error_t error)
{
	struct peer *p = context;

	p->end->completed++;
	p->sends--;
	if (p->gone)
		p->end->late++;
	if (error) {
		finish(p, nw_error_get_error_code(error));
		return;
	}
	if (p->end_sent && !p->sends) {
		p->end->out.ended = true;
		finish_if_done(p);
	} else {
		send_more(p);
	}
}

/* The next `size` bytes of the stream: the client's begins with the header. */
static dispatch_data_t next_piece(struct peer *p, size_t size)
{
	uint8_t *bytes = malloc(size);
	size_t skip = p->is_server ? 0 : sizeof(p->header), head = 0;

	if (!bytes)
		abort();
	if (p->out_at < skip) {
		head = skip - p->out_at < size ? (size_t)(skip - p->out_at) : size;
		memcpy(bytes, (const uint8_t *)&p->header + p->out_at, head);
	}
	mp_pattern(out_seed(p), p->out_at + head - skip, bytes + head, size - head);
	count_bytes(&p->end->out, bytes + head, size - head);
	p->out_at += size;
	return dispatch_data_create_f(bytes, size, NULL, free);
}

static void send_piece(struct peer *p, size_t size, bool last)
{
	dispatch_data_t data = size ? next_piece(p, size) : NULL;

	p->sends++;
	p->end->issued++;
	p->end_sent = last;
	nw_connection_send_f(p->connection, data,
		last ? NW_CONNECTION_FINAL_MESSAGE_CONTEXT : NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT,
		last, p, on_sent, count_destroyed);
	if (data)
		dispatch_release(data);
}

/* The end of the stream goes alone, when the other stream is here, or with the last piece. */
static void send_more(struct peer *p)
{
	while (p->knows && p->end->ready_ns && !p->finishing && p->sends < SENDS_MAX &&
		p->out_at < p->out_total) {
		uint32_t max = p->spec.piece ? random_size(p, p->spec.piece) : PIECE;
		uint64_t left = p->out_total - p->out_at;
		size_t size = left < max ? (size_t)left : max;

		send_piece(p, size, p->spec.early_end && size == left);
	}
	if (p->knows && !p->end_sent && !p->finishing && !p->shared->hold && p->end->ready_ns &&
		p->out_at == p->out_total && (p->spec.early_end || p->in_at == p->in_total))
		send_piece(p, 0, true);
}

/* --- receiving --- */

static void take_pattern(struct peer *p, uint64_t at, const uint8_t *bytes, size_t size)
{
	if (!p->end->in.wrong)
		p->end->in.wrong = mp_pattern_check(in_seed(p), at, bytes, size);
	count_bytes(&p->end->in, bytes, size);
}

static void take_header(struct peer *p)
{
	struct header *h = &p->header;

	if (h->magic != MAGIC || h->index >= MP_CONNECTIONS_MAX) {
		finish(p, EBADMSG);
		return;
	}
	p->end->index = (uint32_t)h->index;
	p->spec.seed = h->seed;
	p->spec.piece = (uint32_t)h->piece;
	p->random = h->seed ^ 1;
	p->spec.early_end = h->early_end;
	p->out_total = h->down;
	p->in_total = sizeof(*h) + h->up;
	p->knows = true;
}

static bool take_region(
	void *context, dispatch_data_t region, size_t offset, const void *bytes, size_t size)
{
	struct peer *p = context;
	const uint8_t *from = bytes;
	size_t head = 0, skip = p->is_server ? sizeof(p->header) : 0;

	(void)region;
	(void)offset;
	if (p->in_at < skip) {
		head = skip - p->in_at < size ? (size_t)(skip - p->in_at) : size;
		memcpy((uint8_t *)&p->header + p->in_at, from, head);
		if (p->in_at + head == skip)
			take_header(p);
	}
	take_pattern(p, p->in_at + head - skip, from + head, size - head);
	p->in_at += size;
	return true;
}

static void note_pause(struct peer *p)
{
	uint64_t now = mp_now_ns();

	if (p->last_ns && now - p->last_ns > p->end->in.pause_ns) {
		p->end->in.pause_ns = now - p->last_ns;
		p->end->in.pause_at = p->in_at;
	}
	p->last_ns = now;
}

static void receive(struct peer *p);

static void on_received(void *context, dispatch_data_t content, nw_content_context_t message,
	bool is_complete, nw_error_t error)
{
	struct peer *p = context;

	(void)message;
	p->end->completed++;
	if (p->gone)
		p->end->late++;
	if (content) {
		note_pause(p);
		dispatch_data_apply_f(content, p, take_region);
	}
	if (error) {
		finish(p, nw_error_get_error_code(error));
	} else if (is_complete) {
		p->end->in.ended = true;
		send_more(p);
		finish_if_done(p);
	} else if (!p->finishing) {
		send_more(p);
		receive(p);
	}
}

static void receive(struct peer *p)
{
	uint32_t max = p->spec.piece ? random_size(p, p->spec.piece) : PIECE;
	uint32_t min = p->spec.piece ? random_size(p, max) : 1;

	/* not more than is sure to come: the end may wait for us */
	if (!p->knows || p->in_total - p->in_at < min)
		min = 1;
	p->end->issued++;
	nw_connection_receive_f(p->connection, min, max, p, on_received, count_destroyed);
}

/* --- the connection --- */

static void become_ready(struct peer *p)
{
	p->end->reason = (int)braid_connection_get_multipath_reason(p->connection) + 1;
	p->end->ready_ns = mp_now_ns();
	p->report = nw_connection_create_new_data_transfer_report(p->connection);
	if (p->spec.udp) {
		finish(p, 0);
		return;
	}
	receive(p);
	if (!p->is_server)
		send_more(p);
}

static void on_state(void *context, nw_connection_state_t state, nw_error_t error)
{
	struct peer *p = context;
	struct mp_event *event = add_event(p, MP_STATE, (int)state);

	event->error = error ? nw_error_get_error_code(error) : 0;
	publish_event(p);
	p->waiting_ns = state == nw_connection_state_waiting ? mp_now_ns() : 0;
	if (state == nw_connection_state_ready)
		become_ready(p);
	else if (state == nw_connection_state_failed)
		finish(p, event->error ? event->error : EPROTO);
	else if (state == nw_connection_state_waiting && p->spec.fail_waiting)
		finish(p, event->error ? event->error : EPROTO);
	p->end->state = (int)state;
	if (state == nw_connection_state_cancelled) {
		p->end->cancelled++;
		p->gone = true;
		p->gone_ns = mp_now_ns();
	}
}

static void on_viable(void *context, bool value)
{
	add_event(context, MP_VIABLE, value);
	publish_event(context);
}

static void on_better(void *context, bool value)
{
	add_event(context, MP_BETTER, value);
	publish_event(context);
}

static bool take_interface(void *context, nw_interface_t interface)
{
	struct mp_event *event = context;

	snprintf(
		event->interface, sizeof(event->interface), "%s", nw_interface_get_name(interface));
	return false;
}

static void on_path(void *context, nw_path_t path)
{
	struct mp_event *event = add_event(context, MP_PATH, (int)nw_path_get_status(path));

	nw_path_enumerate_interfaces_f(path, event, take_interface);
	publish_event(context);
}

/* Looks now and then, restarts, and is the last to have the peer. */
static void tick(void *context)
{
	struct peer *p = context;

	if (!p->gone) {
		mp_look(p->connection, p->is_server, p->end);
		if (p->shared->ask_unread && !p->end->unread)
			p->end->unread = 1 + mp_unread(p->connection);
		send_more(p); /* the end, when the test has let go */
		finish_if_done(p);
		if (p->spec.restart_ms && p->waiting_ns &&
			mp_now_ns() - p->waiting_ns > p->spec.restart_ms * NSEC_PER_MSEC)
			nw_connection_restart(p->connection);
	} else if (!p->released) {
		p->released = true;
		nw_release(p->report);
		nw_release(p->connection);
	} else if (p->end->destroyed >= p->end->issued + MP_HANDLERS ||
		   mp_now_ns() - p->gone_ns > SETTLE_NS) {
		p->end->over = true;
		dispatch_semaphore_signal(p->over);
		return;
	}
	dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, TICK_NS), p->queue, p, tick);
}

/* connection: +1, consumed. */
static void run_peer(struct peer *p, nw_connection_t connection)
{
	p->connection = connection;
	p->queue = dispatch_queue_create("peer", NULL);
	nw_connection_set_queue(connection, p->queue);
	nw_connection_set_state_changed_handler_f(connection, p, on_state, count_destroyed);
	nw_connection_set_viability_changed_handler_f(connection, p, on_viable, count_destroyed);
	nw_connection_set_path_changed_handler_f(connection, p, on_path, count_destroyed);
	nw_connection_set_better_path_available_handler_f(
		connection, p, on_better, count_destroyed);
	nw_connection_start(connection);
	dispatch_after_f(dispatch_time(DISPATCH_TIME_NOW, TICK_NS), p->queue, p, tick);
}

static bool wait_for_all(struct mp_shared *shared, dispatch_semaphore_t over, uint32_t count)
{
	dispatch_time_t until =
		dispatch_time(DISPATCH_TIME_NOW, (int64_t)(shared->limit_ms * NSEC_PER_MSEC));

	for (uint32_t i = 0; i < count; i++) {
		if (dispatch_semaphore_wait(over, until) != 0)
			return false;
	}
	return true;
}

/* --- the server --- */

static struct {
	struct mp_shared *shared;
	nw_listener_t listener;
	dispatch_semaphore_t over, closed;
	struct peer peers[MP_CONNECTIONS_MAX];
} server;

static void on_connection(void *context, nw_connection_t connection)
{
	uint32_t n = server.shared->accepted;
	struct peer *p = &server.peers[n];

	(void)context;
	if (n == MP_CONNECTIONS_MAX)
		return; /* the listener drops what nobody starts */
	server.shared->accepted = n + 1;
	*p = (struct peer) { .shared = server.shared,
		.end = &server.shared->server[n],
		.over = server.over,
		.is_server = true };
	run_peer(p, nw_retain(connection));
}

static void on_listener_state(void *context, nw_listener_state_t state, nw_error_t error)
{
	(void)context;
	if (state == nw_listener_state_ready)
		server.shared->port = nw_listener_get_port(server.listener);
	else if (state == nw_listener_state_cancelled)
		dispatch_semaphore_signal(server.closed);
	else if (error)
		fprintf(stderr, "server: %s\n", strerror(nw_error_get_error_code(error)));
}

int mp_serve(void *context)
{
	nw_parameters_t parameters;
	dispatch_queue_t queue;
	nw_endpoint_t local;
	bool done;

	server.shared = context;
	if (server.shared->prepare_server && server.shared->prepare_server() != 0)
		return 1;
	queue = dispatch_queue_create("listener", NULL);
	parameters = nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	server.over = dispatch_semaphore_create(0);
	server.closed = dispatch_semaphore_create(0);
	local = nw_endpoint_create_host(server.shared->address, "0");
	nw_parameters_set_local_endpoint(parameters, local);
	nw_release(local);
	server.listener = nw_listener_create(parameters);
	nw_release(parameters);
	if (!server.listener)
		return 1;
	nw_listener_set_queue(server.listener, queue);
	nw_listener_set_state_changed_handler_f(server.listener, NULL, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(server.listener, NULL, on_connection, NULL);
	nw_listener_start(server.listener);
	done = wait_for_all(server.shared, server.over, server.shared->connections);
	nw_listener_cancel(server.listener);
	nw_release(server.listener);
	if (dispatch_semaphore_wait(server.closed,
		    dispatch_time(DISPATCH_TIME_NOW, (int64_t)(2 * NSEC_PER_SEC))) != 0)
		return 1;
	return done ? 0 : 3;
}

/* --- the client --- */

static nw_connection_t make_connection(const struct mp_shared *shared, const struct mp_spec *spec)
{
	nw_parameters_t parameters =
		spec->udp ? nw_parameters_create_secure_udp_f(NULL, BRAID_DISABLE_PROTOCOL_F, NULL,
				    BRAID_DEFAULT_CONFIGURATION_F)
			  : nw_parameters_create_secure_tcp_f(NULL, BRAID_DISABLE_PROTOCOL_F, NULL,
				    BRAID_DEFAULT_CONFIGURATION_F);
	nw_connection_t connection;
	nw_endpoint_t endpoint;
	char port[8];

	if (!spec->plain)
		nw_parameters_set_multipath_service(parameters, nw_multipath_service_aggregate);
	if (spec->configure)
		spec->configure(parameters);
	snprintf(port, sizeof(port), "%" PRIu32, shared->port);
	endpoint = nw_endpoint_create_host(shared->address, port);
	connection = nw_connection_create(endpoint, parameters);
	nw_release(endpoint);
	nw_release(parameters);
	return connection;
}

int mp_connect(void *context)
{
	static struct peer peers[MP_CONNECTIONS_MAX];
	struct mp_shared *shared = context;
	dispatch_semaphore_t over = dispatch_semaphore_create(0);

	if (shared->prepare_client && shared->prepare_client() != 0)
		return 1;
	for (uint32_t i = 0; i < shared->connections; i++) {
		const struct mp_spec *spec = &shared->specs[i];
		nw_connection_t connection = make_connection(shared, spec);

		if (!connection)
			return 1;
		shared->client[i].index = i;
		peers[i] = (struct peer) { .shared = shared,
			.end = &shared->client[i],
			.spec = *spec,
			.header = { MAGIC, i, spec->seed, spec->up, spec->down, spec->piece,
				spec->early_end },
			.over = over,
			.random = spec->seed,
			.out_total = sizeof(struct header) + spec->up,
			.in_total = spec->down,
			.knows = true };
		run_peer(&peers[i], connection);
	}
	return wait_for_all(shared, over, shared->connections) ? 0 : 3;
}
