/*
 * The conductor of one establishment: feeds the race with what resolver, sockets and timers say,
 * and obeys its commands. Knows nothing of public objects, of waiting, or of when to try again.
 */
#include "stack/establish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "dispatch/data_internal.h"
#include "transport/resolver.h"

#define EARLY_IOV_MAX 16

struct attempt {
	struct bri_list link;
	struct bri_establish *establish;
	uint32_t id;
	union bri_sockaddr address;
	struct bri_sock sock;
	struct bri_watch *watch;
	struct bri_timer *timer; /* connection_timeout; NULL: none */
	uint64_t started_ns, connected_ns;
	size_t early_sent;
	uint32_t events;
	struct bri_chain *chain; /* NULL: no layers, or not connected yet */
};

struct bri_establish {
	struct bri_establish_config config;
	struct dispatch_queue_s *queue;
	void *context;
	bri_establish_f on_done;
	struct bri_race race;
	struct bri_resolver *query; /* NULL: no name was to be looked up */
	struct bri_timer *timer;    /* the race's deadline */
	struct bri_list attempts;
	struct bri_established result;
	struct bri_item item; /* tells an end that came inside start, on the queue's next turn */
	struct bri_race_command end;
	bool obeying;           /* inside obey(): inputs only feed the race */
	bool starting;          /* inside start: on_done must wait */
	bool ending, cancelled; /* `item` is queued; and meanwhile nobody wants to know any more */
};

static void close_attempt(struct attempt *attempt)
{
	bri_list_remove(&attempt->link);
	bri_timer_free(attempt->timer);
	bri_chain_free(attempt->chain);
	bri_watch_free(attempt->watch);
	if (attempt->sock.fd >= 0)
		close(attempt->sock.fd); /* still connecting: the kernel sends nothing, or RST to a
					    late SYN-ACK */
	free(attempt);
}

static struct attempt *find(struct bri_establish *e, uint32_t id)
{
	struct bri_list *link;

	bri_list_foreach (link, &e->attempts) {
		if (bri_list_entry(link, struct attempt, link)->id == id)
			return bri_list_entry(link, struct attempt, link);
	}
	return NULL;
}

static void free_establish(struct bri_establish *e)
{
	while (!bri_list_empty(&e->attempts))
		close_attempt(bri_list_entry(e->attempts.next, struct attempt, link));
	bri_resolver_cancel(e->query);
	bri_timer_free(e->timer);
	free(e);
}

static void obey(struct bri_establish *e);

/* An attempt has failed. After this call it is gone, and e may be. */
static void fail_attempt(struct attempt *attempt, struct bri_race_error error)
{
	struct bri_establish *e = attempt->establish;
	uint32_t id = attempt->id;

	close_attempt(attempt);
	bri_race_on_attempt_error(&e->race, id, error, bri_clock_now_ns());
	obey(e);
}

/* An attempt is up, with all of its layers. e may be gone after this call. */
static void win_attempt(struct attempt *attempt)
{
	struct bri_establish *e = attempt->establish;

	bri_race_on_attempt_result(&e->race, attempt->id, 0, bri_clock_now_ns());
	obey(e);
}

/* Its chain has something to do. The attempt and e may be gone after this call. */
static void run_chain(void *context)
{
	struct attempt *attempt = context;
	struct bri_chain *chain = attempt->chain;

	if (chain->state != BRI_CHAIN_OPENING)
		return; /* it has won, or waits to be closed */
	do {
		bri_chain_turn(chain);
	} while (chain->state == BRI_CHAIN_OPENING && bri_chain_wants_turn(chain));
	if (chain->state == BRI_CHAIN_FAILED)
		fail_attempt(attempt, chain->error);
	else if (chain->state == BRI_CHAIN_READY)
		win_attempt(attempt);
}

/* The transport is up: now the layers. */
static void open_chain(struct attempt *attempt)
{
	struct bri_establish *e = attempt->establish;
	struct bri_layer *layers[BRI_CHAIN_LAYERS_MAX];
	int n = e->config.make_layers(e->context, &attempt->address, layers);

	if (n > 0) {
		attempt->chain = bri_chain_new(e->queue, layers, (size_t)n, attempt, run_chain);
		if (!attempt->chain)
			n = -ENOMEM;
	}
	if (n < 0) {
		fail_attempt(attempt, bri_race_posix(-n));
		return;
	}
	if (n == 0) {
		win_attempt(attempt);
		return;
	}
	bri_chain_open(attempt->chain, attempt->sock.fd, NULL, e->config.sock.kind == BRI_SOCK_UDP);
	bri_chain_on_ready(attempt->chain, attempt->events);
	run_chain(attempt);
}

/* The transport of an attempt is up, or not: 0 or -errno. The attempt and e may be gone after. */
static void finish_attempt(struct attempt *attempt, int result)
{
	bri_timer_free(attempt->timer);
	attempt->timer = NULL;
	attempt->connected_ns = bri_clock_now_ns();
	if (result)
		fail_attempt(attempt, bri_race_posix(-result));
	else if (attempt->establish->config.make_layers)
		open_chain(attempt);
	else
		win_attempt(attempt);
}

static void on_timeout(void *context)
{
	finish_attempt(context, -ETIMEDOUT);
}

static void on_ready(void *context, uint32_t events)
{
	struct attempt *attempt = context;
	int error = 0;

	attempt->events |= events;
	if (attempt->chain) {
		bri_chain_on_ready(attempt->chain, events);
		run_chain(attempt);
		return;
	}
	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	if (events & (EPOLLERR | EPOLLHUP))
		error = bri_sock_error(attempt->sock.fd);
	/* HUP without an error: a socket that is not connecting yet says so when it is first
	 * watched */
	if (!error && (events & EPOLLHUP))
		return;
	finish_attempt(attempt, error);
}

static int connect_attempt(struct attempt *attempt)
{
	struct iovec iov[EARLY_IOV_MAX];
	struct dispatch_data_s *early = attempt->establish->config.early;
	size_t bytes, count;

	if (!early || attempt->establish->config.sock.kind != BRI_SOCK_TCP)
		return bri_sock_connect(attempt->sock.fd, &attempt->address);
	count = bri_data_iov(early, 0, iov, EARLY_IOV_MAX, &bytes);
	return bri_sock_connect_data(
		attempt->sock.fd, &attempt->address, iov, count, &attempt->early_sent);
}

/* Opens and connects. 0: connected at once (UDP); -EINPROGRESS: on_ready tells; else it failed. */
static int open_attempt(struct attempt *attempt)
{
	struct bri_establish *e = attempt->establish;
	uint32_t timeout_s = e->config.sock.connection_timeout_s;
	int error = bri_sock_open(&e->config.sock, &attempt->address, &attempt->sock);

	if (error)
		return error;
	error = connect_attempt(attempt);
	if (error && error != -EINPROGRESS)
		return error;
	if (bri_watch_new(e->queue, attempt->sock.fd, attempt, on_ready, &attempt->watch) < 0)
		return -ENOMEM;
	if (error == -EINPROGRESS && timeout_s) {
		if (bri_timer_new(e->queue, attempt, on_timeout, &attempt->timer) < 0)
			return -ENOMEM;
		bri_timer_set(attempt->timer, attempt->started_ns + timeout_s * BRI_NS_PER_S);
	}
	return error;
}

static void start_attempt(struct bri_establish *e, const struct bri_race_command *command)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	int error;

	if (!attempt) {
		bri_race_on_attempt_result(&e->race, command->id, -ENOMEM, bri_clock_now_ns());
		return;
	}
	attempt->establish = e;
	attempt->id = command->id;
	attempt->address = command->address;
	attempt->sock.fd = -1;
	attempt->started_ns = bri_clock_now_ns();
	bri_list_append(&e->attempts, &attempt->link);
	error = open_attempt(attempt);
	if (error != -EINPROGRESS)
		finish_attempt(attempt, error); /* obey() is running: it only feeds the race */
}

/* Ends the establishment: nothing of it is touched after on_done. */
static void win(struct bri_establish *e, uint32_t id)
{
	struct attempt *attempt = find(e, id);
	struct bri_established result = e->result;
	bri_establish_f on_done = e->on_done;
	void *context = e->context;

	result.sock = attempt->sock;
	result.watch = attempt->watch;
	result.events = attempt->events;
	result.chain = attempt->chain;
	result.connected_ns = attempt->connected_ns;
	result.remote = attempt->address;
	result.early_sent = attempt->chain ? attempt->chain->top->early_sent : attempt->early_sent;
	result.connect_started_ns = attempt->started_ns;
	result.done_ns = bri_clock_now_ns();
	result.attempts = bri_race_started(&e->race);
	attempt->sock.fd = -1;
	attempt->watch = NULL;
	attempt->chain = NULL;
	free_establish(e);
	on_done(context, &result, (struct bri_race_error) { 0 });
}

static void lose(struct bri_establish *e, struct bri_race_error error)
{
	bri_establish_f on_done = e->on_done;
	void *context = e->context;

	free_establish(e);
	on_done(context, NULL, error);
}

/* The race is over: tell it now, or on the queue's next turn if this is still the caller's start.
 */
static void finish(struct bri_establish *e, const struct bri_race_command *command)
{
	if (e->starting) {
		e->ending = true;
		e->end = *command;
		bri_queue_push(e->queue, &e->item);
	} else if (command->kind == BRI_RACE_WINNER) {
		win(e, command->id);
	} else {
		lose(e, command->error);
	}
}

static void run_finish(struct bri_item *item)
{
	struct bri_establish *e = bri_container_of(item, struct bri_establish, item);

	e->ending = false;
	if (e->cancelled)
		free_establish(e);
	else
		finish(e, &e->end);
}

static void obey(struct bri_establish *e)
{
	struct bri_race_command command;
	struct attempt *attempt;

	if (e->obeying || e->ending)
		return;
	e->obeying = true;
	while (bri_race_next(&e->race, &command)) {
		switch (command.kind) {
		case BRI_RACE_START: start_attempt(e, &command); break;
		case BRI_RACE_CLOSE:
			attempt = find(e, command.id);
			if (attempt)
				close_attempt(attempt);
			break;
		case BRI_RACE_WINNER:
		case BRI_RACE_NONE_LEFT: finish(e, &command); return;
		}
	}
	e->obeying = false;
	bri_timer_set(e->timer, bri_race_deadline_ns(&e->race));
}

static void on_deadline(void *context)
{
	struct bri_establish *e = context;

	bri_race_expire(&e->race, bri_clock_now_ns());
	obey(e);
}

static void on_answer(void *context, const struct bri_resolver_result *answer)
{
	struct bri_establish *e = context;
	uint64_t now_ns = bri_clock_now_ns();

	if (answer->n == 0) {
		struct bri_race_error error = { .domain = BRI_RACE_DNS,
			.code = (int)answer->dns_error };

		if (answer->posix_error)
			error = bri_race_posix(answer->posix_error);
		bri_race_on_resolve_error(&e->race, answer->family, error, now_ns);
	} else {
		if (!e->result.resolved_ns) {
			e->result.resolved_ns = now_ns;
			e->result.preferred = answer->addresses[0];
		}
		e->result.address_count += (unsigned)answer->n;
		bri_race_on_addresses(
			&e->race, answer->family, answer->addresses, answer->n, now_ns);
	}
	obey(e);
}

static int begin(struct bri_establish *e)
{
	uint64_t now_ns = e->result.started_ns;
	struct bri_race_config race = { .families = e->config.families };
	int family = e->config.address.sa.sa_family;

	if (family != AF_UNSPEC) {
		race.families = family == AF_INET6 ? BRI_RACE_V6 : BRI_RACE_V4;
		bri_race_init(&e->race, &race, now_ns);
		bri_race_on_addresses(&e->race, family, &e->config.address, 1, now_ns);
		e->starting = true;
		obey(e);
		e->starting = false;
		return 0;
	}
	bri_race_init(&e->race, &race, now_ns);
	e->result.resolved = true;
	return bri_resolver_start(e->config.host, e->config.port,
		race.families ? race.families : BRI_RESOLVER_BOTH, e->queue, e, on_answer,
		&e->query);
}

int bri_establish_start(const struct bri_establish_config *config, struct dispatch_queue_s *queue,
	void *context, bri_establish_f on_done, struct bri_establish **ret)
{
	struct bri_establish *e = calloc(1, sizeof(*e));
	int error;

	if (!e)
		return -ENOMEM;
	e->config = *config;
	e->queue = queue;
	e->context = context;
	e->on_done = on_done;
	e->result.started_ns = bri_clock_now_ns();
	e->item.run = run_finish;
	bri_list_init(&e->attempts);
	error = bri_timer_new(queue, e, on_deadline, &e->timer);
	if (!error)
		error = begin(e);
	e->config.host = NULL;
	if (error) {
		free_establish(e);
		return error;
	}
	*ret = e;
	return 0;
}

void bri_establish_skip(struct bri_establish *e)
{
	bri_race_on_skip(&e->race, bri_clock_now_ns());
	obey(e);
}

void bri_establish_cancel(struct bri_establish *e)
{
	if (e && e->ending)
		e->cancelled = true; /* the item on the queue frees it */
	else if (e)
		free_establish(e);
}
