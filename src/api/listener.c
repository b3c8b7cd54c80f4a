/*
 * nw_listener: a socket that listens, its states, and connections handed to the application.
 * Inbound connections are made here and live on their own. Knows nothing of their bytes.
 */
#include "api/connection.h"
#include "api/listener.h"
#include "base/clock.h"
#include "base/log.h"
#include "transport/udp_hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG     4096                  /* the kernel cuts it to net.core.somaxconn */
#define ACCEPTS_MAX 64                    /* in one turn of the queue */
#define RETRY_NS    (100 * BRI_NS_PER_MS) /* after accept ran out of descriptors or memory */

struct nw_listener {
	struct bri_object base;
	pthread_mutex_t lock;
	struct bri_handler *handlers[BRI_LISTENER_SLOTS]; /* under lock */
	nw_parameters_t parameters;                       /* internal reference, its own copy */
	char *launchd_key;                                /* NULL: a socket of our own */
	uint16_t wanted_port;                             /* 0: any */
	bool is_udp, started;                             /* started: under lock */
	struct dispatch_queue_s *client_queue;            /* internal reference */
	struct dispatch_queue_s *_Atomic queue;
	_Atomic uint16_t port;  /* 0: not known yet */
	_Atomic uint32_t limit; /* how many more connections; UINT32_MAX: any number */
	/* [queue] */
	enum bri_listen_life life;
	struct bri_sock sock;
	struct bri_watch *watch;
	struct bri_hub *hub; /* UDP */
	struct bri_timer *retry;
	struct bri_netstate_sub *network;
	struct bri_sock_config config;
	bool self_reference;
	struct bri_item item;
	bool item_queued;
};

static void destroy_listener(struct bri_object *obj)
{
	nw_listener_t l = (nw_listener_t)obj;

	for (unsigned i = 0; i < BRI_LISTENER_SLOTS; i++)
		bri_handler_set(&l->lock, &l->handlers[i], (struct bri_callable) { 0 });
	bri_object_put(l->parameters);
	bri_object_put(l->client_queue);
	bri_object_put(atomic_load(&l->queue));
	free(l->launchd_key);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static const struct bri_class listener_class = {
	.name = "nw_listener", .kind = BRI_KIND_LISTENER, .destroy = destroy_listener
};

static bool is_listener(nw_listener_t l, const char *function)
{
	return bri_object_check(l, BRI_KIND_LISTENER, function);
}

/* --- news --- */

/* State changes are told on the queue as they happen: every caller is an item of the queue of its
 * own. */
static void tell_state(nw_listener_t l, int errno_code)
{
	nw_error_t error = errno_code ? bri_error_new(nw_error_domain_posix, errno_code) : NULL;
	struct bri_handler *handler = bri_handler_get(&l->lock, &l->handlers[BRI_LISTENER_STATE]);

	if (handler)
		((nw_listener_state_changed_handler_f)handler->call.fn)(
			handler->call.context, (nw_listener_state_t)l->life, error);
	bri_handler_put(handler);
	bri_object_release(error);
}

static void step(nw_listener_t l, enum bri_listen_event event, int errno_code)
{
	if (bri_listen_step(&l->life, event))
		tell_state(l, errno_code);
}

/* Hands a connection to the application; false: nobody wants it. */
static bool hand_over(nw_listener_t l, nw_connection_t connection)
{
	struct bri_handler *handler =
		bri_handler_get(&l->lock, &l->handlers[BRI_LISTENER_CONNECTION]);
	uint32_t left = atomic_load(&l->limit);

	if (handler) {
		while (left != NW_LISTENER_INFINITE_CONNECTION_LIMIT && left &&
			!atomic_compare_exchange_weak(&l->limit, &left, left - 1))
			;
		((nw_listener_new_connection_handler_f)handler->call.fn)(
			handler->call.context, connection);
	}
	bri_handler_put(handler);
	return handler;
}

static bool may_accept(nw_listener_t l)
{
	return l->life == BRI_LISTEN_READY && atomic_load(&l->limit) > 0;
}

/* --- closing --- */

static void close_socket(nw_listener_t l)
{
	bri_timer_free(l->retry);
	l->retry = NULL;
	bri_hub_close(l->hub);
	l->hub = NULL;
	bri_watch_free(l->watch);
	l->watch = NULL;
	if (l->sock.fd >= 0)
		close(l->sock.fd);
	l->sock.fd = -1;
}

static void end(nw_listener_t l)
{
	close_socket(l);
	bri_netstate_unsubscribe(l->network);
	l->network = NULL;
	if (l->self_reference) {
		l->self_reference = false;
		bri_object_put(l);
	}
}

static void fail(nw_listener_t l, int errno_code)
{
	bri_object_get(l);
	step(l, BRI_LISTEN_BROKEN, errno_code);
	end(l);
	bri_object_put(l);
}

/* --- accepting --- */

static void on_retry(void *context);

/* Out of descriptors or memory: the connections wait in the kernel until there are some again. */
static void retry_later(nw_listener_t l)
{
	if (!l->retry && bri_timer_new(l->queue, l, on_retry, &l->retry) < 0)
		return;
	bri_timer_set(l->retry, bri_clock_now_ns() + RETRY_NS);
}

/* One connection; false: no more now. */
static bool accept_one(nw_listener_t l)
{
	union bri_sockaddr remote;
	int protocol = 0, fd = bri_sock_accept(l->sock.fd, &l->config, &remote);
	socklen_t len = sizeof(protocol);
	nw_connection_t connection;

	if (fd == -EAGAIN)
		return false;
	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
		bri_warn("accept: %s; trying again", strerror(-fd));
		retry_later(l);
		return false;
	}
	if (fd < 0) {
		/* errors of one connection that was lost in the queue (accept(2)): the next may be
		 * fine */
		if (fd == -EINVAL || fd == -EBADF || fd == -ENOTSOCK || fd == -EOPNOTSUPP) {
			fail(l, -fd);
			return false;
		}
		return true;
	}
	/* from an MPTCP listener a plain TCP client's socket is plain TCP (mptcp.rst) */
	if (l->sock.mptcp)
		getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	connection = bri_connection_new_inbound(l->parameters,
		(struct bri_sock) {
			.fd = fd, .mptcp = protocol == 262, .mptcp_errno = l->sock.mptcp_errno },
		&remote);
	if (!connection)
		return false;
	hand_over(l, connection);
	bri_object_release(connection); /* not retained and not started: closed here */
	return true;
}

static void kick(nw_listener_t l)
{
	if (l->item_queued)
		return;
	l->item_queued = true;
	bri_object_get(l);
	bri_queue_push(l->queue, &l->item);
}

static void accept_some(nw_listener_t l)
{
	int i = 0;

	bri_object_get(l);
	while (i < ACCEPTS_MAX && may_accept(l) && accept_one(l))
		i++;
	if (i == ACCEPTS_MAX)
		kick(l);
	bri_object_put(l);
}

static void on_retry(void *context)
{
	accept_some(context);
}

static void run_kicked(struct bri_item *item)
{
	nw_listener_t l = bri_container_of(item, struct nw_listener, item);

	l->item_queued = false;
	if (l->life == BRI_LISTEN_READY && !l->is_udp)
		accept_some(l);
	bri_object_put(l);
}

static void on_ready(void *context, uint32_t events)
{
	(void)events;
	accept_some(context);
}

static bool on_flow(void *context, struct bri_hub_flow *flow)
{
	nw_listener_t l = context;
	nw_connection_t connection;

	if (!may_accept(l))
		return false;
	connection = bri_connection_new_flow(l->parameters, flow);
	if (!connection)
		return false;
	hand_over(l, connection);
	bri_object_release(connection);
	return true;
}

/* Over UDP a peer's address may be forged, and its first datagram the last of a connection that is
 * gone: the lowest protocol says whether there is somebody who wants a connection. */
static bool admits(
	void *context, const struct bri_hub_datagram *datagram, struct bri_hub_reply *ret_reply)
{
	nw_listener_t l = context;
	nw_protocol_stack_t stack = l->parameters->stack;
	nw_protocol_options_t lowest = stack->count ? stack->application[stack->count - 1] : NULL;
	const void *bytes = NULL;
	size_t size = 0;
	dispatch_data_t map;
	bool admitted;

	if (!may_accept(l))
		return false;
	if (!lowest || !lowest->definition->admits)
		return true;
	if (!datagram->data)
		return false;
	map = dispatch_data_create_map(datagram->data, &bytes, &size);
	admitted = map && lowest->definition->admits(lowest, &datagram->info.from, bytes, size,
				  ret_reply->bytes, &ret_reply->size);
	bri_object_release(map);
	return admitted;
}

static const struct bri_hub_ops hub_ops = { .admits = admits, .on_flow = on_flow };
_Static_assert(BRI_PROTOCOL_REPLY_MAX <= BRI_HUB_REPLY_MAX, "a reply of a protocol has room");

/* --- listening --- */

static void wildcard(int family, union bri_sockaddr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sa.sa_family = (sa_family_t)family;
}

/* Without a local endpoint: all addresses of both families, or of the one the parameters name. */
static void local_address(nw_listener_t l, union bri_sockaddr *ret)
{
	const union bri_sockaddr *local = &l->config.local;

	if (local->sa.sa_family != AF_UNSPEC)
		*ret = *local;
	else
		wildcard(l->config.family == AF_INET ? AF_INET : AF_INET6, ret);
	if (l->wanted_port)
		bri_sockaddr_set_port(ret, l->wanted_port);
}

static int open_socket(nw_listener_t l)
{
	union bri_sockaddr local;
	int error;

	if (l->launchd_key)
		return bri_sock_take_inherited(l->launchd_key, &l->sock);
	error = bri_listen_interface(l->parameters, l->config.interface);
	if (error)
		return error;
	local_address(l, &local);
	error = bri_sock_listen(&l->config, &local, BACKLOG, &l->sock);
	/* a machine without IPv6 has IPv4 all the same */
	if ((error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL) && local.sa.sa_family == AF_INET6 &&
		bri_sockaddr_is_any(&local) && l->config.family == AF_UNSPEC) {
		uint16_t port = bri_sockaddr_port(&local);

		wildcard(AF_INET, &local);
		bri_sockaddr_set_port(&local, port);
		error = bri_sock_listen(&l->config, &local, BACKLOG, &l->sock);
	}
	return error;
}

static int serve(nw_listener_t l)
{
	union bri_sockaddr local;
	int error = bri_sock_local(l->sock.fd, &local);

	if (error)
		return error;
	atomic_store(&l->port, bri_sockaddr_port(&local));
	if (!l->is_udp)
		return 0; /* watched once `ready` is told: connections come after it */
	error = bri_hub_new(l->sock, l->queue, l, &hub_ops, &l->hub);
	if (!error)
		l->sock.fd = -1; /* the hub's now */
	return error;
}

/* Interfaces and addresses come and go; ports and permissions do not heal by themselves. */
static bool may_heal(int error)
{
	return error == -EADDRNOTAVAIL || error == -ENODEV || error == -ENETDOWN;
}

static void listen_now(nw_listener_t l);

static void on_network(void *context, struct bri_netstate *state)
{
	nw_listener_t l = context;

	(void)state;
	if (l->life == BRI_LISTEN_WAITING)
		listen_now(l);
}

static void wait_for_network(nw_listener_t l, int error)
{
	if (!l->network)
		bri_netstate_subscribe(l->queue, l, on_network, &l->network);
	step(l, BRI_LISTEN_BLOCKED, -error);
}

static void listen_now(nw_listener_t l)
{
	int error;

	bri_object_get(l);
	error = open_socket(l);
	if (!error)
		error = serve(l);
	if (error) {
		close_socket(l);
		if (may_heal(error))
			wait_for_network(l, error);
		else
			fail(l, -error);
		bri_object_put(l);
		return;
	}
	step(l, BRI_LISTEN_BOUND, 0);
	/* the handler of `ready` may have cancelled */
	if (l->life == BRI_LISTEN_READY && !l->is_udp) {
		error = bri_watch_new(l->queue, l->sock.fd, l, on_ready, &l->watch);
		if (error)
			fail(l, -error);
	}
	bri_object_put(l);
}

/* --- calls on the queue --- */

static void run_start(void *context)
{
	nw_listener_t l = context;
	bool usable;

	pthread_mutex_lock(&l->lock);
	usable = l->handlers[BRI_LISTENER_CONNECTION];
	pthread_mutex_unlock(&l->lock);
	if (l->life == BRI_LISTEN_SETUP && !usable) {
		bri_error("nw_listener_start: set a new-connection handler first");
		fail(l, EINVAL);
	} else if (l->life == BRI_LISTEN_SETUP) {
		bri_sock_config_from_parameters(l->parameters, &l->config);
		/* a listener takes MPTCP and plain TCP from one socket; it costs plain clients
		 * nothing */
		l->config.multipath = l->config.kind == BRI_SOCK_TCP;
		bri_mptcp_reason_prime();
		listen_now(l);
	}
	bri_object_put(l);
}

static void run_cancel(void *context)
{
	nw_listener_t l = context;
	bool was_over = l->life == BRI_LISTEN_CANCELLED;

	close_socket(l);
	step(l, BRI_LISTEN_CANCEL, 0);
	if (!was_over) {
		for (unsigned i = 0; i < BRI_LISTENER_SLOTS; i++)
			bri_handler_set(&l->lock, &l->handlers[i], (struct bri_callable) { 0 });
	}
	end(l);
	bri_object_put(l);
}

static void run_resume(void *context)
{
	nw_listener_t l = context;

	if (!l->is_udp)
		accept_some(l);
	bri_object_put(l);
}

/* --- public --- */

static nw_listener_t new_listener(nw_parameters_t parameters, uint16_t port, const char *function)
{
	enum bri_parameters_transport transport;
	nw_listener_t l;

	if (!bri_object_check(parameters, BRI_KIND_PARAMETERS, function))
		return NULL;
	transport = bri_parameters_transport(parameters);
	if (transport != BRI_PARAMETERS_TCP && transport != BRI_PARAMETERS_UDP) {
		bri_error("%s: listening needs TCP or UDP parameters", function);
		return NULL;
	}
	l = bri_object_new(&listener_class, sizeof(*l));
	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	l->parameters = bri_object_own(nw_parameters_copy(parameters));
	l->is_udp = transport == BRI_PARAMETERS_UDP;
	l->wanted_port = port;
	l->sock.fd = -1;
	l->item.run = run_kicked;
	atomic_init(&l->limit, NW_LISTENER_INFINITE_CONNECTION_LIMIT);
	return l;
}

BRI_EXPORT nw_listener_t nw_listener_create(nw_parameters_t parameters)
{
	return new_listener(parameters, 0, "nw_listener_create");
}

BRI_EXPORT nw_listener_t nw_listener_create_with_port(const char *port, nw_parameters_t parameters)
{
	uint16_t number;

	if (!port || bri_endpoint_parse_port(port, &number)) {
		bri_error("nw_listener_create_with_port: \"%.64s\" is neither a port nor a known "
			  "service",
			port ? port : "(null)");
		return NULL;
	}
	return new_listener(parameters, number, "nw_listener_create_with_port");
}

/* Listening for the streams of a connection: only multiplexing protocols (QUIC) have any. */
/* api-status: partial nw_listener_create_with_connection: NULL until a multiplexing protocol (QUIC)
 * exists */
BRI_EXPORT nw_listener_t nw_listener_create_with_connection(
	nw_connection_t connection, nw_parameters_t parameters)
{
	if (bri_connection_is(connection, "nw_listener_create_with_connection") &&
		bri_object_check(
			parameters, BRI_KIND_PARAMETERS, "nw_listener_create_with_connection"))
		bri_error("nw_listener_create_with_connection: this connection's protocols do not "
			  "multiplex");
	return NULL;
}

BRI_EXPORT nw_listener_t nw_listener_create_with_launchd_key(
	nw_parameters_t parameters, const char *launchd_key)
{
	nw_listener_t l;

	if (!launchd_key || !*launchd_key) {
		bri_error("nw_listener_create_with_launchd_key: no key");
		return NULL;
	}
	l = new_listener(parameters, 0, "nw_listener_create_with_launchd_key");
	if (!l)
		return NULL;
	l->launchd_key = strdup(launchd_key);
	if (!l->launchd_key) {
		nw_release(l);
		return NULL;
	}
	return l;
}

BRI_EXPORT void nw_listener_set_queue(nw_listener_t l, dispatch_queue_t queue)
{
	if (!is_listener(l, "nw_listener_set_queue") ||
		!bri_object_check(queue, BRI_KIND_DISPATCH_QUEUE, "nw_listener_set_queue"))
		return;
	pthread_mutex_lock(&l->lock);
	if (l->started)
		bri_error("nw_listener_set_queue: the listener is started already");
	else
		bri_object_set(&l->client_queue, queue);
	pthread_mutex_unlock(&l->lock);
}

/* True: started now, or before (then *ret_first is false). */
static bool take_off(nw_listener_t l, bool *ret_first)
{
	bool started;

	pthread_mutex_lock(&l->lock);
	*ret_first = !l->started && l->client_queue;
	if (*ret_first) {
		atomic_store(&l->queue, bri_queue_new_serial_for(l->client_queue));
		l->started = l->self_reference = true;
		bri_object_get(l);
	}
	started = l->started;
	pthread_mutex_unlock(&l->lock);
	return started;
}

BRI_EXPORT void nw_listener_start(nw_listener_t l)
{
	bool first;

	if (!is_listener(l, "nw_listener_start"))
		return;
	if (!take_off(l, &first))
		bri_error("nw_listener_start: set a queue first (nw_listener_set_queue)");
	else if (first)
		bri_async(l->queue, bri_object_get(l), run_start);
}

BRI_EXPORT void nw_listener_cancel(nw_listener_t l)
{
	bool first;

	if (!is_listener(l, "nw_listener_cancel"))
		return;
	if (!take_off(l, &first)) {
		pthread_mutex_lock(&l->lock);
		l->started = true; /* nobody to tell; it cannot be started any more */
		pthread_mutex_unlock(&l->lock);
	} else if (atomic_load(&l->queue)) {
		bri_async(l->queue, bri_object_get(l), run_cancel);
	}
}

void bri_listener_set_handler(nw_listener_t l, enum bri_listener_slot slot,
	struct bri_callable call, const char *function)
{
	if (is_listener(l, function))
		bri_handler_set(&l->lock, &l->handlers[slot], call);
	else
		bri_callable_clear(&call);
}

BRI_EXPORT void nw_listener_set_new_connection_limit(nw_listener_t l, uint32_t new_connection_limit)
{
	if (!is_listener(l, "nw_listener_set_new_connection_limit"))
		return;
	atomic_store(&l->limit, new_connection_limit);
	/* those that wait in the kernel may come in now */
	if (new_connection_limit && atomic_load(&l->queue))
		bri_async(l->queue, bri_object_get(l), run_resume);
}

BRI_EXPORT uint32_t nw_listener_get_new_connection_limit(nw_listener_t l)
{
	return is_listener(l, "nw_listener_get_new_connection_limit") ? atomic_load(&l->limit) : 0;
}

BRI_EXPORT uint16_t nw_listener_get_port(nw_listener_t l)
{
	return is_listener(l, "nw_listener_get_port") ? atomic_load(&l->port) : 0;
}

/* api-status: noop nw_listener_set_advertise_descriptor: Bonjour advertising comes with the
 * discovery part; the descriptor is not used */
BRI_EXPORT void nw_listener_set_advertise_descriptor(
	nw_listener_t l, nw_advertise_descriptor_t advertise_descriptor)
{
	if (is_listener(l, "nw_listener_set_advertise_descriptor") && advertise_descriptor)
		bri_error("nw_listener_set_advertise_descriptor: advertising is not built yet");
}
