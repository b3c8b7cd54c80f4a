/* What the tests of TLS on connections share: certificates, and two ends over loopback. */
#ifndef TLS_CONNECTION_UTIL_H
#define TLS_CONNECTION_UTIL_H

#include "conn_util.h"
#include "tls_util.h"

#include <Security/SecProtocolOptions.h>
#include <stdlib.h>
#include "security/security.h"

extern struct tls_cert leaf; /* example.test, as the server shows it */
extern struct bri_identity *leaf_id, *other_id, *stranger_id, *client_id;

/* for the group of tests; our root is what the process trusts meanwhile */
int make_certificates(void **state);
int free_certificates(void **state);

struct ends {
	bool udp;
	struct recorder r, lr, sr; /* client, listener, the server's connection */
	dispatch_queue_t queue;
	nw_listener_t l;
	nw_connection_t c, s;
	uint16_t port;
	unsigned n_accepted;
	/* what handlers do */
	int verdict; /* 0, 1; -1: none, the completion is dropped; -2: later, by the test */
	int verified, challenged, selected, updated;
	char hint[32], seen_name[64];
	struct bri_identity *shown;
	sec_protocol_verify_complete_f later;
	void *later_context;
	void (*client)(struct ends *e, sec_protocol_options_t o);
	void (*server)(struct ends *e, sec_protocol_options_t o);
};

/* the first error of a client */
struct last_error {
	nw_connection_state_t state;
	nw_error_domain_t domain;
	int code;
	dispatch_semaphore_t done;
};

struct ends *new_ends(bool udp);
nw_parameters_t client_parameters(struct ends *e);
nw_parameters_t server_parameters(struct ends *e);
void open_listener(struct ends *e);
void open_client(struct ends *e);
/* start_server(): takes the connection that the listener got as its i-th. */
void start_server(struct ends *e, unsigned i);
void open_ends(struct ends *e);
/* talk(): both are ready, then a question and an answer. */
void talk(struct ends *e);
void close_ends(struct ends *e);
void free_ends(struct ends *e);

/* open_failing_client(): one whose error is awaited, with await_error(). */
void open_failing_client(struct ends *e, struct last_error *last);
void await_error(struct ends *e, struct last_error *last);
/* expect_error(): of a client whose server is ours. */
void expect_error(struct ends *e, struct last_error *last);

/* for `client` and `server`: the application judges; it chooses the identity `shown` */
void with_verify(struct ends *e, sec_protocol_options_t o);
void with_challenge(struct ends *e, sec_protocol_options_t o);

sec_protocol_metadata_t metadata_of(nw_connection_t c);

#endif
