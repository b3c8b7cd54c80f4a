/*
 * The control socket's server with real sockets and a daemon made of numbers: requests, lists,
 * events, who may see what, every limit, and what clients do wrong.
 */
#include "dispatch_test_util.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "control/client.h"
#include "daemon/control_server.h"

#define OTHER_UID 4242u

struct fixture {
	dispatch_queue_t queue;
	char dir[64], path[96];
	struct bri_control_server *server;
	struct bri_control_limits limits;
	/* the daemon: connections 1..n_list belong to `owner`, every third to OTHER_UID */
	uint32_t n_list, owner;
	uint32_t claimed[64], released[64];
	int n_claimed, n_released;
	struct bri_message_claim last_claim;
	struct bri_message_set last_set;
	struct bri_control_who last_who;
	bool event_in_release;
	sem_t on_release;
};

static struct fixture fx;

static void do_status(void *context, struct bri_message_status *ret)
{
	struct fixture *f = context;

	*ret = (struct bri_message_status) { .version = "9.9",
		.mode = BRI_MESSAGE_MODE_USERSPACE,
		.default_service = 1,
		.n_connections = f->n_list,
		.uptime_s = 5 };
}

static int do_claim(void *context, const struct bri_control_who *who,
	const struct bri_message_claim *claim, char why[static BRI_MESSAGE_TEXT_MAX])
{
	struct fixture *f = context;

	if (claim->token == 666)
		return -EPERM;
	if (claim->token == 667) {
		snprintf(why, BRI_MESSAGE_TEXT_MAX, "no 667 here");
		return -ENOENT;
	}
	f->last_claim = *claim;
	f->last_who = *who;
	f->claimed[f->n_claimed++ % 64] = claim->token;
	return 0;
}

static void do_release(void *context, uint32_t token)
{
	struct fixture *f = context;
	struct bri_message_event event = { .kind = BRI_MESSAGE_EVENT_NOTE, .text = "released" };

	f->released[f->n_released++ % 64] = token;
	if (f->event_in_release) /* from inside the end of a client */
		bri_control_server_event(f->server, &event);
	sem_post(&f->on_release);
}

static int do_set(void *context, const struct bri_control_who *who,
	const struct bri_message_set *set, char why[static BRI_MESSAGE_TEXT_MAX],
	uint32_t *ret_count)
{
	struct fixture *f = context;

	(void)why;
	f->last_set = *set;
	f->last_who = *who;
	if (set->pid == 1)
		return -EOPNOTSUPP;
	*ret_count = set->pid ? 3 : 1;
	return 0;
}

static int do_paths(void *context, uint64_t *cursor, struct bri_message_path *ret)
{
	(void)context;
	if (*cursor == 2)
		return -EIO; /* a list that breaks off */
	(*cursor)++;
	*ret = (struct bri_message_path) { .ifindex = (uint32_t)*cursor, .name = "eth0" };
	return 1;
}

static int do_list(void *context, uint64_t *cursor, struct bri_message_connection *ret)
{
	struct fixture *f = context;

	if (*cursor == f->n_list)
		return 0;
	(*cursor)++;
	ret->token = (uint32_t)*cursor;
	ret->uid = *cursor % 3 == 0 ? OTHER_UID : f->owner;
	ret->n_subflows = BRI_MESSAGE_MAX_SUBFLOWS; /* large ones */
	return 1;
}

static int do_metrics(void *context, uint64_t *cursor, struct bri_message_metrics_piece *ret)
{
	(void)context;
	if (*cursor == 3)
		return 0;
	snprintf(ret->text, sizeof(ret->text), "braid_piece %u\n", (unsigned)(*cursor)++);
	return 1;
}

static void start(void *context)
{
	struct fixture *f = context;
	const struct bri_control_ops ops = { f, do_status, do_claim, do_release, do_set, do_paths,
		do_list, do_metrics };
	struct bri_control_socket sock;
	char why[200] = "";

	assert_int_equal(bri_control_socket_open(f->path, why, sizeof(why), &sock), 0);
	assert_int_equal(bri_control_server_new(f->queue, &sock, &f->limits, &ops, &f->server), 0);
	assert_int_equal(sock.fd, -1);
}

static void stop(void *context)
{
	struct fixture *f = context;

	bri_control_server_free(f->server);
	f->server = NULL;
}

static int setup(void **state)
{
	memset(&fx, 0, sizeof(fx));
	sem_init(&fx.on_release, 0, 0);
	snprintf(fx.dir, sizeof(fx.dir), "/tmp/braid-control-XXXXXX");
	assert_non_null(mkdtemp(fx.dir));
	chmod(fx.dir, 0755);
	/* the directory of the socket is made, too */
	snprintf(fx.path, sizeof(fx.path), "%s/run/s", fx.dir);
	fx.limits = bri_control_limits_default;
	fx.owner = getuid();
	fx.queue = dispatch_queue_create("control", NULL);
	*state = &fx;
	return 0;
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	dispatch_sync_f(fx.queue, &fx, stop);
	assert_int_equal(access(fx.path, F_OK), -1); /* the file is gone */
	snprintf(path, sizeof(path), "%s.lock", fx.path);
	unlink(path);
	snprintf(path, sizeof(path), "%s/run", fx.dir);
	rmdir(path);
	assert_int_equal(rmdir(fx.dir), 0);
	dispatch_release(fx.queue);
	return 0;
}

static void begin(void)
{
	dispatch_sync_f(fx.queue, &fx, start);
}

static uint64_t soon(void)
{
	return bri_clock_now_ns() + WAIT_S * BRI_NS_PER_S;
}

static struct bri_client open_client(void)
{
	struct bri_client client;

	assert_int_equal(bri_client_open(fx.path, soon(), &client), 0);
	return client;
}

static struct bri_message call(struct bri_client *client, struct bri_message m)
{
	struct bri_message reply;

	assert_int_equal(bri_client_call(client, &m, soon(), &reply), 0);
	return reply;
}

static struct bri_message ask(struct bri_client *client, uint16_t type)
{
	return call(client, (struct bri_message) { .type = type });
}

static struct bri_message claim(struct bri_client *client, uint32_t token)
{
	return call(client,
		(struct bri_message) { .type = BRI_MESSAGE_CLAIM, .claim = { .token = token } });
}

static void expect_error(const struct bri_message *reply, int error, const char *words)
{
	assert_int_equal(reply->type, BRI_MESSAGE_ERROR);
	assert_int_equal(reply->error.error, error);
	assert_non_null(strstr(reply->error.text, words));
}

static void expect_closed(struct bri_client *client)
{
	struct bri_message m;

	assert_int_equal(bri_client_receive(client, soon(), &m), -EPIPE);
	bri_client_close(client);
}

static void get_counts(void *context)
{
	bri_control_server_counts(fx.server, context);
}

static struct bri_control_counts counts(void)
{
	struct bri_control_counts c;

	dispatch_sync_f(fx.queue, &c, get_counts);
	return c;
}

static void tell(void *context)
{
	bri_control_server_event(fx.server, context);
}

static void event(uint8_t kind, uint32_t token, uint32_t uid)
{
	struct bri_message_event e = { .time_ns = 1, .kind = kind, .token = token, .uid = uid };

	dispatch_sync_f(fx.queue, &e, tell);
}

static void watch(struct bri_client *client, uint8_t what)
{
	struct bri_message m =
		call(client, (struct bri_message) { .type = BRI_MESSAGE_WATCH, .watch = { what } });

	assert_int_equal(m.type, BRI_MESSAGE_OK);
}

/* The next message must be this event. */
static void expect_event(struct bri_client *client, uint8_t kind, uint32_t token)
{
	struct bri_message m;

	assert_int_equal(bri_client_receive(client, soon(), &m), 0);
	assert_int_equal(m.type, BRI_MESSAGE_EVENT);
	assert_int_equal(m.id, 0);
	assert_int_equal(m.event.kind, kind);
	assert_int_equal(m.event.token, token);
}

/* --- requests --- */

static void two_clients(void **state)
{
	struct bri_client a, b;
	struct bri_message m;

	(void)state;
	begin();
	a = open_client();
	b = open_client();
	m = ask(&a, BRI_MESSAGE_STATUS);
	assert_int_equal(m.type, BRI_MESSAGE_STATUS_IS);
	assert_string_equal(m.status.version, "9.9");
	m = call(&b, (struct bri_message) { .type = BRI_MESSAGE_CLAIM,
			     .claim = { .token = 5,
				     .service = 2,
				     .flags = 1,
				     .n_required = 1,
				     .required = { 3 } } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(fx.last_claim.service, 2);
	assert_int_equal(fx.last_claim.required[0], 3);
	assert_int_equal(fx.last_who.uid, getuid());
	assert_int_equal(fx.last_who.pid, getpid());
	assert_int_equal(claim(&b, 5).type, BRI_MESSAGE_OK); /* again: still one */
	assert_int_equal(claim(&b, 6).type, BRI_MESSAGE_OK);
	m = ask(&a, BRI_MESSAGE_STATUS);
	assert_int_equal(m.status.n_claims, 2);
	m = claim(&a, 666);
	expect_error(&m, EPERM, "another user");
	m = claim(&a, 667);
	expect_error(&m, ENOENT, "no 667 here");
	/* only who claimed may release; then it is gone */
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_RELEASE, .release = { 5 } });
	expect_error(&m, ENOENT, "not claimed");
	m = call(&b, (struct bri_message) { .type = BRI_MESSAGE_RELEASE, .release = { 5 } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(fx.released[0], 5);
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_SET, .set = { 0, 77, 3 } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(m.ok.count, 3);
	assert_int_equal(fx.last_set.pid, 77);
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_SET, .set = { 0, 1, 3 } });
	expect_error(&m, EOPNOTSUPP, "braid status");
	/* a client that goes away releases what it has */
	sem_wait(&fx.on_release);
	bri_client_close(&b);
	wait_for(&fx.on_release);
	assert_int_equal(fx.n_released, 2);
	assert_int_equal(fx.released[1], 6);
	assert_int_equal(counts().claims, 0);
	bri_client_close(&a);
}

static void forget_6(void *context)
{
	(void)context;
	bri_control_server_forget(fx.server, 6);
	bri_control_server_forget(fx.server, 1234);
}

/* A connection handed to another process is claimed by that; one that is over has no claim. */
static void claims_move_and_end(void **state)
{
	struct bri_client a, b;

	(void)state;
	begin();
	a = open_client();
	b = open_client();
	assert_int_equal(claim(&a, 6).type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&b, 6).type, BRI_MESSAGE_OK);
	assert_int_equal(counts().claims, 1);
	bri_client_close(&a);
	assert_int_equal(ask(&b, BRI_MESSAGE_STATUS).status.n_claims, 1);
	dispatch_sync_f(fx.queue, NULL, forget_6);
	assert_int_equal(counts().claims, 0);
	assert_int_equal(fx.n_released, 0);
	bri_client_close(&b);
}

static int count_entry(void *context, const struct bri_message *entry)
{
	uint32_t *n = context;

	if (entry->type == BRI_MESSAGE_CONNECTION)
		assert_int_equal(entry->connection.n_subflows, BRI_MESSAGE_MAX_SUBFLOWS);
	(*n)++;
	return 0;
}

static uint32_t list(struct bri_client *client, uint16_t type, struct bri_message *ret)
{
	struct bri_message m = { .type = type };
	uint32_t n = 0;

	assert_int_equal(bri_client_each(client, &m, soon(), &n, count_entry, ret), 0);
	return n;
}

/* Far more than a socket buffer or the queue takes, and another client is served meanwhile. */
static void lists_are_streamed(void **state)
{
	struct bri_message m = { .type = BRI_MESSAGE_LIST }, end;
	struct bri_client a, b;
	uint32_t n = 0;

	(void)state;
	fx.n_list = 3000;
	begin();
	a = open_client();
	b = open_client();
	assert_int_equal(bri_client_send(&a, &m, soon()), 0);
	assert_int_equal(ask(&b, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	m = (struct bri_message) { .type = BRI_MESSAGE_STATUS }; /* behind the list */
	assert_int_equal(bri_client_send(&a, &m, soon()), 0);
	for (;;) {
		assert_int_equal(bri_client_receive(&a, soon(), &end), 0);
		assert_int_equal(end.id, 1);
		if (end.type != BRI_MESSAGE_CONNECTION)
			break;
		n++;
	}
	assert_int_equal(end.type, BRI_MESSAGE_END);
	assert_int_equal(end.end.count, n);
	assert_int_equal(n, getuid() == 0 ? 3000 : 2000);
	assert_int_equal(bri_client_receive(&a, soon(), &end), 0);
	assert_int_equal(end.type, BRI_MESSAGE_STATUS_IS);
	/* one that breaks off ends with an error */
	assert_int_equal(list(&b, BRI_MESSAGE_PATHS, &end), 2);
	expect_error(&end, EIO, "");
	assert_int_equal(list(&b, BRI_MESSAGE_METRICS, &end), 3);
	assert_int_equal(end.type, BRI_MESSAGE_END);
	bri_client_close(&a);
	bri_client_close(&b);
}

/* Run as another user in a child process: exit code is the number of what went wrong. */
static int as_other_user(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(setresuid(OTHER_UID, OTHER_UID, OTHER_UID) < 0 ? 100 : run());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static int see_own_only(void)
{
	struct bri_message m = { .type = BRI_MESSAGE_LIST }, end;
	struct bri_client c;
	uint32_t n = 0;

	if (bri_client_open(fx.path, soon(), &c) < 0)
		return 1;
	if (bri_client_each(&c, &m, soon(), &n, count_entry, &end) < 0 || n != 100)
		return 2;
	m = (struct bri_message) { .type = BRI_MESSAGE_SET, .set = { 1, 0, 1 } };
	if (bri_client_call(&c, &m, soon(), &end) < 0)
		return 3;
	return 0;
}

static void users_see_their_own(void **state)
{
	struct bri_message end;
	struct bri_client c;

	(void)state;
	fx.n_list = 300;
	fx.owner = OTHER_UID + 1;
	begin();
	c = open_client();
	assert_int_equal(list(&c, BRI_MESSAGE_LIST, &end), getuid() == 0 ? 300 : 0);
	bri_client_close(&c);
	if (getuid() != 0)
		return;
	assert_int_equal(as_other_user(see_own_only), 0);
	assert_int_equal(fx.last_who.uid, OTHER_UID);
}

/* --- events --- */

static void events_go_to_watchers(void **state)
{
	struct bri_client claimant, user, paths, none;
	bool root = getuid() == 0;

	(void)state;
	begin();
	claimant = open_client();
	user = open_client();
	paths = open_client();
	none = open_client();
	assert_int_equal(claim(&claimant, 5).type, BRI_MESSAGE_OK);
	watch(&claimant, BRI_MESSAGE_WATCH_CLAIMED);
	watch(&user, BRI_MESSAGE_WATCH_CONNECTIONS);
	watch(&paths, BRI_MESSAGE_WATCH_PATHS);
	watch(&none, BRI_MESSAGE_WATCH_PATHS);
	watch(&none, 0);
	event(BRI_MESSAGE_EVENT_SUBFLOW_UP, 5, getuid());
	event(BRI_MESSAGE_EVENT_PRIMARY, 6, getuid() + 1); /* another user's */
	event(BRI_MESSAGE_EVENT_PATH_LOST, 0, 0);
	event(BRI_MESSAGE_EVENT_SUBFLOW_DOWN, 5, getuid());
	event(0, 5, 0); /* not an event: nobody gets it */
	event(BRI_MESSAGE_EVENT_NOTE, 0, 0);
	expect_event(&claimant, BRI_MESSAGE_EVENT_SUBFLOW_UP, 5);
	expect_event(&claimant, BRI_MESSAGE_EVENT_SUBFLOW_DOWN, 5);
	expect_event(&user, BRI_MESSAGE_EVENT_SUBFLOW_UP, 5);
	if (root)
		expect_event(&user, BRI_MESSAGE_EVENT_PRIMARY, 6);
	expect_event(&user, BRI_MESSAGE_EVENT_SUBFLOW_DOWN, 5);
	expect_event(&paths, BRI_MESSAGE_EVENT_PATH_LOST, 0);
	expect_event(&paths, BRI_MESSAGE_EVENT_NOTE, 0);
	/* nothing else: the next is the answer */
	assert_int_equal(ask(&claimant, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	assert_int_equal(ask(&none, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&claimant);
	bri_client_close(&user);
	bri_client_close(&paths);
	bri_client_close(&none);
}

/* A watcher that does not read is dropped; others get every event. */
static void slow_watcher_is_dropped(void **state)
{
	struct bri_client slow, good;
	struct bri_message m;
	uint32_t n = 0;

	(void)state;
	begin();
	slow = open_client();
	good = open_client();
	watch(&slow, BRI_MESSAGE_WATCH_PATHS);
	watch(&good, BRI_MESSAGE_WATCH_PATHS);
	for (; n < 100000 && counts().dropped == 0; n++) {
		event(BRI_MESSAGE_EVENT_PATH_LOST, 0, 0);
		expect_event(&good, BRI_MESSAGE_EVENT_PATH_LOST, 0);
	}
	assert_true(n < 100000);
	assert_int_equal(counts().dropped, 1);
	assert_int_equal(ask(&good, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	while (bri_client_receive(&slow, soon(), &m) == 0)
		assert_true(n-- > 0);
	expect_closed(&slow);
	bri_client_close(&good);
}

static void event_from_inside_the_end_of_a_client(void **state)
{
	struct bri_client a, b;

	(void)state;
	fx.event_in_release = true;
	begin();
	a = open_client();
	b = open_client();
	watch(&a, BRI_MESSAGE_WATCH_PATHS);
	watch(&b, BRI_MESSAGE_WATCH_PATHS);
	assert_int_equal(claim(&a, 1).type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&a, 2).type, BRI_MESSAGE_OK);
	bri_client_close(&a);
	expect_event(&b, BRI_MESSAGE_EVENT_NOTE, 0);
	expect_event(&b, BRI_MESSAGE_EVENT_NOTE, 0);
	bri_client_close(&b);
	fx.event_in_release = false;
}

/* --- limits --- */

static void too_many_clients(void **state)
{
	struct bri_client c[5];
	struct bri_message m = { .type = BRI_MESSAGE_STATUS }, reply;

	(void)state;
	fx.limits.clients = 4;
	begin();
	for (int i = 0; i < 4; i++) {
		c[i] = open_client();
		assert_int_equal(ask(&c[i], BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	}
	c[4] = open_client();
	assert_int_equal(bri_client_call(&c[4], &m, soon(), &reply), 0);
	expect_error(&reply, EUSERS, "try again");
	expect_closed(&c[4]);
	/* one leaves: there is room */
	bri_client_close(&c[0]);
	for (uint64_t until_ns = soon(); counts().clients == 4; sched_yield())
		assert_true(bri_clock_now_ns() < until_ns);
	c[4] = open_client();
	assert_int_equal(ask(&c[4], BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	for (int i = 1; i < 5; i++)
		bri_client_close(&c[i]);
}

static int share_of_a_user(void)
{
	struct bri_client c[3];
	struct bri_message m, reply;

	for (int i = 0; i < 3; i++) {
		if (bri_client_open(fx.path, soon(), &c[i]) < 0)
			return 1;
		m = (struct bri_message) { .type = BRI_MESSAGE_STATUS };
		if (bri_client_call(&c[i], &m, soon(), &reply) < 0)
			return 2;
		if ((reply.type == BRI_MESSAGE_STATUS_IS) != (i < 2))
			return 3;
	}
	return reply.type == BRI_MESSAGE_ERROR && reply.error.error == EDQUOT ? 0 : 4;
}

static void too_many_of_a_user(void **state)
{
	struct bri_client c;

	(void)state;
	if (getuid() != 0)
		skip();
	fx.limits.clients_per_user = 2;
	begin();
	assert_int_equal(as_other_user(share_of_a_user), 0);
	c = open_client(); /* others are not hurt */
	assert_int_equal(ask(&c, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&c);
}

static void too_many_claims(void **state)
{
	struct bri_client a, b;
	struct bri_message m;

	(void)state;
	fx.limits.claims_per_user = 3;
	begin();
	a = open_client();
	b = open_client();
	assert_int_equal(claim(&a, 1).type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&a, 2).type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&b, 3).type, BRI_MESSAGE_OK);
	m = claim(&b, 4);
	expect_error(&m, EDQUOT, "close some");
	assert_int_equal(fx.n_claimed, 3);                   /* the daemon was not asked */
	assert_int_equal(claim(&b, 3).type, BRI_MESSAGE_OK); /* what it has may change */
	m = call(&a, (struct bri_message) { .type = BRI_MESSAGE_RELEASE, .release = { 1 } });
	assert_int_equal(m.type, BRI_MESSAGE_OK);
	assert_int_equal(claim(&b, 4).type, BRI_MESSAGE_OK);
	bri_client_close(&a);
	bri_client_close(&b);
}

/* Requests beyond the rate are read later, none is lost, and it takes the time it must. */
static void floods_are_slowed(void **state)
{
	struct bri_message m, reply;
	struct bri_client c;
	uint64_t begun_ns;

	(void)state;
	fx.limits.requests_per_s = 100;
	fx.limits.requests_burst = 10;
	begin();
	c = open_client();
	begun_ns = bri_clock_now_ns();
	for (int i = 0; i < 40; i++) {
		m = (struct bri_message) { .type = BRI_MESSAGE_STATUS };
		assert_int_equal(bri_client_send(&c, &m, soon()), 0);
	}
	for (uint32_t i = 1; i <= 40; i++) {
		assert_int_equal(bri_client_receive(&c, soon(), &reply), 0);
		assert_int_equal(reply.id, i);
	}
	/* 41 with the one for coming; 10 at once, the rest each 10 ms */
	assert_true(bri_clock_now_ns() - begun_ns >= 300 * BRI_NS_PER_MS);
	bri_client_close(&c);
}

/* A client that sends without end and never reads: others are served, it is dropped in the end. */
static void flood_without_reading(void **state)
{
	struct bri_client flood, good;
	struct bri_message m;
	int r = 0;

	(void)state;
	fx.limits.stall_ns = 200 * BRI_NS_PER_MS;
	fx.limits.requests_per_s = fx.limits.requests_burst = 1000000;
	begin();
	flood = open_client();
	good = open_client();
	for (int i = 0; i < 1000000 && r == 0; i++) {
		m = (struct bri_message) { .type = BRI_MESSAGE_STATUS };
		r = bri_client_send(&flood, &m, soon());
		if (i % 1000 == 0)
			assert_int_equal(
				ask(&good, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	}
	assert_int_equal(r, -EPIPE);
	assert_int_equal(counts().dropped, 1);
	bri_client_close(&flood);
	bri_client_close(&good);
}

/* --- what clients do wrong --- */

static void silent_and_idle(void **state)
{
	struct bri_client silent, idle, claimant, watcher;

	(void)state;
	fx.limits.first_ns = 30 * BRI_NS_PER_MS;
	fx.limits.idle_ns = 60 * BRI_NS_PER_MS;
	begin();
	claimant = open_client();
	assert_int_equal(claim(&claimant, 1).type, BRI_MESSAGE_OK);
	watcher = open_client();
	watch(&watcher, BRI_MESSAGE_WATCH_PATHS);
	idle = open_client();
	assert_int_equal(ask(&idle, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	silent = open_client();
	expect_closed(&silent);
	expect_closed(&idle);
	assert_int_equal(counts().clients, 2);
	/* it has nothing any more, so it may stay for a while only */
	watch(&watcher, 0);
	expect_closed(&watcher);
	assert_int_equal(ask(&claimant, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&claimant);
}

static void half_closed(void **state)
{
	struct bri_client c;

	(void)state;
	begin();
	c = open_client();
	assert_int_equal(ask(&c, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
	expect_closed(&c);
	assert_int_equal(counts().clients, 0);
}

static void check_malformed(const uint8_t *bytes, size_t size, int error)
{
	struct bri_client c = open_client(), other = open_client();
	struct bri_message m;
	uint64_t before = counts().malformed;

	assert_int_equal(send(c.fd, bytes, size, MSG_NOSIGNAL), size);
	send(c.fd, bytes, size, MSG_NOSIGNAL); /* nobody reads that */
	assert_int_equal(bri_client_receive(&c, soon(), &m), 0);
	assert_int_equal(m.type, BRI_MESSAGE_ERROR);
	assert_int_equal(m.id, 0);
	assert_int_equal(m.error.error, error);
	expect_closed(&c);
	assert_int_equal(counts().malformed, before + 1);
	assert_int_equal(ask(&other, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&other);
}

static void malformed_of_each_kind(void **state)
{
	struct bri_message m = { BRI_MESSAGE_CLAIM, 1,
		.claim = { .token = 1, .n_required = 1, .required = { 1 } } };
	uint8_t good[BRI_MESSAGE_MAX], bytes[BRI_MESSAGE_MAX + 1] = { 0 };
	size_t size = (size_t)bri_message_encode(&m, good, sizeof(good));

	(void)state;
	begin();
	check_malformed(bytes, 1, EBADMSG);
	check_malformed(bytes, sizeof(bytes), EBADMSG);
	check_malformed(good, size - 1, EBADMSG);
	check_malformed(good, BRI_MESSAGE_HEADER, EBADMSG);
	for (size_t i = 0; i < size; i++) {
		/* id and the index may be anything */
		if ((i >= 8 && i < 12) || i >= size - 4 || i == 4 || i == 5 || (i >= 16 && i < 20))
			continue;
		memcpy(bytes, good, size);
		bytes[i] = 0xee;
		check_malformed(bytes, size, i == 3 ? EPROTONOSUPPORT : EBADMSG);
	}
	memcpy(bytes, good, size);
	memset(bytes + 16, 0, 4);
	check_malformed(bytes, size, EBADMSG);
	assert_int_equal(fx.n_claimed, 0);
}

/* What a later version may ask, and what only the daemon says: an error, and life goes on. */
static void unknown_requests(void **state)
{
	struct bri_message m = { BRI_MESSAGE_OK, 7, .ok = { 1 } };
	uint8_t bytes[BRI_MESSAGE_MAX];
	struct bri_client c;
	int size;

	(void)state;
	begin();
	c = open_client();
	size = bri_message_encode(&m, bytes, sizeof(bytes));
	assert_int_equal(send(c.fd, bytes, (size_t)size, 0), size);
	bytes[4] = 99;
	assert_int_equal(send(c.fd, bytes, (size_t)size, 0), size);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bri_client_receive(&c, soon(), &m), 0);
		expect_error(&m, EOPNOTSUPP, i ? "older" : "not a request");
		assert_int_equal(m.id, 7);
	}
	assert_int_equal(ask(&c, BRI_MESSAGE_STATUS).type, BRI_MESSAGE_STATUS_IS);
	bri_client_close(&c);
}

/* Descriptors that a client sends along are closed, not kept. */
static void descriptors_are_not_kept(void **state)
{
	struct bri_message m = { .type = BRI_MESSAGE_STATUS, .id = 1 };
	uint8_t bytes[BRI_MESSAGE_MAX];
	struct iovec iov = { bytes, (size_t)bri_message_encode(&m, bytes, sizeof(bytes)) };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf) };
	struct bri_client c;
	int pipe_fds[2];
	char byte;

	(void)state;
	begin();
	c = open_client();
	assert_int_equal(pipe(pipe_fds), 0);
	control.align = (struct cmsghdr) {
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))
	};
	memcpy(CMSG_DATA(&control.align), &pipe_fds[1], sizeof(int));
	assert_int_equal(sendmsg(c.fd, &msg, 0), iov.iov_len);
	close(pipe_fds[1]);
	assert_int_equal(bri_client_receive(&c, soon(), &m), 0);
	assert_int_equal(m.type, BRI_MESSAGE_STATUS_IS);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 0); /* its last writer is gone */
	close(pipe_fds[0]);
	bri_client_close(&c);
}

/* Clients at every stage when the server stops. */
static void stops_with_clients(void **state)
{
	struct bri_client a, b, c;
	struct bri_message m = { .type = BRI_MESSAGE_LIST };

	(void)state;
	fx.n_list = 3000;
	begin();
	a = open_client();
	b = open_client();
	c = open_client();
	assert_int_equal(claim(&a, 1).type, BRI_MESSAGE_OK);
	assert_int_equal(bri_client_send(&b, &m, soon()), 0);
	watch(&c, 7);
	event(BRI_MESSAGE_EVENT_NOTE, 0, 0); /* work is queued */
	dispatch_sync_f(fx.queue, &fx, stop);
	assert_int_equal(fx.n_released, 0);
	expect_closed(&a);
	while (bri_client_receive(&b, soon(), &m) == 0)
		;
	bri_client_close(&b);
	bri_client_close(&c);
}

#define server_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		server_test(two_clients),
		server_test(claims_move_and_end),
		server_test(lists_are_streamed),
		server_test(users_see_their_own),
		server_test(events_go_to_watchers),
		server_test(slow_watcher_is_dropped),
		server_test(event_from_inside_the_end_of_a_client),
		server_test(too_many_clients),
		server_test(too_many_of_a_user),
		server_test(too_many_claims),
		server_test(floods_are_slowed),
		server_test(flood_without_reading),
		server_test(silent_and_idle),
		server_test(half_closed),
		server_test(malformed_of_each_kind),
		server_test(unknown_requests),
		server_test(descriptors_are_not_kept),
		server_test(stops_with_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
