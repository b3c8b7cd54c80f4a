/*
 * What the programs of a transfer and of requests share: a listener that tells its port, and a
 * client's one connection with what it tells the conductor. Knows nothing of what is sent.
 */
#ifndef BRI_DEMO_PROGRAM_H
#define BRI_DEMO_PROGRAM_H

#include <Network/Network.h>
#include <braid/multipath.h>

#include "demo/demo.h"

/*
 * demo_listen(): until the process is killed.
 *   configure_tcp  as in nw_parameters_create_secure_tcp_f()
 *   on_connection  gets each connection, started, on one queue for all, and owns its reference
 */
_Noreturn void demo_listen(const struct demo_server *config,
	nw_parameters_configure_protocol_f configure_tcp, void (*on_connection)(nw_connection_t));

/* A client's one connection. After demo_connect() all of it is of the queue. */
struct demo_user {
	const struct demo_client *config;
	void (*on_ready)(void); /* "ready" and "by" have been told */
	nw_connection_t connection;
	dispatch_queue_t queue;
	dispatch_semaphore_t over;
	braid_path_manager_t manager; /* that was told last */
	int status;
};

/* demo_connect(): with `config` and `on_ready` set. Returns the exit code, after demo_end() or
 * demo_fail(). */
int demo_connect(struct demo_user *user, nw_parameters_configure_protocol_f configure_tcp);
void demo_end(struct demo_user *user, int status);

/* demo_tell(): to the conductor. demo_fail(): tells "failed WHY", and ends with 1.
 * demo_tell_manager(): if it is another one: braidd answers some time after ready. */
void demo_tell(const struct demo_user *user, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void demo_fail(struct demo_user *user, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void demo_tell_manager(struct demo_user *user);

#endif
