/* Recorder and raw peers for the tests of connections and listeners. Knows the public API only. */
#include "conn_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* --- the log --- */

void recorder_init(struct recorder *r)
{
	pthread_condattr_t attr;

	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	for (unsigned i = 0; i < sizeof(r->tags) / sizeof(r->tags[0]); i++)
		r->tags[i] = (struct tag) { r, (char)i };
}

void recorder_fini(struct recorder *r)
{
	while (atomic_load(
		&r->inside)) /* the last handler has told of itself, and has yet to return */
		sched_yield();
	release_accepted(r);
	free(r->data);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
}

struct tag *tag(struct recorder *r, char letter)
{
	return &r->tags[(unsigned char)letter];
}

void note(struct recorder *r, const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&r->lock);
	if (r->count < EVENTS_MAX) {
		va_start(args, fmt);
		vsnprintf(r->events[r->count++], EVENT_SIZE, fmt, args);
		va_end(args);
	}
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

/* Under lock. */
static void print_log(struct recorder *r)
{
	print_error("delivered so far:");
	for (unsigned i = 0; i < r->count; i++)
		print_error(" %s", r->events[i]);
	print_error("\n");
}

static struct timespec deadline_in(unsigned timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return until;
}

/* Under lock: the next event that matches is behind the cursor then. */
static bool advance(struct recorder *r, const char *event, bool prefix)
{
	for (unsigned i = r->cursor; i < r->count; i++) {
		if (prefix ? !strncmp(r->events[i], event, strlen(event))
			   : !strcmp(r->events[i], event)) {
			r->cursor = i + 1;
			return true;
		}
	}
	return false;
}

static bool wait_event(struct recorder *r, const char *event, bool prefix, unsigned timeout_ms)
{
	struct timespec until = deadline_in(timeout_ms);
	bool found;

	pthread_mutex_lock(&r->lock);
	while (!(found = advance(r, event, prefix))) {
		if (pthread_cond_timedwait(&r->changed, &r->lock, &until) == ETIMEDOUT)
			break;
	}
	pthread_mutex_unlock(&r->lock);
	return found;
}

static void must_come(struct recorder *r, const char *event, bool prefix)
{
	if (wait_event(r, event, prefix, WAIT_S * 1000))
		return;
	pthread_mutex_lock(&r->lock);
	print_error("\"%s\" did not come; ", event);
	print_log(r);
	pthread_mutex_unlock(&r->lock);
	fail();
}

void await(struct recorder *r, const char *event)
{
	must_come(r, event, false);
}

void await_first(struct recorder *r, const char *beginning)
{
	must_come(r, beginning, true);
}

bool await_for(struct recorder *r, const char *event, unsigned timeout_ms)
{
	return wait_event(r, event, false, timeout_ms);
}

unsigned seen(struct recorder *r, const char *event)
{
	unsigned n = 0;

	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < r->count; i++)
		n += !strcmp(r->events[i], event);
	pthread_mutex_unlock(&r->lock);
	return n;
}

unsigned events_count(struct recorder *r)
{
	unsigned n;

	pthread_mutex_lock(&r->lock);
	n = r->count;
	pthread_mutex_unlock(&r->lock);
	return n;
}

/* The length of the first word; *words is moved to it. */
static size_t next_word(const char **words)
{
	*words += strspn(*words, " ");
	return strcspn(*words, " ");
}

static bool is_word(const char *event, const char *word, size_t len)
{
	return strlen(event) == len && !strncmp(event, word, len);
}

void assert_events_at(struct recorder *r, const char *words, const char *file, int line)
{
	unsigned i = 0;
	bool same = true;
	size_t len;

	pthread_mutex_lock(&r->lock);
	for (const char *w = words; (len = next_word(&w)) > 0; w += len) {
		same &= i < r->count && is_word(r->events[i], w, len);
		i++;
	}
	same &= i == r->count;
	if (!same) {
		print_error("expected: %s\n", words);
		print_log(r);
	}
	pthread_mutex_unlock(&r->lock);
	_assert_true(same, "events", file, line);
}

void assert_in_order_at(struct recorder *r, const char *words, const char *file, int line)
{
	unsigned i = 0;
	bool found = true;
	size_t len;

	pthread_mutex_lock(&r->lock);
	for (const char *w = words; (len = next_word(&w)) > 0 && found; w += len) {
		while (i < r->count && !is_word(r->events[i], w, len))
			i++;
		found = i++ < r->count;
	}
	if (!found) {
		print_error("expected in this order: %s\n", words);
		print_log(r);
	}
	pthread_mutex_unlock(&r->lock);
	_assert_true(found, "order of events", file, line);
}

void assert_data(struct recorder *r, const char *expected)
{
	pthread_mutex_lock(&r->lock);
	if (r->data_size != strlen(expected) ||
		memcmp(r->data ? r->data : "", expected, r->data_size) != 0) {
		print_error("received %zu bytes \"%.*s\", expected \"%s\"\n", r->data_size,
			(int)r->data_size, r->data ? r->data : "", expected);
		pthread_mutex_unlock(&r->lock);
		fail();
	}
	pthread_mutex_unlock(&r->lock);
}

void await_data(struct recorder *r, size_t size)
{
	struct timespec until = deadline_in(WAIT_S * 1000);
	bool enough;

	pthread_mutex_lock(&r->lock);
	while (!(enough = r->data_size >= size)) {
		if (pthread_cond_timedwait(&r->changed, &r->lock, &until) == ETIMEDOUT)
			break;
	}
	pthread_mutex_unlock(&r->lock);
	assert_true(enough);
}

/* --- handlers --- */

static void enter(struct recorder *r)
{
	if (atomic_fetch_add(&r->inside, 1) != 0)
		r->overlapped = true;
}

static void leave(struct recorder *r)
{
	atomic_fetch_sub(&r->inside, 1);
}

static const char *error_text(nw_error_t error, char text[static 40])
{
	const char *name;
	int code;

	text[0] = 0;
	if (!error)
		return text;
	code = nw_error_get_error_code(error);
	name = nw_error_get_error_domain(error) == nw_error_domain_posix ? strerrorname_np(code)
									 : NULL;
	if (name)
		snprintf(text, 40, "(%s)", name);
	else
		snprintf(text, 40, "(%d:%d)", (int)nw_error_get_error_domain(error), code);
	return text;
}

void on_state(void *recorder, nw_connection_state_t state, nw_error_t error)
{
	static const char *const names[] = { "invalid", "waiting", "preparing", "ready", "failed",
		"cancelled" };
	char text[40];

	enter(recorder);
	note(recorder, "%s%s", names[state], error_text(error, text));
	leave(recorder);
}

void on_listener_state(void *recorder, nw_listener_state_t state, nw_error_t error)
{
	static const char *const names[] = { "invalid", "waiting", "ready", "failed", "cancelled" };
	char text[40];

	note(recorder, "%s%s", names[state], error_text(error, text));
}

void on_viable(void *recorder, bool value)
{
	enter(recorder);
	note(recorder, "viable=%d", value);
	leave(recorder);
}

void on_better(void *recorder, bool value)
{
	enter(recorder);
	note(recorder, "better=%d", value);
	leave(recorder);
}

void on_path(void *recorder, nw_path_t path)
{
	enter(recorder);
	assert_non_null(path);
	note(recorder, "path");
	leave(recorder);
}

void on_sent(void *context, nw_error_t error)
{
	struct tag *t = context;
	char text[40];

	enter(t->recorder);
	note(t->recorder, "%c=sent%s", t->letter, error_text(error, text));
	leave(t->recorder);
}

static bool append(
	void *context, dispatch_data_t region, size_t offset, const void *bytes, size_t size)
{
	struct recorder *r = context;
	char *data = realloc(r->data, r->data_size + size);

	(void)region;
	(void)offset;
	if (!data)
		abort();
	memcpy(data + r->data_size, bytes, size);
	r->data = data;
	r->data_size += size;
	return true;
}

/* Keeps the content; what of it goes into the log. */
static void take_content(struct recorder *r, dispatch_data_t content, char text[static 24])
{
	size_t size = content ? dispatch_data_get_size(content) : 0, before;
	bool plain = size <= 20;

	pthread_mutex_lock(&r->lock);
	before = r->data_size;
	if (content)
		dispatch_data_apply_f(content, r, append);
	for (size_t i = 0; plain && i < size; i++)
		plain = r->data[before + i] > ' ' && r->data[before + i] < 127;
	if (!content)
		snprintf(text, 24, "-");
	else if (plain)
		snprintf(text, 24, "%.*s", (int)size, r->data ? r->data + before : "");
	else
		snprintf(text, 24, "#%zu", size);
	pthread_mutex_unlock(&r->lock);
}

void on_received(void *context, dispatch_data_t content, nw_content_context_t message,
	bool complete, nw_error_t error)
{
	struct tag *t = context;
	struct recorder *r = t->recorder;
	char text[24], reason[40];

	enter(r);
	take_content(r, content, text);
	pthread_mutex_lock(&r->lock);
	if (r->contexts_count < sizeof(r->contexts) / sizeof(r->contexts[0]))
		r->contexts[r->contexts_count++] = message;
	if (complete && message && nw_content_context_get_is_final(message))
		r->final_seen = true;
	pthread_mutex_unlock(&r->lock);
	note(r, "%c=%s%s%s", t->letter, text, complete ? "*" : "", error_text(error, reason));
	leave(r);
}

void on_connection(void *recorder, nw_connection_t connection)
{
	struct recorder *r = recorder;

	pthread_mutex_lock(&r->lock);
	if (r->accepted_count < ACCEPTED_MAX)
		r->accepted[r->accepted_count++] = nw_retain(connection);
	pthread_mutex_unlock(&r->lock);
	note(r, "new");
}

void on_destroy(void *recorder)
{
	struct recorder *r = recorder;

	pthread_mutex_lock(&r->lock);
	r->destroyed++;
	pthread_mutex_unlock(&r->lock);
	note(r, "destroyed");
}

/* --- calls --- */

bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

void send_bytes(nw_connection_t c, struct recorder *r, char letter, const void *bytes, size_t size,
	nw_content_context_t context, bool complete)
{
	dispatch_data_t data = size ? dispatch_data_create_f(bytes, size, NULL, NULL) : NULL;

	nw_connection_send_f(c, data, context, complete, tag(r, letter), on_sent, NULL);
	if (data)
		dispatch_release(data);
}

void send_text(nw_connection_t c, struct recorder *r, char letter, const char *text)
{
	send_bytes(c, r, letter, text, strlen(text), NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
}

void send_fin(nw_connection_t c, struct recorder *r, char letter)
{
	send_bytes(c, r, letter, NULL, 0, NW_CONNECTION_FINAL_MESSAGE_CONTEXT, true);
}

void receive(nw_connection_t c, struct recorder *r, char letter, uint32_t min, uint32_t max)
{
	nw_connection_receive_f(c, min, max, tag(r, letter), on_received, NULL);
}

void receive_message(nw_connection_t c, struct recorder *r, char letter)
{
	nw_connection_receive_message_f(c, tag(r, letter), on_received, NULL);
}

static void nothing(void *context)
{
	(void)context;
}

void barrier(dispatch_queue_t queue)
{
	dispatch_sync_f(queue, NULL, nothing);
}

nw_parameters_t tcp_parameters(void)
{
	return nw_parameters_create_secure_tcp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

nw_parameters_t udp_parameters(void)
{
	return nw_parameters_create_secure_udp_f(
		NULL, BRAID_DISABLE_PROTOCOL_F, NULL, BRAID_DEFAULT_CONFIGURATION_F);
}

nw_protocol_options_t tls_key_options(void)
{
	nw_protocol_options_t options = nw_tls_create_options();
	sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(options);
	dispatch_data_t key = dispatch_data_create_f("0123456789abcdef", 16, NULL, NULL);
	dispatch_data_t identity = dispatch_data_create_f("me", 2, NULL, NULL);

	sec_protocol_options_add_pre_shared_key(sec, key, identity);
	nw_release(key);
	nw_release(identity);
	nw_release(sec);
	return options;
}

nw_endpoint_t loopback(uint16_t port)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	return nw_endpoint_create_host("127.0.0.1", text);
}

nw_connection_t new_client(
	struct recorder *r, dispatch_queue_t queue, nw_parameters_t parameters, uint16_t port)
{
	nw_endpoint_t endpoint = loopback(port);
	nw_connection_t c = nw_connection_create(endpoint, parameters);

	assert_non_null(c);
	nw_release(endpoint);
	nw_connection_set_queue(c, queue);
	nw_connection_set_state_changed_handler_f(c, r, on_state, NULL);
	return c;
}

void start_connection(nw_connection_t c, struct recorder *r, dispatch_queue_t queue)
{
	nw_connection_set_queue(c, queue);
	nw_connection_set_state_changed_handler_f(c, r, on_state, NULL);
	nw_connection_start(c);
}

nw_connection_t start_to(struct recorder *r, dispatch_queue_t queue, nw_endpoint_t endpoint,
	nw_parameters_t parameters)
{
	nw_connection_t c = nw_connection_create(endpoint, parameters);

	assert_non_null(c);
	nw_release(endpoint);
	start_connection(c, r, queue);
	return c;
}

static nw_connection_t start_client(
	struct recorder *r, dispatch_queue_t queue, nw_parameters_t parameters, uint16_t port)
{
	nw_connection_t c = start_to(r, queue, loopback(port), parameters);

	nw_release(parameters);
	return c;
}

nw_connection_t tcp_client(struct recorder *r, dispatch_queue_t queue, uint16_t port)
{
	return start_client(r, queue, tcp_parameters(), port);
}

nw_connection_t udp_client(struct recorder *r, dispatch_queue_t queue, uint16_t port)
{
	return start_client(r, queue, udp_parameters(), port);
}

void finish(nw_connection_t c, struct recorder *r)
{
	nw_connection_cancel(c);
	await(r, "cancelled");
	nw_release(c);
}

nw_listener_t new_listener(
	struct recorder *r, dispatch_queue_t queue, nw_parameters_t parameters, uint16_t *ret_port)
{
	nw_listener_t l = nw_listener_create(parameters);

	assert_non_null(l);
	nw_listener_set_queue(l, queue);
	nw_listener_set_state_changed_handler_f(l, r, on_listener_state, NULL);
	nw_listener_set_new_connection_handler_f(l, r, on_connection, NULL);
	nw_listener_start(l);
	await(r, "ready");
	*ret_port = nw_listener_get_port(l);
	assert_int_not_equal(*ret_port, 0);
	return l;
}

void finish_listener(nw_listener_t l, struct recorder *r)
{
	nw_listener_cancel(l);
	await(r, "cancelled");
	nw_release(l);
}

nw_connection_t accepted(struct recorder *r, unsigned i)
{
	struct timespec until = deadline_in(WAIT_S * 1000);
	nw_connection_t c;

	pthread_mutex_lock(&r->lock);
	while (r->accepted_count <= i) {
		if (pthread_cond_timedwait(&r->changed, &r->lock, &until) == ETIMEDOUT)
			break;
	}
	c = r->accepted_count > i ? r->accepted[i] : NULL;
	pthread_mutex_unlock(&r->lock);
	assert_non_null(c);
	return c;
}

void release_accepted(struct recorder *r)
{
	for (unsigned i = 0; i < r->accepted_count; i++)
		nw_release(r->accepted[i]);
	r->accepted_count = 0;
}

/* --- raw sockets --- */

union raw_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t raw_address(int family, uint16_t port, union raw_address *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sa.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		ret->in6.sin6_addr = in6addr_loopback;
		ret->in6.sin6_port = htons(port);
		return sizeof(ret->in6);
	}
	ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret->in.sin_port = htons(port);
	return sizeof(ret->in);
}

static int raw_socket(int family, int type)
{
	struct timeval limit = { .tv_sec = WAIT_S };
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

uint16_t raw_port(int fd)
{
	union raw_address address = { 0 };
	socklen_t len = sizeof(address);

	assert_int_equal(getsockname(fd, &address.sa, &len), 0);
	return ntohs(
		address.sa.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

int raw_listen(int family, int type, uint16_t *ret_port)
{
	int fd = raw_socket(family, type);
	union raw_address address;
	socklen_t len = raw_address(family, 0, &address);

	assert_int_equal(bind(fd, &address.sa, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 64), 0);
	*ret_port = raw_port(fd);
	return fd;
}

int raw_accept(int fd)
{
	struct timeval limit = { .tv_sec = WAIT_S };
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	assert_true(peer >= 0);
	setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return peer;
}

int raw_connect(int family, int type, uint16_t port)
{
	int fd = raw_socket(family, type);
	union raw_address address;
	socklen_t len = raw_address(family, port, &address);

	assert_int_equal(connect(fd, &address.sa, len), 0);
	return fd;
}

void raw_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void raw_read(int fd, const char *expected)
{
	char buf[256];
	size_t want = strlen(expected), have = 0;

	assert_true(want < sizeof(buf));
	while (have < want) {
		ssize_t n = recv(fd, buf + have, want - have, 0);

		if (n <= 0)
			break;
		have += (size_t)n;
	}
	buf[have] = 0;
	assert_string_equal(buf, expected);
}

void raw_end(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

size_t raw_drain(int fd)
{
	static char buf[65536];
	size_t sum = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		sum += (size_t)n;
	assert_int_equal(n, 0);
	return sum;
}

void raw_reset(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

int raw_refused_port(uint16_t *ret_port)
{
	int fd = raw_socket(AF_INET, SOCK_STREAM);
	union raw_address address;
	socklen_t len = raw_address(AF_INET, 0, &address);

	/* bound and not listening */
	assert_int_equal(bind(fd, &address.sa, len), 0);
	*ret_port = raw_port(fd);
	return fd;
}

int raw_black_hole(uint16_t *ret_port, int ret_fillers[FILLERS])
{
	int fd = raw_socket(AF_INET, SOCK_STREAM);
	union raw_address address;
	socklen_t len = raw_address(AF_INET, 0, &address);
	bool full = false;

	assert_int_equal(bind(fd, &address.sa, len), 0);
	assert_int_equal(listen(fd, 0), 0);
	*ret_port = raw_port(fd);
	raw_address(AF_INET, *ret_port, &address);
	for (unsigned i = 0; i < FILLERS; i++) {
		struct pollfd p = { .events = POLLOUT };

		ret_fillers[i] = -1;
		if (full)
			continue;
		ret_fillers[i] = p.fd = raw_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
		if (connect(p.fd, &address.sa, len) < 0)
			full = errno == EINPROGRESS && poll(&p, 1, 100) == 0;
	}
	assert_true(full);
	return fd;
}

void raw_close_all(int fd, int fillers[FILLERS])
{
	close(fd);
	for (unsigned i = 0; i < FILLERS; i++) {
		if (fillers[i] >= 0)
			close(fillers[i]);
	}
}
