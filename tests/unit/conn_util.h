/*
 * What the tests of connections and listeners share: a recorder of everything that was delivered,
 * in order, and raw kernel sockets as peers. Waiting is always for an event, with a limit.
 */
#ifndef CONN_UTIL_H
#define CONN_UTIL_H

#include <Network/Network.h>
#include <braid/multipath.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* For an event that does not come: generous, the machine may be loaded, or this is valgrind. */
#define WAIT_S       30
#define EVENTS_MAX   4096
#define EVENT_SIZE   56
#define ACCEPTED_MAX 64

struct recorder;

/* Context of one send or receive: whose it is, and its letter in the log. */
struct tag {
	struct recorder *recorder;
	char letter;
};

/*
 * The log, one word an event:
 *   preparing ready waiting(ECONNREFUSED) failed(..) cancelled     states; listeners' too
 *   viable=1 better=0 path                                        the network
 *   a=sent a=sent(EPIPE)                                          completions of send `a`
 *   b=hello b=hello* b=-* b=-(ENODATA) b=#70000                   of receive `b`: '-': no content;
 * '*': complete;
 *                                                                 '#': only the length, it is long
 */
struct recorder {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char events[EVENTS_MAX][EVENT_SIZE];
	unsigned count;
	unsigned cursor;    /* await() looks from here on */
	unsigned destroyed; /* contexts handed back */
	_Atomic int inside; /* handlers that run now */
	bool overlapped;    /* two ran at once */
	char *data;         /* all content received, in order */
	size_t data_size;
	nw_content_context_t contexts[8]; /* of the first receives, borrowed by pointer only */
	unsigned contexts_count;
	bool final_seen;                        /* a delivered context was final */
	nw_connection_t accepted[ACCEPTED_MAX]; /* retained */
	unsigned accepted_count;
	struct tag tags[128];
};

void recorder_init(struct recorder *r);
void recorder_fini(struct recorder *r);
void note(struct recorder *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* await(): the next such event; fails the test when it does not come. seen(): how many there were
 * so far. */
void await(struct recorder *r, const char *event);
/* await_first(): the next event that begins like this. */
void await_first(struct recorder *r, const char *beginning);
bool await_for(struct recorder *r, const char *event, unsigned timeout_ms);
unsigned seen(struct recorder *r, const char *event);
unsigned events_count(struct recorder *r);
/* assert_events(): all that was delivered so far, words separated by blanks, is exactly this. */
#define assert_events(r, words) assert_events_at(r, words, __FILE__, __LINE__)
void assert_events_at(struct recorder *r, const char *words, const char *file, int line);
/* assert_in_order(): these happened in this order, others may be between. */
#define assert_in_order(r, words) assert_in_order_at(r, words, __FILE__, __LINE__)
void assert_in_order_at(struct recorder *r, const char *words, const char *file, int line);
void assert_data(struct recorder *r, const char *expected);
void await_data(struct recorder *r, size_t size);

/* Handlers; the context is the recorder, or a tag. */
void on_state(void *recorder, nw_connection_state_t state, nw_error_t error);
void on_listener_state(void *recorder, nw_listener_state_t state, nw_error_t error);
void on_viable(void *recorder, bool value);
void on_better(void *recorder, bool value);
void on_path(void *recorder, nw_path_t path);
void on_sent(void *tag, nw_error_t error);
void on_received(void *tag, dispatch_data_t content, nw_content_context_t context, bool complete,
	nw_error_t error);
/* Keeps the connection (retained) and notes "new". */
void on_connection(void *recorder, nw_connection_t connection);
void on_destroy(void *recorder); /* counts */
struct tag *tag(struct recorder *r, char letter);

/* Calls. */
bool under_valgrind(void);
void send_text(nw_connection_t c, struct recorder *r, char letter, const char *text);
void send_bytes(nw_connection_t c, struct recorder *r, char letter, const void *bytes, size_t size,
	nw_content_context_t context, bool complete);
void send_fin(nw_connection_t c, struct recorder *r, char letter);
void receive(nw_connection_t c, struct recorder *r, char letter, uint32_t min, uint32_t max);
void receive_message(nw_connection_t c, struct recorder *r, char letter);
/* barrier(): everything that was on the queue has run. */
void barrier(dispatch_queue_t queue);

/* Parameters and connections: not started, the state handler set, on `queue`. */
nw_parameters_t tcp_parameters(void);
nw_parameters_t udp_parameters(void);
/* TLS with a key that both ends know, so that no certificate is needed. +1 */
nw_protocol_options_t tls_key_options(void);
nw_endpoint_t loopback(uint16_t port);
nw_connection_t new_client(
	struct recorder *r, dispatch_queue_t queue, nw_parameters_t parameters, uint16_t port);
/* start_connection(): what becomes of it goes to r, on `queue`. */
void start_connection(nw_connection_t c, struct recorder *r, dispatch_queue_t queue);
/* start_to(): a new one, started. The endpoint is taken. */
nw_connection_t start_to(struct recorder *r, dispatch_queue_t queue, nw_endpoint_t endpoint,
	nw_parameters_t parameters);
/* The usual: TCP to 127.0.0.1:port, started. */
nw_connection_t tcp_client(struct recorder *r, dispatch_queue_t queue, uint16_t port);
nw_connection_t udp_client(struct recorder *r, dispatch_queue_t queue, uint16_t port);
/* cancel, wait for `cancelled`, release. */
void finish(nw_connection_t c, struct recorder *r);
/* A listener with both handlers, started and ready; ret_port: its port. */
nw_listener_t new_listener(
	struct recorder *r, dispatch_queue_t queue, nw_parameters_t parameters, uint16_t *ret_port);
void finish_listener(nw_listener_t l, struct recorder *r);
/* What the listener gave: the i-th connection, borrowed; waits for it. */
nw_connection_t accepted(struct recorder *r, unsigned i);
void release_accepted(struct recorder *r);

/* Kernel sockets, blocking, with a timeout of WAIT_S. Failures fail the test. */
int raw_listen(int family, int type, uint16_t *ret_port);
int raw_accept(int fd);
int raw_connect(int family, int type, uint16_t port);
void raw_send(int fd, const char *text);
/* raw_read(): exactly this text comes. raw_end(): the end comes. */
void raw_read(int fd, const char *expected);
void raw_end(int fd);
size_t raw_drain(int fd); /* reads to the end; how much it was */
void raw_reset(int fd);   /* closes with RST */
uint16_t raw_port(int fd);
/* A port where nobody listens, and nobody will: the socket that holds it is returned. */
int raw_refused_port(uint16_t *ret_port);
/* A listener whose queue is full: who connects hears nothing. ret_fds: fillers to close. */
#define FILLERS 8
int raw_black_hole(uint16_t *ret_port, int ret_fillers[FILLERS]);
void raw_close_all(int fd, int fillers[FILLERS]);

#endif
