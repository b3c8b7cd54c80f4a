/*
 * A network namespace with the userspace path manager, connections over its loopback and an ear for
 * the kernel's events: the fixture of the tests that give orders to it. Both ends of a connection
 * are in the one namespace and have a token each.
 */
#ifndef NETLINK_PM_WORLD_H
#define NETLINK_PM_WORLD_H

#include "netlink/nl_pm_command.h"
#include "netlink/nl_pm_event.h"
#include "netlink/nl_socket.h"

#define WORLD_MAX_EVENTS 256

struct world {
	struct bri_nl_socket *commands, *events, *route, *diag;
	struct bri_nl_pm_family family;
	struct bri_nl_request req;                     /* for world_call() */
	struct bri_nl_pm_event seen[WORLD_MAX_EVENTS]; /* and not yet expected */
	size_t n_seen;
};

struct pair {
	int listener, client, server;
	uint16_t port;
	uint32_t client_token, server_token;
};

/* world_enter(): before anything else; does not return where there is no namespace or no userspace
 * path manager (77). Devices path0 (10.77.0.1/24) and path1 (10.78.0.1/24) swallow what they are
 * given. */
void world_enter(void);
void world_run(const char *line); /* a program, which must succeed */
void world_ipv6(void);            /* path0 has IPv6 from now on */
int world_open(void **state);
int world_close(void **state);

/* world_call(): w->req to the path manager. */
int world_call(struct world *w);
/* world_wait(): the first event of that kind and token that was not taken yet. False: none came in
 * `ms`. */
bool world_wait(struct world *w, enum bri_nl_pm_event_kind kind, uint32_t token, unsigned ms,
	struct bri_nl_pm_event *ret);
/* world_expect(): the same; it must come. */
struct bri_nl_pm_event world_expect(
	struct world *w, enum bri_nl_pm_event_kind kind, uint32_t token);
/* world_connect(): a connection over which bytes went both ways. */
void world_connect(struct world *w, int family, const char *server, struct pair *ret);
/* world_join(): a subflow of the client's, established. Returns its local port. */
uint16_t world_join(struct world *w, const struct pair *p, const char *local, uint8_t id);

void pair_exchange(const struct pair *p);
void pair_close(struct pair *p);
size_t pair_subflows(const struct pair *p); /* of the client that are established */

uint64_t mib(const char *name);
/* expect_mib(): that value soon: some are counted by a worker, after the event that tells of it. */
void expect_mib(const char *name, uint64_t value);
/* sent_by(): packets that left by the device. */
uint64_t sent_by(const char *device);
struct bri_ip address(const char *text);
void assert_ip(const struct bri_ip *ip, const char *text);
struct bri_nl_pm_tuple tuple(
	const char *local, uint16_t local_port, const char *remote, uint16_t remote_port);
struct bri_nl_pm_tuple event_tuple(const struct bri_nl_pm_event *event);

#endif
